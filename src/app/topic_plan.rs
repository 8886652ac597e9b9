//! The topics a topology needs, held against those that are there.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::access;
use super::errors::TopicsError;
use super::state::application_id;
use crate::changelog::topic_spec;
use crate::config::Config;
use crate::log::{Retention, TopicDescription, TopicSpec};
use crate::topology::Graph;

/// Partitions of an input that is made without being told how many.
pub const DEFAULT_PARTITIONS: u32 = 3;

/// What a topic is to a topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicRole {
    /// It is read.
    Input,
    /// A sink writes to it.
    Output,
    /// Records that came too late.
    Late,
    /// Records that can never be processed.
    DeadLetters,
    /// Snapshots of the tasks.
    Changelog,
}

impl fmt::Display for TopicRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TopicRole::Input => "input",
            TopicRole::Output => "output",
            TopicRole::Late => "late records",
            TopicRole::DeadLetters => "dead letters",
            TopicRole::Changelog => "changelog",
        })
    }
}

/// A topic as a topology needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTopic {
    /// What it is for.
    pub role: TopicRole,
    /// How it shall be.
    pub spec: TopicSpec,
}

/// How a topic that is there compares with its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// As planned.
    Fits,
    /// It is not there.
    Missing,
    /// It has another number of partitions, which can never be changed.
    Partitions(u32),
    /// It keeps its records otherwise than planned.
    Retention(Retention),
}

impl Finding {
    /// Whether an instance can run all the same. Retention is the owner's business as long as it keeps what a restore needs.
    pub fn is_tolerable(&self) -> bool {
        matches!(self, Finding::Fits | Finding::Retention(_))
    }
}

/// All topics of a topology, each with the same number of partitions: a task owns one partition number of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPlan {
    /// The partitions of every topic.
    pub partitions: u32,
    /// The topics, inputs first.
    pub topics: Vec<PlannedTopic>,
}

impl TopicPlan {
    /// The topics of `graph` with `partitions` partitions each.
    pub fn new(config: &Config, graph: &Graph, partitions: u32) -> Self {
        let bytes = config.number("log.retention.bytes");
        let kept = u64::try_from(bytes).map_or(Retention::Unlimited, Retention::Bytes);
        let plan = |role, name: Arc<str>, retention| PlannedTopic { role, spec: TopicSpec { name, partitions, retention } };
        let mut topics = vec![plan(TopicRole::Input, graph.source.topic.clone(), kept)];
        for name in graph.output_topics() {
            let role = match &name {
                late if *late == graph.late_topic => TopicRole::Late,
                dead if *dead == graph.dead_letter_topic => TopicRole::DeadLetters,
                _ => TopicRole::Output,
            };
            // Several sinks may share a topic.
            if topics.iter().all(|topic| topic.spec.name != name) {
                topics.push(plan(role, name, kept));
            }
        }
        if access::has_changelog(config) {
            let spec = topic_spec(&application_id(config, graph), partitions);
            topics.push(PlannedTopic { role: TopicRole::Changelog, spec });
        }
        TopicPlan { partitions, topics }
    }

    /// The topics of `graph` as they must be beside its inputs that are there: with their number of partitions, or [`DEFAULT_PARTITIONS`] if there are none.
    pub fn beside(config: &Config, graph: &Graph, found: &[TopicDescription]) -> Self {
        let input = found.iter().find(|topic| topic.spec.name == graph.source.topic);
        TopicPlan::new(config, graph, input.map_or(DEFAULT_PARTITIONS, |topic| topic.spec.partitions))
    }

    /// Every topic with what is the matter with it.
    pub fn compare<'a>(&'a self, found: &'a [TopicDescription]) -> impl Iterator<Item = (&'a PlannedTopic, Finding)> {
        self.topics.iter().map(|planned| {
            let there = found.iter().find(|topic| topic.spec.name == planned.spec.name);
            (planned, there.map_or(Finding::Missing, |topic| compare(&planned.spec, &topic.spec)))
        })
    }

    /// Checks that an instance can run on what is there.
    ///
    /// # Errors
    /// One error for everything that is missing or wrong, with the command that creates what is missing.
    pub fn check(&self, found: &[TopicDescription], config: &Config, topology: &Path) -> Result<(), TopicsError> {
        let wrong: Vec<_> = self.compare(found).filter(|(_, finding)| !finding.is_tolerable()).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let width = wrong.iter().map(|(planned, _)| planned.spec.name.len()).max().unwrap_or(0);
        let mut text = format!("the topics are not ready on {}:", access::describe(config));
        for (planned, finding) in &wrong {
            let what = match finding {
                Finding::Partitions(found) => format!(
                    "has {found} partitions, not {} as the input {}: partitions of a topic that is in use cannot be changed; write to another topic, \
                     or delete this one and create it again",
                    self.partitions, self.topics[0].spec.name
                ),
                _ => "does not exist".to_owned(),
            };
            text.push_str(&format!("\n  {:width$}  {:12}  {what}", planned.spec.name, planned.role));
        }
        if wrong.iter().any(|(_, finding)| *finding == Finding::Missing) {
            text.push_str(&format!("\nCreate what is missing: {}", self.command(&wrong, config, topology)));
        }
        if access::brokers(config).is_none() {
            text.push_str(
                "\n(No bootstrap.servers is set, so this is the embedded log. For Kafka: --bootstrap-servers HOST:PORT)",
            );
        }
        Err(TopicsError(text))
    }

    /// The command that creates what is missing. Only a missing input leaves the number of partitions open.
    fn command(&self, wrong: &[(&PlannedTopic, Finding)], config: &Config, topology: &Path) -> String {
        let mut command = format!("tidemill topics create {} {}", topology.display(), access::flag(config));
        if wrong.iter().any(|(planned, _)| planned.role == TopicRole::Input) {
            command.push_str(&format!(" --partitions {}", self.partitions));
        }
        if !config.text("application.id").is_empty() {
            command.push_str(&format!(" --set application.id={}", config.text("application.id")));
        }
        command
    }
}

fn compare(planned: &TopicSpec, found: &TopicSpec) -> Finding {
    if planned.partitions != found.partitions {
        Finding::Partitions(found.partitions)
    } else if planned.retention != found.retention {
        Finding::Retention(found.retention)
    } else {
        Finding::Fits
    }
}

/// How a topic keeps its records, as people say it.
pub fn retention_text(retention: Retention) -> String {
    match retention {
        Retention::Unlimited => "everything".to_owned(),
        Retention::Bytes(bytes) => format!("{} bytes a partition", super::report::grouped(bytes)),
        Retention::Compacted => "newest of each key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Watermarks;

    const SMALL: &str = include_str!("../../topologies/small.toml");

    fn graph() -> Graph {
        crate::app::topology::compile(SMALL, "small.toml").unwrap()
    }

    fn there(spec: &TopicSpec, partitions: u32) -> TopicDescription {
        let ends = Watermarks { start: crate::record::Offset::ZERO, end: crate::record::Offset::ZERO };
        let count = partitions as usize;
        TopicDescription { spec: TopicSpec { partitions, ..spec.clone() }, watermarks: vec![ends; count], bytes: vec![0; count] }
    }

    fn kafka() -> Config {
        Config::load(None, [], &["bootstrap.servers=broker:9092".to_owned()]).unwrap()
    }

    #[test]
    fn one_error_names_everything_and_the_command() {
        let (config, graph) = (kafka(), graph());
        let plan = TopicPlan::beside(&config, &graph, &[]);
        let text = plan.check(&[], &config, Path::new("small.toml")).unwrap_err().to_string();
        assert!(plan.topics.iter().all(|topic| text.contains(&*topic.spec.name)), "{text}");
        let command = "tidemill topics create small.toml --bootstrap-servers broker:9092 --partitions 3";
        assert!(text.starts_with("the topics are not ready on broker:9092:") && text.ends_with(command), "{text}");
    }

    #[test]
    fn the_inputs_partitions_decide() {
        let (config, graph) = (kafka(), graph());
        let five = TopicPlan::new(&config, &graph, 5);
        let mut found: Vec<_> = five.topics.iter().map(|topic| there(&topic.spec, 5)).collect();
        let plan = TopicPlan::beside(&config, &graph, &found);
        assert_eq!(plan, five);
        plan.check(&found, &config, Path::new("small.toml")).unwrap();
        found[1] = there(&found[1].spec, 2);
        let text = plan.check(&found, &config, Path::new("small.toml")).unwrap_err().to_string();
        assert!(text.contains("has 2 partitions, not 5 as the input") && !text.contains("topics create"), "{text}");
    }

    #[test]
    fn the_embedded_log_is_named_where_kafka_may_have_been_meant() {
        let (config, graph) = (Config::default(), graph());
        let plan = TopicPlan::beside(&config, &graph, &[]);
        let text = plan.check(&[], &config, Path::new("small.toml")).unwrap_err().to_string();
        assert!(text.contains("--state-dir tidemill-state --partitions 3\n(No bootstrap.servers is set"), "{text}");
    }
}
