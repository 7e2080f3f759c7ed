//! Chains for tests: agents from small numbers, and one record of each type.

use base::Timestamp;
use crypto::Keypair;
use holochain_integrity_types::action::{
    ActionHeader, CloseChainData, CreateData, CreateLinkData, DeleteData, DeleteLinkData,
    MigrationTarget, OpenChainData, UpdateData, ZomeIndex,
};
use holochain_integrity_types::capability::{CapClaim, CapGrant, Capability, GrantConstraint};
use holochain_integrity_types::link::{LinkTag, LinkType};

use crate::{
    Action, ActionData, AgentPubKey, Author, DnaHash, Entry, EntryType, EntryVisibility, Envelope,
    KeySigner, Record, Signature, Signer as _, dna, envelope, record,
};

/// When the chains of tests start, in microseconds.
pub(crate) const START: i64 = 1_700_000_000_000_000;

/// One agent and the chain it writes.
pub(crate) struct Chain {
    pub(crate) signer: KeySigner,
    pub(crate) records: Vec<Record>,
}

pub(crate) fn dna_hash() -> DnaHash {
    dna::hash_for("tests")
}

pub(crate) fn signer(number: u8) -> KeySigner {
    KeySigner::new(Keypair::from_seed(&[number; 32]))
}

/// Signs whatever the action says, also under a foreign name.
pub(crate) fn force(signer: &KeySigner, action: Action, entry: Option<Entry>) -> Record {
    let named = Action {
        header: ActionHeader {
            author: signer.agent().clone(),
            ..action.header.clone()
        },
        data: action.data.clone(),
    };
    if named == action {
        let signature = signer.sign(&action).expect("its own action");
        return record::assemble(action, signature, entry);
    }
    record::assemble(action, Signature([7; 64]), entry)
}

pub(crate) fn note(body: &[u8]) -> Envelope {
    Envelope::new("note", 1, body.to_vec()).expect("a short note")
}

pub(crate) fn create(entry: &Entry, entry_type: EntryType) -> ActionData {
    ActionData::Create(CreateData {
        entry_type,
        entry_hash: record::entry_hash(entry),
    })
}

pub(crate) fn create_note(body: &[u8]) -> (ActionData, Option<Entry>) {
    let entry = note(body).to_entry();
    let data = create(&entry, envelope::entry_type(EntryVisibility::Public));
    (data, Some(entry))
}

pub(crate) fn close() -> ActionData {
    ActionData::CloseChain(CloseChainData { new_target: None })
}

impl Chain {
    /// Genesis and the mark of init: records 0 to 3.
    pub(crate) fn start(number: u8) -> Self {
        Self::start_in(&dna_hash(), number)
    }

    pub(crate) fn start_in(dna: &DnaHash, number: u8) -> Self {
        let signer = signer(number);
        let records = Author::new(signer.agent().clone(), None)
            .genesis(dna, Timestamp(START))
            .into_iter()
            .map(|draft| force(&signer, draft.action, draft.entry))
            .collect();
        Self { signer, records }
    }

    pub(crate) fn agent(&self) -> &AgentPubKey {
        self.signer.agent()
    }

    pub(crate) fn last(&self) -> &Record {
        self.records.last().expect("a chain is never empty")
    }

    /// Returns the action that continues the chain.
    pub(crate) fn next_action(&self, data: ActionData) -> Action {
        let before = self.last().action();
        Action {
            header: ActionHeader {
                author: self.agent().clone(),
                timestamp: holochain_timestamp::Timestamp::from_micros(
                    before.timestamp().as_micros() + 1,
                ),
                action_seq: before.action_seq() + 1,
                prev_action: Some(record::action_hash(before)),
            },
            data,
        }
    }

    /// Returns the record that continues the chain.
    pub(crate) fn next(&self, data: ActionData, entry: Option<Entry>) -> Record {
        force(&self.signer, self.next_action(data), entry)
    }

    pub(crate) fn push(&mut self, (data, entry): (ActionData, Option<Entry>)) {
        let record = self.next(data, entry);
        self.records.push(record);
    }

    /// A public and a private create, an update and a delete: records 4 to 7.
    pub(crate) fn with_writes(number: u8) -> Self {
        let mut chain = Self::start(number);
        chain.push(create_note(b"hello"));
        let entry = note(b"secret").to_entry();
        let private = envelope::entry_type(EntryVisibility::Private);
        chain.push((create(&entry, private), Some(entry)));
        let first = chain.records[4].clone();
        let original = first.action_address().clone();
        let original_entry = first.action().entry_hash().expect("a create").clone();
        let entry = note(b"hello again").to_entry();
        let update = ActionData::Update(UpdateData {
            original_action_address: original.clone(),
            original_entry_address: original_entry.clone(),
            entry_type: envelope::entry_type(EntryVisibility::Public),
            entry_hash: record::entry_hash(&entry),
        });
        chain.push((update, Some(entry)));
        let delete = ActionData::Delete(DeleteData {
            deletes_address: original,
            deletes_entry_address: original_entry,
        });
        chain.push((delete, None));
        chain
    }

    /// All types of action and of entry; Commonhold's rules stop at the links, record 8.
    pub(crate) fn of_all_types(number: u8) -> Self {
        let mut chain = Self::with_writes(number);
        let base = chain.records[4].action_address().clone();
        let link = ActionData::CreateLink(CreateLinkData {
            base_address: base.clone().into(),
            target_address: chain.records[6].action_address().clone().into(),
            zome_index: ZomeIndex(0),
            link_type: LinkType(0),
            tag: LinkTag(b"tag\0\xff".to_vec()),
        });
        chain.push((link, None));
        let unlink = ActionData::DeleteLink(DeleteLinkData {
            base_address: base.into(),
            link_add_address: chain.last().action_address().clone(),
        });
        chain.push((unlink, None));
        let open = ActionData::OpenChain(OpenChainData {
            prev_target: MigrationTarget::Agent(signer(200).agent().clone()),
            close_hash: chain.last().action_address().clone(),
        });
        chain.push((open, None));
        let grant = Entry::CapGrant(CapGrant {
            tag: "tests".to_owned(),
            constraint: GrantConstraint::Unrestricted,
            capability: Capability::DirectSignal,
        });
        chain.push((create(&grant, EntryType::CapGrant), Some(grant)));
        let claim = Entry::CapClaim(CapClaim {
            tag: "tests".to_owned(),
            grantor: signer(201).agent().clone(),
            secret: [9; 64].into(),
        });
        chain.push((create(&claim, EntryType::CapClaim), Some(claim)));
        chain.push((close(), None));
        chain
    }
}
