//! Walks one segment of a log, as far as it is committed: for compaction, and for who checks what lies there.

use std::sync::Arc;

use bytes::Bytes;
use wire::segment::{
    ALIGN_BYTES, RECORD_HEAD_BYTES, RecordHead, SEGMENT_HEAD_BYTES, STREAM_OF_LOG, find_head,
};

use super::scan::Window;
use super::segment::{Name, Segment};
use super::shared::Shared;
use super::{Corrupt, Log, Position, ReadLogError};

/// How much is looked through at once behind damage.
const SKIP_BYTES: usize = 64 << 10;

/// A reader of one segment. It sees what compaction moved, too, and leaves out what the log writes for itself.
#[derive(Debug)]
pub struct Walk {
    shared: Arc<Shared>,
    segment: Arc<Segment>,
    offset: u64,
    window: Window,
}

/// A log record of a segment.
#[derive(Clone, Debug)]
pub struct Walked {
    /// Where it is.
    pub at: Position,
    /// Its head, which fits its checksum.
    pub head: RecordHead,
    /// Its body, or why it is not what was written.
    pub body: Result<Bytes, Corrupt>,
}

impl Log {
    /// Begins at the first log record of a segment.
    ///
    /// # Errors
    ///
    /// [`ReadLogError::Gone`] when there is no such segment.
    pub fn walk(&self, segment: u64) -> Result<Walk, ReadLogError> {
        let found = self.shared.table().get(&segment).cloned();
        Ok(Walk {
            shared: Arc::clone(&self.shared),
            segment: found.ok_or(ReadLogError::Gone)?,
            offset: SEGMENT_HEAD_BYTES as u64,
            window: Window::default(),
        })
    }
}

impl Walk {
    /// Returns the next log record; `None` behind the last one that is committed.
    ///
    /// # Errors
    ///
    /// [`ReadLogError::Corrupt`] when a head is damaged; the next call goes on at the next head that is whole.
    /// [`ReadLogError::Gone`] when the segment was recycled meanwhile, [`ReadLogError::Io`] when the disk fails.
    #[allow(
        clippy::should_implement_trait,
        reason = "a committed record may follow after None, which iterators do not promise"
    )]
    pub fn next(&mut self) -> Result<Option<Walked>, ReadLogError> {
        let segment = Arc::clone(&self.segment);
        let limit = segment.end();
        while self.offset < limit {
            let mut at = Position {
                segment: segment.head.number,
                offset: u32::try_from(self.offset).expect("a segment has at most 1 GiB"),
                body_len: 0,
            };
            let bytes = self.bytes(RECORD_HEAD_BYTES, limit)?;
            let bytes = bytes.first_chunk().expect("as many as asked for");
            let head = RecordHead::decode_seeded(bytes, segment.seed)
                .map_err(|error| segment.corrupt(&at, 0, error.to_string()));
            let head = match head {
                Ok(head) => head,
                Err(corrupt) => return Err(self.skip(corrupt, limit)),
            };
            at.body_len = head.body_len;
            if at.end() > limit {
                let what = "the log record reaches beyond the end of the segment".to_owned();
                let corrupt = segment.corrupt(&at, head.lsn, what);
                return Err(self.skip(corrupt, limit));
            }
            let len = RECORD_HEAD_BYTES + head.body_len as usize;
            let bytes = self.bytes(len, limit)?;
            let body = match segment.verify(&at, bytes) {
                Ok(_) => Ok(Bytes::copy_from_slice(&bytes[RECORD_HEAD_BYTES..])),
                Err(corrupt) => Err(corrupt),
            };
            self.offset = at.end();
            if head.stream == STREAM_OF_LOG {
                continue;
            }
            return Ok(Some(Walked { at, head, body }));
        }
        Ok(None)
    }

    /// Steps over damage to the next whole head, or to the end, and returns what to say of it.
    fn skip(&mut self, corrupt: Corrupt, limit: u64) -> ReadLogError {
        let error = self.shared.gone_or(&self.segment, corrupt);
        if matches!(error, ReadLogError::Gone) {
            return error;
        }
        let seed = self.segment.seed;
        self.offset += ALIGN_BYTES;
        while self.offset + RECORD_HEAD_BYTES as u64 <= limit {
            let rest = usize::try_from(limit - self.offset).unwrap_or(usize::MAX);
            let len = rest.min(SKIP_BYTES);
            let found = match self.bytes(len, limit) {
                Ok(bytes) => find_head(bytes, 0, seed),
                Err(error) => return error,
            };
            if let Some((place, _)) = found {
                self.offset += place as u64;
                return error;
            }
            // A head that reaches beyond this piece begins in its last bytes.
            let step = if len == rest {
                len
            } else {
                len - RECORD_HEAD_BYTES
            };
            self.offset += step as u64;
        }
        self.offset = limit;
        error
    }

    /// Returns bytes at the present place.
    fn bytes(&mut self, len: usize, limit: u64) -> Result<&[u8], ReadLogError> {
        let (shared, number) = (&self.shared, self.segment.head.number);
        let read = self
            .window
            .get(&*self.segment.file, self.offset, len, limit);
        read.map_err(|source| ReadLogError::Io {
            path: shared.path(&Name::Segment(number).to_string()),
            source,
        })
    }
}
