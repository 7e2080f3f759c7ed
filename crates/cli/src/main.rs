//! The program `commonhold`: one binary for everything that a community runs, and for its members.

mod agent;
mod args;
mod blob;
mod conductor;
mod dial;
mod home;
mod member;
mod output;
mod publish;
mod send;
mod session;
mod storage;
mod time;
mod token;
mod up;
mod upload;
mod vault;
mod verify;

use std::process::ExitCode;

use base::{Code, Problem};
use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command};
use crate::output::{Outcome, Output};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(&cli.common);
    let outcome = start(&cli, &output);
    output::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => ExitCode::from(output.fail(&problems)),
    }
}

/// Starts the runtime and runs the command in it.
fn start(cli: &Cli, output: &Output) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Code::Bug, format!("the runtime cannot start: {error}")))?;
    runtime.block_on(run(cli, output))
}

async fn run(cli: &Cli, output: &Output) -> Outcome {
    match &cli.command {
        Command::Up(args) => up::run(args, output).await,
        Command::Publish(args) => send::run(args, output).await,
        Command::Unpublish(args) => send::withdraw(args, output).await,
        Command::Verify(args) => verify::run(args, output).await,
        Command::Member(args) => member::run(args, output).await,
        Command::Join(args) => member::join::run(args, output).await,
        Command::Profile(args) => member::profile(args, output).await,
        Command::Storage(args) => storage::run(args, output).await,
        Command::Blob(args) => blob::run(args, output).await,
        Command::Vault(args) => vault::run(args, output).await,
        Command::Conductor(args) => conductor::run(args, output).await,
        Command::Whoami(args) => member::whoami(args, output),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(*shell, &mut command, "commonhold", &mut std::io::stdout());
            Ok(())
        }
    }
}
