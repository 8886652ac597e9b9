//! The final windows of Apache Kafka Streams: every case of a folder of its results, through the public engine.
//!
//! The folder is named by `TIDEMILL_WINDOW_VECTORS`; without it, `vectors/windows` in a folder `shared` beside the repository. Its
//! `manifest.json` lists the cases; the format is described in the README beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tidemill::record::Timestamp;
use tidemill::window::{Point, StatsAggregate, WindowKind, WindowSpec, Windows};

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    #[serde(alias = "gap_ms")]
    size_ms: i64,
    advance_ms: Option<i64>,
    grace_ms: i64,
    input: String,
    expected: String,
    final_windows: Option<usize>,
    expired: Option<u64>,
}

/// What one record brought about: closed windows as rows of start, end, count, sum, min, max; and refused updates.
#[derive(Debug, Clone, Default, PartialEq)]
struct Step {
    closed: Vec<Row>,
    expired: u64,
}

type Row = (i64, i64, u64, [f64; 3]);

/// By number of the record, only those that brought something about.
type Steps = BTreeMap<u64, Step>;

#[test]
fn final_windows_and_refused_updates_equal_kafka_streams() {
    let Some(folder) = vectors() else {
        eprintln!(
            "no window vectors: set TIDEMILL_WINDOW_VECTORS to their folder, or put it at shared/vectors/windows beside the repository"
        );
        return;
    };
    let manifest: Manifest =
        serde_json::from_str(&read(&folder.join("manifest.json"))).expect("manifest.json as described in its README");
    assert!(!manifest.cases.is_empty(), "{} lists no cases", folder.display());
    println!("{:<44} {:>8} {:>8}  result", "case", "windows", "expired");
    let failed: Vec<&str> = manifest.cases.iter().filter(|case| !passes(case, &folder)).map(|case| case.id.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} cases differ from Kafka Streams: {failed:?}", failed.len(), manifest.cases.len());
}

fn vectors() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TIDEMILL_WINDOW_VECTORS") {
        return Some(PathBuf::from(named));
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let candidates = ["../shared", "../../shared"].map(|shared| repository.join(shared).join("vectors/windows"));
    candidates.into_iter().find(|folder| folder.join("manifest.json").is_file())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn passes(case: &Case, folder: &Path) -> bool {
    let found = run(spec(case), &read(&folder.join(&case.input)));
    let expected = expected(&read(&folder.join(&case.expected)));
    let windows: usize = found.values().map(|step| step.closed.len()).sum();
    let expired: u64 = found.values().map(|step| step.expired).sum();
    let difference = first_difference(&expected, &found).or_else(|| totals(case, windows, expired));
    println!("{:<44} {windows:>8} {expired:>8}  {}", case.id, difference.as_deref().unwrap_or("equal"));
    difference.is_none()
}

fn totals(case: &Case, windows: usize, expired: u64) -> Option<String> {
    let fits = case.final_windows.is_none_or(|n| n == windows) && case.expired.is_none_or(|n| n == expired);
    (!fits).then(|| format!("manifest says {:?} windows, {:?} expired", case.final_windows, case.expired))
}

fn spec(case: &Case) -> WindowSpec {
    let size_ms = case.size_ms;
    let kind = match case.kind.as_str() {
        "tumbling" => WindowKind::Tumbling { size_ms },
        "hopping" => WindowKind::Hopping { size_ms, advance_ms: case.advance_ms.expect("hopping windows have an advance_ms") },
        "sliding" => WindowKind::Sliding { size_ms },
        "session" => WindowKind::Session { gap_ms: size_ms },
        other => panic!("{}: unknown kind {other:?}", case.id),
    };
    WindowSpec::new(kind, case.grace_ms).unwrap_or_else(|error| panic!("{}: {error}", case.id))
}

fn run(spec: WindowSpec, input: &str) -> Steps {
    let mut windows = Windows::<StatsAggregate>::new(spec);
    let (mut steps, mut closed) = (Steps::new(), Vec::new());
    for line in input.lines().skip(1) {
        let [seq, time, value] = fields(line);
        let point = Point { time: Timestamp(number(time)), value: number(value) };
        let observed = windows.observe(point, &mut closed);
        let rows = closed.drain(..).map(|w| (w.start.0, w.end.0, w.value.count, [w.value.sum, w.value.min, w.value.max]));
        let step = Step { closed: rows.collect(), expired: observed.refused };
        if step != Step::default() {
            steps.insert(number(seq), step);
        }
    }
    steps
}

fn expected(text: &str) -> Steps {
    let mut steps = Steps::new();
    for line in text.lines().skip(1) {
        let [seq, start, end, count, sum, min, max, expired] = fields(line);
        let step = steps.entry(number(seq)).or_default();
        if start.is_empty() {
            step.expired += number::<u64>(expired);
        } else {
            step.closed.push((number(start), number(end), number(count), [number(sum), number(min), number(max)]));
        }
    }
    steps
}

fn fields<const N: usize>(line: &str) -> [&str; N] {
    let fields: Vec<&str> = line.trim_end().split(',').collect();
    fields.try_into().unwrap_or_else(|_| panic!("{line:?} has not {N} fields"))
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number of the expected kind"))
}

fn first_difference(expected: &Steps, found: &Steps) -> Option<String> {
    let nothing = Step::default();
    let seqs: std::collections::BTreeSet<u64> = expected.keys().chain(found.keys()).copied().collect();
    seqs.into_iter().find_map(|seq| {
        let (expected, found) = (expected.get(&seq).unwrap_or(&nothing), found.get(&seq).unwrap_or(&nothing));
        (!equal(expected, found)).then(|| format!("record {seq}: expected {expected:?}, found {found:?}"))
    })
}

/// Rows of one window at one record (a sliding window may go twice) may stand in any order; all others in that of start and end.
fn equal(expected: &Step, found: &Step) -> bool {
    let sorted = |step: &Step| {
        let mut rows = step.closed.clone();
        rows.sort_by_key(|row| (row.0, row.1, row.2));
        rows
    };
    let same_row = |a: &Row, b: &Row| (a.0, a.1, a.2) == (b.0, b.1, b.2) && (0..3).all(|i| close(a.3[i], b.3[i]));
    let in_order = found.closed.is_sorted_by_key(|row| (row.0, row.1));
    let (a, b) = (sorted(expected), sorted(found));
    in_order && expected.expired == found.expired && a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same_row(a, b))
}

/// Whole numbers must be equal; sums of fractions may differ by the order they were taken in.
fn close(a: f64, b: f64) -> bool {
    a == b || (a.fract() != 0.0 && (a - b).abs() <= 1e-9 * a.abs())
}
