//! Very many read a large blob, a little at a time: that costs the doorway no memory, and others notice nothing.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

use crate::accept::doorway::Server;
use crate::accept::files;
use crate::accept::http::{self, Client};
use crate::accept::lesson::{self, SLUG};

/// How often each reads a little.
const TURNS: usize = 24;

/// How much that is at most, in bytes.
const LITTLE_BYTES: usize = 8 * 1_024;

/// How long one who has nothing yet waits for the next bytes once the turns are over.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much memory the doorway may hold, in bytes.
const RESIDENT_BYTES_MAX: u64 = 256 * 1_024 * 1_024;

/// One who reads a little at a time.
struct Slow {
    stream: TcpStream,
    head: Vec<u8>,
    /// Bytes of the blob that have come, once the head has.
    received: Option<usize>,
}

/// Has `readers` read the blob; returns what was counted.
pub(super) fn read(doorway: &Server, blob: &[u8], readers: usize) -> anyhow::Result<String> {
    let hash = files::sha256(blob);
    let path = format!("/store/{hash}");
    let whole = doorway.client().get(&path)?;
    anyhow::ensure!(
        whole.status() == 200 && whole.body == blob,
        "GET {path} answered {} with {} bytes",
        whole.status(),
        whole.body.len()
    );
    drop(whole);
    let mut slow = Vec::with_capacity(readers);
    for number in 0..readers {
        let reader = Slow::start(doorway.address(), &path);
        slow.push(reader.with_context(|| format!("slow reader {number}"))?);
    }
    let mut client = Client::strict(doorway.address());
    let mut resident = 0;
    for turn in 0..TURNS {
        for (number, reader) in slow.iter_mut().enumerate() {
            let read = reader.read_a_little(blob);
            read.with_context(|| format!("slow reader {number} in turn {turn}"))?;
        }
        resident = doorway.resident_bytes()?.max(resident);
        let page = format!(
            "/courses/{SLUG}/{}",
            lesson::slug(turn as u32 % super::PAGES)
        );
        let status = client.get(&page)?.status();
        anyhow::ensure!(
            status == 200,
            "GET {page} answered {status} among slow readers"
        );
    }
    for (number, reader) in slow.iter_mut().enumerate() {
        let first = reader.await_first_bytes(blob);
        first.with_context(|| format!("slow reader {number} got nothing"))?;
    }
    let received = slow.iter().map(|reader| reader.received);
    anyhow::ensure!(
        resident < RESIDENT_BYTES_MAX,
        "the doorway held {resident} bytes of memory with {readers} slow readers"
    );
    let bytes: usize = received.flatten().sum();
    Ok(format!(
        "{readers} slow readers of a blob of {} MiB got {bytes} bytes of it in {TURNS} turns, the doorway never held \
         more than {} MiB, and answered a quick reader in each turn",
        blob.len() >> 20,
        resident >> 20,
    ))
}

impl Slow {
    fn start(doorway: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let mut stream = http::connect(doorway)?.into_inner();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {doorway}\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            head: Vec::new(),
            received: None,
        })
    }

    /// Waits for the blob's first bytes if none came in any turn: on a busy machine the turns may be over before that.
    fn await_first_bytes(&mut self, blob: &[u8]) -> anyhow::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(PATIENCE))?;
        while self.received.is_none_or(|bytes| bytes == 0) {
            let before = (self.head.len(), self.received);
            self.read_a_little(blob)?;
            anyhow::ensure!(
                (self.head.len(), self.received) != before,
                "nothing came for {PATIENCE:?}"
            );
        }
        Ok(())
    }

    /// Takes what lies ready, up to a little; every byte must be the blob's.
    fn read_a_little(&mut self, blob: &[u8]) -> anyhow::Result<()> {
        let mut little = [0; LITTLE_BYTES];
        let len = match self.stream.read(&mut little) {
            Ok(0) => anyhow::bail!("the connection was closed"),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("read"),
        };
        let Some(received) = self.received else {
            self.head.extend_from_slice(&little[..len]);
            return self.read_head(blob);
        };
        self.compare(received, &little[..len], blob)
    }

    fn read_head(&mut self, blob: &[u8]) -> anyhow::Result<()> {
        let end = self.head.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let Some(end) = end else {
            return Ok(());
        };
        anyhow::ensure!(
            self.head.starts_with(b"HTTP/1.1 200 "),
            "the answer is {}",
            String::from_utf8_lossy(&self.head[..end])
        );
        let rest = self.head.split_off(end + 4);
        self.compare(0, &rest, blob)
    }

    fn compare(&mut self, start: usize, bytes: &[u8], blob: &[u8]) -> anyhow::Result<()> {
        let wanted = blob.get(start..start + bytes.len());
        anyhow::ensure!(wanted == Some(bytes), "wrong bytes after byte {start}");
        self.received = Some(start + bytes.len());
        Ok(())
    }
}
