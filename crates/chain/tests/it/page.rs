//! The pages of the protocol say what this crate does: their vectors are read and made again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::ContentHash;
use chain::fork::ForkProof;
use chain::kind::Opened;
use chain::{
    AgentPubKey, DnaHash, Envelope, Item, Record, Rules, Signer as _, Verifier, WasmHash, agent_of,
    dna, public_of, record,
};

use crate::facts::{bytes, signer};

/// The fields of a vector by name.
pub(crate) type Fields<'a> = BTreeMap<&'a str, &'a str>;

/// A fenced block: its two words and its lines.
pub(crate) struct Block {
    form: String,
    name: String,
    lines: Vec<String>,
}

impl Block {
    /// Returns the fields of a `vector` block.
    fn fields(&self) -> Fields<'_> {
        let fields = self.lines.iter().map(|line| {
            let (name, value) = line.split_once(':').expect("a name and a value");
            (name, value.trim())
        });
        fields.collect()
    }

    /// Returns the bytes of a `bytes` block, whose lines end in a comment.
    fn bytes(&self) -> String {
        let hex = self
            .lines
            .iter()
            .map(|line| line.split('#').next().expect("a part"));
        hex.flat_map(str::split_whitespace).collect()
    }
}

pub(crate) fn page(name: &str) -> Vec<Block> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/protocols")
        .join(name);
    let text = std::fs::read_to_string(path).expect("the page is committed");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("```") else {
            continue;
        };
        let (form, name) = label.split_once(' ').expect("every block is checked");
        blocks.push(Block {
            form: form.to_owned(),
            name: name.to_owned(),
            lines: lines
                .by_ref()
                .take_while(|line| *line != "```")
                .map(str::to_owned)
                .collect(),
        });
    }
    blocks
}

pub(crate) fn vectors<'a>(blocks: &'a [Block], name: &str) -> Vec<Fields<'a>> {
    let blocks = blocks
        .iter()
        .filter(|block| (block.form.as_str(), block.name.as_str()) == ("vector", name));
    let found: Vec<_> = blocks.map(Block::fields).collect();
    assert!(!found.is_empty(), "the page has no vector {name}");
    found
}

fn spelled(blocks: &[Block], name: &str) -> String {
    let block = blocks
        .iter()
        .find(|block| (block.form.as_str(), block.name.as_str()) == ("bytes", name));
    block.expect("the page spells it out").bytes()
}

fn record_of(fields: &BTreeMap<&str, &str>) -> Record {
    let entry = fields.get("entry").map(|entry| bytes(entry));
    record::decode(
        &bytes(fields["action"]),
        &bytes(fields["signature"]),
        entry.as_deref(),
    )
    .expect("a record")
}

#[test]
fn chain_md_keys_and_locations() {
    let blocks = page("chain.md");
    for location in vectors(&blocks, "location") {
        let core: [u8; 32] = bytes(location["core"]).try_into().expect("32 bytes");
        let agent = agent_of(core);
        assert_eq!(hex::encode(&agent.get_raw_39()[35..]), location["location"]);
        assert_eq!(agent.to_string(), location["agent"]);
    }
    for key in vectors(&blocks, "key") {
        let signer = signer(key["seed"]);
        let agent = signer.agent();
        assert_eq!(hex::encode(public_of(agent)), key["public"]);
        assert_eq!(hex::encode(agent.get_raw_39()), key["agent"]);
        assert_eq!(agent.to_string(), key["text"]);
    }
}

#[test]
fn chain_md_records() {
    let blocks = page("chain.md");
    let signer = signer(vectors(&blocks, "key")[0]["seed"]);
    let records = vectors(&blocks, "record");
    for fields in &records {
        let record = record_of(fields);
        let action = record.action();
        assert_eq!(hex::encode(record::action_bytes(action)), fields["action"]);
        let hash = record::action_hash(action);
        assert_eq!(hex::encode(hash.get_raw_39()), fields["hash"]);
        assert_eq!(hash.to_string(), fields["text"]);
        let signature = signer.sign(action).expect("its own action");
        assert_eq!(hex::encode(signature.0), fields["signature"]);
        let entry = record::present(&record);
        let entry_bytes = entry.map(|entry| hex::encode(record::entry_bytes(entry)));
        assert_eq!(entry_bytes.as_deref(), fields.get("entry").copied());
        let hash = entry.map(|entry| hex::encode(record::entry_hash(entry).get_raw_39()));
        assert_eq!(hash.as_deref(), fields.get("entry_hash").copied());
    }
    let mut records: Vec<_> = records.iter().map(record_of).collect();
    records.sort_by_key(|record| record.action().action_seq());
    let dna = DnaHash::try_from(vectors(&blocks, "dna")[0]["text"]).expect("a hash");
    let mut verifier =
        Verifier::new(dna, signer.agent().clone(), Rules::Commonhold).expect("a good key");
    for record in &records {
        assert_eq!(verifier.apply(record), Ok(()));
    }
    assert_eq!(verifier.wanted(), 8);
}

#[test]
fn chain_md_spells_the_bytes_out() {
    let blocks = page("chain.md");
    let create = &vectors(&blocks, "record")[0];
    assert_eq!(spelled(&blocks, "action"), create["action"]);
    assert_eq!(spelled(&blocks, "entry"), create["entry"]);
    let record = record_of(create);
    let entry = record::present(&record).expect("a create has one");
    let envelope = Envelope::from_entry(entry).expect("an envelope");
    let inner = rmp_serde::to_vec_named(&envelope).expect("an envelope is msgpack");
    assert_eq!(spelled(&blocks, "envelope"), hex::encode(inner));
}

#[test]
fn chain_md_dna() {
    let blocks = page("chain.md");
    for fields in vectors(&blocks, "dna") {
        let wasm_hash = WasmHash::try_from(fields["wasm_hash"]).expect("a hash");
        let hash = dna::hash_of(fields["network_seed"], fields["zome"], wasm_hash);
        assert_eq!(hex::encode(hash.get_raw_39()), fields["hash"]);
        assert_eq!(hash.to_string(), fields["text"]);
        let hashed = holo_hash::encode::blake2b_256(&bytes(fields["bytes"]));
        assert_eq!(hash.get_raw_32(), hashed);
        assert_eq!(spelled(&blocks, "dna"), fields["bytes"]);
    }
}

#[test]
fn chain_md_fork() {
    let blocks = page("chain.md");
    let signer = signer(vectors(&blocks, "key")[0]["seed"]);
    let first = record_of(&vectors(&blocks, "record")[0]);
    let second = &vectors(&blocks, "fork")[0];
    let action = record::decode_action(&bytes(second["action"])).expect("an action");
    let signature = signer.sign(&action).expect("its own action");
    assert_eq!(hex::encode(signature.0), second["signature"]);
    assert!(ForkProof::of(&first, &record_of(second)).is_some());
}

/// The page names the rules in the order in which they are checked, with the codes that people meet.
#[test]
fn chain_md_codes() {
    use chain::Rejection;
    let seq = 0;
    let hash = || dna::hash_for("");
    let order = [
        Rejection::Key,
        Rejection::ForeignAuthor {
            seq,
            found: AgentPubKey::from_raw_32(vec![0; 32]),
        },
        Rejection::Gap {
            wanted: 0,
            found: 1,
        },
        Rejection::Link { seq },
        Rejection::Timestamp { seq },
        Rejection::Dna {
            wanted: hash(),
            found: hash(),
        },
        Rejection::Genesis { seq },
        Rejection::Closed { seq },
        Rejection::Signature { seq },
        Rejection::Structure {
            seq,
            reason: String::new(),
        },
        Rejection::Entry { seq },
        Rejection::Structure {
            seq,
            reason: String::new(),
        },
    ];
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocols/chain.md");
    let text = std::fs::read_to_string(path).expect("the page is committed");
    let codes: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let code = line.strip_suffix(" |")?.rsplit_once("| ")?.1;
            code.starts_with("CH-").then(|| code.to_owned())
        })
        .collect();
    let expect: Vec<_> = order.iter().map(|rule| rule.code().to_string()).collect();
    assert_eq!(codes, expect);
}

#[test]
fn kinds_md_bodies() {
    let blocks = page("kinds.md");
    let mut kinds = Vec::new();
    for fields in vectors(&blocks, "kind") {
        let version = fields["version"].parse().expect("a number");
        let envelope = Envelope::new(fields["kind"], version, bytes(fields["body"]))
            .expect("a well-formed envelope");
        let Ok(Opened::Item(item)) = Item::open(&envelope) else {
            panic!("an item");
        };
        let sealed = item.seal().expect("keeps the rules");
        assert_eq!(sealed.envelope, envelope);
        kinds.push(item.kind());
    }
    assert_eq!(kinds, ["content", "path", "blob-manifest", "profile"]);
    let profile = vectors(&blocks, "kind")[3]["body"];
    assert_eq!(spelled(&blocks, "profile"), profile);
    let spilled = bytes(&spelled(&blocks, "spilled"));
    let envelope = Envelope::new("content", 1, spilled).expect("a well-formed envelope");
    let expect = Opened::Spilled {
        hash: ContentHash::of(b""),
        bytes: 70_000,
    };
    assert_eq!(Item::open(&envelope), Ok(expect));
}

#[test]
fn doorway_md_statements() {
    let blocks = page("doorway.md");
    for vector in vectors(&blocks, "statement") {
        let challenge = vector["challenge"].as_bytes();
        let statement = chain::signer::statement_bytes(challenge);
        assert_eq!(hex::encode(&statement), vector["statement"]);
        let signature = signer(vector["seed"]).sign_statement(challenge);
        assert_eq!(hex::encode(signature.0), vector["signature"]);
    }
}
