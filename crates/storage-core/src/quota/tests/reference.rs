//! Any changes, beside a store that counts its blobs anew each time.

use proptest::prelude::*;

use super::super::{Announced, Books, Change, Quota, Reservation, Settled, Usage};
use crate::Sum;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Live,
    Trash,
    Dead,
}

#[derive(Clone, Debug)]
enum Saying {
    Admit(Option<u64>),
    Grow(usize, u64),
    Settle(usize, u64, u8),
    Move(usize, u8),
    Quota(Option<u64>, Option<u64>),
}

fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let saying = prop_oneof![
        4 => prop::option::weighted(0.7, 0_u64..40).prop_map(Saying::Admit),
        2 => (0_usize..4, 0_u64..60).prop_map(|(which, total)| Saying::Grow(which, total)),
        4 => (0_usize..4, 0_u64..40, 0_u8..4)
            .prop_map(|(which, bytes, how)| Saying::Settle(which, bytes, how)),
        4 => (0_usize..8, 0_u8..5).prop_map(|(which, how)| Saying::Move(which, how)),
        1 => (prop::option::of(0_u64..120), prop::option::of(0_u64..6))
            .prop_map(|(bytes, blobs)| Saying::Quota(bytes, blobs)),
    ];
    prop::collection::vec(saying, 0..60)
}

#[derive(Default)]
struct Naive {
    blobs: Vec<(u64, Place)>,
    running: Vec<u64>,
    quota: Quota,
}

impl Naive {
    fn sum(&self, place: Place) -> Sum {
        let of = self.blobs.iter().filter(|(_, other)| *other == place);
        Sum {
            blobs: of.clone().count() as u64,
            bytes: of.map(|(bytes, _)| bytes).sum(),
        }
    }

    fn usage(&self) -> Usage {
        Usage {
            live: self.sum(Place::Live),
            trash: self.sum(Place::Trash),
            dead: self.sum(Place::Dead),
            reserved: Sum {
                blobs: self.running.len() as u64,
                bytes: self.running.iter().sum(),
            },
        }
    }

    fn has_room(&self, blobs: u64, bytes: u64) -> bool {
        let usage = self.usage();
        let held_bytes = usage.live.bytes + usage.trash.bytes + usage.reserved.bytes + bytes;
        let held_blobs = usage.live.blobs + usage.trash.blobs + usage.reserved.blobs + blobs;
        (bytes == 0 || self.quota.bytes_max.is_none_or(|max| held_bytes <= max))
            && (blobs == 0 || self.quota.blobs_max.is_none_or(|max| held_blobs <= max))
    }

    /// Notes how a reservation ends; returns what to say and whether it fits.
    fn settle(&mut self, bytes: u64, how: u8) -> (Settled, bool) {
        match how {
            0 => {
                self.blobs.push((bytes, Place::Live));
                (Settled::New(bytes), true)
            }
            1 => (Settled::Known, true),
            2 => (Settled::GivenUp, true),
            _ => {
                let trashed = (bytes, Place::Trash);
                match self.blobs.iter_mut().find(|blob| **blob == trashed) {
                    Some(blob) => {
                        blob.1 = Place::Live;
                        (Settled::Restored(bytes), true)
                    }
                    // More than there can be in the trash.
                    None => (Settled::Restored(u64::MAX), false),
                }
            }
        }
    }

    /// Moves a blob; returns the change to say, if it can be moved so.
    fn shift(&mut self, which: usize, how: u8) -> Option<Change> {
        let (bytes, place) = self.blobs.get(which).copied()?;
        let (change, from, to) = match how {
            0 => (Change::Trash(bytes), Place::Live, Some(Place::Trash)),
            1 => (Change::Restore(bytes), Place::Trash, Some(Place::Live)),
            2 => (Change::Purge(bytes), Place::Trash, Some(Place::Dead)),
            3 => (Change::Lose(bytes), Place::Live, Some(Place::Dead)),
            _ => (Change::Reclaim(Sum::of(bytes)), Place::Dead, None),
        };
        if place != from {
            return None;
        }
        match to {
            Some(to) => self.blobs[which].1 = to,
            None => drop(self.blobs.remove(which)),
        }
        Some(change)
    }
}

proptest! {
    #[test]
    fn books_are_what_a_recount_gives(sayings in sayings()) {
        let mut naive = Naive::default();
        let mut books = Books::new(Quota::default());
        let mut running: Vec<Reservation> = Vec::new();
        for saying in sayings {
            match saying {
                Saying::Quota(bytes_max, blobs_max) => {
                    naive.quota = Quota { bytes_max, blobs_max };
                    books.set_quota(naive.quota);
                }
                Saying::Admit(announced) => {
                    let bytes = announced.unwrap_or(0);
                    let found = books.admit(announced.map_or(Announced::Unknown, Announced::Bytes));
                    prop_assert_eq!(found.is_ok(), naive.has_room(1, bytes));
                    if let Ok(reservation) = found {
                        running.push(reservation);
                        naive.running.push(bytes);
                    }
                }
                Saying::Grow(which, total) => {
                    let Some(reservation) = running.get_mut(which) else { continue };
                    let held = naive.running[which];
                    let found = books.grow(reservation, total);
                    prop_assert_eq!(found.is_ok(), naive.has_room(0, total.saturating_sub(held)));
                    if found.is_ok() {
                        naive.running[which] = held.max(total);
                    }
                }
                Saying::Settle(which, bytes, how) => {
                    if which < running.len() {
                        let reservation = running.remove(which);
                        naive.running.remove(which);
                        let (settled, fits) = naive.settle(bytes, how);
                        prop_assert_eq!(books.settle(reservation, settled).is_ok(), fits);
                    }
                }
                Saying::Move(which, how) => {
                    if let Some(change) = naive.shift(which, how) {
                        prop_assert_eq!(books.apply(change), Ok(()));
                    }
                }
            }
            prop_assert_eq!(books.usage(), naive.usage());
        }
    }

    #[test]
    fn any_changes_leave_counts_that_add_up(changes in prop::collection::vec((0_u8..6, 0_u64..4), 0..60)) {
        let mut books = Books::new(Quota::default());
        for (how, bytes) in changes {
            let before = books.usage();
            let change = match how {
                0 => Change::Put(bytes),
                1 => Change::Trash(bytes),
                2 => Change::Restore(bytes),
                3 => Change::Purge(bytes),
                4 => Change::Lose(bytes),
                _ => Change::Reclaim(Sum::of(bytes)),
            };
            let is_counted = books.apply(change).is_ok();
            let total = |usage: Usage| usage.live.blobs + usage.trash.blobs + usage.dead.blobs;
            let expect = match (is_counted, change) {
                (true, Change::Put(_)) => total(before) + 1,
                (true, Change::Reclaim(_)) => total(before) - 1,
                (true | false, _) => total(before),
            };
            prop_assert_eq!(total(books.usage()), expect);
            prop_assert!(is_counted || books.usage() == before);
        }
    }
}
