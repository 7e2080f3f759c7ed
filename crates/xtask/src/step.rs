//! Runs other programs, tells what they are for and how long they took.
//!
//! Invariant: a step's output reaches the terminal as it comes; nothing is held back until the end.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How long each step took, for the table at the end.
#[derive(Default)]
pub(crate) struct Times {
    rows: Vec<(String, Duration, bool)>,
}

impl Times {
    /// Runs a step and notes its time, whether it succeeds or not.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        step: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        println!("── {name}");
        let started = Instant::now();
        let result = step();
        self.rows
            .push((name.to_owned(), started.elapsed(), result.is_ok()));
        result
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, time, is_ok) in &self.rows {
            let verdict = if *is_ok { "ok" } else { "FAILED" };
            writeln!(formatter, "{name:<24} {:>9}  {verdict}", minutes(*time))?;
        }
        Ok(())
    }
}

/// Writes a duration as a person says it: `4 min 7 s`, `12.3 s`.
pub(crate) fn minutes(time: Duration) -> String {
    if time.as_secs() < 60 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
}

/// Runs a program whose output goes straight to the terminal.
///
/// # Errors
/// When it cannot be started or ends with another status than 0; the error holds the whole command line.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    let status = command.status().with_context(|| format!("start: {line}"))?;
    anyhow::ensure!(status.success(), "failed ({status}): {line}");
    Ok(())
}

/// Runs a program, passes its output on, and returns the lines for which `keep` holds, with whether it succeeded.
///
/// # Errors
/// When it cannot be started or its output cannot be passed on.
pub(crate) fn tee(
    command: &mut Command,
    keep: fn(&str) -> bool,
) -> anyhow::Result<(bool, Vec<String>)> {
    let line = line(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start: {line}"))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    let (said, complained) = std::thread::scope(|scope| {
        let complaints = scope.spawn(|| pass_on(stderr, keep));
        let said = pass_on(stdout, keep);
        (
            said,
            complaints.join().expect("passing lines on does not panic"),
        )
    });
    let status = child.wait().with_context(|| format!("wait for: {line}"))?;
    let mut kept = said?;
    kept.extend(complained?);
    Ok((status.success(), kept))
}

fn pass_on(from: impl Read, keep: fn(&str) -> bool) -> anyhow::Result<Vec<String>> {
    let mut kept = Vec::new();
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let mut terminal = std::io::stdout().lock();
        terminal.write_all(text.as_bytes())?;
        terminal.flush()?;
        if keep(text.trim()) {
            kept.push(text.trim().to_owned());
        }
        bytes.clear();
    }
    Ok(kept)
}

/// Returns a command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let is_plain =
            !word.is_empty() && !word.contains([' ', '*', '"', '\'', '$', '&', ';', '(', ')']);
        if is_plain {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
