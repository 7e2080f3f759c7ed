//! Writing a chain: genesis and the actions after it, unsigned. Signing and keeping them is a shell's work.

use base::Timestamp;
use holochain_integrity_types::action::{
    ActionHeader, AgentValidationPkgData, CreateData, DeleteData, DnaData, InitZomesCompleteData,
    UpdateData,
};

use crate::{
    Action, ActionData, ActionHash, AgentPubKey, DnaHash, Entry, EntryHash, EntryType,
    EntryVisibility, Envelope, envelope, record,
};

/// The newest action of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its sequence number, from 0.
    pub seq: u32,
    /// Its hash.
    pub hash: ActionHash,
    /// When its author says it was made.
    pub timestamp: Timestamp,
}

/// What a member wants to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new item.
    Create {
        /// The item in its frame.
        envelope: Envelope,
        /// Whether the entry leaves the author's own machine.
        visibility: EntryVisibility,
    },
    /// A newer version of an item.
    Update {
        /// The item's first action.
        original: ActionHash,
        /// The entry of that first action.
        original_entry: EntryHash,
        /// The new version in its frame.
        envelope: Envelope,
        /// Whether the entry leaves the author's own machine.
        visibility: EntryVisibility,
    },
    /// The withdrawal of an item; its history stays readable.
    Delete {
        /// The item's first action.
        original: ActionHash,
        /// The entry of that first action.
        original_entry: EntryHash,
    },
}

/// An action that is not signed yet, with the entry that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The action to sign.
    pub action: Action,
    /// Its entry, for creates and updates.
    pub entry: Option<Entry>,
}

/// Drafts the actions of one agent in one DNA, in order.
#[derive(Clone, Debug)]
pub struct Author {
    agent: AgentPubKey,
    head: Option<Head>,
}

impl Author {
    /// Continues after `head`, or starts a chain when there is none.
    #[must_use]
    pub const fn new(agent: AgentPubKey, head: Option<Head>) -> Self {
        Self { agent, head }
    }

    /// Returns the newest action that was drafted or that it started from.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Drafts the three actions that every chain starts with, and the mark that its zomes are ready.
    ///
    /// # Panics
    /// When the chain has started already.
    pub fn genesis(&mut self, dna: &DnaHash, now: Timestamp) -> Vec<Draft> {
        assert!(self.head.is_none(), "a chain starts once");
        let agent = Entry::Agent(self.agent.clone());
        let data = [
            (
                ActionData::Dna(DnaData {
                    dna_hash: dna.clone(),
                }),
                None,
            ),
            (
                ActionData::AgentValidationPkg(AgentValidationPkgData {
                    membrane_proof: None,
                }),
                None,
            ),
            (
                ActionData::Create(CreateData {
                    entry_type: EntryType::AgentPubKey,
                    entry_hash: record::entry_hash(&agent),
                }),
                Some(agent),
            ),
            (
                ActionData::InitZomesComplete(InitZomesCompleteData {}),
                None,
            ),
        ];
        data.into_iter()
            .map(|(data, entry)| self.draft(now, data, entry))
            .collect()
    }

    /// Drafts the action for one write.
    pub fn write(&mut self, now: Timestamp, write: Write) -> Draft {
        let (data, entry) = match write {
            Write::Create {
                envelope,
                visibility,
            } => {
                let entry = envelope.to_entry();
                let data = ActionData::Create(CreateData {
                    entry_type: envelope::entry_type(visibility),
                    entry_hash: record::entry_hash(&entry),
                });
                (data, Some(entry))
            }
            Write::Update {
                original,
                original_entry,
                envelope,
                visibility,
            } => {
                let entry = envelope.to_entry();
                let data = ActionData::Update(UpdateData {
                    original_action_address: original,
                    original_entry_address: original_entry,
                    entry_type: envelope::entry_type(visibility),
                    entry_hash: record::entry_hash(&entry),
                });
                (data, Some(entry))
            }
            Write::Delete {
                original,
                original_entry,
            } => {
                let data = ActionData::Delete(DeleteData {
                    deletes_address: original,
                    deletes_entry_address: original_entry,
                });
                (data, None)
            }
        };
        self.draft(now, data, entry)
    }

    /// Puts data behind the head; time never runs backwards along a chain.
    fn draft(&mut self, now: Timestamp, data: ActionData, entry: Option<Entry>) -> Draft {
        let (seq, prev, timestamp) = match &self.head {
            None => (0, None, now),
            Some(head) => (
                head.seq
                    .checked_add(1)
                    .expect("a chain is shorter than 2^32 actions"),
                Some(head.hash.clone()),
                now.max(head.timestamp),
            ),
        };
        let action = Action {
            header: ActionHeader {
                author: self.agent.clone(),
                timestamp: holochain_timestamp::Timestamp::from_micros(timestamp.as_micros()),
                action_seq: seq,
                prev_action: prev,
            },
            data,
        };
        self.head = Some(Head {
            seq,
            hash: record::action_hash(&action),
            timestamp,
        });
        Draft { action, entry }
    }
}

#[cfg(test)]
mod tests;
