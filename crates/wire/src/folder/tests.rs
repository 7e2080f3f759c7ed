//! Golden bytes, every kind of bytes that is refused, any bytes, and the corpus.

use std::path::PathBuf;

use base::ContentHash;
use proptest::prelude::*;

use super::{BYTES_MAX, DecodeError, Entry, FIRST, Limits, decode, encode};

fn file(path: &str, bytes: u64, is_executable: bool) -> Entry {
    Entry::File {
        path: path.to_owned(),
        bytes,
        is_executable,
        hash: ContentHash::of(b""),
    }
}

fn folder(path: &str) -> Entry {
    Entry::Folder {
        path: path.to_owned(),
    }
}

const NONE: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn bytes_are_these() {
    let cases = [
        (vec![], r#"{"commonhold_folder":1,"entries":[]}"#.to_owned()),
        (
            vec![file("a/b", 0, false), file("run", BYTES_MAX, true), folder("z")],
            format!(
                r#"{{"commonhold_folder":1,"entries":[{{"bytes":0,"hash":"{NONE}","path":"a/b"}},{{"bytes":9007199254740991,"executable":true,"hash":"{NONE}","path":"run"}},{{"folder":true,"path":"z"}}]}}"#
            ),
        ),
        (
            vec![folder("ä\"\\/\u{8}\t\n\u{c}\r\0\u{1f}\u{7f}\u{2028}")],
            "{\"commonhold_folder\":1,\"entries\":[{\"folder\":true,\"path\":\"ä\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\u{2028}\"}]}".to_owned(),
        ),
    ];
    for (entries, text) in cases {
        assert_eq!(String::from_utf8(encode(&entries)).expect("text"), text);
        assert!(text.as_bytes().starts_with(FIRST));
        assert_eq!(decode(text.as_bytes(), &Limits::default()), Ok(entries));
    }
}

/// Puts one entry's text where it belongs and reads it.
fn read(entry: &str) -> Result<Vec<Entry>, DecodeError> {
    let text = format!(r#"{{"commonhold_folder":1,"entries":[{entry}]}}"#);
    decode(text.as_bytes(), &Limits::default())
}

#[test]
fn other_ways_to_write_the_same_are_refused() {
    let good = format!(r#"{{"bytes":1,"hash":"{NONE}","path":"a"}}"#);
    assert!(read(&good).is_ok());
    let entries = [
        good.replace(':', ": "),
        good.replace("\"bytes\":1", "\"bytes\":01"),
        good.replace("\"bytes\":1", "\"bytes\":1.0"),
        good.replace("\"bytes\":1", "\"bytes\":1e0"),
        good.replace("\"bytes\":1", "\"bytes\":-1"),
        good.replace("\"bytes\":1", "\"bytes\":"),
        good.replace("\"bytes\":1", "\"bytes\":9007199254740992"),
        good.replace("\"bytes\":1", "\"bytes\":18446744073709551617"),
        good.replace("\"bytes\":1", "\"bytes\":1,\"executable\":false"),
        good.replace("e3b0", "E3B0"),
        good.replace("e3b0", "e3b"),
        good.replace("e3b0", "e3bg"),
        good.replace("\"a\"", "\"\\u0061\""),
        good.replace("\"a\"", "\"\\/\""),
        good.replace("\"a\"", "\"\\u000A\""),
        good.replace("\"a\"", "\"\\u000a\""),
        good.replace("\"a\"", "\"\\u001F\""),
        good.replace("\"a\"", "\"\\u0020\""),
        good.replace("\"a\"", "\"\\x\""),
        good.replace("\"a\"", "\"\n\""),
        good.replace("\"a\"", "\"a"),
        format!(r#"{{"hash":"{NONE}","bytes":1,"path":"a"}}"#),
        r#"{"folder":false,"path":"a"}"#.to_owned(),
        r#"{"path":"a","folder":true}"#.to_owned(),
        format!("{good},"),
        format!("{good}{good}"),
        ",".to_owned(),
        " ".to_owned(),
    ];
    for entry in entries {
        let found = read(&entry);
        assert!(
            matches!(found, Err(DecodeError::Malformed { .. })),
            "{entry} {found:?}"
        );
    }
    let whole = encode(&[folder("a")]);
    for cut in 21..whole.len() {
        assert!(decode(&whole[..cut], &Limits::default()).is_err(), "{cut}");
    }
    let longer = [whole.as_slice(), b"\n"].concat();
    let offset = whole.len();
    assert_eq!(
        decode(&longer, &Limits::default()),
        Err(DecodeError::Malformed { offset })
    );
    let mut broken = encode(&[folder("ä")]);
    let place = broken
        .iter()
        .position(|byte| *byte == 0xc3)
        .expect("it is there");
    broken[place] = b'a';
    assert!(matches!(
        decode(&broken, &Limits::default()),
        Err(DecodeError::Malformed { .. })
    ));
}

#[test]
fn foreign_and_newer_bytes_are_told_apart() {
    for (text, expect) in [
        ("", DecodeError::Foreign),
        ("{}", DecodeError::Foreign),
        (
            r#" {"commonhold_folder":1,"entries":[]}"#,
            DecodeError::Foreign,
        ),
        (
            r#"{"commonhold_folder":2,"whatever":0}"#,
            DecodeError::Version { version: 2 },
        ),
        (
            r#"{"commonhold_folder":0,"entries":[]}"#,
            DecodeError::Version { version: 0 },
        ),
        (
            r#"{"commonhold_folder":x"#,
            DecodeError::Malformed { offset: 21 },
        ),
    ] {
        assert_eq!(
            decode(text.as_bytes(), &Limits::default()),
            Err(expect),
            "{text}"
        );
    }
}

#[test]
fn limits_are_sharp() {
    let bytes = encode(&[folder("abc"), folder("\n\n\n")]);
    let limits = Limits {
        manifest_bytes_max: bytes.len(),
        entries_max: 2,
        path_bytes_max: 3,
    };
    assert!(decode(&bytes, &limits).is_ok());
    let bytes_max = limits.manifest_bytes_max - 1;
    let cases = [
        (
            Limits {
                manifest_bytes_max: bytes_max,
                ..limits
            },
            DecodeError::TooLarge { bytes_max },
        ),
        (
            Limits {
                entries_max: 1,
                ..limits
            },
            DecodeError::TooMany { entries_max: 1 },
        ),
        (
            Limits {
                path_bytes_max: 2,
                ..limits
            },
            DecodeError::PathTooLong { path_bytes_max: 2 },
        ),
    ];
    for (limits, expect) in cases {
        assert_eq!(decode(&bytes, &limits), Err(expect));
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let path = prop_oneof!["[a-c/]{0,6}", any::<String>()];
    let entry = (
        path,
        prop::option::of((0..=BYTES_MAX, any::<bool>(), any::<[u8; 32]>())),
    );
    let entry = entry.prop_map(|(path, file)| match file {
        None => Entry::Folder { path },
        Some((bytes, is_executable, hash)) => Entry::File {
            path,
            bytes,
            is_executable,
            hash: ContentHash::from_bytes(hash),
        },
    });
    prop::collection::vec(entry, 0..6)
}

proptest! {
    #[test]
    fn what_is_written_is_read(entries in entries()) {
        prop_assert_eq!(decode(&encode(&entries), &Limits::default()), Ok(entries));
    }

    #[test]
    fn what_is_read_is_what_would_be_written(
        entries in entries(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&entries);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(read) = decode(&bytes, &Limits::default()) {
            prop_assert_eq!(encode(&read), bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&tail, &Limits::default()).is_err());
        let bytes = [FIRST, &tail].concat();
        if let Ok(read) = decode(&bytes, &Limits::default()) {
            prop_assert_eq!(encode(&read), bytes);
        }
    }
}

/// Files named `good-…` are read and written back, those named `bad-…` are refused.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the corpus is a folder of files that are no state"
)]
fn corpus_is_judged_by_its_names() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/folder");
    let files = std::fs::read_dir(corpus).expect("the corpus is committed");
    let mut count = 0;
    for file in files {
        let file = file.expect("it can be listed");
        let name = file.file_name().into_string().expect("a name");
        let bytes = std::fs::read(file.path()).expect("it can be read");
        match (
            name.starts_with("good-"),
            decode(&bytes, &Limits::default()),
        ) {
            (true, Ok(entries)) => assert_eq!(encode(&entries), bytes, "{name}"),
            (false, Err(_)) => assert!(name.starts_with("bad-"), "{name}"),
            (_, found) => panic!("{name}: {found:?}"),
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
}
