//! Whatever text is given, it is judged and never followed into a panic, and what is said points into it.

use proptest::prelude::*;

use super::testing::{GOOD, catalog};
use super::{compile, describe_text};

/// Judges a text; what is said must point into it.
fn judge(text: &str) {
    match compile(text, "x.toml", &catalog()) {
        Ok((graph, _)) => assert!(!describe_text(&graph).is_empty()),
        Err(errors) => {
            assert!(!errors.errors.is_empty());
            let lines = text.split('\n').count();
            for told in errors.errors.iter().chain(&errors.warnings) {
                assert!((1..=lines).contains(&told.line.unwrap()) && told.column.unwrap() >= 1, "{told}");
            }
            assert!(!errors.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        ".",
        "\"",
        "'",
        "\n",
        " ",
        "#",
        "topology",
        "sources",
        "processors",
        "learners",
        "sinks",
        "a",
        "b",
        "x",
        "candles",
        "name",
        "type",
        "parents",
        "\"window\"",
        "\"a\"",
        "\"5m\"",
        "records",
        "topic",
        "1",
        "-2.5e9",
        "nan",
        "true",
        "1979-05-27",
        "\u{1b}",
        "\u{feff}",
        "é",
        "\r\n",
        "\"\"\"",
    ]);
    prop::collection::vec(word, 0..80).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn words_in_any_order_are_judged(text in words()) {
        judge(&text);
    }

    #[test]
    fn a_good_topology_with_a_piece_replaced_is_judged(from in 0..GOOD.len(), length in 0..60_usize, piece in words()) {
        let to = (from + length).min(GOOD.len());
        judge(&format!("{}{piece}{}", &GOOD[..from], &GOOD[to..]));
    }

    #[test]
    fn a_good_topology_with_two_lines_swapped_is_judged(a in 0..40_usize, b in 0..40_usize) {
        let mut lines: Vec<&str> = GOOD.lines().collect();
        let (a, b) = (a % lines.len(), b % lines.len());
        lines.swap(a, b);
        judge(&lines.join("\n"));
    }
}

/// As many nodes as there may be, each reading all the others or nobody there is: judged, not multiplied out.
#[test]
fn a_tangle_is_judged_in_bounded_work() {
    let start = "[topology]\nname = \"t\"\n[sources.s]\ntopic = \"in\"\nformat = \"candle-json\"\n";
    let names: Vec<String> = (0..1_200).map(|i| format!("n{i}")).collect();
    let tangle = |parents: &[String], nodes: usize| {
        let list = parents.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        names[..nodes].iter().fold(start.to_owned(), |text, n| text + &format!("[learners.{n}]\nparents=[{list}]\n"))
    };
    judge(&tangle(&names[..100], 500));
    judge(&tangle(&(0..100).map(|i| format!("nobody{i}")).collect::<Vec<_>>(), 300));
    judge(&tangle(&names[..1_100], 3));
    judge(&tangle(&names[..1], 1_200));
}
