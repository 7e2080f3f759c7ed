//! Our store as one of the contenders: the workloads of the peers over it, in a process of its own.
//!
//! Variants of reading: from the cache alone, and with a cache so small that every read goes to the file, which is in
//! the page cache of the system, and is compared with the hash.

use std::path::Path;

use anyhow::Context as _;
use base::ContentHash;
use blobs::{Blobs, Limits};
use bytes::Bytes;
use clap::Args;

use super::workload::{self, Arguments, Counters, Id, Peer};

/// What is told to the process, as to a peer.
#[derive(Args)]
pub(crate) struct OurWork {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    told: Vec<String>,
}

/// How large the cache is when nothing shall be found in it, in bytes.
const NO_CACHE_BYTES: u64 = 1;

/// Length of a record's head in the log, in bytes.
const HEAD_BYTES: u64 = 64;

/// Whence blobs are read.
#[derive(Clone, Copy)]
enum From {
    Cache,
    Disk,
}

struct Ours {
    blobs: Blobs,
    from: From,
}

impl OurWork {
    /// Runs the workload and prints its line.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let arguments = Arguments::read(self.told.iter().cloned())?;
        println!("{}", workload::run::<Ours>(&arguments)?);
        Ok(())
    }
}

impl Peer for Ours {
    type Reader = (Blobs, From);

    async fn open(folder: &Path, variant: &str) -> anyhow::Result<Self> {
        let (from, limits) = match variant {
            "" => (From::Cache, Limits::default()),
            "disk" => (
                From::Disk,
                Limits {
                    cache_bytes_max: NO_CACHE_BYTES,
                    ..Limits::default()
                },
            ),
            _ => anyhow::bail!("there is no variant {variant}"),
        };
        let blobs = Blobs::open(folder, limits)?;
        Ok(Self { blobs, from })
    }

    fn acknowledged(&self) -> &'static str {
        "on stable storage"
    }

    async fn put(&self, blob: Bytes) -> anyhow::Result<Id> {
        Ok(*self.blobs.put(blob).await?.hash.as_bytes())
    }

    fn reader(&self) -> anyhow::Result<Self::Reader> {
        Ok((self.blobs.clone(), self.from))
    }

    async fn get((blobs, from): &mut Self::Reader, id: &Id) -> anyhow::Result<usize> {
        let hash = ContentHash::from_bytes(*id);
        let found = match from {
            From::Cache => blobs.get_small(&hash),
            From::Disk => None,
        };
        let blob = match found {
            Some(blob) => blob,
            None => blobs.read_small(&hash)?.context("it is there")?,
        };
        Ok(blob.len())
    }

    fn counters(&self) -> Counters {
        let tally = self.blobs.tally();
        Counters {
            commits: Some(tally.syncs_total),
            written_bytes: Some(tally.record_bytes_total + HEAD_BYTES * tally.records_total),
        }
    }
}
