//! From the disk into memory: what is read is compared with the blob's hash first.
//!
//! A blob of at most one chunk is compared as it is. Of a longer one the digests of its chunks are taken once, while
//! the whole file is compared with its hash; then each chunk is compared with its digest.
//!
//! What differs is looked into before it is called damaged: the file may have been replaced since it was opened, or
//! the list of digests may be the wrong one. All of this blocks.

use std::sync::{Arc, PoisonError};

use base::{ContentHash, ContentHasher};
use bytes::Bytes;
use disk::{File, Mode};

use crate::digests::{Digester, Digests, sidecar_bytes};
use crate::store::{Inner, Place};
use crate::{Blob, CHUNK_BYTES, ReadError, Verdict};

/// Where the lists of digests lie, in folders as the blobs.
const SIDECARS: &str = "digests";

impl Inner {
    /// Opens a blob's file and keeps it open.
    pub(crate) fn open(&self, hash: ContentHash) -> Result<Option<Arc<File>>, ReadError> {
        let file = {
            // Not while it is replaced or set aside, so that no file is kept that has lost its name.
            let _held = self
                .folder_lock(&hash)
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let Some(file) = self.find(&hash)? else {
                return Ok(None);
            };
            if !file.is_empty() || hash == ContentHash::of(b"") {
                self.cache.keep_file(hash, &file);
                return Ok(Some(file));
            }
            file
        };
        // Of no bytes none can be compared later.
        drop(file);
        match self.verify(hash)? {
            Verdict::Whole => self.find(&hash),
            Verdict::Missing => Ok(None),
            Verdict::Damaged { .. } => Err(ReadError::Damaged { hash }),
        }
    }

    /// Returns a chunk of a blob, from memory or from the disk.
    pub(crate) fn load(&self, blob: &Blob, index: u64) -> Result<Bytes, ReadError> {
        let key = (blob.hash(), index);
        if let Some(chunk) = self.cache.chunk(&key) {
            return Ok(chunk);
        }
        let digests = match blob.is_one_chunk() {
            true => None,
            false => Some(self.digests_of(blob)?),
        };
        let chunk = self.read_whole_or_not(blob, index, digests.as_ref())?;
        self.cache.keep_chunk(key, &chunk);
        Ok(chunk)
    }

    /// Returns the digests of a blob of several chunks: from memory, from its sidecar, or taken from all its bytes.
    pub(crate) fn digests_of(&self, blob: &Blob) -> Result<Digests, ReadError> {
        let hash = blob.hash();
        if let Some(digests) = self.cache.digests(&hash) {
            return Ok(digests);
        }
        if let Some(digests) = self.read_sidecar(&hash, blob.len()) {
            self.cache.keep_digests(hash, &digests);
            return Ok(digests);
        }
        if let Some(digests) = self.take_digests(&hash, blob.file())? {
            return Ok(digests);
        }
        let file = self.look_into(blob)?;
        self.take_digests(&hash, &file)?
            .ok_or(ReadError::Damaged { hash })
    }

    /// Keeps the digests of a blob's bytes, when it has several chunks.
    pub(crate) fn keep_digests(&self, hash: &ContentHash, digests: Digests) {
        if digests.bytes() <= CHUNK_BYTES as u64 {
            return;
        }
        self.cache.keep_digests(*hash, &digests);
        if let Err(error) = self.write_sidecar(hash, &digests) {
            tracing::warn!(target: "blobs::event::sidecar_unwritten", %hash, %error, "the digests of a blob could not be kept");
        }
    }

    /// Lets go of all that is derived from a blob that is no longer here, except checked bytes.
    pub(crate) fn forget(&self, hash: &ContentHash) {
        self.cache.close(hash);
        self.cache.forget_digests(hash);
        let place = Place::of(hash);
        let removed = self.sidecar_folder(&place).map(|folder| match folder {
            Some(folder) => folder.remove(&place.name).map(drop),
            None => Ok(()),
        });
        // A sidecar without a blob does no harm.
        drop(removed);
    }

    fn read_whole_or_not(
        &self,
        blob: &Blob,
        index: u64,
        digests: Option<&Digests>,
    ) -> Result<Bytes, ReadError> {
        let hash = blob.hash();
        let damaged = ReadError::Damaged { hash };
        if let Some(chunk) = self.read_chunk(blob, blob.file(), index, digests)? {
            return Ok(chunk);
        }
        // It may have been replaced since it was opened.
        if let Some(file) = self.find(&hash)?
            && let Some(chunk) = self.read_chunk(blob, &file, index, digests)?
        {
            return Ok(chunk);
        }
        let file = self.look_into(blob)?;
        // The blob is whole, so the digests were not its own.
        let digests = match digests {
            Some(_) => Some(self.take_digests(&hash, &file)?.ok_or(damaged)?),
            None => None,
        };
        self.read_chunk(blob, &file, index, digests.as_ref())?
            .ok_or(ReadError::Damaged { hash })
    }

    /// Reads a chunk and compares it; `None` when it differs.
    fn read_chunk(
        &self,
        blob: &Blob,
        file: &File,
        index: u64,
        digests: Option<&Digests>,
    ) -> Result<Option<Bytes>, disk::ReadError> {
        let (offset, count) = blob.place_of(index);
        if file.len() != blob.len() || digests.is_some_and(|digests| digests.bytes() != blob.len())
        {
            return Ok(None);
        }
        self.cache.count_chunk_read();
        let mut chunk = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match file.read_at(offset + filled as u64, &mut chunk[filled..])? {
                0 => return Ok(None),
                more => filled += more,
            }
        }
        let is_right = match digests {
            Some(digests) => digests.admit(index, &chunk),
            None => ContentHash::of(&chunk) == blob.hash(),
        };
        Ok(is_right.then(|| Bytes::from(chunk)))
    }

    /// Finds out whether a blob is damaged, sets it aside when it is, and opens it when it is not.
    fn look_into(&self, blob: &Blob) -> Result<Arc<File>, ReadError> {
        let hash = blob.hash();
        self.cache.close(&hash);
        let file = match self.verify(hash)? {
            Verdict::Whole => self.find(&hash)?,
            Verdict::Damaged { .. } | Verdict::Missing => None,
        };
        file.filter(|file| file.len() == blob.len())
            .ok_or(ReadError::Damaged { hash })
    }

    /// Hashes a whole file and takes its digests; `None` when it does not have its hash.
    fn take_digests(
        &self,
        hash: &ContentHash,
        file: &File,
    ) -> Result<Option<Digests>, disk::ReadError> {
        self.cache.count_blob_hashed();
        let (mut hasher, mut digester) = (ContentHasher::new(), Digester::default());
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        loop {
            let count = file.read_at(offset, &mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            digester.update(&buffer[..count]);
            offset += count as u64;
        }
        if hasher.finish() != *hash {
            return Ok(None);
        }
        let digests = digester.finish();
        self.keep_digests(hash, digests.clone());
        Ok(Some(digests))
    }

    /// Reads the sidecar of a blob of `bytes` bytes; `None` when there is none that checks out.
    fn read_sidecar(&self, hash: &ContentHash, bytes: u64) -> Option<Digests> {
        let place = Place::of(hash);
        let limit = sidecar_bytes(bytes)?;
        let folder = self.sidecar_folder(&place).ok()??;
        let sidecar = folder.read(&place.name, limit).ok()??;
        let digests = Digests::decode(hash, bytes, &sidecar);
        if digests.is_none() {
            tracing::info!(target: "blobs::event::sidecar_wrong", %hash, "the digests of a blob are made again");
        }
        digests
    }

    fn write_sidecar(&self, hash: &ContentHash, digests: &Digests) -> Result<(), ReadError> {
        let place = Place::of(hash);
        let folder = match self.sidecar_folder(&place)? {
            Some(folder) => folder,
            None => self.folder.subfolder(SIDECARS)?.subfolder(&place.folder)?,
        };
        folder.write_derived(&place.name, &digests.encode(hash), Mode::Private)?;
        Ok(())
    }

    fn sidecar_folder(&self, place: &Place) -> Result<Option<disk::Folder>, disk::OpenError> {
        match self.folder.find_subfolder(SIDECARS)? {
            Some(sidecars) => sidecars.find_subfolder(&place.folder),
            None => Ok(None),
        }
    }
}
