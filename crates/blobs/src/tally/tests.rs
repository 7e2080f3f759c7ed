//! Counters beside the naive walk: whatever was put, trashed, restored, purged, damaged and healed, in whichever order.

use std::sync::Arc;

use base::{ContentHash, Duration};
use disk::FaultyDisk;
use proptest::prelude::*;
use runtime::Clock;
use storage_core::gc::Terms;

use super::*;
use crate::rows::Place;
use crate::scratch::limits;
use crate::{GcOptions, Tally};

#[derive(Clone, Copy, Debug)]
enum Op {
    Put(bool, u8),
    Trash(bool, u8),
    Restore(bool, u8),
    Damage(u8),
    Collect(bool),
    Checkpoint,
    Reopen,
    /// Asks, so that what was found is kept when the next thing happens.
    Look,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (any::<bool>(), 0_u8..8).prop_map(|(other, blob)| Op::Put(other, blob)),
        3 => (any::<bool>(), 0_u8..8).prop_map(|(other, blob)| Op::Trash(other, blob)),
        2 => (any::<bool>(), 0_u8..8).prop_map(|(other, blob)| Op::Restore(other, blob)),
        3 => (0_u8..8).prop_map(Op::Damage),
        1 => any::<bool>().prop_map(Op::Collect),
        1 => Just(Op::Checkpoint),
        1 => Just(Op::Reopen),
        3 => Just(Op::Look),
    ];
    prop::collection::vec(op, 1..60)
}

fn bytes(blob: u8) -> Vec<u8> {
    vec![blob + 1; 10 + usize::from(blob)]
}

struct Bench {
    disk: FaultyDisk,
    clock: Clock,
    hand: runtime::ClockHand,
    blobs: Blobs,
    other: Blobs,
}

impl Bench {
    async fn open(disk: FaultyDisk, clock: Clock, hand: runtime::ClockHand) -> Self {
        let blobs = Blobs::open_on(Arc::new(disk.clone()), limits(), clock.clone()).unwrap();
        let other = blobs.within(&"other".parse().unwrap()).await.unwrap();
        Self {
            disk,
            clock,
            hand,
            blobs,
            other,
        }
    }

    fn of(&self, other: bool) -> &Blobs {
        if other { &self.other } else { &self.blobs }
    }

    async fn run(mut self, op: Op) -> Self {
        self.hand.advance(Duration::from_secs(1));
        match op {
            Op::Put(other, blob) => {
                self.of(other).put(bytes(blob).into()).await.unwrap();
            }
            Op::Trash(other, blob) => {
                let hash = ContentHash::of(&bytes(blob));
                self.of(other).trash(&hash).await.unwrap();
            }
            Op::Restore(other, blob) => {
                let hash = ContentHash::of(&bytes(blob));
                self.of(other).restore(&hash).await.unwrap();
            }
            Op::Damage(blob) => {
                let hash = ContentHash::of(&bytes(blob));
                let row = self.blobs.core().view.blob(hash.as_bytes()).unwrap();
                if let Some(row) = row.filter(|row| row.place != Place::Nowhere) {
                    self.blobs.set_aside(&hash, row.place);
                }
            }
            Op::Collect(other) => {
                let terms = Terms {
                    trash_for: Duration::ZERO,
                    grace: Duration::from_secs(3),
                };
                let options = GcOptions {
                    terms,
                    ..GcOptions::default()
                };
                self.of(other).gc(options).await.unwrap();
            }
            Op::Checkpoint => self.blobs.checkpoint().await.unwrap(),
            Op::Reopen => {
                let Self {
                    disk,
                    clock,
                    hand,
                    blobs,
                    other,
                } = self;
                drop((blobs, other));
                self = Self::open(disk, clock, hand).await;
            }
            Op::Look => {
                drop(self.blobs.tally());
            }
        }
        self
    }

    /// What a walk over all rows says.
    async fn walked(&self) -> (u64, Option<Timestamp>, Sum) {
        let queue = self.blobs.queue(None, 1_000).await.unwrap();
        let mut damaged = Sum::ZERO;
        for blobs in [&self.blobs, &self.other] {
            let mut sum = Sum::ZERO;
            for number in 0..8 {
                let hash = ContentHash::of(&bytes(number));
                let status = blobs.status(&hash).await.unwrap();
                let is_lost = |status: &crate::Status| status.is_damaged && !status.is_trashed;
                if let Some(status) = status.filter(is_lost) {
                    sum.add(status.bytes);
                }
            }
            assert_eq!(blobs.damaged(), sum);
            let listed = blobs.list_damaged(None, 100).await.unwrap();
            assert_eq!(listed.len() as u64, sum.blobs);
            damaged = damaged.checked_add(sum).unwrap();
        }
        let oldest = queue.last().map(|queued| queued.at);
        (queue.len() as u64, oldest, damaged)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_tally_says_what_a_walk_over_all_rows_says(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (clock, hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
            let mut bench = Bench::open(FaultyDisk::new(1), clock, hand).await;
            for op in ops {
                bench = bench.run(op).await;
                let Tally { queue_len, queue_oldest_at, damaged, .. } = bench.blobs.tally();
                let walked = bench.walked().await;
                prop_assert_eq!((queue_len, queue_oldest_at, damaged), walked, "{:?}", op);
            }
            Ok(())
        })?;
    }
}

#[test]
fn what_is_healed_waits_since_it_was_accepted() {
    let at = |secs| Timestamp::from_secs(secs);
    let mut backlog = Backlog::default();
    let search = backlog.oldest().unwrap_err();
    backlog.found(search, 10, at(10));
    assert_eq!(backlog.oldest().unwrap(), at(10));
    // It is damaged, and the next one is found; then it is healed.
    backlog.leave(10);
    let search = backlog.oldest().unwrap_err();
    assert_eq!(search.floor, 11);
    backlog.found(search, 20, at(20));
    backlog.come(10, at(10));
    assert_eq!(backlog.oldest().unwrap(), at(10));
    // What was found while something left is not kept.
    backlog.leave(10);
    let search = backlog.oldest().unwrap_err();
    backlog.leave(20);
    backlog.found(search, 20, at(20));
    assert!(backlog.oldest().is_err());
}
