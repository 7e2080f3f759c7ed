//! Decides whether an operation keeps the structural rules of the network.
//!
//! Envelopes must be declared as one of the two entry types, decode, keep the rules of the crate `envelope`,
//! and be written in their canonical encoding.
//! Links do not exist here. Everything else (genesis, deletes, capabilities, opening and closing a chain) is sound as it is.
//!
//! An update keeps the entry type and the address of what it updates because the conductor itself refuses another one;
//! repeating that here would need a host function.

use std::fmt;

use hdi::prelude::*;
use holochain_serialized_bytes as msgpack;

use crate::Envelope;

/// Why an operation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The action makes or deletes a link, and there are no link types.
    Link,
    /// The action declares an entry type that this zome does not have.
    EntryType,
    /// A public entry should be there and is not.
    EntryMissing,
    /// The entry is not a plain app entry.
    EntryForm,
    /// The bytes of the entry are not an envelope.
    Encoding,
    /// The bytes of the entry are an envelope in another than its canonical encoding.
    NotCanonical,
    /// The envelope breaks a structural rule.
    Envelope(envelope::Fault),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => formatter.write_str("links are not part of this network"),
            Self::EntryType => {
                formatter.write_str("entry type is none of envelope and private envelope")
            }
            Self::EntryMissing => formatter.write_str("public entry is missing"),
            Self::EntryForm => formatter.write_str("entry is not a plain app entry"),
            Self::Encoding => formatter.write_str("entry is not an envelope"),
            Self::NotCanonical => formatter.write_str("envelope is not in its canonical encoding"),
            Self::Envelope(fault) => formatter.write_str(fault.text()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Whether an operation is sent with the public entry of its action.
#[derive(Clone, Copy)]
enum Carries<'op> {
    Entry(Option<&'op Entry>),
    ActionAlone,
}

/// Judges one operation.
///
/// # Errors
/// Returns the first rule that is broken.
pub fn judge(op: &Op) -> Result<(), Refusal> {
    match op {
        Op::CreateRecord(CreateRecord { record }) => {
            judge_action(record.action(), Carries::Entry(record.entry().as_option()))
        }
        Op::CreateEntry(CreateEntry { action, entry }) => {
            judge_action(&action.hashed.content, Carries::Entry(Some(entry)))
        }
        Op::Update(Update { update, new_entry }) => {
            judge_action(&update.hashed.content, Carries::Entry(new_entry.as_ref()))
        }
        Op::AgentActivity(AgentActivity { action, .. }) => {
            judge_action(&action.hashed.content, Carries::ActionAlone)
        }
        Op::Delete(Delete { delete }) => judge_action(&delete.hashed.content, Carries::ActionAlone),
        Op::CreateLink(_) | Op::DeleteLink(_) => Err(Refusal::Link),
    }
}

fn judge_action(action: &Action, carries: Carries<'_>) -> Result<(), Refusal> {
    let entry_type = match &action.data {
        ActionData::Create(create) => &create.entry_type,
        ActionData::Update(update) => &update.entry_type,
        ActionData::CreateLink(_) | ActionData::DeleteLink(_) => return Err(Refusal::Link),
        ActionData::Dna(_)
        | ActionData::AgentValidationPkg(_)
        | ActionData::InitZomesComplete(_)
        | ActionData::Delete(_)
        | ActionData::CloseChain(_)
        | ActionData::OpenChain(_) => return Ok(()),
    };
    match entry_type {
        EntryType::App(declared) => judge_app_entry(declared, carries),
        EntryType::AgentPubKey | EntryType::CapClaim | EntryType::CapGrant => Ok(()),
    }
}

fn judge_app_entry(declared: &AppEntryDef, carries: Carries<'_>) -> Result<(), Refusal> {
    let is_public = match (
        declared.zome_index.0,
        declared.entry_index.0,
        declared.visibility,
    ) {
        (0, 0, EntryVisibility::Public) => true,
        (0, 1, EntryVisibility::Private) => false,
        _ => return Err(Refusal::EntryType),
    };
    match carries {
        Carries::Entry(Some(Entry::App(bytes))) => judge_bytes(bytes.bytes()),
        Carries::Entry(Some(_)) => Err(Refusal::EntryForm),
        Carries::Entry(None) if is_public => Err(Refusal::EntryMissing),
        Carries::Entry(None) | Carries::ActionAlone => Ok(()),
    }
}

/// Judges the bytes of one entry: the msgpack of an [`Envelope`].
///
/// # Errors
/// Returns the first rule that is broken.
pub fn judge_bytes(bytes: &[u8]) -> Result<(), Refusal> {
    let envelope: Envelope = msgpack::decode(bytes).map_err(|_| Refusal::Encoding)?;
    envelope::check(&envelope.kind, envelope.version, envelope.body.len())
        .map_err(Refusal::Envelope)?;
    let canonical = msgpack::encode(&envelope).map_err(|_| Refusal::Encoding)?;
    if canonical != bytes {
        return Err(Refusal::NotCanonical);
    }
    Ok(())
}
