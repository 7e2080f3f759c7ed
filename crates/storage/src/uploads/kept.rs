//! What is written down of an upload: a few lines of text, sealed with their SHA-256.
//!
//! ```text
//! commonhold upload 1
//! namespace agent-0123
//! length 1000            or: length deferred
//! offset 500
//! expires 86400000000    time that was seen to pass, in microseconds
//! phase receiving        or: complete, ended, stored and the hash
//! seen 3600000000 1800000000000000
//! metadata filename Zmls      as in Upload-Metadata, empty for none
//! sha256 <hex of all lines before>
//! ```
//!
//! Invariant: what was torn or changed is not read, and what is read has one form; it never panics, whatever the bytes.

use base::{ContentHash, Timestamp};
use storage_core::clock::SlowTime;
use storage_core::namespace::Namespace;
use storage_core::upload::{Length, Limits, Metadata, Snapshot, SnapshotPhase};
use thiserror::Error;

/// The first line; the number is the version of the format.
const HEAD: &str = "commonhold upload 1";

/// Longest file that is read, in bytes.
pub(super) const BYTES_MAX: u64 = 16 * 1_024;

/// What is kept of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Whose it is.
    pub(crate) namespace: Namespace,
    /// How far it is.
    pub(crate) snapshot: Snapshot,
    /// The clock when it was written: the time that was seen to pass, and the machine's.
    pub(crate) seen: (SlowTime, Option<Timestamp>),
}

/// The bytes are no upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum DecodeError {
    /// The last line is not the hash of those before.
    #[error("it was torn or changed")]
    Torn,
    /// It was written by a newer version.
    #[error("it was written by a newer version")]
    Newer,
    /// A line is missing or cannot be read.
    #[error("the line {0} cannot be read")]
    Line(&'static str),
    /// What it says is written in another way.
    #[error("it is not as this version writes it")]
    Strange,
}

impl Kept {
    /// Writes it down.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Snapshot {
            length,
            offset,
            metadata,
            expires_at,
            phase,
        } = &self.snapshot;
        let length = match length {
            Length::Known(bytes) => bytes.to_string(),
            Length::Deferred => "deferred".to_owned(),
        };
        let phase = match phase {
            SnapshotPhase::Receiving => "receiving".to_owned(),
            SnapshotPhase::Complete => "complete".to_owned(),
            SnapshotPhase::Stored(hash) => format!("stored {hash}"),
            SnapshotPhase::Ended => "ended".to_owned(),
        };
        let (shown, last) = self.seen;
        let last = last.map_or_else(|| "never".to_owned(), |last| last.as_micros().to_string());
        let text = format!(
            "{HEAD}\nnamespace {}\nlength {length}\noffset {offset}\nexpires {}\nphase {phase}\nseen {} {last}\nmetadata {}\n",
            self.namespace,
            expires_at.0,
            shown.0,
            metadata.header(),
        );
        let seal = ContentHash::of(text.as_bytes());
        format!("{text}sha256 {seal}\n").into_bytes()
    }

    /// Reads it.
    pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Torn)?;
        let sealed = text.strip_suffix('\n').ok_or(DecodeError::Torn)?;
        let (_, seal) = sealed.rsplit_once('\n').ok_or(DecodeError::Torn)?;
        let lines = &text[..sealed.len() - seal.len()];
        let is_whole =
            seal.strip_prefix("sha256 ") == Some(&*ContentHash::of(lines.as_bytes()).to_string());
        if !is_whole {
            return Err(DecodeError::Torn);
        }
        let mut lines = lines.lines();
        if lines.next() != Some(HEAD) {
            return Err(DecodeError::Newer);
        }
        let mut line = |name: &'static str| {
            let line = lines.next().ok_or(DecodeError::Line(name))?;
            let value = line
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(' '));
            value.ok_or(DecodeError::Line(name))
        };
        let namespace = line("namespace")?;
        let namespace = namespace
            .parse()
            .map_err(|_| DecodeError::Line("namespace"))?;
        let length = match line("length")? {
            "deferred" => Length::Deferred,
            bytes => Length::Known(number(bytes, "length")?),
        };
        let offset = number(line("offset")?, "offset")?;
        let expires_at = SlowTime(number(line("expires")?, "expires")?);
        let phase = phase(line("phase")?)?;
        let seen = seen(line("seen")?)?;
        let metadata = Metadata::parse(line("metadata")?, limits);
        let kept = Self {
            namespace,
            snapshot: Snapshot {
                length,
                offset,
                metadata: metadata.map_err(|_| DecodeError::Line("metadata"))?,
                expires_at,
                phase,
            },
            seen,
        };
        if kept.encode() != bytes {
            return Err(DecodeError::Strange);
        }
        Ok(kept)
    }
}

fn number(text: &str, line: &'static str) -> Result<u64, DecodeError> {
    text.parse().map_err(|_| DecodeError::Line(line))
}

fn phase(text: &str) -> Result<SnapshotPhase, DecodeError> {
    let stored = || {
        let hash = text.strip_prefix("stored ")?;
        hash.parse().ok().map(SnapshotPhase::Stored)
    };
    match text {
        "receiving" => Ok(SnapshotPhase::Receiving),
        "complete" => Ok(SnapshotPhase::Complete),
        "ended" => Ok(SnapshotPhase::Ended),
        _ => stored().ok_or(DecodeError::Line("phase")),
    }
}

fn seen(text: &str) -> Result<(SlowTime, Option<Timestamp>), DecodeError> {
    let (shown, last) = text.split_once(' ').ok_or(DecodeError::Line("seen"))?;
    let shown = SlowTime(number(shown, "seen")?);
    let last = match last {
        "never" => None,
        micros => {
            let micros: i64 = micros.parse().map_err(|_| DecodeError::Line("seen"))?;
            Some(Timestamp(micros))
        }
    };
    Ok((shown, last))
}

#[cfg(test)]
mod tests;
