//! Everything a topology file may say, as Markdown: written from the same catalogue that reads the files, so it cannot be out of date.

use super::names::{NAME_RULE, TOPIC_RULE};
use super::tables::{ROLES, SinkParams, SourceParams, TopologyParams};
use crate::learn::catalog::{Entry, Kind};
use crate::learn::params::{ChoiceInfo, Duration, ParamInfo, ParamValue, Params};
use crate::processor::{Catalog, EventKinds, OperatorEntry, Role};

/// The whole reference: tables, source formats, node types and models, in the order of the catalogue. Ends in a newline.
pub fn reference(catalog: &Catalog) -> String {
    let mut out = String::new();
    out += "# Topology files\n\n";
    out += "A topology is one TOML file of at most 1 MiB. Texts, durations and names stand in quotes; a duration is whole numbers with units, ";
    out += "such as `\"250ms\"`, `\"10s\"`, `\"5m\"`, `\"1h30m\"`, `\"1d\"`.\n";
    section(&mut out, 2, "`[topology]`", "The topology as a whole.");
    params(&mut out, TopologyParams::describe());
    let about = "Where records come from: exactly one for now. Topics are named by Kafka's rules:";
    section(&mut out, 2, "`[sources.NAME]`", &format!("{about} {TOPIC_RULE}."));
    params(&mut out, SourceParams::describe());
    formats(&mut out, catalog);
    ROLES.into_iter().for_each(|role| nodes(&mut out, catalog, role));
    section(&mut out, 2, "`[sinks.NAME]`", "An output topic and what goes to it, keyed by coin.");
    params(&mut out, SinkParams::describe());
    models(&mut out, catalog);
    out
}

/// One node type or model as Markdown, by name; all of that name if a processor, a learner or a model share it.
pub fn reference_of(catalog: &Catalog, name: &str) -> Option<String> {
    let mut out = String::new();
    for entry in ROLES.into_iter().flat_map(|role| catalog.operators(role)).filter(|entry| entry.name == name) {
        operator(&mut out, entry);
    }
    catalog.models.get(name).into_iter().for_each(|entry| model(&mut out, entry));
    catalog.models.transformers().filter(|entry| entry.name == name).for_each(|entry| model(&mut out, entry));
    catalog.models.drift_detectors().filter(|entry| entry.name == name).for_each(|entry| model(&mut out, entry));
    catalog.models.anomaly_detectors().filter(|entry| entry.name == name).for_each(|entry| model(&mut out, entry));
    (!out.is_empty()).then(|| out.trim_start().to_owned())
}

fn section(out: &mut String, level: usize, title: &str, text: &str) {
    *out += &format!("\n{} {title}\n\n{text}\n", "#".repeat(level));
}

fn formats(out: &mut String, catalog: &Catalog) {
    *out += "\nFormats:\n\n";
    for entry in catalog.decoders() {
        *out += &format!("* `{}` gives {}: {}\n", entry.name, kinds(entry.gives), entry.summary);
    }
}

fn nodes(out: &mut String, catalog: &Catalog, role: Role) {
    let about = match role {
        Role::Processor => "What happens to events before models see them.",
        Role::Learner => "A model that predicts and learns. Learners of one partition run side by side.",
        Role::Evaluator => "Judges its learners against each other and against the naive forecast.",
    };
    let kind = if role == Role::Processor {
        "required; one of the types below"
    } else {
        "may be left out: the first type below is meant"
    };
    section(out, 2, &format!("`[{}.NAME]`", role.table()), about);
    *out += &format!(
        "\nA name is {NAME_RULE}; it is the name of the node's state. Beside the parameters of its type every node has:\n\n"
    );
    *out += &format!(
        "* `parents` (required): the nodes, or the source, whose events it takes, in the order in which it sees them.\n* `type`: {kind}.\n"
    );
    catalog.operators(role).for_each(|entry| operator(out, entry));
}

fn operator(out: &mut String, entry: &OperatorEntry) {
    section(out, 3, &format!("`{}`", entry.name), &format!("{} Takes {}.", entry.summary, kinds(entry.accepts)));
    params(out, entry.params);
}

fn models(out: &mut String, catalog: &Catalog) {
    let of = |what: &str| {
        format!(
            "What a learner's `{what}` may be: a name, or a table with the name as its only key and its parameters as the value."
        )
    };
    section(out, 2, "Models", &of("model"));
    catalog.models.entries().for_each(|entry| model(out, entry));
    section(out, 2, "Transformers", &of("scale"));
    catalog.models.transformers().for_each(|entry| model(out, entry));
    if catalog.models.drift_detectors().next().is_some() {
        section(out, 2, "Drift detectors", &of("drift"));
        catalog.models.drift_detectors().for_each(|entry| model(out, entry));
    }
    if catalog.models.anomaly_detectors().next().is_some() {
        let about = "What an anomaly filter's `detector` may be: a name, or a table with the name as its only key and its parameters as the value.";
        section(out, 2, "Anomaly detectors", about);
        catalog.models.anomaly_detectors().for_each(|entry| model(out, entry));
    }
}

fn model<T>(out: &mut String, entry: &Entry<T>) {
    section(out, 3, &format!("`{}`", entry.name), entry.summary);
    if entry.kind == Kind::Forecaster {
        *out += "\nA forecaster: it looks at the series alone and takes no features.\n";
    }
    if entry.diverges_unscaled {
        *out += "\nNeeds scaled features: `scale = \"auto\"` standardises them.\n";
    }
    if !entry.takes_absent {
        *out += "\nRefuses rows with absent features.\n";
    }
    params(out, entry.params);
    if !entry.reference.is_empty() {
        *out += &format!("\nReference: {}\n", entry.reference);
    }
}

fn kinds(kinds: EventKinds) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

fn params(out: &mut String, params: &[ParamInfo]) {
    if params.is_empty() {
        return *out += "\nNo parameters.\n";
    }
    *out += "\n| key | value | default | range | meaning |\n|---|---|---|---|---|\n";
    for info in params {
        *out += &row(info);
    }
    params.iter().for_each(|info| choices(out, info.name, &info.choices));
    params.iter().for_each(|info| keys(out, info));
}

/// The keys of a parameter that is a table itself.
fn keys(out: &mut String, info: &ParamInfo) {
    if !info.params.is_empty() {
        *out += &format!("\nKeys of `{}`:\n\n", info.name);
        info.params.iter().for_each(|key| *out += &nested(key, 0));
    }
}

fn row(info: &ParamInfo) -> String {
    let code = |text: &String| format!("`{text}`");
    let default = info.default.as_ref().map_or("required".to_owned(), code);
    let unit = info.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let range = info.range.as_ref().map(|range| format!("{range}{unit}")).unwrap_or_default();
    let cells = [format!("`{}`", info.name), type_text(info), default, range, info.doc.clone()];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

/// How durations are written is said once, above.
fn type_text(info: &ParamInfo) -> String {
    info.type_text.replace(&Duration::type_text(), "duration")
}

/// The names a parameter may take, with the parameters each takes itself.
fn choices(out: &mut String, key: &str, choices: &[ChoiceInfo]) {
    if choices.is_empty() {
        return;
    }
    *out += &format!("\n`{key}` is one of:\n\n");
    for choice in choices {
        *out += &format!("* `{}`: {}\n", choice.name, choice.doc);
        for info in &choice.params {
            *out += &nested(info, 1);
        }
    }
}

fn nested(info: &ParamInfo, depth: usize) -> String {
    let default = info.default.as_ref().map_or("required".to_owned(), |default| format!("default `{default}`"));
    let range = info.range.as_ref().map(|range| format!(", {range}")).unwrap_or_default();
    let unit = info.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let indent = "  ".repeat(depth);
    let line = format!("{indent}* `{}` ({}, {default}{range}{unit}): {}\n", info.name, type_text(info), info.doc);
    info.params.iter().fold(line, |text, key| text + &nested(key, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing::{catalog, golden};

    #[test]
    fn the_reference_is_as_it_was() {
        golden(include_str!("describe/golden/reference.md"), &reference(&catalog()));
    }

    #[test]
    fn a_single_type_is_found_by_name() {
        assert!(reference_of(&catalog(), "window").unwrap().starts_with("### `window`\n"));
        assert!(reference_of(&catalog(), "windw").is_none());
    }
}
