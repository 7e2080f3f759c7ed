//! The process that is killed: many clients who put, tag, untag, trash and restore, each its own blobs.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use base::{ContentHash, Duration};
use blobs::{Blobs, GcOptions, Limits, Put};
use bytes::Bytes;
use clap::Args;
use storage_core::gc::{Holds, Terms};
use tokio::task::JoinSet;

use super::Beside;
use super::books::{Change, Keep};
use crate::content::{self, Draw, OWN_BYTES, number};
use crate::space::limits;

/// How many put at the same time.
const CLIENTS: u64 = 24;

/// How many changes each makes at most: far more than there is time for.
const CHANGES_MAX: u64 = 20_000;

/// How long a lease holds: longer than the whole trial.
const LEASE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How much is given to a stream at once, in bytes.
const PIECE_BYTES: usize = 100_000;

/// What the process is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Work {
    /// The store.
    folder: PathBuf,
    /// What all choices are drawn from.
    seed: u64,
    /// What goes on beside the clients.
    beside: Beside,
}

/// One of those who put.
struct Client {
    id: u64,
    seed: u64,
    step: u64,
    draw: Draw,
    blobs: Blobs,
    is_collected: bool,
    mine: Vec<Mine>,
}

/// A blob that a client put.
#[derive(Clone, Debug)]
struct Mine {
    hash: ContentHash,
    number: u64,
    bytes: usize,
    tags: Vec<String>,
    is_leased: bool,
    is_trashed: bool,
}

impl Work {
    /// Works until it is killed.
    pub(crate) fn run(&self) -> anyhow::Result<String> {
        let end_with_starter = || {
            let mut nothing = [0];
            // Nothing is ever sent: this ends when whoever started this process is gone.
            drop(std::io::stdin().read(&mut nothing));
            std::process::exit(2);
        };
        std::thread::Builder::new()
            .name("starter".to_owned())
            .spawn(end_with_starter)?;
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        tokio.block_on(self.work())
    }

    async fn work(&self) -> anyhow::Result<String> {
        let limits = Limits {
            checkpoint_after_ms: if self.beside == Beside::Checkpoints {
                20
            } else {
                2_000
            },
            ..limits()
        };
        let blobs = Blobs::open(&self.folder, limits).context("open the store")?;
        let mut tasks = JoinSet::new();
        for id in 0..CLIENTS {
            let mut client = Client {
                id,
                seed: self.seed,
                step: 0,
                draw: Draw::new(number(&[self.seed, id, 1])),
                blobs: blobs.clone(),
                is_collected: self.beside == Beside::Collections,
                mine: Vec::new(),
            };
            tasks.spawn(async move { client.run().await });
        }
        match self.beside {
            Beside::Nothing => {}
            Beside::Checkpoints => drop(tasks.spawn(checkpoints(blobs))),
            Beside::Collections => drop(tasks.spawn(collections(blobs))),
        }
        while let Some(ended) = tasks.join_next().await {
            ended.context("a task")??;
        }
        Ok("all changes were made".to_owned())
    }
}

/// Says a line in one piece.
fn say(line: String) -> anyhow::Result<()> {
    let mut line = line.into_bytes();
    line.push(b'\n');
    std::io::stdout()
        .lock()
        .write_all(&line)
        .context("say a line")
}

async fn checkpoints(blobs: Blobs) -> anyhow::Result<()> {
    loop {
        say("% begins checkpoint".to_owned())?;
        blobs.checkpoint().await?;
        say("% ends checkpoint".to_owned())?;
        tokio::task::yield_now().await;
    }
}

async fn collections(blobs: Blobs) -> anyhow::Result<()> {
    let terms = Terms {
        trash_for: Duration::ZERO,
        grace: Duration::ZERO,
    };
    loop {
        say("% begins collection".to_owned())?;
        let options = GcOptions {
            terms,
            keep: Vec::new(),
            is_dry: false,
        };
        let report = blobs.gc(options).await?;
        say(format!(
            "% ends collection {} {}",
            report.trashed.blobs, report.purged.blobs
        ))?;
        say("% begins compaction".to_owned())?;
        let terms = storage_core::compaction::Terms {
            live_permille_max: 900,
            ..storage_core::compaction::Terms::default()
        };
        let compacted = blobs.compact(&terms).await?;
        say(format!("% ends compaction {}", compacted.segments))?;
    }
}

impl Client {
    async fn run(&mut self) -> anyhow::Result<()> {
        while self.step < CHANGES_MAX {
            self.step += 1;
            let change = self.choose();
            let id = self.id;
            say(format!("+ {id} {change}"))?;
            let is_made = self
                .make(&change)
                .await
                .with_context(|| format!("client {id}: {change}"))?;
            say(format!("= {id} {}", if is_made { "yes" } else { "no" }))?;
            if is_made {
                self.note(change);
            }
        }
        Ok(())
    }

    fn choose(&mut self) -> Change {
        let found = match self.draw.below(100) {
            0..66 => None,
            66..90 => self.find(|mine| !mine.is_trashed),
            90..96 => self.find(|mine| mine.is_trashed),
            _ => self.find(|_| true),
        };
        let name = format!("{:x}/{}/{}", self.seed, self.id, self.step);
        let Some(mine) = found else {
            return self.new_blob(name);
        };
        let hash = mine.hash;
        if mine.is_trashed {
            return match self.draw.below(2) {
                0 => Change::Restore { hash },
                _ => self.again(&mine, name),
            };
        }
        let is_loose = mine.tags.is_empty() && !mine.is_leased;
        match self.draw.below(4) {
            0 if is_loose && mine.bytes >= OWN_BYTES => Change::Trash { hash },
            1 if !mine.tags.is_empty() && mine.bytes >= OWN_BYTES => Change::Untag {
                name: mine.tags[0].clone(),
            },
            2 => self.again(&mine, name),
            _ => Change::Tag { hash, name },
        }
    }

    fn find(&mut self, fits: impl Fn(&Mine) -> bool) -> Option<Mine> {
        let fitting: Vec<&Mine> = self.mine.iter().filter(|mine| fits(mine)).collect();
        if fitting.is_empty() {
            return None;
        }
        Some(self.draw.choose(&fitting).clone())
    }

    fn new_blob(&mut self, name: String) -> Change {
        let bytes = self.draw.blob_bytes();
        let number = number(&[self.seed, self.id, self.step, 2]);
        let hash = ContentHash::of(&content::bytes(number, bytes));
        Change::Put {
            hash,
            number,
            bytes,
            keep: self.keep(bytes, name),
        }
    }

    fn again(&mut self, mine: &Mine, name: String) -> Change {
        Change::Put {
            hash: mine.hash,
            number: mine.number,
            bytes: mine.bytes,
            keep: self.keep(mine.bytes, name),
        }
    }

    /// Draws what keeps a blob. The shortest ones are everybody's, and always have a name.
    fn keep(&mut self, bytes: usize, name: String) -> Keep {
        match self.draw.below(10) {
            _ if bytes < OWN_BYTES => Keep::Tag(name),
            0..5 => Keep::Tag(name),
            5 => Keep::Lease,
            _ if self.is_collected => Keep::Lease,
            _ => Keep::Nothing,
        }
    }

    async fn make(&mut self, change: &Change) -> anyhow::Result<bool> {
        Ok(match change {
            Change::Put {
                hash,
                number,
                bytes,
                keep,
            } => {
                let put = Put {
                    expected: Some(*hash),
                    tag: match keep {
                        Keep::Tag(name) => Some(name.parse()?),
                        Keep::Nothing | Keep::Lease => None,
                    },
                    holds: Some(Holds::Blob),
                    lease: (*keep == Keep::Lease).then_some(LEASE),
                };
                self.put(content::bytes(*number, *bytes), put).await?;
                true
            }
            Change::Tag { hash, name } => self.blobs.tag(&name.parse()?, hash, Holds::Blob).await?,
            Change::Untag { name } => self.blobs.untag(&name.parse()?).await?,
            Change::Trash { hash } => self.blobs.trash(hash).await?,
            Change::Restore { hash } => self.blobs.restore(hash).await?,
        })
    }

    async fn put(&mut self, bytes: Bytes, put: Put) -> anyhow::Result<()> {
        if self.draw.below(3) > 0 {
            self.blobs.put_with(bytes, put).await?;
            return Ok(());
        }
        let announced = (self.draw.below(2) == 0).then_some(bytes.len() as u64);
        let mut upload = self.blobs.upload(announced).await?;
        for start in (0..bytes.len()).step_by(PIECE_BYTES) {
            upload
                .write(bytes.slice(start..bytes.len().min(start + PIECE_BYTES)))
                .await?;
        }
        upload.finish_with(put).await?;
        Ok(())
    }

    /// Remembers a change that was made.
    fn note(&mut self, change: Change) {
        match change {
            Change::Put {
                hash,
                number,
                bytes,
                keep,
            } => {
                let place = self
                    .mine
                    .iter()
                    .position(|mine| mine.hash == hash)
                    .unwrap_or_else(|| {
                        self.mine.push(Mine {
                            hash,
                            number,
                            bytes,
                            tags: Vec::new(),
                            is_leased: false,
                            is_trashed: false,
                        });
                        self.mine.len() - 1
                    });
                let mine = &mut self.mine[place];
                mine.is_trashed = false;
                match keep {
                    Keep::Nothing => {}
                    Keep::Lease => mine.is_leased = true,
                    Keep::Tag(name) => mine.tags.push(name),
                }
            }
            Change::Tag { hash, name } => self.of(&hash, |mine| mine.tags.push(name)),
            Change::Untag { name } => {
                for mine in &mut self.mine {
                    mine.tags.retain(|tag| *tag != name);
                }
            }
            Change::Trash { hash } => self.of(&hash, |mine| mine.is_trashed = true),
            Change::Restore { hash } => self.of(&hash, |mine| mine.is_trashed = false),
        }
    }

    fn of(&mut self, hash: &ContentHash, note: impl FnOnce(&mut Mine)) {
        if let Some(mine) = self.mine.iter_mut().find(|mine| mine.hash == *hash) {
            note(mine);
        }
    }
}
