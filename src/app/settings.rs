//! `tidemill config`, and how every command gets its configuration.

use super::errors::ConfigErrors;
use super::log_options::LogArgs;
use super::options::{ConfigArgs, EngineArgs, TableForm};
use super::table::{Align, Table};
use crate::config::{Config, ConfigError};

/// The configuration from file, environment and flags.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(args: &EngineArgs) -> anyhow::Result<Config> {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = Config::load(args.config.as_deref(), variables, &args.set).map_err(ConfigErrors)?;
    if let Some(folder) = &args.state_dir {
        config.override_with("state.dir", &folder.to_string_lossy(), "--state-dir").map_err(|error| ConfigErrors(vec![error]))?;
    }
    Ok(config)
}

/// The configuration of a command that works on a log.
///
/// # Errors
/// Everything that is wrong with it, also what only shows when keys are seen together.
pub fn load_log(args: &LogArgs) -> anyhow::Result<Config> {
    let mut config = load(&args.engine)?;
    if let Some(servers) = &args.bootstrap_servers {
        config.override_with("bootstrap.servers", servers, "--bootstrap-servers").map_err(|error| ConfigErrors(vec![error]))?;
    }
    let errors = contradictions(&config);
    if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors).into()) }
}

/// Values that do not go together.
fn contradictions(config: &Config) -> Vec<ConfigError> {
    let larger = |greater: &'static str, smaller: &'static str, why: &str| {
        let (value, least) = (config.number(greater), config.number(smaller));
        (value <= least).then(|| ConfigError::Value {
            origin: config.origin(greater).to_owned(),
            name: greater.to_owned(),
            value: value.to_string(),
            expected: format!("more than {smaller} = {least}: {why}"),
        })
    };
    let pairs = [
        larger("transaction.timeout.ms", "commit.interval.ms", "the broker would abort transactions before they commit"),
        larger("max.poll.interval.ms", "commit.interval.ms", "the group would give the partitions away before a commit"),
    ];
    pairs.into_iter().flatten().collect()
}

/// Runs the command.
///
/// # Errors
/// When the configuration does not hold.
pub fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    let config = load(&args.engine)?;
    match args.format {
        TableForm::Text => print!("{}", text(&config)),
        TableForm::Json => println!("{}", json(&config)),
    }
    Ok(())
}

const CLIENT_KEY: &str = "Handed to the Kafka client (librdkafka) as it is.";

fn text(config: &Config) -> String {
    let left = Align::Left;
    let mut table = Table::new(&[("KEY", left), ("VALUE", left), ("FROM", left), ("TAKES", left), ("MEANING", left)]);
    for (key, value, origin) in config.entries() {
        let value = if value.is_empty() { "\"\"" } else { value };
        table.row([key.name.to_owned(), value.to_owned(), origin.to_owned(), key.kind.to_string(), key.doc.to_owned()]);
    }
    for (name, value, origin) in config.kafka() {
        table.row([format!("kafka.{name}"), value.to_owned(), origin.to_owned(), "text".to_owned(), CLIENT_KEY.to_owned()]);
    }
    if config.kafka().next().is_none() {
        let meaning =
            "Any key of the Kafka client (librdkafka), such as kafka.security.protocol; secrets as env:NAME or file:PATH.";
        table.row(["kafka.*".to_owned(), "\"\"".to_owned(), "default".to_owned(), "text".to_owned(), meaning.to_owned()]);
    }
    table.render()
}

fn json(config: &Config) -> serde_json::Value {
    let entry = |(key, value, origin): (&crate::config::Key, &str, &str)| serde_json::json!({ "key": key.name, "value": value, "from": origin, "variable": key.variable(), "default": key.default, "doc": key.doc });
    let client = |(name, value, origin): (&str, &str, &str)| serde_json::json!({ "key": format!("kafka.{name}"), "value": value, "from": origin, "doc": CLIENT_KEY });
    config.entries().map(entry).chain(config.kafka().map(client)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_contradict_each_other_are_told() {
        let flags = ["commit.interval.ms=5000".to_owned(), "transaction.timeout.ms=5000".into()];
        let found = contradictions(&Config::load(None, [], &flags).unwrap());
        let text = found.iter().map(ToString::to_string).collect::<String>();
        assert_eq!(
            text,
            "--set: transaction.timeout.ms = \"5000\": expected more than commit.interval.ms = 5000: the broker would abort transactions before they commit"
        );
        assert!(contradictions(&Config::default()).is_empty());
    }

    #[test]
    fn references_to_secrets_are_shown_and_nothing_else_of_them() {
        let config = Config::load(None, [], &["kafka.sasl.password=env:HOME".to_owned()]).unwrap();
        let (text, home) = (text(&config), std::env::var("HOME").unwrap());
        assert!(text.contains("kafka.sasl.password") && text.contains("env:HOME") && !text.contains(&home), "{text}");
    }
}
