//! An upload that keeps every fact beside the real one, and any requests against both.

use proptest::prelude::*;

use super::super::{Append, Ended, Finish, Length, Phase, Turn, Upload};
use super::{LIMITS, at, checksum, create};
use base::ContentHash;

#[derive(Clone, Debug)]
enum Saying {
    Pass(u64),
    /// Where relative to the right offset, what is announced, the length told, whether there is a checksum.
    Begin(i8, Option<u64>, Option<u64>, bool),
    /// Which of the turns, how much.
    Took(usize, u64),
    /// Which of the turns, how much is stored, how it ended: broken, right, wrong.
    End(usize, u64, u8),
    Finish(u8),
    Terminate,
    Restart(u64),
}

fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let offset = prop_oneof![5 => Just(0_i8), 1 => -1_i8..2];
    let saying = prop_oneof![
        2 => (0_u64..8).prop_map(Saying::Pass),
        5 => (offset, prop::option::of(0_u64..9), prop::option::weighted(0.3, 0_u64..20), prop::bool::weighted(0.3))
            .prop_map(|(offset, announced, length, has)| Saying::Begin(offset, announced, length, has)),
        5 => (0_usize..3, 0_u64..6).prop_map(|(which, bytes)| Saying::Took(which, bytes)),
        5 => (0_usize..3, 0_u64..12, 0_u8..3).prop_map(|(which, stored, how)| Saying::End(which, stored, how)),
        2 => (0_u8..4).prop_map(Saying::Finish),
        1 => prop::bool::weighted(0.1).prop_map(|is_it| if is_it { Saying::Terminate } else { Saying::Pass(0) }),
        1 => (0_u64..4).prop_map(Saying::Restart),
    ];
    prop::collection::vec(saying, 0..60)
}

/// What is true, said without a machine.
struct Naive {
    length: Option<u64>,
    offset: u64,
    expires: u64,
    /// `r`eceiving, `c`omplete, `f`inishing, `s`tored, `e`nded.
    phase: char,
    /// The holder of the turn: its number, taken, announced, whether it has a checksum, until when.
    holder: Option<(usize, u64, Option<u64>, bool, u64)>,
}

impl Naive {
    fn is_expired(&self, now: u64) -> bool {
        let is_held = self.holder.is_some_and(|holder| now < holder.4);
        self.expires <= now && !is_held && self.phase != 'f'
    }

    fn may_begin(&self, now: u64, append: &Append) -> bool {
        let length = append.length.or(self.length);
        let room = length.unwrap_or(LIMITS.bytes_max).checked_sub(self.offset);
        self.phase == 'r'
            && !self.is_expired(now)
            && append.offset == self.offset
            && self.holder.is_none_or(|holder| holder.4 <= now)
            && append
                .length
                .is_none_or(|told| self.length.is_none_or(|length| length == told))
            && room.is_some_and(|room| append.announced.is_none_or(|bytes| bytes <= room))
    }

    fn took(&mut self, now: u64, which: usize, bytes: u64) -> bool {
        let room = self.length.unwrap_or(LIMITS.bytes_max) - self.offset;
        let Some(holder) = self.holder.as_mut().filter(|holder| holder.0 == which) else {
            return false;
        };
        let fits = holder.1 + bytes <= room.min(holder.2.unwrap_or(u64::MAX));
        if fits {
            holder.1 += bytes;
            holder.4 = holder.4.max(now + 10);
        }
        fits
    }

    fn end(&mut self, now: u64, which: usize, stored: u64, how: u8) -> bool {
        let Some((_, taken, announced, has_checksum, _)) =
            self.holder.take_if(|holder| holder.0 == which)
        else {
            return false;
        };
        let is_all = taken <= stored && announced.is_none_or(|bytes| bytes == taken);
        let counted = match (has_checksum, how) {
            (false, _) => stored.min(taken),
            (true, 1) if is_all => taken,
            (true, 2) if is_all => return false,
            (true, _) => 0,
        };
        self.offset += counted;
        if counted > 0 {
            self.expires = self.expires.max(now + 100);
        }
        if self.length == Some(self.offset) {
            self.phase = 'c';
        }
        true
    }
}

fn letter(phase: Phase) -> char {
    match phase {
        Phase::Receiving => 'r',
        Phase::Complete => 'c',
        Phase::Finishing => 'f',
        Phase::Stored(_) => 's',
        Phase::Ended => 'e',
    }
}

/// Both of them, and the turns that were given.
struct Pair {
    upload: Upload,
    naive: Naive,
    now: u64,
    turns: Vec<Option<Turn>>,
    finished: u32,
}

impl Pair {
    fn new(length: Option<u64>) -> Self {
        Self {
            upload: create(length.map_or(Length::Deferred, Length::Known)),
            naive: Naive {
                length,
                offset: 0,
                expires: 100,
                phase: if length == Some(0) { 'c' } else { 'r' },
                holder: None,
            },
            now: 0,
            turns: Vec::new(),
            finished: 0,
        }
    }

    /// The newest turn is number 0.
    fn which(&self, which: usize) -> usize {
        self.turns.len().saturating_sub(1 + which)
    }

    fn begin(&mut self, append: &Append) -> Result<(), TestCaseError> {
        let found = self.upload.begin(at(self.now), append, &LIMITS);
        let may = self.naive.may_begin(self.now, append);
        prop_assert_eq!(found.is_ok(), may, "{:?}", found);
        if let Ok(turn) = found {
            prop_assert_eq!(turn.from(), self.naive.offset);
            self.naive.length = append.length.or(self.naive.length);
            let has_checksum = append.checksum.is_some();
            let number = self.turns.len();
            self.naive.holder = Some((number, 0, append.announced, has_checksum, self.now + 10));
            self.turns.push(Some(turn));
        }
        Ok(())
    }

    fn took(&mut self, which: usize, bytes: u64) -> Result<(), TestCaseError> {
        if let Some(Some(turn)) = self.turns.get(which) {
            let found = self.upload.took(at(self.now), turn, bytes, &LIMITS);
            let fits = self.naive.took(self.now, which, bytes);
            prop_assert_eq!(found.is_ok(), fits, "{:?}", found);
        }
        Ok(())
    }

    fn end(&mut self, which: usize, stored: u64, how: u8) -> Result<(), TestCaseError> {
        let Some(turn) = self.turns.get_mut(which).and_then(Option::take) else {
            return Ok(());
        };
        let ended = match how {
            0 => Ended::Broken,
            1 => Ended::Whole {
                digest: Some(&[1; 20]),
            },
            _ => Ended::Whole {
                digest: Some(&[3; 20]),
            },
        };
        let now = at(self.now);
        let found = self.upload.end(now, turn, stored, ended, &LIMITS);
        let counts = self.naive.end(self.now, which, stored, how);
        prop_assert_eq!(found.is_ok(), counts, "{:?}", found);
        Ok(())
    }

    fn finish(&mut self, how: u8) -> Result<(), TestCaseError> {
        let asked = self.upload.poll_finish();
        let is_due = self.naive.phase == 'c';
        prop_assert_eq!(asked, is_due.then_some(self.naive.offset));
        if is_due {
            self.naive.phase = 'f';
        }
        let (finish, phase) = match how {
            0 => (Finish::Failed, 'c'),
            1 => (Finish::Refused, 'e'),
            2 => (Finish::Stored(ContentHash::of(b"")), 's'),
            _ => return Ok(()),
        };
        self.upload.finished(at(self.now), finish, &LIMITS);
        if self.naive.phase == 'f' {
            self.finished += u32::from(phase == 's');
            self.naive.phase = phase;
            self.naive.expires = self.naive.expires.max(self.now + 100);
        }
        Ok(())
    }

    fn terminate(&mut self) -> Result<(), TestCaseError> {
        let is_ok = self.upload.terminate().is_ok();
        prop_assert_eq!(is_ok, self.naive.phase != 'f');
        if is_ok {
            self.naive.phase = 'e';
            self.naive.holder = None;
        }
        Ok(())
    }

    fn restart(&mut self, more: u64) {
        let staged_bytes = self.naive.offset + more;
        let restored = Upload::restore(self.upload.snapshot(), staged_bytes);
        self.upload = restored.expect("all is there");
        if self.naive.phase == 'f' {
            self.naive.phase = 'c';
        }
        self.naive.holder = None;
        // The turns died with the process.
        self.turns.clear();
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let (upload, naive, now) = (&self.upload, &self.naive, self.now);
        prop_assert_eq!(upload.offset(), naive.offset);
        prop_assert_eq!(upload.length().known(), naive.length);
        prop_assert_eq!(letter(upload.phase()), naive.phase);
        prop_assert_eq!(upload.is_expired(at(now)), naive.is_expired(now));
        prop_assert!(naive.length.is_none_or(|length| naive.offset <= length));
        prop_assert!(self.finished <= 1);
        Ok(())
    }
}

proptest! {
    #[test]
    fn upload_is_what_the_facts_say(sayings in sayings(), length in prop::option::weighted(0.7, 0_u64..16)) {
        let mut pair = Pair::new(length);
        for saying in sayings {
            match saying {
                Saying::Pass(secs) => pair.now += secs,
                Saying::Begin(offset, announced, length, has_checksum) => {
                    let offset = pair.naive.offset.saturating_add_signed(i64::from(offset));
                    let checksum = has_checksum.then(|| checksum(1));
                    pair.begin(&Append { offset, announced, length, checksum })?;
                }
                Saying::Took(which, bytes) => pair.took(pair.which(which), bytes)?,
                Saying::End(which, stored, how) => pair.end(pair.which(which), stored, how)?,
                Saying::Finish(how) => pair.finish(how)?,
                Saying::Terminate => pair.terminate()?,
                Saying::Restart(more) => pair.restart(more),
            }
            pair.check()?;
        }
    }
}
