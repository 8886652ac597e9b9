//! Engine configuration: keys named as in Kafka Streams, from a file, the environment and flags, in that order of rising precedence.
//!
//! A key is one line of [`KEYS`]; help, validation, documentation and the environment names derive from it. What the topology means stands in the
//! topology file; here is only how it is run. Keys that begin with `kafka.` go to the Kafka client as they are. A secret stands in no configuration:
//! its key takes a reference, `env:NAME` or `file:PATH`, and nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use thiserror::Error;

use crate::learn::params::nearest;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number in this range.
    Number(i64, i64),
    /// A reference to a secret: `env:NAME` or `file:PATH`.
    Secret,
}

impl Kind {
    fn admits(self, value: &str) -> bool {
        match self {
            Kind::Text => true,
            Kind::Choice(words) => words.contains(&value),
            Kind::Number(least, most) => value.parse::<i64>().is_ok_and(|n| (least..=most).contains(&n)),
            Kind::Secret => value.is_empty() || is_reference(value),
        }
    }
}

fn is_reference(value: &str) -> bool {
    value.split_once(':').is_some_and(|(form, place)| matches!(form, "env" | "file") && !place.is_empty())
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("text"),
            Kind::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Kind::Number(least, i64::MAX) => write!(f, "a whole number, at least {least}"),
            Kind::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Kind::Secret => f.write_str("env:NAME or file:PATH"),
        }
    }
}

/// One configuration key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its default as text.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

impl Key {
    /// The environment variable of the key: `TIDEMILL_COMMIT_INTERVAL_MS` for `commit.interval.ms`.
    pub fn variable(&self) -> String {
        format!("TIDEMILL_{}", self.name.replace('.', "_").to_uppercase())
    }
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

/// Keys that begin so are handed to the Kafka client, without it.
const KAFKA: &str = "kafka.";
/// The variables of such keys: `TIDEMILL_KAFKA_SECURITY_PROTOCOL` for `kafka.security.protocol`.
const KAFKA_VARIABLE: &str = "TIDEMILL_KAFKA_";

/// Whether a key of the Kafka client holds a secret, so that only a reference to it may be written.
///
/// ```
/// use tidemill::config::is_kafka_secret;
/// assert!(is_kafka_secret("sasl.password") && is_kafka_secret("ssl.key.pem"));
/// assert!(!is_kafka_secret("ssl.ca.location"));
/// ```
pub fn is_kafka_secret(name: &str) -> bool {
    const WHOLE: [&str; 3] = ["ssl.key.pem", "sasl.oauthbearer.config", "sasl.oauthbearer.assertion.private.key.pem"];
    const PARTS: [&str; 3] = ["password", "passphrase", "secret"];
    WHOLE.contains(&name) || PARTS.iter().any(|part| name.contains(part))
}

/// Every key.
pub const KEYS: &[Key] = &[
    key(
        "bootstrap.servers",
        Kind::Text,
        "",
        "Kafka brokers to begin with: HOST:PORT, several with commas. Empty: the embedded log in state.dir.",
    ),
    key("application.id", Kind::Text, "", "Name of the consumer group and of the state; the topology's name if empty."),
    key(
        "processing.guarantee",
        Kind::Choice(&["exactly_once_v2", "at_least_once"]),
        "exactly_once_v2",
        "Whether outputs and input offsets commit together, or outputs may be repeated after a crash.",
    ),
    key(
        "commit.interval.ms",
        Kind::Number(1, 60_000),
        "100",
        "Milliseconds between commits: how late outputs become visible at most.",
    ),
    key("state.dir", Kind::Text, "tidemill-state", "Folder of the embedded log, of the checkpoints and of the instance's id."),
    key(
        "instance.id",
        Kind::Text,
        "",
        "Name of this instance in its group. Empty: one is made up at the first start and kept in state.dir. Under the same id a restarted \
         instance takes its partitions back at once; two that run under one id fence each other.",
    ),
    key(
        "session.timeout.ms",
        Kind::Number(100, 1_800_000),
        "15000",
        "Kafka: milliseconds without a sign of life after which an instance's partitions go to others. A restart within this time moves nothing; \
         an instance that never comes back leaves its partitions standing for as long. Brokers refuse less than 6000 unless told otherwise.",
    ),
    key(
        "max.poll.interval.ms",
        Kind::Number(1_000, 86_400_000),
        "300000",
        "Kafka: milliseconds that may pass between two polls of a thread that still gives signs of life; then its partitions go to others.",
    ),
    key(
        "transaction.timeout.ms",
        Kind::Number(1_000, 900_000),
        "15000",
        "Kafka: milliseconds after which the broker aborts a transaction that a dead instance has left open. Readers of the outputs wait at it \
         until then, or until the instance is back under its id; a living instance that stalls longer than this loses its transaction and does it again.",
    ),
    key(
        "partition.assignment",
        Kind::Choice(&["cooperative", "eager"]),
        "cooperative",
        "Kafka: whether partitions that do not move go on during a rebalance, or all stop and are dealt anew. All instances must say the same.",
    ),
    key(
        "leave.group.on.close",
        Kind::Choice(&["true", "false"]),
        "true",
        "Kafka: whether a clean stop hands the partitions to the other instances at once (true), or keeps the seat for a restart within session.timeout.ms, so that \
         nothing moves (false, for rolling restarts).",
    ),
    key(
        "shutdown.timeout.ms",
        Kind::Number(0, 3_600_000),
        "30000",
        "Most milliseconds that SIGTERM may take to finish, commit, keep the state and leave the group; what is not done then is done again at the next start.",
    ),
    key("num.stream.threads", Kind::Number(1, 256), "1", "Client threads; each owns one consumer and one producer."),
    key(
        "num.worker.threads",
        Kind::Number(0, 256),
        "0",
        "Threads that the stages of all tasks are spread over; 0 takes four for each core.",
    ),
    key("max.poll.records", Kind::Number(1, 100_000), "500", "Most records of one batch."),
    key(
        "task.max.batches",
        Kind::Number(1, 1_024),
        "8",
        "Most batches of one task in flight; beyond it the task's partition is paused.",
    ),
    key(
        "checkpoint.interval.ms",
        Kind::Number(1, 86_400_000),
        "10000",
        "Least milliseconds between snapshots of a task's state.",
    ),
    key(
        "checkpoint.max.records",
        Kind::Number(1, i64::MAX),
        "250000",
        "Records after which a snapshot is due whatever the time.",
    ),
    key(
        "changelog.enabled",
        Kind::Choice(&["auto", "true", "false"]),
        "auto",
        "Whether snapshots also go to the topic APPLICATION-changelog, so that another instance can take a partition over with its state. auto: on Kafka \
         yes, on the embedded log no, because there log and checkpoints share a disk.",
    ),
    key(
        "changelog.interval.ms",
        Kind::Number(1, 86_400_000),
        "30000",
        "Least milliseconds between two snapshots of a task in the changelog. On revocation and on a clean stop one is written in any case.",
    ),
    key(
        "changelog.max.traffic.percent",
        Kind::Number(1, 1_000_000),
        "25",
        "Most bytes of changelog for 100 bytes that a task reads and puts out: a large state is written rarely. More costs the brokers, less lets a take-over replay more records.",
    ),
    key(
        "num.standby.replicas",
        Kind::Number(0, 1_000),
        "0",
        "How many other instances keep the newest snapshot of each task in their state.dir, so that taking it over reads no changelog. Needs the changelog.",
    ),
    key(
        "restore.missing.input",
        Kind::Choice(&["refuse", "accept"]),
        "refuse",
        "What to do when records that a restore must replay have fallen to retention.",
    ),
    key("processing.failure.limit", Kind::Number(1, 100), "3", "Failures on one record after which it is dead-lettered."),
    key(
        "log.retention.bytes",
        Kind::Number(-1, i64::MAX),
        "-1",
        "Bytes kept in each partition of the embedded log; -1 keeps everything.",
    ),
    key(
        "http.host",
        Kind::Text,
        "127.0.0.1",
        "Address the HTTP server listens on. Others than loopback need http.token or http.insecure.",
    ),
    key("http.port", Kind::Number(0, 65_535), "8642", "Port of the HTTP server; 0 takes a free one."),
    key(
        "http.token",
        Kind::Secret,
        "",
        "Bearer token that requests must carry: `env:NAME` or `file:PATH`, never the token itself.",
    ),
    key("http.insecure", Kind::Choice(&["true", "false"]), "false", "Serve other addresses than loopback without a token."),
    key("log.format", Kind::Choice(&["text", "json"]), "text", "Form of log lines on standard error."),
    key(
        "log.level",
        Kind::Text,
        "warn",
        "Which log lines are written: error, warn, info, debug, trace, or a filter such as tidemill=debug.",
    ),
];

/// A configuration that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No such key.
    #[error("{origin}: unknown key {name:?}{}; `tidemill config` lists all keys", suggest(.suggestion.as_deref()))]
    Unknown {
        /// Where it was written.
        origin: String,
        /// The key.
        name: String,
        /// The nearest valid one.
        suggestion: Option<String>,
    },
    /// A value that its key does not take.
    #[error("{origin}: {name} = {value:?}: expected {expected}")]
    Value {
        /// Where it was written.
        origin: String,
        /// The key.
        name: String,
        /// The value.
        value: String,
        /// What the key takes.
        expected: String,
    },
    /// A secret that was written where only a reference to it may stand. The message does not repeat it.
    #[error("{origin}: {name} must be env:NAME or file:PATH, so that the secret itself stands in no configuration")]
    Secret {
        /// Where it was written.
        origin: String,
        /// The key.
        name: String,
    },
    /// A key that the Kafka client does not take from users.
    #[error("{origin}: kafka.{name}: {why}")]
    Kafka {
        /// Where it was written.
        origin: String,
        /// The key, without `kafka.`.
        name: String,
        /// Why not, and what to do.
        why: String,
    },
    /// A file that cannot be used.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A flag that is no `key=value`.
    #[error("--set {0:?}: expected key=value, for instance --set commit.interval.ms=200")]
    Flag(String),
}

fn suggest(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

/// The values of all keys, each with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    values: BTreeMap<&'static str, (String, String)>,
    /// Keys of the Kafka client without their prefix.
    kafka: BTreeMap<String, (String, String)>,
}

impl Default for Config {
    fn default() -> Self {
        let values = KEYS.iter().map(|key| (key.name, (key.default.to_owned(), "default".to_owned()))).collect();
        Config { values, kafka: BTreeMap::new() }
    }
}

impl Config {
    /// Reads the layers: `file` if given, then the variables `TIDEMILL_*` among `environment`, then flags `key=value`.
    ///
    /// # Errors
    /// Everything that is wrong in any layer.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[String],
    ) -> Result<Self, Vec<ConfigError>> {
        let mut config = Config::default();
        let mut errors = Vec::new();
        if let Some(path) = file {
            config.read_file(path, &mut errors);
        }
        config.read_environment(environment, &mut errors);
        for flag in flags {
            match flag.split_once('=') {
                Some((name, value)) => config.set(name.trim(), value.trim(), "--set", &mut errors),
                None => errors.push(ConfigError::Flag(flag.clone())),
            }
        }
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    fn read_file(&mut self, path: &Path, errors: &mut Vec<ConfigError>) {
        let origin = path.display().to_string();
        let fail = |what: String| ConfigError::File { path: origin.clone(), what };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return errors.push(fail(format!("cannot be read: {error}"))),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table(&origin, "", &table, errors),
            Err(error) => errors.push(fail(format!("is no TOML: {error}"))),
        }
    }

    fn read_table(&mut self, origin: &str, prefix: &str, table: &toml::Table, errors: &mut Vec<ConfigError>) {
        for (name, value) in table {
            let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                toml::Value::Table(inner) => self.read_table(origin, &name, inner, errors),
                toml::Value::String(text) => self.set(&name, text, origin, errors),
                other => self.set(&name, &other.to_string(), origin, errors),
            }
        }
    }

    /// Variables that start with `TIDEMILL_` and are no key are other programs' or the tests' business.
    fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>, errors: &mut Vec<ConfigError>) {
        let names: BTreeMap<String, &str> = KEYS.iter().map(|key| (key.variable(), key.name)).collect();
        let mut found: Vec<_> = environment.into_iter().collect();
        found.sort();
        for (variable, value) in found {
            let client_key = variable.strip_prefix(KAFKA_VARIABLE).map(|rest| rest.to_lowercase().replace('_', "."));
            match (names.get(&variable), client_key) {
                (Some(name), _) => self.set(name, &value, &variable, errors),
                (None, Some(name)) => self.set_kafka(&name, &value, &variable, errors),
                (None, None) => {}
            }
        }
    }

    fn set(&mut self, name: &str, value: &str, origin: &str, errors: &mut Vec<ConfigError>) {
        if let Some(name) = name.strip_prefix(KAFKA) {
            return self.set_kafka(name, value, origin, errors);
        }
        let (origin, name) = (origin.to_owned(), name.to_owned());
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let suggestion = nearest(&name, KEYS.iter().map(|key| key.name)).map(str::to_owned);
            return errors.push(ConfigError::Unknown { origin, name, suggestion });
        };
        if key.kind.admits(value) {
            self.values.insert(key.name, (value.to_owned(), origin));
        } else if key.kind == Kind::Secret {
            errors.push(ConfigError::Secret { origin, name });
        } else {
            errors.push(ConfigError::Value { origin, name, value: value.to_owned(), expected: key.kind.to_string() });
        }
    }

    fn set_kafka(&mut self, name: &str, value: &str, origin: &str, errors: &mut Vec<ConfigError>) {
        let origin = origin.to_owned();
        if is_kafka_secret(name) && !is_reference(value) {
            return errors.push(ConfigError::Secret { origin, name: format!("{KAFKA}{name}") });
        }
        self.kafka.insert(name.to_owned(), (value.to_owned(), origin));
    }

    /// Sets a key from a flag of its own, such as `--state-dir`.
    ///
    /// # Errors
    /// When the key does not take the value.
    pub fn override_with(&mut self, name: &str, value: &str, flag: &str) -> Result<(), ConfigError> {
        let mut errors = Vec::new();
        self.set(name, value, flag, &mut errors);
        errors.pop().map_or(Ok(()), Err)
    }

    /// The value of a key.
    ///
    /// # Panics
    /// When there is no such key: keys are written in this program, not by users.
    pub fn text(&self, name: &str) -> &str {
        &self.values.get(name).unwrap_or_else(|| panic!("{name} is no configuration key")).0
    }

    /// The value of a key that takes a number.
    ///
    /// # Panics
    /// As [`text`](Self::text), and when the key takes no number.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} takes no number"))
    }

    /// Where the value of a key was written.
    ///
    /// # Panics
    /// As [`text`](Self::text).
    pub fn origin(&self, name: &str) -> &str {
        &self.values.get(name).unwrap_or_else(|| panic!("{name} is no configuration key")).1
    }

    /// The keys for the Kafka client, without `kafka.`: name, value (of a secret: the reference to it), where it was written.
    pub fn kafka(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.kafka.iter().map(|(name, (value, origin))| (name.as_str(), value.as_str(), origin.as_str()))
    }

    /// Every key with its value and where the value came from.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Key, &str, &str)> {
        KEYS.iter().map(|key| {
            let (value, origin) = &self.values[key.name];
            (key, value.as_str(), origin.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn every_default_fits_its_key() {
        let mut config = Config::default();
        for key in KEYS {
            assert_eq!(config.override_with(key.name, key.default, "test"), Ok(()), "{}", key.name);
        }
    }

    #[test]
    fn flags_outrank_the_environment_which_outranks_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("engine.toml");
        std::fs::write(&file, "commit.interval.ms = 1\nnum.stream.threads = 2\nstate.dir = \"s\"\n").unwrap();
        let environment = [variable("TIDEMILL_COMMIT_INTERVAL_MS", "2"), variable("TIDEMILL_NUM_STREAM_THREADS", "3")];
        let config = Config::load(Some(&file), environment, &["commit.interval.ms=4".into()]).unwrap();
        assert_eq!(
            (config.number("commit.interval.ms"), config.number("num.stream.threads"), config.text("state.dir")),
            (4, 3, "s")
        );
    }

    #[test]
    fn keys_of_the_kafka_client_come_from_every_layer() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("engine.toml");
        std::fs::write(&file, "[kafka]\nsecurity.protocol = \"sasl_ssl\"\nsasl.username = \"me\"\n").unwrap();
        let environment = [variable("TIDEMILL_KAFKA_SASL_PASSWORD", "env:PW"), variable("TIDEMILL_KAFKA_SASL_USERNAME", "you")];
        let config = Config::load(Some(&file), environment, &["kafka.ssl.ca.location=/ca.pem".into()]).unwrap();
        let found: Vec<(&str, &str)> = config.kafka().map(|(name, value, _)| (name, value)).collect();
        let expected = [
            ("sasl.password", "env:PW"),
            ("sasl.username", "you"),
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.location", "/ca.pem"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_secret_in_the_open_is_refused_and_not_repeated() {
        let flags = ["kafka.sasl.password=hunter2".to_owned(), "http.token=hunter2".into(), "kafka.ssl.key.pem=hunter2".into()];
        let errors = Config::load(None, [], &flags).unwrap_err();
        let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(
            errors.len() == 3 && !text.contains("hunter2") && text.contains("kafka.sasl.password must be env:NAME"),
            "{text}"
        );
        assert!(Config::load(None, [], &["http.token=file:/run/secrets/token".into()]).is_ok());
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let environment = [variable("TIDEMILL_MAX_POLL_RECORDS", "many"), variable("TIDEMILL_VECTORS", "not a key")];
        let flags = ["comit.interval.ms=5".to_owned(), "processing.guarantee=maybe".into(), "nonsense".into()];
        let messages: Vec<String> =
            Config::load(None, environment, &flags).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 4, "{messages:?}");
        assert_eq!(
            messages[0],
            "TIDEMILL_MAX_POLL_RECORDS: max.poll.records = \"many\": expected a whole number from 1 to 100000"
        );
        assert!(messages[1].contains("did you mean \"commit.interval.ms\"?"), "{}", messages[1]);
        assert!(messages[2].contains("one of exactly_once_v2, at_least_once"), "{}", messages[2]);
    }
}
