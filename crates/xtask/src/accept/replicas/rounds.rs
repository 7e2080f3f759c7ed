//! A writer that dies in the middle of a publish, again and again, while two copies of it are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::readers::{Readers, Seen};
use crate::accept::community::{Person, number};
use crate::accept::doorway::{Plan, Server};
use crate::accept::dump::{self, Detail};
use crate::accept::lesson::{Lesson, WORD};
use crate::accept::wire::{Passed, Place, Way, Wire};

/// How long something that is to come may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How many requests are answered at each copy while the writer is dead.
const ANSWERS_MEANWHILE: u64 = 60;

/// Two copies.
pub(super) const COPIES: usize = 2;

/// A copy, and those who read it.
pub(super) struct Copy<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) server: Server,
    seen: Arc<Seen>,
    readers: Option<Readers>,
}

impl Copy<'_> {
    /// Waits until so many more requests were answered, when somebody reads.
    fn pass(&mut self, answers: u64) -> anyhow::Result<()> {
        self.readers
            .as_mut()
            .map_or(Ok(()), |readers| readers.pass(answers))
    }

    /// Fails with what a reader met.
    fn check(&mut self) -> anyhow::Result<()> {
        self.readers.as_mut().map_or(Ok(()), Readers::check)
    }

    /// Stops those who read.
    fn hush(&mut self) -> anyhow::Result<()> {
        self.readers.take().map_or(Ok(()), Readers::stop)
    }
}

/// What happens, and to whom.
pub(super) struct Stand<'a> {
    pub(super) steward: Person<'a>,
    pub(super) lesson: Lesson,
    pub(super) plan: Plan<'a>,
    writer: Option<Server>,
    pub(super) copies: Vec<Copy<'a>>,
    /// The newest version that somebody began to publish.
    newest: Arc<AtomicU32>,
    /// How long the conversation of the first publish was.
    whole: Passed,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) kills: u32,
    /// Deaths after which the copies showed some of the new version.
    pub(super) halfway: u32,
    pub(super) answers: u64,
    pub(super) pages: usize,
    pub(super) versions: usize,
}

impl<'a> Stand<'a> {
    /// Starts the writer and publishes the first version.
    pub(super) fn open(
        steward: Person<'a>,
        lesson: Lesson,
        plan: Plan<'a>,
    ) -> anyhow::Result<Self> {
        let writer = plan.start().context("start the writer")?;
        let wire = Wire::lay(writer.address(), None)?;
        let told = steward.publish(lesson.folder(), &wire.url())?;
        anyhow::ensure!(
            number(&told, "/pages/new")? == u64::from(lesson.pages()),
            "{told}"
        );
        let whole = wire.passed();
        drop(wire);
        writer.wait_until_ready(PATIENCE)?;
        let newest = Arc::new(AtomicU32::new(lesson.version()));
        Ok(Self {
            steward,
            lesson,
            plan,
            writer: Some(writer),
            copies: Vec::new(),
            newest,
            whole,
        })
    }

    /// Returns the writer.
    pub(super) fn writer(&self) -> anyhow::Result<&Server> {
        self.writer.as_ref().context("there is a writer")
    }

    /// Takes the writer out, to be ended in one way or another.
    pub(super) fn take_writer(&mut self) -> anyhow::Result<Server> {
        self.writer.take().context("there is a writer")
    }

    /// Puts a writer in.
    pub(super) fn put_writer(&mut self, writer: Server) {
        self.writer = Some(writer);
    }

    /// Starts a copy; once it shows everything it is read.
    pub(super) fn add_copy(&mut self, plan: Plan<'a>) -> anyhow::Result<()> {
        let server = plan.start().context("start a copy")?;
        server.wait_until_ready(PATIENCE)?;
        self.lesson
            .check(&mut server.client())
            .context("a new copy")?;
        let seen = Arc::default();
        let readers = Readers::start(server.address(), &seen, &self.newest)?;
        self.copies.push(Copy {
            plan,
            server,
            seen,
            readers: Some(readers),
        });
        Ok(())
    }

    /// Changes everything and kills the writer at a share of the publish; then what lies in the folder is published
    /// again. `while_dead` happens while there is no writer.
    pub(super) fn round(
        &mut self,
        share: (u64, u64),
        count: &mut Count,
        while_dead: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.begin_version()?;
        let pieces = self.die_within(self.whole.up * share.0 / share.1)?;
        count.kills += 1;
        count.halfway += u32::from(pieces > 1);
        while_dead(self)?;
        self.read_on()?;
        self.writer = Some(self.plan.start().context("start the writer again")?);
        self.settle()
    }

    /// Publishes, and kills the writer when so many bytes have reached it; returns how many pieces of the chain had
    /// been begun.
    fn die_within(&mut self, bytes: u64) -> anyhow::Result<u32> {
        let place = Place {
            way: Way::Up,
            bytes,
        };
        let wire = Wire::lay(self.writer()?.address(), Some(place))?;
        let folder = self.lesson.folder().to_string_lossy().into_owned();
        let url = wire.url();
        let mut publish = self.steward.start(&["publish", &folder, "--to", &url])?;
        testkit::wait_for("the moment", PATIENCE, || {
            if wire.is_stopped() {
                return Ok(Some(()));
            }
            let is_running = publish.is_running()?;
            anyhow::ensure!(
                is_running,
                "the publish was over before: {}",
                publish.stderr()
            );
            Ok(None)
        })?;
        self.take_writer()?.kill()?;
        let pieces = wire.passed().pieces;
        drop(wire);
        let status = publish.wait(PATIENCE)?;
        let complaint = publish.stderr();
        anyhow::ensure!(
            !status.success() && complaint.contains("CH-"),
            "a publisher whose doorway died ended with {status}: {complaint}"
        );
        Ok(pieces)
    }

    /// Publishes what lies in the folder until it is done, and waits until the copies show the same.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        let url = self.writer()?.url();
        self.steward.publish(self.lesson.folder(), &url)?;
        let mut client = self.writer()?.client();
        self.lesson.check(&mut client).context("the writer")?;
        let wanted = dump::of(&mut client, WORD, Detail::Signed)?;
        for (number, copy) in self.copies.iter_mut().enumerate() {
            let mut last = Ok(());
            let waited = testkit::wait_for("the same as at the writer", PATIENCE, || {
                copy.check()?;
                let found = dump::of(&mut copy.server.client(), WORD, Detail::Signed)?;
                last = dump::compare(&found, &wanted);
                Ok(last.is_ok().then_some(()))
            });
            let waited = waited.or_else(|error| last.and(Err(error)));
            waited.with_context(|| format!("copy {number}"))?;
            self.lesson.check(&mut copy.server.client())?;
            copy.pass(1)
                .with_context(|| format!("readers of copy {number}"))?;
        }
        Ok(())
    }

    /// Lets the copies answer for a while.
    pub(super) fn read_on(&mut self) -> anyhow::Result<()> {
        for (number, copy) in self.copies.iter_mut().enumerate() {
            let passed = copy.pass(ANSWERS_MEANWHILE);
            passed.with_context(|| format!("readers of copy {number}"))?;
        }
        Ok(())
    }

    /// Writes the next version into the folder.
    pub(super) fn begin_version(&mut self) -> anyhow::Result<()> {
        self.lesson.advance()?;
        self.newest.store(self.lesson.version(), Ordering::SeqCst);
        Ok(())
    }

    /// Kills a copy and starts it again, as it is: it must serve at once.
    pub(super) fn restart_copy(&mut self, index: usize) -> anyhow::Result<()> {
        let mut copy = self.copies.remove(index);
        copy.hush()?;
        copy.server.kill()?;
        copy.server = copy.plan.start().context("start the copy again")?;
        let (is_ready, view) = copy.server.readiness()?;
        anyhow::ensure!(is_ready, "a copy that was complete is not ready: {view}");
        let readers = Readers::start(copy.server.address(), &copy.seen, &self.newest)?;
        copy.readers = Some(readers);
        self.copies.insert(index, copy);
        Ok(())
    }

    /// Stops all readers.
    pub(super) fn hush(&mut self) -> anyhow::Result<()> {
        self.copies.iter_mut().try_for_each(Copy::hush)
    }

    /// Stops everything and adds up what was seen.
    pub(super) fn close(self, count: &mut Count) -> anyhow::Result<()> {
        for mut copy in self.copies {
            copy.hush()?;
            count.answers += copy.seen.answers();
            let (pages, versions) = copy.seen.distinct();
            count.pages = count.pages.max(pages);
            count.versions = count.versions.max(versions);
            copy.server.end().context("end a copy")?;
        }
        match self.writer {
            Some(writer) => writer.end().context("end the writer"),
            None => Ok(()),
        }
    }
}
