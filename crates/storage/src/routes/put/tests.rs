//! The answer that is written by hand is the one of the interface.

use api::{AckView, BlobPutView, SCHEMA_VERSION};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base::{ContentHash, Timestamp};
use blobs::{Ack, Stored};
use proptest::prelude::*;
use storage_core::tier::Tier;

use super::{Brought, tell};

fn stored(bytes: u64, at: i64, lsn: u64, is_new: bool, tier: Tier) -> Stored {
    Stored {
        hash: ContentHash::of(b"bread"),
        bytes,
        is_new,
        ack: Ack {
            tier,
            at: Timestamp(at),
            lsn,
        },
    }
}

fn check(stored: Stored) {
    let hash = stored.hash.to_string();
    let view = BlobPutView {
        schema_version: SCHEMA_VERSION,
        hash: hash.clone(),
        bytes: stored.bytes,
        is_new: stored.is_new,
        ack: AckView {
            tier: stored.ack.tier.as_str().to_owned(),
            at_us: stored.ack.at.as_micros(),
            lsn: stored.ack.lsn,
        },
    };
    let mut sent = HeaderMap::new();
    sent.insert("content-digest", HeaderValue::from_static("of the request"));
    let applied = None;
    let answer = tell(&Brought { stored, applied }, sent);
    assert_eq!(
        *answer.body(),
        serde_json::to_vec(&view).expect("a view is JSON")
    );
    let status = if stored.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()[LOCATION], format!("/blobs/{hash}"));
    assert_eq!(answer.headers()[ETAG], format!("\"{hash}\""));
    assert_eq!(answer.headers().len(), 3, "nothing of the request is left");
}

#[test]
fn edges_are_written_as_the_interface_says() {
    for number in [0, 9, 10, u64::from(u32::MAX), u64::MAX] {
        for at in [0, -1, i64::MIN, i64::MAX] {
            check(stored(number, at, number, true, Tier::Accepted));
            check(stored(number, at, number, false, Tier::Verified));
        }
    }
}

proptest! {
    #[test]
    fn any_number_is_written_as_the_interface_says(bytes: u64, at: i64, lsn: u64, is_new: bool) {
        check(stored(bytes, at, lsn, is_new, Tier::Durable));
    }
}
