//! What the writer of a log and its readers share.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use wire::segment::{Lsn, Retired};

use super::segment::Segment;
use super::spare::Spares;
use super::{CommitError, Corrupt, LogConfig, Position, ReadLogError, SegmentStat};
use crate::Disk;

type Watcher = Box<dyn Fn(Lsn) + Send + Sync>;
type Segments = BTreeMap<u64, Arc<Segment>>;

pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) config: LogConfig,
    pub(super) spares: Spares,
    pub(super) retired: Mutex<Retired>,
    /// Replaced as a whole, so that who reads takes no lock.
    segments: ArcSwap<Segments>,
    /// Held while it is replaced.
    replacing: Mutex<()>,
    /// The segment that is being written; 0 when there is none.
    active: AtomicU64,
    committed: AtomicU64,
    syncs: AtomicU64,
    poison: OnceLock<CommitError>,
    is_closed: AtomicBool,
    watchers: RwLock<Vec<Watcher>>,
    waiters: AtomicUsize,
    waiting: Mutex<()>,
    news: Condvar,
}

impl Shared {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        config: LogConfig,
        spares: Spares,
        retired: Retired,
    ) -> Self {
        Self {
            disk,
            config,
            spares,
            retired: Mutex::new(retired),
            segments: ArcSwap::default(),
            replacing: Mutex::new(()),
            active: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            poison: OnceLock::new(),
            is_closed: AtomicBool::new(false),
            watchers: RwLock::default(),
            waiters: AtomicUsize::new(0),
            waiting: Mutex::new(()),
            news: Condvar::new(),
        }
    }

    /// Returns the path of a file of the log on the disk.
    pub(super) fn name(&self, name: &str) -> String {
        join(&self.config.folder, name)
    }

    /// Returns where a file of the log is, for messages.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.disk.path(&self.name(name))
    }

    pub(super) fn committed(&self) -> Lsn {
        self.committed.load(Ordering::SeqCst)
    }

    pub(super) fn set_committed(&self, lsn: Lsn) {
        // In one order with `waiters`: either the waiter sees the number or the writer sees the waiter.
        self.committed.store(lsn, Ordering::SeqCst);
    }

    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    pub(super) fn count_sync(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn poison(&self) -> Option<&CommitError> {
        self.poison.get()
    }

    /// Poisons the log; the first reason stays.
    pub(super) fn set_poison(&self, error: CommitError) -> CommitError {
        let error = self.poison.get_or_init(|| error).clone();
        self.tell_waiters();
        error
    }

    pub(super) fn table(&self) -> Guard<Arc<Segments>> {
        self.segments.load()
    }

    pub(super) fn add(&self, segment: Arc<Segment>) {
        self.replace(|table| {
            table.insert(segment.head.number, segment);
        });
    }

    pub(super) fn take_out(&self, segment: u64) {
        self.replace(|table| {
            table.remove(&segment);
        });
    }

    fn replace(&self, change: impl FnOnce(&mut Segments)) {
        let held = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut table = Segments::clone(&self.table());
        change(&mut table);
        self.segments.store(Arc::new(table));
        drop(held);
    }

    pub(super) fn active(&self) -> u64 {
        self.active.load(Ordering::Acquire)
    }

    pub(super) fn set_active(&self, segment: u64) {
        self.active.store(segment, Ordering::Release);
    }

    pub(super) fn segments(&self) -> Vec<SegmentStat> {
        let active = self.active();
        self.table()
            .values()
            .map(|segment| segment.stat(segment.head.number != active))
            .collect()
    }

    /// Finds the segment of a position whose log record is committed.
    pub(super) fn find(&self, at: &Position) -> Result<Arc<Segment>, ReadLogError> {
        Self::look(&self.table(), at).cloned()
    }

    /// As [`Shared::find`], in a table that is at hand.
    pub(super) fn look<'a>(
        table: &'a Segments,
        at: &Position,
    ) -> Result<&'a Arc<Segment>, ReadLogError> {
        let segment = table.get(&at.segment).ok_or(ReadLogError::Gone)?;
        if at.is_possible() && at.end() <= segment.end() {
            Ok(segment)
        } else {
            Err(ReadLogError::NotCommitted)
        }
    }

    /// Tells damage from a segment that was recycled while it was read.
    pub(super) fn gone_or(&self, segment: &Arc<Segment>, corrupt: Corrupt) -> ReadLogError {
        let is_there = self
            .table()
            .get(&segment.head.number)
            .is_some_and(|found| Arc::ptr_eq(found, segment));
        if is_there {
            ReadLogError::Corrupt(corrupt)
        } else {
            ReadLogError::Gone
        }
    }

    pub(super) fn watch(&self, told: Watcher) {
        self.watchers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(told);
    }

    /// Tells everybody who wants to know how far the log is committed now.
    pub(super) fn tell(&self) {
        let committed = self.committed();
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        for told in watchers.iter() {
            told(committed);
        }
        drop(watchers);
        if self.waiters.load(Ordering::SeqCst) > 0 {
            self.tell_waiters();
        }
    }

    fn tell_waiters(&self) {
        drop(self.lock_waiting());
        self.news.notify_all();
    }

    fn lock_waiting(&self) -> MutexGuard<'_, ()> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something after `lsn` is committed, the log ends, or time is up; tells whether it is committed.
    pub(super) fn wait_beyond(&self, lsn: Lsn, timeout: Duration) -> bool {
        // A wait without an end that fits into the clock is one of a year.
        let deadline = Instant::now()
            .checked_add(timeout)
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(365 * 24 * 3600));
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock_waiting();
        while self.committed() <= lsn && !self.is_closed() && self.poison().is_none() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            guard = self
                .news
                .wait_timeout(guard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(guard);
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        self.committed() > lsn
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Ends every wait for something new.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.tell_waiters();
        self.spares.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Log")
            .field("folder", &self.config.folder)
            .field("committed", &self.committed())
            .field("is_poisoned", &self.poison().is_some())
            .finish_non_exhaustive()
    }
}

/// Returns the path of a name in a folder of the disk.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
