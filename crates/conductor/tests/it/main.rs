//! The embedded engine, put through the properties of every engine and through crashes of its own.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests prepare their own files, start themselves again through the environment, and fail by panicking"
)]

mod conformance;
mod crash;
mod frames;
mod golden;
mod javascript;
mod kill;
mod limits;
mod model;
mod remote;
mod sockets;
mod transcript;

use std::path::Path;
use std::sync::Arc;

use base::Timestamp;
use chain::{DnaHash, EntryVisibility, Envelope, KeySigner, Signer as _, Write};
use conductor::{
    AppId, CellId, Conductor as _, Config, Custody, Embedded, Limits, Origin, Provision,
};
use crypto::Keypair;

/// A time in the lifetime of these tests.
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn dna() -> DnaHash {
    DnaHash::from_raw_32(vec![0xd4; 32])
}

fn open(folder: &Path, limits: Limits) -> Arc<Embedded> {
    let config = Config {
        id: "test".parse().unwrap(),
        folder: folder.to_owned(),
        limits,
    };
    Embedded::open(config, runtime::Clock::by_hand(NOW).0).unwrap()
}

fn signer(index: u8) -> Arc<KeySigner> {
    Arc::new(KeySigner::new(Keypair::from_seed(&[index; 32])))
}

fn cell(index: u8) -> CellId {
    CellId {
        dna: dna(),
        agent: signer(index).agent().clone(),
    }
}

fn request(index: u8, custody: Custody) -> Provision {
    let cell = cell(index);
    Provision {
        app_id: AppId::of_agent(&cell.agent),
        cell,
        origin: Origin::Genesis,
        custody,
    }
}

/// Makes a cell that writes.
async fn host(engine: &Embedded, index: u8) -> CellId {
    let hosted = engine
        .provision(request(index, Custody::Signer(signer(index))))
        .await
        .unwrap();
    engine.set_enabled(&hosted.app_id, true).await.unwrap();
    hosted.cell
}

fn note(text: &str) -> Write {
    Write::Create {
        envelope: Envelope::new("note", 1, text.as_bytes().to_vec()).unwrap(),
        visibility: EntryVisibility::Public,
    }
}
