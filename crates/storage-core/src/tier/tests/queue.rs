//! The queue beside a list of everything that was ever accepted, over restarts, and its index.

use std::collections::BTreeMap;

use base::{ContentHash, Timestamp};
use proptest::prelude::*;
use sim::{Log, Seed, check_repeatable, marked_runs};

use super::super::{Fetch, Queue, QueueLimits, Queued};

fn queued(lsn: u64) -> Queued {
    Queued {
        lsn,
        hash: ContentHash::of(&lsn.to_le_bytes()),
        bytes: lsn % 7,
        at: Timestamp(1_000 + lsn.cast_signed()),
    }
}

fn limits(held_max: usize, page_max: usize) -> QueueLimits {
    QueueLimits { held_max, page_max }
}

#[test]
fn newest_comes_first_and_the_rest_from_the_index() {
    let mut queue = Queue::new(limits(2, 10));
    for lsn in [3, 5, 9] {
        queue.push(queued(lsn));
    }
    assert_eq!((queue.len(), queue.held()), (3, 2));
    let page = queue.page(None, 10);
    assert_eq!(page.items, [queued(9), queued(5)]);
    assert_eq!(
        page.rest,
        Some(Fetch {
            before: 4,
            limit: 8
        })
    );
    let page = queue.page(Some(5), 1);
    assert_eq!(
        (page.items, page.rest),
        (
            vec![],
            Some(Fetch {
                before: 4,
                limit: 1
            })
        )
    );
    let page = queue.page(None, 1);
    assert_eq!((page.items, page.rest), (vec![queued(9)], None));
    queue.remove(3, queued(3).bytes);
    assert_eq!(queue.page(None, 10).rest, None, "all that is left is held");
}

/// What the shell does with a page.
fn whole_page(
    queue: &Queue,
    index: &BTreeMap<u64, Queued>,
    before: Option<u64>,
    limit: usize,
) -> Vec<Queued> {
    let page = queue.page(before, limit);
    let mut items = page.items;
    if let Some(Fetch { before, limit }) = page.rest {
        items.extend(
            index
                .range(..before)
                .rev()
                .take(limit)
                .map(|(_, queued)| *queued),
        );
    }
    items
}

proptest! {
    #[test]
    fn pages_are_those_of_the_list(
        sayings in prop::collection::vec((0_u8..4, 0_u64..40), 0..80),
        held_max in 0_usize..6,
        page_max in 1_usize..9,
        before in prop::option::of(0_u64..90),
        limit in 0_usize..12,
    ) {
        let mut queue = Queue::new(limits(held_max, page_max));
        let mut list: BTreeMap<u64, Queued> = BTreeMap::new();
        let mut lsn = 0;
        for (how, which) in sayings {
            if how < 3 {
                lsn += 1 + which % 3;
                list.insert(lsn, queued(lsn));
                queue.push(queued(lsn));
            } else if let Some(gone) = list.keys().nth(which as usize).copied() {
                list.remove(&gone);
                queue.remove(gone, queued(gone).bytes);
            }
            prop_assert_eq!(queue.len(), list.len() as u64);
            prop_assert_eq!(queue.bytes(), list.values().map(|queued| queued.bytes).sum::<u64>());
            prop_assert!(queue.held() <= held_max.max(1));
        }
        let limit_of = limit.min(page_max);
        let expect: Vec<Queued> = list.range(..before.unwrap_or(u64::MAX)).rev().take(limit_of).map(|(_, queued)| *queued).collect();
        prop_assert_eq!(whole_page(&queue, &list, before, limit), expect);
        // All pages together are the list.
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = whole_page(&queue, &list, before, 3);
            let Some(last) = page.last() else { break };
            before = Some(last.lsn);
            all.extend(page);
        }
        prop_assert_eq!(all, list.values().rev().copied().collect::<Vec<_>>());
    }
}

/// The log is the truth, the index is behind it, and the process dies: the queue is the same after the replay.
fn run(seed: Seed, log: &Log) -> BTreeMap<&'static str, u64> {
    let mut dice = seed.named("world").dice();
    let limits = limits(dice.between(1, 8) as usize, 5);
    let mut marks: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut mark = |what| *marks.entry(what).or_default() += 1;
    let mut queue = Queue::new(limits);
    // What was accepted, and what the index has: a checkpoint of it at a sequence number.
    let mut truth: BTreeMap<u64, Queued> = BTreeMap::new();
    let mut index: BTreeMap<u64, Queued> = BTreeMap::new();
    let (mut lsn, mut checkpoint) = (0, 0);
    // Removals since the checkpoint, as the log has them.
    let mut removed: Vec<Queued> = Vec::new();
    for step in 0..120 {
        match dice.below(10) {
            0..=5 => {
                lsn += 1;
                truth.insert(lsn, queued(lsn));
                queue.push(queued(lsn));
                if queue.held() < queue.len() as usize {
                    mark("let go");
                }
            }
            6 | 7 if !truth.is_empty() => {
                let gone = *truth.keys().nth(dice.index(truth.len())).expect("there");
                let gone = truth.remove(&gone).expect("there");
                lsn += 1;
                removed.push(gone);
                queue.remove(gone.lsn, gone.bytes);
            }
            8 => {
                mark("checkpoint");
                index = truth.clone();
                checkpoint = lsn;
                removed.clear();
            }
            9 if dice.chance(300) => {
                mark("restart");
                let bytes = index.values().map(|queued| queued.bytes).sum();
                queue = Queue::resume(limits, checkpoint, index.len() as u64, bytes);
                // The replay, in the order of the log.
                let later = truth.range(checkpoint + 1..).map(|(_, queued)| *queued);
                let lost_again = removed.iter().filter(|queued| queued.lsn > checkpoint);
                let mut pushed: Vec<Queued> = later.chain(lost_again.copied()).collect();
                pushed.sort_by_key(|queued| queued.lsn);
                pushed.into_iter().for_each(|queued| queue.push(queued));
                removed
                    .iter()
                    .for_each(|gone| queue.remove(gone.lsn, gone.bytes));
            }
            _ => {}
        }
        log.note(
            Timestamp(step),
            "queue",
            format!("{} {}", queue.len(), queue.held()),
        );
        assert_eq!(queue.len(), truth.len() as u64);
        // The index answers for what is not held; what happened since its checkpoint the shell knows from its memory.
        let page = whole_page(&queue, &truth, None, 5);
        let expect: Vec<Queued> = truth.values().rev().take(5).copied().collect();
        assert_eq!(page, expect);
    }
    // Calm: everything gets further, and the queue is empty.
    for gone in std::mem::take(&mut truth).into_values() {
        queue.remove(gone.lsn, gone.bytes);
    }
    assert!(queue.is_empty() && queue.held() == 0 && queue.bytes() == 0);
    assert_eq!(queue.page(None, 5).rest, None);
    marks
}

#[test]
fn queue_is_the_same_after_a_restart() {
    marked_runs(1_000, &["checkpoint", "let go", "restart"], run);
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| drop(run(seed, log)));
}
