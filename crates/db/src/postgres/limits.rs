//! The bounds of one PostgreSQL handle. Every wait has one.

use std::time::Duration;

/// The bounds of one handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresLimits {
    /// Connections that read; at least one. One more writes.
    pub connections_max: u32,
    /// Callers that wait for a connection, for reading and for writing each; one more is refused at once.
    pub waiting_len_max: usize,
    /// Prepared statements that each connection keeps; others are prepared for one use.
    pub statements_len_max: usize,
    /// How long opening goes on trying to reach the server, or waits for its schema, in milliseconds.
    pub start_ms_max: u64,
    /// How long one try to connect may take, in milliseconds.
    pub connect_ms_max: u64,
    /// How long a caller waits for a connection, in milliseconds.
    pub acquire_ms_max: u64,
    /// How long the server may work on one statement, in milliseconds.
    pub statement_ms_max: u64,
    /// How long a statement waits for a lock, in milliseconds.
    pub lock_ms_max: u64,
    /// How long a whole transaction may take, the caller's own work included, in milliseconds.
    pub transaction_ms_max: u64,
    /// How long one statement of a migration, or the wait for another process that migrates, may take, in milliseconds.
    pub migration_ms_max: u64,
    /// How long nobody tries to connect after a first failure, in milliseconds; it doubles with every further one.
    pub retry_delay_ms_min: u64,
    /// The longest such pause, in milliseconds.
    pub retry_delay_ms_max: u64,
}

impl Default for PostgresLimits {
    fn default() -> Self {
        Self {
            connections_max: 8,
            waiting_len_max: 1_024,
            statements_len_max: 128,
            start_ms_max: 30_000,
            connect_ms_max: 5_000,
            acquire_ms_max: 5_000,
            statement_ms_max: 10_000,
            lock_ms_max: 5_000,
            transaction_ms_max: 20_000,
            migration_ms_max: 600_000,
            retry_delay_ms_min: 50,
            retry_delay_ms_max: 2_000,
        }
    }
}

impl PostgresLimits {
    /// Returns how long nobody tries again after so many failures in a row.
    pub(crate) fn retry_delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let delay = self.retry_delay_ms_min.saturating_mul(1 << doublings);
        Duration::from_millis(delay.min(self.retry_delay_ms_max))
    }
}
