//! Calls as a real Holochain conductor took and refused them.

use base::Timestamp;
use bytes::Bytes;
use chain::public_of;
use conductor::wire::{CallParams, signed_digest};
use conductor::{CallFault, Conductor as _, Config, Embedded, Fault, Limits, SignedCall};
use crypto::PublicKey;
use runtime::Clock;
use serde_json::Value;

/// One recorded call: its label, its bytes, its signature.
type RecordedCall = (String, Vec<u8>, [u8; 64]);

/// Reads the recording, where it is there.
fn recorded() -> Option<Vec<RecordedCall>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/holochain/transcript-app.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("left out: recorded calls (transcript-app.json is not there)");
        return None;
    };
    let frames: Vec<Value> = serde_json::from_str(&text).unwrap();
    let bytes = |value: &Value| hex::decode(value["hex"].as_str().unwrap()).unwrap();
    let mut calls = Vec::new();
    for frame in frames {
        let request = &frame["decoded"]["data"];
        let is_call = request["type"] == "call_zome" && frame["direction"] == "to_conductor";
        if is_call {
            calls.push((
                frame["label"].as_str().unwrap().to_owned(),
                bytes(&request["value"]["bytes"]),
                bytes(&request["value"]["signature"]).try_into().unwrap(),
            ));
        }
    }
    Some(calls)
}

#[test]
fn recorded_calls_are_read_and_their_signatures_judged_alike() {
    let Some(calls) = recorded() else { return };
    assert!(calls.len() >= 29, "{} calls", calls.len());
    let mut refused = 0;
    for (label, bytes, signature) in calls {
        let params = CallParams::decode(&bytes).unwrap();
        let provenance = params.provenance().unwrap();
        let key = PublicKey::from_bytes(&public_of(&provenance)).unwrap();
        let is_signed = key.verify(&signed_digest(&bytes), &signature).is_ok();
        let wanted = label != "call_zome with a wrong signature";
        assert_eq!(is_signed, wanted, "{label}");
        refused += u32::from(!is_signed);
        // The recorded client writes the fields in the same order, so the same bytes come out again.
        assert_eq!(params.encode(), bytes, "{label}");
    }
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn recorded_calls_are_refused_for_the_recorded_reasons() {
    let Some(calls) = recorded() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        id: "golden".parse().unwrap(),
        folder: folder.path().to_owned(),
        limits: Limits::default(),
    };
    // The moment when the refused calls were recorded; the other ones were valid then or a little later.
    let (clock, _) = Clock::by_hand(Timestamp(1_795_166_243_157_400));
    let engine = Embedded::open(config, clock).unwrap();
    for (label, bytes, signature) in calls {
        let bytes = Bytes::from(bytes);
        let params = CallParams::decode(&bytes).unwrap();
        let is_own = params.provenance().unwrap() == params.cell().unwrap().agent;
        let fault = engine
            .call(SignedCall { bytes, signature })
            .await
            .unwrap_err();
        let is_as_recorded = match label.as_str() {
            "call_zome with a wrong signature" => {
                matches!(fault, Fault::Call(CallFault::AuthenticationFailed))
            }
            _ if !is_own => matches!(fault, Fault::Call(CallFault::BadCapGrant)),
            "call_zome that has expired" => matches!(fault, Fault::Call(CallFault::NonceExpired)),
            "call_zome that expires too late" => {
                matches!(fault, Fault::Call(CallFault::NonceFuture))
            }
            // Good calls get as far as the cell, which this engine does not host.
            _ => matches!(fault, Fault::UnknownCell(_)),
        };
        assert!(is_as_recorded, "{label}: {fault}");
    }
}

/// One of the recorded calls, retyped as a fact: `create` of a public note in a zome named `golden`.
#[test]
fn one_recorded_call_is_read_without_the_recording() {
    let bytes = hex::decode(concat!(
        "88aa70726f76656e616e6365c42784202403a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc",
        "8664125531b890f4c934a763656c6c5f696492c427842d24821ec5d488bd38dbd57b215e7fca966e440eb6",
        "3c1fc4961ec76531ec43bb18e4b05bdce5c42784202403a107bff3ce10be1d70dd18e74bc09967e4d6309b",
        "a50d5f1ddc8664125531b890f4c934a97a6f6d655f6e616d65a6676f6c64656ea7666e5f6e616d65a66372",
        "65617465aa6361705f736563726574c0a77061796c6f6164c43382a8656e76656c6f706583a46b696e64a4",
        "6e6f7465a776657273696f6e01a4626f6479c40568656c6c6fa770726976617465c2a56e6f6e6365c420c1",
        "4a03fa436c1828291c9253af4adc3441ebb4e5e47469da515e9e8cfe0d660eaa657870697265735f6174cf",
        "000660b1b9acb059"
    ))
    .unwrap();
    let signature = hex::decode(concat!(
        "50e221a5b0d64aaa503dd9e1abdde3699e14df5e6253a6ea091dccc8767c4aa7",
        "b3b849dd111247ffd4e8992fe1cb80b8335e2ffcc5e3334f943537b28f690a08"
    ))
    .unwrap();
    let params = CallParams::decode(&bytes).unwrap();
    assert_eq!(
        (params.zome_name.as_str(), params.fn_name.as_str()),
        ("golden", "create")
    );
    assert_eq!(params.expires_at, 1_795_166_300_844_121);
    assert_eq!(params.encode(), bytes);
    let key = PublicKey::from_bytes(&public_of(&params.provenance().unwrap())).unwrap();
    let mut signature: [u8; 64] = signature.try_into().unwrap();
    assert!(key.verify(&signed_digest(&bytes), &signature).is_ok());
    signature[0] ^= 1;
    assert!(key.verify(&signed_digest(&bytes), &signature).is_err());
    for cut in 0..bytes.len() {
        assert_eq!(
            CallParams::decode(&bytes[..cut]),
            Err(CallFault::Malformed),
            "{cut}"
        );
    }
}
