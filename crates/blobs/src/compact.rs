//! Giving back the room of what nobody needs: segments that are mostly dead are emptied and used again.
//!
//! What is decided is decided in `storage_core::compaction`. A segment is given back only when everything that counts in
//! it lies elsewhere and the index on the disk says so.

use bytes::Bytes;
use disk::log::{ReadLogError, RecycleError, Walk, Walked};
use storage_core::compaction::{Segment, Terms, plan};
use thiserror::Error;
use wire::blobs::Kind;

use crate::rows::Place;
use crate::{Blobs, WriteError};

/// How many bytes of records the writer is given at once.
const BATCH_BYTES: usize = 1_024 * 1_024;

/// What a round of compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Segments that were given back.
    pub segments: u64,
    /// Bytes of records that were written again.
    pub copied_bytes: u64,
    /// Bytes that were given back, without those written again.
    pub freed_bytes: u64,
}

/// A round of compaction ended early. Nothing is lost; what was copied is there twice.
#[derive(Debug, Error)]
pub enum CompactError {
    /// Reading a segment.
    #[error(transparent)]
    Read(#[from] ReadLogError),
    /// Writing what still counts, or the index.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Giving a segment back.
    #[error(transparent)]
    Recycle(#[from] RecycleError),
}

impl Blobs {
    /// Does one round of compaction of the whole store, within the budget of `terms`.
    ///
    /// # Errors
    ///
    /// [`CompactError`].
    ///
    /// # Cancel safety
    ///
    /// May be dropped: what was copied is there twice until the next round.
    pub async fn compact(&self, terms: &Terms) -> Result<Compacted, CompactError> {
        let (plan, _) = plan(&self.segments(), terms);
        let mut compacted = Compacted::default();
        for segment in plan.segments {
            let used = self
                .segments()
                .iter()
                .find(|found| found.number == segment)
                .map_or(0, |found| found.bytes);
            let copied = self.empty(segment).await?;
            self.checkpoint().await?;
            let recycled = self.ask(0, move |writer, appender| {
                Ok(writer.recycle(segment, appender))
            });
            recycled.await??;
            compacted.segments += 1;
            compacted.copied_bytes += copied;
            compacted.freed_bytes += used.saturating_sub(copied);
        }
        Ok(compacted)
    }

    /// Returns the segments of the log and how much of each counts.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        let core = self.core();
        let stats = core.log.segments();
        let space = core.space();
        let segments = stats.into_iter().map(|stat| Segment {
            number: stat.number,
            // The head of the segment is never dead.
            bytes: stat.used_bytes.saturating_sub(64),
            live_bytes: space.segments.get(&stat.number).map_or(0, |used| used.live),
            is_sealed: stat.is_sealed,
        });
        segments.collect()
    }

    /// Copies what counts in a segment; returns how many bytes that took.
    async fn empty(&self, segment: u64) -> Result<u64, CompactError> {
        let core = self.core();
        let is_oldest = core
            .log
            .segments()
            .iter()
            .all(|stat| stat.number >= segment);
        let mut walk = core.log.walk(segment)?;
        let mut copied = 0;
        loop {
            let (batch, next) = core.files.run(move || read_batch(walk)).await?;
            walk = next;
            if batch.is_empty() {
                return Ok(copied);
            }
            let weight = batch.iter().map(|walked| walked.at.body_len as usize).sum();
            let bytes = self.ask(weight, move |writer, appender| {
                let mut bytes = 0;
                for Walked { at, head, body } in &batch {
                    let body = match body {
                        Ok(body) => body.clone(),
                        Err(corrupt) => {
                            tracing::error!(target: "blobs::event::log_damaged", ?corrupt, "a record of the log is damaged");
                            if let Some(Kind::Blob) = Kind::find(head.kind) {
                                writer.damaged(&base::ContentHash::from_bytes(head.key), Place::Log(*at), appender)?;
                            }
                            Bytes::new()
                        }
                    };
                    bytes += writer.copy_record(*at, head, &body, is_oldest, appender)?;
                }
                Ok(bytes)
            });
            copied += bytes.await?;
        }
    }
}

fn read_batch(mut walk: Walk) -> Result<(Vec<Walked>, Walk), ReadLogError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        let Some(walked) = walk.next()? else { break };
        bytes += 64 + walked.at.body_len as usize;
        batch.push(walked);
    }
    Ok((batch, walk))
}

#[cfg(test)]
mod tests;
