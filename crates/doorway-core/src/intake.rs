//! Which records of a sent chain are taken: those that continue what is known, when the sender may write here.
//!
//! Sending the same records again is no fault: what is known is compared and left out.
//! A planner: it looks at everything first, so that either all new records are taken or none.

use std::ops::{Range, RangeInclusive};

use base::{Code, Problem};
use chain::fork::ForkProof;
use chain::{
    ActionData, AgentPubKey, DnaHash, EntryType, EntryVisibility, Head, Record, Rejection, Rules,
    Verifier, public_of, record,
};
use crypto::PublicKey;
use thiserror::Error;

/// Bounds of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most records in one request.
    pub records_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { records_max: 1_000 }
    }
}

/// Whose chain it is and who may write.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The chain's author, as the address of the request names it.
    pub author: &'a AgentPubKey,
    /// The DNA of this community.
    pub dna: &'a DnaHash,
    /// Whether the author is on the community's list of members.
    pub is_member: bool,
}

/// What is known of the chain already.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its newest record; nothing for a chain that was never sent.
    pub head: Option<&'a Head>,
    /// Whether its author closed it.
    pub is_closed: bool,
    /// The known records that [`overlap`] names, in any order.
    pub overlap: &'a [Record],
}

/// What to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which of the sent records are new; they stand at the end.
    pub fresh: Range<usize>,
    /// The newest record after they were taken; nothing when the chain stays empty.
    pub head: Option<Head>,
    /// Whether the chain is closed after they were taken.
    pub is_closed: bool,
}

/// Why nothing is taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The author is not on the community's list of members.
    #[error("{0} is not on the community's list of members")]
    NotAMember(AgentPubKey),
    /// Too many records at once.
    #[error("{sent} records were sent at once; at most {max} are taken")]
    TooMany {
        /// How many were sent.
        sent: usize,
        /// How many are taken.
        max: usize,
    },
    /// Records are missing before the first one, or between two.
    #[error("record {found} was sent where {wanted} is wanted")]
    Gap {
        /// The sequence number to send from.
        wanted: u32,
        /// The one that came.
        found: u32,
    },
    /// The author signed two different records for one place.
    #[error("record {seq} differs from the one that is known")]
    Fork {
        /// The place.
        seq: u32,
        /// Both records, which prove it to anybody; nothing when the branches part before this place.
        proof: Option<Box<ForkProof>>,
    },
    /// A public entry did not come along.
    #[error("entry of record {seq} was left out")]
    EntryMissing {
        /// The record's sequence number.
        seq: u32,
    },
    /// A private entry came along; it belongs on its author's machine.
    #[error("entry of record {seq} is private and was sent")]
    EntryPrivate {
        /// The record's sequence number.
        seq: u32,
    },
    /// A record does not continue the chain.
    #[error(transparent)]
    Record(#[from] Rejection),
    /// The known record that a sent one must be compared with is not at hand.
    #[error("known record {seq} cannot be read")]
    Unread {
        /// The place.
        seq: u32,
    },
}

impl Refusal {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NotAMember(_) => Code::NotAMember,
            Self::TooMany { .. } => Code::BodyTooLarge,
            Self::Gap { .. } => Code::ChainGap,
            Self::Fork { .. } => Code::ChainFork,
            Self::EntryMissing { .. } => Code::EntryMismatch,
            Self::EntryPrivate { .. } => Code::MalformedRecord,
            Self::Record(rejection) => rejection.code(),
            Self::Unread { .. } => Code::StoreFailed,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

/// Returns the places of the known records that `incoming` must be compared with.
///
/// The range is never longer than `incoming`, so the shell may read it whatever was sent.
#[must_use]
pub fn overlap(head: Option<&Head>, incoming: &[Record]) -> Option<RangeInclusive<u32>> {
    let head = head?;
    let first = incoming.first()?.action().action_seq();
    let count = u32::try_from(incoming.len()).unwrap_or(u32::MAX);
    let last = first.saturating_add(count - 1).min(head.seq);
    (first <= last).then_some(first..=last)
}

/// Decides which of the `incoming` records are taken.
///
/// # Errors
/// [`Refusal`]; then none is.
pub fn plan(
    claim: Claim<'_>,
    known: Known<'_>,
    incoming: &[Record],
    limits: &Limits,
) -> Result<Plan, Refusal> {
    if !claim.is_member {
        return Err(Refusal::NotAMember(claim.author.clone()));
    }
    if incoming.len() > limits.records_max {
        return Err(Refusal::TooMany {
            sent: incoming.len(),
            max: limits.records_max,
        });
    }
    let overlap = overlap(known.head, incoming);
    let repeated = overlap.as_ref().map_or(0, |places| places.clone().count());
    for (record, seq) in incoming.iter().zip(overlap.into_iter().flatten()) {
        check_repeated(claim.author, known.overlap, record, seq)?;
    }
    let mut verifier = Verifier::new(claim.dna.clone(), claim.author.clone(), Rules::Commonhold)?
        .after(known.head.cloned(), known.is_closed);
    for record in &incoming[repeated..] {
        match verifier.apply(record) {
            Ok(()) => check_presence(record)?,
            Err(Rejection::Gap { wanted, found }) => return Err(Refusal::Gap { wanted, found }),
            Err(rejection) => return Err(rejection.into()),
        }
    }
    Ok(Plan {
        fresh: repeated..incoming.len(),
        head: verifier.head().cloned(),
        is_closed: verifier.is_closed(),
    })
}

/// A record at a known place is the known record.
fn check_repeated(
    author: &AgentPubKey,
    overlap: &[Record],
    record: &Record,
    seq: u32,
) -> Result<(), Refusal> {
    let found = record.action().action_seq();
    if record.action().author() != author {
        return Err(Rejection::ForeignAuthor {
            seq: found,
            found: record.action().author().clone(),
        }
        .into());
    }
    if found != seq {
        return Err(Refusal::Gap { wanted: seq, found });
    }
    let known = overlap
        .iter()
        .find(|known| known.action().action_seq() == seq && known.action().author() == author)
        .ok_or(Refusal::Unread { seq })?;
    if record::action_hash(known.action()) == record::action_hash(record.action()) {
        return Ok(());
    }
    if let (ActionData::Dna(known), ActionData::Dna(sent)) =
        (&known.action().data, &record.action().data)
        && known.dna_hash != sent.dna_hash
    {
        return Err(Rejection::Dna {
            wanted: known.dna_hash.clone(),
            found: sent.dna_hash.clone(),
        }
        .into());
    }
    let bytes = record::action_bytes(record.action());
    let is_signed = PublicKey::from_bytes(&public_of(author))
        .is_ok_and(|key| key.verify(&bytes, &record.signature().0).is_ok());
    if !is_signed {
        return Err(Rejection::Signature { seq }.into());
    }
    Err(Refusal::Fork {
        seq,
        proof: ForkProof::of(known, record).map(Box::new),
    })
}

/// Public entries of this application come along, private ones stay at home.
fn check_presence(record: &Record) -> Result<(), Refusal> {
    let seq = record.action().action_seq();
    let is_present = record::present(record).is_some();
    match record.action().entry_type() {
        Some(EntryType::App(def))
            if *def.visibility() == EntryVisibility::Public && !is_present =>
        {
            Err(Refusal::EntryMissing { seq })
        }
        Some(entry_type) if *entry_type.visibility() == EntryVisibility::Private && is_present => {
            Err(Refusal::EntryPrivate { seq })
        }
        _ => Ok(()),
    }
}
