//! Compares a course with what its author's chain already says, and plans what to write.
//!
//! The plan is executed in two stages, because a course's entry names the first actions of its pages: first all
//! [`Plan::steps`] in order (blob manifests, pages, withdrawals), then [`Plan::path`] with the hashes of the pages that
//! were created. What is equal produces nothing, so a second run of an unchanged folder plans nothing, and a run that
//! was cut off anywhere is finished by the next one.
//!
//! Invariants: pure; a key has at most one live item afterwards; items of other courses are never touched, except that
//! a blob which they share may be seen by whoever may see one of the pages. An item's visibility never changes, as an
//! update must be of its original's entry type: such an item is withdrawn and written anew.
//! Does not know whether a doorway holds a blob's bytes, and leaves the manifests of blobs that a page no longer shows,
//! so that earlier versions of the page stay whole; [`withdraw`] takes those as well.

mod existing;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Reach};
use chain::kind::{BlobManifest, Content, Path, Sealed};
use chain::{ActionHash, EntryVisibility, Item, Write};
use thiserror::Error;

use super::course::Course;

pub(crate) use existing::{Existing, Live};

/// What an item is to its author, whatever its hashes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// The manifest of a blob.
    Blob(ContentHash),
    /// A page of a course; the course is empty for a loose page.
    Page {
        /// Slug of the course.
        course: String,
        /// Slug of the page.
        slug: String,
    },
    /// A course, by its slug.
    Course(String),
}

/// One action to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it is about.
    pub(crate) key: Key,
    /// What goes into the chain.
    pub(crate) write: Write,
    /// What must be stored as a blob before the record is sent, because the item is long.
    pub(crate) spilled: Option<Vec<u8>>,
}

/// What a run changes, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pages that the chain does not hold.
    pub(crate) pages_new: usize,
    /// Pages that differ from what the chain says.
    pub(crate) pages_changed: usize,
    /// Pages that are gone from the course.
    pub(crate) pages_withdrawn: usize,
    /// Pages that are as the chain says.
    pub(crate) pages_unchanged: usize,
    /// Blobs without a manifest in the chain.
    pub(crate) blobs_new: usize,
    /// Blobs whose manifest differs from what the chain says.
    pub(crate) blobs_changed: usize,
    /// Blobs whose manifest is as the chain says.
    pub(crate) blobs_unchanged: usize,
    /// Length of the new blobs together, in bytes.
    pub(crate) blob_bytes_new: u64,
}

/// What to write, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    steps: Vec<Step>,
    contents: Option<Contents>,
    counts: Counts,
}

/// What to withdraw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A course with all its pages, by its slug.
    Course(String),
    /// A loose page, by its slug.
    Page(String),
}

/// Long items whose bodies are blobs that were not supplied: what they say is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the bodies of {} long items of the chain are missing", .0.len())]
pub(crate) struct Unread(pub(crate) Vec<ContentHash>);

/// A page of the contents list that has no action yet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the page {0} has not been written yet")]
pub(crate) struct MissingPage(pub(crate) String);

/// The second stage: the course's own entry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contents {
    course: Course,
    /// First actions of the pages that the chain holds already.
    known: BTreeMap<String, ActionHash>,
    /// The course's entry as the chain holds it.
    kept: Option<Live>,
}

impl Plan {
    /// Returns everything but the course's own entry, in the order in which it is to be written.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns what changes, for people.
    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && !self.changes_contents()
    }

    /// Returns whether the second stage has something to write.
    pub(crate) fn changes_contents(&self) -> bool {
        // A page that is still to be created has no hash yet, and the contents list will name it.
        !matches!(self.path(&BTreeMap::new()), Ok(None))
    }

    /// Returns the second stage: the course's own entry, when it is new or has changed.
    ///
    /// `created` holds the actions of the pages that the steps created, by their slugs.
    ///
    /// # Errors
    /// [`MissingPage`] when a page was neither created nor in the chain before.
    pub(crate) fn path(
        &self,
        created: &BTreeMap<String, ActionHash>,
    ) -> Result<Option<Step>, MissingPage> {
        let Some(contents) = &self.contents else {
            return Ok(None);
        };
        let hash = |slug: &str| {
            created
                .get(slug)
                .or_else(|| contents.known.get(slug))
                .cloned()
        };
        let path = contents.course.path(hash).map_err(MissingPage)?;
        let key = Key::Course(path.slug.clone());
        Ok(step(key, Item::Path(path), contents.kept.as_ref()))
    }
}

/// Plans how the author's chain comes to say what the folder says.
///
/// # Errors
/// [`Unread`] when a long item of the chain has no body here and the course does not hold an equal one.
///
/// # Panics
/// When the course breaks the rules of `chain`'s kinds, which [`super::course::build`] makes impossible.
pub(crate) fn diff(existing: &Existing, course: &Course) -> Result<Plan, Unread> {
    let existing = with_equal_bodies(existing, course);
    all_read(&existing)?;
    let mut planner = Planner {
        existing: &existing,
        plan: Plan::default(),
        deletes: Vec::new(),
    };
    let home = if course.is_loose { "" } else { &course.slug };
    let slugs: BTreeSet<&str> = course
        .pages
        .iter()
        .map(|page| page.content.slug.as_str())
        .collect();
    let elsewhere = widest_reaches(&existing, |content| {
        content.course != home || (course.is_loose && !slugs.contains(content.slug.as_str()))
    });
    for media in course.media.values() {
        planner.manifest(&media.manifest, elsewhere.get(&media.id()).copied());
    }
    let mut known = BTreeMap::new();
    for page in &course.pages {
        if let Some(original) = planner.page(&page.content) {
            known.insert(page.content.slug.clone(), original);
        }
    }
    if course.is_loose {
        return Ok(planner.finish());
    }
    planner.withdraw_pages(home, |slug| !slugs.contains(slug));
    let kept = planner.keep(&Key::Course(course.slug.clone()), course.reach);
    let mut plan = planner.finish();
    plan.contents = Some(Contents {
        course: course.clone(),
        known,
        kept,
    });
    Ok(plan)
}

/// Plans the withdrawal of a course, or of a loose page, with the manifests of the blobs that nothing else shows.
/// Withdrawing what is not there plans nothing.
///
/// # Errors
/// [`Unread`] when a long item of the chain has no body here.
pub(crate) fn withdraw(existing: &Existing, target: &Target) -> Result<Plan, Unread> {
    all_read(existing)?;
    let mut planner = Planner {
        existing,
        plan: Plan::default(),
        deletes: Vec::new(),
    };
    let (home, page) = match target {
        Target::Course(slug) => (slug.as_str(), None),
        Target::Page(slug) => ("", Some(slug.as_str())),
    };
    if page.is_none() {
        planner.delete_all(&Key::Course(home.to_owned()));
    }
    let is_meant = |slug: &str| page.is_none_or(|page| page == slug);
    planner.withdraw_pages(home, is_meant);
    let shown = widest_reaches(existing, |content| {
        content.course != home || !is_meant(&content.slug)
    });
    for hash in existing.ever_shown(home, page) {
        if !shown.contains_key(&hash) {
            planner.delete_all(&Key::Blob(hash));
        }
    }
    Ok(planner.finish())
}

fn all_read(existing: &Existing) -> Result<(), Unread> {
    let unread = existing.unread();
    if unread.is_empty() {
        Ok(())
    } else {
        Err(Unread(unread))
    }
}

/// Returns the blobs that the pages which `counts` accepts show, each with the widest reach of those pages.
fn widest_reaches(
    existing: &Existing,
    counts: impl Fn(&Content) -> bool,
) -> BTreeMap<ContentHash, Reach> {
    let mut reaches = BTreeMap::new();
    for (content, _) in existing.pages().filter(|(content, _)| counts(content)) {
        for blob in &content.blobs {
            let reach = reaches.entry(blob.id()).or_insert(content.reach.0);
            *reach = content.reach.0.max(*reach);
        }
    }
    reaches
}

/// A long item that is equal to one of the course needs no body from elsewhere.
fn with_equal_bodies<'e>(existing: &'e Existing, course: &Course) -> Cow<'e, Existing> {
    let unread: BTreeSet<ContentHash> = existing.unread().into_iter().collect();
    if unread.is_empty() {
        return Cow::Borrowed(existing);
    }
    let mut existing = existing.clone();
    for page in &course.pages {
        let sealed = seal(&Item::Content(page.content.clone()));
        if let Some(body) = sealed
            .spilled
            .filter(|body| unread.contains(&ContentHash::of(body)))
        {
            existing.supply(&body);
        }
    }
    Cow::Owned(existing)
}

struct Planner<'e> {
    existing: &'e Existing,
    plan: Plan,
    /// Withdrawals, which come after everything else.
    deletes: Vec<Step>,
}

impl Planner<'_> {
    /// A blob that pages elsewhere show as well keeps its name, and whoever may see those pages may see it.
    fn manifest(&mut self, manifest: &BlobManifest, elsewhere: Option<Reach>) {
        let mut wanted = manifest.clone();
        let key = Key::Blob(wanted.id());
        wanted.reach.0 = wanted.reach.0.max(elsewhere.unwrap_or_default());
        let kept = self.keep(&key, wanted.reach.0);
        if let Some(Item::BlobManifest(old)) = kept.as_ref().and_then(Live::item)
            && elsewhere.is_some()
        {
            wanted.name.clone_from(&old.name);
            wanted.media_type.clone_from(&old.media_type);
        }
        let bytes = wanted.bytes;
        let step = step(key, Item::BlobManifest(wanted), kept.as_ref());
        let counts = &mut self.plan.counts;
        match (&step, &kept) {
            (None, _) => counts.blobs_unchanged += 1,
            (Some(_), Some(_)) => counts.blobs_changed += 1,
            (Some(_), None) => {
                counts.blobs_new += 1;
                counts.blob_bytes_new += bytes;
            }
        }
        self.plan.steps.extend(step);
    }

    /// Returns the first action of the page when it stays the same item.
    fn page(&mut self, content: &Content) -> Option<ActionHash> {
        let key = page_key(&content.course, &content.slug);
        let had_one = self.existing.of(&key).next().is_some();
        let kept = self.keep(&key, content.reach.0);
        let step = step(key, Item::Content(content.clone()), kept.as_ref());
        let counts = &mut self.plan.counts;
        match (&step, had_one) {
            (None, _) => counts.pages_unchanged += 1,
            (Some(_), true) => counts.pages_changed += 1,
            (Some(_), false) => counts.pages_new += 1,
        }
        self.plan.steps.extend(step);
        kept.map(|live| live.original)
    }

    /// Chooses the item that goes on under a key; all others under the same key are withdrawn.
    fn keep(&mut self, key: &Key, reach: Reach) -> Option<Live> {
        let visibility = visibility(reach);
        let mut kept: Option<Live> = None;
        for live in self.existing.of(key) {
            if kept.is_none() && live.visibility == visibility {
                kept = Some(live.clone());
            } else {
                self.deletes.push(delete(key.clone(), live));
            }
        }
        kept
    }

    fn withdraw_pages(&mut self, home: &str, is_meant: impl Fn(&str) -> bool) {
        let mut slugs = BTreeSet::new();
        for (content, live) in self.existing.pages() {
            if content.course == home && is_meant(&content.slug) {
                slugs.insert(content.slug.as_str());
                self.deletes
                    .push(delete(page_key(home, &content.slug), live));
            }
        }
        self.plan.counts.pages_withdrawn += slugs.len();
    }

    fn delete_all(&mut self, key: &Key) {
        let deletes = self.existing.of(key).map(|live| delete(key.clone(), live));
        self.deletes.extend(deletes);
    }

    fn finish(self) -> Plan {
        let Self {
            mut plan, deletes, ..
        } = self;
        plan.steps.extend(deletes);
        plan
    }
}

fn page_key(course: &str, slug: &str) -> Key {
    Key::Page {
        course: course.to_owned(),
        slug: slug.to_owned(),
    }
}

/// Returns how an item of this reach is kept: what is for its author alone never leaves the author's machine.
pub(crate) const fn visibility(reach: Reach) -> EntryVisibility {
    match reach {
        Reach::Private => EntryVisibility::Private,
        Reach::Invited
        | Reach::Local
        | Reach::Neighborhood
        | Reach::Municipal
        | Reach::Bioregional
        | Reach::Regional
        | Reach::Commons => EntryVisibility::Public,
    }
}

/// Returns the step that makes the chain say `item` under `key`; nothing when it does already.
fn step(key: Key, item: Item, kept: Option<&Live>) -> Option<Step> {
    if kept.is_some_and(|live| live.item() == Some(&item)) {
        return None;
    }
    let visibility = visibility(item.reach());
    let Sealed { envelope, spilled } = seal(&item);
    let write = match kept {
        None => Write::Create {
            envelope,
            visibility,
        },
        Some(live) => Write::Update {
            original: live.original.clone(),
            original_entry: live.original_entry.clone(),
            envelope,
            visibility,
        },
    };
    Some(Step {
        key,
        write,
        spilled,
    })
}

fn delete(key: Key, live: &Live) -> Step {
    let write = Write::Delete {
        original: live.original.clone(),
        original_entry: live.original_entry.clone(),
    };
    Step {
        key,
        write,
        spilled: None,
    }
}

fn seal(item: &Item) -> Sealed {
    item.seal()
        .expect("a course is sealed once when it is built")
}

/// Returns the key of an item; profiles have none, as publishing does not touch them.
fn key_of(item: &Item) -> Option<Key> {
    match item {
        Item::Content(content) => Some(page_key(&content.course, &content.slug)),
        Item::Path(Path { slug, .. }) => Some(Key::Course(slug.clone())),
        Item::BlobManifest(manifest) => Some(Key::Blob(manifest.id())),
        Item::Profile(_) => None,
    }
}

#[cfg(test)]
mod tests;
