//! A doorway that lies: it passes on what an honest one says, and forges what it is told to.
//!
//! Answers are passed on whole, the log of events piece by piece. What was forged is counted, so that a scenario knows
//! that its lie was really told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lie::Lie;
use crate::accept::http::{self, Client, Head, PATIENCE};
use crate::accept::listener::Listener;

/// The path of the log of events.
const EVENTS: &str = "/api/v1/events";

/// How much of the log is passed on at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1_024;

#[derive(Debug, Default)]
struct State {
    lie: Option<Lie>,
    /// Open logs; they are cut when another lie is to be told.
    logs: Vec<TcpStream>,
}

#[derive(Debug)]
struct Shared {
    honest: SocketAddr,
    state: Mutex<State>,
    told: AtomicU64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lie(&self) -> Option<Lie> {
        self.state().lie.clone()
    }

    fn count(&self) {
        self.told.fetch_add(1, Ordering::SeqCst);
    }
}

/// The lying doorway; dropping it ends it.
#[derive(Debug)]
pub(super) struct Forger {
    listener: Listener,
    shared: Arc<Shared>,
}

impl Forger {
    /// Starts in front of an honest doorway, and is honest at first.
    pub(super) fn start(honest: SocketAddr) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            honest,
            state: Mutex::default(),
            told: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        // A follower who is let down comes again; what it thinks of it stands in its `/ready`.
        let listener = Listener::open("forger", move |stream| drop(serve(stream, &serving)))?;
        Ok(Self { listener, shared })
    }

    /// Returns its address as a follower takes it.
    pub(super) fn url(&self) -> String {
        self.listener.url()
    }

    /// Tells a lie from now on, or none; open logs are cut, so that they are asked for again.
    pub(super) fn tell(&self, lie: Option<Lie>) {
        let mut state = self.shared.state();
        state.lie = lie;
        for log in state.logs.drain(..) {
            // It may have ended by itself.
            drop(log.shutdown(Shutdown::Both));
        }
        drop(state);
        self.shared.told.store(0, Ordering::SeqCst);
    }

    /// Returns how often the lie was told.
    pub(super) fn told(&self) -> u64 {
        self.shared.told.load(Ordering::SeqCst)
    }
}

impl Drop for Forger {
    fn drop(&mut self) {
        self.tell(None);
    }
}

/// Answers one follower's connection until it is closed.
fn serve(stream: TcpStream, shared: &Shared) -> anyhow::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(question) = Head::read(&mut reader)? {
        let lie = shared.lie();
        let doorway = lie.as_ref().and_then(Lie::elsewhere);
        if doorway.is_some() {
            shared.count();
        }
        let doorway = doorway.unwrap_or(shared.honest);
        let target = question.word(1);
        if target.starts_with(EVENTS) {
            return pass_log(reader.into_inner(), &question, doorway, shared);
        }
        let mut answer =
            Client::new(doorway).ask(question.word(0), target, &question.passed_on())?;
        if let Some(lie) = &lie
            && lie.forge(target, &mut answer)?
        {
            // Whoever lies does not send a digest that gives them away.
            answer
                .head
                .fields
                .retain(|(name, _)| !name.to_ascii_lowercase().ends_with("-digest"));
            shared.count();
        }
        reader.get_mut().write_all(&answer.written())?;
    }
    Ok(())
}

/// Passes the log of events on, with what is forged before it, until either end closes.
fn pass_log(
    mut near: TcpStream,
    question: &Head,
    doorway: SocketAddr,
    shared: &Shared,
) -> anyhow::Result<()> {
    shared.state().logs.push(near.try_clone()?);
    let mut far = http::connect(doorway)?;
    far.get_ref().set_read_timeout(None)?;
    let mut asked = format!("{}\r\nhost: {doorway}\r\n", question.start);
    for (name, value) in question.passed_on() {
        asked.push_str(&format!("{name}: {value}\r\n"));
    }
    far.get_mut().write_all(format!("{asked}\r\n").as_bytes())?;
    pass_head(&mut far, &mut near)?;
    // The answer is chunked (RFC 9112 §7.1), so what is forged is a chunk before the others.
    let mut tell = |event: &[u8]| -> anyhow::Result<()> {
        near.write_all(format!("{:x}\r\n", event.len()).as_bytes())?;
        near.write_all(event)?;
        near.write_all(b"\r\n")?;
        Ok(())
    };
    match shared.lie() {
        Some(Lie::EndlessEvent) => {
            shared.count();
            tell(b"event: chain\ndata: ")?;
            loop {
                tell(&[b'x'; CHUNK_BYTES])?;
            }
        }
        Some(Lie::Announced { event, .. }) => {
            shared.count();
            tell(event.as_bytes())?;
        }
        Some(_) | None => {}
    }
    pass_on(far, near)
}

/// Passes the head of an answer on as it is.
fn pass_head(far: &mut BufReader<TcpStream>, near: &mut TcpStream) -> anyhow::Result<()> {
    loop {
        let mut line = Vec::new();
        anyhow::ensure!(far.read_until(b'\n', &mut line)? > 0, "the log has no head");
        near.write_all(&line)?;
        if line == b"\r\n" {
            return Ok(());
        }
    }
}

fn pass_on(mut far: BufReader<TcpStream>, near: TcpStream) -> anyhow::Result<()> {
    let (mut other, far_again) = (near.try_clone()?, far.get_ref().try_clone()?);
    let named = std::thread::Builder::new().name("end of a log".to_owned());
    // The follower says nothing more; when it goes, the honest doorway need not go on.
    let waiting = named.spawn(move || {
        let mut nothing = [0; 64];
        while other.read(&mut nothing).is_ok_and(|len| len > 0) {}
        drop(far_again.shutdown(Shutdown::Both));
    })?;
    let mut near = near;
    let mut chunk = [0; CHUNK_BYTES];
    while let Ok(len) = far.read(&mut chunk) {
        if len == 0 || near.write_all(&chunk[..len]).is_err() {
            break;
        }
    }
    drop(near.shutdown(Shutdown::Both));
    drop(waiting.join());
    Ok(())
}
