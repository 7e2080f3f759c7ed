//! A network in the way: passes bytes on between the program and a doorway, and breaks what it is told to break.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Bytes that are passed on at once; longer than any head.
const PIECE_BYTES: usize = 64 * 1_024;

/// Passes on what comes to its own address.
pub(crate) struct Relay {
    address: SocketAddr,
    way: Arc<Way>,
}

/// What happens to bytes that come from the doorway.
#[derive(Default)]
struct Way {
    replacement: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    has_replaced: AtomicBool,
    /// What is counted in the answers, and after how many nothing more gets through.
    counted: Mutex<Option<(Vec<u8>, usize)>>,
    count: AtomicUsize,
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
                let (back_near, back_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let way = Arc::clone(&shared);
                thread::spawn(move || pass(near, far, |_| true));
                thread::spawn(move || pass(back_far, back_near, |bytes| way.change(bytes)));
            }
        });
        Self { address, way }
    }

    /// Returns the address of a path behind the relay.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Replaces bytes in answers by others of the same length, from now on.
    pub(crate) fn replace(&self, before: &[u8], after: &[u8]) {
        assert_eq!(before.len(), after.len());
        self.way.has_replaced.store(false, Ordering::SeqCst);
        *self.way.replacement.lock().unwrap() = Some((before.to_vec(), after.to_vec()));
    }

    /// Tells whether something was replaced since [`Relay::replace`].
    pub(crate) fn has_replaced(&self) -> bool {
        self.way.has_replaced.load(Ordering::SeqCst)
    }

    /// Counts answers that hold these bytes; the one after the `count`th gets lost, and all after it.
    pub(crate) fn stop_after(&self, bytes: &[u8], count: usize) {
        *self.way.counted.lock().unwrap() = Some((bytes.to_vec(), count));
    }

    /// Tells how many answers with the counted bytes got through.
    pub(crate) fn count(&self) -> usize {
        self.way.count.load(Ordering::SeqCst)
    }
}

impl Way {
    /// Changes what passes; returns whether it gets through.
    fn change(&self, bytes: &mut [u8]) -> bool {
        if let Some((wanted, max)) = &*self.counted.lock().unwrap() {
            if self.count.load(Ordering::SeqCst) == *max {
                return false;
            }
            if find(bytes, wanted).is_some() {
                self.count.fetch_add(1, Ordering::SeqCst);
            }
        }
        if let Some((before, after)) = &*self.replacement.lock().unwrap()
            && let Some(at) = find(bytes, before)
        {
            bytes[at..at + after.len()].copy_from_slice(after);
            self.has_replaced.store(true, Ordering::SeqCst);
        }
        true
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Passes bytes on until one side ends or `change` lets nothing more through.
fn pass(mut source: TcpStream, mut target: TcpStream, change: impl Fn(&mut [u8]) -> bool) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(len) = source.read(&mut piece) {
        if len == 0 || !change(&mut piece[..len]) || target.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    drop(target.shutdown(Shutdown::Both));
    drop(source.shutdown(Shutdown::Both));
}
