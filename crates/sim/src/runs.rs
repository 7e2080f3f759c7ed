//! Many runs, one seed each; the first that fails says how to repeat it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::{Log, Seed};

/// Names the one seed to run.
const ONE: &str = "COMMONHOLD_SIM_SEED";

/// Names how many seeds to run.
const MANY: &str = "COMMONHOLD_SIM_SEEDS";

/// Lines of a run that are shown when it failed.
const LOG_LINES_MAX: usize = 400;

/// Which seeds to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    One(u64),
    First(u64),
}

/// Runs `check` with the seeds from 0 up to `count`, each with a log of its own.
///
/// The environment may choose otherwise: `COMMONHOLD_SIM_SEED=7` runs seed 7 alone, `COMMONHOLD_SIM_SEEDS=100000`
/// runs that many. Returns how many ran.
///
/// # Panics
/// When a run does, after its log and the way to repeat it were printed; and when the environment holds no number.
pub fn runs(count: u64, check: impl Fn(Seed, &Log)) -> u64 {
    let read = |name| std::env::var(name).ok();
    let seeds = match choose(count, read(ONE).as_deref(), read(MANY).as_deref()) {
        Choice::One(seed) => seed..seed.saturating_add(1),
        Choice::First(count) => 0..count,
    };
    let count = seeds.end - seeds.start;
    run(seeds, read("CARGO_PKG_NAME").as_deref(), check);
    count
}

/// Runs `check` with many seeds and adds up what it says has happened, by a word each; when at least `count` seeds ran,
/// each of `marks` must have happened, so that a simulation cannot pass by never meeting a fault.
///
/// # Panics
/// As [`runs`], and when a mark never happened.
pub fn marked_runs<M>(count: u64, marks: &[&str], check: impl Fn(Seed, &Log) -> M)
where
    M: IntoIterator<Item = (&'static str, u64)>,
{
    let happened: RefCell<BTreeMap<&'static str, u64>> = RefCell::default();
    let ran = runs(count, |seed, log| {
        for (mark, times) in check(seed, log) {
            *happened.borrow_mut().entry(mark).or_default() += times;
        }
    });
    let happened = happened.into_inner();
    let missing: Vec<_> = marks
        .iter()
        .filter(|mark| !happened.contains_key(**mark))
        .collect();
    assert!(
        ran < count || missing.is_empty(),
        "never happened: {missing:?}; happened: {happened:#?}"
    );
}

/// Checks that a run is a function of its seed: one seed twice gives the same log, another seed another one.
///
/// # Panics
/// When it is not.
pub fn check_repeatable(run: impl Fn(Seed, &Log)) {
    let trace = |seed| {
        let log = Log::new(10);
        run(Seed(seed), &log);
        (log.digest(), log.count())
    };
    assert_eq!(trace(5), trace(5), "one seed gives one run");
    assert_ne!(trace(5), trace(6), "seeds differ");
}

fn run(seeds: Range<u64>, package: Option<&str>, check: impl Fn(Seed, &Log)) {
    for seed in seeds {
        let log = Log::new(LOG_LINES_MAX);
        let outcome = catch_unwind(AssertUnwindSafe(|| check(Seed(seed), &log)));
        if let Err(panic) = outcome {
            eprintln!(
                "{log}{}",
                Repeat {
                    seed,
                    package,
                    test: std::thread::current().name()
                }
            );
            resume_unwind(panic);
        }
    }
}

/// How to repeat a run that failed.
struct Repeat<'a> {
    seed: u64,
    package: Option<&'a str>,
    test: Option<&'a str>,
}

impl fmt::Display for Repeat<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "seed {0} failed; repeat with {ONE}={0} cargo test",
            self.seed
        )?;
        if let Some(package) = self.package {
            write!(formatter, " -p {package}")?;
        }
        if let Some(test) = self.test {
            write!(formatter, " {test}")?;
        }
        Ok(())
    }
}

fn choose(count: u64, one: Option<&str>, many: Option<&str>) -> Choice {
    let number = |name: &str, text: &str| -> u64 {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text:?}"))
    };
    match (one, many) {
        (Some(seed), _) => Choice::One(number(ONE, seed)),
        (None, Some(count)) => Choice::First(number(MANY, count)),
        (None, None) => Choice::First(count),
    }
}

#[cfg(test)]
mod tests;
