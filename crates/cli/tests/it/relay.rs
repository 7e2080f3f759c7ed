//! A network in the way: passes bytes on between the program and a doorway, and breaks what it is told to break.
//!
//! Requests pass as they come. Answers pass whole, so that what is looked for is never cut in two.
//! Knows just enough HTTP/1.1 for that: answers tell their length.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Bytes of a request that are passed on at once; longer than any head.
const PIECE_BYTES: usize = 64 * 1_024;

/// Passes on what comes to its own address.
pub(crate) struct Relay {
    address: SocketAddr,
    way: Arc<Way>,
}

/// What happens to answers.
#[derive(Default)]
struct Way {
    replacements: Mutex<Vec<Replacement>>,
    /// What is counted in answers, and after how many nothing more gets through.
    counted: Mutex<Option<(Vec<u8>, usize)>>,
    count: AtomicUsize,
}

/// Bytes that become others.
struct Replacement {
    before: Vec<u8>,
    after: Vec<u8>,
    is_made: bool,
}

impl Relay {
    /// Starts passing on to `doorway`; ends with the test's process.
    pub(crate) fn start(doorway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(Way::default());
        let shared = Arc::clone(&way);
        thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                // A doorway that is gone is a connection that ends.
                let Ok(far) = TcpStream::connect(doorway) else {
                    continue;
                };
                join(near, far, Arc::clone(&shared));
            }
        });
        Self { address, way }
    }

    /// Returns the address of a path behind the relay.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Replaces bytes in answers by others of the same length, once each, from now on.
    pub(crate) fn replace(&self, pairs: &[(&[u8], &[u8])]) {
        let replacement = |(before, after): &(&[u8], &[u8])| {
            assert_eq!(before.len(), after.len());
            Replacement {
                before: before.to_vec(),
                after: after.to_vec(),
                is_made: false,
            }
        };
        *self.way.replacements.lock().unwrap() = pairs.iter().map(replacement).collect();
    }

    /// Tells whether everything was replaced that [`Relay::replace`] named.
    pub(crate) fn has_replaced(&self) -> bool {
        let replacements = self.way.replacements.lock().unwrap();
        replacements.iter().all(|replacement| replacement.is_made)
    }

    /// Counts answers that hold these bytes; when `max` got through, no answer does any more.
    pub(crate) fn stop_after(&self, bytes: &[u8], max: usize) {
        *self.way.counted.lock().unwrap() = Some((bytes.to_vec(), max));
    }

    /// Tells how many of the counted answers got through.
    pub(crate) fn count(&self) -> usize {
        self.way.count.load(Ordering::SeqCst)
    }
}

impl Way {
    /// Changes an answer; returns whether it gets through.
    fn change(&self, answer: &mut [u8]) -> bool {
        if let Some((wanted, max)) = &*self.counted.lock().unwrap() {
            if self.count.load(Ordering::SeqCst) == *max {
                return false;
            }
            if find(answer, wanted).is_some() {
                self.count.fetch_add(1, Ordering::SeqCst);
            }
        }
        for replacement in &mut *self.replacements.lock().unwrap() {
            if let Some(at) = find(answer, &replacement.before).filter(|_| !replacement.is_made) {
                answer[at..at + replacement.after.len()].copy_from_slice(&replacement.after);
                replacement.is_made = true;
            }
        }
        true
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Passes on both ways until either side ends.
fn join(near: TcpStream, far: TcpStream, way: Arc<Way>) {
    let asks_head = Arc::new(AtomicBool::new(false));
    let (back_near, back_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    let asked = Arc::clone(&asks_head);
    thread::spawn(move || {
        drop(pass_requests(&near, &far, &asked));
        end(&near, &far);
    });
    thread::spawn(move || {
        drop(pass_answers(&back_far, &back_near, &asks_head, &way));
        end(&back_near, &back_far);
    });
}

fn end(near: &TcpStream, far: &TcpStream) {
    drop(near.shutdown(Shutdown::Both));
    drop(far.shutdown(Shutdown::Both));
}

fn pass_requests(
    mut near: &TcpStream,
    mut far: &TcpStream,
    is_head: &AtomicBool,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let len = near.read(&mut piece)?;
        if len == 0 {
            return Ok(());
        }
        is_head.store(piece.starts_with(b"HEAD "), Ordering::SeqCst);
        far.write_all(&piece[..len])?;
    }
}

fn pass_answers(
    far: &TcpStream,
    mut near: &TcpStream,
    is_head: &AtomicBool,
    way: &Way,
) -> io::Result<()> {
    let mut reader = BufReader::new(far);
    loop {
        let mut answer = Vec::new();
        let mut length = 0;
        loop {
            let start = answer.len();
            if reader.read_until(b'\n', &mut answer)? == 0 {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&answer[start..]).to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length is a number");
            }
            if line == "\r\n" {
                break;
            }
        }
        if !is_head.load(Ordering::SeqCst) {
            let head = answer.len();
            answer.resize(head + length, 0);
            reader.read_exact(&mut answer[head..])?;
        }
        if !way.change(&mut answer) {
            return Ok(());
        }
        near.write_all(&answer)?;
    }
}
