//! One lie after the other, each told to a copy of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::forger::Forger;
use super::lie::Lie;
use super::sources::{Head, chain};
use crate::accept::Stage;
use crate::accept::community::{Person, list, text};
use crate::accept::doorway::{Plan, Server};
use crate::accept::dump::{self, Detail};
use crate::accept::lesson::{self, Lesson, WORD};

/// How long something that is to come may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much memory a copy may hold, whatever it is told, in bytes.
const RESIDENT_BYTES_MAX: u64 = 256 * 1_024 * 1_024;

/// What a copy has when it is lied to for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Everything until then.
    Complete,
    /// Nothing.
    Empty,
}

/// A lie, and the words with which it must be named, all of them in one line.
pub(super) struct Expected {
    pub(super) lie: Lie,
    pub(super) words: Vec<String>,
}

/// One lie that is told to a new copy.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) start: Start,
    /// Whether the honest doorway gets something new after the lie began.
    pub(super) is_published: bool,
    /// Makes the lie, given where the honest chain stands before.
    pub(super) make: Box<dyn Fn(&Before) -> Expected>,
}

/// How the honest doorway stands before the lie.
pub(super) struct Before {
    pub(super) agent: String,
    pub(super) seq: u64,
    pub(super) action_hash: String,
    pub(super) dna_hash: String,
    pub(super) version: u32,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) name: &'static str,
    /// The line that names it.
    pub(super) said: String,
    /// Whether it has the code of what does not prove itself.
    pub(super) has_code: bool,
}

/// The honest doorway, and what was published there.
pub(super) struct Trial<'a> {
    stage: &'a Stage<'a>,
    steward: Person<'a>,
    lesson: Lesson,
    writer: Server,
    copies: u32,
}

impl<'a> Trial<'a> {
    pub(super) const fn new(
        stage: &'a Stage<'a>,
        steward: Person<'a>,
        lesson: Lesson,
        writer: Server,
    ) -> Self {
        Self {
            stage,
            steward,
            lesson,
            writer,
            copies: 0,
        }
    }

    /// Publishes the next version at the honest doorway.
    pub(super) fn publish_next(&mut self) -> anyhow::Result<()> {
        self.lesson.advance()?;
        self.steward
            .publish(self.lesson.folder(), &self.writer.url())?;
        self.lesson.check(&mut self.writer.client())
    }

    /// Ends the honest doorway.
    pub(super) fn close(self) -> anyhow::Result<()> {
        self.writer.end()
    }

    /// Tells a lie to a new copy.
    pub(super) fn run(&mut self, case: &Case) -> anyhow::Result<Outcome> {
        self.copies += 1;
        let before = self.before()?;
        let Expected { lie, words } = (case.make)(&before);
        let mut shown = Vec::new();
        let forger = Forger::start(self.writer.address())?;
        let data = self.stage.scratch.join(format!("copy-{}", self.copies));
        let plan = Plan::new(&self.steward, data).following(&forger.url());
        let mut copy;
        match case.start {
            Start::Complete => {
                copy = plan.start()?;
                copy.wait_until_ready(PATIENCE)?;
                shown = self.shown()?;
                dump::compare(&dump_of(&copy)?, &shown).context("before the lie")?;
                forger.tell(Some(lie));
            }
            Start::Empty => {
                forger.tell(Some(lie));
                copy = plan.start()?;
            }
        }
        if case.is_published {
            self.publish_next()?;
        }
        let said = named(&copy, &forger, &words)?;
        self.judge(&copy, &shown, &before.agent)?;
        if case.start == Start::Empty {
            let (is_ready, view) = copy.readiness()?;
            anyhow::ensure!(
                !is_ready,
                "a copy that never had everything says it is ready: {view}"
            );
        }
        forger.tell(None);
        copy.kill()?;
        let copy = plan.start()?;
        copy.wait_until_ready(PATIENCE)
            .context("after the doorway became honest")?;
        self.becomes_complete(&copy)?;
        copy.end()?;
        Ok(Outcome {
            name: case.name,
            has_code: said.contains("CH-0706"),
            said,
        })
    }

    fn before(&self) -> anyhow::Result<Before> {
        let Head {
            agent,
            seq,
            action_hash,
        } = Head::of(&self.writer)?;
        let version = self.writer.client().json("/version")?;
        Ok(Before {
            agent,
            seq,
            action_hash,
            dna_hash: text(&version, "/community/dna_hash")?.to_owned(),
            version: self.lesson.version(),
        })
    }

    /// Returns everything that the honest doorway shows.
    fn shown(&self) -> anyhow::Result<Vec<String>> {
        dump_of(&self.writer)
    }

    /// Checks that a copy shows nothing but what the honest doorway shows now or did before, and all of what it had.
    fn judge(&self, copy: &Server, had: &[String], agent: &str) -> anyhow::Result<()> {
        let honest: BTreeSet<String> = self.shown()?.into_iter().chain(had.to_vec()).collect();
        let shown = dump_of(copy)?;
        for line in &shown {
            anyhow::ensure!(
                honest.contains(line),
                "the copy shows what nobody said: {line}"
            );
        }
        let shown_ids: BTreeSet<String> = shown.iter().filter_map(|line| id_in(line)).collect();
        for line in had {
            let is_there = match id_in(line) {
                Some(id) => shown_ids.contains(&id),
                None => shown.contains(line),
            };
            anyhow::ensure!(is_there, "the copy lost what it had: {line}");
        }
        let mut client = copy.client();
        for item in list(&mut client, "content")? {
            let url = text(&item, "/url")?;
            let answer = client.get(url)?;
            let status = answer.status();
            anyhow::ensure!(status == 200, "GET {url} answered {status}");
            let page = lesson::page_of(text(&item, "/slug")?)?;
            lesson::version_of_html(page, &String::from_utf8(answer.body)?)?;
        }
        let (honest, copied) = (chain(&self.writer, agent)?, chain_at_copy(copy, agent)?);
        anyhow::ensure!(
            honest.starts_with(&copied),
            "the copy shows {} records of the chain, and not those that were signed",
            copied.len()
        );
        let resident = copy.resident_bytes()?;
        anyhow::ensure!(
            resident < RESIDENT_BYTES_MAX,
            "the copy holds {resident} bytes of memory"
        );
        Ok(())
    }

    /// Waits until a copy shows what the honest doorway does, and complains of nothing.
    fn becomes_complete(&self, copy: &Server) -> anyhow::Result<()> {
        let wanted = self.shown()?;
        let mut last = Ok(());
        let waited = testkit::wait_for("a complete copy", PATIENCE, || {
            let complaints = complaints(copy)?;
            last = dump::compare(&dump_of(copy)?, &wanted).and_then(|()| {
                anyhow::ensure!(complaints.is_empty(), "it complains: {complaints:?}");
                Ok(())
            });
            Ok(last.is_ok().then_some(()))
        });
        waited.or_else(|error| last.and(Err(error)))
    }
}

fn dump_of(doorway: &Server) -> anyhow::Result<Vec<String>> {
    dump::of(&mut doorway.client(), WORD, Detail::Signed)
}

/// Returns the chain that a copy shows; it may have none of it yet.
fn chain_at_copy(copy: &Server, agent: &str) -> anyhow::Result<Vec<Value>> {
    let status = copy
        .client()
        .get(&format!("/api/v1/chains/{agent}"))?
        .status();
    if status == 404 {
        return Ok(Vec::new());
    }
    chain(copy, agent)
}

/// Returns the id of the item that a line is about.
fn id_in(line: &str) -> Option<String> {
    let item: Value = serde_json::from_str(line.strip_prefix("item ")?).ok()?;
    item["id"].as_str().map(str::to_owned)
}

/// Waits until the lie was told and the copy names it; returns the line.
fn named(copy: &Server, forger: &Forger, words: &[String]) -> anyhow::Result<String> {
    let mut last = Vec::new();
    let found = testkit::wait_for("words that name the lie", PATIENCE, || {
        last = complaints(copy)?;
        let fits = |line: &&String| words.iter().all(|word| line.contains(word.as_str()));
        let line = last.iter().find(fits).cloned();
        Ok(line.filter(|_| forger.told() > 0))
    });
    found.with_context(|| {
        let told = forger.told();
        format!("told {told} times, the lie is to be named by {words:?}; the copy says {last:?}")
    })
}

/// Returns everything of which a copy complains.
fn complaints(copy: &Server) -> anyhow::Result<Vec<String>> {
    let (_, view) = copy.readiness()?;
    let stalled = view["stalled"]
        .as_array()
        .context("what is stalled is told")?;
    let fault = view
        .pointer("/follows/fault")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let lines = stalled.iter().filter_map(Value::as_str).chain([fault]);
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}
