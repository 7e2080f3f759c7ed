//! The log against a plain list of what was acknowledged, on a disk that fails on purpose.

mod crashes;
mod edges;
mod faults;
mod recycling;
mod rot;
mod tails;
mod walks;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::FaultyDisk;

/// A log record as the reference remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) kind: u8,
    pub(super) key: [u8; 32],
    pub(super) body: Vec<u8>,
    pub(super) at: Position,
    pub(super) is_moved: bool,
}

/// What a trace does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Push(usize),
    Commit,
    Discard,
    /// The process ends and starts again; the power stays on.
    Restart,
    /// Moves what is in the oldest sealed segment and recycles it.
    Compact,
}

/// A log together with what is known about it.
pub(super) struct Bench {
    pub(super) disk: FaultyDisk,
    pub(super) config: LogConfig,
    pub(super) opened: Option<Opened>,
    /// What was acknowledged, by number.
    pub(super) acked: BTreeMap<Lsn, Known>,
    /// What was pushed since the last commit.
    pub(super) limbo: BTreeMap<Lsn, Known>,
    /// Batches that were refused since the last acknowledgement: part of one may have been written.
    pub(super) refused: Vec<BTreeMap<Lsn, Known>>,
    /// What was in segments that may or may not be recycled yet.
    pub(super) retiring: BTreeMap<Lsn, Known>,
    pub(super) pushed: u64,
}

pub(super) fn small() -> LogConfig {
    LogConfig {
        first_segment_bytes: 512,
        segment_bytes: 1024,
        ..LogConfig::new("log", "tests")
    }
}

/// Returns a body that differs for every number.
pub(super) fn body(number: u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|place| (number as u8).wrapping_mul(31).wrapping_add(place as u8) | 1)
        .collect()
}

impl Bench {
    pub(super) fn new(seed: u64) -> Self {
        Self::with(FaultyDisk::new(seed), small())
    }

    pub(super) fn with(disk: FaultyDisk, config: LogConfig) -> Self {
        Self {
            disk,
            config,
            opened: None,
            acked: BTreeMap::new(),
            limbo: BTreeMap::new(),
            refused: Vec::new(),
            retiring: BTreeMap::new(),
            pushed: 0,
        }
    }

    pub(super) fn appender(&mut self) -> &mut Appender {
        &mut self.opened.as_mut().expect("the log is open").appender
    }

    pub(super) fn log(&self) -> &Log {
        &self.opened.as_ref().expect("the log is open").log
    }

    /// Opens the log and checks what it replays against what is known.
    pub(super) fn open(&mut self) -> Result<Recovery, OpenLogError> {
        self.opened = None;
        let mut replayed: Vec<(Lsn, Known)> = Vec::new();
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let opened = Log::open(disk, self.config.clone(), 0, &mut |at, head, body| {
            let known = Known {
                kind: head.kind,
                key: head.key,
                body: body.to_vec(),
                at,
                is_moved: head.is_moved(),
            };
            replayed.push((head.lsn, known));
        })?;
        let recovery = opened.recovery.clone();
        self.opened = Some(opened);
        self.check(replayed);
        Ok(recovery)
    }

    fn check(&mut self, replayed: Vec<(Lsn, Known)>) {
        assert!(
            replayed.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "numbers go up"
        );
        let mut missing: Vec<Lsn> = self.acked.keys().copied().collect();
        let mut others = BTreeMap::new();
        for (lsn, known) in replayed {
            if let Some(acked) = self.acked.get(&lsn) {
                assert_eq!(*acked, known, "log record {lsn} is as it was acknowledged");
                missing.retain(|missing| *missing != lsn);
            } else if let Some(retiring) = self.retiring.get(&lsn) {
                assert_eq!(*retiring, known);
            } else {
                others.insert(lsn, known);
            }
        }
        assert_eq!(missing, [], "nothing acknowledged is missing");
        self.refused.push(std::mem::take(&mut self.limbo));
        let is_start = self
            .refused
            .iter()
            .any(|batch| others.iter().eq(batch.iter().take(others.len())));
        assert!(
            is_start,
            "only the start of a batch that was not acknowledged"
        );
        if let (Some(other), Some(acked)) = (others.keys().next(), self.acked.keys().next_back()) {
            assert!(acked < other, "and only at the end");
        }
        self.acked.append(&mut others);
        self.refused.clear();
    }

    pub(super) fn push(&mut self, len: usize) -> Result<Lsn, PushError> {
        self.pushed += 1;
        let body = body(self.pushed, len);
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.pushed.to_le_bytes());
        let kind = self.pushed as u8;
        let half = len / 2;
        let parts = [
            Bytes::copy_from_slice(&body[..half]),
            Bytes::copy_from_slice(&body[half..]),
        ];
        let (at, lsn) = self.appender().push(Record {
            stream: 7,
            kind,
            key,
            body: &[Part::Shared(&parts[0]), Part::Slice(&parts[1])],
        })?;
        let known = Known {
            kind,
            key,
            body,
            at,
            is_moved: false,
        };
        self.limbo.insert(lsn, known);
        Ok(lsn)
    }

    pub(super) fn commit(&mut self) -> Result<Lsn, CommitError> {
        let result = self.appender().commit();
        match &result {
            Ok(lsn) => {
                assert_eq!(self.log().committed(), *lsn);
                self.acked.append(&mut self.limbo);
                self.refused.clear();
                assert!(self.acked.keys().next_back().is_none_or(|last| last <= lsn));
            }
            Err(_) => self.refused.push(std::mem::take(&mut self.limbo)),
        }
        result
    }

    /// Reads everything that is acknowledged where it was put.
    pub(super) fn read_all(&self) {
        for (lsn, known) in &self.acked {
            let (head, body) = self.log().read(&known.at).expect("it is there");
            assert_eq!((head.lsn, &body[..]), (*lsn, &known.body[..]));
        }
    }

    /// Performs a step; `false` when it failed and the log cannot go on without being opened again.
    pub(super) fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Push(len) => self.push(len).is_ok(),
            Step::Commit => match self.commit() {
                Ok(_) => true,
                Err(error) => {
                    if error.is_poison() {
                        assert!(self.log().is_poisoned());
                        assert_eq!(self.push(1), Err(PushError::Poisoned));
                        assert!(
                            self.appender().commit().is_err(),
                            "nothing is acknowledged any more"
                        );
                    } else {
                        assert!(!self.log().is_poisoned());
                    }
                    !error.is_poison() && !self.disk.is_off()
                }
            },
            Step::Discard => {
                self.appender().discard();
                self.limbo.clear();
                true
            }
            Step::Restart => self.open().is_ok(),
            Step::Compact => self.compact(),
        }
    }

    fn compact(&mut self) -> bool {
        let sealed = |stat: &SegmentStat| stat.is_sealed;
        let Some(oldest) = self.log().segments().into_iter().find(sealed) else {
            return true;
        };
        if self.appender().staged().0 > 0 && self.commit().is_err() {
            return false;
        }
        let inside: Vec<(Lsn, Known)> = self
            .acked
            .iter()
            .filter(|(_, known)| known.at.segment == oldest.number)
            .map(|(lsn, known)| (*lsn, known.clone()))
            .collect();
        for (_, known) in &inside {
            match self.appender().copy(&known.at) {
                Ok((at, lsn)) => {
                    let moved = Known {
                        at,
                        is_moved: true,
                        ..known.clone()
                    };
                    self.limbo.insert(lsn, moved);
                }
                Err(_) => return false,
            }
        }
        if self.commit().is_err() {
            return false;
        }
        for (lsn, known) in inside {
            self.acked.remove(&lsn);
            self.retiring.insert(lsn, known);
        }
        match self.appender().recycle(oldest.number) {
            Ok(()) => {
                let stays = |known: &Known| known.at.segment != oldest.number;
                self.retiring.retain(|_, known| stays(known));
                true
            }
            Err(_) => !self.disk.is_off(),
        }
    }

    /// Runs a trace as far as it goes; tells whether it went to the end.
    pub(super) fn run(&mut self, trace: &[Step]) -> bool {
        if self.opened.is_none() && self.open().is_err() {
            return false;
        }
        trace.iter().all(|step| self.step(*step))
    }

    /// Shows that the log works again, and that what it says now survives a loss of power.
    pub(super) fn live(&mut self) {
        self.disk.calm();
        self.open().expect("without faults it opens");
        self.read_all();
        for len in [0, 90, 200] {
            self.push(len).expect("a log without faults takes more");
            self.commit().expect("a disk without faults takes more");
        }
        self.read_all();
        self.disk.power_on();
        let recovery = self.open().expect("it opens after a loss of power");
        assert_eq!(recovery.tail, TailState::Clean);
        self.read_all();
    }
}

/// A trace that fills segments, spans them, restarts, drops batches and recycles.
pub(super) fn trace() -> Vec<Step> {
    use Step::{Commit, Compact, Discard, Push, Restart};
    vec![
        Push(100),
        Commit,
        Push(0),
        Push(70),
        Commit,
        Push(33),
        Discard,
        Push(200),
        Push(300),
        Push(64),
        Commit,
        Restart,
        Push(500),
        Push(500),
        Commit,
        Compact,
        Push(5),
        Commit,
        Push(700),
        Commit,
        Compact,
        Push(896),
        Push(13),
        Commit,
    ]
}

/// Returns how many operations a trace takes on a disk without faults.
pub(super) fn operations(trace: &[Step]) -> u64 {
    let mut bench = Bench::new(0);
    assert!(bench.run(trace), "without faults the trace runs to its end");
    bench.read_all();
    bench.disk.operations()
}

#[test]
fn what_was_acknowledged_is_replayed() {
    let mut bench = Bench::new(1);
    assert!(bench.run(&trace()));
    bench.read_all();
    assert!(bench.acked.len() >= 8);
    bench.open().expect("it opens");
    bench.live();
}
