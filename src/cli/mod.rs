//! The command line: what a user may type, with help that teaches. It parses, calls [`app`](crate::app), and turns outcomes into exit codes.

mod args;
mod exit;

pub use args::{
    BacktestArgs, Cli, Command, ConfigArgs, ConsumeArgs, DemoArgs, EngineArgs, GraphForm, InputArgs, ReportForm, Speed, StateCommand,
    TableForm, TopicsCommand, TopologyCommand,
};
pub use exit::Exit;

use clap::{CommandFactory, Parser};

use crate::app;

/// Runs the program with the process's arguments and answers with its exit code.
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = Exit::of(&error);
            eprintln!("{}", exit::render(&error));
            exit.into()
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Demo(args) => app::demo::run(&args),
        Command::Backtest(args) => app::backtest::run(&args),
        Command::Topology(command) => app::topology::run(&command),
        Command::Models { name, format } => app::models::run(name.as_deref(), format),
        Command::Topics(command) => app::topics::run(&command),
        Command::State(command) => app::state::run(&command),
        Command::Config(args) => app::settings::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tidemill", &mut std::io::stdout());
            Ok(Exit::Ok)
        }
    }
}
