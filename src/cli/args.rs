//! The commands, as clap derives them, with help that teaches by example.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::app::log_options::{
    CreateTopicsArgs, DescribeTopicsArgs, HealthArgs, IngestCsvArgs, IngestSimArgs, LogArgs, ResetArgs, RunArgs, TopArgs,
};
use crate::app::options::{BacktestArgs, ConfigArgs, ConsumeArgs, DemoArgs, GraphForm, PrequentialArgs, ReportArgs, TableForm};

/// Kafka Streams for online learning: models that learn from market streams, restartable and exactly once.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, about, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Examples:
  tidemill demo                                          see it work: simulated exchange, live table
  tidemill demo --input BTCUSDT-1m-2024-01.csv.gz        the same on your own candles
  tidemill backtest topologies/quickstart.toml --input *.csv.gz --output out/
  tidemill topology validate my.toml                     every mistake at once, with line and column
  tidemill models linear_regression                      parameters, defaults, ranges, reference
  tidemill topics consume quickstart.predictions --from-beginning --max 5

On Kafka:
  tidemill topics create topologies/quickstart.toml --bootstrap-servers localhost:9092 --partitions 6
  tidemill ingest sim --topic market.candles.1m --speed 60x --bootstrap-servers localhost:9092
  tidemill run topologies/quickstart.toml --bootstrap-servers localhost:9092 --state-dir state-1
  tidemill top

Exit codes: 0 done, 1 failed while running, 2 wrong usage, 78 wrong topology, configuration or topics, 130 ended at once by a second signal.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a topology on an embedded log: no broker, no network, no set-up
    #[command(after_help = "Examples:
  tidemill demo                                   simulated exchange, live table; Ctrl-C stops, the same command resumes
  tidemill demo --records 200000 --speed max      process 200,000 records, print the report and end
  tidemill demo --topology my.toml --input BTCUSDT-1m-*.csv.gz ETHUSDT-1m-*.csv.gz --speed 60x
  tidemill demo --records 5000 --format json | tail -n 1 | jq .leaderboard")]
    Demo(DemoArgs),
    /// Run an instance of a topology's application, until SIGTERM or Ctrl-C
    #[command(after_help = "Examples:
  tidemill run topologies/quickstart.toml --bootstrap-servers localhost:9092 --state-dir state-1
  tidemill run topologies/quickstart.toml --bootstrap-servers localhost:9092 --state-dir state-2 --http 8643      one more: the work is shared
  tidemill run my.toml --bootstrap-servers b1:9092,b2:9092 --set processing.guarantee=at_least_once --set num.stream.threads=2
  tidemill run my.toml --state-dir DIR --exit-at-end     without Kafka: over what `tidemill ingest` has put into the embedded log of DIR

Every instance needs a state directory of its own; it keeps the instance's id, so that after a crash the same command takes its partitions back at
once. SIGTERM finishes what is in flight, commits, keeps the state and leaves the group; a second one ends at once. The topics must exist: tidemill topics create.
Keys of the Kafka client are set as --set kafka.KEY=VALUE, secrets among them as env:NAME or file:PATH; `tidemill config` lists all other keys.")]
    Run(RunArgs),
    /// Put records into a topic, exactly once however often it is begun again
    #[command(subcommand)]
    Ingest(IngestCommand),
    /// Run a topology over files on one thread, as fast as it goes
    #[command(after_help = "Examples:
  tidemill backtest topologies/quickstart.toml --input BTCUSDT-1m-2024-01.csv.gz
  tidemill backtest my.toml --input *.csv --output out/ --format csv > leaderboard.csv
  tidemill backtest my.toml --simulate 100000        no files: candles of the simulated exchange")]
    Backtest(BacktestArgs),
    /// Judge one model on any CSV stream: each record is first predicted, then learned, with the naive forecast beside it
    #[command(after_help = "Examples:
  tidemill prequential --model knn_regressor --input bars.csv.gz --target close --features open,high,low
  tidemill prequential --input bars.csv --target close --horizon 1 --output predictions.csv \\
      --model '{ pipeline = { steps = [\"standard_scaler\", { linear_regression = { l2 = 0.001 } }] } }'
  tidemill prequential --model naive --input sales.csv --target units --horizon 7 --format json | jq .model.mae

With --horizon 0 a regressor tells the target of a record from the other columns of that record, and the naive forecast is the target before it.")]
    Prequential(PrequentialArgs),
    /// Draw a run as one HTML page: prices, predictions, running errors, leaderboard, drift marks
    #[command(after_help = "Examples:
  tidemill report topologies/river-daily.toml --input BTC-USD.csv.gz ETH-USD.csv.gz --output river-daily.html
  tidemill backtest my.toml --input *.csv.gz --output out/ && tidemill report --from out/
  tidemill topics consume quickstart.predictions --from-beginning > run/predictions.ndjson && tidemill report --from run/

The page needs no network and no other file.")]
    Report(ReportArgs),
    /// Check, describe or draw a topology file
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// List the models a topology may use, or explain one
    Models {
        /// The model to explain.
        name: Option<String>,
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
    },
    /// Create, describe, list or read topics
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Look at, verify or reset what an application keeps in its state directory
    #[command(subcommand)]
    State(StateCommand),
    /// The live table of running instances, several shown as one
    #[command(after_help = "Examples:
  tidemill top                                                      the instance on this machine
  tidemill top http://host-1:8642 http://host-2:8642                several, merged
  tidemill top --once --format json | jq '.leaderboard[] | select(.champion)'")]
    Top(TopArgs),
    /// Ask an instance whether it is ready; exit code 0 or 1. For containers
    #[command(after_help = "Example:\n  HEALTHCHECK CMD [\"tidemill\", \"healthcheck\"]")]
    Healthcheck(HealthArgs),
    /// Show every configuration key with its value and where the value comes from
    Config(ConfigArgs),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  tidemill completions bash > /etc/bash_completion.d/tidemill")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// The commands of `topology`.
#[derive(Debug, Subcommand)]
pub enum TopologyCommand {
    /// Check a file: every mistake at once, with line, column and the nearest valid name
    Validate {
        /// The topology file.
        file: PathBuf,
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
    },
    /// Describe nodes, topics and state
    Describe {
        /// The topology file.
        file: PathBuf,
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = GraphForm::Text)]
        format: GraphForm,
    },
    /// Draw the graph
    Graph {
        /// The topology file.
        file: PathBuf,
        /// Form of the drawing.
        #[arg(long, value_enum, default_value_t = GraphForm::Mermaid)]
        format: GraphForm,
    },
    /// Print the reference of everything a topology file may say (Markdown)
    Reference,
}

/// The commands of `ingest`.
#[derive(Debug, Subcommand)]
pub enum IngestCommand {
    /// From CSV files: candles, or with --key any table
    #[command(after_help = "Examples:
  tidemill ingest csv BTCUSDT-1m-*.csv.gz ETHUSDT-1m-*.csv.gz --topic market.candles.1m --bootstrap-servers localhost:9092
  tidemill ingest csv orders.csv --key shop --timestamp when --topic orders --partitions 3 --bootstrap-servers localhost:9092

Records are keyed by coin (or by the column of --key) and dealt to partitions as Kafka's Java client does. Records and the position in the input commit
together: after a stop, or kill -9, the same command goes on where it was; nothing is there twice, nothing is missing.")]
    Csv(IngestCsvArgs),
    /// From the simulated exchange
    #[command(after_help = "Examples:
  tidemill ingest sim --topic market.candles.1m --records 100000 --bootstrap-servers localhost:9092
  tidemill ingest sim --topic market.candles.1m --coins 50 --seed 1 --speed 60x --bootstrap-servers localhost:9092")]
    Sim(IngestSimArgs),
}

/// The commands of `topics`.
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// Create the topics of a topology that are not there
    #[command(after_help = "Example:
  tidemill topics create topologies/quickstart.toml --bootstrap-servers localhost:9092 --partitions 6 --replication-factor 3

All topics get the same number of partitions; that number is the most instances (or threads) that can share the work. Nothing is removed by age: replays
carry event times of long ago. Run twice it changes nothing.")]
    Create(CreateTopicsArgs),
    /// The topics of a topology as they should be, beside those that are there; exit code 78 when an instance could not run
    Describe(DescribeTopicsArgs),
    /// All topics with their partitions, records and bytes
    List {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// Which log, and how the engine is configured.
        #[command(flatten)]
        log: LogArgs,
    },
    /// Print records as lines of JSON, as a downstream user would read them
    #[command(after_help = "Examples:
  tidemill topics consume quickstart.predictions --from-beginning --max 3
  tidemill topics consume quickstart.evaluations | jq -c '.value | {coin, model, mae, skill}'
While an instance runs on the state directory, its HTTP server is asked; otherwise the log is opened.")]
    Consume(ConsumeArgs),
}

/// The commands of `state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// The checkpoints of every task
    List {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// Which log, and how the engine is configured.
        #[command(flatten)]
        log: LogArgs,
    },
    /// What one task keeps: nodes, coins, sizes, digests
    Inspect {
        /// Number of the partition; all without it.
        #[arg(long)]
        partition: Option<u32>,
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// Which log, and how the engine is configured.
        #[command(flatten)]
        log: LogArgs,
    },
    /// Read every checkpoint and every log record back and check them
    Verify {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// Which log, and how the engine is configured.
        #[command(flatten)]
        log: LogArgs,
    },
    /// Forget state: all of an application's (it starts again from the beginning), or one node's (it is warmed again from the log)
    #[command(
        after_help = "Nothing is changed without --yes: the command tells what it would do. It refuses while the application runs.
Examples:
  tidemill state reset topologies/quickstart.toml                       what would go
  tidemill state reset topologies/quickstart.toml --node knn --yes      relearn one model from the log
  tidemill state reset topologies/quickstart.toml --yes                 start again from the beginning
  tidemill state reset topologies/quickstart.toml --bootstrap-servers localhost:9092 --state-dir state-1 --outputs --yes"
    )]
    Reset(ResetArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
