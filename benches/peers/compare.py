#!/usr/bin/env python3
"""Our models, River's and MOA's on the same stream in the same run; prints tables in Markdown. README.md tells how.

Usage: compare.py [part of a model's name ...]
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "peers"
RIVER = "river==0.26.1"
CAPYMOA = "capymoa==0.15.1"


def say(text):
    print(text, file=sys.stderr, flush=True)


def river_python():
    python = WORK / "venv" / "bin" / "python"
    if not python.exists():
        say(f"installing {RIVER} into {WORK / 'venv'}")
        venv.create(WORK / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", RIVER], check=True)
    return python


def moa_jar():
    """MOA as it comes inside CapyMOA's wheel; CapyMOA's Python loop around it is left out, so this is the faster of the two."""
    jar = WORK / "capymoa" / "jar" / "moa.jar"
    if not jar.exists():
        say(f"fetching {CAPYMOA} into {WORK}")
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", WORK / "wheels", CAPYMOA], check=True)
        wheel = next((WORK / "wheels").glob("capymoa-*.whl"))
        subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, WORK], check=True)
    return jar


def lines(command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def bench(*words):
    return ["cargo", "bench", "--quiet", "--manifest-path", ROOT / "Cargo.toml", "--no-default-features", "--bench", "peers", "--", *words]


def main():
    parts = sys.argv[1:]
    WORK.mkdir(parents=True, exist_ok=True)
    stream = WORK / "bars.csv"
    subprocess.run(bench("stream", stream), check=True)
    found = lines(bench(*parts))
    peers = ["river"]
    found += lines([river_python(), HERE / "peers_river.py", stream, *parts])
    if shutil.which("javac"):
        found += lines(["java", "-cp", moa_jar(), HERE / "PeersMoa.java", stream, *parts])
        peers.append("moa")
    else:
        say("no Java compiler (JDK 17 or newer): MOA is left out")
    table(found, peers)
    states(found)


def by_model(found):
    models = {}
    for line in found:
        models.setdefault(line["model"], {})[line["who"]] = line
    return models


def table(found, peers):
    heads = [f"{peer} records/s | times | {peer} MAE" for peer in peers]
    print(f"| model | tidemill records/s | {' | '.join(heads)} | our MAE |")
    print("|---|---:|" + "---:|---:|---:|" * len(peers) + "---:|")
    for model, who in by_model(found).items():
        ours = who.get("tidemill", {})
        cells = []
        for peer in peers:
            theirs = who.get(peer, {})
            ratio = ours["records_per_s"] / theirs["records_per_s"] if ours and theirs else None
            cells += [count(theirs.get("records_per_s")), f"{ratio:.1f}" if ratio else "", error(theirs.get("mae"))]
        print(f"| {model} | {count(ours.get('records_per_s'))} | {' | '.join(cells)} | {error(ours.get('mae'))} |")


def states(found):
    print("\n| model | our snapshot, bytes | encode, µs | decode, µs | River's pickle, bytes | times |")
    print("|---|---:|---:|---:|---:|---:|")
    for model, who in by_model(found).items():
        ours, river = who.get("tidemill", {}), who.get("river", {})
        if "state_bytes" not in ours:
            continue
        pickled = river.get("state_bytes")
        ratio = f"{pickled / ours['state_bytes']:.1f}" if pickled else ""
        print(f"| {model} | {ours['state_bytes']:,} | {ours['encode_us']:,.1f} | {ours['decode_us']:,.1f} | {count(pickled)} | {ratio} |")


def count(value):
    return f"{value:,.0f}" if value else ""


def error(value):
    return f"{value:.4g}" if value is not None else ""


main()
