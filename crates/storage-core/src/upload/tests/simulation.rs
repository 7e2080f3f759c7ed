//! A client that sends real bytes through breaking connections, takes over from itself, lies about checksums, and a
//! server that dies: the staged bytes are always a beginning of what was meant, the upload is stored once, and in calm
//! it comes to its end.

use std::collections::BTreeMap;

use base::{ContentHash, Duration, Timestamp};
use sim::{Dice, Log, Seed, check_repeatable, marked_runs};

use super::super::{
    Append, AppendError, Creation, EndError, Ended, Finish, Length, Limits, Metadata, Phase,
    Snapshot, TookError, Turn, Upload,
};
use super::{LIMITS, at, checksum};
use crate::clock::SlowTime;

const MARKS: &[&str] = &[
    "broke off",
    "busy",
    "checksum wrong",
    "conflict",
    "crash",
    "crash while it was finished",
    "fenced",
    "finish failed",
    "stored",
    "taken over",
    "too long",
];

const PATIENT: Limits = Limits {
    expires_after: Duration::from_secs(1_000_000),
    ..LIMITS
};

/// A connection: its turn, what it still sends, and what it has written beyond the offset.
struct Sending {
    turn: Turn,
    rest: Vec<u8>,
    wrote: u64,
    has_checksum: bool,
    is_spoilt: bool,
}

struct World<'a> {
    log: &'a Log,
    dice: Dice,
    secs: u64,
    source: Vec<u8>,
    upload: Upload,
    snapshot: Snapshot,
    /// The staged file, and how much of it is on stable storage.
    staged: Vec<u8>,
    sending: Vec<Sending>,
    stored: u32,
    is_calm: bool,
    marks: BTreeMap<&'static str, u64>,
}

impl<'a> World<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let len = dice.between(0, 200);
        let source = (0..len).map(|_| dice.bits() as u8).collect();
        let creation = Creation {
            length: if dice.chance(500) {
                Length::Known(len)
            } else {
                Length::Deferred
            },
            metadata: Metadata::default(),
        };
        let upload = Upload::create(at(0), creation, &PATIENT).expect("not too long");
        Self {
            log,
            dice,
            secs: 0,
            source,
            snapshot: upload.snapshot(),
            upload,
            staged: Vec::new(),
            sending: Vec::new(),
            stored: 0,
            is_calm: false,
            marks: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        for _ in 0..80 {
            self.secs += self.dice.below(5);
            match self.dice.below(12) {
                0..=3 => self.begin(),
                4..=8 => self.write(),
                9 => self.break_off(),
                10 => self.finish(),
                _ => {
                    if self.dice.chance(300) {
                        self.crash();
                    }
                }
            }
            self.check();
        }
        self.is_calm = true;
        // Whoever still has a turn falls silent.
        self.sending.clear();
        self.secs += 100;
        for _ in 0..1_000 {
            match self.upload.phase() {
                Phase::Stored(_) => break,
                Phase::Receiving if self.sending.is_empty() => self.begin(),
                Phase::Receiving => self.write(),
                Phase::Complete | Phase::Finishing => self.finish(),
                Phase::Ended => panic!("nobody ended it"),
            }
            self.check();
        }
        assert_eq!(self.stored, 1, "stored once");
        let hash = ContentHash::of(&self.source);
        assert_eq!(self.upload.phase(), Phase::Stored(hash));
    }

    fn now(&self) -> SlowTime {
        at(self.secs)
    }

    fn mark(&mut self, what: &'static str) {
        self.log
            .note(Timestamp::from_secs(self.secs.cast_signed()), "world", what);
        *self.marks.entry(what).or_default() += 1;
    }

    fn begin(&mut self) {
        let is_wrong = !self.is_calm && self.dice.chance(100);
        let offset = self.upload.offset() + u64::from(is_wrong);
        let start = (offset as usize).min(self.source.len());
        let most = (self.source.len() - start) as u64;
        let mut rest = self.source[start..][..self.dice.between(0, most) as usize].to_vec();
        if !self.is_calm && self.dice.chance(100) {
            rest = vec![0; 300];
        }
        let has_checksum = self.dice.chance(400);
        let is_spoilt = has_checksum && !self.is_calm && self.dice.chance(300);
        if is_spoilt {
            rest.iter_mut().for_each(|byte| *byte ^= 1);
        }
        let append = Append {
            offset,
            announced: (!self.is_calm && self.dice.chance(700)).then_some(rest.len() as u64),
            length: Some(self.source.len() as u64),
            checksum: has_checksum.then(|| checksum(1)),
        };
        let had_turn = !self.sending.is_empty();
        match self.upload.begin(self.now(), &append, &PATIENT) {
            Ok(turn) => {
                if had_turn {
                    self.mark("taken over");
                }
                assert_eq!(turn.from(), self.upload.offset());
                self.staged.truncate(turn.from() as usize);
                self.sending.push(Sending {
                    turn,
                    rest,
                    wrote: 0,
                    has_checksum,
                    is_spoilt,
                });
            }
            Err(AppendError::Busy { retry_after }) => {
                assert!(had_turn && retry_after <= PATIENT.turn_for);
                self.mark("busy");
            }
            Err(AppendError::Conflict { offset: right }) => {
                assert!(is_wrong && right == self.upload.offset());
                self.mark("conflict");
            }
            Err(AppendError::TooLong { .. }) => self.mark("too long"),
            Err(AppendError::Complete) => assert_ne!(self.upload.phase(), Phase::Receiving),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn write(&mut self) {
        if self.sending.is_empty() {
            return;
        }
        let idx = self.dice.index(self.sending.len());
        let mut sending = self.sending.swap_remove(idx);
        let len = sending.rest.len().min(self.dice.between(1, 60) as usize);
        if len == 0 {
            let digest = if sending.is_spoilt { [2; 20] } else { [1; 20] };
            let digest = sending.has_checksum.then_some(&digest[..]);
            return self.end(sending, Ended::Whole { digest });
        }
        let now = self.now();
        match self.upload.took(now, &sending.turn, len as u64, &PATIENT) {
            Ok(()) => {
                // Only now, and so never into what belongs to somebody else.
                self.staged.extend(sending.rest.drain(..len));
                sending.wrote += len as u64;
                self.sending.push(sending);
            }
            Err(TookError::Fenced(_)) => self.mark("fenced"),
            Err(TookError::TooLong { .. }) => {
                self.mark("too long");
                // Zeros instead of the source: what a client sends that is confused is its own affair, but here the
                // bytes are compared, so nothing of it may count.
                self.withdraw(sending);
            }
        }
    }

    fn break_off(&mut self) {
        if self.sending.is_empty() {
            return;
        }
        let idx = self.dice.index(self.sending.len());
        let sending = self.sending.swap_remove(idx);
        if sending.rest.iter().all(|byte| *byte == 0) && !sending.rest.is_empty() {
            return self.withdraw(sending);
        }
        self.mark("broke off");
        self.end(sending, Ended::Broken);
    }

    fn withdraw(&mut self, sending: Sending) {
        let ended = self
            .upload
            .end(self.now(), sending.turn, 0, Ended::Broken, &PATIENT);
        if let Ok(progress) = ended {
            self.staged.truncate(progress.offset as usize);
        }
    }

    fn end(&mut self, sending: Sending, ended: Ended<'_>) {
        let is_broken = matches!(ended, Ended::Broken);
        let stored = if is_broken {
            self.dice.between(0, sending.wrote)
        } else {
            sending.wrote
        };
        match self
            .upload
            .end(self.now(), sending.turn, stored, ended, &PATIENT)
        {
            Ok(progress) => {
                self.staged.truncate(progress.offset as usize);
                self.snapshot = self.upload.snapshot();
            }
            Err(EndError::Mismatch { offset }) => {
                assert!(sending.is_spoilt);
                self.mark("checksum wrong");
                self.staged.truncate(offset as usize);
            }
            Err(EndError::Fenced(_)) => self.mark("fenced"),
        }
    }

    fn finish(&mut self) {
        if self.upload.poll_finish().is_none() && self.upload.phase() != Phase::Finishing {
            return;
        }
        if !self.is_calm && self.dice.chance(300) {
            self.mark("crash while it was finished");
            return self.restart();
        }
        let finish = if !self.is_calm && self.dice.chance(300) {
            self.mark("finish failed");
            Finish::Failed
        } else {
            self.mark("stored");
            self.stored += 1;
            Finish::Stored(ContentHash::of(&self.staged))
        };
        self.upload.finished(self.now(), finish, &PATIENT);
        self.snapshot = self.upload.snapshot();
    }

    fn crash(&mut self) {
        self.mark("crash");
        self.restart();
    }

    fn restart(&mut self) {
        self.sending.clear();
        // What was written and not synced may be there or not.
        let offset = self.snapshot.offset as usize;
        let more = self.staged.len().saturating_sub(offset) as u64;
        let left = offset + self.dice.between(0, more) as usize;
        self.staged.truncate(left);
        let restored = Upload::restore(self.snapshot.clone(), left as u64);
        self.upload = restored.expect("what was acknowledged is there");
        self.staged.truncate(self.upload.offset() as usize);
    }

    fn check(&self) {
        let offset = self.upload.offset() as usize;
        assert!(offset <= self.staged.len());
        assert_eq!(
            self.staged[..offset],
            self.source[..offset],
            "never other bytes"
        );
        assert!(self.stored <= 1);
    }
}

#[test]
fn bytes_are_right_and_stored_once() {
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
