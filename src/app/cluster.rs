//! Kafka as the log: its settings from the configuration, with secrets looked up where their references lead.

use std::sync::Arc;

use super::errors::ConfigErrors;
use super::secret;
use crate::config::{Config, ConfigError, is_kafka_secret};
use crate::log::kafka::{Assignment, KafkaLog, KafkaSettings, SettingsError};
use crate::log::{Log, LogError};

/// Connects.
///
/// # Errors
/// When the brokers do not answer or are of no use.
pub fn connect(settings: &KafkaSettings) -> Result<Arc<dyn Log>, LogError> {
    Ok(Arc::new(KafkaLog::connect(settings.clone())?))
}

/// What the configuration says of Kafka. Every key that is refused is told at once.
///
/// # Errors
/// When a key is refused, or a secret is not found.
pub fn settings(config: &Config, instance_id: &str) -> anyhow::Result<KafkaSettings> {
    let number = |key: &str| config.number(key).cast_unsigned();
    let assignment = if config.text("partition.assignment") == "eager" { Assignment::Eager } else { Assignment::Cooperative };
    let mut settings = KafkaSettings::new(config.text("bootstrap.servers"), instance_id)
        .with_assignment(assignment)
        .with_session_timeout_ms(number("session.timeout.ms"))
        .with_transaction_timeout_ms(number("transaction.timeout.ms"))
        .with_leave_on_close(config.text("leave.group.on.close") == "true")
        .with_property("max.poll.interval.ms", config.text("max.poll.interval.ms"))?;
    let mut errors = Vec::new();
    for (name, value, origin) in config.kafka() {
        let value = if is_kafka_secret(name) { secret::resolve(&format!("kafka.{name}"), value)? } else { value.to_owned() };
        match settings.clone().with_property(name, &value) {
            Ok(next) => settings = next,
            Err(error) => errors.push(refused(name, origin, error)),
        }
    }
    if errors.is_empty() { Ok(settings) } else { Err(ConfigErrors(errors).into()) }
}

fn refused(name: &str, origin: &str, error: SettingsError) -> ConfigError {
    let why = match error {
        SettingsError::Refused { reason, .. } => format!("cannot be set: {reason}"),
        SettingsError::Unknown { detail, .. } => format!("{detail}; librdkafka's CONFIGURATION.md lists names and values"),
    };
    ConfigError::Kafka { origin: origin.to_owned(), name: name.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Config {
        let flags: Vec<String> =
            [&["bootstrap.servers=broker:9092"], flags].concat().iter().map(|flag| (*flag).to_owned()).collect();
        Config::load(None, [], &flags).unwrap()
    }

    #[test]
    fn keys_that_are_refused_are_all_told_with_where_they_were_written() {
        let error = settings(&config(&["kafka.enable.auto.commit=true", "kafka.fetch.wait.max=1"]), "i").unwrap_err().to_string();
        assert!(error.contains("--set: kafka.enable.auto.commit: cannot be set:"), "{error}");
        assert!(error.contains("--set: kafka.fetch.wait.max:"), "{error}");
    }

    #[test]
    fn secrets_come_from_where_they_are_kept_and_are_not_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let settings = settings(&config(&[&format!("kafka.sasl.password=file:{}", file.display())]), "i").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let error = super::settings(&config(&["kafka.sasl.password=file:/no/such/file"]), "i").unwrap_err();
        assert!(error.to_string().contains("kafka.sasl.password refers to the file /no/such/file"), "{error}");
    }
}
