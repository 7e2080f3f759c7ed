//! Keys and hashes as they stand in messages: byte strings of 39 bytes.
//!
//! The location bytes are not looked at, as a Holochain conductor does not look at them; they are computed anew.

use chain::{ActionHash, AgentPubKey, DnaHash};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{CallFault, CellId, wire};

macro_rules! wrapped {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "ByteBuf", into = "ByteBuf")]
        pub struct $name(pub $inner);

        impl TryFrom<ByteBuf> for $name {
            type Error = CallFault;

            fn try_from(bytes: ByteBuf) -> Result<Self, CallFault> {
                wire::core(&bytes, $prefix).map(|core| Self(<$inner>::from_raw_32(core)))
            }
        }

        impl From<$name> for ByteBuf {
            fn from(hash: $name) -> Self {
                Self::from(hash.0.get_raw_39())
            }
        }
    };
}

wrapped!(
    /// An agent key.
    AgentBytes(AgentPubKey),
    wire::AGENT_PREFIX
);
wrapped!(
    /// A DNA hash.
    DnaBytes(DnaHash),
    wire::DNA_PREFIX
);
wrapped!(
    /// An action hash.
    ActionBytes(ActionHash),
    wire::ACTION_PREFIX
);

/// A cell: the pair of its DNA hash and its agent key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(DnaBytes, AgentBytes)", into = "(DnaBytes, AgentBytes)")]
pub struct CellPair(pub CellId);

impl From<(DnaBytes, AgentBytes)> for CellPair {
    fn from((dna, agent): (DnaBytes, AgentBytes)) -> Self {
        Self(CellId {
            dna: dna.0,
            agent: agent.0,
        })
    }
}

impl From<CellPair> for (DnaBytes, AgentBytes) {
    fn from(pair: CellPair) -> Self {
        (DnaBytes(pair.0.dna), AgentBytes(pair.0.agent))
    }
}
