//! Reading everything again from time to time, at a gentle pace, to find what the disk has lost.
//!
//! What is decided is decided in `storage_core::scrub`; here blobs are listed, read past every cache, and set aside.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base::{ContentHash, Machine as _};
use storage_core::scrub::{Checked, Input, Item, Output, Position, Report, Scrub, Terms};

use crate::{Blobs, ReadError, Verdict};

/// What a scrub is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubOptions {
    /// How many bytes are read per second, on average; 0 is as fast as it goes.
    pub bytes_per_sec: u64,
    /// Whether it goes on where the last one stopped.
    pub is_resumed: bool,
}

impl Blobs {
    /// Checks all blobs of the store once, whichever namespaces have them, and sets aside what is damaged. `told` hears
    /// how far it is; dropped or stopped, the next one can go on there, also after a restart.
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
    ) -> Result<Report, ReadError> {
        let core = Arc::clone(self.core());
        let from = core.scrub_after().filter(|_| options.is_resumed);
        let terms = Terms {
            bytes_per_sec: options.bytes_per_sec,
            ..Terms::default()
        };
        let mut scrub = Scrub::new(terms, from);
        scrub.handle(core.clock.now(), Input::Go);
        loop {
            while let Some(output) = scrub.poll_output() {
                let input = match output {
                    Output::List { call, after, limit } => {
                        match self.list_all(after, limit).await {
                            Ok(items) => Input::Page { call, items },
                            Err(error) => {
                                tracing::warn!(target: "blobs::event::scrub_failed", %error, "blobs could not be listed");
                                Input::ListFailed { call }
                            }
                        }
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
                    Output::Progress(position) => {
                        self.remember(position.after);
                        told(position);
                        continue;
                    }
                    Output::Finished(report) => {
                        if report.is_whole {
                            self.remember(None);
                        }
                        return Ok(*report);
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
        let verdict = self
            .core()
            .files
            .run(move || blobs.verify_bytes(&item.hash))
            .await;
        self.core().counters.count_scrubbed(item.bytes);
        match verdict {
            Ok(Verdict::Whole) => Checked::Sound,
            Ok(Verdict::Damaged { .. }) => Checked::Damaged,
            Ok(Verdict::Missing) => Checked::Gone,
            Err(error) => {
                tracing::warn!(target: "blobs::event::scrub_failed", hash = %item.hash, %error, "a blob could not be read");
                Checked::Failed
            }
        }
    }

    async fn is_set_aside(&self, hash: ContentHash) -> bool {
        let core = Arc::clone(self.core());
        let row = self
            .core()
            .files
            .run(move || core.view.blob(hash.as_bytes()))
            .await;
        row.is_ok_and(|row| row.is_none_or(|row| row.place == crate::rows::Place::Nowhere))
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
