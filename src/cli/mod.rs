//! The command line: what a user may type, with help that teaches. It parses, calls [`app`], and turns outcomes into exit codes.

mod args;
mod exit;

pub use args::{Cli, Command, StateCommand, TopicsCommand, TopologyCommand};
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
        Command::Backtest(args) => app::backtest::run(&args),
        Command::Prequential(args) => app::prequential::run(&args),
        Command::Topology(TopologyCommand::Validate { file, format }) => app::topology::validate(&file, format),
        Command::Topology(TopologyCommand::Describe { file, format } | TopologyCommand::Graph { file, format }) => {
            app::topology::describe(&file, format)
        }
        Command::Topology(TopologyCommand::Reference) => app::topology::reference(),
        Command::Models { name, format } => app::models::run(name.as_deref(), format),
        Command::Topics(TopicsCommand::List { format, engine }) => app::topics::list(&engine, format),
        Command::Topics(TopicsCommand::Consume(args)) => app::topics::consume(&args),
        Command::State(StateCommand::List { format, engine }) => app::state::list(&engine, format),
        Command::State(StateCommand::Inspect { partition, format, engine }) => app::state::inspect(&engine, partition, format),
        Command::State(StateCommand::Verify { format, engine }) => app::state::verify(&engine, format),
        Command::State(StateCommand::Reset { topology, node, yes, engine }) => app::state::reset(&engine, &topology, &node, yes),
        Command::Config(args) => app::settings::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tidemill", &mut std::io::stdout());
            Ok(())
        }
    }
}
