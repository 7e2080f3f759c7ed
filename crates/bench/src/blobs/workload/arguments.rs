//! What the process is told: `--folder PATH --work puts|large|gets` and more, all of it as `--name value`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Which workload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Small blobs by many clients.
    Puts,
    /// Large blobs, one after the other.
    Large,
    /// Random reads of small blobs.
    Gets,
}

/// Everything that is told.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) folder: PathBuf,
    pub(crate) work: Work,
    /// Which way of the store; empty for the plain one.
    pub(crate) variant: String,
    /// Clients, or readers.
    pub(crate) clients: usize,
    /// Length of a blob.
    pub(crate) bytes: usize,
    /// Large blobs to put, or small ones to choose from when they are read.
    pub(crate) count: usize,
    /// What comes before what is measured.
    pub(crate) warm_up: Duration,
    /// What is measured.
    pub(crate) measured: Duration,
    /// From which all content follows.
    pub(crate) seed: u64,
}

impl Arguments {
    /// Reads what the process is told after its name.
    pub(crate) fn read(mut told: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut read = Self {
            folder: PathBuf::new(),
            work: Work::Puts,
            variant: String::new(),
            clients: 64,
            bytes: 1_024,
            count: 20_000,
            warm_up: Duration::from_millis(500),
            measured: Duration::from_secs(3),
            seed: 1,
        };
        while let Some(name) = told.next() {
            let value = told
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            read.set(&name, &value)
                .with_context(|| format!("{name} {value}"))?;
        }
        anyhow::ensure!(!read.folder.as_os_str().is_empty(), "--folder is missing");
        Ok(read)
    }

    fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match name {
            "--folder" => self.folder = value.into(),
            "--work" => {
                self.work = match value {
                    "puts" => Work::Puts,
                    "large" => Work::Large,
                    "gets" => Work::Gets,
                    _ => bail!("no such workload"),
                };
            }
            "--variant" => value.clone_into(&mut self.variant),
            "--clients" => self.clients = value.parse()?,
            "--bytes" => self.bytes = value.parse()?,
            "--count" => self.count = value.parse()?,
            "--warm-up-ms" => self.warm_up = Duration::from_millis(value.parse()?),
            "--measured-ms" => self.measured = Duration::from_millis(value.parse()?),
            "--seed" => self.seed = value.parse()?,
            _ => bail!("no such argument"),
        }
        Ok(())
    }
}
