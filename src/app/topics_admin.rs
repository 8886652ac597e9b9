//! `tidemill topics create` and `describe`: the topics of a topology, made and held against what is there.

use anyhow::bail;
use serde_json::{Value, json};

use super::errors::TopicsError;
use super::log_options::{CreateTopicsArgs, DescribeTopicsArgs};
use super::options::TableForm;
use super::table::{Align, Table};
use super::topic_plan::{DEFAULT_PARTITIONS, Finding, PlannedTopic, TopicPlan, retention_text};
use super::{access, settings, topology};
use crate::config::Config;
use crate::log::{Log, LogError, Reaction, TopicDescription, TopicSpec};
use crate::topology::Graph;

/// Runs `topics create`. Creating twice is creating once.
///
/// # Errors
/// When a topic is there with another number of partitions, or the log refuses.
pub fn create(args: &CreateTopicsArgs) -> anyhow::Result<()> {
    let config = settings::load_log(&args.log)?;
    let graph = topology::load(&args.topology)?;
    let log = access::open_for_creation(&config, args.replication_factor)?;
    let found = access::patiently(|| log.topics())?;
    let plan = plan(&config, &graph, &found, args.partitions);
    refuse_other_counts(&plan, &found)?;
    let missing: Vec<&PlannedTopic> =
        plan.compare(&found).filter(|(_, finding)| *finding == Finding::Missing).map(|(planned, _)| planned).collect();
    if !args.dry_run {
        let specs: Vec<TopicSpec> = missing.iter().map(|planned| planned.spec.clone()).collect();
        create_missing(log.as_ref(), &specs)?;
    }
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("ROLE", Align::Left),
        ("PARTITIONS", Align::Right),
        ("KEEPS", Align::Left),
        ("", Align::Left),
    ]);
    for planned in &plan.topics {
        let new = missing.contains(&planned);
        let what = match (new, args.dry_run) {
            (true, true) => "would be created",
            (true, false) => "created",
            (false, _) => "is there",
        };
        let spec = &planned.spec;
        let (role, keeps) = (planned.role.to_string(), retention_text(spec.retention));
        table.row([spec.name.to_string(), role, spec.partitions.to_string(), keeps, what.to_owned()]);
    }
    print!("{}", table.render());
    if args.dry_run {
        println!("Nothing has been created. Leave --dry-run out to do it.");
    }
    Ok(())
}

/// The plan with the partitions that the user says, else those of the input that is there, else the default.
fn plan(config: &Config, graph: &Graph, found: &[TopicDescription], partitions: Option<u32>) -> TopicPlan {
    match partitions {
        Some(partitions) => TopicPlan::new(config, graph, partitions),
        None => TopicPlan::beside(config, graph, found),
    }
}

/// What is there with other partitions is told all at once, before anything is created.
fn refuse_other_counts(plan: &TopicPlan, found: &[TopicDescription]) -> Result<(), TopicsError> {
    let wrong: Vec<String> = plan
        .compare(found)
        .filter_map(|(planned, finding)| match finding {
            Finding::Partitions(has) => Some(format!("{} ({}) has {has}", planned.spec.name, planned.role)),
            _ => None,
        })
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(TopicsError(format!(
        "every topic of a topology has the same number of partitions, here {}, but {}; give --partitions the number of the input, write to other topics, or \
         delete those that do not fit. Nothing has been created",
        plan.partitions,
        wrong.join(", ")
    )))
}

/// Creates topics one after the other, so that a repeated call finds what an earlier one has made.
fn create_missing(log: &dyn Log, specs: &[TopicSpec]) -> anyhow::Result<()> {
    specs.iter().try_for_each(|spec| access::patiently(|| log.create_topics(std::slice::from_ref(spec))))
}

/// Creates one topic if it is not there, and tells how many partitions it has.
///
/// # Errors
/// When it is not there and nobody said how many partitions it shall have, or it has another number.
pub fn ensure(log: &dyn Log, config: &Config, name: &str, partitions: Option<u32>) -> anyhow::Result<u32> {
    let found = access::patiently(|| log.topics())?;
    match (found.iter().find(|topic| &*topic.spec.name == name), partitions) {
        (Some(topic), None) => Ok(topic.spec.partitions),
        (Some(topic), Some(wanted)) if topic.spec.partitions == wanted => Ok(wanted),
        (Some(topic), Some(wanted)) => bail!(TopicsError(format!(
            "topic {name} has {} partitions, not {wanted}: leave --partitions out to use it as it is",
            topic.spec.partitions
        ))),
        (None, Some(partitions)) => {
            let kept = u64::try_from(config.number("log.retention.bytes"));
            let retention = kept.map_or(crate::log::Retention::Unlimited, crate::log::Retention::Bytes);
            create_missing(log, &[TopicSpec { name: name.into(), partitions, retention }])?;
            Ok(partitions)
        }
        (None, None) => bail!(TopicsError(format!(
            "topic {name} does not exist on {}. Create it with the topology that reads it: tidemill topics create TOPOLOGY {} --partitions {DEFAULT_PARTITIONS}, or here: \
             --partitions {DEFAULT_PARTITIONS}",
            access::describe(config),
            access::flag(config)
        ))),
    }
}

/// Runs `topics describe`.
///
/// # Errors
/// When a topic is missing or has another number of partitions than the input.
pub fn describe(args: &DescribeTopicsArgs) -> anyhow::Result<()> {
    let config = settings::load_log(&args.log)?;
    let graph = topology::load(&args.topology)?;
    let log = access::open_existing(&config)?;
    let found = access::patiently(|| log.topics())?;
    let plan = TopicPlan::beside(&config, &graph, &found);
    match args.format {
        TableForm::Text => print!("{}", table(&plan, &found).render()),
        TableForm::Json => println!("{}", serde_json::to_string_pretty(&as_json(&plan, &found))?),
    }
    Ok(plan.check(&found, &config, &args.topology)?)
}

fn state(finding: &Finding) -> String {
    match finding {
        Finding::Fits => "fits".to_owned(),
        Finding::Missing => "missing".to_owned(),
        Finding::Partitions(found) => format!("has {found} partitions"),
        Finding::Retention(found) => format!("fits, but keeps {}", retention_text(*found)),
    }
}

/// Records between the ends of all partitions; on Kafka an upper bound.
fn records(found: &[TopicDescription], planned: &PlannedTopic) -> Option<u64> {
    let topic = found.iter().find(|topic| topic.spec.name == planned.spec.name)?;
    Some(topic.watermarks.iter().map(|ends| (ends.end.0 - ends.start.0).cast_unsigned()).sum())
}

fn table(plan: &TopicPlan, found: &[TopicDescription]) -> Table {
    let (left, right) = (Align::Left, Align::Right);
    let mut table = Table::new(&[
        ("TOPIC", left),
        ("ROLE", left),
        ("PARTITIONS", right),
        ("KEEPS", left),
        ("RECORDS", right),
        ("STATE", left),
    ]);
    for (planned, finding) in plan.compare(found) {
        let records = records(found, planned).map_or_else(|| "-".to_owned(), super::report::grouped);
        let (spec, role) = (&planned.spec, planned.role.to_string());
        let keeps = retention_text(spec.retention);
        table.row([spec.name.to_string(), role, spec.partitions.to_string(), keeps, records, state(&finding)]);
    }
    table
}

fn as_json(plan: &TopicPlan, found: &[TopicDescription]) -> Vec<Value> {
    plan.compare(found)
        .map(|(planned, finding)| {
            let has = match finding {
                Finding::Missing => None,
                Finding::Partitions(found) => Some(found),
                Finding::Fits | Finding::Retention(_) => Some(planned.spec.partitions),
            };
            json!({
                "topic": &*planned.spec.name, "role": planned.role.to_string(), "partitions": planned.spec.partitions, "found_partitions": has,
                "keeps": retention_text(planned.spec.retention), "records": records(found, planned), "fits": finding.is_tolerable(), "state": state(&finding),
            })
        })
        .collect()
}

/// Removes topics and makes them again as they were, empty: what stands in them is from a life that is reset.
///
/// # Errors
/// When the log refuses.
pub fn empty(log: &dyn Log, names: &[&str]) -> anyhow::Result<()> {
    let found = access::patiently(|| log.topics())?;
    let specs: Vec<TopicSpec> = found.into_iter().map(|topic| topic.spec).filter(|spec| names.contains(&&*spec.name)).collect();
    access::patiently(|| log.delete_topics(names))?;
    let again = |error: LogError| match error.reaction() {
        // A topic that was deleted just now may still be on its way out.
        Reaction::Stop if matches!(error, LogError::Usage(_)) => LogError::Retriable(error.to_string()),
        _ => error,
    };
    specs.iter().try_for_each(|spec| access::patiently(|| log.create_topics(std::slice::from_ref(spec)).map_err(again)))
}
