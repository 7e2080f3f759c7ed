//! Ctrl-C: what was done so far is said, and how to go on.

use std::time::Duration;

use base::{Code, Problem};
use indicatif::HumanBytes;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::blob::place::Place;
use crate::blob::tally::{Counted, Stop, Tally};
use crate::output::{self, Outcome, Output, count};

/// The status with which shells expect a command to end that Ctrl-C ended.
const STATUS_INTERRUPTED: i32 = 130;

/// How long what nobody can go on with may be given up for.
const ABANDON_TIME: Duration = Duration::from_secs(2);

/// What a command does with blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moving {
    /// To the store.
    There,
    /// From the store.
    Here,
    /// A stream to the store, which cannot be sent again.
    Stream,
    /// A scrub, which the server goes on with.
    Scrub,
    /// A scrub in this process.
    Inside,
}

/// Work that Ctrl-C may interrupt, with what is said then.
pub(crate) struct Interruptible<'a> {
    pub(crate) output: &'a Output,
    pub(crate) place: &'a Place,
    pub(crate) tally: &'a Tally,
    pub(crate) stop: &'a Stop,
    pub(crate) moving: Moving,
}

impl Interruptible<'_> {
    /// Does the work; on Ctrl-C says how far it is and ends the process.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        // Heard from now on, before any work is begun.
        let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| {
            Problem::new(Code::Bug, format!("signals cannot be heard: {error}"))
        })?;
        tokio::select! {
            outcome = work => outcome,
            _ = interrupts.recv() => {
                self.stop.request();
                drop(tokio::time::timeout(ABANDON_TIME, self.place.abandon()).await);
                self.tally.hide();
                self.say();
                output::finish();
                // Threads that wait for standard input or for a disk would keep the process from ending.
                std::process::exit(STATUS_INTERRUPTED);
            }
        }
    }

    fn say(&self) {
        let counted = self.tally.counted();
        let again = command();
        let document = json!({
            "ok": false,
            "interrupted": true,
            "blobs": counted.blobs,
            "bytes": counted.bytes,
            "again": again,
        });
        self.output.result(&document, &[]);
        for line in lines(self.moving, counted, &again) {
            self.output.remark(&line);
        }
    }
}

/// Says how far a command came, and how to go on.
fn lines(moving: Moving, counted: Counted, again: &str) -> Vec<String> {
    let blobs = count(counted.blobs, "whole blob", "whole blobs");
    let bytes = HumanBytes(counted.bytes);
    match moving {
        Moving::There => vec![
            format!(
                "Interrupted. This time {bytes} were accepted, {blobs} among them; they are not sent again."
            ),
            format!("Go on with: {again}"),
        ],
        Moving::Here if counted.bytes == 0 => vec![
            "Interrupted. Nothing had come that could be kept.".to_owned(),
            format!("Begin again with: {again}"),
        ],
        Moving::Here => vec![
            format!(
                "Interrupted. This time {bytes} came, {blobs} among them; they are not fetched again."
            ),
            format!("Go on with: {again}"),
        ],
        Moving::Stream => vec![
            "Interrupted. Nothing was kept: what comes on standard input cannot be sent again."
                .to_owned(),
        ],
        Moving::Inside => vec!["Interrupted.".to_owned(), format!("Go on with: {again}")],
        Moving::Scrub => vec![
            "The scrub goes on at the server without you.".to_owned(),
            format!("Look again with: {again}"),
            "Stop it with: commonhold blob scrub --stop".to_owned(),
        ],
    }
}

/// Returns the command as it was typed, for another shell.
fn command() -> String {
    let mut words: Vec<String> = std::env::args_os()
        .map(|word| quoted(&word.to_string_lossy()))
        .collect();
    if let Some(program) = words.first_mut() {
        "commonhold".clone_into(program);
    }
    words.join(" ")
}

/// Quotes a word as a POSIX shell wants it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:@+=,%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
