//! Readers on both sides of the limit, on a clock that stands still unless all wait.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time;

use super::*;

const LIMITS: Limits = Limits {
    connections_max: 1,
    connections_per_address_max: 1,
    lanes: 0,
    handshakes_max: 1,
    head_ms_max: 1_000,
    head_bytes_max: 8_192,
    headers_max: 10,
    body_window_ms: 1_000,
    body_bytes_min: 100,
    write_window_ms: 1_000,
    write_bytes_min: 100,
    idle_ms_max: 1_000,
    streams_max: 1,
    drain_ms_max: 1_000,
};

impl Probe for DuplexStream {
    fn probe(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Writes 2,000 bytes through a buffer of one byte to a peer that reads `bytes` of them every `interval_ms`.
async fn write_to_a_reader_of(bytes: usize, interval_ms: u64) -> io::Result<()> {
    let (near, mut far) = duplex(1);
    let activity = Arc::new(Activity::default());
    let mut stall = Stall::new(near, LIMITS, activity, None);
    let reading = async {
        let mut clock = time::interval(Duration::from_millis(interval_ms));
        let mut chunk = vec![0; bytes];
        clock.tick().await;
        loop {
            clock.tick().await;
            if far.read_exact(&mut chunk).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        written = stall.write_all(&[7; 2_000]) => written,
        () = reading => unreachable!("it reads for ever"),
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_enough_in_each_window_lives() {
    write_to_a_reader_of(100, 900).await.unwrap();
    write_to_a_reader_of(10, 90).await.unwrap();
    write_to_a_reader_of(1_000, 999).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_takes_too_little_is_cut() {
    for (bytes, interval_ms) in [(1, 20), (10, 120), (99, 990), (100, 1_100)] {
        let error = write_to_a_reader_of(bytes, interval_ms).await.unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::TimedOut,
            "{bytes} in {interval_ms} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_waited_for_may_be_slow() {
    let (near, mut far) = duplex(10);
    let activity = Arc::new(Activity::default());
    let mut stall = Stall::new(near, LIMITS, Arc::clone(&activity), None);
    for _ in 0..10 {
        stall.write_all(b"x").await.unwrap();
        time::advance(Duration::from_secs(10)).await;
        assert_eq!(far.read_u8().await.unwrap(), b'x');
    }
    assert!(!activity.glance().is_busy());
}

#[tokio::test(start_paused = true)]
async fn a_socket_with_a_little_room_is_tried_before_the_kernel_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let mut filled = 0;
    while let Ok(count) = near.probe(&[0; 65_536]) {
        filled += count;
    }
    assert!(filled > 0);
    let full = near.probe(b"more").unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    drop(far);
}
