//! What each command is given: the flags that commands share, as clap derives them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::log_options::LogArgs;

/// How the engine is configured.
#[derive(Debug, Clone, Default, Args)]
pub struct EngineArgs {
    /// Folder of the embedded log and of the checkpoints [default: tidemill-state, or `state.dir`]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Configuration file (TOML: `commit.interval.ms = 200`)
    #[arg(long, value_name = "FILE", env = "TIDEMILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Set a configuration key; `tidemill config` lists them. Outranks the environment (TIDEMILL_COMMIT_INTERVAL_MS), which outranks the file
    #[arg(long = "set", short = 'c', value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Arguments of `config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// How the engine is configured.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = TableForm::Text)]
    pub format: TableForm,
}

/// Where candles come from.
#[derive(Debug, Clone, Default, Args)]
pub struct InputArgs {
    /// Candle files (CSV, also .gz): Binance klines of 6 or 12 columns, Yahoo daily, or columns by name
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub input: Vec<PathBuf>,
    /// The coin of all files, instead of the one in each file's name
    #[arg(long, value_name = "COIN")]
    pub coin: Option<String>,
    /// The interval of all files, instead of the one in each file's name
    #[arg(long, value_name = "INTERVAL")]
    pub interval: Option<String>,
    /// Partitions of the input topic; a coin's partition is Kafka's (murmur2 of the key)
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub partitions: u32,
    /// Seed of the simulated exchange
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// Number of coins of the simulated exchange
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub coins: u32,
}

/// How fast records are fed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as they are processed.
    Max,
    /// This many times as fast as they happened.
    Times(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let times = match text {
            "max" => return Ok(Speed::Max),
            "realtime" => Some(1.0),
            _ => text.strip_suffix('x').and_then(|n| n.parse::<f64>().ok()),
        };
        times
            .filter(|n| n.is_finite() && *n > 0.0)
            .map(Speed::Times)
            .ok_or_else(|| "expected max, realtime, or a factor such as 60x".to_owned())
    }
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// For people.
    Text,
    /// The last line of standard output is one JSON object.
    Json,
    /// The leaderboard as comma-separated values.
    Csv,
}

/// Form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableForm {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// The topology file [default: the quickstart that is part of the program]
    #[arg(long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// Where candles come from; without files, the simulated exchange.
    #[command(flatten)]
    pub input: InputArgs,
    /// max, realtime, or a factor such as 60x [default: 60x, or max with --records]
    #[arg(long, value_name = "SPEED")]
    pub speed: Option<Speed>,
    /// End when the first N records of the input are processed (those of earlier runs included), and print the report
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// Form of what is printed.
    #[arg(long, value_enum, default_value_t = ReportForm::Text)]
    pub format: ReportForm,
    /// How the engine is configured.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Arguments of `backtest`.
#[derive(Debug, Clone, Args)]
pub struct BacktestArgs {
    /// The topology file
    pub topology: PathBuf,
    /// Where candles come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Instead of files: this many records of the simulated exchange
    #[arg(long, value_name = "N", conflicts_with = "input", required_unless_present = "input")]
    pub simulate: Option<u64>,
    /// Stop after N records
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// Write every output topic to `DIR/<topic>-<partition>.ndjson`, evaluations also as .csv, and `DIR/leaderboard.csv`
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Records of one batch; changes the speed, never the output
    #[arg(long, value_name = "N", default_value_t = crate::driver::DEFAULT_BATCH_RECORDS)]
    pub batch_records: usize,
    /// Form of the report.
    #[arg(long, value_enum, default_value_t = ReportForm::Text)]
    pub format: ReportForm,
}

/// Arguments of `prequential`.
#[derive(Debug, Clone, Args)]
pub struct PrequentialArgs {
    /// The model as in a topology file: a name, an inline table (`{ linear_regression = { l2 = 0.1 } }`), JSON, or a .toml or .json file
    #[arg(long, value_name = "SPEC")]
    pub model: String,
    /// The stream: a CSV file with a header, also .gz
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// The column to predict
    #[arg(long, value_name = "COLUMN")]
    pub target: String,
    /// The columns the model is given, in this order [default: every other column of numbers]; "" for none
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub features: Option<Vec<String>>,
    /// How many records ahead the model is asked [default: 0, the same record, for regressors; 1 for forecasters]
    #[arg(long, value_name = "N")]
    pub horizon: Option<usize>,
    /// Write every prediction with its truth and the naive one to this CSV file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also print how things stand after every N records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub every: Option<u64>,
    /// Seed of models that draw random numbers
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// Form of the report; JSON is one object on the last line.
    #[arg(long, value_enum, default_value_t = TableForm::Text)]
    pub format: TableForm,
}

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The topology file, to run over --input; or leave it out and name the outputs of a run with --from
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub topology: Option<PathBuf>,
    /// Where candles come from.
    #[command(flatten)]
    pub input: InputArgs,
    /// Instead of files: this many records of the simulated exchange
    #[arg(long, value_name = "N", conflicts_with_all = ["input", "from"])]
    pub simulate: Option<u64>,
    /// Stop after N records
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// A folder with output topics as .ndjson files: what `backtest --output` wrote, or `topics consume` printed
    #[arg(long, value_name = "DIR", conflicts_with = "input")]
    pub from: Option<PathBuf>,
    /// The page
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub output: PathBuf,
    /// How many questions the rolling error covers
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub rolling: usize,
    /// Title of the page [default: the topology's name]
    #[arg(long)]
    pub title: Option<String>,
}

/// Form of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphForm {
    /// Lines of text.
    Text,
    /// Graphviz.
    Dot,
    /// Mermaid, which GitHub draws.
    Mermaid,
    /// For programs.
    Json,
}

/// Arguments of `topics consume`.
#[derive(Debug, Clone, Args)]
pub struct ConsumeArgs {
    /// The topic
    pub topic: String,
    /// Start with the oldest record instead of the next one
    #[arg(long)]
    pub from_beginning: bool,
    /// Stop after N records
    #[arg(long, value_name = "N")]
    pub max: Option<u64>,
    /// Only this partition
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// Stop at the end instead of waiting for more
    #[arg(long)]
    pub exit_at_end: bool,
    /// Which log, and how the engine is configured.
    #[command(flatten)]
    pub log: LogArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("realtime".parse(), Ok(Speed::Times(1.0)));
        for wrong in ["", "fast", "0x", "-1x", "nanx", "infx"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }
}
