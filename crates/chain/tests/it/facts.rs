//! The facts of `vectors` come out of this crate.

use base::Timestamp;
use chain::author::Draft;
use chain::{
    ActionData, ActionHash, AgentPubKey, Author, DnaHash, EntryVisibility, Envelope, KeySigner,
    Rules, Signer as _, Verifier, WasmHash, Write, agent_of, dna, public_of, record,
};
use crypto::Keypair;

use crate::vectors::{AGENT, CHAIN, DNA, KEYS, LOCATION, Recorded, SEED};

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).expect("hex digits")
}

pub(crate) fn signer(seed: &str) -> KeySigner {
    let seed: [u8; 32] = bytes(seed).try_into().expect("32 bytes");
    KeySigner::new(Keypair::from_seed(&seed))
}

fn decoded(recorded: &Recorded) -> chain::Record {
    let entry = recorded.entry.map(|(entry, _)| bytes(entry));
    record::decode(
        &bytes(recorded.action),
        &bytes(recorded.signature),
        entry.as_deref(),
    )
    .expect("a record of the conductor")
}

#[test]
fn keys_have_their_text() {
    for (core, text) in KEYS {
        let core: [u8; 32] = bytes(core).try_into().expect("32 bytes");
        assert_eq!(agent_of(core).to_string(), text);
        let agent = AgentPubKey::try_from(text).expect("a key");
        assert_eq!(public_of(&agent), core);
    }
}

#[test]
fn a_location_belongs_to_its_core() {
    let (text, location, number) = LOCATION;
    let agent = AgentPubKey::try_from(text).expect("a key");
    let found = &agent.get_raw_39()[35..];
    assert_eq!(hex::encode(found), location);
    assert_eq!(
        u32::from_le_bytes(found.try_into().expect("four bytes")),
        number
    );
    assert_eq!(agent_of(public_of(&agent)), agent);
    let wrong = text.replace("IJi", "IJj");
    assert!(AgentPubKey::try_from(wrong.as_str()).is_err());
}

#[test]
fn the_dna_has_its_hash() {
    let [network_seed, zome, wasm_hash, hash] = DNA;
    let wasm_hash = WasmHash::try_from(wasm_hash).expect("a hash");
    assert_eq!(
        dna::hash_of(network_seed, zome, wasm_hash).to_string(),
        hash
    );
}

#[test]
fn records_decode_to_their_hashes_and_encode_to_their_bytes() {
    for recorded in &CHAIN {
        let record = decoded(recorded);
        let hash = hex::encode(record.action_address().get_raw_39());
        assert_eq!(hash, recorded.hash);
        assert_eq!(
            hex::encode(record::action_bytes(record.action())),
            recorded.action
        );
        let entry = record::present(&record).map(|entry| {
            let hash = record::entry_hash(entry);
            assert_eq!(record.action().entry_hash(), Some(&hash));
            (
                hex::encode(record::entry_bytes(entry)),
                hex::encode(hash.get_raw_39()),
            )
        });
        let entry = entry.as_ref().map(|(entry, hash)| (&**entry, &**hash));
        assert_eq!(entry, recorded.entry);
    }
}

#[test]
fn the_seed_signs_the_same_again() {
    let signer = signer(SEED);
    assert_eq!(signer.agent().to_string(), AGENT);
    for recorded in &CHAIN {
        let action = record::decode_action(&bytes(recorded.action)).expect("an action");
        let signature = signer.sign(&action).expect("its own action");
        assert_eq!(hex::encode(signature.0), recorded.signature);
    }
}

#[test]
fn the_chain_keeps_the_rules() {
    let dna = DnaHash::try_from(DNA[3]).expect("a hash");
    let author = AgentPubKey::try_from(AGENT).expect("a key");
    for rules in [Rules::Holochain, Rules::Commonhold] {
        let mut verifier = Verifier::new(dna.clone(), author.clone(), rules).expect("a good key");
        for recorded in &CHAIN {
            assert_eq!(verifier.apply(&decoded(recorded)), Ok(()));
        }
        let head = verifier.head().expect("a head");
        assert_eq!(hex::encode(head.hash.get_raw_39()), CHAIN[7].hash);
    }
}

/// Writes at the times of the recording.
struct Writer {
    author: Author,
    drafts: Vec<Draft>,
}

impl Writer {
    fn write(&mut self, write: Write) {
        let now = time_of(self.drafts.len());
        self.drafts.push(self.author.write(now, write));
    }

    /// Returns the action and the entry of an earlier draft.
    fn addresses(&self, seq: usize) -> (ActionHash, chain::EntryHash) {
        let action = &self.drafts[seq].action;
        let entry = action.entry_hash().expect("it made an entry").clone();
        (record::action_hash(action), entry)
    }
}

fn time_of(seq: usize) -> Timestamp {
    record::timestamp(&decoded(&CHAIN[seq]))
}

/// Our author, given the same times, writes what the conductor wrote.
#[test]
fn an_author_writes_the_same_chain() {
    let dna = DnaHash::try_from(DNA[3]).expect("a hash");
    let agent = AgentPubKey::try_from(AGENT).expect("a key");
    let mut drafts = Vec::new();
    let mut author = Author::new(agent.clone(), None);
    for seq in 0..4 {
        // Genesis is drafted in one moment; the recording's clock went on, so each draft is made with its own.
        let mut again = Author::new(agent.clone(), None);
        let draft = again.genesis(&dna, time_of(seq)).swap_remove(seq);
        let mut action = draft.action;
        action.header.prev_action = author.head().map(|head| head.hash.clone());
        author = Author::new(
            agent.clone(),
            Some(chain::Head {
                seq: action.action_seq(),
                hash: record::action_hash(&action),
                timestamp: time_of(seq),
            }),
        );
        drafts.push(Draft { action, ..draft });
    }
    let mut writer = Writer { author, drafts };
    let note = |version, body: &[u8]| Envelope::new("note", version, body.to_vec()).expect("fits");
    writer.write(Write::Create {
        envelope: note(1, b"hello"),
        visibility: EntryVisibility::Public,
    });
    writer.write(Write::Create {
        envelope: Envelope::new("secret", 1, vec![0, 1, 0xfe, 0xff]).expect("fits"),
        visibility: EntryVisibility::Private,
    });
    let (original, original_entry) = writer.addresses(4);
    writer.write(Write::Update {
        original: original.clone(),
        original_entry: original_entry.clone(),
        envelope: note(2, b"hello again"),
        visibility: EntryVisibility::Public,
    });
    writer.write(Write::Delete {
        original,
        original_entry,
    });
    for (draft, recorded) in writer.drafts.iter().zip(&CHAIN) {
        assert_eq!(
            hex::encode(record::action_bytes(&draft.action)),
            recorded.action
        );
        let entry = draft
            .entry
            .as_ref()
            .map(|entry| hex::encode(record::entry_bytes(entry)));
        assert_eq!(entry.as_deref(), recorded.entry.map(|(entry, _)| entry));
    }
    assert!(matches!(
        writer.drafts[7].action.data,
        ActionData::Delete(_)
    ));
}
