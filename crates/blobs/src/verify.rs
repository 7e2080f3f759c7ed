//! Whether a blob still has its hash.

use base::ContentHash;

use crate::rows::Place;
use crate::view::Found;
use crate::{Blobs, ReadError};

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The blob is whole.
    Whole,
    /// The bytes have another hash. They are not used any more, and the blob can be stored again.
    Damaged {
        /// The hash that the bytes have; that of no bytes when they cannot be found.
        actual: ContentHash,
    },
    /// There is no such blob.
    Missing,
}

impl Blobs {
    /// Reads a blob and compares its SHA-256. One that is damaged is set aside.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails.
    ///
    /// # Cancel safety
    ///
    /// May be dropped; the reading goes on to its end.
    pub async fn verify(&self, hash: &ContentHash) -> Result<Verdict, ReadError> {
        let (blobs, hash) = (self.clone(), *hash);
        self.core()
            .files
            .run(move || blobs.verify_blocking(&hash))
            .await
    }

    pub(crate) fn verify_blocking(&self, hash: &ContentHash) -> Result<Verdict, ReadError> {
        match self.core().find_sound(self.namespace, hash) {
            Ok(Some(_)) => self.verify_bytes(hash),
            Ok(None) => Ok(Verdict::Missing),
            Err(ReadError::Damaged { .. }) => Ok(Verdict::Damaged {
                actual: ContentHash::of(b""),
            }),
            Err(error) => Err(error),
        }
    }

    /// As [`Blobs::verify`], whichever namespaces have it.
    pub(crate) fn verify_bytes(&self, hash: &ContentHash) -> Result<Verdict, ReadError> {
        let core = self.core();
        let mut wrong = None;
        loop {
            core.cache.close(hash);
            // Past every cache.
            let row = core.view.blob(hash.as_bytes())?;
            let Some(row) = row.filter(|row| row.place != Place::Nowhere) else {
                return Ok(Verdict::Missing);
            };
            let found = Found {
                place: row.place,
                bytes: row.bytes,
                root: row.root,
                tier: 0,
            };
            let actual = core.hash_of(hash, &found)?;
            if actual == Some(*hash) {
                return Ok(Verdict::Whole);
            }
            if wrong == Some(found.place) {
                self.set_aside(hash, found.place);
                let actual = actual.unwrap_or_else(|| ContentHash::of(b""));
                return Ok(Verdict::Damaged { actual });
            }
            wrong = Some(found.place);
        }
    }
}
