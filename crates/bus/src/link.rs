//! What the driver asks of a connection to a server.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::time;

/// Makes connections to one server.
pub(crate) trait Link: Send + 'static {
    /// What comes from the server.
    type Incoming: Incoming;
    /// What goes to the server.
    type Outgoing: Outgoing;

    /// Connects, once. The caller bounds how long that may take.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    fn open(
        &self,
    ) -> impl Future<Output = Result<(Self::Incoming, Self::Outgoing), LinkError>> + Send;

    /// Returns the address for people, without user and password.
    fn address(&self) -> &str;
}

/// The side of a connection that listens.
pub(crate) trait Incoming: Send {
    /// Waits for what comes next.
    ///
    /// # Errors
    ///
    /// Any error means that the connection is of no more use.
    fn next(&mut self) -> impl Future<Output = Result<Arrival, LinkError>> + Send;
}

/// The side of a connection that speaks.
///
/// Any error means that the connection is of no more use.
pub(crate) trait Outgoing: Send {
    /// Asks for the hints of a subject; in force at the latest when a later [`Outgoing::ping`] has returned.
    fn subscribe(&mut self, subject: &str) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Asks for them no longer.
    fn unsubscribe(&mut self, subject: &str) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Sends hints, each with its subject.
    fn publish(
        &mut self,
        hints: &[(String, Bytes)],
    ) -> impl Future<Output = Result<Sent, LinkError>> + Send;

    /// Returns when the server has dealt with everything said before.
    fn ping(&mut self) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// What comes from a server.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A hint.
    Hint { subject: String, hint: Bytes },
    /// The library had to let hints go.
    Gap,
    /// The server refused something, but goes on.
    Refusal(String),
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// How many hints the server refused.
    pub(crate) refused: u64,
    /// Why it refused the last of them.
    pub(crate) reason: Option<String>,
}

/// A connection cannot be made or is of no more use.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    #[error("connect")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("speak to the server")]
    Speak(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the server ended the connection")]
    Ended,
    #[error("the server did not answer within {0} ms")]
    Unanswered(u64),
}

impl LinkError {
    pub(crate) fn connect(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Connect(Box::new(error))
    }

    pub(crate) fn speak(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Speak(Box::new(error))
    }
}

/// Bounds how long something may take.
pub(crate) async fn within<T>(
    ms_max: u64,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    time::timeout(Duration::from_millis(ms_max), work)
        .await
        .unwrap_or(Err(LinkError::Unanswered(ms_max)))
}
