//! From a complete upload to a blob.
//!
//! Storing the same bytes again does no harm, so that whoever finds an upload complete may try: the request that
//! brought its last byte, one that asks for it later, or the sweep after a restart.

use std::sync::Arc;

use base::{Code, ContentHash, Problem};
use blobs::{Blobs, Put, PutError, Stored};
use bytes::Bytes;
use disk::DiskFile;
use storage_core::tag::TagName;
use storage_core::upload::{Finish, Metadata, Phase};

use super::{Slot, Uploads, stage};
use crate::routes::holds;

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 1_024 * 1_024;

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
        self.note(slot, finish).await?;
        stored.map(|stored| Some(stored.hash))
    }

    /// Reads the staged bytes into the store of blobs.
    async fn store(
        &self,
        slot: &Slot,
        blobs: &Blobs,
        bytes: u64,
        metadata: &Metadata,
    ) -> Result<Stored, Problem> {
        let mut put = promised(metadata)?;
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let opened = self.0.files.run(move || stage.bytes(&id)).await;
        let file = opened.map_err(|error| stage::problem(&error))?;
        let refused = |error: PutError| error.problem();
        let mut upload = blobs.upload(Some(bytes)).await.map_err(refused)?;
        let mut offset = 0;
        while offset < bytes {
            let len =
                usize::try_from(bytes - offset).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            let piece = self.read(&file, offset, len).await?;
            if offset == 0 {
                put.holds = Some(holds(&piece));
            }
            offset += piece.len() as u64;
            upload.write(piece).await.map_err(refused)?;
        }
        upload.finish_with(put).await.map_err(refused)
    }

    async fn read(
        &self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        len: usize,
    ) -> Result<Bytes, Problem> {
        let file = Arc::clone(file);
        let read = self.0.files.run(move || {
            let mut piece = vec![0; len];
            disk::read_exact_at(file.as_ref(), offset, &mut piece)?;
            Ok::<_, std::io::Error>(Bytes::from(piece))
        });
        read.await.map_err(|error| stage::problem(&error))
    }

    /// Notes how storing ended; what is a blob or was refused needs its staged bytes no longer.
    async fn note(&self, slot: &Slot, finish: Finish) -> Result<(), Problem> {
        let mut held = slot.lock().await;
        held.finished(self.now(), finish, &self.0.limits);
        if finish == Finish::Failed {
            return Ok(());
        }
        slot.close();
        let held = self.save(slot, held, None).await?;
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let removed = self.0.files.run(move || {
            let removed = stage.remove_bytes(&id);
            drop(held);
            removed
        });
        removed.await.map_err(|error| stage::problem(&error))
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
