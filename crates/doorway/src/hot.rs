//! The hot cache in front of everything that anonymous readers ask for: runs [`doorway_core::cache`], which decides.
//!
//! # Invariants
//! What readers get from here lies ready: nothing is made, packed or written anew for a hit.
//! Answers are made in tasks of their own, so that a reader who goes away stops nothing for others.
//! Readers with a token are never answered from here, and what was made for them does not get here.
//!
//! The cache is divided by the hash of the question, so that hits on several threads seldom meet.
//! The readers who wait are its alarm clock: without them there is nothing that it could be late for.

mod coding;
mod counters;
mod packer;
pub(crate) mod path;
mod ready;
mod seat;
mod sent;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use base::{Code, ContentHash, Machine as _, Problem, Reach};
use bytes::Bytes;
use doorway_core::cache::{
    Answer, Cache, FillId, Freshness, Hashed, Input, Key, Limits, Outcome, Output, ReaderId, Seeds,
    Shared, Tag,
};
use doorway_core::event::Event;
use futures::future::BoxFuture;
use http_kit::{ETag, HotPath};
use runtime::{Clock, Shutdown, TaskGroup};
use tracing::Instrument as _;

use crate::service::Doorway;
use crate::store::Sight;

pub use counters::HotTally;
pub(crate) use ready::{CONTENT_DIGEST, Prepared, Ready};
pub(crate) use sent::Sent;

use counters::{Counters, count};
use packer::{Job, Packer};
use seat::{Seat, Waiting};

/// Most caches between which questions are divided.
const SHARDS_MAX: usize = 16;

/// Fewest entries for which another cache is worth it.
const SHARD_ENTRIES_MIN: usize = 256;

/// Largest blob that lies ready, in bytes; it is one chunk of the store.
pub(crate) const READY_BLOB_BYTES_MAX: u64 = 256 * 1_024;

/// Most blobs that lie ready.
const READY_BLOBS_MAX: usize = 2_048;

/// What a blob weighs besides its bytes, at most, in bytes.
const BLOB_HEAD_BYTES_MAX: u64 = 4 * 1_024;

/// How much may lie ready.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Of pages and answers for programs.
    pub(crate) documents: Limits,
    /// Of blobs, in bytes together; whatever else bounds documents bounds them as well.
    pub(crate) blob_bytes_max: u64,
}

/// An answer as it was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// What its headers are made of.
    pub(crate) form: Form,
    /// All of it.
    pub(crate) body: Bytes,
    /// The narrowest reach of anything that it shows.
    pub(crate) reach: Reach,
    /// What it shows, and so by what it becomes wrong.
    pub(crate) tags: Vec<Tag>,
}

/// What the headers of an answer are made of.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// A text of ours, which may be packed.
    Document {
        /// What it is, with its character set.
        media_type: &'static str,
        /// The hash of the body, from which its validator and digest are made.
        hash: ContentHash,
    },
    /// A blob as it is stored.
    Blob(Box<Heads>),
}

/// The heads of a blob's answers, as the store's route gives them.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    /// What tells these bytes from others.
    pub(crate) etag: ETag,
    /// The headers of a whole answer.
    pub(crate) whole: HeaderMap,
    /// The headers of a 304.
    pub(crate) unchanged: HeaderMap,
}

impl Made {
    /// Finishes an answer.
    pub(crate) fn new(
        media_type: &'static str,
        body: impl Into<Bytes>,
        reach: Reach,
        tags: Vec<Tag>,
    ) -> Self {
        let body = body.into();
        Self {
            form: Form::Document {
                media_type,
                hash: ContentHash::of(&body),
            },
            body,
            reach,
            tags,
        }
    }
}

/// The making of an answer, once it is asked for.
pub(crate) type Making = BoxFuture<'static, Result<Made, Problem>>;

type Make = Box<dyn FnOnce() -> Making + Send>;

/// The cache, shared by all requests. Cheap to clone; clones are the same cache.
#[derive(Clone)]
pub(crate) struct Hot(Arc<Inner>);

struct Inner {
    seeds: Seeds,
    clock: Clock,
    /// Those of documents, then those of blobs: neither pushes the others out.
    shards: Vec<Mutex<Shard>>,
    /// How many of them are of documents.
    document_shards: usize,
    readers: AtomicU64,
    /// Readers who wait, in all shards together.
    seats: AtomicUsize,
    seats_max: usize,
    counters: Counters,
    packer: Packer,
    tasks: TaskGroup,
}

struct Shard {
    cache: Cache<Arc<Ready>, Problem>,
    waiting: BTreeMap<ReaderId, Waiting>,
}

impl Hot {
    /// Starts empty. The seeds are drawn by the caller and told to nobody; answers are made in `tasks`; packing them
    /// ends with `shutdown`.
    pub(crate) fn new(
        bounds: &Bounds,
        clock: Clock,
        seeds: [u64; 3],
        tasks: TaskGroup,
        shutdown: Shutdown,
    ) -> Self {
        let seeds = Seeds {
            hash: (seeds[0], seeds[1]),
            jitter: seeds[2],
        };
        let mut shards = divided(&bounds.documents, seeds);
        let document_shards = shards.len();
        shards.extend(divided(&bounds.blobs(), seeds));
        Self(Arc::new(Inner {
            seeds,
            clock,
            shards,
            document_shards,
            readers: AtomicU64::new(0),
            seats: AtomicUsize::new(0),
            seats_max: bounds.documents.waiters_max,
            counters: Counters::default(),
            packer: Packer::new(shutdown),
            tasks,
        }))
    }

    /// Answers from the cache, or has the answer made and keeps it when everybody may see it.
    ///
    /// Without a key, and for readers with a token, it is made for this reader alone and not kept.
    ///
    /// # Cancel safety
    /// May be dropped; an answer that is being made for several readers is finished without this one.
    pub(crate) async fn answer<M>(
        &self,
        key: Option<Key>,
        sight: &Sight,
        make: M,
    ) -> Result<Arc<Ready>, Problem>
    where
        M: FnOnce() -> Making + Send + 'static,
    {
        let is_anonymous = *sight == Sight::ANONYMOUS;
        let Some(key) = key.filter(|_| is_anonymous) else {
            let made = make().await?;
            let is_shared = is_anonymous && Shared::of(made.reach).is_some();
            return Ok(Arc::new(Ready::new(&made, is_shared)));
        };
        let Some(seat) = Seat::take(&self.0) else {
            return Err(overloaded("too many readers wait"));
        };
        match seat.ask(key, Box::new(make)).await {
            Answer::Found { value, .. } => Ok(value),
            Answer::Absent => Err(Problem::new(Code::NotFound, Code::NotFound.title())),
            Answer::Failed(problem) => Err(problem),
            Answer::Lost => Err(Problem::new(Code::Bug, "the answer could not be made")),
            Answer::TimedOut => Err(overloaded("the answer takes too long")),
            Answer::Overloaded => Err(overloaded("too much is asked for at once")),
        }
    }

    /// Drops what a stored batch made wrong, here or in another process.
    pub(crate) fn changed(&self, event: &Event) {
        self.0.changed(&event.tags());
    }

    /// Drops everything, as when nobody knows what changed.
    pub(crate) fn everything_changed(&self) {
        for shard in 0..self.0.shards.len() {
            Inner::tell(&self.0, shard, Input::EverythingChanged, None);
        }
    }

    /// Drops everything that lists show, as when the members change.
    pub(crate) fn lists_changed(&self) {
        self.0.changed(&[Tag::Lists]);
    }
}

impl Doorway {
    /// Returns what answers requests before they reach the router.
    #[must_use]
    pub fn hot_path(&self) -> Arc<dyn HotPath> {
        Arc::new(self.hot().clone())
    }

    /// Returns what the hot cache did and holds.
    #[must_use]
    pub fn hot_tally(&self) -> HotTally {
        self.hot().0.tally()
    }

    /// Waits until every kept answer has its encodings.
    pub async fn packed(&self) {
        self.hot().0.packer.done().await;
    }
}

impl Bounds {
    /// Returns the bounds of blobs.
    fn blobs(&self) -> Limits {
        Limits {
            entries_max: READY_BLOBS_MAX,
            bytes_max: self.blob_bytes_max,
            entry_bytes_max: READY_BLOB_BYTES_MAX + BLOB_HEAD_BYTES_MAX,
            ..self.documents.clone()
        }
    }
}

/// Makes the parts of a cache.
fn divided(limits: &Limits, seeds: Seeds) -> Vec<Mutex<Shard>> {
    let count = shards_of(limits);
    let limits = Limits {
        entries_max: limits.entries_max.div_ceil(count),
        bytes_max: limits.bytes_max / count as u64,
        absent_entries_max: limits.absent_entries_max.div_ceil(count),
        ..limits.clone()
    };
    let shard = || {
        Mutex::new(Shard {
            cache: Cache::new(limits.clone(), seeds),
            waiting: BTreeMap::new(),
        })
    };
    std::iter::repeat_with(shard).take(count).collect()
}

/// Divides a cache no further than each part is of use: it holds a good number of entries, and several of the
/// largest.
fn shards_of(limits: &Limits) -> usize {
    let by_entries = limits.entries_max / SHARD_ENTRIES_MIN;
    let by_bytes = limits.bytes_max / limits.entry_bytes_max.max(1).saturating_mul(2);
    let by_bytes = usize::try_from(by_bytes).unwrap_or(SHARDS_MAX);
    by_entries.min(by_bytes).clamp(1, SHARDS_MAX)
}

fn overloaded(detail: &str) -> Problem {
    Problem::new(Code::Overloaded, detail)
}

/// Ends a making that vanished, so that its readers do not wait for nothing.
struct Fill {
    inner: Arc<Inner>,
    shard: usize,
    fill: Option<FillId>,
}

impl Fill {
    fn end(mut self, outcome: Outcome<Arc<Ready>, Problem>) {
        if let Some(fill) = self.fill.take() {
            let input = Input::Filled { fill, outcome };
            Inner::tell(&self.inner, self.shard, input, None);
        }
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        if let Some(fill) = self.fill.take() {
            count(&self.inner.counters.fill_failures);
            Inner::tell(&self.inner, self.shard, Input::Dropped { fill }, None);
        }
    }
}

impl Inner {
    fn shard(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns in which shard a question is, by its class and its hash.
    fn shard_of(&self, class: &str, sought: &Hashed<'_>) -> usize {
        if class == path::BLOB_CLASS {
            let count = self.shards.len() - self.document_shards;
            self.document_shards + sought.shard(count)
        } else {
            sought.shard(self.document_shards)
        }
    }

    fn changed(self: &Arc<Self>, tags: &[Tag]) {
        for shard in 0..self.shards.len() {
            let tags = tags.to_vec();
            Self::tell(self, shard, Input::Changed { tags }, None);
        }
    }

    fn tally(&self) -> HotTally {
        let mut tally = self.counters.read();
        for index in 0..self.shards.len() {
            let held = self.shard(index).cache.tally();
            tally.entries += held.entries as u64;
            tally.bytes += held.bytes;
            tally.evictions += held.evictions;
            tally.waiting += held.waiters as u64;
        }
        tally
    }

    /// Tells one cache something and does what it asks for. `waiting` is the reader who asks, when that is the input.
    fn tell(
        inner: &Arc<Self>,
        index: usize,
        input: Input<Arc<Ready>, Problem>,
        waiting: Option<(ReaderId, Waiting)>,
    ) {
        let mut begun = Vec::new();
        let mut kept = Vec::new();
        let mut told = Vec::new();
        let asking = waiting.as_ref().map(|(reader, _)| *reader);
        let mut shard = inner.shard(index);
        shard.waiting.extend(waiting);
        shard.cache.handle(inner.clock.now(), input);
        while let Some(output) = shard.cache.poll_output() {
            match output {
                Output::Fill { fill, maker, .. } => {
                    let maker = shard.waiting.get_mut(&maker);
                    begun.push((fill, maker.and_then(|waiting| waiting.make.take())));
                }
                Output::Answer { reader, answer } => {
                    inner.count_answer(&answer, asking == Some(reader));
                    if let Some(waiting) = shard.waiting.remove(&reader) {
                        told.push((waiting.told, answer));
                    }
                }
                Output::Kept { entry, value } => kept.push(Job {
                    shard: index,
                    entry,
                    value,
                }),
            }
        }
        let still_waits = asking.is_some_and(|reader| shard.waiting.contains_key(&reader));
        drop(shard);
        if still_waits {
            count(&inner.counters.misses);
            if begun.is_empty() {
                count(&inner.counters.coalesced);
            }
        }
        for (fill, make) in begun {
            Self::fill(inner, index, fill, make);
        }
        for job in kept {
            packer::pack(inner, &inner.tasks, job);
        }
        for (reader, answer) in told {
            // Nobody listens any more when the reader has just gone away.
            drop(reader.send(answer));
        }
    }

    fn count_answer(&self, answer: &Answer<Arc<Ready>, Problem>, is_at_once: bool) {
        match answer {
            Answer::Found {
                freshness: Freshness::Fresh,
                ..
            } if is_at_once => count(&self.counters.hits),
            Answer::Found {
                freshness: Freshness::Stale,
                ..
            } => count(&self.counters.stale),
            Answer::Absent => count(&self.counters.absent),
            Answer::Found { .. }
            | Answer::Failed(_)
            | Answer::Lost
            | Answer::TimedOut
            | Answer::Overloaded => {}
        }
    }

    /// Has an answer made in a task of its own.
    fn fill(inner: &Arc<Self>, shard: usize, fill: FillId, make: Option<Make>) {
        count(&inner.counters.fills);
        let fill = Fill {
            inner: Arc::clone(inner),
            shard,
            fill: Some(fill),
        };
        let Some(make) = make else { return };
        let task = async move {
            let outcome = outcome(make().await);
            if matches!(outcome, Outcome::Failed(_)) {
                count(&fill.inner.counters.fill_failures);
            }
            fill.end(outcome);
        };
        inner.tasks.spawn(task.in_current_span());
    }
}

/// Says what a making came to, in the words of the cache.
fn outcome(made: Result<Made, Problem>) -> Outcome<Arc<Ready>, Problem> {
    match made {
        Ok(made) => {
            let shared = Shared::of(made.reach);
            let ready = Ready::new(&made, shared.is_some());
            let ready = if shared.is_some() {
                ready.kept()
            } else {
                ready
            };
            Outcome::Made {
                shared,
                bytes: ready.weight(),
                value: Arc::new(ready),
                tags: made.tags,
            }
        }
        Err(problem) if problem.code == Code::NotFound => Outcome::Absent,
        Err(problem) if problem.code.status() < 500 => Outcome::Refused(problem),
        Err(problem) => Outcome::Failed(problem),
    }
}

#[cfg(test)]
mod tests;
