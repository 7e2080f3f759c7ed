//! The tiers and what proves them.

use std::fmt;
use std::str::FromStr;

use base::{ContentHash, Timestamp};
use thiserror::Error;

/// How many failure domains may vanish without a durable blob being lost.
const DOMAINS_LOST_MAX: u32 = 1;

/// How far a blob is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// It is on stable storage of this machine.
    Accepted,
    /// It survives the loss of any one failure domain.
    Durable,
    /// Its manifest is committed and its shards were audited.
    Verified,
}

/// The text is no tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a tier: accepted, durable or verified")]
pub struct ParseTierError;

/// What proves that a blob is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The sequence number of its record in the log; the log was synced behind it.
    pub lsn: u64,
    /// When that was, for people.
    pub at: Timestamp,
}

/// What another machine signed: that it keeps a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    peer: Vec<u8>,
    domain: String,
    root: [u8; 32],
    until: Timestamp,
    signature: [u8; 64],
}

/// What proves that a blob is durable. Nothing in this release can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durable {
    manifest: ContentHash,
    receipts: Vec<Receipt>,
    at: Timestamp,
}

/// That a holder showed a part of its shard when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    root: [u8; 32],
    group: u64,
    at: Timestamp,
}

/// What proves that a blob is verified. Nothing in this release can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    commitment: Vec<u8>,
    audits: Vec<Audit>,
    at: Timestamp,
}

/// The evidence of one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    accepted: Accepted,
    durable: Option<Durable>,
    /// Only beside `durable`.
    verified: Option<Verified>,
}

/// What is missing for the next tier, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Machines that keep shards of it and sign for them.
    Receipts {
        /// Of how many failure domains there are receipts.
        domains: u32,
        /// How many failure domains may vanish without loss.
        domains_lost_max: u32,
    },
    /// A commitment of its manifest.
    Commitment,
}

impl Tier {
    /// All tiers, the weakest first.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Durable, Self::Verified];

    /// Returns the word used in interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Durable => "durable",
            Self::Verified => "verified",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = ParseTierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or(ParseTierError)
    }
}

impl Evidence {
    /// Takes the evidence of a blob whose record is on stable storage.
    #[must_use]
    pub const fn accepted_as(accepted: Accepted) -> Self {
        Self {
            accepted,
            durable: None,
            verified: None,
        }
    }

    /// Returns the highest tier that is proven.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        match (&self.durable, &self.verified) {
            (Some(_), Some(_)) => Tier::Verified,
            (Some(_), None) => Tier::Durable,
            (None, _) => Tier::Accepted,
        }
    }

    /// Returns what proves that it is accepted.
    #[must_use]
    pub const fn accepted(&self) -> Accepted {
        self.accepted
    }

    /// Returns what proves that it is durable.
    #[must_use]
    pub const fn durable(&self) -> Option<&Durable> {
        self.durable.as_ref()
    }

    /// Returns what proves that it is verified.
    #[must_use]
    pub const fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// Returns what is missing for the next tier; nothing when it is verified.
    #[must_use]
    pub const fn lack(&self) -> Option<Lack> {
        match self.tier() {
            Tier::Accepted => Some(Lack::Receipts {
                domains: 0,
                domains_lost_max: DOMAINS_LOST_MAX,
            }),
            Tier::Durable => Some(Lack::Commitment),
            Tier::Verified => None,
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receipts { domains: 0, .. } => {
                formatter.write_str("parts of it on other machines: none has signed for one yet")
            }
            Self::Receipts {
                domains,
                domains_lost_max,
            } => write!(
                formatter,
                "parts of it on more machines: {domains} places have signed for some, and it must outlive the loss of any {domains_lost_max}"
            ),
            Self::Commitment => {
                formatter.write_str("a commitment of its manifest, and an audit of each shard")
            }
        }
    }
}

impl Receipt {
    /// Returns the id of the machine that signed.
    #[must_use]
    pub fn peer(&self) -> &[u8] {
        &self.peer
    }

    /// Returns the failure domain of that machine.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the BLAKE3 root of the shard.
    #[must_use]
    pub const fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Returns until when the shard is kept.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns the signature of all of that.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

impl Durable {
    /// Returns the manifest that names the shards.
    #[must_use]
    pub const fn manifest(&self) -> &ContentHash {
        &self.manifest
    }

    /// Returns the receipts.
    #[must_use]
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// Returns since when it is durable.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl Audit {
    /// Returns the BLAKE3 root of the shard that was asked for.
    #[must_use]
    pub const fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Returns which group of it was shown.
    #[must_use]
    pub const fn group(&self) -> u64 {
        self.group
    }

    /// Returns when.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl Verified {
    /// Returns where the manifest is committed.
    #[must_use]
    pub fn commitment(&self) -> &[u8] {
        &self.commitment
    }

    /// Returns the audits.
    #[must_use]
    pub fn audits(&self) -> &[Audit] {
        &self.audits
    }

    /// Returns since when it is verified.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}
