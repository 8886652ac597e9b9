//! The command line: what a user may type, with help that teaches. It parses, calls [`app`](crate::app), and turns outcomes into exit codes.

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
        Command::Demo(_) => unimplemented!(),
        Command::Backtest(args) => app::backtest::run(&args),
        Command::Topology(TopologyCommand::Validate { file, format }) => app::topology::validate(&file, format),
        Command::Topology(TopologyCommand::Describe { file, format } | TopologyCommand::Graph { file, format }) => {
            app::topology::describe(&file, format)
        }
        Command::Topology(TopologyCommand::Reference) => app::topology::reference(),
        Command::Models { name, format } => app::models::run(name.as_deref(), format),
        Command::Topics(_) | Command::State(_) => unimplemented!(),
        Command::Config(args) => app::settings::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tidemill", &mut std::io::stdout());
            Ok(())
        }
    }
}
