//! A blob whose bytes lie on the store's disk already: a file of more than 1 MiB gets a second name, and nothing of it is
//! written again.

use base::ContentHash;
use bytes::Bytes;
use wire::blobs::SMALL_BYTES_MAX;

use super::draft::Draft;
use super::{Put, Stored, StoredAnswer};
use crate::files::Temporary;
use crate::rows::Place;
use crate::writer::Command;
use crate::{Blobs, PutError};

/// How much is read at once, in bytes.
const PIECE_BYTES: u64 = 1_024 * 1_024;

impl Blobs {
    /// Stores a file of [`Blobs::disk`] that has `bytes` bytes. It stays under its own name, to be removed by the caller
    /// once this has returned, and must not be changed any more; what of it is a blob then is not removed with it.
    ///
    /// Where a file can have two names, only what is small enough for the log is written again.
    ///
    /// # Errors
    ///
    /// As [`Upload::write`](crate::Upload::write) and [`Upload::finish`](crate::Upload::finish).
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the blob is either stored or it is not, never in part.
    pub async fn adopt(&self, path: &str, bytes: u64, put: Put) -> Result<Stored, PutError> {
        let holds = put.holds;
        let (blobs, path) = (self.clone(), path.to_owned());
        let files = &self.core().files;
        let adopted = files.run(move || blobs.adopt_blocking(&path, bytes, put));
        let (command, answer) = adopted.await?;
        self.stored(command, answer, holds).await
    }

    /// Tells whether the namespace counts a blob already, live or in its trash, so that storing it takes no room of it.
    ///
    /// # Errors
    ///
    /// [`PutError::Write`] when it cannot be found out.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn counts(&self, hash: &ContentHash) -> Result<bool, PutError> {
        let (blobs, hash) = (self.clone(), *hash);
        let files = &self.core().files;
        files.run(move || blobs.counts_blocking(&hash)).await
    }

    fn counts_blocking(&self, hash: &ContentHash) -> Result<bool, PutError> {
        let view = &self.core().view;
        let blob = view.blob(hash.as_bytes())?;
        let has_bytes = blob.is_some_and(|blob| blob.place != Place::Nowhere);
        Ok(has_bytes && view.member(self.namespace, hash.as_bytes())?.is_some())
    }

    fn adopt_blocking(
        &self,
        path: &str,
        bytes: u64,
        put: Put,
    ) -> Result<(Command, StoredAnswer), PutError> {
        let core = self.core();
        let limit = core.limits.blob_bytes_max;
        if bytes > limit {
            return Err(PutError::TooLarge { limit });
        }
        let needs_room = match put.expected {
            Some(expected) => !self.counts_blocking(&expected)?,
            None => true,
        };
        if bytes > SMALL_BYTES_MAX as u64
            && let Ok(file) = Temporary::link(&core.disk, path)
        {
            let received = file.len();
            if received != bytes {
                let announced = bytes;
                return Err(PutError::Length {
                    announced,
                    received,
                });
            }
            let mut draft = Draft::of(self, file, needs_room)?;
            self.pieces(path, bytes, |piece| {
                draft.hash(&piece);
                Ok(())
            })?;
            return draft.finish(self, put);
        }
        let mut upload = self.upload_blocking();
        upload.needs_room = needs_room;
        self.pieces(path, bytes, |piece| upload.write_blocking(piece))?;
        upload.prepare(self, put)
    }

    /// Reads a file from its beginning.
    fn pieces(
        &self,
        path: &str,
        bytes: u64,
        mut take: impl FnMut(Bytes) -> Result<(), PutError>,
    ) -> Result<(), PutError> {
        let core = self.core();
        let failed = |attempt, source| core.write_failed(attempt, path, source);
        let file = core
            .disk
            .open(path)
            .map_err(|source| failed("open", source))?;
        let file = file.ok_or_else(|| failed("open", std::io::ErrorKind::NotFound.into()))?;
        let mut offset = 0;
        while offset < bytes {
            let len = PIECE_BYTES.min(bytes - offset);
            let mut piece = vec![0; usize::try_from(len).expect("a piece is a megabyte")];
            disk::read_exact_at(file.as_ref(), offset, &mut piece)
                .map_err(|source| failed("read", source))?;
            offset += len;
            take(Bytes::from(piece))?;
        }
        Ok(())
    }
}
