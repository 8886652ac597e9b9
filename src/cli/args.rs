//! The commands, as clap derives them, with help that teaches by example.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::app::options::{BacktestArgs, ConfigArgs, ConsumeArgs, DemoArgs, EngineArgs, GraphForm, PrequentialArgs, TableForm};

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

Exit codes: 0 done, 1 failed while running, 2 wrong usage, 78 wrong topology or configuration.")]
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
    /// List or read the topics of the embedded log
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Look at, verify or reset what an application keeps in its state directory
    #[command(subcommand)]
    State(StateCommand),
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

/// The commands of `topics`.
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// All topics with their partitions, records and bytes
    List {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// How the engine is configured.
        #[command(flatten)]
        engine: EngineArgs,
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
        /// How the engine is configured.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// What one task keeps: nodes, coins, sizes, digests
    Inspect {
        /// Number of the partition; all without it.
        #[arg(long)]
        partition: Option<u32>,
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// How the engine is configured.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// Read every checkpoint and every log record back and check them
    Verify {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = TableForm::Text)]
        format: TableForm,
        /// How the engine is configured.
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// Forget state: all of an application's (it starts again from the beginning), or one node's (it is warmed again from the log)
    #[command(after_help = "Nothing is changed without --yes: the command tells what it would do.
Examples:
  tidemill state reset topologies/quickstart.toml                       what would go
  tidemill state reset topologies/quickstart.toml --node knn --yes      relearn one model from the log
  tidemill state reset topologies/quickstart.toml --yes                 start again from the beginning")]
    Reset {
        /// The topology file.
        topology: PathBuf,
        /// Only the state of these nodes.
        #[arg(long, value_name = "NAME")]
        node: Vec<String>,
        /// Do it.
        #[arg(long)]
        yes: bool,
        /// How the engine is configured.
        #[command(flatten)]
        engine: EngineArgs,
    },
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
