//! One mistake at a time, each against the good topology of the tests: what is said, and where.

use crate::topology::testing::{GOOD, catalog, golden};
use crate::topology::{TopologyErrors, compile};

fn errors(text: &str) -> TopologyErrors {
    let Err(errors) = compile(text, "x.toml", &catalog()) else { panic!("nothing is wrong with {text}") };
    errors
}

/// Name of the case, what is replaced in the good topology, and by what.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str)] = &[
    ("unknown table", "[sources.candles]", "[source.candles]"),
    ("engine settings have another home", "[sources.candles]", "[config]\nthreads = 2\n[sources.candles]"),
    ("key outside of tables", "[topology]", "name = \"x\"\n[topology]"),
    ("unknown key of the topology", "seed = 7", "sed = 7"),
    ("wrong type of a setting", "seed = 7", "seed = \"7\""),
    ("negative seed", "seed = 7", "seed = -7"),
    ("bad topology name", "name = \"good\"", "name = \"Good One\""),
    ("missing name", "name = \"good\"", ""),
    ("table instead of name", "name = \"good\"", "name = { a = 1 }"),
    ("second source", "[processors.bars]", "[sources.more]\ntopic = \"t\"\nformat = \"candle-json\"\n[processors.bars]"),
    ("unknown format", "\"candle-json\"", "\"candles-json\""),
    ("missing topic", "topic = \"market.candles.1m\"", ""),
    ("bad topic", "topic = \"market.candles.1m\"", "topic = \"market/candles\""),
    ("internal topic", "topic = \"good.leaders\"", "topic = \"__leaders\""),
    ("unknown type", "type = \"window\"", "type = \"windw\""),
    ("missing type", "type = \"window\"", ""),
    ("type of another table", "type = \"features\"", "type = \"learner\""),
    ("type that is no text", "type = \"window\"", "type = 3"),
    ("unknown key", "size = \"5m\"", "size = \"5m\"\ngrce = \"1s\""),
    ("missing key", "size = \"5m\"", ""),
    ("bad duration", "size = \"5m\"", "size = \"5 minutes\""),
    ("duration without unit", "size = \"5m\"", "size = 5"),
    ("value in a list", "lags = [1, 2]", "lags = [\n  1,\n  0,\n]"),
    ("out of range", "rate = 0.25", "rate = 2.5"),
    ("not finite", "rate = 0.25", "rate = nan"),
    ("text without quotes", "size = \"5m\"", "size = 5m"),
    ("dangling parent", "parents = [\"bars\"]", "parents = [\"bar\"]"),
    ("misspelt parents", "parents = [\"candles\"]\nsize", "parnts = [\"candles\"]\nsize"),
    ("parent as text", "parents = [\"bars\"]", "parents = \"bars\""),
    ("no parents", "parents = [\"bars\"]", "parents = []"),
    ("parent twice", "parents = [\"bars\"]", "parents = [\"bars\", \"bars\"]"),
    ("parent is a sink", "parents = [\"bars\"]", "parents = [\"predictions\"]"),
    ("cycle", "parents = [\"candles\"]\nsize", "parents = [\"x\"]\nsize"),
    ("own parent", "parents = [\"bars\"]", "parents = [\"x\"]"),
    ("parent gives nothing of use", "[learners.a]\nparents = [\"x\"]", "[learners.a]\nparents = [\"bars\"]"),
    ("operator refuses its parents", "parents = [\"a\", \"b\"]\n\n[sinks", "parents = [\"a\"]\n\n[sinks"),
    ("operator refuses a value", "rate = 0.25", "only = \"close_lag_3\""),
    ("name taken in the same table", "[learners.b]", "[learners.a]"),
    ("name taken in another table", "[sinks.leaders]", "[sinks.score]"),
    ("bad node name", "[sinks.leaders]", "[sinks.\"Lead.ers\"]"),
    ("node that is no table", "[learners.a]\nparents = [\"x\"]", "[learners]\na = 3"),
    ("list of tables", "[sources.candles]", "[[sources]]"),
    ("sink without records", "records = \"champions\"", ""),
    ("sink with unknown records", "records = \"champions\"", "records = \"champion\""),
    ("sink of a kind its parent does not give", "records = \"champions\"", "records = \"rows\""),
    ("sinks sharing a topic", "\"good.leaders\"", "\"good.predictions\""),
    ("sink writing to the source", "\"good.leaders\"", "\"market.candles.1m\""),
    ("sink writing to dead letters", "\"good.leaders\"", "\"good.dead-letters\""),
    ("late and dead in one", "seed = 7", "late_topic = \"x\"\ndead_letter_topic = \"x\""),
    ("topics kafka takes for one", "\"good.leaders\"", "\"good_predictions\""),
    ("sink key unknown", "records = \"champions\"", "record = \"champions\""),
];

/// The file holds every case with what is said of it; read its difference when a message changes.
#[test]
fn every_mistake_is_told_once_with_its_place_and_the_way_out() {
    let mut all = String::new();
    for (name, from, to) in MISTAKES {
        assert!(GOOD.contains(from), "{name}");
        all += &format!("## {name}\n{}\n\n", errors(&GOOD.replacen(from, to, 1)));
    }
    golden(include_str!("golden.txt"), &all);
}

#[test]
fn no_source_no_nodes_no_sinks() {
    let said = errors("[topology]\nname = \"empty\"\n").to_string();
    assert!(said.contains("this topology has no source") && said.contains("neither nodes nor sinks"), "{said}");
    let said = errors("").to_string();
    assert!(said.contains("missing table [topology]"), "{said}");
}

#[test]
fn a_mistake_does_not_cause_others_further_down() {
    let said = errors(&GOOD.replace("type = \"window\"", "type = \"nonsense\""));
    assert_eq!(said.errors.len(), 1, "{said}");
}

#[test]
fn mistakes_of_nodes_behind_broken_ones_are_told_in_the_same_go() {
    let text = GOOD
        .replace("type = \"window\"", "type = \"nonsense\"")
        .replace("rate = 0.25", "rate = 3\nonly = \"zzz\"\nhorizon = \"x\"");
    let said = errors(&text);
    let messages: Vec<&str> = said.errors.iter().map(|e| e.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
}

#[test]
fn what_nobody_reads_is_a_warning() {
    let text = GOOD.to_owned() + "\n[learners.idle]\nparents = [\"x\"]\n";
    let (_, warnings) = compile(&text, "x.toml", &catalog()).unwrap();
    assert_eq!(warnings.iter().map(|w| w.message.as_str()).collect::<Vec<_>>(), ["nobody reads `idle`: it works in vain"]);
    let (start, _) = GOOD.split_once("[sinks.predictions]").unwrap();
    let (_, warnings) = compile(start, "x.toml", &catalog()).unwrap();
    assert!(warnings.iter().any(|w| w.message.contains("no sink")), "{warnings:?}");
}
