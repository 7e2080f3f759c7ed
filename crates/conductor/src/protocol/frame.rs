//! The outer frame: `{type, id, data}`, in which `data` is a byte string.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::protocol;

/// One message of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Wants a response with the same number.
    Request {
        /// The number, chosen by who asks.
        id: u64,
        /// What is asked.
        data: Bytes,
    },
    /// Answers a request.
    Response {
        /// The request's number.
        id: u64,
        /// The answer.
        data: Bytes,
    },
    /// Nobody asked for it.
    Signal {
        /// What is told.
        data: Bytes,
    },
    /// Opens an app socket; it has no answer.
    Authenticate {
        /// The token.
        data: Bytes,
    },
}

#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(with = "serde_bytes")]
    data: &'a [u8],
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    id: Option<u64>,
    #[serde(borrow, default)]
    data: Option<&'a serde_bytes::Bytes>,
}

impl Frame {
    /// Reads a frame; `None` for what is none, which is passed over.
    #[must_use]
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        let incoming: Incoming<'_> = rmp_serde::from_slice(bytes).ok()?;
        let data = bytes.slice_ref(incoming.data?);
        match (incoming.kind, incoming.id) {
            ("request", Some(id)) => Some(Self::Request { id, data }),
            ("response", Some(id)) => Some(Self::Response { id, data }),
            ("signal", _) => Some(Self::Signal { data }),
            ("authenticate", _) => Some(Self::Authenticate { data }),
            _ => None,
        }
    }

    /// Writes the frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let (kind, id, data) = match self {
            Self::Request { id, data } => ("request", Some(*id), data),
            Self::Response { id, data } => ("response", Some(*id), data),
            Self::Signal { data } => ("signal", None, data),
            Self::Authenticate { data } => ("authenticate", None, data),
        };
        protocol::encode(&Outgoing { kind, id, data })
    }
}
