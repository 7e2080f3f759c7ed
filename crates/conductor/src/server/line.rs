//! One connection: what waits to be written to it, and the signatures that it was asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chain::{Action, AgentPubKey, SignAll, SignError, Signature, SignedActions, Signer, record};
use serde_bytes::ByteBuf;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::CellId;
use crate::protocol;
use crate::protocol::admin::AdminSignal;
use crate::protocol::frame::Frame;
use crate::protocol::hash::CellPair;
use crate::protocol::own::{OwnSignal, SignEnd};
use crate::socket::{Queue, lock};

/// A connection, as those see it who answer on it.
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) queue: Queue,
    signing_max: Duration,
    asked: Mutex<HashMap<u64, oneshot::Sender<SignedActions>>>,
    next: AtomicU64,
}

impl Line {
    pub(super) fn new(id: u64, queue: Queue, signing_max: Duration) -> Self {
        Self {
            id,
            queue,
            signing_max,
            asked: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Answers a request. A connection that is gone is not told.
    pub(super) async fn respond(&self, id: u64, data: Bytes) {
        let frame = Frame::Response { id, data }.encode();
        drop(self.queue.send(Message::Binary(frame)).await);
    }

    /// Takes signatures that were asked for; what nobody waits for is passed over.
    pub(super) fn take_signed(&self, id: u64, signatures: Vec<ByteBuf>, end: Option<SignEnd>) {
        let Some(waiting) = lock(&self.asked).remove(&id) else {
            return;
        };
        let bytes = signatures
            .into_iter()
            .map_while(|signature| <[u8; 64]>::try_from(signature.as_slice()).ok());
        let answer = SignedActions {
            signatures: bytes.map(Signature).collect(),
            end: end.map(Into::into),
        };
        drop(waiting.send(answer));
    }

    /// Tells everybody who waits for a signature that none will come.
    pub(super) fn hang_up(&self) {
        lock(&self.asked).clear();
    }

    async fn ask(&self, cell: &CellId, actions: &[Action]) -> Result<SignedActions, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        lock(&self.asked).insert(id, sender);
        let actions = actions.iter().map(record::action_bytes).map(ByteBuf::from);
        let signal = AdminSignal::Commonhold(OwnSignal::Sign {
            id,
            cell_id: CellPair(cell.clone()),
            actions: actions.collect(),
        });
        let data = protocol::encode(&signal);
        let frame = Message::Binary(Frame::Signal { data }.encode());
        let asking = async {
            if self.queue.send(frame).await.is_err() {
                return Err("its connection is gone".to_owned());
            }
            answer
                .await
                .map_err(|_| "its connection is gone".to_owned())
        };
        let asked = timeout(self.signing_max, asking).await;
        lock(&self.asked).remove(&id);
        asked.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
    }
}

/// The signer of a cell whose key is behind a connection.
pub(super) struct LineSigner {
    pub(super) cell: CellId,
    pub(super) line: Arc<Line>,
}

impl Signer for LineSigner {
    fn agent(&self) -> &AgentPubKey {
        &self.cell.agent
    }

    /// Always refuses: an answer has to be waited for, which [`Signer::sign_all`] does.
    fn sign(&self, _action: &Action) -> Result<Signature, SignError> {
        Err(SignError::Unavailable(
            "it is behind a connection".to_owned(),
        ))
    }

    fn sign_all<'a>(&'a self, actions: &'a [Action]) -> SignAll<'a> {
        Box::pin(async move {
            match self.line.ask(&self.cell, actions).await {
                Ok(mut signed) => {
                    signed.signatures.truncate(actions.len());
                    signed
                }
                Err(reason) => SignedActions {
                    signatures: Vec::new(),
                    end: Some(SignError::Unavailable(reason)),
                },
            }
        })
    }
}
