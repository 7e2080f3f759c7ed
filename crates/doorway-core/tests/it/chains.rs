//! Chains for tests: an agent that writes whatever a test asks for, and what a reader should make of it.
//!
//! What should come out is computed from what was asked for, not from the records, so that it can be compared.

use std::collections::BTreeMap;

use base::{ContentHash, Timestamp};
use chain::author::{Draft, Write};
use chain::kind::{Content, ReachWord, Sealed};
use chain::{
    Action, ActionData, ActionHash, AgentPubKey, Author, DnaHash, Entry, EntryHash,
    EntryVisibility, Envelope, Head, Item, KeySigner, Record, Signature, Signer as _, dna, record,
};
use crypto::Keypair;
use holochain_integrity_types::action::CloseChainData;

/// The community of all tests.
pub(crate) fn dna_hash() -> DnaHash {
    dna::hash_for("tests of doorway-core")
}

/// A page with this title that everybody may see.
pub(crate) fn page(title: &str) -> Item {
    Item::Content(Content {
        title: title.to_owned(),
        slug: "page".to_owned(),
        language: "en".to_owned(),
        reach: ReachWord(base::Reach::Commons),
        ..Content::default()
    })
}

/// A page whose body does not fit into an envelope.
pub(crate) fn long_page(title: &str) -> Item {
    let Item::Content(content) = page(title) else {
        unreachable!("a page is content")
    };
    Item::Content(Content {
        body: "long ".repeat(14_000),
        ..content
    })
}

/// What should be projected of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Its newest version.
    pub(crate) content: Item,
    /// How many versions it has.
    pub(crate) versions: usize,
    /// Whether it was withdrawn.
    pub(crate) is_withdrawn: bool,
}

/// An agent with a chain, and what should be projected after each of its records.
#[derive(Clone)]
pub(crate) struct Writer {
    seed: u8,
    agent: AgentPubKey,
    author: Author,
    now: Timestamp,
    /// The chain.
    pub(crate) records: Vec<Record>,
    /// The blobs that spilled bodies are in.
    pub(crate) blobs: BTreeMap<ContentHash, Vec<u8>>,
    /// What should be projected, and how many records skipped, after each record.
    pub(crate) states: Vec<(BTreeMap<ActionHash, Expected>, usize)>,
}

impl Writer {
    /// Makes an agent whose chain has started.
    pub(crate) fn new(seed: u8) -> Self {
        let agent = signer(seed).agent().clone();
        let mut writer = Self {
            seed,
            author: Author::new(agent.clone(), None),
            agent,
            now: Timestamp::from_secs(1_700_000_000),
            records: Vec::new(),
            blobs: BTreeMap::new(),
            states: Vec::new(),
        };
        for draft in writer.author.genesis(&dna_hash(), writer.now) {
            writer.push(draft);
            writer.states.push((BTreeMap::new(), 0));
        }
        writer
    }

    /// Returns who writes.
    pub(crate) fn agent(&self) -> AgentPubKey {
        self.agent.clone()
    }

    /// Returns how many records there are.
    pub(crate) fn len(&self) -> u32 {
        self.records.len() as u32
    }

    /// Writes a new item.
    pub(crate) fn create(&mut self, item: &Item) -> ActionHash {
        let envelope = self.seal(item);
        let action = self.write(Write::Create {
            envelope,
            visibility: EntryVisibility::Public,
        });
        let expected = Expected {
            content: item.clone(),
            versions: 1,
            is_withdrawn: false,
        };
        self.expect(|items| {
            items.insert(action.clone(), expected);
            0
        });
        action
    }

    /// Writes a new version of what `original` names, whether it may or not.
    pub(crate) fn update(&mut self, original: &ActionHash, item: &Item) -> ActionHash {
        let envelope = self.seal(item);
        let action = self.write(Write::Update {
            original: original.clone(),
            original_entry: any_entry(),
            envelope,
            visibility: EntryVisibility::Public,
        });
        self.expect(|items| match items.get_mut(original) {
            Some(known) if !known.is_withdrawn && known.content.kind() == item.kind() => {
                known.content = item.clone();
                known.versions += 1;
                0
            }
            _ => 1,
        });
        action
    }

    /// Withdraws what `original` names, whether it may or not.
    pub(crate) fn delete(&mut self, original: &ActionHash) -> ActionHash {
        let action = self.write(Write::Delete {
            original: original.clone(),
            original_entry: any_entry(),
        });
        self.expect(|items| match items.get_mut(original) {
            Some(known) if !known.is_withdrawn => {
                known.is_withdrawn = true;
                0
            }
            _ => 1,
        });
        action
    }

    /// Writes a private item.
    pub(crate) fn create_private(&mut self, item: &Item) {
        let envelope = self.seal(item);
        self.write(Write::Create {
            envelope,
            visibility: EntryVisibility::Private,
        });
        self.expect(|_| 1);
    }

    /// Writes an envelope that nobody projects.
    pub(crate) fn create_odd(&mut self, kind: &str, version: u32, body: &[u8]) {
        let envelope =
            Envelope::new(kind, version, body.to_vec()).expect("the frame is well-formed");
        self.write(Write::Create {
            envelope,
            visibility: EntryVisibility::Public,
        });
        self.expect(|_| 1);
    }

    /// Closes the chain.
    pub(crate) fn close(&mut self) {
        let mut draft = self.author.write(
            self.now,
            Write::Delete {
                original: any_action(),
                original_entry: any_entry(),
            },
        );
        draft.action.data = ActionData::CloseChain(CloseChainData { new_target: None });
        let hash = self.push(draft);
        let (seq, timestamp) = (self.len() - 1, self.now);
        self.author = Author::new(
            self.agent(),
            Some(Head {
                seq,
                hash,
                timestamp,
            }),
        );
        self.expect(|_| 0);
    }

    fn seal(&mut self, item: &Item) -> Envelope {
        let Sealed { envelope, spilled } = item.seal().expect("items of tests follow their rules");
        self.blobs
            .extend(spilled.map(|bytes| (ContentHash::of(&bytes), bytes)));
        envelope
    }

    fn write(&mut self, write: Write) -> ActionHash {
        self.now = self.now + base::Duration::from_millis(1);
        let draft = self.author.write(self.now, write);
        self.push(draft)
    }

    fn push(&mut self, draft: Draft) -> ActionHash {
        let record = sign(self.seed, draft.action, draft.entry);
        let action = record.action_address().clone();
        self.records.push(record);
        action
    }

    /// Notes what should be projected after the newest record; `change` returns how many records are skipped.
    fn expect(&mut self, change: impl FnOnce(&mut BTreeMap<ActionHash, Expected>) -> usize) {
        let (mut items, skips) = self
            .states
            .last()
            .cloned()
            .expect("a chain starts with its genesis");
        let skips = skips + change(&mut items);
        self.states.push((items, skips));
    }
}

/// Returns the signer of a test agent.
pub(crate) fn signer(seed: u8) -> KeySigner {
    KeySigner::new(Keypair::from_seed(&[seed; 32]))
}

/// Signs any action of a test agent.
pub(crate) fn sign(seed: u8, action: Action, entry: Option<Entry>) -> Record {
    let signature = signer(seed).sign(&action).expect("it is the author's own");
    record::assemble(action, signature, entry)
}

/// Returns the record with a signature that does not fit.
pub(crate) fn with_bad_signature(record: &Record) -> Record {
    let mut signature = record.signature().0;
    signature[7] ^= 1;
    record::assemble(
        record.action().clone(),
        Signature(signature),
        record::present(record).cloned(),
    )
}

/// Returns the hash of an action that nobody wrote.
pub(crate) fn any_action() -> ActionHash {
    ActionHash::from_raw_32(vec![7; 32])
}

fn any_entry() -> EntryHash {
    EntryHash::from_raw_32(vec![7; 32])
}
