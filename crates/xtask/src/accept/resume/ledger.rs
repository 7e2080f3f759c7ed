//! A relay between a command and the node that keeps the books of blobs: which bytes passed, and which of them the node
//! acknowledged.
//!
//! A whole blob is acknowledged by the answer to its PUT, a piece by the answer to its PATCH. The books are kept by
//! hash, whatever upload a piece belongs to, so that nobody gets around them by beginning anew.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::accept::http::{Answer, Head, connect};
use crate::accept::listener::Listener;

/// How much of a body is passed on at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Bytes of blobs that passed.
    pub(super) passed: u64,
    /// Bytes of blobs that the node acknowledged.
    pub(super) acknowledged: u64,
    /// Bytes that passed although they had been acknowledged.
    pub(super) again: u64,
    /// Uploads that another process went on with in the middle.
    pub(super) resumed: u64,
}

#[derive(Debug, Default)]
struct Books {
    counted: Counted,
    /// How many bytes of a blob are acknowledged, from its beginning, by its hash.
    acknowledged: BTreeMap<String, u64>,
    /// Which blob an upload is of, by its path.
    uploads: BTreeMap<String, String>,
    /// Uploads that were sent to since the relay was stopped last.
    touched: BTreeMap<String, u64>,
    /// How much had passed when the relay was told where to stop, and where that is.
    stop: Option<u64>,
    is_stopped: bool,
}

#[derive(Debug)]
struct Middle {
    node: SocketAddr,
    books: Mutex<Books>,
    /// Connections that are open.
    open: AtomicU64,
}

/// The relay; dropping it ends it.
#[derive(Debug)]
pub(super) struct Ledger {
    listener: Listener,
    middle: Arc<Middle>,
}

/// What a request brings.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Brings {
    hash: String,
    offset: u64,
}

impl Ledger {
    /// Opens the relay in front of a node, on a free port.
    pub(super) fn open(node: SocketAddr) -> anyhow::Result<Self> {
        let middle = Arc::new(Middle {
            node,
            books: Mutex::default(),
            open: AtomicU64::new(0),
        });
        let shared = Arc::clone(&middle);
        let listener = Listener::open("ledger", move |stream| {
            shared.open.fetch_add(1, Ordering::SeqCst);
            // A command that dies in the middle is what this is for.
            drop(relay(&stream, &shared));
            drop(stream.shutdown(Shutdown::Both));
            shared.open.fetch_sub(1, Ordering::SeqCst);
        })?;
        Ok(Self { listener, middle })
    }

    /// Returns its address as commands take it.
    pub(super) fn url(&self) -> String {
        self.listener.url()
    }

    /// Lets so many more bytes of blobs pass, and then nothing.
    pub(super) fn stop_after(&self, bytes: u64) {
        let mut books = self.middle.books();
        books.stop = Some(books.counted.passed + bytes);
        books.is_stopped = false;
        books.touched.clear();
    }

    /// Lets everything pass.
    pub(super) fn stop_nowhere(&self) {
        let mut books = self.middle.books();
        books.stop = None;
        books.is_stopped = false;
        books.touched.clear();
    }

    /// Returns whether nothing passes any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.middle.books().is_stopped
    }

    /// Waits until all connections of a command that has ended are closed.
    pub(super) fn settle(&self, deadline: Duration) -> anyhow::Result<()> {
        testkit::wait_for("closed connections", deadline, || {
            Ok((self.middle.open.load(Ordering::SeqCst) == 0).then_some(()))
        })
    }

    /// Returns what was counted so far.
    pub(super) fn counted(&self) -> Counted {
        self.middle.books().counted
    }
}

impl Middle {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Reads off a request which bytes of which blob it brings.
    fn brings(&mut self, request: &Head) -> anyhow::Result<Option<Brings>> {
        let path = path_of(request.word(1));
        match request.word(0) {
            "PUT" => {
                let hash = path.strip_prefix("/blobs/");
                let hash = hash.filter(|hash| hash.len() == 64);
                Ok(hash.map(|hash| Brings {
                    hash: hash.to_owned(),
                    offset: 0,
                }))
            }
            "PATCH" => {
                let hash = self.uploads.get(path);
                let hash = hash.with_context(|| format!("nobody began the upload {path}"))?;
                let offset = request.field("upload-offset").unwrap_or_default().parse()?;
                let brings = Brings {
                    hash: hash.clone(),
                    offset,
                };
                if !self.touched.contains_key(path) {
                    self.touched.insert(path.to_owned(), offset);
                    self.counted.resumed += u64::from(offset > 0);
                }
                Ok(Some(brings))
            }
            _ => Ok(None),
        }
    }

    /// Counts bytes of a blob that are to pass; tells whether they may.
    fn pass(&mut self, brings: &Brings, from: u64, bytes: u64) -> bool {
        if self.stop.is_some_and(|stop| self.counted.passed >= stop) {
            self.is_stopped = true;
        }
        if self.is_stopped {
            return false;
        }
        self.counted.passed += bytes;
        let known = self.acknowledged.get(&brings.hash).copied().unwrap_or(0);
        let start = brings.offset + from;
        self.counted.again += known.saturating_sub(start).min(bytes);
        true
    }

    /// Notes what an answer of the node says.
    fn note(&mut self, request: &Head, brings: Option<&Brings>, bytes: u64, answer: &Answer) {
        if !(200..300).contains(&answer.status()) {
            return;
        }
        if let Some(brings) = brings {
            let known = self.acknowledged.entry(brings.hash.clone()).or_default();
            let end = brings.offset + bytes;
            self.counted.acknowledged += end.saturating_sub(*known);
            *known = end.max(*known);
        }
        let location = answer.head.field("location");
        if let (201, Some(location)) = (answer.status(), location)
            && request.word(0) == "POST"
        {
            let hash = hash_of(request.field("upload-metadata").unwrap_or_default());
            let hash = hash.unwrap_or_else(|| format!("unknown, of {location}"));
            self.uploads.insert(path_of(location).to_owned(), hash);
        }
    }
}

/// Returns the path of a target or of a location.
fn path_of(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => target,
    };
    path.split('?').next().unwrap_or_default()
}

/// Reads the field `sha256` of an upload's metadata.
fn hash_of(metadata: &str) -> Option<String> {
    let mut pairs = metadata.split(',').map(str::trim);
    let encoded = pairs.find_map(|pair| pair.strip_prefix("sha256 "))?;
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

/// Passes requests on and answers back until the command closes.
fn relay(stream: &TcpStream, middle: &Middle) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut near = BufReader::with_capacity(CHUNK_BYTES, stream.try_clone()?);
    let mut far = connect(middle.node)?;
    while let Some(request) = Head::read(&mut near)? {
        let brings = middle.books().brings(&request)?;
        write_head(far.get_mut(), &request)?;
        let len: u64 = request.field("content-length").unwrap_or("0").parse()?;
        if !body(&mut near, &mut far, len, brings.as_ref(), middle)? {
            // Nothing of it is passed on any more, and the line stays open until the command is dead.
            std::io::copy(&mut near, &mut std::io::sink())?;
            return Ok(());
        }
        let answer = Answer::read(&mut far, request.word(0))?.context("the node closed")?;
        middle.books().note(&request, brings.as_ref(), len, &answer);
        write_head(near.get_mut(), &answer.head)?;
        near.get_mut().write_all(&answer.body)?;
    }
    Ok(())
}

/// Passes a body on; tells whether all of it passed.
fn body(
    near: &mut BufReader<TcpStream>,
    far: &mut BufReader<TcpStream>,
    len: u64,
    brings: Option<&Brings>,
    middle: &Middle,
) -> anyhow::Result<bool> {
    let mut offset = 0;
    while offset < len {
        let chunk = near.fill_buf()?;
        anyhow::ensure!(
            !chunk.is_empty(),
            "the command closed in the middle of a body"
        );
        let left = usize::try_from(len - offset).unwrap_or(usize::MAX);
        let chunk = &chunk[..chunk.len().min(left)];
        if let Some(brings) = brings
            && !middle.books().pass(brings, offset, chunk.len() as u64)
        {
            return Ok(false);
        }
        far.get_mut().write_all(chunk)?;
        let passed = chunk.len();
        near.consume(passed);
        offset += passed as u64;
    }
    Ok(true)
}

fn write_head(stream: &mut TcpStream, head: &Head) -> anyhow::Result<()> {
    let mut text = format!("{}\r\n", head.start);
    for (name, value) in &head.fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests;
