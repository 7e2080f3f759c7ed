//! Somebody in the middle: a relay on loopback who can change one bit of one body on its way to the reader.
//!
//! Heads pass as they are, so that only what a doorway says is changed and not how it is framed; the length stays.
//! What passed is written down, so that a scenario knows that its change was really on the way.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::http::{Client, Head, PATIENCE};
use super::listener::Listener;

/// One changed bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alteration {
    /// The request whose answer is changed, as [`Passed::target`] names it.
    pub(super) target: String,
    /// Which byte of the body.
    pub(super) position: usize,
    /// Which bits of it are turned over.
    pub(super) mask: u8,
}

/// An answer that went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// Path and query that were asked for.
    pub(super) target: String,
    /// Length of the body, in bytes.
    pub(super) bytes: usize,
    /// Whether a bit of it was turned over.
    pub(super) is_altered: bool,
}

#[derive(Debug, Default)]
struct Ledger {
    wanted: Option<Alteration>,
    passed: Vec<Passed>,
}

#[derive(Debug)]
struct Middle {
    doorway: SocketAddr,
    ledger: Mutex<Ledger>,
}

impl Middle {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The relay; dropping it ends it.
#[derive(Debug)]
pub(super) struct Proxy {
    listener: Listener,
    middle: Arc<Middle>,
}

impl Proxy {
    /// Starts in front of a doorway, on a free port.
    pub(super) fn start(doorway: SocketAddr) -> anyhow::Result<Self> {
        let middle = Arc::new(Middle {
            doorway,
            ledger: Mutex::default(),
        });
        let shared = Arc::clone(&middle);
        // A reader who is let down closes; the scenario sees it by the reader's exit status.
        let listener = Listener::open("somebody in the middle", move |stream| {
            drop(relay(stream, &shared));
        })?;
        Ok(Self { listener, middle })
    }

    /// Returns its address as commands take it.
    pub(super) fn url(&self) -> String {
        self.listener.url()
    }

    /// Changes one bit of what passes from now on, once, or nothing; forgets what passed before.
    pub(super) fn alter(&self, wanted: Option<Alteration>) {
        *self.middle.ledger() = Ledger {
            wanted,
            passed: Vec::new(),
        };
    }

    /// Returns what has passed since.
    pub(super) fn passed(&self) -> Vec<Passed> {
        self.middle.ledger().passed.clone()
    }
}

/// Passes questions on and answers back until the reader closes.
fn relay(stream: TcpStream, middle: &Middle) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut doorway = Client::new(middle.doorway);
    while let Some(question) = Head::read(&mut reader)? {
        let (method, target) = (question.word(0), question.word(1));
        let mut answer = doorway.ask(method, target, &question.passed_on())?;
        let is_altered = turn(&middle.ledger(), target, &mut answer.body);
        let mut ledger = middle.ledger();
        if is_altered {
            ledger.wanted = None;
        }
        ledger.passed.push(Passed {
            target: target.to_owned(),
            bytes: answer.body.len(),
            is_altered,
        });
        drop(ledger);
        reader.get_mut().write_all(&answer.written())?;
    }
    Ok(())
}

/// Turns over the bits that are wanted; returns whether this was the body for it.
fn turn(ledger: &Ledger, target: &str, body: &mut [u8]) -> bool {
    let Some(wanted) = &ledger.wanted else {
        return false;
    };
    match body.get_mut(wanted.position) {
        Some(byte) if wanted.target == target && wanted.mask != 0 => {
            *byte ^= wanted.mask;
            true
        }
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests;
