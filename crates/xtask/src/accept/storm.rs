//! Many at the same time, and some who mean harm: what lies behind a doorway is asked once, and memory stays bounded.
//!
//! The doorway is a copy that reads PostgreSQL over a line which holds back every question, so that whatever is asked
//! there takes long; without PostgreSQL it is a doorway of its own. Its own counters say how often it asked.

mod crowd;
mod drip;
mod line;
mod meter;
mod missing;
mod slow;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use testkit::servers::Postgres;

use super::community::Person;
use super::doorway::{Plan, Server};
use super::lesson::Lesson;
use super::{Stage, files};
use drip::Drips;
use line::Line;

/// How long something that is to come may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the line holds back what is asked.
const HELD_BACK: Duration = Duration::from_millis(200);

/// Length of the blob that is read slowly, in bytes.
const BLOB_BYTES: usize = 50 * 1_024 * 1_024;

/// Pages of the course.
const PAGES: u32 = 6;

/// Most files and connections that are open here at once.
const FILES_MAX: u64 = 8_192;

/// How large it is.
#[derive(Clone, Copy, Debug)]
struct Size {
    clients: usize,
    missing: usize,
    slow: usize,
    drips: usize,
}

/// The doorway in the storm, and what is behind it.
struct Behind<'a> {
    doorway: Server,
    writer: Option<Server>,
    line: Option<Line>,
    // Dropped last: the others use it.
    _postgres: Option<Postgres>,
    _steward: Person<'a>,
}

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let size = if stage.is_full {
        Size {
            clients: 1_000,
            missing: 10_000,
            slow: 1_000,
            drips: 200,
        }
    } else {
        Size {
            clients: 200,
            missing: 2_000,
            slow: 200,
            drips: 200,
        }
    };
    raise_limit()?;
    let blob = blob();
    let behind = open(stage, &blob)?;
    let address = behind.doorway.address();
    let steward = behind.doorway.steward()?;
    let mut meter = meter::Meter::new(steward);

    if let Some(line) = &behind.line {
        line.hold_back(HELD_BACK);
    }
    let crowd = crowd::ask_at_once(address, &mut meter, size.clients)?;
    if let Some(line) = &behind.line {
        line.hold_back(Duration::ZERO);
    }
    let drips = Drips::start(address, size.drips)?;
    let missing = missing::ask(address, &mut meter, size.missing)?;
    let slow = slow::read(&behind.doorway, &blob, size.slow)?;
    let dripped = drips.wait(address)?;
    close(behind).context("after the storm")?;
    Ok(format!("{crowd}; {missing}; {slow}; {dripped}"))
}

/// Makes bytes that cannot be packed and differ everywhere.
fn blob() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        // Marsaglia's xorshift with the shifts 13, 7 and 17.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(BLOB_BYTES).collect()
}

/// Publishes a course with a large file, and starts the doorway in the storm.
fn open<'a>(stage: &'a Stage<'a>, blob: &[u8]) -> anyhow::Result<Behind<'a>> {
    let steward = Person::new(stage, "steward");
    let folder = stage.scratch.join("lesson");
    let lesson = Lesson::write(folder.clone(), PAGES, 0)?;
    std::fs::write(folder.join("everything.zip"), blob).context("write the large file")?;
    files::replace(
        &folder.join("page-0000.md"),
        "The end of",
        "[Everything](everything.zip)\n\nThe end of",
    )?;
    let plan = Plan::new(&steward, steward.home().join("community"));
    let Some(postgres) = Postgres::start()? else {
        let doorway = plan.start()?;
        steward.publish(lesson.folder(), &doorway.url())?;
        return Ok(Behind {
            doorway,
            writer: None,
            line: None,
            _postgres: None,
            _steward: steward,
        });
    };
    let url = postgres.database("storm")?;
    let writer = plan.with("DATABASE_URL", &url).start()?;
    steward.publish(lesson.folder(), &writer.url())?;
    let line = Line::lay(SocketAddr::from(([127, 0, 0, 1], postgres.port())))?;
    let slow_url = url.replace(
        &format!(":{}/", postgres.port()),
        &format!(":{}/", line.port()),
    );
    anyhow::ensure!(slow_url != url, "{url} names no port");
    let data = stage.scratch.join("copy");
    let doorway = Plan::new(&steward, data).reading(&slow_url).start()?;
    doorway.wait_until_ready(PATIENCE)?;
    Ok(Behind {
        doorway,
        writer: Some(writer),
        line: Some(line),
        _postgres: Some(postgres),
        _steward: steward,
    })
}

fn close(behind: Behind<'_>) -> anyhow::Result<()> {
    behind.doorway.end()?;
    drop(behind.line);
    behind.writer.map_or(Ok(()), Server::end)
}

/// Lets this process have as many connections as it needs.
fn raise_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= FILES_MAX) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(maximum.map_or(FILES_MAX, |maximum| maximum.min(FILES_MAX))),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).context("raise the number of open files")
}
