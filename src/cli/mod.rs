//! The command line: what a user may type, with help that teaches. It parses, calls [`app`], and turns outcomes into exit codes.

mod args;
mod exit;

pub use args::{Cli, Command, IngestCommand, StateCommand, TopicsCommand, TopologyCommand};
pub use exit::Exit;

use clap::{CommandFactory, Parser};

use crate::app;

/// Runs the program with the process's arguments and answers with its exit code.
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match dispatch(cli.command) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            eprintln!("{}", exit::render(&error));
            Exit::of(&error).into()
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => app::demo::run(&args),
        Command::Run(args) => app::run::run(&args),
        Command::Ingest(IngestCommand::Csv(args)) => app::ingest_command::csv(&args),
        Command::Ingest(IngestCommand::Sim(args)) => app::ingest_command::sim(&args),
        Command::Backtest(args) => app::backtest::run(&args),
        Command::Prequential(args) => app::prequential::run(&args),
        Command::Report(args) => app::page::run(&args),
        Command::Topology(TopologyCommand::Validate { file, format }) => app::topology::validate(&file, format),
        Command::Topology(TopologyCommand::Describe { file, format } | TopologyCommand::Graph { file, format }) => {
            app::topology::describe(&file, format)
        }
        Command::Topology(TopologyCommand::Reference) => app::topology::reference(),
        Command::Models { name, format } => app::models::run(name.as_deref(), format),
        Command::Topics(TopicsCommand::Create(args)) => app::topics_admin::create(&args),
        Command::Topics(TopicsCommand::Describe(args)) => app::topics_admin::describe(&args),
        Command::Topics(TopicsCommand::List { format, log }) => app::topics::list(&log, format),
        Command::Topics(TopicsCommand::Consume(args)) => app::topics::consume(&args),
        Command::State(StateCommand::List { format, log }) => app::state::list(&log, format),
        Command::State(StateCommand::Inspect { partition, format, log }) => app::state::inspect(&log, partition, format),
        Command::State(StateCommand::Verify { format, log }) => app::state::verify(&log, format),
        Command::State(StateCommand::Reset(args)) => app::reset::run(&args),
        Command::Top(args) => app::top::run(&args),
        Command::Healthcheck(args) => app::healthcheck::run(&args),
        Command::Config(args) => app::settings::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tidemill", &mut std::io::stdout());
            Ok(())
        }
    }
}
