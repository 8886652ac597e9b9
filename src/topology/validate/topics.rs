//! What is read and written: names of topics, and that no two of them are one.

use std::collections::BTreeMap;

use crate::topology::diagnostic::Problem;
use crate::topology::names::{TOPIC_RULE, is_name, is_topic, metric_name};
use crate::topology::outline::Outline;

/// A topic with what it is for and where it is named.
struct Use {
    topic: String,
    what: String,
    path: Vec<String>,
}

/// Tells topics that Kafka would refuse and topics that are used twice.
pub(super) fn check(outline: &Outline, problems: &mut Vec<Problem>) {
    let uses = uses(outline);
    let mut taken: BTreeMap<String, &Use> = BTreeMap::new();
    for one in &uses {
        if !is_topic(&one.topic) {
            problems.push(Problem::at_value(&one.path, format!("`{}` is no valid topic", one.topic)).expected(TOPIC_RULE));
        } else if let Some(other) = taken.get(&metric_name(&one.topic)) {
            problems.push(if other.topic == one.topic { used_twice(one, other) } else { collision(one, other) });
        } else {
            taken.insert(metric_name(&one.topic), one);
        }
    }
}

fn collision(one: &Use, other: &Use) -> Problem {
    let message = format!("the topics `{}` ({}) and `{}` ({}) collide", one.topic, one.what, other.topic, other.what);
    Problem::at_value(&one.path, message).expected("names that differ in more than `.` and `_`: Kafka takes them for one")
}

fn used_twice(one: &Use, other: &Use) -> Problem {
    let message = format!("the topic `{}` of {} is already that of {}", one.topic, one.what, other.what);
    Problem::at_value(&one.path, message).expected("a topic of its own")
}

/// The source's topic first, then late and dead letters, then the sinks': whoever is declared later is to blame.
fn uses(outline: &Outline) -> Vec<Use> {
    let mut uses = Vec::new();
    if let Some((topic, name)) = outline.sources.first().and_then(|source| Some((source.topic.clone()?, &source.name))) {
        uses.push(Use {
            topic,
            what: format!("the source `{name}`"),
            path: vec!["sources".into(), name.clone(), "topic".into()],
        });
    }
    if let Some(settings) = &outline.settings {
        let setting =
            |topic, what: &str, key: &str| Use { topic, what: what.to_owned(), path: vec!["topology".into(), key.into()] };
        let late = setting(settings.late_topic(), "late records", "late_topic");
        let dead = setting(settings.dead_letter_topic(), "dead letters", "dead_letter_topic");
        // A topic that is wrong only because the topology's name is wrong is not told again.
        let written = [settings.late_topic.is_some(), settings.dead_letter_topic.is_some()];
        uses.extend(
            [late, dead].into_iter().zip(written).filter(|(_, written)| *written || is_name(&settings.name)).map(|(one, _)| one),
        );
    }
    for (topic, sink) in outline.sinks.iter().filter_map(|sink| Some((sink.topic.clone()?, sink))) {
        let mut path = sink.path.clone();
        path.push("topic".into());
        uses.push(Use { topic, what: format!("the sink `{}`", sink.name), path });
    }
    uses
}
