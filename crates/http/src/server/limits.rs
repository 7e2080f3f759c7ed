//! What a server allows.

use std::thread;
use std::time::Duration;

/// What a server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait until one ends.
    pub connections_max: usize,
    /// Open connections of one address; more are closed at once. Loopback is exempt, because proxies live there, and
    /// so are trusted proxies.
    pub connections_per_address_max: usize,
    /// Threads that serve connections; 0 serves them on the runtime that the server was started on.
    pub lanes: usize,
    /// TLS handshakes at once; more wait, and are given up after `head_ms_max`.
    pub handshakes_max: usize,
    /// How long a TLS handshake and how long a head may take, in milliseconds; also how long an HTTP/1 connection may
    /// be idle. The first head is cut on time, later ones after twice this time at the latest.
    pub head_ms_max: u64,
    /// How many bytes a head may have; at least 8,192.
    pub head_bytes_max: u32,
    /// How many headers a request may have.
    pub headers_max: usize,
    /// In this many milliseconds of waiting, `body_bytes_min` of a body must arrive.
    pub body_window_ms: u64,
    /// How many bytes of a body must arrive in `body_window_ms`, unless it ends before.
    pub body_bytes_min: u64,
    /// In this many milliseconds of waiting, the peer must take `write_bytes_min` of an answer.
    pub write_window_ms: u64,
    /// How many bytes of an answer the peer must take in `write_window_ms`, unless it has them all before. Kernels
    /// take and report bytes in packets, so that less than 4,096 is hard to tell from nothing.
    pub write_bytes_min: u64,
    /// How long a connection may be without a request, in milliseconds.
    pub idle_ms_max: u64,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams_max: u32,
    /// How long requests may take to end after shutdown was asked for, in milliseconds.
    pub drain_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 512,
            lanes: thread::available_parallelism().map_or(1, usize::from),
            handshakes_max: 256,
            head_ms_max: 15_000,
            head_bytes_max: 64 * 1_024,
            headers_max: 100,
            body_window_ms: 20_000,
            body_bytes_min: 8 * 1_024,
            write_window_ms: 30_000,
            write_bytes_min: 8 * 1_024,
            idle_ms_max: 75_000,
            streams_max: 128,
            drain_ms_max: 20_000,
        }
    }
}

impl Limits {
    pub(super) const fn head(&self) -> Duration {
        Duration::from_millis(self.head_ms_max)
    }
}
