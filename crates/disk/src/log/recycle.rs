//! Giving the space of a segment back that its owner no longer needs.
//!
//! First the list of retired segments says so on stable storage, then the file becomes a spare or goes.
//! A crash in between leaves a file that the list names, which the next open turns into a spare.

use std::io::{self, IoSlice};
use std::sync::PoisonError;

use wire::segment::{Retired, RetiredRange, SEGMENT_HEAD_BYTES};

use super::segment::{Name, RETIRED_NAME, RETIRED_NEW_NAME};
use super::shared::Shared;
use super::spare::Spare;
use super::{Appender, RecycleError};

impl Appender {
    /// Gives the space of a segment back. The owner says with it that nothing in the segment is wanted any more and
    /// that its index on stable storage does not point there; what was [copied](Appender::copy) out of it is committed.
    ///
    /// # Errors
    ///
    /// [`RecycleError`]; the segment is untouched, except after [`RecycleError::Io`], when it may be gone.
    pub fn recycle(&mut self, segment: u64) -> Result<(), RecycleError> {
        let shared = &self.log().shared;
        if shared.poison().is_some() {
            return Err(RecycleError::Poisoned);
        }
        let range = shared.range(segment)?;
        let mut retired = shared
            .retired
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut longer = retired.clone();
        longer.add(range)?;
        shared
            .write_retired(&longer)
            .map_err(|source| RecycleError::io(shared.path(RETIRED_NAME), source))?;
        *retired = longer;
        drop(retired);
        shared.reuse(segment)
    }
}

impl Shared {
    /// Returns what the list of retired segments is to say of a segment.
    fn range(&self, segment: u64) -> Result<RetiredRange, RecycleError> {
        let table = self.table();
        if segment == self.active() {
            return Err(RecycleError::Active { segment });
        }
        let before = table.range(..segment).next_back().map(|(_, found)| found);
        let Some((_, after)) = table.range(segment + 1..).next() else {
            // Without a later segment nothing says where this one's numbers end.
            return Err(if table.contains_key(&segment) {
                RecycleError::Active { segment }
            } else {
                RecycleError::Unknown { segment }
            });
        };
        let range = match table.get(&segment) {
            Some(found) => RetiredRange {
                first_segment: segment,
                last_segment: segment,
                first_lsn: found.head.first_lsn,
                last_lsn: found.last_lsn(),
                previous_end: found.head.previous_end,
            },
            None if self.is_damaged_file(segment) => RetiredRange {
                first_segment: segment,
                last_segment: segment,
                first_lsn: before.map_or(1, |before| before.last_lsn() + 1),
                last_lsn: after.head.first_lsn - 1,
                previous_end: before
                    .map_or(SEGMENT_HEAD_BYTES as u64, |before| before.end())
                    .try_into()
                    .expect("a segment has at most 1 GiB"),
            },
            None => return Err(RecycleError::Unknown { segment }),
        };
        Ok(range)
    }

    /// Tells whether there is the file of a segment whose head could not be read.
    fn is_damaged_file(&self, segment: u64) -> bool {
        let name = self.name(&Name::Segment(segment).to_string());
        matches!(self.disk.file_len(&name), Ok(Some(_)))
    }

    /// Replaces the list on stable storage.
    fn write_retired(&self, retired: &Retired) -> io::Result<()> {
        let unfinished = self.name(RETIRED_NEW_NAME);
        match self.disk.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.create(&unfinished)?;
        file.write_at(0, &[IoSlice::new(&retired.encode())])?;
        file.sync()?;
        self.disk.rename(&unfinished, &self.name(RETIRED_NAME))?;
        self.disk.sync_folder(&self.config.folder)
    }

    /// Makes a spare of a retired segment, or removes it when enough lie ready or it has another size.
    fn reuse(&self, segment: u64) -> Result<(), RecycleError> {
        let name = Name::Segment(segment).to_string();
        let source = self.name(&name);
        let failed = |source| RecycleError::io(self.path(&name), source);
        let found = self.table().get(&segment).cloned();
        self.take_out(segment);
        let config = &self.config;
        let spare = found.filter(|found| {
            found.head.bytes == config.segment_bytes
                && self.spares.len() < config.spare_segments_max
        });
        let Some(found) = spare else {
            return self.disk.remove(&source).map_err(failed);
        };
        let serial = self.spares.next_serial();
        let path = self.name(&Name::Spare(serial).to_string());
        self.disk.rename(&source, &path).map_err(failed)?;
        self.spares.put(Spare {
            path,
            file: found.file.clone(),
            generation: found.head.generation,
            bytes: found.head.bytes,
        });
        Ok(())
    }
}
