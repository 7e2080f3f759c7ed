//! From the disk into memory: what is read is compared with the blob's hash first.
//!
//! A blob of at most one group is compared with its SHA-256, one of at most one chunk with its BLAKE3 root. Of a longer
//! one each chunk is compared with a chaining value that leads to the root; the list of them is in the log before the
//! bytes, or in the file beside them, and is taken from all bytes again when it does not lead there.
//!
//! What differs is looked up once more before it is called damaged: it may have been moved, or the file replaced, since
//! it was looked up. All of this blocks.

use std::sync::Arc;

use base::{ContentHash, ContentHasher};
use bytes::Bytes;
use disk::DiskFile;
use disk::log::{Position, ReadLogError};
use wire::blobs::{BLOB_HEAD_BYTES, GROUP_BYTES, SMALL_BYTES_MAX};

use crate::blob::place_of;
use crate::core::{Core, outboard_of};
use crate::files::Temporary;
use crate::groups::{Checks, GroupHasher, Groups, Root, groups_of, outboard_bytes};
use crate::rows::Place;
use crate::view::Found;
use crate::{Blobs, CHUNK_BYTES, ReadError};

/// What came out of reading bytes that are to be compared.
enum Got<T> {
    /// They are right.
    Right(T),
    /// They are not, or are not there.
    Wrong,
}

/// Where the bytes of a blob are read.
enum Source {
    Log(Position, u32),
    File(Arc<dyn DiskFile>),
}

impl Blobs {
    /// Returns a chunk of a blob, from memory or from the disk.
    pub(crate) fn load(&self, hash: &ContentHash, index: u64) -> Result<Bytes, ReadError> {
        let key = (*hash, index);
        if let Some(chunk) = self.core().cache.chunk(&key) {
            return Ok(chunk);
        }
        let chunk = self.read_right(hash, |core, found| core.read_chunk(hash, found, index))?;
        self.core().cache.keep_chunk(key, &chunk);
        Ok(chunk)
    }

    /// Returns what the chunks of a blob of several chunks are compared with.
    pub(crate) fn checks_of(&self, hash: &ContentHash) -> Result<Checks, ReadError> {
        self.read_right(hash, |core, found| core.checks_of(hash, found))
    }

    /// Returns a small blob that is in memory: the first chunk of a blob of at most [`CHUNK_BYTES`]. Neither waits nor
    /// copies; `None` when it is not there, or not in memory.
    #[must_use]
    pub fn get_small(&self, hash: &ContentHash) -> Option<Bytes> {
        let core = self.core();
        let found = core.known.get(self.namespace, hash.as_bytes())?;
        if found.bytes > CHUNK_BYTES as u64 {
            return None;
        }
        if found.bytes == 0 {
            return Some(Bytes::new());
        }
        core.cache.chunk(&(*hash, 0))
    }

    /// Returns a whole blob of at most 1 MiB, from memory or from the disk; `None` when it is not in the namespace, or
    /// is larger. Blocks.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails or the blob is damaged.
    pub fn read_small(&self, hash: &ContentHash) -> Result<Option<Bytes>, ReadError> {
        let core = self.core();
        let Some(found) = core.find_sound(self.namespace, hash)? else {
            return Ok(None);
        };
        if found.bytes == 0 {
            return Ok(Some(Bytes::new()));
        }
        if found.bytes <= CHUNK_BYTES as u64 {
            let key = (*hash, 0);
            if let Some(chunk) = core.cache.chunk(&key) {
                return Ok(Some(chunk));
            }
            if let Got::Right(chunk) = core.read_chunk(hash, &found, 0)? {
                core.cache.keep_chunk(key, &chunk);
                return Ok(Some(chunk));
            }
            return self.load(hash, 0).map(Some);
        }
        if found.bytes > SMALL_BYTES_MAX as u64 {
            return Ok(None);
        }
        self.read_right(hash, |core, found| core.read_whole(hash, found))
            .map(Some)
    }

    /// Reads with `read`; what is wrong twice at one place is damaged, and is not used any more.
    fn read_right<T>(
        &self,
        hash: &ContentHash,
        read: impl Fn(&Core, &Found) -> Result<Got<T>, ReadError>,
    ) -> Result<T, ReadError> {
        let core = self.core();
        let mut wrong = None;
        loop {
            let Some(found) = core.find(self.namespace, hash)? else {
                return Err(match wrong {
                    Some(_) => ReadError::Damaged { hash: *hash },
                    None => self.why_gone(hash),
                });
            };
            if let Got::Right(read) = read(core, &found)? {
                return Ok(read);
            }
            if wrong == Some(found.place) {
                self.set_aside(hash, found.place);
                return Err(ReadError::Damaged { hash: *hash });
            }
            wrong = Some(found.place);
            core.known.forget(self.namespace, hash.as_bytes());
            core.cache.close(hash);
        }
    }

    /// Says that the bytes at a place are damaged.
    pub(crate) fn set_aside(&self, hash: &ContentHash, place: Place) {
        let of = *hash;
        let written = self.ask_blocking(128, move |writer, appender| {
            writer.damaged(&of, place, appender)
        });
        if let Err(error) = written {
            tracing::error!(target: "blobs::event::damage_unwritten", %hash, %error, "a blob is damaged, and that could not be written down");
        }
    }

    fn why_gone(&self, hash: &ContentHash) -> ReadError {
        match self.core().view.member(self.namespace, hash.as_bytes()) {
            Ok(Some(member)) if member.is_damaged => ReadError::Damaged { hash: *hash },
            Ok(_) => ReadError::Gone { hash: *hash },
            Err(error) => ReadError::Index(error),
        }
    }
}

impl Core {
    /// Reads a chunk and compares it.
    fn read_chunk(
        &self,
        hash: &ContentHash,
        found: &Found,
        index: u64,
    ) -> Result<Got<Bytes>, ReadError> {
        let (offset, count) = place_of(found.bytes, index);
        if found.bytes <= CHUNK_BYTES as u64 {
            self.cache.count_chunk_read();
            return self.read_whole(hash, found);
        }
        let checks = match self.cache.checks(hash) {
            Some(checks) => checks,
            None => match self.checks_of(hash, found)? {
                Got::Right(checks) => checks,
                Got::Wrong => return Ok(Got::Wrong),
            },
        };
        let Some(source) = self.source(hash, found)? else {
            return Ok(Got::Wrong);
        };
        self.cache.count_chunk_read();
        let mut chunk = vec![0; count];
        if !self.read(hash, &source, offset, &mut chunk)? || !checks.admit(index, &chunk) {
            return Ok(Got::Wrong);
        }
        Ok(Got::Right(Bytes::from(chunk)))
    }

    /// Reads a blob that fits into memory and compares it.
    fn read_whole(&self, hash: &ContentHash, found: &Found) -> Result<Got<Bytes>, ReadError> {
        let Some(source) = self.source(hash, found)? else {
            return Ok(Got::Wrong);
        };
        let mut bytes = vec![0; usize::try_from(found.bytes).unwrap_or(usize::MAX)];
        if !self.read(hash, &source, 0, &mut bytes)? {
            return Ok(Got::Wrong);
        }
        let is_right = match found.root {
            Some(root) if bytes.len() > GROUP_BYTES => *blake3::hash(&bytes).as_bytes() == root,
            Some(_) | None => ContentHash::of(&bytes) == *hash,
        };
        Ok(match is_right {
            true => Got::Right(Bytes::from(bytes)),
            false => Got::Wrong,
        })
    }

    /// Takes the checks of a blob of several chunks: from memory, from its list of groups, or from all its bytes.
    fn checks_of(&self, hash: &ContentHash, found: &Found) -> Result<Got<Checks>, ReadError> {
        if let Some(checks) = self.cache.checks(hash) {
            return Ok(Got::Right(checks));
        }
        let (Some(root), Some(source)) = (found.root, self.source(hash, found)?) else {
            return Ok(Got::Wrong);
        };
        if let Some(checks) = self.stored_checks(hash, found, &source, &root)? {
            self.cache.keep_checks(*hash, &checks);
            return Ok(Got::Right(checks));
        }
        let Some((_, groups, actual)) = self.hash_all(hash, found, &source)? else {
            return Ok(Got::Wrong);
        };
        let Some(checks) = groups.checks(&root).filter(|_| actual == root) else {
            return Ok(Got::Wrong);
        };
        self.cache.keep_checks(*hash, &checks);
        if matches!(source, Source::File(_)) {
            self.write_outboard(hash, found.bytes, &groups, &root);
        }
        Ok(Got::Right(checks))
    }

    fn stored_checks(
        &self,
        hash: &ContentHash,
        found: &Found,
        source: &Source,
        root: &Root,
    ) -> Result<Option<Checks>, ReadError> {
        let groups = match source {
            Source::Log(record, _) => {
                let mut list =
                    vec![0; usize::try_from(groups_of(found.bytes) * 32).unwrap_or_default()];
                let read = self
                    .log
                    .read_body_at(record, BLOB_HEAD_BYTES as u32, &mut list);
                match self.is_read(read)? {
                    true => Groups::read(&list),
                    false => None,
                }
            }
            Source::File(_) => self.read_outboard(hash, found.bytes, root),
        };
        let checks = groups.and_then(|groups| groups.checks(root));
        if checks.is_none() {
            tracing::info!(target: "blobs::event::groups_wrong", %hash, "the groups of a blob are taken again");
        }
        Ok(checks)
    }

    /// Hashes all bytes of a blob; `None` when they are not all there.
    fn hash_all(
        &self,
        hash: &ContentHash,
        found: &Found,
        source: &Source,
    ) -> Result<Option<(ContentHash, Groups, Root)>, ReadError> {
        self.cache.count_blob_hashed();
        let (mut hasher, mut groups) = (ContentHasher::new(), GroupHasher::default());
        let mut buffer = vec![0; CHUNK_BYTES];
        for index in 0..found.bytes.div_ceil(CHUNK_BYTES as u64) {
            let (offset, count) = place_of(found.bytes, index);
            if !self.read(hash, source, offset, &mut buffer[..count])? {
                return Ok(None);
            }
            hasher.update(&buffer[..count]);
            groups.update(&buffer[..count]);
        }
        let (groups, root) = groups.finish();
        Ok(Some((hasher.finish(), groups, root)))
    }

    /// Looks at the list of groups beside a blob in a file whose bytes are right. One that does not lead to the root is
    /// made again from the bytes; tells whether it was, or `None` when the new one could not be kept.
    pub(crate) fn mend_groups(
        &self,
        hash: &ContentHash,
        found: &Found,
    ) -> Result<Option<bool>, ReadError> {
        let (Place::File(_), Some(root)) = (found.place, found.root) else {
            return Ok(Some(false));
        };
        if self.read_outboard(hash, found.bytes, &root).is_some() {
            return Ok(Some(false));
        }
        let Some(source) = self.source(hash, found)? else {
            return Ok(Some(false));
        };
        if let Some((_, groups, actual)) = self.hash_all(hash, found, &source)?
            && actual == root
        {
            self.write_outboard(hash, found.bytes, &groups, &root);
        }
        let kept = self.read_outboard(hash, found.bytes, &root);
        Ok(kept.map(|_| true))
    }

    /// Returns the SHA-256 of the bytes that are at a blob's place now; `None` when they are not all there.
    pub(crate) fn hash_of(
        &self,
        hash: &ContentHash,
        found: &Found,
    ) -> Result<Option<ContentHash>, ReadError> {
        let Some(source) = self.source(hash, found)? else {
            return Ok(None);
        };
        if let Source::File(file) = &source {
            let len = file.len().map_err(|source| {
                self.read_failed("measure", &crate::core::file_of(hash), source)
            })?;
            if len != found.bytes {
                return self.hash_file(hash, &**file, len).map(Some);
            }
        }
        Ok(self
            .hash_all(hash, found, &source)?
            .map(|(actual, _, _)| actual))
    }

    fn hash_file(
        &self,
        hash: &ContentHash,
        file: &dyn DiskFile,
        len: u64,
    ) -> Result<ContentHash, ReadError> {
        let mut hasher = ContentHasher::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        while offset < len {
            let count = file.read_at(offset, &mut buffer);
            let count = count
                .map_err(|source| self.read_failed("read", &crate::core::file_of(hash), source))?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            offset += count as u64;
        }
        Ok(hasher.finish())
    }

    /// Returns where to read; `None` when there is nothing.
    fn source(&self, hash: &ContentHash, found: &Found) -> Result<Option<Source>, ReadError> {
        Ok(match found.place {
            Place::Nowhere => None,
            Place::Log(record) => {
                let groups = match found.root {
                    Some(_) => groups_of(found.bytes),
                    None => 0,
                };
                let before = BLOB_HEAD_BYTES as u64 + groups * 32;
                Some(Source::Log(
                    record,
                    u32::try_from(before).unwrap_or(u32::MAX),
                ))
            }
            Place::File(_) => self.open_file(hash)?.map(Source::File),
        })
    }

    /// Fills a buffer with bytes of a blob from `offset` on; tells whether they are there.
    fn read(
        &self,
        hash: &ContentHash,
        source: &Source,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<bool, ReadError> {
        match source {
            Source::Log(record, data) => {
                let Some(offset) = u32::try_from(offset)
                    .ok()
                    .and_then(|offset| data.checked_add(offset))
                else {
                    return Ok(false);
                };
                self.is_read(self.log.read_body_at(record, offset, buffer))
            }
            Source::File(file) => match disk::read_exact_at(&**file, offset, buffer) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
                Err(error) => Err(self.read_failed("read", &crate::core::file_of(hash), error)),
            },
        }
    }

    /// Tells what is not there any more from what cannot be read.
    fn is_read(&self, read: Result<(), ReadLogError>) -> Result<bool, ReadError> {
        match read {
            Ok(()) => Ok(true),
            Err(
                ReadLogError::Gone
                | ReadLogError::NotCommitted
                | ReadLogError::Beyond
                | ReadLogError::Corrupt(_),
            ) => Ok(false),
            Err(error @ ReadLogError::Io { .. }) => {
                self.counters.count_read_failure();
                Err(ReadError::Log(error))
            }
        }
    }

    /// Reads the outboard of a blob in a file; `None` when there is none that checks out.
    fn read_outboard(&self, hash: &ContentHash, bytes: u64, root: &Root) -> Option<Groups> {
        let file = self.disk.open(&outboard_of(hash)).ok()??;
        let len = file.len().ok()?;
        if len != outboard_bytes(bytes)? {
            return None;
        }
        let mut outboard = vec![0; usize::try_from(len).ok()?];
        disk::read_exact_at(&*file, 0, &mut outboard).ok()?;
        Groups::decode(hash, bytes, root, &outboard)
    }

    fn write_outboard(&self, hash: &ContentHash, bytes: u64, groups: &Groups, root: &Root) {
        let written = Temporary::create(&self.disk).and_then(|mut file| {
            file.append(&[Bytes::from(groups.encode(hash, bytes, root))])?;
            file.rename(&outboard_of(hash))
        });
        if let Err(error) = written {
            tracing::warn!(target: "blobs::event::outboard_unwritten", %hash, %error, "the groups of a blob could not be kept");
        }
    }
}
