//! The shape of the house, checked: which layer may import which, that every file says what it is, that the core does no I/O.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each layer may import. A layer that is not named here fails the test: a new one must be given its place.
const LAYERS: &[(&str, &[&str])] = &[
    // The core: pure.
    ("record", &[]),
    ("snapshot", &[]),
    ("learn", &["snapshot"]),
    ("market", &["record", "snapshot"]),
    ("window", &["record", "snapshot", "market"]),
    ("processor", &["record", "snapshot", "market", "learn"]),
    ("operators", &["record", "snapshot", "market", "window", "learn", "processor"]),
    ("topology", &["record", "snapshot", "learn", "processor"]),
    ("task", &["record", "snapshot", "processor", "operators", "topology"]),
    ("driver", &["record", "snapshot", "processor", "topology", "task"]),
    // The shell: does I/O.
    ("failpoint", &[]),
    ("log", &["record", "snapshot", "failpoint"]),
    ("store", &["record", "snapshot", "failpoint"]),
    ("changelog", &["record", "snapshot", "log"]),
    ("connect", &["record", "snapshot", "market", "log", "failpoint"]),
    ("telemetry", &["record", "processor", "topology", "task"]),
    ("runtime", &["record", "snapshot", "processor", "topology", "task", "log", "store", "changelog", "telemetry", "failpoint"]),
    ("http", &["record", "snapshot", "processor", "operators", "topology", "task", "log", "store", "telemetry", "runtime"]),
    ("config", &["learn"]),
    (
        "app",
        &[
            "record",
            "snapshot",
            "market",
            "learn",
            "processor",
            "operators",
            "topology",
            "task",
            "driver",
            "log",
            "store",
            "changelog",
            "connect",
            "telemetry",
            "runtime",
            "http",
            "config",
            "failpoint",
        ],
    ),
    ("cli", &["app", "topology"]),
];

/// Layers that a build without default features consists of.
const CORE: &[&str] =
    &["record", "snapshot", "learn", "market", "window", "processor", "operators", "topology", "task", "driver"];

/// What pure code must not name.
const IMPURE: &[&str] =
    &["std::fs", "std::net", "std::thread", "std::env", "std::process", "std::io::stdin", "println!", "eprintln!"];

/// Longest file, tables aside.
const MOST_LINES: usize = 600;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the source folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every file under `src/` with its layer and text; `lib.rs` and `main.rs` belong to none.
fn layered_files() -> Vec<(String, PathBuf, String)> {
    let root = source();
    let layer = |path: &Path| {
        let first = path.strip_prefix(&root).expect("it is under src").components().next().expect("it has a name");
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    rust_files(&root)
        .into_iter()
        .map(|path| (layer(&path), path.clone(), fs::read_to_string(&path).expect("it is text")))
        .filter(|(layer, ..)| layer != "lib" && layer != "main")
        .collect()
}

/// The lines of a file before its unit tests, without comments.
fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The layers a file names: `crate::x::…`, also inside a group `crate::{x::…, y::{…}}`.
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(members(group).into_iter().map(|part| word(part.trim()))),
            None => found.push(word(rest)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The members of a group up to its closing brace; groups inside a member belong to it.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn layers_import_only_what_stands_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let macros = ["impl_snapshot", "params", "choices", "variants"];
    let mut wrong = Vec::new();
    for (layer, path, text) in layered_files() {
        let Some(may) = allowed.get(&*layer) else {
            wrong.push(format!("{}: layer {layer:?} has no place in LAYERS", path.display()));
            continue;
        };
        for import in imports(&code(&text)) {
            if import != layer && !may.contains(&&*import) && !macros.contains(&&*import) {
                wrong.push(format!("{}: {layer} may not import {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_stays_short() {
    let mut wrong = Vec::new();
    for path in rust_files(&source()) {
        let text = fs::read_to_string(&path).expect("it is text");
        if !text.starts_with("//!") {
            wrong.push(format!("{}: begins without a module doc", path.display()));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines; which noun is missing?", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_core_does_no_io() {
    let mut wrong = Vec::new();
    for (layer, path, text) in layered_files() {
        let code = code(&text);
        for name in IMPURE.iter().filter(|name| CORE.contains(&&*layer) && code.contains(**name)) {
            wrong.push(format!("{}: the core may not use {name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_checks_see_what_they_should() {
    let code_of_a_file = "use crate::{record::{Offset, time}, market};\nlet x = crate::task::Task::new();";
    assert_eq!(imports(code_of_a_file), ["record", "market", "task"]);
    assert_eq!(imports(&code("//! crate::log\nuse crate::record;\n#[cfg(test)]\nmod tests { use crate::app; }")), ["record"]);
}
