//! Faults and frames on their way there and back.

use bytes::Bytes;
use chain::{AgentPubKey, DnaHash, KeySigner, Rejection, SignError, Signer as _, record};
use crypto::Keypair;
use proptest::prelude::*;
use serde_bytes::ByteBuf;

use crate::protocol::admin::{AdminRequest, InstallApp};
use crate::protocol::frame::Frame;
use crate::protocol::own::RecordParts;
use crate::protocol::refusal::{InstallRefusal, Refusal, read_detail, read_words, words_of};
use crate::protocol::{self, ErrorView};
use crate::wire::CallParams;
use crate::{AppId, CallFault, CellId, Fault, SignedCall};

fn cell() -> CellId {
    CellId {
        dna: DnaHash::from_raw_32(vec![1; 32]),
        agent: AgentPubKey::from_raw_32(vec![2; 32]),
    }
}

fn app() -> AppId {
    "garden".parse().unwrap()
}

/// Two signed records of one place.
fn records() -> [chain::Record; 2] {
    let signer = KeySigner::new(Keypair::from_seed(&[3; 32]));
    [1, 2].map(|dna| {
        let dna = DnaHash::from_raw_32(vec![dna; 32]);
        let mut author = chain::Author::new(signer.agent().clone(), None);
        let drafts = author.genesis(&dna, base::Timestamp::from_secs(1));
        let first = drafts.into_iter().next().unwrap();
        let signature = signer.sign(&first.action).unwrap();
        record::assemble(first.action, signature, first.entry)
    })
}

/// One of each fault that a conductor says.
fn faults() -> Vec<Fault> {
    let [stored, offered] = records().map(Box::new);
    let away = SignError::Unavailable("out for lunch".to_owned());
    let rejections = [
        Rejection::Key,
        Rejection::ForeignAuthor {
            seq: 1,
            found: cell().agent,
        },
        Rejection::Gap {
            wanted: 1,
            found: 2,
        },
        Rejection::Dna {
            wanted: cell().dna,
            found: DnaHash::from_raw_32(vec![9; 32]),
        },
        Rejection::Structure {
            seq: 4,
            reason: "too long".to_owned(),
        },
    ];
    let mut faults = vec![
        Fault::UnknownApp(app()),
        Fault::UnknownCell(cell()),
        Fault::AppTaken {
            app: app(),
            cell: cell(),
        },
        Fault::CellTaken { app: app() },
        Fault::Capacity { limit: 50 },
        Fault::Disabled(cell()),
        Fault::NoSigner(cell()),
        Fault::ForeignSigner,
        Fault::Refused {
            seq: 5,
            source: SignError::Equivocation { seq: 5 },
        },
        Fault::Pending {
            seq: 6,
            source: away,
        },
        Fault::Fork { stored, offered },
        Fault::Gap { wanted: 7 },
        Fault::Closed,
        Fault::Empty,
        Fault::TooMany { limit: 1_000 },
        Fault::Damaged { seq: 8 },
        Fault::Call(CallFault::Malformed),
        Fault::Call(CallFault::TooLong { limit: 9 }),
        Fault::Call(CallFault::TooManyCalls { limit: 10 }),
    ];
    faults.extend(rejections.map(Fault::Rejected));
    faults
}

#[test]
fn faults_come_out_as_they_went_in() {
    for fault in faults() {
        let sent = protocol::encode(&Refusal::from(&fault));
        let read: Refusal = protocol::decode(&sent).unwrap();
        let found = read.into_fault();
        assert_eq!(format!("{found:?}"), format!("{fault:?}"));
    }
    let fault = Fault::Elsewhere("the disk is full".to_owned());
    let found = Refusal::from(&fault).into_fault();
    assert!(found.to_string().contains("the disk is full"), "{found}");
}

#[test]
fn what_holochain_has_no_words_for_is_behind_the_words() {
    let fault = Fault::Capacity { limit: 50 };
    let error = words_of(&fault);
    assert_eq!(error.class, ErrorView::INTERNAL);
    assert!(error.value.contains("hosts 50 cells"), "{}", error.value);
    let found = read_detail(&error).unwrap();
    assert!(matches!(found, Fault::Capacity { limit: 50 }), "{found}");
    for words in [
        "",
        " [commonhold:]",
        "x [commonhold:!!!]",
        "x [commonhold:wA]",
    ] {
        assert!(
            read_detail(&ErrorView::internal(words)).is_none(),
            "{words}"
        );
    }
}

#[test]
fn refusals_of_calls_are_read_from_holochains_words() {
    let cell = cell();
    let params = CallParams {
        provenance: ByteBuf::from(cell.agent.get_raw_39()),
        cell_id: (
            ByteBuf::from(cell.dna.get_raw_39()),
            ByteBuf::from(cell.agent.get_raw_39()),
        ),
        zome_name: "garden".to_owned(),
        fn_name: "dig".to_owned(),
        cap_secret: Some(ByteBuf::from(b"a secret of somebody")),
        payload: ByteBuf::from([0xc0]),
        nonce: ByteBuf::from([4; 32]),
        expires_at: 1,
    };
    let call = SignedCall {
        bytes: params.encode().into(),
        signature: [0; 64],
    };
    let refused = [
        CallFault::AuthenticationFailed,
        CallFault::BadCapGrant,
        CallFault::NonceExpired,
        CallFault::NonceFuture,
        CallFault::NonceDuplicate,
        CallFault::UnknownZome("garden".to_owned()),
        CallFault::UnknownFunction("dig".to_owned()),
        CallFault::TooManyCalls { limit: 3 },
    ];
    let mut faults: Vec<Fault> = refused.into_iter().map(Fault::Call).collect();
    faults.extend([
        Fault::UnknownCell(cell.clone()),
        Fault::Disabled(cell.clone()),
        Fault::NoSigner(cell.clone()),
        Fault::Closed,
        Fault::TooMany { limit: 4 },
    ]);
    for fault in faults {
        let error = protocol::refusal::words_of_call(&fault, &call);
        assert!(!error.value.contains("secret of"), "{}", error.value);
        let found = read_words(&error, &params, &cell);
        assert_eq!(format!("{found:?}"), format!("{fault:?}"));
    }
}

#[test]
fn whether_an_app_or_a_cell_is_taken_is_read_from_the_words() {
    let taken = words_of(&Fault::AppTaken {
        app: app(),
        cell: cell(),
    });
    assert_eq!(InstallRefusal::read(&taken), Some(InstallRefusal::AppTaken));
    let taken = InstallRefusal::cell_taken(&cell());
    assert_eq!(
        InstallRefusal::read(&taken),
        Some(InstallRefusal::CellTaken)
    );
    assert_eq!(InstallRefusal::read(&ErrorView::unreadable()), None);
}

#[test]
fn record_with_another_signature_length_is_none() {
    let [record, _] = records();
    let mut parts = RecordParts::from(&record);
    assert_eq!(RecordParts::read_all(&[parts.clone()]), Some(vec![record]));
    parts.signature.pop();
    assert_eq!(RecordParts::read_all(&[parts]), None);
}

#[test]
fn install_takes_what_other_clients_leave_out() {
    let request = serde_json::json!({
        "value": { "source": { "type": "path", "value": "app.happ" }, "ignore_genesis_failure": false },
        "type": "install_app",
    });
    let bytes = rmp_serde::to_vec(&request).unwrap();
    let Some(AdminRequest::InstallApp(install)) = protocol::decode(&bytes) else {
        panic!("an install");
    };
    let InstallApp {
        agent_key,
        installed_app_id,
        ..
    } = *install;
    assert!(agent_key.is_none() && installed_app_id.is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        if let Some(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(Frame::decode(&frame.encode()), Some(frame));
        }
        drop(protocol::decode::<AdminRequest>(&bytes));
    }

    #[test]
    fn frames_come_out_as_they_went_in(id in any::<u64>(), data in prop::collection::vec(any::<u8>(), 0..300)) {
        let data = Bytes::from(data);
        let frames = [
            Frame::Request { id, data: data.clone() },
            Frame::Response { id, data: data.clone() },
            Frame::Signal { data: data.clone() },
            Frame::Authenticate { data },
        ];
        for frame in frames {
            prop_assert_eq!(Frame::decode(&frame.encode()), Some(frame));
        }
    }
}
