//! Somebody in the middle: a relay on loopback who can change one bit of one body on its way to the reader.
//!
//! Heads pass as they are, so that only what a doorway says is changed and not how it is framed; the length stays.
//! What passed is written down, so that a scenario knows that its change was really on the way.

use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context as _;

use super::http::{Client, Head, PATIENCE};

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
    is_over: AtomicBool,
}

impl Middle {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The relay; dropping it ends it.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    middle: Arc<Middle>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts in front of a doorway, on a free port.
    pub(super) fn start(doorway: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen")?;
        let address = listener.local_addr()?;
        let middle = Arc::new(Middle {
            doorway,
            ledger: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&middle);
        let listening = std::thread::Builder::new()
            .name("somebody in the middle".to_owned())
            .spawn(move || listen(&listener, &shared))?;
        Ok(Self {
            address,
            middle,
            listening: Some(listening),
        })
    }

    /// Returns its address as commands take it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
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

impl Drop for Proxy {
    fn drop(&mut self) {
        self.middle.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for somebody.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

fn listen(listener: &TcpListener, middle: &Arc<Middle>) {
    for stream in listener.incoming() {
        if middle.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            return;
        };
        let middle = Arc::clone(middle);
        // A reader who is let down closes; the scenario sees it by the reader's exit status.
        std::thread::spawn(move || drop(relay(stream, &middle)));
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
        let fields: Vec<(&str, &str)> = question
            .fields
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut answer = doorway.ask(method, target, &fields)?;
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
        let mut message = format!("{}\r\n", answer.head.start);
        for (name, value) in &answer.head.fields {
            let is_framing = ["transfer-encoding", "content-length"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing));
            if !is_framing {
                message.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        message.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
        let mut message = message.into_bytes();
        message.extend_from_slice(&answer.body);
        reader.get_mut().write_all(&message)?;
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
