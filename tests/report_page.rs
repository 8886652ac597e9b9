//! `tidemill report` in a real browser: the curves are drawn and no script fails. Without Chromium the browser's part says so and passes, unless
//! `TIDEMILL_REQUIRE_BROWSER=1`.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{root, shared_data};

/// Names under which Chromium is installed; `TIDEMILL_BROWSER` names another.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

fn tidemill(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_tidemill")).current_dir(root()).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn browser() -> Option<String> {
    let named = std::env::var("TIDEMILL_BROWSER").ok();
    let answers = |name: &String| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    named.into_iter().chain(BROWSERS.map(str::to_owned)).find(answers)
}

/// The page as the browser makes it, after its script has run, and what it complained of.
fn rendered(browser: &str, page: &Path, coin: &str, width: u32) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"])
        .arg("--no-sandbox") // a sandbox cannot be had as root in a container; the page is our own
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#{coin}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let complaints =
        String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    (String::from_utf8(output.stdout).unwrap(), complaints)
}

/// The names of the curves that have something to show: a path through ten points or more.
fn curves(dom: &str) -> Vec<&str> {
    let paths = dom.split("<path ").filter(|path| path.contains("data-name=\""));
    let attribute = |path: &'static str| {
        move |text: &str| -> Option<(usize, usize)> {
            let start = text.find(path)? + path.len();
            Some((start, start + text[start..].find('"')?))
        }
    };
    let (name, line) = (attribute("data-name=\""), attribute(" d=\""));
    let long = paths.filter(|path| line(path).is_some_and(|(from, to)| path[from..to].matches('L').count() >= 9));
    long.filter_map(|path| name(path).map(|(from, to)| &path[from..to])).collect()
}

/// A run's outputs with an alarm of a drift detector among them.
fn outputs(folder: &Path) {
    let day = 86_400_000_i64;
    let mut lines = String::new();
    for k in 0..60_i64 {
        let (asked_at, last) = (k * day, 100.0 + (k % 7) as f64);
        let (due_at, said) = (asked_at + day, last + 0.5);
        lines += &format!(
            r#"{{"key":"A-B","timestamp":{asked_at},"value":{{"id":"made/A-B/m/{asked_at}","coin":"A-B","model":"m","target":"close","horizon_ms":{day},"asked_at":{asked_at},"due_at":{due_at},"last":{last},"prediction":{said},"price":{said},"nowcast":false,"champion":true}}}}"#
        );
        lines.push('\n');
    }
    let at = 30 * day;
    lines += &format!(
        r#"{{"key":"A-B","timestamp":{at},"value":{{"coin":"A-B","model":"m","model_version":9,"detector":"adwin","at":{at},"action":"reset"}}}}"#
    );
    std::fs::write(folder.join("made.predictions-0.ndjson"), lines + "\n").unwrap();
}

#[test]
fn curves_are_drawn_and_no_script_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    tidemill(&["report", "topologies/quickstart.toml", "--simulate", "3000", "--output", &text("quick.html")]);
    outputs(folder.path());
    tidemill(&[
        "report",
        "--from",
        &folder.path().display().to_string(),
        "--output",
        &text("made.html"),
        "--title",
        "made & shown",
    ]);
    let daily = shared_data().map(|data| {
        let files = ["BTC-USD", "ETH-USD", "LTC-USD"].map(|coin| data.join(format!("daily/{coin}.csv.gz")).display().to_string());
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        tidemill(&[&["report", "topologies/river-daily.toml", "--output", &text("daily.html"), "--input"], &files[..]].concat());
    });

    let Some(browser) = browser() else {
        assert!(std::env::var("TIDEMILL_REQUIRE_BROWSER").as_deref() != Ok("1"), "no Chromium is installed");
        return eprintln!("skipped: no Chromium to render the page with; TIDEMILL_REQUIRE_BROWSER=1 makes this a failure");
    };
    let mut pages = vec![("quick.html", "ETH-USDT", 3), ("made.html", "A-B", 3)];
    pages.extend(daily.map(|()| ("daily.html", "LTC-USD", 3)));
    for (page, coin, prices) in pages {
        for width in [1_200, 390] {
            let (dom, complaints) = rendered(&browser, &path(page), coin, width);
            let state = dom.split("data-state=\"").nth(1).and_then(|rest| rest.split('"').next());
            assert_eq!((state, complaints.as_str()), (Some("ready"), ""), "{page}");
            let drawn = curves(&dom);
            assert!(drawn.contains(&"close") && drawn.iter().any(|name| name.ends_with("moving average")), "{page}: {drawn:?}");
            assert!(drawn.len() >= prices + 2, "{page}: prices, a prediction and errors beside naive: {drawn:?}");
            assert!(dom.contains(&format!("aria-pressed=\"true\">{coin}</button>")), "{page} shows the coin that was asked for");
            assert!(dom.contains("<td>naive") || dom.contains("naive_"), "{page}: the leaderboard has a baseline");
        }
    }
    let (dom, _) = rendered(&browser, &path("made.html"), "", 800);
    assert!(dom.contains("drift: m, adwin (reset), 1970-01-31"), "the alarm is marked");
    assert!(dom.contains("<title>made &amp; shown</title>"));
}
