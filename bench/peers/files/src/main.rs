//! Plain files: a temporary file, `fdatasync`, rename, `fsync` of the folder. One file for each blob, in 256 folders.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use peer_harness::{Id, Peer, id_of};

#[derive(Clone)]
struct Files {
    root: Arc<PathBuf>,
    temporary: Arc<AtomicU64>,
}

fn main() -> ExitCode {
    peer_harness::run::<Files>()
}

impl Peer for Files {
    type Reader = Self;

    async fn open(folder: &Path, _variant: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder.join("tmp"))?;
        for first in 0..=u8::MAX {
            fs::create_dir_all(folder.join(format!("{first:02x}")))?;
        }
        Ok(Self {
            root: Arc::new(folder.to_owned()),
            temporary: Arc::default(),
        })
    }

    fn acknowledged(&self) -> &'static str {
        "on stable storage, under its name"
    }

    async fn put(&self, blob: Bytes) -> anyhow::Result<Id> {
        let files = self.clone();
        tokio::task::spawn_blocking(move || files.store(&blob)).await?
    }

    fn reader(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    async fn get(reader: &mut Self, id: &Id) -> anyhow::Result<usize> {
        let (folder, name) = reader.place(id);
        Ok(fs::read(folder.join(name))?.len())
    }
}

impl Files {
    fn store(&self, blob: &[u8]) -> anyhow::Result<Id> {
        let id = id_of(blob);
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.root.join("tmp").join(number.to_string());
        let mut file = File::create_new(&temporary)?;
        file.write_all(blob)?;
        file.sync_data()?;
        let (folder, name) = self.place(&id);
        fs::rename(&temporary, folder.join(name))?;
        File::open(&folder)?.sync_all()?;
        Ok(id)
    }

    fn place(&self, id: &Id) -> (PathBuf, String) {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let (first, rest) = hex.split_at(2);
        (self.root.join(first), rest.to_owned())
    }
}
