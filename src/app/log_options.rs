//! What the commands that work on a log are given: embedded or Kafka.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::options::{EngineArgs, Speed, TableForm};

/// Which log, and how the engine is configured.
#[derive(Debug, Clone, Default, Args)]
pub struct LogArgs {
    /// Kafka brokers to begin with; without them, the embedded log of the state directory [or `bootstrap.servers`]
    #[arg(long, value_name = "HOST:PORT[,…]")]
    pub bootstrap_servers: Option<String>,
    /// How the engine is configured.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Where the HTTP server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAddress {
    /// Address or name of the interface.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
}

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected HOST:PORT, such as 127.0.0.1:8642 or [::]:8642, or a port alone".to_owned();
        let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() { Err(wrong()) } else { Ok(HttpAddress { host: host.to_owned(), port }) }
    }
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The topology file
    pub topology: PathBuf,
    /// Where the HTTP server listens [default: 127.0.0.1:8642, or `http.host` and `http.port`]
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<HttpAddress>,
    /// Name of this instance in its group [default: made up once and kept in the state directory]
    #[arg(long, value_name = "ID")]
    pub instance_id: Option<String>,
    /// End when the group has processed every record that was in the input at the start
    #[arg(long)]
    pub exit_at_end: bool,
    /// Which log, and how the engine is configured.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What every `ingest` is told.
#[derive(Debug, Clone, Args)]
pub struct FeedArgs {
    /// The topic to write to
    #[arg(long, value_name = "TOPIC")]
    pub topic: String,
    /// Create the topic with so many partitions if it does not exist
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub partitions: Option<u32>,
    /// max, realtime, or a factor such as 60x
    #[arg(long, value_name = "SPEED", default_value = "max")]
    pub speed: Speed,
    /// End after the first N records of the input (those of earlier runs included)
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// Name under which the position in the input is kept: another one for another input of the same topic [default: ingest.TOPIC]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Which log, and how the engine is configured.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Arguments of `ingest csv`.
#[derive(Debug, Clone, Args)]
pub struct IngestCsvArgs {
    /// The files (CSV, also .gz): candles in any known layout, or with --key any CSV with a header
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The coin of all files, instead of the one in each file's name
    #[arg(long, value_name = "COIN", conflicts_with = "key")]
    pub coin: Option<String>,
    /// The interval of all files, instead of the one in each file's name
    #[arg(long, value_name = "INTERVAL", conflicts_with = "key")]
    pub interval: Option<String>,
    /// Rows of any kind instead of candles: this column is the key, and a row becomes a JSON object
    #[arg(long, value_name = "COLUMN", requires = "timestamp")]
    pub key: Option<String>,
    /// The column of the event time, with --key: Unix time in any unit, or a date
    #[arg(long, value_name = "COLUMN", requires = "key")]
    pub timestamp: Option<String>,
    /// What is fed, and how.
    #[command(flatten)]
    pub feed: FeedArgs,
}

/// Arguments of `ingest sim`.
#[derive(Debug, Clone, Args)]
pub struct IngestSimArgs {
    /// Number of coins
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub coins: u32,
    /// Seed of the simulated exchange
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// What is fed, and how.
    #[command(flatten)]
    pub feed: FeedArgs,
}

/// Arguments of `topics create`.
#[derive(Debug, Clone, Args)]
pub struct CreateTopicsArgs {
    /// The topology file
    pub topology: PathBuf,
    /// Partitions of every topic [default: as many as the input has, or 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub partitions: Option<u32>,
    /// Copies of every partition, on Kafka [default: the brokers']
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub replication_factor: Option<u16>,
    /// Only say what would be created
    #[arg(long)]
    pub dry_run: bool,
    /// Which log, and how the engine is configured.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Arguments of `topics describe`.
#[derive(Debug, Clone, Args)]
pub struct DescribeTopicsArgs {
    /// The topology file
    pub topology: PathBuf,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = TableForm::Text)]
    pub format: TableForm,
    /// Which log, and how the engine is configured.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Arguments of `state reset`.
#[derive(Debug, Clone, Args)]
pub struct ResetArgs {
    /// The topology file
    pub topology: PathBuf,
    /// Only the state of these nodes; their models are warmed again from the log
    #[arg(long, value_name = "NAME")]
    pub node: Vec<String>,
    /// On Kafka also remove the records of the output topics; on the embedded log they always go
    #[arg(long, conflicts_with = "node")]
    pub outputs: bool,
    /// Do it
    #[arg(long, alias = "execute")]
    pub yes: bool,
    /// Which log, and how the engine is configured.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Form of `top`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TopForm {
    /// The live table.
    Text,
    /// A JSON object a line.
    Json,
}

/// Arguments of `top`.
#[derive(Debug, Clone, Args)]
pub struct TopArgs {
    /// Addresses of the instances' HTTP servers [default: http://127.0.0.1:8642]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// Show it once and end
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub interval: f64,
    /// Form of what is shown.
    #[arg(long, value_enum, default_value_t = TopForm::Text)]
    pub format: TopForm,
    /// How the engine is configured: `http.token`, if the instances ask for one.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Arguments of `healthcheck`.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Address of the instance's HTTP server, with or without /readyz
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8642")]
    pub url: String,
    /// Only ask whether the process lives, not whether every task is live
    #[arg(long)]
    pub live: bool,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    pub timeout: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let of = |text: &str| text.parse::<HttpAddress>().map(|address| (address.host, address.port));
        assert_eq!(of("0.0.0.0:80"), Ok(("0.0.0.0".into(), 80)));
        assert_eq!(of("[::]:8642"), Ok(("::".into(), 8642)));
        assert_eq!(of("9000"), Ok(("127.0.0.1".into(), 9000)));
        for wrong in ["", "localhost", "host:", ":80", "host:99999"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
