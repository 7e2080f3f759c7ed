//! Each rejection has its cases; what is rejected leaves no trace; a naive reference agrees.

mod bytes;
mod reference;
mod together;

use holochain_integrity_types::action::{
    AgentValidationPkgData, AppEntryDef, CreateLinkData, DeleteLinkData, DnaData, EntryDefIndex,
    UpdateData, ZomeIndex,
};
use holochain_integrity_types::entry::AppEntryBytes;
use holochain_integrity_types::link::{LinkTag, LinkType};
use holochain_integrity_types::record::{RecordEntry, SignedHashed};
use holochain_serialized_bytes::{SerializedBytes, UnsafeBytes};

use super::*;
use crate::fixture::{Chain, close, create, create_note, dna_hash, force, note, signer};
use crate::{Action, ActionHash, EntryHash, Signature, Signer as _, dna};

fn verifier(chain: &Chain, rules: Rules) -> Verifier {
    Verifier::new(dna_hash(), chain.agent().clone(), rules).expect("a good key")
}

/// Returns the verifier after these records.
fn after(chain: &Chain, records: &[Record], rules: Rules) -> Verifier {
    let mut verifier = verifier(chain, rules);
    for record in records {
        assert_eq!(verifier.apply(record), Ok(()));
    }
    verifier
}

/// Applies one bad record after `taken`, and then the good one that continues the chain.
fn check(label: &str, chain: &Chain, taken: usize, bad: &Record, expect: &Rejection) {
    let mut verifier = after(chain, &chain.records[..taken], Rules::Commonhold);
    let before = format!("{verifier:?}");
    assert_eq!(verifier.apply(bad).as_ref(), Err(expect), "{label}");
    assert_eq!(format!("{verifier:?}"), before, "{label} left a trace");
    assert_eq!(verifier.wanted() as usize, taken);
    if let Some(good) = chain.records.get(taken) {
        assert_eq!(verifier.apply(good), Ok(()), "{label}");
    }
}

/// Signs the same action after a change.
fn changed(chain: &Chain, seq: usize, change: impl FnOnce(&mut Action)) -> Record {
    let record = &chain.records[seq];
    let mut action = record.action().clone();
    change(&mut action);
    let entry = record::present(record).cloned();
    force(&chain.signer, action, entry)
}

fn app_entry(bytes: &[u8]) -> Entry {
    let bytes = SerializedBytes::from(UnsafeBytes::from(bytes.to_vec()));
    Entry::App(AppEntryBytes::try_from(bytes).expect("a short entry"))
}

#[test]
fn a_whole_chain_passes_with_and_without_its_entries() {
    let chain = Chain::of_all_types(1);
    let ours = &chain.records[..8];
    let cases = [
        (Rules::Holochain, chain.records.as_slice()),
        (Rules::Commonhold, ours),
    ];
    for (rules, records) in cases {
        let withheld: Vec<_> = records.iter().map(record::withhold).collect();
        for records in [records, &withheld] {
            let verifier = after(&chain, records, rules);
            let head = verifier.head().expect("a head");
            let last = records.last().expect("records");
            assert_eq!(&head.hash, last.action_address());
            assert_eq!(head.timestamp, record::timestamp(last));
            assert_eq!(head.seq as usize, records.len() - 1);
            assert_eq!(verifier.is_closed(), records.len() == chain.records.len());
        }
    }
}

/// The author's key is prepared on the way; nothing else changes.
#[test]
fn a_long_chain_is_checked_to_its_end() {
    let mut chain = Chain::start(1);
    for number in 0..2 * PREPARE_AFTER {
        chain.push(create_note(&number.to_be_bytes()));
    }
    let around = PREPARE_AFTER as usize;
    for taken in [around - 1, around, around + 1, 2 * around] {
        let good = &chain.records[taken];
        let entry = record::present(good).cloned();
        let mut signature = good.signature().0;
        signature[40] ^= 1;
        let bad = record::assemble(good.action().clone(), Signature(signature), entry);
        let expect = Rejection::Signature { seq: taken as u32 };
        check("forged late", &chain, taken, &bad, &expect);
    }
    after(&chain, &chain.records, Rules::Commonhold);
}

#[test]
fn a_verifier_continues_where_another_stopped() {
    let chain = Chain::of_all_types(1);
    for split in 0..=chain.records.len() {
        let (first, second) = chain.records.split_at(split);
        let stopped = after(&chain, first, Rules::Holochain);
        let mut continued =
            verifier(&chain, Rules::Holochain).after(stopped.head().cloned(), stopped.is_closed());
        for record in second {
            assert_eq!(continued.apply(record), Ok(()));
        }
        assert!(continued.is_closed());
    }
}

#[test]
fn unusable_keys_have_no_chain() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let raw = |core: [u8; 32]| agent_of(core);
    let mut moved = signer(1).agent().get_raw_39().to_vec();
    moved[38] ^= 1;
    let moved = AgentPubKey::from_raw_39(moved);
    for author in [raw([0; 32]), raw(identity), raw([2; 32]), moved] {
        let found = Verifier::new(dna_hash(), author, Rules::Holochain).map(|_| ());
        assert_eq!(found, Err(Rejection::Key));
    }
}

#[test]
fn records_keep_their_place() {
    let chain = Chain::with_writes(1);
    let gap = |wanted, found| Rejection::Gap { wanted, found };
    let cases = [
        ("a record is missing", 4, 5, gap(4, 5)),
        ("the same record again", 4, 3, gap(4, 3)),
        ("the start again", 4, 0, gap(4, 0)),
        ("no start", 0, 1, gap(0, 1)),
    ];
    for (label, taken, bad, expect) in cases {
        check(label, &chain, taken, &chain.records[bad], &expect);
    }
    let other = Chain::with_writes(2);
    for seq in 0..8 {
        let expect = Rejection::ForeignAuthor {
            seq,
            found: other.agent().clone(),
        };
        let bad = &other.records[seq as usize];
        check("another's record", &chain, seq as usize, bad, &expect);
    }
    let highest = changed(&chain, 4, |action| action.header.action_seq = u32::MAX);
    check("the highest number", &chain, 4, &highest, &gap(4, u32::MAX));
}

#[test]
fn records_link_to_the_one_before() {
    let chain = Chain::with_writes(1);
    let hash_of = |seq: usize| chain.records[seq].action_address().clone();
    let mut moved = hash_of(3).get_raw_39().to_vec();
    moved[38] ^= 1;
    let cases = [
        ("two before", 4, Some(hash_of(2))),
        ("no link", 4, None),
        ("a location moved", 4, Some(ActionHash::from_raw_39(moved))),
        ("the start links", 0, Some(hash_of(3))),
    ];
    for (label, seq, link) in cases {
        let bad = changed(&chain, seq, |action| action.header.prev_action = link);
        let expect = Rejection::Link { seq: seq as u32 };
        check(label, &chain, seq, &bad, &expect);
    }
}

#[test]
fn time_may_stand_still_but_not_run_back() {
    let chain = Chain::with_writes(1);
    let earlier = chain.records[4].action().timestamp();
    let at = |micros: i64| {
        changed(&chain, 5, |action| {
            action.header.timestamp =
                holochain_timestamp::Timestamp::from_micros(earlier.as_micros() + micros);
        })
    };
    for micros in [-1, i64::MIN / 2] {
        let expect = Rejection::Timestamp { seq: 5 };
        check("older", &chain, 5, &at(micros), &expect);
    }
    for micros in [0, 1, i64::MAX / 2] {
        let mut verifier = after(&chain, &chain.records[..5], Rules::Commonhold);
        assert_eq!(verifier.apply(&at(micros)), Ok(()));
    }
}

#[test]
fn signatures_are_the_authors_over_these_bytes() {
    let chain = Chain::with_writes(1);
    for seq in 0..8 {
        let good = &chain.records[seq];
        let action = good.action().clone();
        let entry = record::present(good).cloned();
        let foreign = crypto::Keypair::from_seed(&[2; 32]).sign(&record::action_bytes(&action));
        let neighbour = chain.records[(seq + 1) % 8].signature().clone();
        for signature in [Signature([0; 64]), Signature(foreign), neighbour] {
            let bad = record::assemble(action.clone(), signature, entry.clone());
            let expect = Rejection::Signature { seq: seq as u32 };
            check("forged", &chain, seq, &bad, &expect);
        }
    }
}

#[test]
fn a_record_with_a_false_hash_is_refused() {
    let chain = Chain::with_writes(1);
    let good = &chain.records[4];
    let mut signed = good.signed_action().clone();
    signed.hashed.hash = chain.records[3].action_address().clone();
    let bad = Record::new(signed, good.entry().clone());
    let expect = Rejection::Structure {
        seq: 4,
        reason: "its hash is not that of its content".to_owned(),
    };
    check("false hash", &chain, 4, &bad, &expect);
}

#[test]
fn entries_are_the_signed_ones() {
    let chain = Chain::with_writes(1);
    let with_entry = |seq: usize, entry: Entry| {
        let good = chain.records[seq].signed_action();
        let (hashed, signature) = good.clone().into_inner();
        let signed = SignedHashed::with_presigned(hashed, signature);
        Record::new(signed, RecordEntry::Present(entry))
    };
    let mut moved = chain.agent().get_raw_39().to_vec();
    moved[38] ^= 1;
    let own = Entry::Agent(chain.agent().clone());
    let cases = [
        ("another body", 4, note(b"hellO").to_entry()),
        ("the private one", 4, note(b"secret").to_entry()),
        ("a key for a note", 4, own.clone()),
        ("a note for a key", 2, note(b"hello").to_entry()),
        ("another's key", 2, Entry::Agent(signer(2).agent().clone())),
        (
            "a key moved",
            2,
            Entry::Agent(AgentPubKey::from_raw_39(moved)),
        ),
        ("an update's old entry", 6, note(b"hello").to_entry()),
        ("an entry for a delete", 7, note(b"hello").to_entry()),
        ("an entry for the start", 0, own),
    ];
    for (label, seq, entry) in cases {
        let expect = Rejection::Entry { seq: seq as u32 };
        check(label, &chain, seq, &with_entry(seq, entry), &expect);
    }
}

/// The hash fits, the declared type does not.
#[test]
fn entries_are_of_the_signed_type() {
    let chain = Chain::with_writes(1);
    for entry_type in [EntryType::CapGrant, EntryType::CapClaim] {
        let entry = note(b"hello").to_entry();
        let bad = chain.next(create(&entry, entry_type), Some(entry));
        check("type", &chain, 8, &bad, &Rejection::Entry { seq: 8 });
    }
    let entry = Entry::Agent(chain.agent().clone());
    let public = envelope::entry_type(EntryVisibility::Public);
    let bad = chain.next(create(&entry, public), Some(entry));
    check("key", &chain, 8, &bad, &Rejection::Entry { seq: 8 });
}

#[test]
fn a_chain_belongs_to_one_dna() {
    let found = dna::hash_for("elsewhere");
    let other = Chain::start_in(&found, 1);
    let chain = Chain::start(1);
    let expect = Rejection::Dna {
        wanted: dna_hash(),
        found,
    };
    check("another network", &chain, 0, &other.records[0], &expect);
}

#[test]
fn genesis_stands_at_the_start_and_nowhere_else() {
    let chain = Chain::with_writes(1);
    let dna = ActionData::Dna(DnaData {
        dna_hash: dna_hash(),
    });
    let package = ActionData::AgentValidationPkg(AgentValidationPkgData {
        membrane_proof: None,
    });
    let key = |number| {
        let entry = Entry::Agent(signer(number).agent().clone());
        create(&entry, EntryType::AgentPubKey)
    };
    let update_key = ActionData::Update(UpdateData {
        original_action_address: chain.records[2].action_address().clone(),
        original_entry_address: EntryHash::from(chain.agent().clone()),
        entry_type: EntryType::AgentPubKey,
        entry_hash: EntryHash::from(signer(2).agent().clone()),
    });
    let (write, _) = create_note(b"hello");
    let cases = [
        ("no network", 0, package.clone()),
        ("a write first", 0, write.clone()),
        ("the network twice", 1, dna.clone()),
        ("no package", 1, key(1)),
        ("the package twice", 2, package.clone()),
        ("another's key", 2, key(2)),
        ("a write for the key", 2, write),
        ("a close for the key", 2, close()),
        ("a second start", 8, dna),
        ("a second package", 8, package),
        ("the key again", 8, key(1)),
        ("a second key", 8, key(2)),
        ("the key updated", 8, update_key),
    ];
    for (label, taken, data) in cases {
        let bad = if taken == 8 {
            chain.next(data, None)
        } else {
            let mut action = chain.records[taken].action().clone();
            action.data = data;
            force(&chain.signer, action, None)
        };
        let expect = Rejection::Genesis { seq: taken as u32 };
        check(label, &chain, taken, &bad, &expect);
    }
}

#[test]
fn nothing_follows_a_close() {
    let mut chain = Chain::with_writes(1);
    chain.push((close(), None));
    let (data, entry) = create_note(b"more");
    for (data, entry) in [(data, entry), (close(), None)] {
        let bad = chain.next(data, entry);
        check("more", &chain, 9, &bad, &Rejection::Closed { seq: 9 });
    }
}

#[test]
fn our_network_has_no_links_and_two_entry_types() {
    let mut chain = Chain::with_writes(1);
    let base = chain.records[4].action_address().clone();
    let link = ActionData::CreateLink(CreateLinkData {
        base_address: base.clone().into(),
        target_address: base.clone().into(),
        zome_index: ZomeIndex(0),
        link_type: LinkType(0),
        tag: LinkTag(Vec::new()),
    });
    let unlink = ActionData::DeleteLink(DeleteLinkData {
        base_address: base.clone().into(),
        link_add_address: base,
    });
    let entry = note(b"hello").to_entry();
    let of_type = |index, zome, visibility| {
        let def = AppEntryDef::new(EntryDefIndex(index), ZomeIndex(zome), visibility);
        create(&entry, EntryType::App(def))
    };
    let cases = [
        ("there are no links in this DNA", link),
        ("there are no links in this DNA", unlink),
        (
            "there is no such entry type in this DNA",
            of_type(2, 0, EntryVisibility::Public),
        ),
        (
            "there is no such entry type in this DNA",
            of_type(0, 1, EntryVisibility::Public),
        ),
        (
            "there is no such entry type in this DNA",
            of_type(0, 0, EntryVisibility::Private),
        ),
        (
            "there is no such entry type in this DNA",
            of_type(1, 0, EntryVisibility::Public),
        ),
    ];
    for (reason, data) in cases {
        let bad = chain.next(data, None);
        let expect = Rejection::Structure {
            seq: 8,
            reason: reason.to_owned(),
        };
        check("structure", &chain, 8, &bad, &expect);
        let mut holochain = after(&chain, &chain.records, Rules::Holochain);
        assert_eq!(holochain.apply(&bad), Ok(()));
    }
    chain.push(create_note(b"still fine"));
    after(&chain, &chain.records, Rules::Commonhold);
}

#[test]
fn entries_are_well_formed_envelopes() {
    let chain = Chain::with_writes(1);
    let form = "entry is not an envelope in canonical form";
    let cases: [(&[u8], &str); 8] = [
        (b"", form),
        (b"\xc0", form),
        // {kind: "note", version: 1}
        (b"\x82\xa4kind\xa4note\xa7version\x01", form),
        // the version before the kind
        (b"\x83\xa7version\x01\xa4kind\xa4note\xa4body\xc4\x00", form),
        // one more field
        (
            b"\x84\xa4kind\xa4note\xa7version\x01\xa4body\xc4\x00\xa1x\xc0",
            form,
        ),
        // one more byte
        (
            b"\x83\xa4kind\xa4note\xa7version\x01\xa4body\xc4\x00\xc0",
            form,
        ),
        (
            b"\x83\xa4kind\xa4Note\xa7version\x01\xa4body\xc4\x00",
            "envelope kind does not start with a letter from a to z",
        ),
        (
            b"\x83\xa4kind\xa4note\xa7version\x00\xa4body\xc4\x00",
            "envelope version is zero",
        ),
    ];
    for (bytes, reason) in cases {
        for visibility in [EntryVisibility::Public, EntryVisibility::Private] {
            let entry = app_entry(bytes);
            let bad = chain.next(
                create(&entry, envelope::entry_type(visibility)),
                Some(entry),
            );
            let expect = Rejection::Structure {
                seq: 8,
                reason: reason.to_owned(),
            };
            check("envelope", &chain, 8, &bad, &expect);
            let mut holochain = after(&chain, &chain.records, Rules::Holochain);
            assert_eq!(holochain.apply(&bad), Ok(()));
            let mut unseen = after(&chain, &chain.records, Rules::Commonhold);
            assert_eq!(unseen.apply(&record::withhold(&bad)), Ok(()));
        }
    }
}

#[test]
fn each_rejection_has_a_code_of_its_own() {
    let seq = 0;
    let found = signer(1).agent().clone();
    let rejections = [
        Rejection::Key,
        Rejection::ForeignAuthor { seq, found },
        Rejection::Gap {
            wanted: 0,
            found: 1,
        },
        Rejection::Link { seq },
        Rejection::Timestamp { seq },
        Rejection::Signature { seq },
        Rejection::Entry { seq },
        Rejection::Genesis { seq },
        Rejection::Dna {
            wanted: dna_hash(),
            found: dna_hash(),
        },
        Rejection::Closed { seq },
        Rejection::Structure {
            seq,
            reason: String::new(),
        },
    ];
    let codes: std::collections::BTreeSet<_> = rejections.iter().map(Rejection::code).collect();
    assert_eq!(codes.len(), rejections.len());
}
