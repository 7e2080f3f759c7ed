//! What a bus allows, and how long it waits.

/// The bounds of a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a hint may be, in bytes. A longer one is refused when it is published, and becomes
    /// [`crate::Message::Lagged`] when somebody else has published it.
    pub message_bytes_max: usize,
    /// How many subscriptions may exist at the same time.
    pub subscriptions_max: usize,
    /// How many hints wait for the server, and how many for each subscription; then the oldest goes.
    pub queue_len_max: usize,
    /// How long connecting may take, in milliseconds.
    pub connect_ms_max: u64,
    /// How long the server may take to answer, in milliseconds.
    pub answer_ms_max: u64,
    /// How often the server is asked whether it still answers, in milliseconds.
    pub ping_ms: u64,
    /// How long the first pause before connecting again is, in milliseconds; each further one is twice as long.
    pub retry_ms_min: u64,
    /// How long the pause before connecting again is at most, in milliseconds.
    pub retry_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 64 * 1024,
            subscriptions_max: 64,
            queue_len_max: 1024,
            connect_ms_max: 5_000,
            answer_ms_max: 5_000,
            ping_ms: 10_000,
            retry_ms_min: 100,
            retry_ms_max: 15_000,
        }
    }
}
