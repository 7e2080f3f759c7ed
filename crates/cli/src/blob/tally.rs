//! What a command has done so far, counted where it happens, so that an interruption can say it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Code, Problem};
use indicatif::ProgressBar;

/// Tells threads that read and hash that nobody waits for them any more. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// What was sent or fetched so far. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Blobs that were moved, and their bytes.
    blobs: AtomicU64,
    bytes: AtomicU64,
    /// Bytes of blobs that are moved in part and kept.
    partial_bytes: AtomicU64,
    /// Blobs that were there already, and their bytes.
    there_blobs: AtomicU64,
    there_bytes: AtomicU64,
    bar: Mutex<Option<ProgressBar>>,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Blobs that were moved as a whole.
    pub(crate) blobs: u64,
    /// All bytes that were moved and need not be moved again.
    pub(crate) bytes: u64,
    /// Blobs that were there already.
    pub(crate) there_blobs: u64,
    /// Their bytes.
    pub(crate) there_bytes: u64,
}

impl Stop {
    /// Has every thread that asks stop.
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Refuses to go on when it was requested.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Problem::new(
                Code::ShuttingDown,
                "the command was interrupted",
            ));
        }
        Ok(())
    }
}

impl Tally {
    /// Shows what is counted from now on in a bar.
    pub(crate) fn show(&self, bar: ProgressBar) {
        *self.bar() = Some(bar);
    }

    /// Takes the bar away.
    pub(crate) fn hide(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    /// Counts a piece that was moved and is kept.
    pub(crate) fn piece(&self, bytes: u64) {
        self.0.partial_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.advance(bytes);
    }

    /// Counts a blob whose pieces were counted.
    pub(crate) fn whole(&self, pieces_bytes: u64) {
        self.0
            .partial_bytes
            .fetch_sub(pieces_bytes, Ordering::Relaxed);
        self.0.blobs.fetch_add(1, Ordering::Relaxed);
        self.0.bytes.fetch_add(pieces_bytes, Ordering::Relaxed);
    }

    /// Counts a blob that went where nothing of it could be kept before its end.
    pub(crate) fn printed(&self, bytes: u64) {
        self.0.blobs.fetch_add(1, Ordering::Relaxed);
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts blobs that were there already.
    pub(crate) fn there(&self, blobs: u64, bytes: u64) {
        self.0.there_blobs.fetch_add(blobs, Ordering::Relaxed);
        self.0.there_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Moves the bar alone.
    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(bar) = self.bar().as_ref() {
            bar.inc(bytes);
        }
    }

    /// Moves the bar back, because what it showed has to be moved again.
    pub(crate) fn retreat(&self, bytes: u64) {
        if let Some(bar) = self.bar().as_ref() {
            bar.dec(bytes);
        }
    }

    /// Takes pieces back that were counted and are gone.
    pub(crate) fn lost(&self, bytes: u64) {
        self.0.partial_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.retreat(bytes);
    }

    /// Returns what was counted.
    pub(crate) fn counted(&self) -> Counted {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            blobs: get(&self.0.blobs),
            bytes: get(&self.0.bytes) + get(&self.0.partial_bytes),
            there_blobs: get(&self.0.there_blobs),
            there_bytes: get(&self.0.there_bytes),
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.0.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
