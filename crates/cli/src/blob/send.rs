//! Blobs on their way to a store: small ones with one request, large ones in pieces that go on after an interruption.
//!
//! Invariant: what the store has acknowledged is not sent again while its upload is there.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::{Code, ContentHash, ContentHasher, Problem};
use bytes::{Bytes, BytesMut};
use client::{Appended, UploadState};
use futures::stream::{self, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time;
use url::Url;

use crate::blob::place::Place;
use crate::blob::source::Source;
use crate::blob::tally::Tally;

/// Up to this length a blob is sent with one request, in bytes.
const WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The smallest and the largest piece of an upload, in bytes.
const PIECE_BYTES_MIN: usize = 256 * 1024;
const PIECE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The first piece of an upload, in bytes.
const PIECE_BYTES_FIRST: usize = 4 * 1024 * 1024;

/// A piece that was faster than this is followed by a larger one; a server that hears nothing for a minute gives up.
const PIECE_TIME: Duration = Duration::from_secs(5);

/// How a request body is cut, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// How often a connection may break in a row, and the first pause after it.
const BREAKS_MAX: u32 = 6;
const BREAK_PAUSE: Duration = Duration::from_millis(500);

/// How large pieces are, by how fast they go.
struct Pace(usize);

/// How often the connection broke since something got through.
#[derive(Default)]
struct Breaks(u32);

impl Place {
    /// Sends a blob that is in memory.
    pub(crate) async fn send_bytes(
        &self,
        hash: &ContentHash,
        bytes: &Bytes,
        tally: &Tally,
    ) -> Result<(), Problem> {
        if bytes.len() as u64 > WHOLE_BYTES_MAX {
            self.upload_stream(Bytes::new(), &bytes[..], tally).await?;
            return Ok(());
        }
        self.send_whole(hash, bytes, tally).await
    }

    /// Sends a blob that is in memory, in one request.
    async fn send_whole(
        &self,
        hash: &ContentHash,
        bytes: &Bytes,
        tally: &Tally,
    ) -> Result<(), Problem> {
        let token = self.token().await?;
        let moved = Arc::new(AtomicU64::new(0));
        let body = || {
            tally.retreat(moved.swap(0, Ordering::Relaxed));
            let (bytes, tally, moved) = (bytes.clone(), tally.clone(), moved.clone());
            let cuts = (0..bytes.len()).step_by(CHUNK_BYTES);
            let pieces = stream::iter(cuts).map(move |start| {
                let piece = bytes.slice(start..bytes.len().min(start + CHUNK_BYTES));
                moved.fetch_add(piece.len() as u64, Ordering::Relaxed);
                tally.advance(piece.len() as u64);
                Ok(piece)
            });
            future::ready(Ok(client::body_of(pieces)))
        };
        let sent = self.store.put(hash, bytes.len() as u64, body, &token).await;
        let moved = moved.load(Ordering::Relaxed);
        tally.retreat(moved);
        sent?;
        tally.piece(bytes.len() as u64);
        tally.whole(bytes.len() as u64);
        Ok(())
    }

    /// Sends a file: a small one with one request, and in pieces what is large or does not get through at once.
    pub(crate) async fn send_file(
        &self,
        hash: &ContentHash,
        source: &Source,
        tally: &Tally,
    ) -> Result<(), Problem> {
        if source.bytes() <= WHOLE_BYTES_MAX {
            let len = usize::try_from(source.bytes()).expect("it is a few megabytes");
            let bytes = piece(source, 0, len).await?;
            match self.send_whole(hash, &bytes, tally).await {
                Err(problem)
                    if problem.code == Code::ServerUnreachable && len > PIECE_BYTES_MIN => {}
                Err(problem) if problem.code == Code::DigestMismatch => {
                    return Err(source.changed());
                }
                sent => return sent,
            }
        }
        self.upload(hash, source, tally).await
    }

    /// Sends a file in pieces, from where an earlier command stopped.
    async fn upload(
        &self,
        hash: &ContentHash,
        source: &Source,
        tally: &Tally,
    ) -> Result<(), Problem> {
        let length = source.bytes();
        let (mut upload, mut state) = self.resume(hash, length).await?;
        let (mut pace, mut breaks) = (Pace::new(), Breaks::default());
        tally.advance(state.offset);
        let mut counted = 0;
        while state.hash.is_none() {
            let offset = state.offset;
            let left = length.saturating_sub(offset);
            let len = usize::try_from(left).map_or(pace.0, |left| left.min(pace.0));
            let bytes = piece(source, offset, len).await?;
            let began = Instant::now();
            let token = self.token().await?;
            let sent = self
                .store
                .append_upload(&upload, offset, bytes, None, &token);
            let next = match sent.await {
                Ok(Appended::Taken(next)) if offset < next.offset || next.hash.is_some() => {
                    pace.faster(began.elapsed());
                    breaks = Breaks::default();
                    Some(next)
                }
                Ok(Appended::Over) => None,
                Ok(Appended::Taken(_) | Appended::Elsewhere | Appended::Changed) => {
                    breaks.pause(None).await?;
                    self.ask(&upload).await?
                }
                Err(problem) if problem.code == Code::ServerUnreachable => {
                    pace.slower();
                    breaks.pause(Some(problem)).await?;
                    self.ask_patiently(&upload, &mut breaks).await?
                }
                Err(problem) if problem.code == Code::DigestMismatch => {
                    self.begun.forget(hash)?;
                    return Err(source.changed());
                }
                Err(problem) => return Err(problem),
            };
            match next {
                Some(next) => {
                    let moved = next.offset.saturating_sub(offset);
                    counted += moved;
                    tally.piece(moved);
                    state = next;
                }
                None => {
                    tally.lost(counted);
                    tally.retreat(offset.saturating_sub(counted));
                    counted = 0;
                    (upload, state) = self.begin(hash, length).await?;
                }
            }
        }
        self.begun.forget(hash)?;
        if state.hash != Some(*hash) {
            return Err(source.changed());
        }
        tally.whole(counted);
        Ok(())
    }

    /// Finds the upload that an earlier command began, or begins one.
    async fn resume(&self, hash: &ContentHash, length: u64) -> Result<(Url, UploadState), Problem> {
        if let Some(path) = self.begun.find(hash)
            && let upload = self.store.server().join(&path)?
            && self.store.is_here(&upload)
            && let Some(state) = self.ask(&upload).await?
            && state.length == Some(length)
        {
            return Ok((upload, state));
        }
        self.begin(hash, length).await
    }

    async fn begin(&self, hash: &ContentHash, length: u64) -> Result<(Url, UploadState), Problem> {
        let token = self.token().await?;
        let upload = self
            .store
            .begin_upload(Some(length), Some(hash), &token)
            .await?;
        self.begun.keep(hash, &upload, self.clock.now())?;
        let state = UploadState {
            offset: 0,
            length: Some(length),
            hash: None,
        };
        Ok((upload, state))
    }

    async fn ask(&self, upload: &Url) -> Result<Option<UploadState>, Problem> {
        self.store.upload_state(upload, &self.token().await?).await
    }

    /// Asks where an upload is until the server can be reached again.
    async fn ask_patiently(
        &self,
        upload: &Url,
        breaks: &mut Breaks,
    ) -> Result<Option<UploadState>, Problem> {
        loop {
            match self.ask(upload).await {
                Err(problem) if problem.code == Code::ServerUnreachable => {
                    breaks.pause(Some(problem)).await?;
                }
                asked => return asked,
            }
        }
    }

    /// Sends what comes on a stream of unknown length; returns its hash and length.
    pub(crate) async fn send_stream(
        &self,
        mut source: impl AsyncRead + Unpin,
        tally: &Tally,
    ) -> Result<(ContentHash, u64), Problem> {
        let first = fill(&mut source, PIECE_BYTES_MAX).await?;
        if first.len() < PIECE_BYTES_MAX {
            let hash = ContentHash::of(&first);
            self.send_whole(&hash, &first, tally).await?;
            return Ok((hash, first.len() as u64));
        }
        self.upload_stream(first, source, tally).await
    }

    /// Sends what comes on a stream in pieces; `first` has come already.
    async fn upload_stream(
        &self,
        first: Bytes,
        mut source: impl AsyncRead + Unpin,
        tally: &Tally,
    ) -> Result<(ContentHash, u64), Problem> {
        let token = self.token().await?;
        let upload = self.store.begin_upload(None, None, &token).await?;
        *self.fleeting() = Some(upload.clone());
        let mut hasher = ContentHasher::new();
        let mut state = UploadState {
            offset: 0,
            length: None,
            hash: None,
        };
        let mut piece = first;
        if piece.is_empty() {
            piece = fill(&mut source, PIECE_BYTES_MAX).await?;
        }
        while state.hash.is_none() {
            hasher.update(&piece);
            let after = fill(&mut source, PIECE_BYTES_MAX).await?;
            let end = state.offset + piece.len() as u64;
            let length = after.is_empty().then_some(end);
            state = self.append_stream(&upload, state, &piece, length).await?;
            tally.piece(piece.len() as u64);
            piece = after;
            if length.is_some() && state.hash.is_none() {
                let detail = "the server has everything and does not say under which hash";
                return Err(Problem::new(Code::ServerAnswer, detail));
            }
        }
        *self.fleeting() = None;
        let hash = hasher.finish();
        if state.hash != Some(hash) {
            let detail = format!("sent {hash}, and it was stored as {:?}", state.hash);
            return Err(Problem::new(Code::ServerAnswer, detail));
        }
        tally.whole(state.offset);
        Ok((hash, state.offset))
    }

    /// Sends one piece of a stream until the server has it.
    async fn append_stream(
        &self,
        upload: &Url,
        mut state: UploadState,
        piece: &Bytes,
        length: Option<u64>,
    ) -> Result<UploadState, Problem> {
        let (start, end) = (state.offset, state.offset + piece.len() as u64);
        let mut breaks = Breaks::default();
        let over = || {
            let detail = "the server gave the upload up, and a stream cannot be sent again";
            Problem::new(Code::UploadOver, detail)
        };
        loop {
            let done = usize::try_from(state.offset - start).expect("it lies within the piece");
            let token = self.token().await?;
            let rest = piece.slice(done..);
            let sent = self
                .store
                .append_upload(upload, state.offset, rest, length, &token);
            let asked = match sent.await {
                Ok(Appended::Taken(next)) => return Ok(next),
                Ok(Appended::Over) => return Err(over()),
                Ok(Appended::Elsewhere | Appended::Changed) => {
                    breaks.pause(None).await?;
                    self.ask(upload).await?
                }
                Err(problem) if problem.code == Code::ServerUnreachable => {
                    breaks.pause(Some(problem)).await?;
                    self.ask_patiently(upload, &mut breaks).await?
                }
                Err(problem) => return Err(problem),
            };
            state = asked.ok_or_else(over)?;
            if state.offset < start || end < state.offset {
                let detail = format!("the upload is at {}, not at {start}", state.offset);
                return Err(Problem::new(Code::UploadOffset, detail));
            }
            if state.offset == end && (length.is_none() || state.hash.is_some()) {
                return Ok(state);
            }
        }
    }
}

impl Pace {
    const fn new() -> Self {
        Self(PIECE_BYTES_FIRST)
    }

    fn faster(&mut self, took: Duration) {
        if took < PIECE_TIME {
            self.0 = (self.0 * 2).min(PIECE_BYTES_MAX);
        }
    }

    fn slower(&mut self) {
        self.0 = (self.0 / 2).max(PIECE_BYTES_MIN);
    }
}

impl Breaks {
    /// Waits longer each time; gives up with what went wrong when it was often enough.
    async fn pause(&mut self, problem: Option<Problem>) -> Result<(), Problem> {
        if self.0 == BREAKS_MAX {
            return Err(problem.unwrap_or_else(|| {
                let detail = "somebody else sends to the same upload all the time";
                Problem::new(Code::UploadBusy, detail)
            }));
        }
        time::sleep(BREAK_PAUSE * 2_u32.pow(self.0)).await;
        self.0 += 1;
        Ok(())
    }
}

/// Reads a piece of a file on a thread that may wait.
async fn piece(source: &Source, offset: u64, len: usize) -> Result<Bytes, Problem> {
    let source = source.clone();
    crate::blob::blocking(move || source.piece(offset, len)).await
}

/// Reads until a piece is full or the stream is over.
async fn fill(source: &mut (impl AsyncRead + Unpin), len: usize) -> Result<Bytes, Problem> {
    let mut piece = BytesMut::with_capacity(CHUNK_BYTES);
    while piece.len() < len {
        let left = len - piece.len();
        let read = (&mut *source).take(left as u64).read_buf(&mut piece).await;
        let count = read.map_err(|error| {
            Problem::new(Code::SourceUnreadable, format!("standard input: {error}"))
        })?;
        if count == 0 {
            break;
        }
    }
    Ok(piece.freeze())
}
