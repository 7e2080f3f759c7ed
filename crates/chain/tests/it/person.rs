//! The page about persons and the committed corpus say what this crate does.
//!
//! Both were made by another implementation than the one that reads them here.

use std::path::PathBuf;

use base::Timestamp;
use chain::person::{
    DecodeError, EventHash, HostingGrant, Inception, KeyEvent, Rejection, Rotation, SignedEvent,
    decode_log, encode_log,
};
use chain::{KeyCommitment, PersonId, PersonLog};
use crypto::Keypair;

use crate::facts::bytes;
use crate::page::{Fields, page, vectors};

fn array(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().expect("32 bytes")
}

fn time(text: &str) -> Timestamp {
    Timestamp(text.parse().expect("microseconds"))
}

/// Makes the event of a vector again, compares every byte, and returns it as it was read.
fn check(fields: &Fields<'_>, event: KeyEvent) -> SignedEvent {
    let written = bytes(fields["event"]);
    let read = SignedEvent::decode(&written).expect("an event");
    assert_eq!(read.event, event);
    let signed = event.sign(&Keypair::from_seed(&array(fields["seed"])));
    assert_eq!(hex::encode(signed.encode()), fields["event"]);
    assert_eq!(signed.check_signature(), Ok(()));
    read
}

#[test]
fn person_md_events() {
    let blocks = page("person.md");
    let commitment = &vectors(&blocks, "commitment")[0];
    let promised = KeyCommitment::of(&array(commitment["key"]));
    assert_eq!(promised, KeyCommitment(array(commitment["next"])));

    let fields = &vectors(&blocks, "inception")[0];
    let inception = KeyEvent::Inception(Inception {
        made: time(fields["made"]),
        key: array(fields["key"]),
        next: KeyCommitment(array(fields["next"])),
    });
    let person: PersonId = fields["person"].parse().expect("a person");
    assert_eq!(inception.person(), person);
    assert_eq!(person.to_string(), fields["person"]);
    let first = check(fields, inception);

    let fields = &vectors(&blocks, "grant")[0];
    let granted = check(
        fields,
        KeyEvent::Grant(HostingGrant {
            person: fields["person"].parse().expect("a person"),
            seq: fields["seq"].parse().expect("a place"),
            key_event: EventHash(array(fields["key_event"])),
            made: time(fields["made"]),
            agent: array(fields["agent"]),
            epoch: fields["epoch"].parse().expect("an epoch"),
            expires: time(fields["expires"]),
            doorway: fields["doorway"].to_owned(),
        }),
    );
    assert_eq!(granted.event.hash(), EventHash(array(fields["hash"])));

    let fields = &vectors(&blocks, "rotation")[0];
    let rotated = check(
        fields,
        KeyEvent::Rotation(Rotation {
            person: fields["person"].parse().expect("a person"),
            seq: fields["seq"].parse().expect("a place"),
            previous: EventHash(array(fields["previous"])),
            made: time(fields["made"]),
            key: array(fields["key"]),
            next: KeyCommitment(array(fields["next"])),
        }),
    );
    assert_eq!(rotated.event.hash(), EventHash(array(fields["hash"])));

    let log = PersonLog::verify(&[first, granted, rotated]).expect("a log");
    assert_eq!(log.person(), person);
    assert_eq!(log.key(), array(fields["key"]));
    assert_eq!(log.hosted(time(fields["made"])), None);
}

/// Returns the files of the corpus whose names begin with a word.
fn corpus(first: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/person");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the corpus is committed") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        if let Some(name) = name.strip_prefix(first) {
            let bytes = std::fs::read(&path).expect("it can be read");
            files.push((name.to_owned(), bytes));
        }
    }
    files.sort();
    files
}

#[test]
fn events_of_the_corpus() {
    let accepted = corpus("event-accepted-");
    assert!(accepted.len() >= 6);
    for (name, bytes) in accepted {
        let event = SignedEvent::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(event.encode(), bytes, "{name}");
    }
    let refused = corpus("event-refused-");
    assert!(refused.len() >= 20);
    for (name, bytes) in refused {
        let error = SignedEvent::decode(&bytes).expect_err(&name);
        let expected = match name.as_str() {
            "empty" | "magic" | "magic-cut" => DecodeError::Foreign,
            "version-0" => DecodeError::Version(0),
            "version-2" => DecodeError::Version(2),
            "kind-0" => DecodeError::Kind(0),
            "kind-4" => DecodeError::Kind(4),
            "kind-255" => DecodeError::Kind(255),
            "reserved" => DecodeError::Field("reserved"),
            "inception-place-1" | "rotation-place-0" => DecodeError::Field("seq"),
            "inception-person" => DecodeError::Field("person"),
            "inception-previous" => DecodeError::Field("previous"),
            "behind" | "two" => DecodeError::Surplus,
            "doorway-length-254" => DecodeError::Cut,
            _ if name.starts_with("cut") => DecodeError::Cut,
            _ if name.starts_with("doorway") => {
                // A length that is one too large takes a byte of the signature in, and ends too early.
                match error {
                    DecodeError::Cut => assert_eq!(name, "doorway-length-more"),
                    _ => assert_eq!(error, DecodeError::Field("doorway"), "{name}"),
                }
                error
            }
            _ => panic!("{name} is not known here"),
        };
        assert_eq!(error, expected, "{name}");
    }
}

#[test]
fn logs_of_the_corpus() {
    for (name, bytes) in corpus("log-accepted-") {
        let events = decode_log(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(encode_log(&events), bytes, "{name}");
        PersonLog::verify(&events).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let refused = corpus("log-refused-");
    assert!(refused.len() >= 20);
    for (name, bytes) in refused {
        let found = match decode_log(&bytes) {
            Ok(events) => PersonLog::verify(&events).map_err(|(_, rejection)| rejection),
            Err(error) => {
                assert!(matches!(name.as_str(), "noise" | "cut"), "{name}: {error}");
                continue;
            }
        };
        let expected = match name.as_str() {
            "nothing" | "no-inception" | "second-inception" => Rejection::Inception,
            "other-person" => Rejection::Person,
            "gap" => Rejection::Gap {
                wanted: 1,
                found: 2,
            },
            "link" => Rejection::Link,
            "older" | "grant-before-key" => Rejection::Time,
            "not-promised" | "same-key" | "forged-fork" => Rejection::Commitment,
            "promise-shown" | "promise-shown-first" => Rejection::Shown,
            "signed-by-old-key"
            | "signature"
            | "inception-again-forged"
            | "grant-by-other"
            | "grant-changed" => Rejection::Signature,
            "weak-key" => Rejection::Key,
            "fork" => Rejection::Fork { seq: 1 },
            "grant-of-older-key" | "grant-of-newer-key" | "grant-for-other-key" => {
                Rejection::OtherKey
            }
            "grant-epoch-again" | "grant-epoch-again-after-rotation" => {
                Rejection::Epoch { known: 1 }
            }
            "grant-over-at-once" | "grant-too-long" => Rejection::Life,
            _ => panic!("{name} is not known here"),
        };
        assert_eq!(found, Err(expected), "{name}");
    }
}
