//! The client: connections that are used again, one call at a time on each.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Code, Problem};
use zeroize::Zeroizing;

use super::call::{Call, Reply};
use super::codec::decode_answer;
use super::{FRAME_BYTES_MAX, HELLO};

/// Most connections that are kept for later.
const IDLE_MAX: usize = 64;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A vault at the other end of a Unix socket. Cheap to clone; clones share their connections. Its calls block.
#[derive(Clone, Debug)]
pub struct Remote {
    path: PathBuf,
    idle: Arc<Mutex<Vec<UnixStream>>>,
}

impl Remote {
    /// Talks to the vault at this socket; nothing is connected yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::default(),
        }
    }

    /// Asks and waits for the answer. A call that does no harm twice is asked once more when a connection broke that
    /// was open before: the vault may have been started anew.
    ///
    /// # Errors
    /// What the vault says; [`Code::Unavailable`] when it cannot be reached or does not answer.
    pub fn call(&self, call: &Call) -> Result<Reply, Problem> {
        let bytes = call.encode();
        if let Some(mut stream) = self.take() {
            match exchange(&mut stream, &bytes) {
                Ok(answer) => return self.finish(stream, &answer),
                Err(error) if !call.may_repeat() => return Err(self.unreachable(&error)),
                Err(_) => {}
            }
        }
        let fresh = self.connect().and_then(|mut stream| {
            let answer = exchange(&mut stream, &bytes)?;
            Ok((stream, answer))
        });
        let (stream, answer) = fresh.map_err(|error| self.unreachable(&error))?;
        self.finish(stream, &answer)
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.path)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        stream.write_all(HELLO)?;
        Ok(stream)
    }

    fn finish(&self, stream: UnixStream, answer: &[u8]) -> Result<Reply, Problem> {
        let answer = decode_answer(answer).ok_or_else(|| {
            let detail = "the vault gave an answer that cannot be understood";
            Problem::new(Code::ServerAnswer, detail)
        })?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(stream);
        }
        answer
    }

    fn take(&self) -> Option<UnixStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    fn unreachable(&self, error: &io::Error) -> Problem {
        let path = self.path.display();
        let detail = format!("the vault at {path} cannot be reached: {error}");
        Problem::new(Code::Unavailable, detail)
    }
}

fn exchange(stream: &mut UnixStream, call: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    let len = u32::try_from(call.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let framed = Zeroizing::new([&len.to_le_bytes(), call].concat());
    stream.write_all(&framed)?;
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len) as usize;
    if len > FRAME_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = Zeroizing::new(vec![0; len]);
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
