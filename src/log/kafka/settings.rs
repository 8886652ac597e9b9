//! How a Kafka cluster is reached, and which of librdkafka's many properties may be set by the user.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use thiserror::Error;

use crate::failpoint;

/// How partitions are dealt to the members of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assignment {
    /// `cooperative-sticky`: at a rebalance only the partitions that move are taken away; the others go on. With more than one input topic `range` is used
    /// all the same, because only that deals the same partition numbers of all topics to one member.
    #[default]
    Cooperative,
    /// `range`: everything is taken away and dealt anew at each rebalance.
    Eager,
}

/// A property that cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// It would break a promise, load code or contradict what is set elsewhere.
    #[error("kafka.{key} cannot be set: {reason}")]
    Refused {
        /// Name, without `kafka.`.
        key: String,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// librdkafka does not know it, or not this value.
    #[error("kafka.{key}: {detail}; see librdkafka's CONFIGURATION.md for names and values")]
    Unknown {
        /// Name, without `kafka.`.
        key: String,
        /// What it said. The value is not in it.
        detail: String,
    },
}

const COMMITS: &str = "offsets commit together with the outputs; a commit beside that loses or repeats records";
const GROUP: &str = "it is the application.id";
const IDENTITY: &str =
    "it is made of the application.id, the instance's identity and the thread, so that a restart takes over what it left";
const CODE: &str = "it runs foreign code inside this process";
const EXACT: &str = "exactly once needs the value it has";

/// Properties that are refused, each with its reason.
const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "name the brokers with --bootstrap-servers"),
    ("metadata.broker.list", "name the brokers with --bootstrap-servers"),
    ("group.id", GROUP),
    ("client.id", IDENTITY),
    ("group.instance.id", IDENTITY),
    ("transactional.id", IDENTITY),
    ("enable.auto.commit", COMMITS),
    ("auto.commit.enable", COMMITS),
    ("enable.auto.offset.store", COMMITS),
    ("isolation.level", "only committed records may be read: with others, aborted outputs of an earlier stage would count"),
    ("enable.idempotence", EXACT),
    ("enable.gapless.guarantee", EXACT),
    ("acks", EXACT),
    ("request.required.acks", EXACT),
    ("check.crcs", "records that do not verify must not be processed"),
    ("enable.partition.eof", "the adapter sets it where it needs it"),
    (
        "auto.offset.reset",
        "without a committed offset the log is read from its start; an offset that retention has removed is an error",
    ),
    ("allow.auto.create.topics", "a misspelt topic would come into being; use `tidemill topics create`"),
    ("partitioner", "partitions are chosen before a record is produced, by murmur2 as in Kafka's Java clients"),
    ("partitioner_cb", CODE),
    ("partition.assignment.strategy", "set the assignment to cooperative or eager instead"),
    ("group.protocol", "static members and transactions are tested with the classic protocol only"),
    ("group.remote.assignor", "it belongs to the new group protocol, which is not used"),
    ("plugin.library.paths", CODE),
    ("ssl.engine.location", CODE),
    ("ssl.providers", CODE),
    ("sasl.kerberos.kinit.cmd", "it runs a command in a shell"),
    ("enable.sasl.oauthbearer.unsecure.jwt", "anybody could forge such a token"),
    ("log.queue", "the adapter polls librdkafka's log"),
    ("test.mock.num.brokers", "it replaces the cluster by one that forgets transactions"),
    ("test.mock.broker.rtt", "it belongs to a cluster that forgets transactions"),
];

/// Properties whose value is never printed.
const SECRET: &[&str] = &[
    "sasl.password",
    "sasl.username",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.config",
];

/// Where the brokers are, who this instance is, and how its clients behave.
///
/// ```
/// use tidemill::log::kafka::{KafkaSettings, SettingsError};
/// let settings = KafkaSettings::new("localhost:9092", "host-1").with_property("fetch.message.max.bytes", "2097152")?;
/// assert!(settings.clone().with_property("enable.auto.commit", "true").unwrap_err().to_string().contains("cannot be set"));
/// # Ok::<(), SettingsError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    pub(super) servers: String,
    pub(super) instance_id: String,
    pub(super) assignment: Assignment,
    pub(super) session_timeout_ms: u64,
    pub(super) transaction_timeout_ms: u64,
    pub(super) leave_on_close: bool,
    /// `None` is what the brokers take by default.
    pub(super) replication_factor: Option<u16>,
    properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    /// The defaults for an instance: cooperative assignment, session and transaction time-outs of 15 s, a clean close leaves the group.
    ///
    /// `instance_id` is the instance's identity within its application (`group.instance.id`, part of `transactional.id`): the same after a restart, different
    /// from that of every other instance that runs at the same time.
    pub fn new(bootstrap_servers: impl Into<String>, instance_id: impl Into<String>) -> Self {
        KafkaSettings {
            servers: bootstrap_servers.into(),
            instance_id: instance_id.into(),
            assignment: Assignment::default(),
            session_timeout_ms: 15_000,
            transaction_timeout_ms: 15_000,
            leave_on_close: true,
            replication_factor: None,
            properties: BTreeMap::new(),
        }
    }

    /// Sets a property of librdkafka; `kafka.` before its name is left away. A property given twice has the later value.
    ///
    /// # Errors
    /// When it is refused (the reason is in the error), unknown, or the value is of no use.
    pub fn with_property(mut self, key: &str, value: &str) -> Result<Self, SettingsError> {
        let key = key.strip_prefix("kafka.").unwrap_or(key);
        let reason = REFUSED.iter().find(|(name, _)| *name == key).map(|(_, reason)| *reason);
        let reason = reason.or(key.ends_with("_cb").then_some(CODE)).or(matches!(key, "opaque" | "interceptors").then_some(CODE));
        if let Some(reason) = reason {
            return Err(SettingsError::Refused { key: key.to_owned(), reason });
        }
        let mut probe = ClientConfig::new();
        probe.set(key, value);
        if let Err(error) = probe.create_native_config() {
            // librdkafka repeats the value in its message.
            let detail = if Self::is_secret(key) { "the value is not accepted".to_owned() } else { error.to_string() };
            return Err(SettingsError::Unknown { key: key.to_owned(), detail });
        }
        self.properties.insert(key.to_owned(), value.to_owned());
        Ok(self)
    }

    /// Whether the value of a property is a secret: it should come from `env:NAME` or `file:PATH`, which the caller resolves, and is never printed here.
    pub fn is_secret(key: &str) -> bool {
        SECRET.contains(&key.strip_prefix("kafka.").unwrap_or(key))
    }

    /// How partitions are dealt. Default [`Assignment::Cooperative`].
    pub fn with_assignment(mut self, assignment: Assignment) -> Self {
        self.assignment = assignment;
        self
    }

    /// How long the group waits for an instance that says nothing before its partitions go to others, ms (`session.timeout.ms`); the broker allows 6 s to
    /// 30 min by default. A restart within it takes the partitions back without a rebalance; a machine that is gone for good costs as long.
    pub fn with_session_timeout_ms(mut self, timeout: u64) -> Self {
        self.session_timeout_ms = timeout;
        self
    }

    /// How long a transaction may stay open, ms (`transaction.timeout.ms`). What a dead instance left open holds readers back as long, unless the instance
    /// comes back.
    pub fn with_transaction_timeout_ms(mut self, timeout: u64) -> Self {
        self.transaction_timeout_ms = timeout;
        self
    }

    /// Whether a clean close leaves the group, so that the partitions move at once (default), or keeps the membership for a restart within the session
    /// time-out, so that they do not move at all (rolling restarts).
    pub fn with_leave_on_close(mut self, leave: bool) -> Self {
        self.leave_on_close = leave;
        self
    }

    /// How many copies of each partition new topics have; without it what the brokers take by default (`default.replication.factor`).
    pub fn with_replication_factor(mut self, copies: u16) -> Self {
        self.replication_factor = Some(copies);
        self
    }

    /// The brokers.
    pub fn bootstrap_servers(&self) -> &str {
        &self.servers
    }

    /// The identity of the instance.
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// What every client has in common.
    fn base(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(if self.properties.contains_key("debug") { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
        config
            .set("bootstrap.servers", &self.servers)
            .set("client.id", client_id)
            .set("allow.auto.create.topics", "false")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "2000")
            .set("topic.metadata.refresh.interval.ms", "60000");
        config
    }

    fn with_own(&self, mut config: ClientConfig) -> ClientConfig {
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
    }

    /// A client for administration.
    pub(super) fn admin(&self) -> ClientConfig {
        self.with_own(self.base(&format!("tidemill-{}-admin", self.instance_id)))
    }

    /// A consumer of committed records, whose offsets are committed by nobody but us.
    fn consuming(&self, client_id: &str, group: &str) -> ClientConfig {
        let mut config = self.base(client_id);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set(
                "isolation.level",
                if failpoint::is_planted("kafka.read-uncommitted") { "read_uncommitted" } else { "read_committed" },
            )
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.wait.max.ms", "100");
        config
    }

    /// A consumer that belongs to no group but may ask for the offsets of this one.
    pub(super) fn asking(&self, group: &str) -> ClientConfig {
        self.with_own(self.consuming(&format!("tidemill-{}-reader", self.instance_id), group))
    }

    /// A reader outside every group. It waits little at the end of a partition, where it must find out that there is no more.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.asking("tidemill-reader");
        config.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "10");
        config
    }

    /// The consumer of a thread of an application.
    pub(super) fn member(&self, application_id: &str, thread: u32, topics: usize) -> ClientConfig {
        let strategy = match self.assignment {
            Assignment::Cooperative if topics <= 1 => "cooperative-sticky",
            Assignment::Cooperative | Assignment::Eager => "range",
        };
        let member = format!("{}-{thread}", self.instance_id);
        let mut config = self.consuming(&member, application_id);
        config
            .set("group.instance.id", &member)
            .set("partition.assignment.strategy", strategy)
            .set("session.timeout.ms", self.session_timeout_ms.to_string())
            .set("heartbeat.interval.ms", (self.session_timeout_ms / 5).clamp(100, 3_000).to_string());
        self.with_own(config)
    }

    /// An idempotent producer; with an id, a transactional one.
    pub(super) fn producer(&self, client_id: &str, transactional_id: Option<&str>) -> ClientConfig {
        // Nobody sees a record before its transaction commits, and a commit waits for no linger. While a request is on its way, librdkafka spins as soon
        // as the next one is due: it should be due when it is full. Without transactions a record is seen as soon as it is sent.
        let linger_ms = if transactional_id.is_some() { "100" } else { "0" };
        let mut config = self.base(client_id);
        config
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", linger_ms)
            .set("batch.size", "262144")
            .set("delivery.report.only.error", "true")
            .set("queue.buffering.max.kbytes", "65536")
            .set("queue.buffering.max.messages", "500000")
            .set("batch.num.messages", "10000");
        if let Some(id) = transactional_id {
            config.set("transactional.id", id).set("transaction.timeout.ms", self.transaction_timeout_ms.to_string());
        }
        self.with_own(config)
    }
}

/// Prints no secret.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |(key, value): (&String, &String)| (key.clone(), if Self::is_secret(key) { "…".into() } else { value.clone() });
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.servers)
            .field("instance_id", &self.instance_id)
            .field("assignment", &self.assignment)
            .field("session_timeout_ms", &self.session_timeout_ms)
            .field("transaction_timeout_ms", &self.transaction_timeout_ms)
            .field("leave_on_close", &self.leave_on_close)
            .field("properties", &self.properties.iter().map(shown).collect::<BTreeMap<_, _>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> KafkaSettings {
        KafkaSettings::new("broker:9092", "i")
    }

    #[test]
    fn what_would_break_the_guarantee_or_load_code_is_refused_with_its_reason() {
        for (key, reason) in REFUSED.iter().chain(&[("error_cb", CODE), ("interceptors", CODE)]) {
            for name in [(*key).to_owned(), format!("kafka.{key}")] {
                let error = settings().with_property(&name, "true").unwrap_err();
                assert_eq!(error, SettingsError::Refused { key: (*key).to_owned(), reason });
            }
        }
    }

    #[test]
    fn names_and_values_that_librdkafka_does_not_know_are_told() {
        assert!(settings().with_property("fetch.wait.max", "1").unwrap_err().to_string().contains("kafka.fetch.wait.max"));
        assert!(settings().with_property("fetch.wait.max.ms", "soon").unwrap_err().to_string().contains("fetch.wait.max.ms"));
    }

    #[test]
    fn a_property_reaches_every_client_and_the_later_value_counts() {
        let settings = settings().with_property("kafka.socket.timeout.ms", "100").unwrap();
        let settings = settings.with_property("socket.timeout.ms", "7000").unwrap();
        for config in [settings.admin(), settings.reader(), settings.member("app", 0, 1), settings.producer("c", Some("t"))] {
            assert_eq!(config.get("socket.timeout.ms"), Some("7000"));
        }
    }

    #[test]
    fn identities_name_application_instance_and_thread() {
        let member = settings().member("app", 3, 1);
        assert_eq!(
            (member.get("group.id"), member.get("group.instance.id"), member.get("client.id")),
            (Some("app"), Some("i-3"), Some("i-3"))
        );
        assert_eq!(member.get("partition.assignment.strategy"), Some("cooperative-sticky"));
        assert_eq!(settings().member("app", 3, 2).get("partition.assignment.strategy"), Some("range"));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let settings = settings().with_property("sasl.password", "hunter2").unwrap();
        assert!(KafkaSettings::is_secret("kafka.sasl.password") && !format!("{settings:?}").contains("hunter2"));
    }
}
