//! Reads a log from a number on, as far as it is committed, and waits for more.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wire::segment::{Lsn, RECORD_HEAD_BYTES, RecordHead, SEGMENT_HEAD_BYTES, STREAM_OF_LOG};

use super::scan::Window;
use super::segment::{Name, Segment};
use super::shared::Shared;
use super::{Position, ReadLogError, TailError};

/// A reader that follows the end of a log. It sees what is committed, in order, without what compaction moved.
#[derive(Debug)]
pub struct Tail {
    shared: Arc<Shared>,
    after: Lsn,
    place: Option<Place>,
    window: Window,
}

/// Where the next log record starts.
#[derive(Debug)]
struct Place {
    segment: Arc<Segment>,
    offset: u64,
}

impl Tail {
    pub(super) fn new(shared: Arc<Shared>, after: Lsn) -> Self {
        Self {
            shared,
            after,
            place: None,
            window: Window::default(),
        }
    }

    /// Returns the number of the last log record that was read or skipped.
    #[must_use]
    pub const fn after(&self) -> Lsn {
        self.after
    }

    /// Returns the next log record; `None` when everything that is committed was read.
    ///
    /// # Errors
    ///
    /// [`TailError`]; after [`TailError::Retired`] it reads on behind what is gone, after others it tries again.
    #[allow(
        clippy::should_implement_trait,
        reason = "it can go on after None, which iterators do not promise"
    )]
    pub fn next(&mut self) -> Result<Option<(Position, RecordHead, Bytes)>, TailError> {
        while self.after < self.shared.committed() {
            let Some(place) = self.locate()? else {
                continue;
            };
            let segment = Arc::clone(&place.segment);
            let offset = place.offset;
            match self.read(&segment, offset) {
                Ok((head, at, body)) => {
                    let end = at.end();
                    self.place = Some(Place {
                        segment,
                        offset: end,
                    });
                    if head.lsn <= self.after {
                        continue;
                    }
                    self.after = head.lsn;
                    if head.stream == STREAM_OF_LOG || head.is_moved() {
                        continue;
                    }
                    return Ok(Some((at, head, body)));
                }
                // Its segment was recycled under the reader: look again where its number is.
                Err(ReadLogError::Gone) => self.place = None,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Waits until more is committed, the log ends or is poisoned, or time is up; tells whether there is more.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        self.shared.wait_beyond(self.after, timeout)
    }

    /// Returns where to read; `None` when the end of a segment was skipped and it must look again.
    fn locate(&mut self) -> Result<Option<&Place>, TailError> {
        let is_done = self
            .place
            .as_ref()
            .is_some_and(|place| place.offset >= place.segment.end());
        if is_done {
            self.place = None;
        }
        if self.place.is_none() {
            self.window.clear();
            let next = self.after + 1;
            let table = self.shared.table();
            let found = table
                .values()
                .rev()
                .find(|segment| segment.head.first_lsn <= next)
                .filter(|segment| next <= segment.last_lsn());
            let Some(segment) = found else {
                let later = table
                    .values()
                    .find(|segment| segment.head.first_lsn > next)
                    .map_or(self.shared.committed() + 1, |segment| {
                        segment.head.first_lsn
                    });
                drop(table);
                self.after = later - 1;
                return Err(TailError::Retired {
                    lsn: next,
                    next: later,
                });
            };
            self.place = Some(Place {
                segment: Arc::clone(segment),
                offset: SEGMENT_HEAD_BYTES as u64,
            });
        }
        Ok(self.place.as_ref())
    }

    fn read(
        &mut self,
        segment: &Arc<Segment>,
        offset: u64,
    ) -> Result<(RecordHead, Position, Bytes), ReadLogError> {
        let shared = Arc::clone(&self.shared);
        let limit = segment.end();
        let file = &*segment.file;
        let failed = |source| ReadLogError::Io {
            path: shared.path(&Name::Segment(segment.head.number).to_string()),
            source,
        };
        let mut at = Position {
            segment: segment.head.number,
            offset: u32::try_from(offset).expect("a segment has at most 1 GiB"),
            body_len: 0,
        };
        let window = &mut self.window;
        let bytes = window
            .get(file, offset, RECORD_HEAD_BYTES, limit)
            .map_err(failed)?;
        let bytes = bytes.first_chunk().expect("as many as asked for");
        let head = RecordHead::decode_seeded(bytes, segment.seed).map_err(|error| {
            let corrupt = segment.corrupt(&at, self.after + 1, error.to_string());
            shared.gone_or(segment, corrupt)
        })?;
        at.body_len = head.body_len;
        if at.end() > limit {
            let what = "the log record reaches beyond the end of the segment".to_owned();
            let corrupt = segment.corrupt(&at, head.lsn, what);
            return Err(shared.gone_or(segment, corrupt));
        }
        if head.lsn <= self.after || head.stream == STREAM_OF_LOG || head.is_moved() {
            return Ok((head, at, Bytes::new()));
        }
        let len = RECORD_HEAD_BYTES + head.body_len as usize;
        let bytes = window.get(file, offset, len, limit).map_err(failed)?;
        let head = segment
            .verify(&at, bytes)
            .map_err(|corrupt| shared.gone_or(segment, corrupt))?;
        let body = Bytes::copy_from_slice(&bytes[RECORD_HEAD_BYTES..]);
        Ok((head, at, body))
    }
}
