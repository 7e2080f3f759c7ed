//! The index's file as redb wants it: a disk's file, so that a faulty disk is below the index too, with a checksum for
//! each page, so that a flipped bit is an error and never an answer.
//!
//! Pages of 4 KiB lie in groups. A group begins with a page of 1,024 checksums (CRC-32C, little endian, 0 for a page that
//! was never written), and holds up to 1,023 pages behind it; the last checksum is not used. The first page of all is
//! redb's header, which is written in place and has checksums of its own: it has none here.
//!
//! Checksums are written when the file is synced, before it is synced. redb never changes a page that a commit which is
//! on stable storage refers to, so a crash in between leaves all checksums of such pages as they were.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{DiskFile, read_exact_at};
use redb::StorageBackend;
use wire::segment::crc;

/// Bytes of a page.
const PAGE_BYTES: u64 = 4_096;

/// How many pages a group holds, without that of the checksums.
const GROUP_PAGES: u64 = 1_023;

/// A file of a disk.
pub(super) struct Backend {
    file: Arc<dyn DiskFile>,
    sums: Mutex<Sums>,
    /// Set when a page does not fit its checksum.
    is_damaged: Arc<AtomicBool>,
}

/// Checksums by group, as far as they were needed.
#[derive(Default)]
struct Sums {
    groups: BTreeMap<u64, Vec<u32>>,
    changed: BTreeSet<u64>,
}

/// A part of a range that lies in one page.
struct Piece {
    page: u64,
    start: usize,
    end: usize,
}

impl Backend {
    pub(super) fn new(file: Arc<dyn DiskFile>, is_damaged: Arc<AtomicBool>) -> Self {
        Self {
            file,
            sums: Mutex::default(),
            is_damaged,
        }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the checksum of a page; 0 when it was never written.
    fn sum_of(&self, page: u64) -> io::Result<u32> {
        let mut sums = self.sums();
        let group = self.group(&mut sums, page / GROUP_PAGES)?;
        Ok(group[place_in_group(page)])
    }

    fn set_sum(&self, page: u64, sum: u32) -> io::Result<()> {
        let mut sums = self.sums();
        let number = page / GROUP_PAGES;
        self.group(&mut sums, number)?[place_in_group(page)] = sum;
        sums.changed.insert(number);
        Ok(())
    }

    /// Returns the checksums of a group, read when they are needed first.
    fn group<'a>(&self, sums: &'a mut Sums, number: u64) -> io::Result<&'a mut Vec<u32>> {
        match sums.groups.entry(number) {
            Entry::Occupied(group) => Ok(group.into_mut()),
            Entry::Vacant(place) => {
                let offset = number * (GROUP_PAGES + 1) * PAGE_BYTES;
                let mut bytes = vec![0; PAGE_BYTES as usize];
                if offset < self.file.len()? {
                    read_exact_at(&*self.file, offset, &mut bytes)?;
                }
                let (list, _) = bytes.as_chunks::<4>();
                let list = list.iter().map(|sum| u32::from_le_bytes(*sum));
                Ok(place.insert(list.collect()))
            }
        }
    }

    /// Reads a whole page and checks it.
    fn read_page(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        read_exact_at(&*self.file, place_of(page), bytes)?;
        self.check(page, bytes)
    }

    fn check(&self, page: u64, bytes: &[u8]) -> io::Result<()> {
        if page == 0 {
            return Ok(());
        }
        let is_right = match self.sum_of(page)? {
            0 => bytes.iter().all(|byte| *byte == 0),
            sum => sum == stored(crc(bytes)),
        };
        if is_right {
            return Ok(());
        }
        self.is_damaged.store(true, Ordering::SeqCst);
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a page of the index is damaged",
        ))
    }

    fn write_page(&self, page: u64, bytes: &[u8]) -> io::Result<()> {
        if page > 0 {
            self.set_sum(page, stored(crc(bytes)))?;
        }
        self.file.write_at(place_of(page), &[IoSlice::new(bytes)])
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        let pages = self.file.len()? / PAGE_BYTES;
        Ok((pages - pages.div_ceil(GROUP_PAGES + 1)) * PAGE_BYTES)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        for piece in pieces(offset, out.len()) {
            let count = piece.end - piece.start;
            let part = &mut out[done..done + count];
            if count == PAGE_BYTES as usize {
                self.read_page(piece.page, part)?;
            } else {
                let mut page = [0; PAGE_BYTES as usize];
                self.read_page(piece.page, &mut page)?;
                part.copy_from_slice(&page[piece.start..piece.end]);
            }
            done += count;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if !len.is_multiple_of(PAGE_BYTES) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the index is made of whole pages",
            ));
        }
        let pages = len / PAGE_BYTES;
        let wanted = (pages + pages.div_ceil(GROUP_PAGES)) * PAGE_BYTES;
        let before = self.file.len()?;
        if wanted > before {
            // A disk without room says so now, and not in the middle of a page.
            self.file.allocate(wanted)?;
        } else {
            // What is cut off comes back as zeros.
            for page in pages..self.len()? / PAGE_BYTES {
                self.set_sum(page, 0)?;
            }
        }
        self.file.set_len(wanted)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut sums = self.sums();
        let changed: Vec<u64> = sums.changed.iter().copied().collect();
        let len = self.file.len()?;
        for number in changed {
            let list: Vec<u8> = sums.groups[&number]
                .iter()
                .flat_map(|sum| sum.to_le_bytes())
                .collect();
            let offset = number * (GROUP_PAGES + 1) * PAGE_BYTES;
            if offset < len {
                self.file.write_at(offset, &[IoSlice::new(&list)])?;
            }
            sums.changed.remove(&number);
        }
        drop(sums);
        self.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut done = 0;
        for piece in pieces(offset, data.len()) {
            let count = piece.end - piece.start;
            let part = &data[done..done + count];
            if count == PAGE_BYTES as usize {
                self.write_page(piece.page, part)?;
            } else if piece.page == 0 {
                let place = place_of(0) + piece.start as u64;
                self.file.write_at(place, &[IoSlice::new(part)])?;
            } else {
                let mut page = [0; PAGE_BYTES as usize];
                self.read_page(piece.page, &mut page)?;
                page[piece.start..piece.end].copy_from_slice(part);
                self.write_page(piece.page, &page)?;
            }
            done += count;
        }
        Ok(())
    }
}

/// Returns where a page lies in the file.
const fn place_of(page: u64) -> u64 {
    (page / GROUP_PAGES * (GROUP_PAGES + 1) + 1 + page % GROUP_PAGES) * PAGE_BYTES
}

fn place_in_group(page: u64) -> usize {
    usize::try_from(page % GROUP_PAGES).expect("a group is small")
}

/// Returns how a checksum is written down: never 0.
const fn stored(sum: u32) -> u32 {
    if sum == 0 { 1 } else { sum }
}

/// Cuts a range at the borders of pages.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let end = offset + len as u64;
    let mut next = offset;
    std::iter::from_fn(move || {
        if next >= end {
            return None;
        }
        let page = next / PAGE_BYTES;
        let stop = end.min((page + 1) * PAGE_BYTES);
        let inside =
            |place: u64| usize::try_from(place - page * PAGE_BYTES).expect("a page is small");
        let piece = Piece {
            page,
            start: inside(next),
            end: inside(stop),
        };
        next = stop;
        Some(piece)
    })
}

#[cfg(test)]
mod tests;
