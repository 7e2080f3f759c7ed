//! The writer: pushes are staged in memory, a commit writes and syncs them.
//!
//! A batch is a row of chunks, one for each segment that it touches; each is written and synced before the next one is
//! begun, so that a later segment proves all earlier ones.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use wire::segment::{
    BODY_BYTES_MAX, FLAG_MOVED, KIND_MARK, Lsn, RECORD_HEAD_BYTES, RecordHead, SEGMENT_HEAD_BYTES,
    STREAM_OF_LOG, SegmentHead, span,
};

use super::segment::{Name, Segment};
use super::shared::Shared;
use super::spare::{Failed, Spare};
use super::stage::{Begin, Chunk};
use super::{Attempt, CommitError, CopyError, Log, Part, Position, PushError, Record};
use crate::error::is_full;

/// The one writer of a log. Dropped, it closes the log.
#[derive(Debug)]
pub struct Appender {
    log: Log,
    /// The segment that is being written; `None` when the next log record begins one.
    active: Option<Arc<Segment>>,
    /// The number of the last segment that was ever begun.
    last_segment: u64,
    /// Where that one's log records end.
    last_end: u64,
    /// The last number that is on stable storage.
    last: Lsn,
    /// Something that was never acknowledged may lie behind the end.
    needs_mark: bool,
    chunks: Vec<Chunk>,
    records: usize,
    bytes: usize,
    buffer: Vec<u8>,
}

/// Where the writer begins.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) active: Option<Arc<Segment>>,
    pub(super) last_segment: u64,
    pub(super) last_end: u64,
    pub(super) last: Lsn,
}

/// Why a chunk was not written.
struct Broken {
    attempt: Attempt,
    path: PathBuf,
    source: io::Error,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>, start: Start) -> Self {
        let Start {
            active,
            last_segment,
            last_end,
            last,
        } = start;
        Self {
            needs_mark: active.is_some(),
            log: Log { shared },
            active,
            last_segment,
            last_end,
            last,
            chunks: Vec::new(),
            records: 0,
            bytes: 0,
            buffer: Vec::new(),
        }
    }

    /// Returns the log, for reading.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Stages a log record and returns where it will lie and which number it will have, once it is committed.
    ///
    /// # Errors
    ///
    /// [`PushError`]; what was staged before stays staged.
    pub fn push(&mut self, record: Record<'_>) -> Result<(Position, Lsn), PushError> {
        if record.stream == STREAM_OF_LOG {
            return Err(PushError::Stream);
        }
        let body_len = record
            .body
            .iter()
            .map(|part| part.bytes().len() as u64)
            .sum();
        let head = RecordHead {
            kind: record.kind,
            flags: 0,
            stream: record.stream,
            body_len: self.check_len(body_len)?,
            since_sync: 1,
            lsn: 0,
            body_crc: 0,
            key: record.key,
        };
        self.stage(head, record.body)
    }

    /// Returns how many log records and bytes are staged.
    #[must_use]
    pub const fn staged(&self) -> (usize, usize) {
        (self.records, self.bytes)
    }

    /// Drops everything that is staged.
    pub fn discard(&mut self) {
        self.chunks.clear();
        self.records = 0;
        self.bytes = 0;
    }

    /// Stages a committed log record once more, as moved.
    ///
    /// # Errors
    ///
    /// [`CopyError`].
    pub fn copy(&mut self, at: &Position) -> Result<(Position, Lsn), CopyError> {
        let (head, body) = self.log.read(at)?;
        self.check_len(u64::from(head.body_len))?;
        let head = RecordHead {
            flags: head.flags | FLAG_MOVED,
            ..head
        };
        Ok(self.stage(head, &[Part::Shared(&body)])?)
    }

    /// Writes everything that is staged, waits until it is on stable storage, and returns the last number.
    ///
    /// # Errors
    ///
    /// [`CommitError`]; whatever it is, nothing is staged afterwards.
    pub fn commit(&mut self) -> Result<Lsn, CommitError> {
        let mut chunks = std::mem::take(&mut self.chunks);
        self.records = 0;
        self.bytes = 0;
        let shared = Arc::clone(&self.log.shared);
        if let Some(error) = shared.poison() {
            return Err(error.clone());
        }
        if chunks.is_empty() {
            return Ok(self.last);
        }
        let mut spares = match self.spares(&mut chunks) {
            Ok(spares) => spares.into_iter(),
            Err(Failed { path, source }) => {
                let is_full = is_full(&source);
                let source = Arc::new(source);
                return Err(if is_full {
                    CommitError::Full { path, source }
                } else {
                    CommitError::Prepare { path, source }
                });
            }
        };
        let mut has_touched = false;
        for mut chunk in chunks {
            let spare = chunk.begins.and_then(|begin| Some((begin, spares.next()?)));
            if let Err(broken) = self.write(&mut chunk, spare) {
                spares.for_each(|spare| shared.put_back(spare));
                return Err(self.broken(broken, has_touched));
            }
            has_touched |= !chunk.is_mark;
            self.buffer = chunk.into_buffer();
        }
        self.want_spares();
        shared.tell();
        Ok(self.last)
    }

    fn check_len(&self, len: u64) -> Result<u32, PushError> {
        let room = self.log.shared.config.segment_bytes - SEGMENT_HEAD_BYTES as u64;
        let limit = u64::from(BODY_BYTES_MAX).min(room.saturating_sub(RECORD_HEAD_BYTES as u64));
        match u32::try_from(len) {
            Ok(len) if u64::from(len) <= limit => Ok(len),
            _ => Err(PushError::TooLarge { len, limit }),
        }
    }

    fn stage(&mut self, head: RecordHead, body: &[Part<'_>]) -> Result<(Position, Lsn), PushError> {
        if self.log.is_poisoned() {
            return Err(PushError::Poisoned);
        }
        self.make_room(head.span());
        let active = self.active.as_ref().map_or(0, |active| active.head.number);
        let chunk = self.chunks.last_mut().expect("there is a chunk with room");
        let offset = u32::try_from(chunk.end).expect("a segment has at most 1 GiB");
        let lsn = chunk.add(head, body);
        self.records += 1;
        self.bytes += usize::try_from(head.span()).expect("a body has at most 2 MiB");
        let segment = self
            .chunks
            .iter()
            .rev()
            .find_map(|chunk| chunk.begins)
            .map_or(active, |begin| begin.number);
        let position = Position {
            segment,
            offset,
            body_len: head.body_len,
        };
        Ok((position, lsn))
    }

    /// Makes sure that the last chunk can take so many bytes.
    fn make_room(&mut self, bytes: u64) {
        let Some(last) = self.chunks.last() else {
            self.first_chunk(bytes);
            return;
        };
        let begun = self.chunks.iter().rev().find_map(|chunk| chunk.begins);
        let limit = match (begun, &self.active) {
            (Some(begin), _) => begin.bytes,
            (None, Some(active)) => active.head.bytes,
            (None, None) => 0,
        };
        if last.end + bytes > limit {
            let number = begun.map_or(self.last_segment, |begin| begin.number) + 1;
            let begin = self.begin(number, bytes);
            let start = SEGMENT_HEAD_BYTES as u64;
            let chunk = Chunk::new(Some(begin), start, last.last, Vec::new());
            self.chunks.push(chunk);
        }
    }

    /// Begins a batch: in the segment that is being written, behind a mark if there must be one, or in a new one.
    fn first_chunk(&mut self, bytes: u64) {
        let buffer = std::mem::take(&mut self.buffer);
        let is_room = self
            .active
            .as_ref()
            .is_some_and(|active| self.fits(active, bytes));
        if !is_room {
            let begin = self.begin(self.last_segment + 1, bytes);
            let start = SEGMENT_HEAD_BYTES as u64;
            self.chunks
                .push(Chunk::new(Some(begin), start, self.last, buffer));
        } else if self.needs_mark {
            let mark = self.mark(self.last_end);
            let chunk = Chunk::new(None, mark.end, mark.last, buffer);
            self.chunks.push(mark);
            self.chunks.push(chunk);
        } else {
            self.chunks
                .push(Chunk::new(None, self.last_end, self.last, buffer));
        }
    }

    /// Tells whether so many bytes fit into the segment that is being written, with a mark if there must be one.
    fn fits(&self, active: &Segment, bytes: u64) -> bool {
        let mark = if self.needs_mark { span(0) } else { 0 };
        self.last_end + mark + bytes <= active.head.bytes
    }

    fn begin(&self, number: u64, bytes: u64) -> Begin {
        let config = &self.log.shared.config;
        let is_small =
            number == 1 && SEGMENT_HEAD_BYTES as u64 + bytes <= config.first_segment_bytes;
        let bytes = if is_small {
            config.first_segment_bytes
        } else {
            config.segment_bytes
        };
        Begin { number, bytes }
    }

    fn mark(&self, start: u64) -> Chunk {
        let mut mark = Chunk::new(None, start, self.last, Vec::new());
        mark.is_mark = true;
        let head = RecordHead {
            kind: KIND_MARK,
            flags: 0,
            stream: STREAM_OF_LOG,
            body_len: 0,
            since_sync: 1,
            lsn: 0,
            body_crc: 0,
            key: [0; 32],
        };
        mark.add(head, &[]);
        mark
    }

    /// Makes sure of all new segments before anything is written; they may be smaller than they were to be.
    fn spares(&self, chunks: &mut [Chunk]) -> Result<Vec<Spare>, Failed> {
        let shared = &self.log.shared;
        let mut spares = Vec::new();
        for chunk in chunks {
            let Some(begin) = &mut chunk.begins else {
                continue;
            };
            match shared.spare(begin.bytes, chunk.end) {
                Ok(spare) => {
                    begin.bytes = spare.bytes;
                    spares.push(spare);
                }
                Err(failed) => {
                    spares.into_iter().for_each(|spare| shared.put_back(spare));
                    return Err(failed);
                }
            }
        }
        Ok(spares)
    }

    /// Writes one chunk and brings it to stable storage.
    fn write(&mut self, chunk: &mut Chunk, spare: Option<(Begin, Spare)>) -> Result<(), Broken> {
        let shared = Arc::clone(&self.log.shared);
        if let Some((begin, spare)) = spare {
            self.open_segment(&shared, begin, spare, chunk.stable + 1)?;
        }
        let active = self.active.as_ref().expect("a chunk has its segment");
        let broken = |attempt, source| Broken {
            attempt,
            path: shared.path(&Name::Segment(active.head.number).to_string()),
            source,
        };
        // Whatever fails from here on may leave parts of the chunk behind the end.
        self.needs_mark = true;
        let start = chunk.start;
        let parts = chunk.parts(active.seed, active.head.bytes - chunk.end);
        active
            .file
            .write_at(start, &parts)
            .map_err(|source| broken(Attempt::Write, source))?;
        active
            .file
            .sync()
            .map_err(|source| broken(Attempt::Sync, source))?;
        self.needs_mark = false;
        shared.count_sync();
        self.last_end = chunk.end;
        self.last = chunk.last;
        active.set_end(chunk.end, chunk.last);
        shared.set_committed(chunk.last);
        Ok(())
    }

    /// Gives a spare its head and its name, both on stable storage before anything else is written into it.
    fn open_segment(
        &mut self,
        shared: &Shared,
        begin: Begin,
        spare: Spare,
        first_lsn: Lsn,
    ) -> Result<(), Broken> {
        let name = Name::Segment(begin.number).to_string();
        let broken = |attempt, source| Broken {
            attempt,
            path: shared.path(&name),
            source,
        };
        let salt = getrandom::u32()
            .map_err(|error| broken(Attempt::Write, io::Error::other(error.to_string())))?;
        let head = SegmentHead {
            number: begin.number,
            generation: spare.generation.saturating_add(1),
            previous_end: u32::try_from(self.last_end).expect("a segment has at most 1 GiB"),
            first_lsn,
            bytes: begin.bytes,
            owner: shared.config.owner,
            salt,
        };
        let start = [0; RECORD_HEAD_BYTES];
        let file = Arc::clone(&spare.file);
        let named = file
            .write_at(0, &[IoSlice::new(&head.encode()), IoSlice::new(&start)])
            .map_err(|source| broken(Attempt::Write, source))
            .and_then(|()| file.sync().map_err(|source| broken(Attempt::Sync, source)))
            .and_then(|()| {
                shared
                    .disk
                    .rename(&spare.path, &shared.name(&name))
                    .map_err(|source| broken(Attempt::Rename, source))
            });
        if let Err(broken) = named {
            shared.put_back(spare);
            return Err(broken);
        }
        shared
            .disk
            .sync_folder(&shared.config.folder)
            .map_err(|source| broken(Attempt::SyncFolder, source))?;
        let segment = Arc::new(Segment::new(head, file));
        shared.add(Arc::clone(&segment));
        shared.set_active(begin.number);
        self.active = Some(segment);
        self.last_segment = begin.number;
        self.last_end = SEGMENT_HEAD_BYTES as u64;
        Ok(())
    }

    /// Judges a failure: a disk that was full, or took no changes, before anything of the batch counted is no poison, all
    /// else is.
    fn broken(&mut self, broken: Broken, has_touched: bool) -> CommitError {
        let Broken {
            attempt,
            path,
            source,
        } = broken;
        // Neither has written anything: a disk without room, and a file system that takes no changes.
        let is_full = is_full(&source);
        let is_refused = source.kind() == io::ErrorKind::ReadOnlyFilesystem;
        let is_before = matches!(attempt, Attempt::Write | Attempt::Rename) && !has_touched;
        let source = Arc::new(source);
        if is_before && is_full {
            return CommitError::Full { path, source };
        }
        if is_before && is_refused {
            return CommitError::Prepare { path, source };
        }
        self.log.shared.set_poison(CommitError::Poisoned {
            attempt,
            path,
            source,
        })
    }

    /// Says how many segments should lie ready: none while the first one is nearly empty, one as a rule, and all when
    /// the one that is being written is nearly full.
    fn want_spares(&self) {
        let Some(active) = &self.active else { return };
        let shared = &self.log.shared;
        let is_first = active.head.number == 1;
        let wanted = match self.last_end * 4 / active.head.bytes {
            0 if is_first => 0,
            0..=2 => 1,
            _ if is_first => 1,
            _ => shared.config.spare_segments_max,
        };
        shared
            .spares
            .want(wanted.min(shared.config.spare_segments_max));
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.log.shared.close();
    }
}
