//! A process stores blobs and says which were acknowledged; it dies by SIGKILL at a random moment; then the store is
//! opened and must have everything that was acknowledged, in this round and in all rounds before. Blobs that did not
//! change for some rounds are only counted, except in every twentieth round and in the last one: there each is read.
//!
//! In turn the rounds only write, write checkpoints all the time, and collect and compact all the time; those die while
//! they do so. Every fifth time the index is taken away before the store is opened, so that the log alone must tell.
//!
//! After some rounds a new store is begun: one that only grows would make each round longer than the one before.

mod books;
mod check;
mod work;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::content::{Draw, number};
use books::Books;

pub(crate) use work::Work;

/// What a process does beside storing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Beside {
    /// Nothing.
    Nothing,
    /// Checkpoints.
    Checkpoints,
    /// Collections and compactions.
    Collections,
}

/// In every such round, and in the last one, all blobs of all rounds are read.
const WHOLE_EVERY: u64 = 20;

/// After so many rounds a new store is begun.
const ROUNDS_OF_STORE: u64 = 40;

/// What was counted over all rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    acknowledged: u64,
    bytes: u64,
    under_way: u64,
    in_checkpoints: u64,
    in_collections: u64,
    torn: u64,
    rebuilt: u64,
    orphans: u64,
    looked_at: u64,
}

/// When a process dies.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// After so many acknowledgements, or after the beginning of so many checkpoints or collections.
    lines: u64,
    /// And this long after that.
    later: Duration,
}

/// Runs the trial.
pub(crate) fn run(folder: &Path, rounds: u64, seed: u64) -> anyhow::Result<String> {
    let mut draw = Draw::new(seed);
    let mut books = Books::default();
    let mut counted = Counted::default();
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    for round in 0..rounds {
        let (beside, moment) = draw_death(&mut draw, round);
        let is_whole = round % WHOLE_EVERY == WHOLE_EVERY - 1 || round + 1 == rounds;
        let is_rebuilt = round % 5 == 4;
        if round > 0 && round % ROUNDS_OF_STORE == 0 {
            empty(folder)?;
            books = Books::default();
        }
        let told = || {
            format!(
                "round {round} of {rounds}, {beside:?}, {moment:?}, index taken away: {is_rebuilt}"
            )
        };
        books.begin_round();
        live_and_die(
            folder,
            number(&[seed, round]),
            beside,
            moment,
            &mut books,
            &mut counted,
        )
        .with_context(told)?;
        if is_rebuilt {
            std::fs::remove_file(folder.join("index.redb")).or_else(missing_is_fine)?;
        }
        let checked = tokio
            .block_on(check::check(folder, &mut books, is_whole))
            .with_context(told)?;
        counted.torn += u64::from(checked.is_torn);
        counted.rebuilt += u64::from(checked.is_rebuilt);
        counted.orphans += checked.orphans;
        counted.looked_at += checked.looked_at;
    }
    anyhow::ensure!(
        counted.acknowledged > rounds,
        "hardly anything was acknowledged: {counted:?}"
    );
    let Counted {
        acknowledged,
        bytes,
        under_way,
        in_checkpoints,
        in_collections,
        torn,
        rebuilt,
        orphans,
        looked_at,
    } = counted;
    anyhow::ensure!(
        in_checkpoints > 0 && in_collections > 0,
        "nobody died in a checkpoint or a collection: {counted:?}"
    );
    Ok(format!(
        "{rounds} SIGKILLs ({in_checkpoints} in a checkpoint, {in_collections} in a collection or compaction) while \
         {acknowledged} changes with {bytes} bytes were acknowledged and {under_way} were under way; {torn} torn tails, \
         {orphans} files without a record, {rebuilt} indexes made again; in {looked_at} looks every acknowledged blob, \
         tag and removal of all rounds was there and right"
    ))
}

/// Draws what goes on in a round and when it ends.
fn draw_death(draw: &mut Draw, round: u64) -> (Beside, Moment) {
    let beside = match round % 4 {
        0 | 2 => Beside::Nothing,
        1 => Beside::Checkpoints,
        _ => Beside::Collections,
    };
    let moment = Moment {
        lines: match beside {
            Beside::Nothing => draw.within(1, 500),
            Beside::Checkpoints => draw.within(1, 6),
            Beside::Collections => draw.within(1, 7),
        },
        later: Duration::from_micros(draw.below(20_000)),
    };
    (beside, moment)
}

/// Removes everything in a folder.
fn empty(folder: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(folder).context("remove the store")?;
    std::fs::create_dir(folder).context("make its folder again")
}

fn missing_is_fine(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Starts a process, kills it at its moment, and enters into the books what it said.
fn live_and_die(
    folder: &Path,
    seed: u64,
    beside: Beside,
    moment: Moment,
    books: &mut Books,
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe().context("find this program")?);
    command
        .arg("sigkill-work")
        .arg(folder)
        .arg(seed.to_string());
    let value = beside
        .to_possible_value()
        .context("every value has a name")?;
    command.arg(value.get_name());
    // It ends by itself when its standard input does: should this process die, it is not left over.
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("start a process")?;
    let mut said = BufReader::new(child.stdout.take().context("its output is caught")?);
    let sign = match beside {
        Beside::Nothing => "=",
        Beside::Checkpoints | Beside::Collections => "% begins",
    };
    let mut seen = 0;
    let mut last_beside = String::new();
    let mut line = String::new();
    let mut is_dead = false;
    loop {
        line.clear();
        if said.read_line(&mut line).context("read what it says")? == 0 {
            break;
        }
        // A line without its end was cut off by the death: it says nothing.
        let Some(text) = line.strip_suffix('\n') else {
            break;
        };
        if text.starts_with('%') {
            text.clone_into(&mut last_beside);
        } else if let Some(bytes) = books.enter(text)? {
            counted.acknowledged += 1;
            counted.bytes += bytes;
        }
        seen += u64::from(text.starts_with(sign));
        if seen == moment.lines && !is_dead {
            std::thread::park_timeout(moment.later);
            child.kill().context("kill it")?;
            is_dead = true;
        }
    }
    let status = child.wait().context("wait for its end")?;
    anyhow::ensure!(is_dead, "it ended by itself with {status}");
    if last_beside.starts_with("% begins") {
        match beside {
            Beside::Nothing => {}
            Beside::Checkpoints => counted.in_checkpoints += 1,
            Beside::Collections => counted.in_collections += 1,
        }
    }
    counted.under_way += books.end_round(beside == Beside::Collections);
    Ok(())
}
