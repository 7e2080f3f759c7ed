//! iroh-blobs `FsStore` with its default options, as it is or with `sync_db` by every client after each put.
//!
//! A put holds a temporary tag and no written one, which is the least that the store can be asked for. `sync_db` ends
//! the running transaction of its database; files of blobs above 16 KiB are written without any flush in either case.

use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use iroh_blobs::Hash;
use iroh_blobs::store::fs::FsStore;
use peer_harness::{Id, Peer};

struct Iroh {
    store: FsStore,
    is_synced: bool,
}

fn main() -> ExitCode {
    peer_harness::run::<Iroh>()
}

impl Peer for Iroh {
    type Reader = FsStore;

    async fn open(folder: &Path, variant: &str) -> anyhow::Result<Self> {
        let is_synced = match variant {
            "" => false,
            "synced" => true,
            _ => anyhow::bail!("there is no variant {variant}"),
        };
        let store = FsStore::load(folder).await?;
        Ok(Self { store, is_synced })
    }

    fn acknowledged(&self) -> &'static str {
        if self.is_synced {
            "its database is flushed; files of blobs above 16 KiB are not"
        } else {
            "taken: its database commits up to half a second later, and files are not flushed"
        }
    }

    async fn put(&self, blob: Bytes) -> anyhow::Result<Id> {
        let added = self.store.add_bytes(blob).temp_tag().await?;
        if self.is_synced {
            self.store.sync_db().await?;
        }
        Ok(added.hash().into())
    }

    fn reader(&self) -> anyhow::Result<FsStore> {
        Ok(self.store.clone())
    }

    async fn get(reader: &mut FsStore, id: &Id) -> anyhow::Result<usize> {
        Ok(reader.get_bytes(Hash::from(*id)).await?.len())
    }
}
