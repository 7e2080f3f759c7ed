//! The frame: the conductor's bytes, the zome's rules, the two entry types.

use super::*;

#[test]
fn an_envelope_is_what_a_conductor_wrote() {
    // {kind: "note", version: 1, body: "hello"} of a Holochain 0.7.1 conductor, as the bytes of its entry.
    let recorded = b"\x82\xaaentry_type\xa3App\xa5entry\xc4\x20\
        \x83\xa4kind\xa4note\xa7version\x01\xa4body\xc4\x05hello";
    let envelope = Envelope::new("note", 1, b"hello".to_vec()).unwrap();
    assert_eq!(crate::record::entry_bytes(&envelope.to_entry()), recorded);
    let entry = crate::record::decode_entry(recorded).unwrap();
    assert_eq!(Envelope::from_entry(&entry), Ok(envelope));
}

#[test]
fn the_rules_are_those_of_the_zome() {
    let longest = "k".repeat(64);
    let too_long = "k".repeat(65);
    let cases = [
        ("note", 1, BODY_BYTES_MAX, None),
        ("note", 1, BODY_BYTES_MAX + 1, Some(Fault::BodyTooLong)),
        ("note", 0, 0, Some(Fault::VersionZero)),
        ("note", u32::MAX, 0, None),
        (&longest, 1, 0, None),
        (&too_long, 1, 0, Some(Fault::KindTooLong)),
        ("", 1, 0, Some(Fault::KindEmpty)),
        ("blob-manifest", 1, 0, None),
        ("9lives", 1, 0, Some(Fault::KindStart)),
        ("Note", 1, 0, Some(Fault::KindStart)),
        ("no te", 1, 0, Some(Fault::KindCharacter)),
        ("note-", 1, 0, Some(Fault::KindHyphen)),
        ("no--te", 1, 0, Some(Fault::KindHyphen)),
    ];
    for (kind, version, len, fault) in cases {
        let expect = fault.map(EnvelopeError::Structure);
        let made = Envelope::new(kind, version, vec![0; len]).err();
        assert_eq!(made, expect, "{kind} {version} {len}");
        // A reader does not trust the writer.
        let unchecked = Envelope {
            kind: kind.to_owned(),
            version,
            body: vec![0; len],
        };
        let read = Envelope::from_entry(&unchecked.to_entry()).err();
        assert_eq!(read, expect, "{kind} {version} {len}");
    }
}

#[test]
fn entries_of_the_system_are_no_envelopes() {
    let agent = Entry::Agent(crate::agent_of([1; 32]));
    assert_eq!(Envelope::from_entry(&agent), Err(EnvelopeError::NotApp));
}

#[test]
fn entry_types_are_the_two_of_the_zome() {
    for (visibility, index) in [(EntryVisibility::Public, 0), (EntryVisibility::Private, 1)] {
        let EntryType::App(def) = entry_type(visibility) else {
            panic!("an app's entry");
        };
        assert_eq!((def.entry_index().0, def.zome_index().0), (index, 0));
        assert_eq!(def.visibility(), &visibility);
    }
}
