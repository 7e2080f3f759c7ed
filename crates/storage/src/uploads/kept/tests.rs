//! What was written comes back; what was changed does not. A corpus that another implementation wrote is read as the
//! names of its files say.

use std::path::PathBuf;

use base::{ContentHash, Timestamp};
use proptest::prelude::*;
use storage_core::clock::SlowTime;
use storage_core::upload::{Length, Limits, Metadata, Snapshot, SnapshotPhase};

use super::{DecodeError, Kept};

fn kept(length: Length, phase: SnapshotPhase) -> Kept {
    let limits = Limits::default();
    let metadata = Metadata::parse("filename Zmls,sha256 YWI=,is_confidential", &limits);
    Kept {
        namespace: "agent-01".parse().expect("a name"),
        snapshot: Snapshot {
            length,
            offset: 500,
            metadata: metadata.expect("metadata"),
            expires_at: SlowTime(86_400_000_000),
            phase,
        },
        seen: (SlowTime(7), Some(Timestamp(-1))),
    }
}

#[test]
fn what_was_written_comes_back() {
    let hash = ContentHash::of(b"bread");
    let phases = [
        SnapshotPhase::Receiving,
        SnapshotPhase::Complete,
        SnapshotPhase::Stored(hash),
        SnapshotPhase::Ended,
    ];
    for phase in phases {
        for length in [Length::Known(u64::MAX), Length::Deferred] {
            let mut kept = kept(length, phase);
            let read = Kept::decode(&kept.encode(), &Limits::default());
            assert_eq!(read.as_ref(), Ok(&kept));
            kept.seen.1 = None;
            kept.snapshot.metadata = Metadata::default();
            let read = Kept::decode(&kept.encode(), &Limits::default());
            assert_eq!(read, Ok(kept));
        }
    }
}

#[test]
fn bytes_are_as_documented() {
    let kept = kept(Length::Known(1_000), SnapshotPhase::Receiving);
    let text = String::from_utf8(kept.encode()).expect("text");
    let (lines, _) = text.rsplit_once("sha256 ").expect("a seal");
    assert_eq!(
        lines,
        "commonhold upload 1\nnamespace agent-01\nlength 1000\noffset 500\nexpires 86400000000\nphase receiving\nseen 7 -1\nmetadata filename Zmls,sha256 YWI=,is_confidential\n"
    );
}

#[test]
fn what_is_of_a_newer_version_is_told_apart_from_what_is_torn() {
    let lines = "commonhold upload 2\n";
    let newer = format!("{lines}sha256 {}\n", ContentHash::of(lines.as_bytes()));
    let limits = Limits::default();
    assert_eq!(
        Kept::decode(newer.as_bytes(), &limits),
        Err(DecodeError::Newer)
    );
    assert_eq!(Kept::decode(b"", &limits), Err(DecodeError::Torn));
    let short = "commonhold upload 1\n";
    let short = format!("{short}sha256 {}\n", ContentHash::of(short.as_bytes()));
    let line = DecodeError::Line("namespace");
    assert_eq!(Kept::decode(short.as_bytes(), &limits), Err(line));
}

/// Returns the committed files by name.
#[allow(
    clippy::disallowed_methods,
    reason = "the test reads the committed corpus"
)]
fn corpus() -> Vec<(String, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/upload-state");
    let mut files: Vec<_> = std::fs::read_dir(&path)
        .expect("the corpus is committed")
        .map(|entry| {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy();
            (
                name.into_owned(),
                std::fs::read(&path).expect("it can be read"),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn committed_states_are_read_as_their_names_say() {
    let files = corpus();
    for side in ["good-", "bad-"] {
        let count = files
            .iter()
            .filter(|(name, _)| name.starts_with(side))
            .count();
        assert!(count >= 20, "{count} are {side}");
    }
    for (name, bytes) in files {
        let decoded = Kept::decode(&bytes, &Limits::default());
        if name.starts_with("good-") {
            let kept = decoded.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(kept.encode(), bytes, "{name}");
        } else {
            let error = decoded.expect_err(&name);
            let is_newer = name.starts_with("bad-newer");
            assert_eq!(error == DecodeError::Newer, is_newer, "{name}: {error}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Kept::decode(&bytes, &Limits::default()).is_err());
    }

    #[test]
    fn nothing_that_was_changed_is_read(place in 0_usize..400, mask in 1_u8..=255) {
        let kept = kept(Length::Deferred, SnapshotPhase::Complete);
        let mut bytes = kept.encode();
        let place = place % bytes.len();
        bytes[place] ^= mask;
        prop_assert!(Kept::decode(&bytes, &Limits::default()).is_err());
        bytes[place] ^= mask;
        bytes.truncate(place);
        prop_assert!(Kept::decode(&bytes, &Limits::default()).is_err());
    }

    #[test]
    fn anything_is_read_without_a_panic(lines in proptest::collection::vec("[a-z]{0,9} ?[0-9a-z ]{0,20}", 0..12)) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let text = format!("commonhold upload 1\n{text}");
        let sealed = format!("{text}sha256 {}\n", ContentHash::of(text.as_bytes()));
        if let Ok(kept) = Kept::decode(sealed.as_bytes(), &Limits::default()) {
            prop_assert_eq!(Kept::decode(&kept.encode(), &Limits::default()), Ok(kept));
        }
    }
}
