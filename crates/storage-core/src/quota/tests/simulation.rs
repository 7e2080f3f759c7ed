//! Many uploads at once against one quota, with crashes and connections that break: what is stored and reserved is
//! never more than the quota, and in calm nothing stays reserved and the room can be used to the last byte.

use std::collections::BTreeMap;

use base::Timestamp;
use sim::{Dice, Log, Seed, check_repeatable, marked_runs};

use super::super::{Announced, Books, Change, Quota, Reservation, Settled};
use crate::Sum;

const QUOTA: Quota = Quota {
    bytes_max: Some(1_000),
    blobs_max: None,
};

const MARKS: &[&str] = &[
    "broken off",
    "crash",
    "found again",
    "grew",
    "refused",
    "refused while it grew",
    "stored",
    "trashed",
];

struct Running {
    reservation: Reservation,
    /// How many bytes will come, and whether that was announced.
    bytes: u64,
    is_announced: bool,
    came: u64,
}

struct World<'a> {
    log: &'a Log,
    dice: Dice,
    books: Books,
    running: Vec<Running>,
    live: Vec<u64>,
    trash: Vec<u64>,
    marks: BTreeMap<&'static str, u64>,
}

impl<'a> World<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        Self {
            log,
            dice: seed.named("world").dice(),
            books: Books::new(QUOTA),
            running: Vec::new(),
            live: Vec::new(),
            trash: Vec::new(),
            marks: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        for _ in 0..200 {
            match self.dice.below(10) {
                0..=2 => self.begin(),
                3..=6 => self.grow(),
                7 => self.give_up(),
                8 => self.discard(),
                _ => {
                    if self.dice.chance(100) {
                        self.crash();
                    }
                }
            }
            self.check();
        }
        self.calm();
    }

    fn mark(&mut self, what: &'static str) {
        self.log.note(Timestamp::EPOCH, "world", what);
        *self.marks.entry(what).or_default() += 1;
    }

    fn begin(&mut self) {
        let bytes = self.dice.between(0, 300);
        let is_announced = self.dice.chance(600);
        let announced = if is_announced {
            Announced::Bytes(bytes)
        } else {
            Announced::Unknown
        };
        match self.books.admit(announced) {
            Ok(reservation) => self.running.push(Running {
                reservation,
                bytes,
                is_announced,
                came: 0,
            }),
            Err(_) => self.mark("refused"),
        }
    }

    fn grow(&mut self) {
        let Some(mut upload) = self.pick() else {
            return;
        };
        upload.came = (upload.came + self.dice.between(1, 100)).min(upload.bytes);
        if self
            .books
            .grow(&mut upload.reservation, upload.came)
            .is_err()
        {
            assert!(!upload.is_announced, "what was announced has its room");
            self.settle(upload, Settled::GivenUp);
            self.mark("refused while it grew");
        } else if upload.came == upload.bytes {
            self.live.push(upload.bytes);
            let settled = Settled::New(upload.bytes);
            self.settle(upload, settled);
            self.mark("stored");
        } else {
            self.running.push(upload);
            self.mark("grew");
        }
    }

    fn give_up(&mut self) {
        if let Some(upload) = self.pick() {
            self.settle(upload, Settled::GivenUp);
            self.mark("broken off");
        }
    }

    fn discard(&mut self) {
        if self.live.is_empty() {
            return;
        }
        let bytes = self.live.swap_remove(self.dice.index(self.live.len()));
        self.apply(Change::Trash(bytes));
        self.trash.push(bytes);
        self.mark("trashed");
        if self.dice.chance(700) {
            let bytes = self.trash.swap_remove(self.dice.index(self.trash.len()));
            self.apply(Change::Purge(bytes));
            self.apply(Change::Reclaim(Sum::of(bytes)));
        }
    }

    /// What is stored is found again, and of the uploads those that can be resumed.
    fn crash(&mut self) {
        self.mark("crash");
        let before = self.books.usage();
        self.books = Books::resume(QUOTA, before.live, before.trash, before.dead);
        for upload in std::mem::take(&mut self.running) {
            if upload.is_announced {
                self.mark("found again");
                let reservation = self.books.readmit(upload.bytes);
                self.running.push(Running {
                    reservation,
                    ..upload
                });
            }
        }
    }

    fn pick(&mut self) -> Option<Running> {
        if self.running.is_empty() {
            return None;
        }
        let idx = self.dice.index(self.running.len());
        Some(self.running.swap_remove(idx))
    }

    fn settle(&mut self, upload: Running, settled: Settled) {
        let settled = self.books.settle(upload.reservation, settled);
        settled.expect("the count is right");
    }

    fn apply(&mut self, change: Change) {
        self.books.apply(change).expect("the count is right");
    }

    fn check(&self) {
        let usage = self.books.usage();
        let held = usage.live.bytes + usage.trash.bytes + usage.reserved.bytes;
        assert!(Some(held) <= QUOTA.bytes_max, "{usage:?}");
        assert_eq!(usage.live.bytes, self.live.iter().sum::<u64>());
        assert_eq!(usage.trash.bytes, self.trash.iter().sum::<u64>());
        assert_eq!(usage.reserved.blobs, self.running.len() as u64);
    }

    fn calm(&mut self) {
        while let Some(upload) = self.pick() {
            self.settle(upload, Settled::GivenUp);
        }
        let usage = self.books.usage();
        assert_eq!(usage.reserved, Sum::ZERO, "nothing stays reserved");
        let free = 1_000 - usage.live.bytes - usage.trash.bytes;
        let more = self.books.admit(Announced::Bytes(free + 1));
        assert!(more.is_err(), "one byte too many");
        let rest = self.books.admit(Announced::Bytes(free));
        let rest = rest.expect("room for all of the rest");
        let settled = self.books.settle(rest, Settled::New(free));
        settled.expect("the count is right");
    }
}

#[test]
fn quota_is_never_exceeded_and_always_usable() {
    marked_runs(1_000, MARKS, |seed, log| {
        let mut world = World::new(seed, log);
        world.run();
        world.marks
    });
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| World::new(seed, log).run());
}
