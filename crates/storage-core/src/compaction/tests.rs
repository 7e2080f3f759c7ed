//! Which segments are chosen, a naive chooser, and a log that is written, thrown away and compacted.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sim::{Dice, Log, Seed, check_repeatable, marked_runs};

use base::Timestamp;

use super::{Line, Plan, Reason, Report, Segment, Terms, plan};

fn segment(number: u64, bytes: u64, live_bytes: u64) -> Segment {
    Segment {
        number,
        bytes,
        live_bytes,
        is_sealed: true,
    }
}

fn reasons(report: &Report) -> Vec<(u64, Reason)> {
    let lines = report.lines.iter();
    lines
        .map(|line| (line.segment.number, line.reason))
        .collect()
}

/// Plans with a budget of 100 bytes.
fn check(segments: &[Segment], expect: &[(u64, Reason)]) -> Plan {
    let terms = Terms {
        copied_bytes_max: 100,
        ..Terms::default()
    };
    let (plan, report) = plan(segments, &terms);
    assert_eq!(reasons(&report), expect);
    plan
}

#[test]
fn emptiest_goes_first_and_of_equals_the_oldest() {
    let segments = [
        segment(1, 100, 20),
        segment(2, 100, 10),
        segment(3, 200, 20),
        segment(4, 100, 0),
    ];
    let expect = [
        (4, Reason::Empty),
        (2, Reason::Sparse),
        (3, Reason::Sparse),
        (1, Reason::Sparse),
    ];
    let plan = check(&segments, &expect);
    assert_eq!(plan.segments, [4, 2, 3, 1]);
    assert_eq!((plan.copied_bytes, plan.gained_bytes), (50, 450));
}

#[test]
fn quarter_is_the_edge() {
    let segments = [
        segment(1, 1_000, 250),
        segment(2, 1_000, 251),
        segment(3, 4_001, 1_001),
    ];
    let (plan, report) = plan(&segments, &Terms::default());
    assert_eq!(plan.segments, [1]);
    let expect = [
        (1, Reason::Sparse),
        (3, Reason::TooFull),
        (2, Reason::TooFull),
    ];
    assert_eq!(reasons(&report), expect);
    let permille: Vec<u32> = report.lines.iter().map(|line| line.live_permille).collect();
    assert_eq!(permille, [250, 251, 251]);
}

#[test]
fn what_gives_nothing_back_is_left_alone() {
    let open = Segment {
        is_sealed: false,
        ..segment(1, 100, 0)
    };
    let segments = [open, segment(2, 0, 0), segment(3, 10, 11)];
    let expect = [
        (1, Reason::Open),
        (2, Reason::NoGain),
        (3, Reason::Impossible),
    ];
    assert_eq!(check(&segments, &expect), Plan::default());
    let all = Terms {
        live_permille_max: 1_000,
        ..Terms::default()
    };
    let (plan, report) = plan(&[segment(1, 100, 100)], &all);
    assert_eq!(plan, Plan::default());
    assert_eq!(reasons(&report), [(1, Reason::NoGain)]);
}

#[test]
fn budget_ends_a_round_but_not_its_first_copy() {
    let big = segment(1, 10_000, 101);
    check(&[big], &[(1, Reason::Sparse)]);
    check(
        &[
            segment(2, 10_000, 50),
            segment(3, 10_000, 50),
            segment(4, 10_000, 51),
        ],
        &[
            (2, Reason::Sparse),
            (3, Reason::Sparse),
            (4, Reason::NextRound),
        ],
    );
    // What is smaller does not overtake what waits.
    check(
        &[
            segment(2, 10_000, 50),
            segment(3, 10_000, 51),
            segment(4, 100, 1),
        ],
        &[
            (2, Reason::Sparse),
            (3, Reason::NextRound),
            (4, Reason::NextRound),
        ],
    );
    let one = Terms {
        segments_max: 1,
        ..Terms::default()
    };
    let (plan, _) = plan(&[segment(1, 10, 0), segment(2, 10, 0)], &one);
    assert_eq!(plan.segments, [1]);
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let one = (0_u64..40, 0_u64..40, prop::bool::weighted(0.8));
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let numbered = all.into_iter().zip(1..);
        numbered
            .map(|((bytes, live_bytes, is_sealed), number)| Segment {
                number,
                bytes,
                live_bytes,
                is_sealed,
            })
            .collect()
    })
}

/// Picks the emptiest again and again.
fn naive(segments: &[Segment], terms: &Terms) -> Vec<u64> {
    let mut left: BTreeMap<u64, Segment> = segments.iter().map(|one| (one.number, *one)).collect();
    let (mut chosen, mut copied) = (Vec::new(), 0);
    left.retain(|_, one| {
        one.is_sealed
            && one.live_bytes < one.bytes
            && one.live_bytes * 1_000 <= one.bytes * u64::from(terms.live_permille_max)
    });
    while let Some(best) = left.values().copied().reduce(|best, one| {
        let is_emptier = one.live_bytes * best.bytes < best.live_bytes * one.bytes;
        if is_emptier { one } else { best }
    }) {
        let is_over = copied > 0 && copied + best.live_bytes > terms.copied_bytes_max;
        if is_over || chosen.len() >= terms.segments_max {
            break;
        }
        copied += best.live_bytes;
        chosen.push(best.number);
        left.remove(&best.number);
    }
    chosen
}

proptest! {
    #[test]
    fn choice_is_the_naive_one(
        segments in segments(),
        live_permille_max in 0_u32..1_001,
        copied_bytes_max in 0_u64..60,
        segments_max in 0_usize..5,
        seed in any::<u64>(),
    ) {
        let terms = Terms { live_permille_max, copied_bytes_max, gain_bytes_min: 0, segments_max };
        let (found, report) = plan(&segments, &terms);
        prop_assert_eq!(&found.segments, &naive(&segments, &terms));
        let of: BTreeMap<u64, Segment> = segments.iter().map(|one| (one.number, *one)).collect();
        let copied: u64 = found.segments.iter().map(|number| of[number].live_bytes).sum();
        let written: u64 = found.segments.iter().map(|number| of[number].bytes).sum();
        prop_assert_eq!(found.copied_bytes, copied);
        prop_assert_eq!(found.gained_bytes, written - copied);
        // Each has a line, and the chosen ones are those that the lines say.
        let lines: BTreeSet<u64> = report.lines.iter().map(|line| line.segment.number).collect();
        prop_assert_eq!(lines.len(), segments.len());
        let is_chosen = |line: &&Line| matches!(line.reason, Reason::Empty | Reason::Sparse);
        let chosen: Vec<u64> = report.lines.iter().filter(is_chosen).map(|line| line.segment.number).collect();
        prop_assert_eq!(chosen, found.segments.clone());
        // In whatever order they come.
        let mut shuffled = segments.clone();
        Seed(seed).dice().shuffle(&mut shuffled);
        prop_assert_eq!(plan(&shuffled, &terms), (found, report));
    }
}

/// A log of segments of 100 bytes; blobs are written, thrown away, and copied by rounds that a crash may cut short.
struct World<'a> {
    log: &'a Log,
    dice: Dice,
    terms: Terms,
    /// What was written to each segment, and the blobs in it that are live.
    segments: BTreeMap<u64, (u64, Vec<u64>)>,
    marks: BTreeMap<&'static str, u64>,
}

impl<'a> World<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        Self {
            log,
            dice: seed.named("world").dice(),
            terms: Terms {
                copied_bytes_max: 40,
                ..Terms::default()
            },
            segments: BTreeMap::from([(1, (0, Vec::new()))]),
            marks: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        for _ in 0..60 {
            for _ in 0..self.dice.below(10) {
                let bytes = self.dice.between(1, 30);
                self.append(bytes);
            }
            for (_, blobs) in self.segments.values_mut() {
                blobs.retain(|_| !self.dice.chance(250));
            }
            self.round(true);
        }
        // Calm: rounds come to an end, and what is left is worth its room.
        let rounds = (0..1_000).take_while(|_| self.round(false) > 0).count();
        assert!(rounds < 1_000, "it never ends");
        let open = self.open();
        for (number, (bytes, blobs)) in &self.segments {
            let live: u64 = blobs.iter().sum();
            assert!(
                *number == open || live * 4 > *bytes,
                "{number} is still sparse"
            );
        }
    }

    fn open(&self) -> u64 {
        *self.segments.last_key_value().expect("there is one").0
    }

    fn live(&self) -> u64 {
        self.segments.values().flat_map(|(_, blobs)| blobs).sum()
    }

    fn append(&mut self, bytes: u64) {
        let open = self.open();
        let is_full = self.segments[&open].0 + bytes > 100;
        let number = open + u64::from(is_full);
        let segment = self.segments.entry(number).or_default();
        segment.0 += bytes;
        segment.1.push(bytes);
    }

    /// Compacts once; returns how many segments were chosen.
    fn round(&mut self, may_crash: bool) -> usize {
        let (open, before) = (self.open(), self.live());
        let segments = self
            .segments
            .iter()
            .map(|(number, (bytes, blobs))| Segment {
                number: *number,
                bytes: *bytes,
                live_bytes: blobs.iter().sum(),
                is_sealed: *number != open,
            });
        let segments: Vec<Segment> = segments.collect();
        let (plan, _) = plan(&segments, &self.terms);
        let is_cut = may_crash && !plan.segments.is_empty() && self.dice.chance(200);
        for number in plan.segments.iter().skip(usize::from(is_cut)) {
            let (_, blobs) = self.segments.remove(number).expect("it was chosen");
            blobs.into_iter().for_each(|bytes| self.append(bytes));
        }
        assert_eq!(self.live(), before, "nothing live is lost");
        let mark = match (plan.segments.is_empty(), is_cut) {
            (true, _) => "nothing to do",
            (false, true) => "cut short",
            (false, false) => "compacted",
        };
        self.log.note(Timestamp::EPOCH, mark, format!("{plan:?}"));
        *self.marks.entry(mark).or_default() += 1;
        plan.segments.len()
    }
}

#[test]
fn rounds_end_and_leave_nothing_sparse() {
    let marks = &["compacted", "cut short", "nothing to do"];
    marked_runs(1_000, marks, |seed, log| {
        let mut world = World::new(seed, log);
        world.run();
        world.marks
    });
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| World::new(seed, log).run());
}
