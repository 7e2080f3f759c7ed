//! From a complete upload to a blob.
//!
//! Storing the same bytes again does no harm, so that whoever finds an upload complete may try: the request that
//! brought its last byte, one that asks for it later, or the sweep after a restart.

use base::{Code, ContentHash, Problem};
use blobs::{Blobs, Put, Stored};
use storage_core::tag::TagName;
use storage_core::upload::{Finish, Metadata, Phase};

use super::stage::bytes_path;
use super::{Slot, Uploads, stage};
use crate::routes::{holds, refusal};

/// How many bytes tell what a blob leads to.
const BEGINNING_BYTES: usize = 4_096;

impl Uploads {
    /// Stores what an upload holds, when it is complete and nobody does so yet; returns the blob that it has become.
    ///
    /// # Errors
    /// What keeps the bytes from being stored. When they are not what was promised the upload is over; otherwise the
    /// next call tries again.
    ///
    /// # Cancel safety
    /// Not to be dropped half-way: the upload would wait for the next start.
    pub(crate) async fn finish(
        &self,
        slot: &Slot,
        blobs: &Blobs,
    ) -> Result<Option<ContentHash>, Problem> {
        let mut held = slot.lock().await;
        let Some(bytes) = held.poll_finish() else {
            return Ok(match held.phase() {
                Phase::Stored(hash) => Some(hash),
                Phase::Receiving | Phase::Complete | Phase::Finishing | Phase::Ended => None,
            });
        };
        let metadata = held.metadata().clone();
        drop(held);
        let stored = self.store(slot, blobs, bytes, &metadata).await;
        let finish = match &stored {
            Ok(stored) => Finish::Stored(stored.hash),
            Err(problem) if problem.code == Code::DigestMismatch => Finish::Refused,
            Err(_) => Finish::Failed,
        };
        self.note(slot, finish).await;
        stored.map(|stored| Some(stored.hash))
    }

    /// Gives the staged bytes to the store of blobs.
    async fn store(
        &self,
        slot: &Slot,
        blobs: &Blobs,
        bytes: u64,
        metadata: &Metadata,
    ) -> Result<Stored, Problem> {
        let mut put = promised(metadata)?;
        let expected = put.expected;
        put.holds = Some(holds(&self.beginning(slot, bytes).await?));
        let path = bytes_path(&slot.id);
        let stored = blobs.adopt(&path, bytes, put).await;
        stored.map_err(|error| refusal(&error, expected))
    }

    /// Reads the first bytes.
    async fn beginning(&self, slot: &Slot, bytes: u64) -> Result<Vec<u8>, Problem> {
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let read = self.0.files.run(move || {
            let file = stage.bytes(&id)?;
            let len =
                usize::try_from(bytes).map_or(BEGINNING_BYTES, |len| len.min(BEGINNING_BYTES));
            let mut beginning = vec![0; len];
            disk::read_exact_at(file.as_ref(), 0, &mut beginning)?;
            Ok::<_, std::io::Error>(beginning)
        });
        read.await.map_err(|error| stage::problem(&error))
    }

    /// Notes how storing ended; what is a blob or was refused needs its staged bytes no longer. What cannot be noted is
    /// made up for by the sweep.
    async fn note(&self, slot: &Slot, finish: Finish) {
        let mut held = slot.lock().await;
        held.finished(self.now(), finish, &self.0.limits);
        if finish == Finish::Failed {
            return;
        }
        slot.close();
        if let Err(problem) = self.tidy(slot, held).await {
            tracing::warn!(%problem, "the end of an upload could not be noted");
        }
    }
}

/// Reads what the metadata promises and wishes: the hash of the whole, and a tag.
///
/// # Errors
/// [`Code::MalformedHash`] and [`Code::MalformedName`].
pub(crate) fn promised(metadata: &Metadata) -> Result<Put, Problem> {
    let expected = metadata.text("sha256").map(str::parse::<ContentHash>);
    let expected = expected.transpose().map_err(|error| {
        Problem::new(
            Code::MalformedHash,
            format!("sha256 of Upload-Metadata: {error}"),
        )
    })?;
    let tag = metadata.text("tag").map(str::parse::<TagName>).transpose();
    let tag = tag.map_err(|error| {
        Problem::new(
            Code::MalformedName,
            format!("tag of Upload-Metadata: {error}"),
        )
    })?;
    Ok(Put {
        expected,
        tag,
        holds: None,
        lease: None,
    })
}
