//! Parity with River 0.26.1: every case of a folder of recorded predictions is built from its own `river` text and run record by record.
//!
//! The folder is the one named by `TIDEMILL_VECTORS`, else `shared/vectors/open` beside the repository. Cases whose classes are not built yet are
//! listed with the reason, never hidden. `cargo test --no-default-features --test river_parity -- --nocapture` prints the table.

mod anomaly;
mod classes;
mod detectors;
mod distributions;
mod expr;
mod forecasters;
mod random;
mod run;
mod spec;
mod statistics;
mod vectors;

use run::Outcome;
use vectors::Folder;

#[test]
fn predictions_equal_rivers() {
    let Some(folder) = Folder::find() else {
        println!("no folder of vectors: set TIDEMILL_VECTORS to one; nothing was compared");
        return;
    };
    let mut failures = Vec::new();
    let mut uncovered = Vec::new();
    println!("{:<32} {:>7} {:>10} {:>10} {:>9}  result", "case", "records", "max diff", "tolerance", "bits off");
    for case in &folder.cases {
        match run::run(&folder, case) {
            Ok(outcome) => {
                println!("{}", row(&case.id, &outcome));
                if !outcome.passed() {
                    failures.push(case.id.clone());
                }
            }
            Err(reason) => uncovered.push((case, reason)),
        }
    }
    println!("\nnot covered ({}):", uncovered.len());
    for (case, reason) in &uncovered {
        println!("{:<32} {reason}", case.id);
    }
    // Without this floor a broken parser would pass by covering nothing.
    let should_be = |text: &str| spec::classes(text).iter().all(|class| classes::find(class).is_some());
    let missed: Vec<&str> =
        uncovered.iter().filter(|(case, _)| should_be(&case.river)).map(|(case, _)| case.id.as_str()).collect();
    assert!(failures.is_empty(), "these cases differ from River: {failures:?}");
    assert!(missed.is_empty(), "these cases use only classes that exist here, yet were not run: {missed:?}");
}

fn row(id: &str, outcome: &Outcome) -> String {
    let verdict = if outcome.passed() { "pass" } else { "FAIL" };
    let note = if outcome.note.is_empty() { String::new() } else { format!(" ({})", outcome.note) };
    format!(
        "{id:<32} {:>7} {:>10.2e} {:>10.2e} {:>9}  {verdict}{note}",
        outcome.records, outcome.max_difference, outcome.tolerance, outcome.bits_off
    )
}
