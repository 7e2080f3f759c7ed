//! What both ends of a socket share: a bounded queue in front of the writing half, and a reading half that notices
//! silence.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use runtime::Shutdown;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// What waits to be written.
pub(crate) type Queue = mpsc::Sender<Message>;

/// Messages that are written before they are flushed.
const MESSAGES_PER_FLUSH: usize = 256;

/// How long the other side may take to hear that a connection ends.
const CLOSING_MAX: Duration = Duration::from_secs(1);

/// Bytes that a connection reads at once.
const READ_BUFFER_BYTES: usize = 8 * 1_024;

/// Returns the bounds of a connection whose messages have at most so many bytes.
pub(crate) fn bounds(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// Takes a lock; a panic while it was held leaves a list that is still right line by line.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what waits until nobody can add to it any more, or the connection breaks.
pub(crate) async fn write_out(
    mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    mut queue: mpsc::Receiver<Message>,
    writing_max: Duration,
) {
    while let Some(first) = queue.recv().await {
        let writing = async {
            sink.feed(first).await?;
            for _ in 1..MESSAGES_PER_FLUSH {
                match queue.try_recv() {
                    Ok(next) => sink.feed(next).await?,
                    Err(_) => break,
                }
            }
            sink.flush().await
        };
        if !matches!(timeout(writing_max, writing).await, Ok(Ok(()))) {
            return;
        }
    }
    drop(timeout(CLOSING_MAX, sink.close()).await);
}

/// The reading half of a connection.
pub(crate) struct Reader {
    pub(crate) stream: SplitStream<WebSocketStream<TcpStream>>,
    pub(crate) queue: Queue,
    pub(crate) silence_max: Duration,
    pub(crate) shutdown: Shutdown,
}

impl Reader {
    /// Returns the next binary message; `None` when the connection has ended, is silent for too long, or is to end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let shutdown = self.shutdown.clone();
        shutdown.race(self.next_message()).await.flatten()
    }

    async fn next_message(&mut self) -> Option<Bytes> {
        let mut silent = 0;
        loop {
            match timeout(self.silence_max / 3, self.stream.next()).await {
                Ok(Some(Ok(Message::Binary(bytes)))) => return Some(bytes),
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return None,
                // Text and the like are passed over, as a Holochain conductor does.
                Ok(Some(Ok(_))) => silent = 0,
                Err(_) if silent >= 2 => return None,
                Err(_) => {
                    silent += 1;
                    drop(self.queue.try_send(Message::Ping(Bytes::new())));
                }
            }
        }
    }
}
