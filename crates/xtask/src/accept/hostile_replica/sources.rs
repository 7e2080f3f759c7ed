//! Where forged things come from: real doorways that are not the one which is followed.

use anyhow::Context as _;
use serde_json::Value;

use super::PAGES;
use crate::accept::Stage;
use crate::accept::community::{Person, list, text};
use crate::accept::doorway::{Plan, Server};
use crate::accept::lesson::Lesson;

/// Versions by which what comes from here is ahead of all that the honest doorway has.
const AHEAD: u32 = 100;

/// Where a chain stands.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Whose chain it is.
    pub(super) agent: String,
    /// Number of its newest record.
    pub(super) seq: u64,
    /// That record's hash.
    pub(super) action_hash: String,
}

impl Head {
    /// Reads where the chain of a doorway's only author stands.
    pub(super) fn of(doorway: &Server) -> anyhow::Result<Self> {
        let mut client = doorway.client();
        let pages = list(&mut client, "content")?;
        let agent = text(pages.first().context("there are pages")?, "/author")?.to_owned();
        let view = client.json(&format!("/api/v1/chains/{agent}?limit=1"))?;
        let seq = view["head"]["seq"]
            .as_u64()
            .context("a head has a number")?;
        let action_hash = text(&view, "/head/action_hash")?.to_owned();
        Ok(Self {
            agent,
            seq,
            action_hash,
        })
    }
}

/// Returns the records of a chain, from the first on, as a doorway shows them.
pub(super) fn chain(doorway: &Server, agent: &str) -> anyhow::Result<Vec<Value>> {
    let mut client = doorway.client();
    let mut records = Vec::new();
    let mut path = format!("/api/v1/chains/{agent}?limit=500");
    loop {
        let mut view = client.json(&path)?;
        let page = view["records"]
            .as_array_mut()
            .context("a chain has records")?;
        records.append(page);
        let Some(next) = view["next_after"].as_u64() else {
            return Ok(records);
        };
        path = format!("/api/v1/chains/{agent}?limit=500&after={next}");
    }
}

/// Doorways with other things.
pub(super) struct Sources<'a> {
    twin: Person<'a>,
    /// Continued the same chain in another way.
    pub(super) fork: Server,
    fork_lesson: Lesson,
    /// Another community, with a chain of the same author.
    pub(super) elsewhere: Server,
    /// Somebody else.
    pub(super) stranger: String,
    /// The records that they signed.
    pub(super) foreign: Vec<Value>,
}

impl<'a> Sources<'a> {
    /// Starts them.
    pub(super) fn open(
        stage: &'a Stage<'a>,
        steward: &Person<'a>,
        twin: Person<'a>,
    ) -> anyhow::Result<Self> {
        let mut fork_lesson = Lesson::write(stage.scratch.join("twin-lesson"), PAGES, 0)?;
        for _ in 0..AHEAD {
            fork_lesson.advance()?;
        }
        let fork = Plan::new(&twin, twin.home().join("community")).start()?;
        let elsewhere = Plan::new(steward, stage.scratch.join("elsewhere")).start()?;
        steward.publish(fork_lesson.folder(), &elsewhere.url())?;
        let somebody = Person::new(stage, "stranger");
        let doorway = Plan::new(&somebody, somebody.home().join("community")).start()?;
        somebody.publish(fork_lesson.folder(), &doorway.url())?;
        let stranger = Head::of(&doorway)?.agent;
        let foreign = chain(&doorway, &stranger)?;
        doorway.end()?;
        Ok(Self {
            twin,
            fork,
            fork_lesson,
            elsewhere,
            stranger,
            foreign,
        })
    }

    /// Lets the twin publish one more version.
    pub(super) fn continue_twin(&mut self) -> anyhow::Result<()> {
        self.fork_lesson.advance()?;
        self.twin
            .publish(self.fork_lesson.folder(), &self.fork.url())?;
        Ok(())
    }

    /// Ends them.
    pub(super) fn close(self) -> anyhow::Result<()> {
        self.fork.end()?;
        self.elsewhere.end()
    }
}
