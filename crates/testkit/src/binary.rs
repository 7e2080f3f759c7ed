//! The program under test, as cargo built it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::Process;

/// The environment variable that names the program to test, for programs that cargo does not start as tests.
pub const BINARY: &str = "COMMONHOLD_BIN";

/// A built program that tests start.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
}

impl Binary {
    /// Finds the built `commonhold`.
    ///
    /// Looked for in this order: what cargo tells the tests of the crate that builds it, [`BINARY`], and the folder
    /// into which the running program was built.
    ///
    /// # Errors
    /// When it has not been built; the message holds the command that builds it.
    pub fn commonhold() -> anyhow::Result<Self> {
        for variable in ["CARGO_BIN_EXE_commonhold", BINARY] {
            if let Some(path) = std::env::var_os(variable) {
                return Self::at(path);
            }
        }
        let this = std::env::current_exe().context("find the running program")?;
        let folders = this.ancestors().skip(1).take(2);
        let found = folders
            .map(|folder| folder.join("commonhold"))
            .find(|path| path.is_file());
        let path = found.context("commonhold is not built; run: cargo build -p commonhold")?;
        Self::at(path)
    }

    /// Takes the program at `path`.
    ///
    /// # Errors
    /// When there is no file.
    pub fn at(path: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let path = path.into();
        anyhow::ensure!(
            path.is_file(),
            "{} is not built; run: cargo build -p commonhold",
            path.display()
        );
        Ok(Self { path })
    }

    /// Returns where the program is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a command that runs the program; configuration of the machine does not reach it.
    #[must_use]
    pub fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.path);
        for variable in [
            "PROJECTION_WRITER",
            "CONDUCTOR_URLS",
            "DATABASE_URL",
            "WRITER_URL",
            "FOLLOW",
            "BUS_URL",
            "ENABLE_P2P",
            "P2P_PORT",
        ] {
            command.env_remove(variable);
        }
        // A port of its own for stewards too, so that two at the same time do not want the same one.
        command.env("ADMIN_LISTEN", "127.0.0.1:0");
        command
    }

    /// Starts the program with what it prints caught in `folder`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<Process> {
        let mut command = self.command();
        command.args(arguments);
        Process::spawn(command, folder)
    }
}

#[cfg(test)]
mod tests;
