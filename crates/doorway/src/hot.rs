//! The hot cache in front of everything that anonymous readers ask for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base::{Code, ContentHash, Problem, Reach};
use bytes::Bytes;
use chain::Item;
use doorway_core::cache::{Answer, Cache, Key, Limits, Lookup, Shared, Tag};
use doorway_core::projector::{Batch, Change};
use runtime::Clock;

use crate::store::Sight;

/// An answer as it is sent: everything but what depends on the single request.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// What it is, with its character set.
    pub(crate) media_type: &'static str,
    /// All of it.
    pub(crate) body: Bytes,
    /// The hash of the body, from which its validator and digest are made.
    pub(crate) hash: ContentHash,
    /// The narrowest reach of anything that it shows.
    pub(crate) reach: Reach,
    /// What it shows, and so by what it becomes wrong.
    pub(crate) tags: Vec<Tag>,
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
            media_type,
            hash: ContentHash::of(&body),
            body,
            reach,
            tags,
        }
    }
}

/// The cache, shared by all requests.
pub(crate) struct Hot {
    cache: Mutex<Cache<Made>>,
    clock: Clock,
}

impl Hot {
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            cache: Mutex::new(Cache::new(limits)),
            clock,
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache<Made>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers from the cache, or makes the answer and keeps it when everybody may see it.
    ///
    /// Readers with a token are never answered from the cache.
    pub(crate) async fn answer<F>(&self, key: Key, sight: &Sight, make: F) -> Result<Made, Problem>
    where
        F: Future<Output = Result<Made, Problem>>,
    {
        if *sight != Sight::ANONYMOUS {
            return make.await;
        }
        let ticket = match self.cache().look_up(self.clock.now(), &key) {
            Lookup::Hit(made) => return Ok(made),
            Lookup::Absent => {
                return Err(Problem::new(Code::NotFound, Code::NotFound.title()));
            }
            Lookup::Miss(ticket) => ticket,
        };
        let made = make.await;
        let answer = match &made {
            Ok(made) => Shared::of(made.reach).map(|shared| Answer::Found {
                shared,
                bytes: made.body.len() as u64,
                value: made.clone(),
                tags: made.tags.clone(),
            }),
            Err(problem) if problem.code == Code::NotFound => Some(Answer::Absent),
            Err(_) => None,
        };
        if let Some(answer) = answer {
            self.cache().admit(ticket, key, answer);
        }
        made
    }

    /// Drops what a stored batch made wrong.
    pub(crate) fn changed(&self, batch: &Batch) {
        let mut tags = vec![Tag::Lists, Tag::Author(batch.agent.clone())];
        for change in &batch.changes {
            if let Some(item) = change.item() {
                tags.push(Tag::Item(item.clone()));
            }
            let Change::Put(version) = change else {
                continue;
            };
            match &version.content {
                Item::Content(content) if !content.course.is_empty() => {
                    tags.push(Tag::Course(content.course.clone()));
                }
                Item::Path(path) => tags.push(Tag::Course(path.slug.clone())),
                Item::Content(_) | Item::BlobManifest(_) | Item::Profile(_) => {}
            }
        }
        self.cache().invalidate(&tags);
    }

    /// Drops everything that lists show, as when the members change.
    pub(crate) fn lists_changed(&self) {
        self.cache().invalidate(&[Tag::Lists]);
    }
}
