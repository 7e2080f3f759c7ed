//! "What was signed for me": every signature of an agent, readable in pages, the newest first.

use base::Timestamp;
use chain::ActionData;

use crate::body::Place;

/// Longest detail, in bytes.
pub const DETAIL_BYTES_MAX: usize = 253;

/// Most signatures on a page.
pub const PAGE_MAX: usize = 1_000;

/// What was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The first action of a chain.
    Dna,
    /// The second one.
    Membrane,
    /// The mark that the zomes are ready.
    Init,
    /// A new entry.
    Create,
    /// A newer version of an entry.
    Update,
    /// The withdrawal of an entry.
    Delete,
    /// The continuation of another chain.
    Open,
    /// The end of the chain.
    Close,
    /// How a person begins.
    Inception,
    /// The person's word for a doorway.
    Grant,
    /// The answer to a challenge.
    Challenge,
}

/// One signature. It may be that nobody ever got it: it was written down before it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub what: What,
    /// The epoch of the host, or of the grant; 0 for others.
    pub epoch: u64,
    /// The place in the chain; 0 for what is no action.
    pub seq: u32,
    /// The 32 bytes of the hash of what was signed.
    pub hash: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// For whom: the doorway of a grant, who asked with a challenge.
    pub detail: String,
    /// The one before it in the log.
    pub(crate) before: Option<Place>,
}

/// Where a page of signatures goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Place);

/// Some signatures, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The signatures.
    pub signed: Vec<Signed>,
    /// Where older ones are; `None` when there are none.
    pub next: Option<Cursor>,
}

impl What {
    /// All, as they are numbered in bytes from 1.
    const ALL: [Self; 11] = [
        Self::Dna,
        Self::Membrane,
        Self::Init,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Open,
        Self::Close,
        Self::Inception,
        Self::Grant,
        Self::Challenge,
    ];

    /// Returns what an action is; `None` for those that the vault never signs.
    #[must_use]
    pub const fn of(data: &ActionData) -> Option<Self> {
        Some(match data {
            ActionData::Dna(_) => Self::Dna,
            ActionData::AgentValidationPkg(_) => Self::Membrane,
            ActionData::InitZomesComplete(_) => Self::Init,
            ActionData::Create(_) => Self::Create,
            ActionData::Update(_) => Self::Update,
            ActionData::Delete(_) => Self::Delete,
            ActionData::OpenChain(_) => Self::Open,
            ActionData::CloseChain(_) => Self::Close,
            // Commonhold's zome has no links, so nobody who asks for one means well.
            ActionData::CreateLink(_) | ActionData::DeleteLink(_) => return None,
        })
    }

    /// Returns the number in bytes.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns what has a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.number() == number)
    }

    /// Tells whether it is an action of a chain.
    #[must_use]
    pub const fn is_action(self) -> bool {
        match self {
            Self::Dna
            | Self::Membrane
            | Self::Init
            | Self::Create
            | Self::Update
            | Self::Delete
            | Self::Open
            | Self::Close => true,
            Self::Inception | Self::Grant | Self::Challenge => false,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dna => "dna",
            Self::Membrane => "membrane",
            Self::Init => "init",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Open => "open",
            Self::Close => "close",
            Self::Inception => "inception",
            Self::Grant => "grant",
            Self::Challenge => "challenge",
        }
    }
}
