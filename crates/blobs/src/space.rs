//! What is counted: bytes per namespace, and how much of each segment of the log is still needed.
//!
//! # Invariants
//!
//! * It is a function of the records alone: whether they were counted as they were written or when they were replayed.
//! * What is damaged and what waits longest can be found in the rows, too, and is kept here so that nobody need look.
//! * A change is counted once its record is on stable storage, never before. What is only admitted is reserved.

use std::collections::BTreeMap;

use base::Timestamp;
use disk::log::Position;
use storage_core::Sum;
use storage_core::namespace::Namespace;
use storage_core::quota::{Books, Change, Quota, Reservation, Settled};

use crate::rows::{Reader, Writer, span_of};
use crate::tally::Backlog;

/// The counts of a store.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// By the number that a record carries.
    pub(crate) namespaces: Vec<Room>,
    pub(crate) segments: BTreeMap<u64, Used>,
    /// Blobs that are files of their own.
    pub(crate) files: Sum,
    /// Blobs that are damaged, by namespace; counted anew from the index when a store is opened.
    pub(crate) damaged: BTreeMap<u16, Sum>,
    /// The blob that waits longest; looked for anew when a store is opened.
    pub(crate) backlog: Backlog,
}

/// What a namespace holds.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) name: Namespace,
    /// The record that says its name and its quota last.
    pub(crate) record: Option<Position>,
    pub(crate) books: Books,
}

/// What a segment of the log is still needed for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Bytes of records that count, with their heads.
    pub(crate) live: u64,
    /// Blobs that nobody has any more, by the namespace that had them last.
    pub(crate) dead: BTreeMap<u16, Sum>,
}

/// What a record changes about the counts.
#[derive(Clone, Debug)]
pub(crate) enum Counted {
    /// A blob of a namespace came, went or changed its state.
    Books(u16, Change),
    /// The bytes of a purged blob stay in a segment until it is recycled.
    Dead {
        segment: u64,
        namespace: u16,
        bytes: u64,
    },
    /// A record counts from now on.
    Needed(Position),
    /// A record no longer counts.
    Unneeded(Position),
    /// A blob of a namespace is damaged now.
    Lost(u16, u64),
    /// A blob of a namespace is not damaged any more, or not there.
    Found(u16, u64),
    /// The blob that was accepted with this number does not wait any more.
    Left(u64),
    /// A blob that did not wait, waits again.
    Came { lsn: u64, at: Timestamp },
    /// A file came.
    FileCame(u64),
    /// A file went.
    FileWent(u64),
    /// A namespace was named, or got another quota.
    Named {
        number: u16,
        name: Namespace,
        quota: Quota,
        record: Position,
    },
}

impl Default for Space {
    fn default() -> Self {
        let community = Room {
            name: Namespace::community(),
            record: None,
            books: Books::new(UNBOUNDED),
        };
        Self {
            namespaces: vec![community],
            segments: BTreeMap::new(),
            files: Sum::ZERO,
            damaged: BTreeMap::new(),
            backlog: Backlog::default(),
        }
    }
}

/// What a namespace may hold unless somebody said otherwise.
pub(crate) const UNBOUNDED: Quota = Quota {
    bytes_max: None,
    blobs_max: None,
};

impl Space {
    /// Finds the number of a namespace.
    pub(crate) fn number_of(&self, name: &Namespace) -> Option<u16> {
        let number = self.namespaces.iter().position(|room| room.name == *name)?;
        u16::try_from(number).ok()
    }

    pub(crate) fn room(&self, namespace: u16) -> Option<&Room> {
        self.namespaces.get(usize::from(namespace))
    }

    pub(crate) fn room_mut(&mut self, namespace: u16) -> Option<&mut Room> {
        self.namespaces.get_mut(usize::from(namespace))
    }

    /// Counts a change.
    pub(crate) fn count(&mut self, counted: Counted) {
        match counted {
            Counted::Books(namespace, change) => {
                let Some(room) = self.room_mut(namespace) else {
                    return;
                };
                if let Err(drift) = room.books.apply(change) {
                    tracing::error!(target: "blobs::event::count_drifted", %drift, "the count of a namespace is wrong");
                }
            }
            Counted::Dead {
                segment,
                namespace,
                bytes,
            } => {
                let used = self.segments.entry(segment).or_default();
                used.dead.entry(namespace).or_default().add(bytes);
            }
            Counted::Needed(record) => {
                self.segments.entry(record.segment).or_default().live += span_of(record);
            }
            Counted::Unneeded(record) => {
                if let Some(used) = self.segments.get_mut(&record.segment) {
                    used.live = used.live.saturating_sub(span_of(record));
                }
            }
            Counted::Lost(namespace, bytes) => {
                self.damaged.entry(namespace).or_default().add(bytes);
            }
            Counted::Found(namespace, bytes) => {
                let sum = self.damaged.entry(namespace).or_default();
                *sum = sum.checked_sub(Sum::of(bytes)).unwrap_or_default();
            }
            Counted::Left(lsn) => self.backlog.leave(lsn),
            Counted::Came { lsn, at } => self.backlog.come(lsn, at),
            Counted::FileCame(bytes) => self.files.add(bytes),
            Counted::FileWent(bytes) => {
                self.files = self.files.checked_sub(Sum::of(bytes)).unwrap_or_default();
            }
            Counted::Named {
                number,
                name,
                quota,
                record,
            } => self.name(number, name, quota, record),
        }
    }

    /// Gives room back that was reserved and is counted otherwise, or not used.
    pub(crate) fn give_back(&mut self, namespace: u16, reservation: Reservation) {
        if let Some(room) = self.room_mut(namespace)
            && let Err(drift) = room.books.settle(reservation, Settled::GivenUp)
        {
            tracing::error!(target: "blobs::event::count_drifted", %drift, "the count of a namespace is wrong");
        }
    }

    /// Forgets a segment that was recycled: what was dead in it is gone.
    pub(crate) fn recycled(&mut self, segment: u64) {
        let Some(used) = self.segments.remove(&segment) else {
            return;
        };
        for (namespace, sum) in used.dead {
            self.count(Counted::Books(namespace, Change::Reclaim(sum)));
        }
    }

    fn name(&mut self, number: u16, name: Namespace, quota: Quota, record: Position) {
        while self.namespaces.len() < usize::from(number) {
            // The record that names it is lost, or comes later.
            let unknown = format!("unnamed-{}", self.namespaces.len());
            self.namespaces.push(Room {
                name: unknown
                    .parse()
                    .expect("letters, a mark and a number make a name"),
                record: None,
                books: Books::new(UNBOUNDED),
            });
        }
        match self.room_mut(number) {
            Some(room) => {
                room.name = name;
                let before = room.record.replace(record);
                room.books.set_quota(quota);
                if let Some(before) = before {
                    self.count(Counted::Unneeded(before));
                }
            }
            None => self.namespaces.push(Room {
                name,
                record: Some(record),
                books: Books::new(quota),
            }),
        }
    }

    /// Makes room for the counts of a namespace whose record did not come yet.
    pub(crate) fn reach(&mut self, number: u16) {
        if usize::from(number) < self.namespaces.len() {
            return;
        }
        let unknown = format!("unnamed-{number}");
        let name = unknown
            .parse()
            .expect("letters, a mark and a number make a name");
        self.name(number, name, UNBOUNDED, NO_RECORD);
        if let Some(room) = self.room_mut(number) {
            room.record = None;
        }
    }

    /// Writes the counts for the index.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut row = Writer::new(256);
        row.u64(self.namespaces.len() as u64);
        for room in &self.namespaces {
            row.u64(room.name.as_str().len() as u64);
            row.0.extend_from_slice(room.name.as_str().as_bytes());
            row.byte(u8::from(room.record.is_some()));
            row.record(room.record.unwrap_or(NO_RECORD));
            let quota = room.books.quota();
            row.u64(quota.bytes_max.unwrap_or(u64::MAX));
            row.u64(quota.blobs_max.unwrap_or(u64::MAX));
            let usage = room.books.usage();
            for sum in [usage.live, usage.trash, usage.dead] {
                write_sum(&mut row, sum);
            }
        }
        row.u64(self.segments.len() as u64);
        for (segment, used) in &self.segments {
            row.u64(*segment);
            row.u64(used.live);
            row.u64(used.dead.len() as u64);
            for (namespace, sum) in &used.dead {
                row.u64(u64::from(*namespace));
                write_sum(&mut row, *sum);
            }
        }
        write_sum(&mut row, self.files);
        row.seal(KEY)
    }

    /// Reads the counts from the index.
    pub(crate) fn decode(row: &[u8]) -> Option<Self> {
        let mut fields = Reader::open(KEY, row)?;
        let mut namespaces = Vec::new();
        for _ in 0..fields.u64()? {
            let len = usize::try_from(fields.u64()?).ok()?;
            let (name, rest) = fields.0.split_at_checked(len)?;
            fields.0 = rest;
            let name = str::from_utf8(name).ok()?.parse().ok()?;
            let has_record = fields.byte()? != 0;
            let record = fields.record()?;
            let quota = Quota {
                bytes_max: Some(fields.u64()?).filter(|bound| *bound != u64::MAX),
                blobs_max: Some(fields.u64()?).filter(|bound| *bound != u64::MAX),
            };
            let [live, trash, dead] = [
                read_sum(&mut fields)?,
                read_sum(&mut fields)?,
                read_sum(&mut fields)?,
            ];
            namespaces.push(Room {
                name,
                record: has_record.then_some(record),
                books: Books::resume(quota, live, trash, dead),
            });
        }
        let mut segments = BTreeMap::new();
        for _ in 0..fields.u64()? {
            let segment = fields.u64()?;
            let mut used = Used {
                live: fields.u64()?,
                dead: BTreeMap::new(),
            };
            for _ in 0..fields.u64()? {
                let namespace = u16::try_from(fields.u64()?).ok()?;
                used.dead.insert(namespace, read_sum(&mut fields)?);
            }
            segments.insert(segment, used);
        }
        let files = read_sum(&mut fields)?;
        fields.0.is_empty().then_some(Self {
            namespaces,
            segments,
            files,
            damaged: BTreeMap::new(),
            backlog: Backlog::default(),
        })
    }
}

/// What the checksum of the counts begins with.
const KEY: &[u8] = b"space";

const NO_RECORD: Position = Position {
    segment: 0,
    offset: 0,
    body_len: 0,
};

fn write_sum(row: &mut Writer, sum: Sum) {
    row.u64(sum.blobs);
    row.u64(sum.bytes);
}

fn read_sum(fields: &mut Reader<'_>) -> Option<Sum> {
    Some(Sum {
        blobs: fields.u64()?,
        bytes: fields.u64()?,
    })
}

#[cfg(test)]
mod tests;
