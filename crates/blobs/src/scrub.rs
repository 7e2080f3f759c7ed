//! Reading everything again from time to time, at a gentle pace, to find what the disk has lost.
//!
//! What is decided is decided in `storage_core::scrub`; here blobs are listed, read past every cache, and set aside, and
//! the log is read from end to end. What is kept twice is mended: the groups beside a large blob are taken from its
//! bytes, and a record of the log is written again from the index.

mod walk;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base::{ContentHash, Machine as _};
use storage_core::Sum;
use storage_core::scrub::{
    Call, Checked, Fault, Input, Item, Output, Position, Report, Scrub, Terms,
};

use crate::rows::Place;
use crate::view::Found;
use crate::{Blobs, ReadError, Verdict};

use walk::{LogReader, Piece};

/// How many damaged blobs a scrub names, and how many places of the log; all are counted.
const NAMED_MAX: usize = 1_000;

/// What a scrub is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubOptions {
    /// How many bytes are read per second, on average; 0 is as fast as it goes.
    pub bytes_per_sec: u64,
    /// Whether it goes on where the last one stopped.
    pub is_resumed: bool,
}

/// What a scrub came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// What this pass found.
    pub report: Report,
    /// All blobs of the store that are damaged when it is over, whenever that was found: neither stored again since nor
    /// in the trash.
    pub standing: Sum,
    /// At most 1,000 of them.
    pub standing_named: Vec<Item>,
}

/// What a walk over a piece of the log came to: bytes, damaged places, and whether the log ends there.
type Walked = Result<(u64, Vec<Fault>, bool), ReadError>;

fn page_input(call: Call, page: Result<Vec<Item>, ReadError>) -> Input {
    match page {
        Ok(items) => Input::Page { call, items },
        Err(error) => {
            tracing::warn!(target: "blobs::event::scrub_failed", %error, "blobs could not be listed");
            Input::ListFailed { call }
        }
    }
}

fn walked_input(call: Call, walked: Walked) -> Input {
    match walked {
        Ok((bytes, faults, is_end)) => Input::Walked {
            call,
            bytes,
            faults,
            is_end,
        },
        Err(error) => {
            tracing::warn!(target: "blobs::event::scrub_failed", %error, "the log could not be read");
            Input::WalkFailed { call }
        }
    }
}

impl Blobs {
    /// Checks all blobs of the store once, whichever namespaces have them, and sets aside what is damaged; then reads the
    /// whole log. `told` hears how far it is; dropped or stopped, the next one can go on there, also after a restart.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the pass ended before all blobs were listed. What could not be read is in the report.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn scrub(
        &self,
        options: ScrubOptions,
        mut told: impl FnMut(Position) + Send,
    ) -> Result<Scrubbed, ReadError> {
        let core = Arc::clone(self.core());
        let from = core.scrub_after().filter(|_| options.is_resumed);
        let terms = Terms {
            bytes_per_sec: options.bytes_per_sec,
            damaged_named_max: NAMED_MAX,
            ..Terms::default()
        };
        let mut scrub = Scrub::new(terms, from);
        let mut reader = LogReader::new(&core);
        scrub.handle(core.clock.now(), Input::Go);
        loop {
            while let Some(output) = scrub.poll_output() {
                let input = match output {
                    Output::List { call, after, limit } => {
                        page_input(call, self.list_all(after, limit).await)
                    }
                    Output::Check { call, item } => Input::Checked {
                        call,
                        outcome: self.check(item).await,
                    },
                    // The check has set it aside.
                    Output::Quarantine { call, item } => Input::Quarantined {
                        call,
                        is_done: self.is_set_aside(item.hash).await,
                    },
                    Output::Walk { call, bytes_max } => {
                        let (rest, walked) = self.walk(reader, bytes_max).await;
                        reader = rest;
                        walked_input(call, walked)
                    }
                    Output::Progress(position) => {
                        self.remember(position.after);
                        told(position);
                        continue;
                    }
                    Output::Finished(report) => {
                        if report.is_whole {
                            self.remember(None);
                        }
                        return self.scrubbed(*report).await;
                    }
                };
                scrub.handle(core.clock.now(), input);
            }
            let Some((deadline, _)) = scrub.poll_timeout() else {
                // Without a deadline and without a request there is nothing left to do.
                scrub.handle(core.clock.now(), Input::Stop);
                continue;
            };
            let now = core.clock.now();
            let pause = deadline.since(now);
            if pause > base::Duration::ZERO {
                tokio::time::sleep(Duration::from(pause)).await;
            }
            scrub.handle(core.clock.now().max(deadline), Input::Timeout);
        }
    }

    /// Adds what was known to be damaged before.
    async fn scrubbed(&self, report: Report) -> Result<Scrubbed, ReadError> {
        let blobs = self.clone();
        let standing = move || blobs.standing(NAMED_MAX);
        let (standing_named, standing) = self.core().files.run(standing).await?;
        Ok(Scrubbed {
            report,
            standing,
            standing_named,
        })
    }

    /// Reads on in the log and looks after what is damaged there.
    async fn walk(&self, mut reader: LogReader, bytes_max: u64) -> (LogReader, Walked) {
        let core = Arc::clone(self.core());
        let (reader, piece) = self
            .core()
            .files
            .run(move || {
                let piece = reader.read(&core, bytes_max);
                (reader, piece)
            })
            .await;
        let faults = async {
            let Piece {
                bytes,
                places,
                is_end,
            } = piece?;
            let mut faults = Vec::new();
            for place in places {
                faults.extend(self.mend(place).await?);
            }
            Ok((bytes, faults, is_end))
        };
        (reader, faults.await)
    }

    async fn list_all(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        let core = Arc::clone(self.core());
        let list = move || core.view.blobs(after.map(|after| *after.as_bytes()), limit);
        let rows = self.core().files.run(list).await?;
        let items = rows.into_iter().map(|(hash, row)| Item {
            hash: ContentHash::from_bytes(hash),
            bytes: row.bytes,
        });
        Ok(items.collect())
    }

    async fn check(&self, item: Item) -> Checked {
        let blobs = self.clone();
        let checked = self
            .core()
            .files
            .run(move || blobs.check_blocking(&item.hash))
            .await;
        self.core().counters.count_scrubbed(item.bytes);
        match checked {
            Ok(checked) => checked,
            Err(error) => {
                tracing::warn!(target: "blobs::event::scrub_failed", hash = %item.hash, %error, "a blob could not be read");
                Checked::Failed
            }
        }
    }

    fn check_blocking(&self, hash: &ContentHash) -> Result<Checked, ReadError> {
        match self.verify_bytes(hash)? {
            Verdict::Whole => {}
            Verdict::Damaged { .. } => return Ok(Checked::Damaged),
            Verdict::Missing => return Ok(Checked::Gone),
        }
        let core = self.core();
        let row = core.view.blob(hash.as_bytes())?;
        let Some(row) = row.filter(|row| row.place != Place::Nowhere) else {
            return Ok(Checked::Gone);
        };
        let found = Found {
            place: row.place,
            bytes: row.bytes,
            root: row.root,
            tier: 0,
        };
        Ok(match core.mend_groups(hash, &found)? {
            Some(false) => Checked::Sound,
            Some(true) => Checked::Mended,
            None => Checked::Failed,
        })
    }

    async fn is_set_aside(&self, hash: ContentHash) -> bool {
        let core = Arc::clone(self.core());
        let row = self
            .core()
            .files
            .run(move || core.view.blob(hash.as_bytes()))
            .await;
        row.is_ok_and(|row| row.is_none_or(|row| row.place == Place::Nowhere))
    }

    fn remember(&self, after: Option<ContentHash>) {
        let mut scrub = self
            .core()
            .scrub
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *scrub = after.map(|after| *after.as_bytes());
    }
}

#[cfg(test)]
mod tests;
