//! Two doorways that want to write one database: a stranger is refused, a twin stands by until the writer is dead.

use anyhow::Context as _;
use testkit::servers::free_port;

use super::rounds::{Count, PATIENCE, Stand};
use crate::accept::community::Person;
use crate::accept::doorway::{Plan, Server};
use crate::accept::{Stage, files};

/// A doorway that waits for the death of another one, which has come.
pub(super) struct Standby<'a> {
    stand: Stand<'a>,
    twin: Server,
}

impl<'a> Standby<'a> {
    /// Starts a twin of the writer over a copy of its folder; it must stand by. Then the writer is killed.
    pub(super) fn start(
        stage: &'a Stage<'a>,
        mut stand: Stand<'a>,
        database: &str,
    ) -> anyhow::Result<Self> {
        refuse_a_stranger(stage, database)?;
        stand.take_writer()?.end().context("end the writer")?;
        let copied = stage.scratch.join("twin");
        files::copy(stand.plan.data(), &copied)?;
        let writer = stand.plan.start().context("start the writer again")?;
        writer.wait_until_ready(PATIENCE)?;
        let plan = Plan::new(&stand.steward, copied).at(free_port()?);
        let twin = plan
            .with("DATABASE_URL", database)
            .start()
            .context("start a twin")?;
        anyhow::ensure!(
            status(&writer)? == "online" && status(&twin)? == "standby",
            "two doorways of one database are {} and {}",
            health(&writer)?,
            health(&twin)?,
        );
        stand.put_writer(writer);
        stand.begin_version()?;
        let folder = stand.lesson.folder().to_string_lossy().into_owned();
        let ran = stand
            .steward
            .run(&["publish", &folder, "--to", &twin.url()])?;
        anyhow::ensure!(
            !ran.status.success() && ran.stderr.contains("CH-0408"),
            "a publish to a doorway that stands by ended with {}: {}{}",
            ran.status,
            ran.stdout,
            ran.stderr,
        );
        stand.take_writer()?.kill()?;
        stand.read_on()?;
        stand.hush()?;
        Ok(Self { stand, twin })
    }

    /// Waits until the twin writes; what is published there now is shown by the copies.
    ///
    /// The pictures are left out: the copies fetch them where the first writer said that it was.
    pub(super) fn take_over(self, count: &mut Count) -> anyhow::Result<()> {
        let Self { mut stand, twin } = self;
        testkit::wait_for("the twin to take over", PATIENCE, || {
            Ok((status(&twin)? == "online").then_some(()))
        })?;
        stand.steward.publish(stand.lesson.folder(), &twin.url())?;
        stand.lesson.check(&mut twin.client()).context("the twin")?;
        for (number, copy) in stand.copies.iter().enumerate() {
            let mut last = Ok(());
            let waited = testkit::wait_for("what was published", PATIENCE, || {
                last = stand.lesson.check(&mut copy.server.client());
                Ok(last.is_ok().then_some(()))
            });
            let waited = waited.or_else(|error| last.and(Err(error)));
            waited.with_context(|| format!("copy {number} after the twin took over"))?;
        }
        stand.put_writer(twin);
        stand.close(count)
    }
}

/// Another community must not write this database.
fn refuse_a_stranger(stage: &Stage<'_>, database: &str) -> anyhow::Result<()> {
    let stranger = Person::new(stage, "stranger");
    let plan = Plan::new(&stranger, stranger.home().join("community"));
    let (ended, said) = plan.with("DATABASE_URL", database).refused()?;
    anyhow::ensure!(
        !ended.success() && said.contains("CH-"),
        "another community on the same database ended with {ended}: {said}"
    );
    Ok(())
}

fn health(server: &Server) -> anyhow::Result<serde_json::Value> {
    server.client().json("/health")
}

fn status(server: &Server) -> anyhow::Result<String> {
    Ok(health(server)?["status"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}
