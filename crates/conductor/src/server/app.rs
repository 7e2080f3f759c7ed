//! What an app socket is answered.

use bytes::Bytes;
use serde_bytes::ByteBuf;

use crate::protocol::app::{AppAnswer, AppRequest};
use crate::protocol::refusal::{words_of, words_of_call};
use crate::server::Desk;
use crate::server::line::Line;
use crate::socket::lock;
use crate::{AppId, CellId, Conductor as _, SignedCall};

impl Desk {
    /// Lets a connection hear of an app's cell, when the app is there.
    pub(super) async fn listen(&self, line: &Line, app: &str) -> Option<CellId> {
        let app: AppId = app.parse().ok()?;
        let cell = self.engine.app(&app).await.ok()??.cell;
        lock(&self.ears).listen(cell.clone(), line.id, line.queue.clone());
        Some(cell)
    }

    /// Answers a request of the app's socket.
    pub(super) async fn answer_app(&self, app: &str, request: AppRequest) -> AppAnswer {
        match request {
            AppRequest::AppInfo => match self.view_named(app).await {
                Ok(view) => AppAnswer::AppInfo(view),
                Err(fault) => AppAnswer::Error(words_of(&fault)),
            },
            AppRequest::CallZome { bytes, signature } => {
                // A signature of another length is none.
                let signature = signature.as_slice().try_into().unwrap_or([0; 64]);
                let call = SignedCall {
                    bytes: Bytes::from(bytes.into_vec()),
                    signature,
                };
                match self.engine.call(call.clone()).await {
                    Ok(answer) => AppAnswer::ZomeCalled(ByteBuf::from(answer.to_vec())),
                    Err(fault) => AppAnswer::Error(words_of_call(&fault, &call)),
                }
            }
        }
    }
}
