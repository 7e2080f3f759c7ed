//! `commonhold blob put` of a folder is interrupted again and again, and sends nothing twice that was acknowledged.
//!
//! A relay between the command and the node keeps the books: which bytes of which blob passed, and which of them the
//! node acknowledged. At chosen places nothing passes any more, and the command gets Ctrl-C or SIGKILL in turn.
//! The last run is left alone; what `get` brings back is compared with the source byte by byte.

mod content;
mod ledger;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use serde_json::Value;
use testkit::Process;

use super::Stage;
use super::community::{END, Person, READY, number, text};
use content::Size;
use ledger::{Counted, Ledger};

/// How long a chosen place may take to come, and a command to end.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// What a shell expects of a command that Ctrl-C ended.
const STATUS_INTERRUPTED: i32 = 130;

/// Most bytes of one request that are under way, and most requests at once.
const PIECE_BYTES_MAX: u64 = 8 * 1024 * 1024;
const SENDS_MAX: u64 = 8;

/// Longest line of a manifest about one of these files, in bytes.
const MANIFEST_LINE_BYTES_MAX: u64 = 256;

/// The tag under which the folder is kept.
const TAG: &str = "films/all";

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let (size, interruptions) = if stage.is_full {
        (Size::FULL, 10)
    } else {
        (Size::SMALL, 4)
    };
    let source = stage.scratch.join("source");
    let fetched = stage.scratch.join("fetched");
    let held = interrupted(stage, &source, &fetched, size, interruptions);
    // Gigabytes are of no use to whoever looks for a fault: they can be made again.
    for folder in [&source, &fetched, &stage.scratch.join("data")] {
        std::fs::remove_dir_all(folder).ok();
    }
    held
}

fn interrupted(
    stage: &Stage<'_>,
    source: &Path,
    fetched: &Path,
    size: Size,
    interruptions: u32,
) -> anyhow::Result<String> {
    let made = content::write(source, size).context("write the folder")?;
    let person = Person::new(stage, "person");
    let data = stage.scratch.join("data");
    let words = ["storage", "--listen", "127.0.0.1:0", "--data"];
    let mut node = person.start(&[&words[..], &[&data.to_string_lossy()]].concat())?;
    let address = node.wait_for_address(READY)?;
    let ledger = Ledger::open(address)?;
    interrupt_often(&person, source, &ledger, &made, interruptions)?;
    ledger.stop_nowhere();
    let told = person.json(&put_words(source, &ledger.url()))?;
    let counted = ledger.counted();
    check(&told, counted, &made, u64::from(interruptions))?;
    // Once more: everything is there.
    let again = person.json(&put_words(source, &ledger.url()))?;
    anyhow::ensure!(number(&again, "/bytes_sent")? == 0, "{again}");
    anyhow::ensure!(
        ledger.counted() == counted,
        "a put of what is there sent something"
    );
    drop(ledger);
    // It can be made again from its seeds, and room for three times five gigabytes is not everywhere.
    std::fs::remove_dir_all(source)?;
    let direct = format!("http://{address}");
    let folder = fetched.to_string_lossy();
    person.json(&["blob", "get", TAG, "-o", &folder, "--to", &direct])?;
    let compared = content::compare(fetched, size)?;
    anyhow::ensure!(
        compared == made.files,
        "{compared} of {} files came back",
        made.files
    );
    node.terminate()?;
    let status = node.wait(END)?;
    anyhow::ensure!(
        status.success(),
        "asked to end, the node ended with {status}"
    );
    Ok(format!(
        "{} files with {} bytes, interrupted {interruptions} times by Ctrl-C and SIGKILL in turn: {} bytes were sent \
         in all, {} acknowledged, {} sent again and none of those had been acknowledged; {} half files were gone on \
         with in the middle; {compared} files came back byte for byte",
        made.files,
        made.bytes,
        counted.passed,
        counted.acknowledged,
        counted.passed - counted.acknowledged,
        counted.resumed,
    ))
}

/// Starts a put again and again, and interrupts each.
fn interrupt_often(
    person: &Person<'_>,
    source: &Path,
    ledger: &Ledger,
    made: &content::Made,
    interruptions: u32,
) -> anyhow::Result<()> {
    let mut before = Counted::default();
    for number in 0..interruptions {
        let signal = if number.is_multiple_of(2) {
            Signal::INT
        } else {
            Signal::KILL
        };
        ledger.stop_after(made.bytes / u64::from(interruptions + 1));
        let put = person.start(&put_words(source, &ledger.url()))?;
        interrupt(put, ledger, signal).with_context(|| {
            format!(
                "interruption {} of {interruptions}, by {signal:?}",
                number + 1
            )
        })?;
        let now = ledger.counted();
        anyhow::ensure!(
            now.acknowledged > before.acknowledged,
            "nothing was acknowledged before interruption {number}: {now:?}"
        );
        before = now;
    }
    Ok(())
}

fn put_words<'a>(source: &'a Path, url: &'a str) -> Vec<&'a str> {
    let source = source.to_str().expect("the scratch folder is ASCII");
    vec!["blob", "put", source, "--tag", TAG, "--to", url]
}

/// Waits until nothing passes any more, and interrupts the command.
fn interrupt(mut put: Process, ledger: &Ledger, signal: Signal) -> anyhow::Result<()> {
    testkit::wait_for("the chosen place", PATIENCE, || {
        anyhow::ensure!(
            put.is_running()?,
            "the put was over before: {}",
            put.stderr()
        );
        Ok(ledger.is_stopped().then_some(()))
    })?;
    put.signal(signal)?;
    let status = put.wait(PATIENCE)?;
    if signal == Signal::INT {
        anyhow::ensure!(
            status.code() == Some(STATUS_INTERRUPTED),
            "after Ctrl-C it ended with {status}: {}",
            put.stderr()
        );
        let said = put.stderr();
        anyhow::ensure!(
            said.contains("Interrupted. ") && said.contains("Go on with: commonhold blob put "),
            "after Ctrl-C it said {said:?}"
        );
    }
    ledger.settle(PATIENCE)
}

/// Compares the books with what there was to send, and with what the last run says.
fn check(
    told: &Value,
    counted: Counted,
    made: &content::Made,
    interruptions: u64,
) -> anyhow::Result<()> {
    anyhow::ensure!(text(told, "/tier")? == "accepted", "{told}");
    anyhow::ensure!(number(told, "/bytes")? == made.bytes, "{told}");
    anyhow::ensure!(
        counted.again == 0,
        "{} bytes were sent although they had been acknowledged: {counted:?}",
        counted.again
    );
    // The manifest is the one blob that is no file.
    let manifest = counted.acknowledged.checked_sub(made.unique_bytes);
    anyhow::ensure!(
        manifest.is_some_and(|bytes| 0 < bytes && bytes < MANIFEST_LINE_BYTES_MAX * made.files),
        "{} bytes were acknowledged, and the files have {}",
        counted.acknowledged,
        made.unique_bytes
    );
    let wasted = counted.passed - counted.acknowledged;
    let wasted_max = interruptions * SENDS_MAX * PIECE_BYTES_MAX;
    anyhow::ensure!(wasted <= wasted_max, "{wasted} bytes were sent in vain");
    anyhow::ensure!(
        counted.resumed > 0,
        "no half file was gone on with: {counted:?}"
    );
    anyhow::ensure!(
        number(told, "/bytes_sent")? < made.bytes / 2,
        "the last run sent too much: {told}"
    );
    Ok(())
}
