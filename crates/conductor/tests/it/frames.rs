//! The vectors of `docs/protocols/conductor.md`: frames byte by byte, and what reading them gives.

use conductor::protocol::admin::{AdminAnswer, AdminRequest, AdminSignal};
use conductor::protocol::app::{AppAnswer, AppRequest, AppSignal, Authenticate};
use conductor::protocol::frame::Frame;
use conductor::protocol::{decode, encode};

/// Returns the blocks of the page: the word behind `vector`, and the fields.
fn vectors() -> Vec<(String, Vec<(String, String)>)> {
    let page = include_str!("../../../../docs/protocols/conductor.md");
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```vector ") else {
            continue;
        };
        let fields = lines.by_ref().take_while(|line| *line != "```");
        let fields = fields.map(|line| {
            let (key, value) = line.split_once(": ").expect("a field and its value");
            (key.to_owned(), value.to_owned())
        });
        found.push((name.to_owned(), fields.collect()));
    }
    found
}

/// Reads the data of a frame as what it says it is, and writes it again.
fn again(kind: &str, data: &[u8]) -> (String, Vec<u8>) {
    macro_rules! through {
        ($name:ty) => {{
            let message: $name = decode(data).expect("the page says that it can be read");
            (format!("{message:?}"), encode(&message).to_vec())
        }};
    }
    match kind {
        "admin-request" => through!(AdminRequest),
        "admin-answer" => through!(AdminAnswer),
        "admin-signal" => through!(AdminSignal),
        "app-request" => through!(AppRequest),
        "app-answer" => through!(AppAnswer),
        "app-signal" => through!(AppSignal),
        "authenticate" => through!(Authenticate),
        other => panic!("the page has a vector of an unknown kind: {other}"),
    }
}

#[test]
fn page_has_vectors_that_are_read_and_written_again() {
    let vectors = vectors();
    assert!(vectors.len() >= 8, "{} vectors", vectors.len());
    for (kind, fields) in vectors {
        let get = |wanted: &str| {
            let found = fields.iter().find(|(key, _)| key == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let bytes = hex::decode(get("frame").expect("a frame")).unwrap();
        let frame = Frame::decode(&bytes.clone().into()).expect("a frame that can be read");
        assert_eq!(hex::encode(frame.encode()), hex::encode(&bytes), "{kind}");
        let data = match &frame {
            Frame::Request { data, .. } | Frame::Response { data, .. } => data,
            Frame::Signal { data } | Frame::Authenticate { data } => data,
        };
        let (read, written) = again(&kind, data);
        let says = get("says").expect("what it says");
        assert!(read.contains(says), "{kind}: {read} does not say {says}");
        if get("written") != Some("otherwise") {
            assert_eq!(hex::encode(written), hex::encode(data), "{kind}");
        }
    }
}
