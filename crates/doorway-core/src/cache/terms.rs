//! The words of the cache: bounds, questions, what is told to it and what it asks for.

use std::hash::Hasher as _;

use base::{Duration, Reach};
use chain::{ActionHash, AgentPubKey};
use siphasher::sip::SipHasher13;

/// Bounds of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most entries.
    pub entries_max: usize,
    /// Most bytes of all entries together, by the weights that callers give and the lengths of the keys.
    pub bytes_max: u64,
    /// Largest weight of one entry in bytes; heavier answers are not kept.
    pub entry_bytes_max: u64,
    /// Most tags of one entry; answers that show more are not kept.
    pub entry_tags_max: usize,
    /// Most questions of which is remembered that there is no answer to keep: nothing was found, making it failed, or
    /// it is too heavy. They take no place from entries.
    pub absent_entries_max: usize,
    /// Longest question of which that is remembered, in bytes.
    pub absent_key_bytes_max: usize,
    /// Longest time that an answer is fresh, should an invalidation ever be missed; each entry's own is up to a tenth
    /// shorter or longer.
    pub ttl: Duration,
    /// Longest time that "there is nothing" is served.
    pub absent_ttl: Duration,
    /// How long after it was fresh an answer is served while a newer one is made.
    pub stale_while_revalidate: Duration,
    /// How long after it was fresh an answer is served when a newer one cannot be made.
    pub stale_if_error: Duration,
    /// How long the next attempt waits after a newer answer could not be made.
    pub retry_delay: Duration,
    /// How long a failure is told to readers without another attempt.
    pub error_ttl: Duration,
    /// How long readers of an answer that cannot be kept do not wait for one another.
    pub pass_ttl: Duration,
    /// How long readers join an answer in the making; the next one after that starts another.
    pub fill_time_max: Duration,
    /// How long an answer in the making is remembered; what comes later is ignored.
    pub fill_keep_max: Duration,
    /// Most answers in the making at once.
    pub fills_max: usize,
    /// How many makers of one answer may vanish before that counts as a failure.
    pub drops_max: u32,
    /// Longest time that a reader waits.
    pub wait_max: Duration,
    /// Most readers who wait at once; more are told [`Answer::Overloaded`].
    pub waiters_max: usize,
    /// How many invalidated tags are remembered for answers that are being made; when there are more, those answers go
    /// only to readers who asked before.
    pub tags_remembered_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_max: 10_000,
            bytes_max: 64 * 1_024 * 1_024,
            entry_bytes_max: 1_024 * 1_024,
            entry_tags_max: 32,
            absent_entries_max: 1_000,
            absent_key_bytes_max: 2_048,
            ttl: Duration::from_secs(300),
            absent_ttl: Duration::from_secs(10),
            stale_while_revalidate: Duration::from_secs(600),
            stale_if_error: Duration::from_secs(3_600),
            retry_delay: Duration::from_secs(5),
            error_ttl: Duration::from_secs(1),
            pass_ttl: Duration::from_secs(60),
            fill_time_max: Duration::from_secs(5),
            fill_keep_max: Duration::from_secs(60),
            fills_max: 10_000,
            drops_max: 3,
            wait_max: Duration::from_secs(10),
            waiters_max: 20_000,
            tags_remembered_max: 10_000,
        }
    }
}

/// The chance that a cache needs, drawn by whoever makes it and told to nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeds {
    /// The key of the hash of questions.
    pub hash: (u64, u64),
    /// What spreads the times at which entries stop being fresh.
    pub jitter: u64,
}

impl Seeds {
    /// Hashes a question once for everything that is done with it.
    #[must_use]
    pub fn hashed<'a>(&self, key: KeyRef<'a>) -> Hashed<'a> {
        let mut hasher = SipHasher13::new_with_keys(self.hash.0, self.hash.1);
        hasher.write(key.class.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(key.text.as_bytes());
        Hashed {
            hash: hasher.finish(),
            key,
        }
    }

    /// Draws a number below `end` for the entry of one fill.
    pub(super) fn draw(&self, fill: FillId, end: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.jitter, !self.jitter);
        hasher.write_u64(fill.0);
        let wide = u128::from(hasher.finish()) * u128::from(end);
        (wide >> 64) as u64
    }
}

/// What an answer answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Which sort of answer, for example the language of a page.
    pub class: &'static str,
    /// The question, for example the path and query of the request.
    pub text: String,
}

impl Key {
    /// Borrows the question.
    #[must_use]
    pub fn borrowed(&self) -> KeyRef<'_> {
        KeyRef {
            class: self.class,
            text: &self.text,
        }
    }
}

/// A [`Key`] that is borrowed, for looking up without copying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef<'a> {
    /// Which sort of answer.
    pub class: &'static str,
    /// The question.
    pub text: &'a str,
}

impl KeyRef<'_> {
    /// Copies the question.
    #[must_use]
    pub fn to_key(self) -> Key {
        Key {
            class: self.class,
            text: self.text.to_owned(),
        }
    }
}

/// A question with its hash, made by [`Seeds::hashed`].
#[derive(Clone, Copy, Debug)]
pub struct Hashed<'a> {
    pub(super) hash: u64,
    pub(super) key: KeyRef<'a>,
}

impl Hashed<'_> {
    /// Chooses one of `count` caches between which questions are divided. It takes bits that the caches' own tables
    /// use last.
    ///
    /// # Panics
    /// When `count` is 0.
    #[must_use]
    pub fn shard(&self, count: usize) -> usize {
        ((self.hash >> 32) as usize & 0xffff) % count
    }
}

/// What an answer shows, and so by what it may become wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// One item, by its first action.
    Item(ActionHash),
    /// A course with all its pages, by its slug.
    Course(String),
    /// Whatever stands at the address of a page.
    Place {
        /// Slug of the course; empty for what stands alone.
        course: String,
        /// Its own slug.
        slug: String,
    },
    /// What an author is called and says about themselves.
    Author(AgentPubKey),
    /// Who may see a blob and what it is said to be, by its hash in hex.
    Blob(String),
    /// Lists of all sorts, and everything that was not there when it was asked for.
    Lists,
}

impl Tag {
    /// Names whatever stands at the address of a page.
    #[must_use]
    pub fn place(course: &str, slug: &str) -> Self {
        Self::Place {
            course: course.to_owned(),
            slug: slug.to_owned(),
        }
    }
}

/// The mark of what everybody may see. Nothing else gets into the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared(());

impl Shared {
    /// Returns the mark for what everybody may see, and nothing for everything else.
    #[must_use]
    pub fn of(reach: Reach) -> Option<Self> {
        (reach == Reach::Commons).then_some(Self(()))
    }
}

/// One reader's asking. The shell numbers them; each number is greater than those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReaderId(pub u64);

/// One making of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FillId(pub(super) u64);

/// One kept answer; a newer answer to the same question is another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    pub(super) slot: u32,
    pub(super) fill: FillId,
}

/// What the cache is told.
#[derive(Clone, Debug)]
pub enum Input<V, F> {
    /// A reader asks and gets exactly one [`Output::Answer`], unless they leave before.
    Ask {
        /// Who.
        reader: ReaderId,
        /// What.
        key: Key,
    },
    /// A reader who waits goes away. What they made possible goes on.
    Leave {
        /// Who.
        reader: ReaderId,
    },
    /// An answer was made, or could not be.
    Filled {
        /// Which making.
        fill: FillId,
        /// What came of it.
        outcome: Outcome<V, F>,
    },
    /// A making ended without any outcome.
    Dropped {
        /// Which making.
        fill: FillId,
    },
    /// Something changed. Say so after the change can be read, so that whatever is made from then on shows it.
    Changed {
        /// What.
        tags: Vec<Tag>,
    },
    /// Nobody knows what changed, so everything may have.
    EverythingChanged,
    /// The same answer in more encodings; refused when it is no longer kept.
    Encoded {
        /// Which one.
        entry: EntryId,
        /// The answer with its encodings.
        value: V,
        /// Its weight with them, in bytes.
        bytes: u64,
    },
    /// The deadline of `poll_timeout` has come.
    Timeout,
}

/// What came of making an answer.
#[derive(Clone, Debug)]
pub enum Outcome<V, F> {
    /// It was made.
    Made {
        /// The answer.
        value: V,
        /// The mark of what may be kept.
        shared: Option<Shared>,
        /// Its size in bytes.
        bytes: u64,
        /// What it shows.
        tags: Vec<Tag>,
    },
    /// There is nothing that everybody may see. A new item may change that, so it goes with [`Tag::Lists`].
    Absent,
    /// The question itself is wrong; an older answer is wrong as well.
    Refused(F),
    /// It could not be made this time.
    Failed(F),
}

/// What the cache asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<V, F> {
    /// Make the answer that this reader asked for, and tell [`Input::Filled`] or [`Input::Dropped`].
    Fill {
        /// Which making.
        fill: FillId,
        /// Whose question; each reader is asked at most once.
        maker: ReaderId,
        /// What for.
        purpose: Purpose,
    },
    /// Tell a reader the answer.
    Answer {
        /// Who.
        reader: ReaderId,
        /// What.
        answer: Answer<V, F>,
    },
    /// An answer is kept; more encodings of it may be told with [`Input::Encoded`].
    Kept {
        /// Which one.
        entry: EntryId,
        /// The answer.
        value: V,
    },
}

/// What an answer is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// There is none that can be served.
    Missing,
    /// The one that is served is old; its reader does not wait.
    Refresh,
    /// It cannot be kept, so the reader has it made alone.
    Pass,
}

/// Whether an answer's time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is not.
    Fresh,
    /// It is; nothing that it shows is known to have changed.
    Stale,
}

/// What a reader is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<V, F> {
    /// The answer.
    Found {
        /// It.
        value: V,
        /// How old it is.
        freshness: Freshness,
    },
    /// There is nothing that everybody may see.
    Absent,
    /// Making it failed or was refused.
    Failed(F),
    /// Nobody is left who could make it.
    Lost,
    /// It took longer than a reader may wait.
    TimedOut,
    /// Too many readers wait, or too many answers are being made.
    Overloaded,
}

/// How much the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers that are kept.
    pub entries: usize,
    /// Questions that are known to have no answer to keep.
    pub absent: usize,
    /// What the answers weigh together, in bytes.
    pub bytes: u64,
    /// Entries that made room for others, ever.
    pub evictions: u64,
    /// Readers who wait.
    pub waiters: usize,
    /// Answers in the making.
    pub fills: usize,
}
