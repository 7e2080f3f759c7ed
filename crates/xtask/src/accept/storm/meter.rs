//! What the doorway counts, as its steward reads it.

use std::time::Duration;

use anyhow::Context as _;

use crate::accept::http::Client;

/// How long the counters may be behind: they are brought up to date every second.
const BEHIND_MAX: Duration = Duration::from_secs(30);

/// The counters of the hot cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Questions that it was asked.
    pub(super) questions: u64,
    /// Of these, those for which it had a fresh answer.
    pub(super) hits: u64,
    /// Calls of what is behind it.
    pub(super) calls: u64,
}

/// Reads the counters.
#[derive(Debug)]
pub(super) struct Meter {
    steward: Client,
}

impl Meter {
    pub(super) const fn new(steward: Client) -> Self {
        Self { steward }
    }

    /// Reads once.
    pub(super) fn read(&mut self) -> anyhow::Result<Reading> {
        let answer = self.steward.get("/metrics")?;
        let status = answer.status();
        anyhow::ensure!(status == 200, "GET /metrics answered {status}");
        let text = String::from_utf8(answer.body).context("metrics are text")?;
        anyhow::ensure!(
            text.contains("\ndoorway_origin_calls_total"),
            "calls of what is behind the cache are not counted: {text}"
        );
        Ok(Reading {
            questions: sum(&text, "doorway_hot_answers_total{"),
            hits: sum(&text, "doorway_hot_answers_total{result=\"hit\""),
            calls: sum(&text, "doorway_origin_calls_total{"),
        })
    }

    /// Reads until so many more questions are counted than `before`, and nothing moves any more.
    pub(super) fn after(&mut self, before: Reading, questions: u64) -> anyhow::Result<Reading> {
        let mut last = None;
        let found = testkit::wait_for("the counters", BEHIND_MAX, || {
            // Longer than the time between two updates.
            std::thread::park_timeout(Duration::from_millis(1_200));
            let now = self.read()?;
            let is_still = last.replace(now) == Some(now);
            let is_enough = now.questions >= before.questions + questions;
            Ok((is_still && is_enough).then_some(now))
        });
        found.with_context(|| format!("{questions} questions after {before:?}; now {last:?}"))
    }
}

/// Adds up the samples whose line begins like this.
fn sum(text: &str, start: &str) -> u64 {
    text.lines()
        .filter(|line| line.starts_with(start))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .map(|value| value as u64)
        .sum()
}
