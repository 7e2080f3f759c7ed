//! A longer recording from a Holochain 0.7.1 conductor: three chains with all ten types of action, three DNAs.
//!
//! It lies outside of the project, in `../shared`; where it is not found, these tests say so and stop.

use std::path::PathBuf;

use chain::record::{DecodeError, ENTRY_BYTES_MAX};
use chain::{
    AgentPubKey, DnaHash, Entry, Record, Rejection, Rules, Signature, Signer as _, Verifier,
    WasmHash, dna, record,
};
use serde_json::Value;

use crate::facts::{bytes, signer};

fn golden() -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/holochain/chain-golden.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("left out: there is no recording at {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the recording is JSON"))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().expect("a list").as_slice()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text")
}

fn hex_of(value: &Value, field: &str) -> Vec<u8> {
    bytes(text(value, field))
}

/// Decodes the entry of a recorded record, also the one that is longer than what is read from strangers.
fn entry_of(recorded: &Value) -> Option<Entry> {
    let bytes = hex::decode(recorded.get("entry_bytes")?.as_str()?).expect("hex digits");
    if bytes.len() <= ENTRY_BYTES_MAX {
        return Some(record::decode_entry(&bytes).expect("an entry of the conductor"));
    }
    assert_eq!(
        record::decode_entry(&bytes),
        Err(DecodeError::Length(ENTRY_BYTES_MAX))
    );
    Some(rmp_serde::from_slice(&bytes).expect("an entry of the conductor"))
}

fn record_of(recorded: &Value) -> Record {
    let action = record::decode_action(&hex_of(recorded, "action_bytes")).expect("an action");
    let signature: [u8; 64] = hex_of(recorded, "signature").try_into().expect("64 bytes");
    record::assemble(action, Signature(signature), entry_of(recorded))
}

#[test]
fn every_record_encodes_and_hashes_as_recorded() {
    let Some(golden) = golden() else { return };
    let (mut actions, mut entries) = (0, 0);
    for recorded in list(&golden, "chains")
        .iter()
        .flat_map(|chain| list(chain, "records"))
    {
        let record = record_of(recorded);
        let action = record::action_bytes(record.action());
        assert_eq!(action, hex_of(recorded, "action_bytes"));
        let hash = record.action_address();
        assert_eq!(hash, &record::action_hash(record.action()));
        assert_eq!(hash.get_raw_39(), hex_of(recorded, "action_hash"));
        assert_eq!(hash.to_string(), text(recorded, "action_hash_text"));
        actions += 1;
        if let Some(entry) = record::present(&record) {
            let hash = record::entry_hash(entry);
            assert_eq!(record::entry_bytes(entry), hex_of(recorded, "entry_bytes"));
            assert_eq!(hash.get_raw_39(), hex_of(recorded, "entry_hash"));
            assert_eq!(hash.to_string(), text(recorded, "entry_hash_text"));
            assert_eq!(record.action().entry_hash(), Some(&hash));
            entries += 1;
        }
    }
    assert_eq!((actions, entries), (24, 10));
}

#[test]
fn seeds_sign_the_same_again() {
    let Some(golden) = golden() else { return };
    for chain in list(&golden, "chains") {
        let signer = signer(text(&chain["agent"], "seed"));
        let agent = text(&chain["agent"], "agent_pub_key_text");
        assert_eq!(signer.agent().to_string(), agent);
        for recorded in list(chain, "records") {
            let record = record_of(recorded);
            let signature = signer.sign(record.action()).expect("its own action");
            assert_eq!(&signature, record.signature());
        }
    }
}

fn verifier_of(chain: &Value, rules: Rules) -> Verifier {
    let dna = DnaHash::try_from_raw_39(hex_of(chain, "dna_hash")).expect("a hash");
    let author = text(&chain["agent"], "agent_pub_key_text");
    let author = AgentPubKey::try_from(author).expect("a key");
    Verifier::new(dna, author, rules).expect("a good key")
}

#[test]
fn every_chain_keeps_the_rules_of_holochain() {
    let Some(golden) = golden() else { return };
    for chain in list(&golden, "chains") {
        for is_withheld in [false, true] {
            let mut verifier = verifier_of(chain, Rules::Holochain);
            for recorded in list(chain, "records") {
                let record = record_of(recorded);
                let record = if is_withheld {
                    record::withhold(&record)
                } else {
                    record
                };
                assert_eq!(verifier.apply(&record), Ok(()));
            }
            let closes = list(chain, "records").last().expect("records");
            assert_eq!(verifier.is_closed(), text(closes, "type") == "CloseChain");
        }
    }
}

/// The recording's network had links, other limits and long bodies; ours does not.
#[test]
fn our_own_rules_stop_at_what_our_zome_does_not_know() {
    let Some(golden) = golden() else { return };
    let stops: Vec<Option<u32>> = list(&golden, "chains")
        .iter()
        .map(|chain| {
            let mut verifier = verifier_of(chain, Rules::Commonhold);
            list(chain, "records").iter().find_map(|recorded| {
                match verifier.apply(&record_of(recorded)) {
                    Ok(()) => None,
                    Err(Rejection::Structure { seq, .. }) => Some(seq),
                    Err(other) => panic!("{other}"),
                }
            })
        })
        .collect();
    // A link; an envelope without a kind; nothing.
    assert_eq!(stops, [Some(8), Some(6), None]);
}

#[test]
fn dnas_and_wasm_have_their_hashes() {
    let Some(golden) = golden() else { return };
    for recorded in list(&golden, "dna") {
        let definition = &recorded["definition"];
        let hash = DnaHash::from_raw_32(holo_hash::encode::blake2b_256(&hex_of(
            recorded,
            "hashed_bytes",
        )));
        assert_eq!(hash.get_raw_39(), hex_of(recorded, "dna_hash"));
        assert_eq!(hash.to_string(), text(recorded, "dna_hash_text"));
        let zomes = ["integrity_zomes", "coordinator_zomes"];
        for zome in zomes.iter().flat_map(|zomes| list(definition, zomes)) {
            let name = zome[0].as_str().expect("a name");
            let bytes = hex_of(&zome[1]["Wasm"]["wasm_hash"], "hex");
            let stated = text(&recorded["wasm_hashes_text"], name);
            let wasm_hash = WasmHash::try_from(stated).expect("a hash");
            assert_eq!(wasm_hash.get_raw_39(), bytes);
        }
        let modifiers = &definition["modifiers"];
        if text(&modifiers["properties"], "hex") == "c0" {
            let zome = &definition["integrity_zomes"][0];
            let wasm_hash = hex_of(&zome[1]["Wasm"]["wasm_hash"], "hex");
            let wasm_hash = WasmHash::try_from_raw_39(wasm_hash).expect("a hash");
            let name = zome[0].as_str().expect("a name");
            let ours = dna::hash_of(text(modifiers, "network_seed"), name, wasm_hash);
            assert_eq!(ours, hash);
        }
    }
}
