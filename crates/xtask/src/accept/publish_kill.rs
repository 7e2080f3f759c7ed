//! SIGKILL in the middle of a publish and a second `publish` end in the same state as an undisturbed one.
//!
//! One undisturbed publish is written down: what readers see of it, and how long its conversation is.
//! Then, each time in a new community, the publisher dies at a chosen byte of the conversation, or while it signs; in
//! its second attempt the doorway dies and starts again over the same folder; the attempt after that is left alone.
//! What readers see then, and the author's chain, must be what they were without any death.

mod course;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use testkit::Process;

use super::Stage;
use super::community::{Community, First, Person, list, number, text};
use super::dump::{self, Detail};
use super::wire::{Passed, Place, Way, Wire};

/// How long a chosen byte may take to come.
const PATIENCE: Duration = Duration::from_secs(300);

/// A word that stands on every page of the course.
const WORD: &str = "commonplace";

/// An undisturbed publish.
struct Undisturbed {
    lines: Vec<String>,
    records: u64,
    passed: Passed,
}

/// What was counted.
#[derive(Default)]
struct Deaths {
    publishers: u32,
    among_files: u32,
    while_signing: u32,
    while_sending: u32,
    doorways: u32,
}

/// When the publisher dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// At a byte of the conversation.
    At(Place),
    /// Some time after its last file was answered: while it signs.
    Signing {
        /// Bytes there that are enough for the files, and not for asking about the chain.
        up: u64,
        /// Bytes back until the last file was answered.
        down: u64,
        /// How long after.
        after_us: u64,
    },
}

/// By how many bytes a conversation may differ from another one up to the same point.
const SLACK_BYTES: u64 = 64;

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let (pages, kills) = if stage.is_full { (400, 40) } else { (60, 6) };
    let folder = stage.scratch.join("course");
    course::write(&folder, pages)?;
    let undisturbed = undisturbed(stage, &folder, pages)?;
    let mut deaths = Deaths::default();
    for kill in 0..kills {
        let moments = (
            moment(kill, kills, undisturbed.passed),
            doorway_moment(kill, kills, undisturbed.passed),
        );
        let round = round(stage, &folder, &undisturbed, kill, moments, &mut deaths);
        round.with_context(|| format!("death {kill} of {kills}: {moments:?}"))?;
    }
    let Deaths {
        publishers,
        among_files,
        while_signing,
        while_sending,
        doorways,
    } = deaths;
    anyhow::ensure!(
        publishers == kills,
        "{publishers} of {kills} publishers died"
    );
    anyhow::ensure!(
        2 * doorways >= kills,
        "{doorways} of {kills} doorways died in the midst of a publish"
    );
    let phases = [among_files, while_signing, while_sending];
    anyhow::ensure!(
        phases.iter().all(|count| *count > 0),
        "deaths by phase: {phases:?}"
    );
    Ok(format!(
        "{publishers} SIGKILLs of a publish of {pages} pages ({among_files} among its files, {while_signing} while it \
         signed, {while_sending} while it sent its chain) and {doorways} of the doorway in the publish after it; the \
         next one ended {kills} times with the same {} lines of items, texts, files and hits and the same whole \
         chain of {} records as without any death",
        undisturbed.lines.len(),
        undisturbed.records,
    ))
}

/// Spreads the deaths over the conversation: by what was sent, by what was answered, and over the signing.
fn moment(kill: u32, kills: u32, whole: Passed) -> Moment {
    let share = |bytes: u64| (bytes * u64::from(2 * kill + 1)) / u64::from(2 * kills);
    match kill % 3 {
        0 => Moment::At(Place {
            way: Way::Up,
            bytes: share(whole.up),
        }),
        1 => Moment::At(Place {
            way: Way::Down,
            bytes: share(whole.down),
        }),
        _ => {
            let (up, down) = whole.when_signed.unwrap_or((whole.up, whole.down));
            Moment::Signing {
                up: up + SLACK_BYTES,
                down: down.saturating_sub(SLACK_BYTES),
                after_us: u64::from(kill / 3) * 1_500,
            }
        }
    }
}

/// Spreads the doorway's deaths the other way round, so that early ones meet late ones.
fn doorway_moment(kill: u32, kills: u32, whole: Passed) -> Place {
    let share = |bytes: u64| (bytes * u64::from(kills - kill)) / u64::from(2 * kills);
    if kill.is_multiple_of(2) {
        Place {
            way: Way::Up,
            bytes: share(whole.up),
        }
    } else {
        Place {
            way: Way::Down,
            bytes: share(whole.down),
        }
    }
}

/// Publishes once and writes down what there is then.
fn undisturbed(stage: &Stage<'_>, folder: &Path, pages: u32) -> anyhow::Result<Undisturbed> {
    let steward = Person::new(stage, "undisturbed");
    let community = Community::start(&steward, First::Nothing)?;
    let wire = Wire::lay(community.address(), None)?;
    let told = steward.publish(folder, &wire.url())?;
    anyhow::ensure!(number(&told, "/pages/new")? == u64::from(pages), "{told}");
    let passed = wire.passed();
    drop(wire);
    let lines = dump::of(&mut community.client(), WORD, Detail::Shown)?;
    let found = lines
        .iter()
        .filter(|line| line.starts_with("found "))
        .count();
    anyhow::ensure!(
        found == pages as usize,
        "{found} of {pages} pages are found"
    );
    let records = chain_of(&steward, &community)?;
    community.end()?;
    Ok(Undisturbed {
        lines,
        records,
        passed,
    })
}

/// One community: the publisher dies, the doorway dies, the third attempt is left alone.
fn round(
    stage: &Stage<'_>,
    folder: &Path,
    undisturbed: &Undisturbed,
    kill: u32,
    (moment, doorway_place): (Moment, Place),
    deaths: &mut Deaths,
) -> anyhow::Result<()> {
    let steward = Person::new(stage, &format!("round-{kill}"));
    let community = Community::start(&steward, First::Nothing)?;
    let passed = kill_publisher(&steward, &community, folder, moment)?;
    deaths.publishers += 1;
    let has_all_files = matches!(moment, Moment::Signing { .. });
    if passed.pieces > 0 {
        deaths.while_sending += 1;
    } else if has_all_files {
        deaths.while_signing += 1;
    } else {
        deaths.among_files += 1;
    }
    let was_midst = kill_doorway(&steward, community, folder, doorway_place)?;
    deaths.doorways += u32::from(was_midst);

    let community = Community::start(&steward, First::Nothing)?;
    steward.publish(folder, &community.url())?;
    let lines = dump::of(&mut community.client(), WORD, Detail::Shown)?;
    dump::compare(&lines, &undisturbed.lines)?;
    let records = chain_of(&steward, &community)?;
    anyhow::ensure!(
        records == undisturbed.records,
        "the chain has {records} records, and {} without any death",
        undisturbed.records,
    );
    let again = steward.publish(folder, &community.url())?;
    anyhow::ensure!(number(&again, "/records_sent")? == 0, "{again}");
    community.end()
}

/// Starts a publish and kills it at its moment; it must not have ended before. Returns what had passed then.
fn kill_publisher(
    steward: &Person<'_>,
    community: &Community,
    folder: &Path,
    moment: Moment,
) -> anyhow::Result<Passed> {
    let place = match moment {
        Moment::At(place) => place,
        Moment::Signing { up, .. } => Place {
            way: Way::Up,
            bytes: up,
        },
    };
    let wire = Wire::lay(community.address(), Some(place))?;
    let mut publish = start(steward, folder, &wire)?;
    let has_come = testkit::wait_for("the moment", PATIENCE, || {
        if !publish.is_running()? {
            return Ok(Some(false));
        }
        let is_now = match moment {
            Moment::At(_) => wire.is_stopped(),
            Moment::Signing { down, .. } => wire.passed().down >= down,
        };
        Ok(is_now.then_some(true))
    })?;
    if let Moment::Signing { after_us, .. } = moment {
        std::thread::park_timeout(Duration::from_micros(after_us));
    }
    publish.kill()?;
    let complaint = publish.stderr();
    anyhow::ensure!(
        has_come,
        "the publish was over before it was to die: {complaint}"
    );
    Ok(wire.passed())
}

/// Publishes again and kills the doorway in the midst of it; returns whether the publish was still going on.
fn kill_doorway(
    steward: &Person<'_>,
    community: Community,
    folder: &Path,
    place: Place,
) -> anyhow::Result<bool> {
    let wire = Wire::lay(community.address(), Some(place))?;
    let mut publish = start(steward, folder, &wire)?;
    let came = testkit::wait_for("the moment", PATIENCE, || {
        if wire.is_stopped() {
            return Ok(Some(true));
        }
        Ok((!publish.is_running()?).then_some(false))
    })?;
    community.kill()?;
    drop(wire);
    let status = publish.wait(PATIENCE)?;
    if came {
        anyhow::ensure!(
            matches!(status.code(), Some(1 | 2)) && publish.stderr().contains("CH-"),
            "a publisher whose doorway died ended with {status}: {}",
            publish.stderr(),
        );
    } else {
        anyhow::ensure!(
            status.success(),
            "it ended with {status}: {}",
            publish.stderr()
        );
    }
    Ok(came)
}

fn start(steward: &Person<'_>, folder: &Path, wire: &Wire) -> anyhow::Result<Process> {
    steward.start(&["publish", &folder.to_string_lossy(), "--to", &wire.url()])
}

/// Verifies the author's whole chain; returns how many records it has.
fn chain_of(steward: &Person<'_>, community: &Community) -> anyhow::Result<u64> {
    let pages = list(&mut community.client(), "content")?;
    let author = text(pages.first().context("there are pages")?, "/author")?;
    let chain = format!("{}/api/v1/chains/{author}", community.url());
    let told = steward.json(&["verify", &chain])?;
    let records = text(&told, "/facts/records")?;
    records.parse().with_context(|| told.to_string())
}
