//! Every rule of the network as a table of operations and bytes.

use hdi::prelude::*;
use holochain_serialized_bytes::UnsafeBytes;

use crate::judge::judge_bytes;
use crate::*;

/// `{kind: "note", version: 1, body: "hello"}` as a Holochain 0.7.1 conductor wrote it.
const RECORDED: &str = "83a46b696e64a46e6f7465a776657273696f6e01a4626f6479c40568656c6c6f";

const PUBLIC: (u8, EntryVisibility) = (0, EntryVisibility::Public);
const PRIVATE: (u8, EntryVisibility) = (1, EntryVisibility::Private);

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn envelope_bytes(kind: &str, version: u32, body_len: usize) -> Vec<u8> {
    let envelope = Envelope {
        kind: kind.into(),
        version,
        body: vec![7; body_len],
    };
    holochain_serialized_bytes::encode(&envelope).unwrap()
}

fn app_entry(bytes: Vec<u8>) -> Entry {
    Entry::App(AppEntryBytes(SerializedBytes::from(UnsafeBytes::from(
        bytes,
    ))))
}

fn entry_type((entry_index, visibility): (u8, EntryVisibility)) -> EntryType {
    EntryType::App(AppEntryDef {
        entry_index: entry_index.into(),
        zome_index: 0.into(),
        visibility,
    })
}

fn entry_hash() -> EntryHash {
    EntryHash::from_raw_36(vec![3; 36])
}

fn action_hash() -> ActionHash {
    ActionHash::from_raw_36(vec![4; 36])
}

fn create(entry_type: EntryType) -> ActionData {
    ActionData::Create(CreateData {
        entry_type,
        entry_hash: entry_hash(),
    })
}

fn update(entry_type: EntryType) -> ActionData {
    ActionData::Update(UpdateData {
        original_action_address: action_hash(),
        original_entry_address: entry_hash(),
        entry_type,
        entry_hash: entry_hash(),
    })
}

fn create_link() -> ActionData {
    ActionData::CreateLink(CreateLinkData {
        base_address: entry_hash().into(),
        target_address: entry_hash().into(),
        zome_index: 0.into(),
        link_type: 0.into(),
        tag: ().into(),
    })
}

fn delete_link() -> ActionData {
    ActionData::DeleteLink(DeleteLinkData {
        base_address: entry_hash().into(),
        link_add_address: action_hash(),
    })
}

fn action(data: ActionData) -> Action {
    Action {
        header: ActionHeader {
            author: AgentPubKey::from_raw_36(vec![1; 36]),
            timestamp: Timestamp::from_micros(7),
            action_seq: 5,
            prev_action: Some(action_hash()),
        },
        data,
    }
}

fn signed(data: ActionData) -> SignedHashed<Action> {
    SignedHashed::with_presigned(
        HoloHashed::with_pre_hashed(action(data), action_hash()),
        Signature([0; 64]),
    )
}

fn record_op(data: ActionData, entry: RecordEntry) -> Op {
    Op::CreateRecord(CreateRecord {
        record: Record {
            signed_action: signed(data),
            entry,
        },
    })
}

fn activity_op(data: ActionData) -> Op {
    Op::AgentActivity(AgentActivity {
        action: signed(data),
        cached_entry: None,
    })
}

/// Every operation that carries this entry with an action that makes it.
fn ops_with(def: (u8, EntryVisibility), entry: &Entry) -> Vec<Op> {
    let present = || RecordEntry::Present(entry.clone());
    vec![
        record_op(create(entry_type(def)), present()),
        record_op(update(entry_type(def)), present()),
        Op::CreateEntry(CreateEntry {
            action: signed(create(entry_type(def))),
            entry: entry.clone(),
        }),
        Op::CreateEntry(CreateEntry {
            action: signed(update(entry_type(def))),
            entry: entry.clone(),
        }),
        Op::Update(Update {
            update: signed(update(entry_type(def))),
            new_entry: Some(entry.clone()),
        }),
    ]
}

#[test]
fn bytes_are_judged_as_the_table_says() {
    let mut trailing = bytes_of(RECORDED);
    trailing.push(0xc0);
    let fault = |fault| Err(Refusal::Envelope(fault));
    let table: Vec<(&str, Vec<u8>, Result<(), Refusal>)> = vec![
        ("recorded", bytes_of(RECORDED), Ok(())),
        (
            "largest body",
            envelope_bytes("note", 1, envelope::BODY_BYTES_MAX),
            Ok(()),
        ),
        (
            "largest version",
            envelope_bytes("note", u32::MAX, 0),
            Ok(()),
        ),
        (
            "body too long",
            envelope_bytes("note", 1, envelope::BODY_BYTES_MAX + 1),
            fault(envelope::Fault::BodyTooLong),
        ),
        (
            "version zero",
            envelope_bytes("note", 0, 1),
            fault(envelope::Fault::VersionZero),
        ),
        (
            "no kind",
            envelope_bytes("", 1, 1),
            fault(envelope::Fault::KindEmpty),
        ),
        (
            "upper case",
            envelope_bytes("Note", 1, 1),
            fault(envelope::Fault::KindStart),
        ),
        ("nothing", vec![], Err(Refusal::Encoding)),
        ("nil", vec![0xc0], Err(Refusal::Encoding)),
        (
            "cut off",
            bytes_of(&RECORDED[..RECORDED.len() - 2]),
            Err(Refusal::Encoding),
        ),
        // {kind, version}
        (
            "no body",
            bytes_of("82a46b696e64a46e6f7465a776657273696f6e01"),
            Err(Refusal::Encoding),
        ),
        // {kind, version, body, x: nil}
        (
            "one more field",
            bytes_of("84a46b696e64a46e6f7465a776657273696f6e01a4626f6479c40568656c6c6fa178c0"),
            Err(Refusal::Encoding),
        ),
        // {kind, version: 2^32, body}
        (
            "version of 33 bits",
            bytes_of("83a46b696e64a46e6f7465a776657273696f6ecf0000000100000000a4626f6479c400"),
            Err(Refusal::Encoding),
        ),
        ("one more byte", trailing, Err(Refusal::NotCanonical)),
        // {version, kind, body}
        (
            "another order",
            bytes_of("83a776657273696f6e01a46b696e64a46e6f7465a4626f6479c40568656c6c6f"),
            Err(Refusal::NotCanonical),
        ),
        // version as a 16-bit integer
        (
            "wide integer",
            bytes_of("83a46b696e64a46e6f7465a776657273696f6ecd0001a4626f6479c40568656c6c6f"),
            Err(Refusal::NotCanonical),
        ),
        // body as text
        (
            "body as text",
            bytes_of("83a46b696e64a46e6f7465a776657273696f6e01a4626f6479a568656c6c6f"),
            Err(Refusal::NotCanonical),
        ),
        // body as an array of integers
        (
            "body as array",
            bytes_of("83a46b696e64a46e6f7465a776657273696f6e01a4626f64799101"),
            Err(Refusal::NotCanonical),
        ),
        // body with a 16-bit length
        (
            "wide length",
            bytes_of("83a46b696e64a46e6f7465a776657273696f6e01a4626f6479c5000568656c6c6f"),
            Err(Refusal::NotCanonical),
        ),
        // ["note", 1, "hello"]
        (
            "fields without names",
            bytes_of("93a46e6f746501c40568656c6c6f"),
            Err(Refusal::NotCanonical),
        ),
    ];
    for (label, bytes, expect) in table {
        assert_eq!(judge_bytes(&bytes), expect, "{label}");
        for def in [PUBLIC, PRIVATE] {
            for op in ops_with(def, &app_entry(bytes.clone())) {
                assert_eq!(judge(&op), expect, "{label} in {op:?}");
            }
        }
    }
}

#[test]
fn entry_types_must_be_the_declared_ones() {
    let other_zome = EntryType::App(AppEntryDef {
        entry_index: 0.into(),
        zome_index: 1.into(),
        visibility: EntryVisibility::Public,
    });
    let wrong = [
        entry_type((0, EntryVisibility::Private)),
        entry_type((1, EntryVisibility::Public)),
        entry_type((2, EntryVisibility::Public)),
        other_zome,
    ];
    let entry = app_entry(bytes_of(RECORDED));
    for declared in wrong {
        for data in [create(declared.clone()), update(declared.clone())] {
            let op = record_op(data.clone(), RecordEntry::Present(entry.clone()));
            assert_eq!(judge(&op), Err(Refusal::EntryType), "{op:?}");
            assert_eq!(judge(&activity_op(data)), Err(Refusal::EntryType));
        }
    }
}

#[test]
fn an_app_entry_of_another_form_is_refused() {
    let agent = Entry::Agent(AgentPubKey::from_raw_36(vec![1; 36]));
    for def in [PUBLIC, PRIVATE] {
        for op in ops_with(def, &agent) {
            assert_eq!(judge(&op), Err(Refusal::EntryForm), "{op:?}");
        }
    }
}

#[test]
fn a_missing_public_entry_blames_nobody() {
    let ops = [
        record_op(create(entry_type(PUBLIC)), RecordEntry::NotStored),
        Op::Update(Update {
            update: signed(update(entry_type(PUBLIC))),
            new_entry: None,
        }),
    ];
    for op in ops {
        assert_eq!(judge(&op), Err(Refusal::EntryMissing));
        assert!(validate(op).is_err());
    }
    let without_entry = [
        record_op(create(entry_type(PRIVATE)), RecordEntry::Hidden),
        Op::Update(Update {
            update: signed(update(entry_type(PRIVATE))),
            new_entry: None,
        }),
        activity_op(create(entry_type(PUBLIC))),
        activity_op(update(entry_type(PRIVATE))),
    ];
    for op in without_entry {
        assert_eq!(validate(op), Ok(ValidateCallbackResult::Valid));
    }
}

#[test]
fn links_do_not_exist() {
    let ops = [
        Op::CreateLink(CreateLink {
            create_link: signed(create_link()),
        }),
        Op::DeleteLink(DeleteLink {
            delete_link: signed(delete_link()),
            create_link: action(create_link()),
        }),
        record_op(create_link(), RecordEntry::NA),
        record_op(delete_link(), RecordEntry::NA),
        activity_op(create_link()),
        activity_op(delete_link()),
    ];
    for op in ops {
        let expect = ValidateCallbackResult::Invalid("links are not part of this network".into());
        assert_eq!(validate(op), Ok(expect));
    }
}

#[test]
fn everything_else_of_a_chain_is_valid() {
    let agent = AgentPubKey::from_raw_36(vec![1; 36]);
    let deletion = DeleteData {
        deletes_address: action_hash(),
        deletes_entry_address: entry_hash(),
    };
    let actions = [
        ActionData::Dna(DnaData {
            dna_hash: DnaHash::from_raw_36(vec![9; 36]),
        }),
        ActionData::AgentValidationPkg(AgentValidationPkgData {
            membrane_proof: None,
        }),
        ActionData::InitZomesComplete(InitZomesCompleteData {}),
        create(EntryType::AgentPubKey),
        create(EntryType::CapGrant),
        create(EntryType::CapClaim),
        update(EntryType::AgentPubKey),
        ActionData::Delete(deletion.clone()),
        ActionData::CloseChain(CloseChainData {
            new_target: Some(MigrationTarget::Agent(agent.clone())),
        }),
        ActionData::OpenChain(OpenChainData {
            prev_target: MigrationTarget::Agent(agent.clone()),
            close_hash: action_hash(),
        }),
    ];
    for data in actions {
        assert_eq!(judge(&activity_op(data.clone())), Ok(()), "{data:?}");
        assert_eq!(
            judge(&record_op(data.clone(), RecordEntry::NA)),
            Ok(()),
            "{data:?}"
        );
    }
    assert_eq!(
        judge(&Op::Delete(Delete {
            delete: signed(ActionData::Delete(deletion))
        })),
        Ok(())
    );
    let check = GenesisSelfCheckData {
        membrane_proof: None,
        agent_key: agent,
    };
    assert_eq!(genesis_self_check(check), Ok(ValidateCallbackResult::Valid));
}

#[test]
fn entry_types_come_in_the_frozen_order() {
    let EntryDefsCallbackResult::Defs(defs) = entry_defs(()).unwrap();
    let found: Vec<_> = defs
        .0
        .iter()
        .map(|def| (def.id.clone(), def.visibility))
        .collect();
    let id = |name| EntryDefId::App(AppEntryName::from_str(name));
    assert_eq!(
        found,
        [
            (id("envelope"), EntryVisibility::Public),
            (id("private_envelope"), EntryVisibility::Private),
        ]
    );
    assert_eq!(__num_entry_types(), 2);
}
