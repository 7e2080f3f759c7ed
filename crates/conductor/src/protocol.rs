//! What crosses the sockets of a conductor: the subset of Holochain's admin and app protocol that [`crate::Conductor`]
//! needs, and Commonhold's own requests beside it.
//!
//! Every message is one binary WebSocket frame: a msgpack map ([`frame`]) whose `data` is msgpack again ([`admin`],
//! [`app`]). Commonhold's own requests travel as one more variant named `commonhold` ([`own`]), so that a conductor that
//! does not know them refuses them as it refuses anything unknown. Source: Holochain 0.7.1, whose frames
//! `docs/protocols/conductor.md` describes.
//!
//! Invariant: reading bounds nothing by itself; who reads a frame has bounded its length before.

pub mod admin;
pub mod app;
pub mod frame;
pub mod hash;
pub mod own;
pub mod refusal;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The words with which Holochain answers what it cannot read.
pub const UNREADABLE: &str = "Failed to deserialize request";

/// Holochain's shape of an error: `{type, value}`, both text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// The class, one of the constants of this type.
    #[serde(rename = "type")]
    pub class: String,
    /// What happened, for people.
    pub value: String,
}

impl ErrorView {
    /// Anything that went wrong inside.
    pub const INTERNAL: &str = "internal_error";
    /// The request could not be read.
    pub const DESERIALIZATION: &str = "deserialization";
    /// The signature of a call does not fit.
    pub const AUTHENTICATION: &str = "zome_call_authentication_failed";
    /// A call is not allowed, came at the wrong time, or came before.
    pub const UNAUTHORIZED: &str = "zome_call_unauthorized";

    /// Something that went wrong inside.
    #[must_use]
    pub fn internal(value: impl Into<String>) -> Self {
        Self {
            class: Self::INTERNAL.to_owned(),
            value: value.into(),
        }
    }

    /// The answer to what cannot be read.
    #[must_use]
    pub fn unreadable() -> Self {
        Self {
            class: Self::DESERIALIZATION.to_owned(),
            value: UNREADABLE.to_owned(),
        }
    }
}

/// Writes a message with field names.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> Bytes {
    rmp_serde::to_vec_named(message)
        .expect("messages hold nothing that msgpack cannot say")
        .into()
}

/// Reads a message; `None` when it is something else.
#[must_use]
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    rmp_serde::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests;
