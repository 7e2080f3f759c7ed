//! One process and its clock.

use std::collections::VecDeque;

use base::{Duration, Machine as _, Timestamp};
use sim::Dice;

use super::super::super::super::{Epoch, HolderId, Input, Lease};

/// A clock that runs up to 5 % too fast or too slow, and jumps when it is told to.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    offset_micros: i64,
    /// Microseconds that it shows in a thousand.
    speed_permille: i64,
}

impl Clock {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            offset_micros: dice.between(0, 1_000_000_000).cast_signed(),
            speed_permille: dice.between(950, 1_050).cast_signed(),
        }
    }

    pub(super) fn read(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.as_micros() * self.speed_permille / 1_000 + self.offset_micros)
    }

    pub(super) const fn jump(&mut self, micros: i64) {
        self.offset_micros += micros;
    }
}

/// A place where a process runs, one run after the other.
pub(super) struct Process {
    pub(super) clock: Clock,
    pub(super) run: u64,
    pub(super) lease: Option<Lease>,
    /// Only the newest alarm counts.
    pub(super) token: u64,
    pub(super) is_frozen: bool,
    /// What arrived while it was frozen.
    pub(super) inbox: VecDeque<Input>,
}

impl Process {
    pub(super) const fn new(clock: Clock) -> Self {
        Self {
            clock,
            run: 0,
            lease: None,
            token: 0,
            is_frozen: false,
            inbox: VecDeque::new(),
        }
    }

    pub(super) fn may_write(&self, now: Timestamp) -> Option<Epoch> {
        self.lease.as_ref()?.may_write(self.clock.read(now))
    }

    pub(super) fn holder(&self) -> &HolderId {
        self.lease.as_ref().expect("it runs").holder()
    }

    /// How long its driver waits for the deadline, measured without looking at the clock again.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let (at, _) = self.lease.as_ref()?.poll_timeout()?;
        let local = at.since(self.clock.read(now)).as_micros();
        let speed = self.clock.speed_permille.unsigned_abs();
        Some(Duration::from_micros(local * 1_000 / speed + 1))
    }
}
