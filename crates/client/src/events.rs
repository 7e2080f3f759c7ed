//! Server-sent events (WHATWG HTML, "Server-sent events"): lines to events, with a bound on each.

use base::{Code, Problem};

use crate::Download;

/// Longest event that is read, in bytes.
const EVENT_BYTES_MAX: usize = 1_024 * 1_024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty when it has none.
    pub name: String,
    /// What it says.
    pub data: String,
    /// The cursor after it; empty when it has none.
    pub id: String,
}

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    source: Download,
    lines: Lines,
}

/// Bytes on their way to become events.
#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl Events {
    pub(crate) fn new(source: Download) -> Self {
        Self {
            source,
            lines: Lines::default(),
        }
    }

    /// Returns the next event; nothing when the server ended the stream.
    ///
    /// # Errors
    /// [`Code::ServerUnreachable`] when the connection breaks or stays silent for a minute; [`Code::ServerAnswer`]
    /// when an event is longer than a megabyte or not UTF-8.
    ///
    /// # Cancel safety
    /// May be dropped; the next call goes on where this one was.
    pub async fn next(&mut self) -> Result<Option<Event>, Problem> {
        loop {
            if let Some(event) = self.lines.take()? {
                return Ok(Some(event));
            }
            let Some(chunk) = self.source.chunk().await? else {
                return Ok(None);
            };
            self.lines.pending.extend_from_slice(&chunk);
        }
    }
}

impl Lines {
    /// Reads whole lines until an event is complete.
    fn take(&mut self) -> Result<Option<Event>, Problem> {
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = std::str::from_utf8(&line).map_err(|_| strange("an event is not UTF-8"))?;
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if std::mem::take(&mut self.has_data) {
                    return Ok(Some(event));
                }
                continue;
            }
            self.read(line);
            if self.event.data.len() > EVENT_BYTES_MAX {
                return Err(strange("an event is too long"));
            }
        }
        if self.pending.len() > EVENT_BYTES_MAX {
            return Err(strange("an event is too long"));
        }
        Ok(None)
    }

    fn read(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // Comments keep the connection alive; other fields are for later versions.
            _ => {}
        }
    }
}

fn strange(detail: &str) -> Problem {
    Problem::new(Code::ServerAnswer, detail)
}

#[cfg(test)]
mod tests {
    use super::{Event, Lines};

    fn check(pieces: &[&str], expect: &[(&str, &str, &str)]) {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.pending.extend_from_slice(piece.as_bytes());
            while let Some(event) = lines.take().unwrap() {
                found.push(event);
            }
        }
        let event = |(name, data, id): &(&str, &str, &str)| Event {
            name: (*name).to_owned(),
            data: (*data).to_owned(),
            id: (*id).to_owned(),
        };
        assert_eq!(found, expect.iter().map(event).collect::<Vec<_>>());
    }

    #[test]
    fn lines_become_events_however_they_are_cut() {
        let text = ": hello\n\nevent: chain\nid: a-1\ndata: {\"x\":\ndata: 1}\n\ndata:two\r\n\r\nevent: none\n\n";
        let expect = [("chain", "{\"x\":\n1}", "a-1"), ("", "two", "")];
        check(&[text], &expect);
        for cut in 1..text.len() {
            check(&[&text[..cut], &text[cut..]], &expect);
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let many = "data: 0123456789\n".repeat(100_000).into_bytes();
        for pending in [vec![b'x'; 1_024 * 1_024 + 1], many] {
            let mut lines = Lines {
                pending,
                ..Lines::default()
            };
            assert!(lines.take().is_err());
        }
    }
}
