//! One writer and two copies serve a course while the writer is killed in the middle of a publish, again and again.
//!
//! It happens twice: with copies that read the writer's PostgreSQL, and with copies that follow it and have a store of
//! their own. At each copy readers read all that is listed, all the time: any refusal, any broken connection, any text
//! that is not exactly one of those that were published, and any step back fails the scenario.
//! With PostgreSQL, two doorways that want to write the same database are kept apart as well.

mod readers;
mod rounds;
mod standby;

use testkit::servers::{Postgres, free_port};

use super::Stage;
use super::community::Person;
use super::doorway::Plan;
use super::lesson::Lesson;
use rounds::{COPIES, Count, Stand};
use standby::Standby;

/// Records in one piece of a chain: few, so that a death leaves some pages new and others old.
const PIECE_RECORDS: u32 = 16;

/// How large it is.
#[derive(Clone, Copy, Debug)]
struct Size {
    rounds: u32,
    pages: u32,
    added: u32,
}

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let size = if stage.is_full {
        Size {
            rounds: 5,
            pages: 50,
            added: 5,
        }
    } else {
        Size {
            rounds: 2,
            pages: 16,
            added: 2,
        }
    };
    let Some(postgres) = Postgres::start()? else {
        let count = followed(stage, size)?;
        return Ok(format!(
            "{}; the part with PostgreSQL was left out: it is not on this machine",
            told("that follow", count)
        ));
    };
    let (mut shared, standby) = shared(stage, size, &postgres)?;
    // Meanwhile the dead writer's time runs out.
    let followed = followed(stage, size)?;
    standby.take_over(&mut shared)?;
    Ok(format!(
        "{}; a second writer of the same database was refused for another community and stood by for the same one, \
         until the first was dead; {}",
        told("of one PostgreSQL", shared),
        told("that follow", followed),
    ))
}

fn told(which: &str, count: Count) -> String {
    let Count {
        kills,
        halfway,
        answers,
        pages,
        versions,
    } = count;
    format!(
        "{COPIES} copies {which}: {kills} SIGKILLs of the writer within a publish ({halfway} of them with a part of the \
         chain stored), {answers} requests answered, none refused, {pages} pages seen in {versions} versions all \
         together at one copy, 0 lost, doubled, wrong or older ones"
    )
}

/// Returns how the writer is started: it comes back to the same port.
fn writer<'a>(steward: &Person<'a>) -> anyhow::Result<Plan<'a>> {
    let plan = Plan::new(steward, steward.home().join("community"));
    let plan = plan.with("CHAIN_RECORDS_MAX", PIECE_RECORDS.to_string());
    Ok(plan.at(free_port()?))
}

/// Returns at which share of the conversation the writer dies in a round.
fn share(round: u32, rounds: u32) -> (u64, u64) {
    (u64::from(2 * round + 1), u64::from(2 * rounds))
}

/// Copies that read the database of the writer.
fn shared<'a>(
    stage: &'a Stage<'a>,
    size: Size,
    postgres: &Postgres,
) -> anyhow::Result<(Count, Standby<'a>)> {
    let steward = Person::new(stage, "shared");
    let lesson = Lesson::write(stage.scratch.join("shared-lesson"), size.pages, size.added)?;
    let url = postgres.database("replicas")?;
    let plan = writer(&steward)?.with("DATABASE_URL", &url);
    let mut stand = Stand::open(steward.clone(), lesson, plan)?;
    for number in 0..COPIES {
        let data = stage.scratch.join(format!("shared-copy-{number}"));
        stand.add_copy(Plan::new(&steward, data).reading(&url))?;
    }
    let mut count = Count::default();
    for round in 0..size.rounds {
        stand.round(share(round, size.rounds), &mut count, |_| Ok(()))?;
    }
    let standby = Standby::start(stage, stand, &url)?;
    Ok((count, standby))
}

/// Copies that follow the writer.
fn followed(stage: &Stage<'_>, size: Size) -> anyhow::Result<Count> {
    let steward = Person::new(stage, "followed");
    let lesson = Lesson::write(
        stage.scratch.join("followed-lesson"),
        size.pages,
        size.added,
    )?;
    let mut stand = Stand::open(steward.clone(), lesson, writer(&steward)?)?;
    let url = stand.writer()?.url();
    for number in 0..COPIES {
        let data = stage.scratch.join(format!("following-copy-{number}"));
        stand.add_copy(Plan::new(&steward, data).following(&url))?;
    }
    let mut count = Count::default();
    for round in 0..size.rounds {
        // One of them is killed too, and comes back while there is nobody to follow.
        let restart = |stand: &mut Stand<'_>| stand.restart_copy(round as usize % COPIES);
        stand.round(share(round, size.rounds), &mut count, restart)?;
    }
    stand.close(&mut count)?;
    Ok(count)
}
