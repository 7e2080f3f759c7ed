//! Tests of plans: against chains that are written as the plans say, and against a naive model.

use std::collections::BTreeMap;

use base::Timestamp;
use chain::kind::{BlobRef, ReachWord};
use chain::{Author, Record, Signature, agent_of, record};
use proptest::prelude::*;

use super::*;
use crate::publish::course::{Branch, LinkCounts, Page};
use crate::publish::file_path::FilePath;
use crate::publish::media::Media;

/// An author's chain and the blobs that hold long bodies.
struct Chain {
    author: Author,
    records: Vec<Record>,
    bodies: Vec<Vec<u8>>,
}

impl Chain {
    fn new() -> Self {
        Self {
            author: Author::new(agent_of([7; 32]), None),
            records: Vec::new(),
            bodies: Vec::new(),
        }
    }

    fn existing(&self) -> Existing {
        let mut existing = Existing::fold(self.records.iter());
        for body in &self.bodies {
            existing.supply(body);
        }
        existing
    }

    fn write(&mut self, step: Step) -> ActionHash {
        self.bodies.extend(step.spilled);
        let draft = self.author.write(Timestamp::EPOCH, step.write);
        let record = record::assemble(draft.action, Signature([0; 64]), draft.entry);
        self.records.push(record);
        self.records
            .last()
            .expect("a record")
            .action_address()
            .clone()
    }

    /// Executes a plan, or only its first `steps_max` actions.
    fn execute(&mut self, plan: &Plan, steps_max: usize) {
        let mut created = BTreeMap::new();
        for step in plan.steps().iter().take(steps_max) {
            let hash = self.write(step.clone());
            if let (Key::Page { slug, .. }, Write::Create { .. }) = (&step.key, &step.write) {
                created.insert(slug.clone(), hash);
            }
        }
        if plan.steps().len() < steps_max
            && let Some(step) = plan.path(&created).expect("all pages are written")
        {
            self.write(step);
        }
    }

    fn publish(&mut self, course: &Course) -> Plan {
        let plan = diff(&self.existing(), course).expect("a plan");
        self.execute(&plan, usize::MAX);
        plan
    }

    /// What a reader of the chain sees: pages, manifests and courses, without hashes of actions.
    fn seen(&self) -> Seen {
        let existing = self.existing();
        let mut seen = Seen::default();
        let titles: BTreeMap<ActionHash, String> = existing
            .pages()
            .map(|(content, live)| (live.original.clone(), content.slug.clone()))
            .collect();
        for (content, _) in existing.pages() {
            let key = (content.course.clone(), content.slug.clone());
            assert!(
                seen.pages.insert(key, content.clone()).is_none(),
                "two pages at one address"
            );
        }
        for slug in existing.courses() {
            let found: Vec<&Live> = existing.of(&Key::Course(slug.to_owned())).collect();
            assert_eq!(found.len(), 1, "one course at {slug}");
            let Some(Item::Path(path)) = found[0].item() else {
                panic!("a course")
            };
            let pages = path
                .pages()
                .iter()
                .map(|node| titles[node.page.as_ref().expect("a page")].clone())
                .collect();
            seen.courses.insert(slug.to_owned(), pages);
        }
        for hash in (0..BLOBS).map(blob_hash) {
            let found: Vec<&Live> = existing.of(&Key::Blob(hash)).collect();
            assert!(found.len() <= 1, "one manifest for a blob");
            if let Some(Item::BlobManifest(manifest)) = found.first().and_then(|live| live.item()) {
                seen.reaches.insert(hash, manifest.reach.0);
            }
        }
        seen
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    pages: BTreeMap<(String, String), Content>,
    courses: BTreeMap<String, Vec<String>>,
    reaches: BTreeMap<ContentHash, Reach>,
}

/// How many different blobs the tests know.
const BLOBS: u8 = 4;

fn blob_hash(blob: u8) -> ContentHash {
    ContentHash::of(&[blob])
}

/// A page of the tests: number of its slug, its text, its blobs, and whether it is private.
type Sketch = (u8, String, Vec<u8>, bool);

fn course(slug: &str, is_loose: bool, sketches: &[Sketch]) -> Course {
    let mut made = Course {
        slug: slug.to_owned(),
        title: format!("Course {slug}"),
        summary: String::new(),
        language: "en".to_owned(),
        licence: String::new(),
        attribution: String::new(),
        tags: Vec::new(),
        reach: Reach::Commons,
        pages: Vec::new(),
        tree: Vec::new(),
        media: BTreeMap::new(),
        is_loose,
        warnings: Vec::new(),
        links: LinkCounts::default(),
    };
    for (number, body, blobs, is_private) in sketches {
        let reach = if *is_private {
            Reach::Private
        } else {
            Reach::Commons
        };
        let file = FilePath::new(&format!("{number}.md")).expect("a file");
        let mut content = Content {
            title: format!("Page {number}"),
            slug: format!("p{number}"),
            course: if is_loose {
                String::new()
            } else {
                slug.to_owned()
            },
            body: body.clone(),
            language: "en".to_owned(),
            reach: ReachWord(reach),
            ..Content::default()
        };
        for blob in blobs {
            let media = media(*blob, &format!("{slug}-{blob}.png"));
            content.blobs.push(media.blob_ref());
            let entry = made.media.entry(media.id()).or_insert(media);
            entry.manifest.reach.0 = entry.manifest.reach.0.max(reach);
        }
        let branch = Branch {
            title: content.title.clone(),
            page: Some(made.pages.len()),
            children: Vec::new(),
        };
        made.tree.push(branch);
        made.pages.push(Page { file, content });
    }
    made
}

fn media(blob: u8, name: &str) -> Media {
    Media {
        file: FilePath::new(name).expect("a file"),
        path: name.into(),
        manifest: BlobManifest {
            hash: *blob_hash(blob).as_bytes(),
            bytes: 1,
            media_type: "image/png".to_owned(),
            name: name.to_owned(),
            reach: ReachWord(Reach::Private),
        },
        width: 1,
        height: 1,
    }
}

fn sketch(number: u8, body: &str, blobs: &[u8]) -> Sketch {
    (number, body.to_owned(), blobs.to_vec(), false)
}

#[test]
fn the_first_run_writes_everything_and_the_second_nothing() {
    let mut chain = Chain::new();
    let made = course("a", false, &[sketch(1, "x", &[1, 2]), sketch(2, "y", &[2])]);
    let plan = chain.publish(&made);
    let keys: Vec<&Key> = plan.steps().iter().map(|step| &step.key).collect();
    assert!(
        matches!(
            keys[..],
            [
                Key::Blob(_),
                Key::Blob(_),
                Key::Page { .. },
                Key::Page { .. }
            ]
        ),
        "{keys:?}"
    );
    let expect = Counts {
        pages_new: 2,
        blobs_new: 2,
        blob_bytes_new: 2,
        ..Counts::default()
    };
    assert_eq!(plan.counts(), expect);
    assert_eq!(chain.records.len(), 5);
    let again = chain.publish(&made);
    assert!(again.is_empty());
    assert_eq!(
        again.counts(),
        Counts {
            pages_unchanged: 2,
            blobs_unchanged: 2,
            ..Counts::default()
        }
    );
    assert_eq!(chain.records.len(), 5);
}

#[test]
fn only_what_changed_is_written() {
    let mut chain = Chain::new();
    chain.publish(&course(
        "a",
        false,
        &[
            sketch(1, "x", &[]),
            sketch(2, "y", &[]),
            sketch(3, "z", &[]),
        ],
    ));
    let plan = chain.publish(&course(
        "a",
        false,
        &[sketch(1, "x", &[]), sketch(2, "changed", &[])],
    ));
    let writes: Vec<&Write> = plan.steps().iter().map(|step| &step.write).collect();
    assert!(
        matches!(writes[..], [Write::Update { .. }, Write::Delete { .. }]),
        "{writes:?}"
    );
    let expect = Counts {
        pages_changed: 1,
        pages_withdrawn: 1,
        pages_unchanged: 1,
        ..Counts::default()
    };
    assert_eq!(plan.counts(), expect);
    assert!(plan.changes_contents());
    let reordered = chain.publish(&course(
        "a",
        false,
        &[sketch(2, "changed", &[]), sketch(1, "x", &[])],
    ));
    assert!(reordered.steps().is_empty() && reordered.changes_contents() && !reordered.is_empty());
    assert_eq!(chain.seen().courses["a"], ["p2", "p1"]);
}

#[test]
fn a_private_page_stays_on_the_authors_machine() {
    let mut chain = Chain::new();
    let private = (1, "x".to_owned(), vec![1], true);
    let plan = chain.publish(&course("a", false, std::slice::from_ref(&private)));
    for step in plan.steps() {
        let is_private = matches!(
            step.write,
            Write::Create {
                visibility: EntryVisibility::Private,
                ..
            }
        );
        assert!(is_private, "{step:?}");
    }
    // An update must be of its original's entry type, so the open version is a new item.
    let plan = chain.publish(&course("a", false, &[sketch(1, "x", &[1])]));
    assert_eq!(plan.counts().pages_changed, 1);
    assert_eq!(chain.seen().reaches[&blob_hash(1)], Reach::Commons);
    assert_eq!(chain.existing().pages().count(), 1);
    chain.publish(&course("a", false, &[private]));
    assert_eq!(chain.seen().reaches[&blob_hash(1)], Reach::Private);
}

#[test]
fn a_blob_that_two_courses_show_serves_both() {
    let mut chain = Chain::new();
    let open = course("a", false, &[sketch(1, "x", &[1])]);
    let closed = course("b", false, &[(1, "x".to_owned(), vec![1], true)]);
    chain.publish(&open);
    chain.publish(&closed);
    assert_eq!(chain.seen().reaches[&blob_hash(1)], Reach::Commons);
    assert!(chain.publish(&open).is_empty() && chain.publish(&closed).is_empty());
    let plan = withdraw(&chain.existing(), &Target::Course("a".to_owned())).expect("a plan");
    assert!(
        plan.steps()
            .iter()
            .all(|step| !matches!(step.key, Key::Blob(_))),
        "{plan:?}"
    );
    chain.execute(&plan, usize::MAX);
    let plan = withdraw(&chain.existing(), &Target::Course("b".to_owned())).expect("a plan");
    chain.execute(&plan, usize::MAX);
    assert_eq!(chain.seen(), Seen::default());
    let nothing = withdraw(&chain.existing(), &Target::Course("b".to_owned())).expect("a plan");
    assert!(nothing.is_empty());
}

#[test]
fn a_loose_page_leaves_other_loose_pages_alone() {
    let mut chain = Chain::new();
    chain.publish(&course("p1", true, &[sketch(1, "x", &[1])]));
    let plan = chain.publish(&course("p2", true, &[sketch(2, "y", &[1])]));
    assert_eq!(
        plan.counts(),
        Counts {
            pages_new: 1,
            blobs_unchanged: 1,
            ..Counts::default()
        }
    );
    assert_eq!(chain.seen().pages.len(), 2);
    assert!(chain.seen().courses.is_empty());
    let plan = withdraw(&chain.existing(), &Target::Page("p1".to_owned())).expect("a plan");
    assert_eq!((plan.steps().len(), plan.counts().pages_withdrawn), (1, 1));
    chain.execute(&plan, usize::MAX);
    assert_eq!(
        chain.seen().pages.keys().collect::<Vec<_>>(),
        [&(String::new(), "p2".to_owned())]
    );
}

#[test]
fn a_long_page_is_compared_by_hash_or_by_its_body() {
    let mut chain = Chain::new();
    let long = "word ".repeat(20_000);
    let made = course("a", false, &[sketch(1, &long, &[])]);
    let plan = chain.publish(&made);
    let body = plan.steps()[0].spilled.clone().expect("a body of its own");
    let bare = Existing::fold(chain.records.iter());
    assert_eq!(bare.unread(), [ContentHash::of(&body)]);
    // The same text needs no body from elsewhere; another one does.
    assert!(diff(&bare, &made).expect("a plan").is_empty());
    let edited = course("a", false, &[sketch(1, "short", &[])]);
    assert_eq!(
        diff(&bare, &edited),
        Err(Unread(vec![ContentHash::of(&body)]))
    );
    let mut read = bare.clone();
    read.supply(b"something else");
    assert_eq!(read, bare);
    read.supply(&body);
    let plan = diff(&read, &edited).expect("a plan");
    assert!(matches!(
        plan.steps(),
        [Step {
            write: Write::Update { .. },
            ..
        }]
    ));
    assert!(
        chain
            .existing()
            .pages()
            .all(|(content, _)| content.body == long)
    );
}

#[test]
fn two_items_at_one_address_become_one() {
    let mut chain = Chain::new();
    let made = course("a", false, &[sketch(1, "x", &[])]);
    let plan = diff(&chain.existing(), &made).expect("a plan");
    chain.execute(&plan, usize::MAX);
    chain.write(plan.steps()[0].clone());
    assert_eq!(chain.existing().pages().count(), 2);
    let plan = chain.publish(&made);
    assert!(matches!(
        plan.steps(),
        [Step {
            write: Write::Delete { .. },
            ..
        }]
    ));
    assert!(chain.publish(&made).is_empty());
    assert_eq!(chain.existing().pages().count(), 1);
}

#[test]
fn updates_of_updates_belong_to_the_first_action() {
    let mut chain = Chain::new();
    let plan = chain.publish(&course("a", true, &[sketch(1, "x", &[])]));
    let Write::Create {
        envelope,
        visibility,
    } = plan.steps()[0].write.clone()
    else {
        panic!("a new page")
    };
    let first = chain.records[0].clone();
    let update = |original: &Record| Write::Update {
        original: original.action_address().clone(),
        original_entry: original.action().entry_hash().expect("an entry").clone(),
        envelope: envelope.clone(),
        visibility,
    };
    let key = page_key("", "p1");
    chain.write(Step {
        key: key.clone(),
        write: update(&first),
        spilled: None,
    });
    let second = chain.records[1].clone();
    chain.write(Step {
        key: key.clone(),
        write: update(&second),
        spilled: None,
    });
    let existing = chain.existing();
    let found: Vec<&Live> = existing.of(&key).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(&found[0].original, first.action_address());
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let page = (
        0_u8..5,
        "[ab]{0,2}",
        prop::collection::vec(0..BLOBS, 0..3),
        prop::bool::weighted(0.2),
    );
    prop::collection::vec(page, 0..6).prop_map(|mut pages| {
        let mut seen = Vec::new();
        pages.retain(|(number, ..)| {
            let is_new = !seen.contains(number);
            seen.push(*number);
            is_new
        });
        for page in &mut pages {
            page.2.sort_unstable();
            page.2.dedup();
        }
        pages
    })
}

/// What somebody does: publish one of two courses, perhaps cut off after some actions, or withdraw it.
#[derive(Clone, Debug)]
enum Deed {
    Publish {
        course: bool,
        sketches: Vec<Sketch>,
        cut_off: Option<usize>,
    },
    Withdraw {
        course: bool,
        cut_off: Option<usize>,
    },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let cut_off = || prop::option::weighted(0.3, 0_usize..8);
    let publish = (any::<bool>(), sketches(), cut_off()).prop_map(|(course, sketches, cut_off)| {
        Deed::Publish {
            course,
            sketches,
            cut_off,
        }
    });
    let withdraw =
        (any::<bool>(), cut_off()).prop_map(|(course, cut_off)| Deed::Withdraw { course, cut_off });
    prop::collection::vec(prop_oneof![4 => publish, 1 => withdraw], 1..8)
}

const fn name(course: bool) -> &'static str {
    if course { "a" } else { "b" }
}

/// The naive model: the pages of the last folder of each course, and nothing else.
fn model(
    folders: &BTreeMap<&'static str, Vec<Sketch>>,
) -> (
    BTreeMap<(String, String), Content>,
    BTreeMap<ContentHash, Reach>,
) {
    let mut pages = BTreeMap::new();
    let mut reaches = BTreeMap::new();
    for (slug, sketches) in folders {
        for page in course(slug, false, sketches).pages {
            for hash in page.content.blobs.iter().map(BlobRef::id) {
                let reach = reaches.entry(hash).or_insert(Reach::Private);
                *reach = page.content.reach.0.max(*reach);
            }
            pages.insert(
                (page.content.course.clone(), page.content.slug.clone()),
                page.content,
            );
        }
    }
    (pages, reaches)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_chain_says_what_the_folders_say_whatever_was_cut_off(deeds in deeds()) {
        let mut chain = Chain::new();
        let mut folders: BTreeMap<&'static str, Vec<Sketch>> = BTreeMap::new();
        for deed in deeds {
            // Whoever was cut off runs the same command again.
            let (slug, cut_off) = match deed {
                Deed::Publish { course: which, sketches, cut_off } => {
                    folders.insert(name(which), sketches);
                    (name(which), cut_off)
                }
                Deed::Withdraw { course: which, cut_off } => {
                    folders.remove(name(which));
                    (name(which), cut_off)
                }
            };
            let plan = |chain: &Chain| match folders.get(slug) {
                Some(sketches) => diff(&chain.existing(), &course(slug, false, sketches)).expect("a plan"),
                None => withdraw(&chain.existing(), &Target::Course(slug.to_owned())).expect("a plan"),
            };
            if let Some(steps_max) = cut_off {
                chain.execute(&plan(&chain), steps_max);
            }
            chain.execute(&plan(&chain), usize::MAX);
            prop_assert!(plan(&chain).is_empty(), "a second run plans nothing");

            let (pages, reaches) = model(&folders);
            let seen = chain.seen();
            prop_assert_eq!(&seen.pages, &pages);
            let courses: Vec<&str> = seen.courses.keys().map(String::as_str).collect();
            prop_assert_eq!(courses, folders.keys().copied().collect::<Vec<_>>());
            for (slug, sketches) in &folders {
                let order: Vec<String> = sketches
                    .iter()
                    .filter(|(_, _, _, is_private)| !is_private)
                    .map(|(number, ..)| format!("p{number}"))
                    .collect();
                prop_assert_eq!(&seen.courses[*slug], &order);
            }
            for (hash, reach) in &reaches {
                prop_assert!(seen.reaches.get(hash).is_some_and(|seen| seen >= reach), "{:?}", hash);
            }
        }
    }
}
