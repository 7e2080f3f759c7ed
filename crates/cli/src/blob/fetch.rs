//! One blob on its way to this machine: compared with its hash while it comes, and going on where it stopped.

use std::time::Duration;

use base::{Code, ContentHash, ContentHasher, Problem};
use bytes::Bytes;
use client::Reading;
use tokio::sync::mpsc;
use tokio::time;

use crate::blob::place::Place;
use crate::blob::tally::{Stop, Tally};
use crate::blob::target::{self, Half, Spot};
use crate::blob::{blocking, what};

/// Pieces that wait to be written.
const WAITING_MAX: usize = 16;

/// How often a connection may break in a row, and the first pause after it.
const BREAKS_MAX: u32 = 6;
const BREAK_PAUSE: Duration = Duration::from_millis(500);

/// A blob that is to be written.
pub(crate) struct Wanted {
    pub(crate) hash: ContentHash,
    pub(crate) spot: Spot,
    pub(crate) is_executable: bool,
    /// Whether it is on the disk before it has its name; otherwise the caller syncs all at once.
    pub(crate) is_synced: bool,
}

/// Fetches blobs.
#[derive(Clone, Copy)]
pub(crate) struct Fetch<'a> {
    pub(crate) place: &'a Place,
    pub(crate) tally: &'a Tally,
    pub(crate) stop: &'a Stop,
}

impl Fetch<'_> {
    /// Fetches a blob into a file. Of one that cannot be had, what came stays for the next time.
    pub(crate) async fn file(&self, wanted: Wanted) -> Result<(), Problem> {
        let Wanted {
            hash,
            spot,
            is_executable,
            is_synced,
        } = wanted;
        let stop = self.stop.clone();
        let mut half = blocking(move || spot.half(&hash, &stop, &|_| {})).await?;
        let mut is_fresh = half.len == 0;
        self.tally.advance(half.len);
        loop {
            let (filled, ended) = self.fill(&hash, half).await?;
            half = filled;
            if let Err(problem) = ended {
                blocking(move || half.tidy()).await?;
                return Err(problem);
            }
            if half.hasher.clone().finish() == hash {
                let fresh = half.fresh;
                blocking(move || half.commit(is_executable, is_synced)).await?;
                self.tally.whole(fresh);
                return Ok(());
            }
            // What an earlier command left may have been damaged since; what came just now is another matter.
            half = self.reset(half).await?;
            if is_fresh {
                blocking(move || half.tidy()).await?;
                return Err(differs(&hash));
            }
            is_fresh = true;
        }
    }

    /// Throws away what is there, and no longer counts it.
    async fn reset(&self, mut half: Half) -> Result<Half, Problem> {
        self.tally.lost(half.fresh);
        self.tally.retreat(half.len - half.fresh);
        blocking(move || half.reset().map(|()| half)).await
    }

    /// Fetches the rest of a blob; connections may break a few times.
    async fn fill(
        &self,
        hash: &ContentHash,
        mut half: Half,
    ) -> Result<(Half, Result<(), Problem>), Problem> {
        let mut breaks = 0;
        loop {
            let before = half.len;
            let (kept, ended) = self.append(hash, half).await?;
            half = kept;
            match &ended {
                Err(problem) if problem.code == Code::ServerUnreachable => {}
                _ => return Ok((half, ended)),
            }
            breaks = if half.len > before { 0 } else { breaks + 1 };
            if breaks == BREAKS_MAX {
                return Ok((half, ended));
            }
            time::sleep(BREAK_PAUSE * 2_u32.pow(breaks)).await;
        }
    }

    /// Opens the blob behind what is there and appends what comes, on a thread that may wait for the disk.
    async fn append(
        &self,
        hash: &ContentHash,
        mut half: Half,
    ) -> Result<(Half, Result<(), Problem>), Problem> {
        let mut reader = match self.open(hash, half.len).await {
            Ok(reader) => reader,
            Err(problem) => return Ok((half, Err(problem))),
        };
        let Some(reader) = reader.as_mut() else {
            return Ok((half, Ok(())));
        };
        if reader.from < half.len {
            half = self.reset(half).await?;
        }
        let left = reader.total.saturating_sub(half.len);
        let (sender, mut waiting) = mpsc::channel::<Bytes>(WAITING_MAX);
        let tally = self.tally.clone();
        let writing = blocking(move || {
            while let Some(bytes) = waiting.blocking_recv() {
                half.append(&bytes)?;
                // What is in the file stays when the command is interrupted; what is on its way does not.
                tally.piece(bytes.len() as u64);
            }
            Ok::<_, Problem>(half)
        });
        let receiving = async move {
            let mut received = 0;
            let ended = loop {
                let bytes = match reader.download.chunk().await {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) if received < left => break Err(cut_off()),
                    Ok(None) => break Ok(()),
                    Err(problem) => break Err(problem),
                };
                received += bytes.len() as u64;
                if received > left {
                    break Err(Problem::new(
                        Code::ServerAnswer,
                        "more came than was announced",
                    ));
                }
                if sender.send(bytes).await.is_err() {
                    // The writer says why it stopped.
                    break Ok(());
                }
            };
            drop(sender);
            ended
        };
        let (written, ended) = tokio::join!(writing, receiving);
        Ok((written?, ended))
    }

    /// Opens a blob from a byte on; nothing when there is nothing behind it.
    async fn open(&self, hash: &ContentHash, from: u64) -> Result<Option<Reading>, Problem> {
        match self.place.read(hash, from).await {
            Ok(Some(reader)) => Ok(Some(reader)),
            Ok(None) => Err(what::unreadable(self.place, hash).await),
            Err(problem) if problem.code == Code::UnsatisfiableRange => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Fetches a blob into memory, when it is not longer than `bytes_max` and `is_wanted` of its first bytes.
    pub(crate) async fn memory(
        &self,
        hash: &ContentHash,
        bytes_max: u64,
        is_wanted: impl Fn(&[u8]) -> bool,
        first_bytes: usize,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let Some(mut reader) = self.place.read(hash, 0).await? else {
            return Err(what::unreadable(self.place, hash).await);
        };
        if reader.total > bytes_max {
            return Ok(None);
        }
        let total = usize::try_from(reader.total).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let mut is_judged = false;
        while let Some(piece) = reader.download.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > total {
                return Err(Problem::new(
                    Code::ServerAnswer,
                    "more came than was announced",
                ));
            }
            if !is_judged && bytes.len() >= first_bytes.min(total) {
                is_judged = true;
                if !is_wanted(&bytes) {
                    return Ok(None);
                }
            }
        }
        if bytes.len() < total {
            return Err(cut_off());
        }
        if ContentHash::of(&bytes) != *hash {
            return Err(differs(hash));
        }
        Ok(is_wanted(&bytes).then_some(bytes))
    }

    /// Fetches a blob to standard output; connections may break a few times.
    pub(crate) async fn print(&self, hash: &ContentHash) -> Result<(), Problem> {
        let (mut hasher, mut offset, mut breaks) = (ContentHasher::new(), 0, 0);
        loop {
            let before = offset;
            let problem = match self.print_from(hash, &mut offset, &mut hasher).await {
                Ok(true) => break,
                // Whoever read has enough.
                Ok(false) => return Ok(()),
                Err(problem) if problem.code == Code::ServerUnreachable => problem,
                Err(problem) => return Err(problem),
            };
            breaks = if offset > before { 0 } else { breaks + 1 };
            if breaks == BREAKS_MAX {
                return Err(problem);
            }
            time::sleep(BREAK_PAUSE * 2_u32.pow(breaks)).await;
        }
        if hasher.finish() != *hash {
            return Err(differs(hash));
        }
        self.tally.printed(offset);
        Ok(())
    }

    async fn print_from(
        &self,
        hash: &ContentHash,
        offset: &mut u64,
        hasher: &mut ContentHasher,
    ) -> Result<bool, Problem> {
        let Some(mut reader) = self.open(hash, *offset).await? else {
            return Ok(true);
        };
        let mut skip = offset.saturating_sub(reader.from);
        let mut left = reader.total.saturating_sub(*offset);
        while let Some(bytes) = reader.download.chunk().await? {
            let passed = skip.min(bytes.len() as u64);
            skip -= passed;
            let bytes = bytes.slice(usize::try_from(passed).expect("it is within the piece")..);
            if bytes.len() as u64 > left {
                return Err(Problem::new(
                    Code::ServerAnswer,
                    "more came than was announced",
                ));
            }
            left -= bytes.len() as u64;
            *offset += bytes.len() as u64;
            hasher.update(&bytes);
            self.tally.advance(bytes.len() as u64);
            if !blocking(move || target::print(&bytes)).await? {
                return Ok(false);
            }
        }
        if left > 0 { Err(cut_off()) } else { Ok(true) }
    }
}

/// Tells whether a fault is about one blob, so that others may still come.
pub(super) const fn is_of_one_blob(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::BlobCorrupt | Code::HashDiffers | Code::NothingNamed | Code::NotFound
    )
}

fn cut_off() -> Problem {
    Problem::new(
        Code::ServerUnreachable,
        "the connection ended in the middle of a blob",
    )
}

fn differs(hash: &ContentHash) -> Problem {
    let detail = format!("what came has another hash than {hash}");
    Problem::new(Code::HashDiffers, detail)
}
