//! The app socket: opened with a token, for one app.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::protocol::ErrorView;
use crate::protocol::admin::AppView;
use crate::protocol::hash::CellPair;

/// What opens an app socket.
#[derive(Debug, Deserialize, Serialize)]
pub struct Authenticate {
    /// The token, as numbers or as a byte string.
    #[serde(with = "serde_bytes")]
    pub token: Vec<u8>,
}

/// What is asked on an app socket.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AppRequest {
    /// The socket's app.
    AppInfo,
    /// A signed call.
    CallZome {
        /// The msgpack of [`crate::wire::CallParams`], as it was signed.
        bytes: ByteBuf,
        /// Ed25519 over SHA-512 of the bytes.
        signature: ByteBuf,
    },
}

/// What is answered on an app socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AppAnswer {
    /// The app; nothing when it is gone.
    AppInfo(Option<AppView>),
    /// What the function answers, as msgpack.
    ZomeCalled(ByteBuf),
    /// It did not work.
    Error(ErrorView),
}

/// What comes on an app socket without being asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AppSignal {
    /// From a zome of the app.
    App {
        /// The cell.
        cell_id: CellPair,
        /// The zome.
        zome_name: String,
        /// What it says, as msgpack; of Commonhold's zome a [`Grown`].
        signal: ByteBuf,
    },
}

/// The signal of Commonhold's zome: the chain has grown up to this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grown {
    /// The sequence number of the newest record then.
    pub seq: u32,
}
