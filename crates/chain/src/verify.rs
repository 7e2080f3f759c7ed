//! Verification of a chain, record by record: links, sequence, author, signatures, entries, genesis, closing.
//!
//! A fold: [`Verifier::apply`] either takes the record and moves its head, or rejects it and stays as it was.
//! [`Verifier::apply_all`] does the same with many, and checks their signatures together.

use std::sync::Arc;

use base::{Code, Problem, Timestamp};
use crypto::{PreparedKey, PublicKey, SignatureBytes, Signed, VerifyError};
use thiserror::Error;

use crate::author::Head;
use crate::msgpack::action_hash_of;
use crate::{
    ActionData, AgentPubKey, DnaHash, Entry, EntryType, EntryVisibility, EnvelopeRef, Record,
    agent_of, envelope, public_of, record,
};

/// Which rules hold for application records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Those of every Holochain chain, for chains of any DNA.
    Holochain,
    /// Also those of Commonhold's integrity zome: envelopes only, no links.
    Commonhold,
}

/// Why a record does not continue a chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The author's key is no usable public key.
    #[error("author's key is not a usable Ed25519 key")]
    Key,
    /// The record is of another author.
    #[error("record {seq} was written by {found}, not by the chain's author")]
    ForeignAuthor {
        /// Its sequence number.
        seq: u32,
        /// Its author.
        found: AgentPubKey,
    },
    /// Records are missing before this one.
    #[error("record {found} came where {wanted} was expected")]
    Gap {
        /// The sequence number that continues the chain.
        wanted: u32,
        /// The one that came.
        found: u32,
    },
    /// It links to another action than the head.
    #[error("record {seq} does not link to the record before it")]
    Link {
        /// Its sequence number.
        seq: u32,
    },
    /// It is older than the record before it.
    #[error("record {seq} is older than the record before it")]
    Timestamp {
        /// Its sequence number.
        seq: u32,
    },
    /// The signature is not the author's over these bytes.
    #[error("signature of record {seq} does not fit")]
    Signature {
        /// Its sequence number.
        seq: u32,
    },
    /// The entry is not the one whose hash was signed, or not of the type that was signed.
    #[error("entry of record {seq} is not the one that was signed")]
    Entry {
        /// Its sequence number.
        seq: u32,
    },
    /// One of the first three records is not what a chain starts with, or comes again later.
    #[error("record {seq} breaks the rules of a chain's start")]
    Genesis {
        /// Its sequence number.
        seq: u32,
    },
    /// The chain belongs to another DNA.
    #[error("chain belongs to {found}, not to {wanted}")]
    Dna {
        /// The DNA hash of this community.
        wanted: DnaHash,
        /// The one that the chain names.
        found: DnaHash,
    },
    /// The chain was closed before.
    #[error("record {seq} comes after the chain was closed")]
    Closed {
        /// Its sequence number.
        seq: u32,
    },
    /// It breaks a structural rule of the integrity zome.
    #[error("record {seq} is not well-formed: {reason}")]
    Structure {
        /// Its sequence number.
        seq: u32,
        /// Which rule.
        reason: String,
    },
}

impl Rejection {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Key => Code::MalformedHash,
            Self::ForeignAuthor { .. } => Code::ForeignAuthor,
            Self::Gap { .. } => Code::ChainGap,
            Self::Link { .. } => Code::ChainFork,
            Self::Timestamp { .. } => Code::TimestampOrder,
            Self::Signature { .. } => Code::BadSignature,
            Self::Entry { .. } => Code::EntryMismatch,
            Self::Genesis { .. } => Code::BadGenesis,
            Self::Dna { .. } => Code::WrongDna,
            Self::Closed { .. } => Code::ChainClosed,
            Self::Structure { .. } => Code::MalformedRecord,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.code(), rejection.to_string())
    }
}

/// Checks one author's chain in one DNA, in order.
#[derive(Clone, Debug)]
pub struct Verifier {
    dna: DnaHash,
    author: AgentPubKey,
    key: AuthorKey,
    rules: Rules,
    head: Option<Head>,
    is_closed: bool,
}

impl Verifier {
    /// Starts before the first record.
    ///
    /// # Errors
    /// [`Rejection::Key`] when the author's key cannot sign anything, or its location does not belong to it.
    pub fn new(dna: DnaHash, author: AgentPubKey, rules: Rules) -> Result<Self, Rejection> {
        let public = public_of(&author);
        let key = PublicKey::from_bytes(&public).map_err(|_| Rejection::Key)?;
        // One key has one name: the location at its end is computed, not chosen.
        if agent_of(public) != author {
            return Err(Rejection::Key);
        }
        Ok(Self {
            dna,
            author,
            key: AuthorKey {
                key,
                checked: 0,
                prepared: None,
            },
            rules,
            head: None,
            is_closed: false,
        })
    }

    /// Continues after records that were verified before.
    #[must_use]
    pub fn after(mut self, head: Option<Head>, is_closed: bool) -> Self {
        self.head = head;
        self.is_closed = is_closed;
        self
    }

    /// Returns the newest record that was taken.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Returns whether the author closed the chain.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Returns the sequence number that continues the chain.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.head
            .as_ref()
            .map_or(0, |head| head.seq.saturating_add(1))
    }

    /// Takes the next record of the chain.
    ///
    /// An entry that did not come along is not asked for; one that came must be the one that was signed.
    ///
    /// # Errors
    /// [`Rejection`]; the verifier stays as it was.
    pub fn apply(&mut self, record: &Record) -> Result<(), Rejection> {
        self.check_before(record)?;
        let bytes = record::action_bytes(record.action());
        self.key
            .verify(&bytes, &record.signature().0)
            .map_err(|_| Rejection::Signature {
                seq: record.action().action_seq(),
            })?;
        self.check_content(record, &bytes)?;
        self.key.count();
        self.advance(record);
        Ok(())
    }

    /// Takes records in order until one is rejected; returns how many were taken.
    ///
    /// For pages of a chain whose records nobody else relies on yet: signatures are checked together, see
    /// [`PublicKey::verify_all`]. Where they do not all fit, each record is applied alone, so that the rejection is
    /// the one that [`Self::apply`] gives.
    ///
    /// # Errors
    /// The [`Rejection`] of the first record that was not taken.
    pub fn apply_all(&mut self, records: &[Record]) -> (usize, Result<(), Rejection>) {
        let mut ahead = self.clone();
        let mut messages = Vec::with_capacity(records.len());
        let (taken, end) = ahead.apply_unsigned(records, &mut messages);
        let signed: Vec<Signed<'_>> = messages
            .iter()
            .zip(records)
            .map(|(message, record)| Signed {
                message,
                signature: &record.signature().0,
            })
            .collect();
        if self.key.key.verify_all(&signed).is_ok() {
            *self = ahead;
            return (taken, end);
        }
        for (taken, record) in records.iter().enumerate() {
            if let Err(rejection) = self.apply(record) {
                return (taken, Err(rejection));
            }
        }
        (records.len(), Ok(()))
    }

    /// Does everything but check signatures; `messages` receives what was signed, also of a record whose content is
    /// rejected, because a signature that does not fit comes first.
    fn apply_unsigned(
        &mut self,
        records: &[Record],
        messages: &mut Vec<Vec<u8>>,
    ) -> (usize, Result<(), Rejection>) {
        for (taken, record) in records.iter().enumerate() {
            if let Err(rejection) = self.check_before(record) {
                return (taken, Err(rejection));
            }
            let bytes = record::action_bytes(record.action());
            let checked = self.check_content(record, &bytes);
            messages.push(bytes);
            if let Err(rejection) = checked {
                return (taken, Err(rejection));
            }
            self.advance(record);
        }
        (records.len(), Ok(()))
    }

    /// What can be said before the signature is checked.
    fn check_before(&self, record: &Record) -> Result<(), Rejection> {
        self.check_place(record)?;
        self.check_start(record)?;
        if self.is_closed {
            let seq = record.action().action_seq();
            return Err(Rejection::Closed { seq });
        }
        Ok(())
    }

    /// What is said after the signature over `bytes` fitted.
    fn check_content(&self, record: &Record, bytes: &[u8]) -> Result<(), Rejection> {
        if action_hash_of(bytes) != *record.action_address() {
            return Err(Rejection::Structure {
                seq: record.action().action_seq(),
                reason: "its hash is not that of its content".to_owned(),
            });
        }
        check_entry(record)?;
        if self.rules == Rules::Commonhold {
            check_structure(record)?;
        }
        Ok(())
    }

    /// Moves the head to a record that was checked.
    fn advance(&mut self, record: &Record) {
        self.is_closed = matches!(record.action().data, ActionData::CloseChain(_));
        self.head = Some(Head {
            seq: record.action().action_seq(),
            hash: record.action_address().clone(),
            timestamp: record::timestamp(record),
        });
    }

    /// Author, sequence, link and time.
    fn check_place(&self, record: &Record) -> Result<(), Rejection> {
        let action = record.action();
        let seq = action.action_seq();
        if action.author() != &self.author {
            return Err(Rejection::ForeignAuthor {
                seq,
                found: action.author().clone(),
            });
        }
        if seq != self.wanted() {
            return Err(Rejection::Gap {
                wanted: self.wanted(),
                found: seq,
            });
        }
        if action.prev_action() != self.head.as_ref().map(|head| &head.hash) {
            return Err(Rejection::Link { seq });
        }
        let earliest = self
            .head
            .as_ref()
            .map_or(Timestamp(i64::MIN), |head| head.timestamp);
        if record::timestamp(record) < earliest {
            return Err(Rejection::Timestamp { seq });
        }
        Ok(())
    }

    /// The three records of genesis stand at their places and nowhere else.
    fn check_start(&self, record: &Record) -> Result<(), Rejection> {
        let action = record.action();
        let seq = action.action_seq();
        match (&action.data, seq) {
            (ActionData::Dna(data), 0) if data.dna_hash != self.dna => Err(Rejection::Dna {
                wanted: self.dna.clone(),
                found: data.dna_hash.clone(),
            }),
            (ActionData::Dna(_), 0) | (ActionData::AgentValidationPkg(_), 1) => Ok(()),
            (ActionData::Create(data), 2) => {
                let own = record::entry_hash(&Entry::Agent(self.author.clone()));
                let is_own_key =
                    data.entry_type == EntryType::AgentPubKey && data.entry_hash == own;
                is_own_key.then_some(()).ok_or(Rejection::Genesis { seq })
            }
            (_, 0..=2) | (ActionData::Dna(_) | ActionData::AgentValidationPkg(_), _) => {
                Err(Rejection::Genesis { seq })
            }
            // Holochain wants an AgentValidationPkg right before a key, and there is only the one of genesis.
            _ if action.entry_type() == Some(&EntryType::AgentPubKey) => {
                Err(Rejection::Genesis { seq })
            }
            _ => Ok(()),
        }
    }
}

/// Signatures that are checked before the author's key is prepared; the table costs about as much as they do.
const PREPARE_AFTER: u32 = 64;

/// The key of a chain's author. Both forms accept the same signatures.
#[derive(Clone, Debug)]
struct AuthorKey {
    key: PublicKey,
    /// Signatures that fitted one by one.
    checked: u32,
    /// For long chains.
    prepared: Option<Arc<PreparedKey>>,
}

impl AuthorKey {
    fn verify(&self, message: &[u8], signature: &SignatureBytes) -> Result<(), VerifyError> {
        match &self.prepared {
            None => self.key.verify(message, signature),
            Some(prepared) => prepared.verify(message, signature),
        }
    }

    /// Counts a signature that fitted.
    fn count(&mut self) {
        self.checked = self.checked.saturating_add(1);
        if self.prepared.is_none() && self.checked >= PREPARE_AFTER {
            self.prepared = Some(Arc::new(PreparedKey::new(&self.key)));
        }
    }
}

/// An entry that came along is the one that was signed, and of the type that was signed.
fn check_entry(record: &Record) -> Result<(), Rejection> {
    let seq = record.action().action_seq();
    let mismatch = Rejection::Entry { seq };
    let Some(entry) = record::present(record) else {
        return Ok(());
    };
    let Some((wanted, entry_type)) = record
        .action()
        .entry_hash()
        .zip(record.action().entry_type())
    else {
        return Err(mismatch);
    };
    let fits = match (entry, entry_type) {
        (Entry::Agent(_), EntryType::AgentPubKey)
        | (Entry::App(_) | Entry::CounterSign(..), EntryType::App(_))
        | (Entry::CapClaim(_), EntryType::CapClaim)
        | (Entry::CapGrant(_), EntryType::CapGrant) => record::entry_hash(entry) == *wanted,
        (
            Entry::Agent(_)
            | Entry::App(_)
            | Entry::CounterSign(..)
            | Entry::CapClaim(_)
            | Entry::CapGrant(_),
            EntryType::AgentPubKey | EntryType::App(_) | EntryType::CapClaim | EntryType::CapGrant,
        ) => false,
    };
    fits.then_some(()).ok_or(mismatch)
}

/// The structural rules of the integrity zome, for the reader who does not run WebAssembly.
fn check_structure(record: &Record) -> Result<(), Rejection> {
    let action = record.action();
    let broken = |reason: &str| Rejection::Structure {
        seq: action.action_seq(),
        reason: reason.to_owned(),
    };
    if matches!(
        action.data,
        ActionData::CreateLink(_) | ActionData::DeleteLink(_)
    ) {
        return Err(broken("there are no links in this DNA"));
    }
    let Some(entry_type @ EntryType::App(_)) = action.entry_type() else {
        return Ok(());
    };
    let is_known = [EntryVisibility::Public, EntryVisibility::Private]
        .into_iter()
        .any(|visibility| &envelope::entry_type(visibility) == entry_type);
    if !is_known {
        return Err(broken("there is no such entry type in this DNA"));
    }
    if let Some(entry) = record::present(record) {
        EnvelopeRef::from_entry(entry).map_err(|error| broken(&error.to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
