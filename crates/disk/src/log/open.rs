//! Opening a log: which segments there are, whether one is missing, what they hold, and where to go on.
//!
//! The last segment is always read; of the others only those with log records that the owner does not have.
//! At the end the log records that nothing proves to be on stable storage are written once more and synced: a sync that
//! failed in an earlier life may have left them readable and nowhere else.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use wire::segment::{
    ALIGN_BYTES, HeadError, Lsn, RECORD_HEAD_BYTES, RecordHead, Retired, RetiredError,
    SEGMENT_BYTES_MAX, SEGMENT_HEAD_BYTES, SegmentHead,
};

use super::append::{Appender, Start};
use super::scan::{Scanned, Stop, Task, Window, scan};
use super::segment::{Name, RETIRED_NAME, RETIRED_NEW_NAME, Segment};
use super::shared::{Shared, join};
use super::spare::{self, Failed, Spares};
use super::{
    Corrupt, Log, LogConfig, OnCorruption, OpenLogError, Opened, Position, Recovery, TailState,
};
use crate::Disk;
use crate::medium::{DiskFile, read_exact_at};

/// Largest list of retired segments in bytes.
const RETIRED_BYTES_MAX: u64 = 4 << 20;

/// How much is written at once when the end of a log is written again.
const REWRITE_BYTES: u64 = 1 << 20;

/// The files of a log.
#[derive(Debug, Default)]
struct Files {
    segments: Vec<u64>,
    spares: Vec<u64>,
}

/// A segment that was found, with what its neighbour says of its end.
struct Found {
    segment: Arc<Segment>,
    /// Where its log records end and its last number.
    known: Option<(u64, Lsn)>,
}

/// Everything that is checked before a body is read.
struct Opening<'a> {
    disk: &'a Arc<dyn Disk>,
    config: &'a LogConfig,
    retired: Retired,
    corrupt: Vec<Corrupt>,
    mended: Vec<Corrupt>,
}

impl From<Failed> for OpenLogError {
    fn from(failed: Failed) -> Self {
        Self::io(failed.path, failed.source)
    }
}

pub(super) fn open(
    disk: Arc<dyn Disk>,
    config: LogConfig,
    after: Lsn,
    replay: &mut dyn FnMut(Position, &RecordHead, &[u8]),
) -> Result<Opened, OpenLogError> {
    check_config(&config)?;
    let folder = config.folder.clone();
    let failed = |source| OpenLogError::io(disk.path(&folder), source);
    disk.make_folder(&folder).map_err(failed)?;
    let mut opening = Opening {
        disk: &disk,
        config: &config,
        retired: read_retired(&*disk, &config)?,
        corrupt: Vec::new(),
        mended: Vec::new(),
    };
    let mut files = opening.files()?;
    opening.finish_recycling(&mut files)?;
    let (found, last_segment) = opening.find(&files.segments)?;
    let spares = spare::open(
        &*disk,
        &folder,
        &files.spares,
        config.segment_bytes,
        config.spare_segments_max,
    )?;
    disk.sync_folder(&folder).map_err(failed)?;
    let Opening {
        retired,
        corrupt,
        mended,
        ..
    } = opening;
    let serial = files.spares.iter().copied().max().unwrap_or(0);
    let spares = Spares::new(spares, serial);
    let shared = Arc::new(Shared::new(disk.clone(), config, spares, retired));
    let recovery = Recovery {
        replayed: 0,
        bytes: 0,
        last: 0,
        tail: TailState::Clean,
        quarantined: corrupt,
        mended,
    };
    let (start, recovery) = read(&shared, found, last_segment, after, recovery, replay)?;
    shared.set_committed(start.last);
    let appender = Appender::new(Arc::clone(&shared), start);
    Ok(Opened {
        log: Log { shared },
        appender,
        recovery,
    })
}

fn check_config(config: &LogConfig) -> Result<(), OpenLogError> {
    let is_size = |bytes: u64| {
        bytes >= (SEGMENT_HEAD_BYTES + RECORD_HEAD_BYTES) as u64
            && bytes <= SEGMENT_BYTES_MAX
            && bytes.is_multiple_of(ALIGN_BYTES)
    };
    let what = if !is_size(config.first_segment_bytes) {
        "size of the first segment"
    } else if !is_size(config.segment_bytes) {
        "size of segments"
    } else if config.batch_bytes_max == 0 || config.batch_records_max == 0 {
        "size of batches"
    } else {
        return Ok(());
    };
    Err(OpenLogError::Config { what })
}

/// Reads the list of retired segments; none is an empty one.
fn read_retired(disk: &dyn Disk, config: &LogConfig) -> Result<Retired, OpenLogError> {
    let name = join(&config.folder, RETIRED_NAME);
    let failed = |source| OpenLogError::io(disk.path(&name), source);
    let wrong = |source| OpenLogError::Retired {
        path: disk.path(&name),
        source,
    };
    let Some(file) = disk.open(&name).map_err(failed)? else {
        return Ok(Retired::default());
    };
    let len = file.len().map_err(failed)?;
    if len > RETIRED_BYTES_MAX {
        return Err(wrong(RetiredError::Crc));
    }
    let mut bytes = vec![0; usize::try_from(len).expect("at most 4 MiB")];
    read_exact_at(&*file, 0, &mut bytes).map_err(failed)?;
    Retired::decode(&bytes).map_err(wrong)
}

impl Opening<'_> {
    fn path(&self, name: Name) -> PathBuf {
        self.disk.path(&self.name(name))
    }

    fn name(&self, name: Name) -> String {
        join(&self.config.folder, &name.to_string())
    }

    /// Lists the files, and removes those that were not finished.
    fn files(&self) -> Result<Files, OpenLogError> {
        let folder = &self.config.folder;
        let names = self
            .disk
            .names(folder)
            .map_err(|source| OpenLogError::io(self.disk.path(folder), source))?;
        let mut files = Files::default();
        for name in names {
            match Name::read(&name) {
                Some(Name::Segment(number)) => files.segments.push(number),
                Some(Name::Spare(serial)) => files.spares.push(serial),
                Some(Name::Unfinished(_)) => self.remove(&name)?,
                None if name == RETIRED_NEW_NAME => self.remove(&name)?,
                None => {}
            }
        }
        files.segments.sort_unstable();
        files.spares.sort_unstable();
        Ok(files)
    }

    fn remove(&self, name: &str) -> Result<(), OpenLogError> {
        let path = join(&self.config.folder, name);
        self.disk
            .remove(&path)
            .map_err(|source| OpenLogError::io(self.disk.path(&path), source))
    }

    /// Turns segments into spares that were retired just before a crash.
    fn finish_recycling(&self, files: &mut Files) -> Result<(), OpenLogError> {
        let mut serial = files.spares.last().copied().unwrap_or(0);
        let (retired, kept): (Vec<u64>, Vec<u64>) = files
            .segments
            .iter()
            .partition(|number| self.retired.find(**number).is_some());
        for number in retired {
            serial += 1;
            let source = self.name(Name::Segment(number));
            let target = self.name(Name::Spare(serial));
            self.disk
                .rename(&source, &target)
                .map_err(|error| OpenLogError::io(self.disk.path(&source), error))?;
            files.spares.push(serial);
        }
        files.segments = kept;
        Ok(())
    }

    /// Opens all segments and checks that none is missing; returns them with the number of the last one there ever was.
    fn find(&mut self, numbers: &[u64]) -> Result<(Vec<Found>, u64), OpenLogError> {
        let mut heads = BTreeMap::new();
        for number in numbers {
            if let Some(segment) = self.open_segment(*number)? {
                heads.insert(*number, segment);
            }
        }
        let last_retired = self.retired.ranges().last().map(|range| range.last_segment);
        let last_there = numbers.last().copied().unwrap_or(0);
        if let Some(retired) = last_retired
            && retired > last_there
        {
            // The segment that is being written is never retired.
            self.missing(retired + 1, 0)?;
        }
        let mut found: Vec<Found> = Vec::new();
        let mut next = 1;
        for (number, segment) in heads {
            let known = self.bridge(next, &segment.head, numbers)?;
            if let Some(before) = found.last_mut() {
                before.known = known;
            }
            next = number + 1;
            found.push(Found {
                segment,
                known: None,
            });
        }
        Ok((found, last_there.max(last_retired.unwrap_or(0))))
    }

    /// Opens one segment; `None` for one whose head is damaged, which is reported.
    fn open_segment(&mut self, number: u64) -> Result<Option<Arc<Segment>>, OpenLogError> {
        let name = self.name(Name::Segment(number));
        let path = self.disk.path(&name);
        let failed = |source| OpenLogError::io(path.clone(), source);
        let file = self
            .disk
            .open(&name)
            .map_err(failed)?
            .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let len = file.len().map_err(failed)?;
        let mut bytes = [0; SEGMENT_HEAD_BYTES];
        if len < SEGMENT_HEAD_BYTES as u64 {
            let what = format!("the file has {len} bytes");
            return self.damaged(number, 0, 0, what).map(|()| None);
        }
        read_exact_at(&*file, 0, &mut bytes).map_err(failed)?;
        let mut decoded = SegmentHead::decode(&bytes);
        if let Err(HeadError::Crc | HeadError::Magic) = decoded
            && let Some(mended) = SegmentHead::mend(&bytes)
        {
            decoded = SegmentHead::decode(&mended);
            if decoded.is_ok() {
                rewrite_head(&*file, &mended).map_err(failed)?;
                self.mended.push(Corrupt {
                    segment: number,
                    offset: 0,
                    lsn: 0,
                    what: "one bit of the segment's head was wrong".to_owned(),
                });
            }
        }
        let head = match decoded {
            Ok(head) => head,
            Err(HeadError::Version { found }) => {
                return Err(OpenLogError::Newer { path, found });
            }
            Err(error) => return self.damaged(number, 0, 0, error.to_string()).map(|()| None),
        };
        if head.owner != self.config.owner {
            return Err(OpenLogError::Owner {
                path,
                found: told(&head.owner),
                expected: told(&self.config.owner),
            });
        }
        if head.number != number {
            let what = format!("the file is segment {}", head.number);
            return self.damaged(number, 0, 0, what).map(|()| None);
        }
        if head.bytes != len {
            let what = format!("the file has {len} bytes, not {}", head.bytes);
            return self
                .damaged(number, len.min(head.bytes), 0, what)
                .map(|()| None);
        }
        Ok(Some(Arc::new(Segment::new(head, file))))
    }

    /// Checks what lies between segment `from - 1` and the next one that was found, and returns where the log records
    /// of `from - 1` end and its last number, as far as what follows it says so.
    fn bridge(
        &mut self,
        from: u64,
        target: &SegmentHead,
        numbers: &[u64],
    ) -> Result<Option<(u64, Lsn)>, OpenLogError> {
        if from == target.number {
            let known = (u64::from(target.previous_end), target.first_lsn - 1);
            if from == 1 && known.1 > 0 {
                let what = format!("the log begins with log record {}", target.first_lsn);
                self.damaged(1, 0, 1, what)?;
            }
            return Ok(Some(known));
        }
        let mut known = None;
        let mut number = from;
        let mut lsn = (from == 1).then_some(1);
        while number < target.number {
            if let Some(range) = self.retired.find(number).copied() {
                if number == from {
                    known = Some((u64::from(range.previous_end), range.first_lsn - 1));
                }
                number = range.last_segment + 1;
                lsn = Some(range.last_lsn + 1);
            } else {
                if numbers.binary_search(&number).is_err() {
                    self.missing(number, lsn.unwrap_or(0))?;
                }
                number += 1;
                lsn = None;
            }
        }
        if let Some(lsn) = lsn
            && lsn != target.first_lsn
        {
            let what = format!("the segment begins with log record {}", target.first_lsn);
            self.damaged(target.number, 0, lsn, what)?;
        }
        Ok(known)
    }

    /// Refuses that a segment is not there, or notes it.
    fn missing(&mut self, segment: u64, lsn: Lsn) -> Result<(), OpenLogError> {
        if self.config.on_corruption == OnCorruption::Refuse {
            let path = self.path(Name::Segment(segment));
            return Err(OpenLogError::Missing { path, segment, lsn });
        }
        self.corrupt.push(Corrupt {
            segment,
            offset: 0,
            lsn,
            what: "the segment is missing".to_owned(),
        });
        Ok(())
    }

    /// Refuses damage, or notes it.
    fn damaged(
        &mut self,
        segment: u64,
        offset: u64,
        lsn: Lsn,
        what: String,
    ) -> Result<(), OpenLogError> {
        let corrupt = Corrupt {
            segment,
            offset,
            lsn,
            what,
        };
        if self.config.on_corruption == OnCorruption::Refuse {
            let path = self.path(Name::Segment(segment));
            return Err(OpenLogError::Corrupt { path, corrupt });
        }
        self.corrupt.push(corrupt);
        Ok(())
    }
}

/// Reads the bodies that the owner does not have and the whole last segment, and says where to go on.
fn read(
    shared: &Arc<Shared>,
    found: Vec<Found>,
    last_segment: u64,
    after: Lsn,
    mut recovery: Recovery,
    replay: &mut dyn FnMut(Position, &RecordHead, &[u8]),
) -> Result<(Start, Recovery), OpenLogError> {
    let mut start = Start {
        active: None,
        last_segment,
        last_end: SEGMENT_HEAD_BYTES as u64,
        last: 0,
    };
    let mut window = Window::default();
    let mut lost = last_segment;
    for found in found {
        let number = found.segment.head.number;
        let is_last = number == last_segment;
        if !is_last
            && let Some((end, last)) = found.known
            && last <= after
        {
            found.segment.set_end(end, last);
            start.last = last;
            shared.add(found.segment);
            continue;
        }
        let task = Task {
            known: found.known.filter(|_| !is_last),
            is_sealed: !is_last,
            after,
            on_corruption: shared.config.on_corruption,
        };
        let mut counted = |at: Position, head: &RecordHead, body: &[u8]| {
            recovery.replayed += 1;
            recovery.bytes += head.span();
            replay(at, head, body);
        };
        let scanned = scan(&found.segment, task, &mut window, &mut counted)
            .map_err(|stop| told_stop(shared, number, stop))?;
        let (end, last) = task.known.unwrap_or((scanned.end, scanned.last));
        found.segment.set_end(end, last);
        start.last = last;
        if is_last {
            lost = 0;
            recovery.tail = scanned.tail;
            rewrite(&found.segment, scanned.unproven, scanned.end).map_err(|source| {
                let name = Name::Segment(number).to_string();
                OpenLogError::io(shared.path(&name), source)
            })?;
            go_on(shared, &mut start, &found.segment, &scanned, after);
        }
        recovery.quarantined.extend(scanned.corrupt);
        shared.add(found.segment);
    }
    if lost > 0 {
        // The head of the last segment cannot be read: leave out as many numbers as it can have held.
        let name = Name::Segment(lost).to_string();
        let len = shared
            .disk
            .file_len(&shared.name(&name))
            .map_err(|source| OpenLogError::io(shared.path(&name), source))?;
        start.last += len.unwrap_or(0) / RECORD_HEAD_BYTES as u64;
    }
    behind(shared, &mut start, after, &mut recovery)?;
    recovery.last = start.last;
    Ok((start, recovery))
}

/// Goes on in the last segment, unless it is damaged.
fn go_on(
    shared: &Shared,
    start: &mut Start,
    segment: &Arc<Segment>,
    scanned: &Scanned,
    after: Lsn,
) {
    start.last_end = scanned.end;
    if scanned.corrupt.is_empty() && start.last >= after {
        start.active = Some(Arc::clone(segment));
        shared.set_active(segment.head.number);
    } else {
        start.last = start.last.max(after);
        segment.set_end(scanned.end, start.last);
    }
}

/// Refuses a log that ends before what was committed, or notes it and goes on behind that.
fn behind(
    shared: &Shared,
    start: &mut Start,
    after: Lsn,
    recovery: &mut Recovery,
) -> Result<(), OpenLogError> {
    if start.last >= after {
        return Ok(());
    }
    if shared.config.on_corruption == OnCorruption::Refuse {
        return Err(OpenLogError::Behind {
            path: shared.disk.path(&shared.config.folder),
            last: start.last,
            after,
        });
    }
    recovery.quarantined.push(Corrupt {
        segment: start.last_segment,
        offset: start.last_end,
        lsn: start.last + 1,
        what: format!("the log ends before log record {after}"),
    });
    start.last = after;
    Ok(())
}

/// Writes a head that was mended, so that it can be mended again.
fn rewrite_head(file: &dyn DiskFile, head: &[u8; SEGMENT_HEAD_BYTES]) -> io::Result<()> {
    file.write_at(0, &[IoSlice::new(head)])?;
    file.sync()
}

/// Writes bytes of a segment again and brings them to stable storage.
fn rewrite(segment: &Segment, from: u64, end: u64) -> io::Result<()> {
    if from == end {
        return Ok(());
    }
    let mut offset = from;
    let mut buffer = Vec::new();
    while offset < end {
        let len = (end - offset).min(REWRITE_BYTES);
        buffer.resize(usize::try_from(len).expect("at most 1 MiB"), 0);
        read_exact_at(&*segment.file, offset, &mut buffer)?;
        segment.file.write_at(offset, &[IoSlice::new(&buffer)])?;
        offset += len;
    }
    segment.file.sync()
}

fn told_stop(shared: &Shared, segment: u64, stop: Stop) -> OpenLogError {
    let path = shared.path(&Name::Segment(segment).to_string());
    match stop {
        Stop::Io(source) => OpenLogError::io(path, source),
        Stop::Corrupt(corrupt) => OpenLogError::Corrupt { path, corrupt },
    }
}

/// Returns an owner's name without its padding.
fn told(owner: &[u8; 16]) -> String {
    String::from_utf8_lossy(owner)
        .trim_end_matches('\0')
        .to_owned()
}
