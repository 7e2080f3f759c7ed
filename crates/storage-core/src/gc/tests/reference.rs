//! A collector that knows sets and nothing else, and any store against both.

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Duration};
use proptest::prelude::*;

use super::super::{
    Generation, Holds, Item, Keep, Limits, Mark, Root, State, Terms, Verdict, recheck,
};
use super::hash;
use crate::clock::SlowTime;

const NOW: u64 = 1_000;
const BEGIN: u64 = 50;

fn roots() -> impl Strategy<Value = Vec<Root>> {
    let holds = || prop_oneof![Just(Holds::Blob), Just(Holds::Folder)];
    let root = prop_oneof![
        (0_u8..8, holds()).prop_map(|(number, holds)| Root::Tag {
            hash: hash(number),
            holds
        }),
        (0_u8..8, holds(), NOW - 2..NOW + 3).prop_map(|(number, holds, until)| Root::Lease {
            hash: hash(number),
            holds,
            until: SlowTime(until),
        }),
        (0_u8..8).prop_map(|number| Root::Upload { hash: hash(number) }),
    ];
    prop::collection::vec(root, 0..6)
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let state = prop_oneof![
        Just(State::Live),
        (BEGIN - 2..BEGIN + 1, NOW - 105..=NOW).prop_map(|(collection, at)| State::Trashed {
            collection: Generation(collection),
            at: SlowTime(at),
        }),
    ];
    let item = (0_u8..8, BEGIN - 2..BEGIN + 2, NOW - 15..=NOW, state).prop_map(
        |(number, touched, touched_at, state)| Item {
            hash: hash(number),
            bytes: u64::from(number),
            touched: Generation(touched),
            touched_at: SlowTime(touched_at),
            state,
        },
    );
    prop::collection::vec(item, 0..12)
}

/// Children of the folders: number n holds some of the others.
fn children(folder: ContentHash) -> Vec<ContentHash> {
    let number = folder.as_bytes()[0];
    vec![hash((number + 1) % 8), hash((number * 3) % 8)]
}

fn reachable(roots: &[Root]) -> BTreeSet<ContentHash> {
    let mut all = BTreeSet::new();
    for root in roots {
        let (hash, holds) = match root {
            Root::Tag { hash, holds } => (*hash, *holds),
            Root::Lease { until, .. } if until.0 <= NOW => continue,
            Root::Lease { hash, holds, .. } => (*hash, *holds),
            Root::Upload { hash } => (*hash, Holds::Blob),
        };
        all.insert(hash);
        if holds == Holds::Folder {
            all.extend(children(hash));
        }
    }
    all
}

proptest! {
    #[test]
    fn verdicts_are_those_of_the_naive_collector(roots in roots(), items in items()) {
        let terms = Terms {
            trash_for: Duration::from_micros(100),
            grace: Duration::from_micros(10),
        };
        let mut mark = Mark::begin(Generation(BEGIN), SlowTime(NOW), terms, Limits::default());
        roots.iter().for_each(|root| mark.add(root));
        while let Some(folder) = mark.poll_folder() {
            mark.take_children(&folder, children(folder));
        }
        let plan = mark.finish().expect("everything was read");
        let reachable = reachable(&roots);
        prop_assert_eq!(plan.reached(), reachable.len());
        for item in items {
            let is_reachable = reachable.contains(&item.hash);
            let is_touched = BEGIN <= item.touched.0;
            let acts = match item.state {
                State::Live => !is_reachable && !is_touched && item.touched_at.0 + 10 <= NOW,
                State::Trashed { collection, at } => {
                    collection.0 < BEGIN && (is_reachable || (!is_touched && at.0 + 100 <= NOW))
                }
            };
            let verdict = plan.verdict(&item);
            prop_assert_eq!(!matches!(verdict, Verdict::Keep(_)), acts, "{:?}", item);
            // Whatever was planned, the writer does nothing else.
            for planned in [Verdict::Trash, Verdict::Purge, Verdict::Restore, Verdict::Keep(Keep::Young)] {
                let done = recheck(&plan, planned, Some(&item));
                let is_allowed = matches!(done, Verdict::Keep(_)) || (done == verdict && done == planned);
                prop_assert!(is_allowed, "{:?} {:?}", planned, done);
            }
        }
    }

    #[test]
    fn collections_on_a_still_store_leave_what_is_reachable(
        roots in roots(),
        numbers in prop::collection::btree_set(0_u8..8, 0..8),
    ) {
        let terms = Terms { trash_for: Duration::from_micros(100), grace: Duration::ZERO };
        let mut store: BTreeMap<ContentHash, Item> = numbers
            .iter()
            .map(|number| {
                let item = Item {
                    hash: hash(*number),
                    bytes: 1,
                    touched: Generation(0),
                    touched_at: SlowTime::START,
                    state: State::Live,
                };
                (item.hash, item)
            })
            .collect();
        let expect: BTreeSet<ContentHash> = store.keys().copied().filter(|hash| reachable(&roots).contains(hash)).collect();
        for round in 0..2_u64 {
            let now = SlowTime(NOW - 100 + round * 100);
            let begin = Generation(BEGIN + round);
            let mut mark = Mark::begin(begin, now, terms, Limits::default());
            // Leases are judged at the end, so that both rounds have the same roots.
            let alive = roots.iter().filter(|root| !matches!(root, Root::Lease { until, .. } if until.0 <= NOW));
            alive.for_each(|root| mark.add(root));
            while let Some(folder) = mark.poll_folder() {
                mark.take_children(&folder, children(folder));
            }
            let plan = mark.finish().expect("everything was read");
            for item in store.clone().into_values() {
                match recheck(&plan, plan.verdict(&item), Some(&item)) {
                    Verdict::Trash => store.get_mut(&item.hash).expect("there").trash(begin, now),
                    Verdict::Purge => drop(store.remove(&item.hash)),
                    Verdict::Keep(_) | Verdict::Restore => {}
                }
            }
        }
        prop_assert_eq!(store.keys().copied().collect::<BTreeSet<_>>(), expect);
    }
}
