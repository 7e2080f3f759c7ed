//! A complete upload becomes a blob without being written again, and nothing of it stays beside the blob.

use std::fmt;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::ContentHash;
use disk::{Disk, DiskFile, FaultyDisk};

use crate::harness::{House, Plan, noise, until};
use crate::tus::{begin, head, patch};

/// A disk that counts the bytes that are written outside of the log and the index.
#[derive(Clone)]
struct Counting {
    disk: FaultyDisk,
    written: Arc<AtomicU64>,
    /// Whether a file can have two names.
    may_link: Arc<AtomicBool>,
}

#[derive(Debug)]
struct CountingFile {
    file: Arc<dyn DiskFile>,
    written: Option<Arc<AtomicU64>>,
}

impl Counting {
    fn new() -> Self {
        Self {
            disk: FaultyDisk::new(1),
            written: Arc::default(),
            may_link: Arc::new(AtomicBool::new(true)),
        }
    }

    fn file(&self, path: &str, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let counts = path.starts_with("uploads/") || path.starts_with("tmp/");
        let written = counts.then(|| Arc::clone(&self.written));
        Arc::new(CountingFile { file, written })
    }

    fn plan(&self) -> Plan {
        Plan {
            disk: Some(Arc::new(self.clone())),
            ..Plan::new()
        }
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(formatter)
    }
}

impl Disk for Counting {
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.make_folder(folder)
    }

    fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.names(folder)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(path, self.disk.create(path)?))
    }

    fn open(&self, path: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let file = self.disk.open(path)?;
        Ok(file.map(|file| self.file(path, file)))
    }

    fn file_len(&self, path: &str) -> io::Result<Option<u64>> {
        self.disk.file_len(path)
    }

    fn rename(&self, source: &str, target: &str) -> io::Result<()> {
        self.disk.rename(source, target)
    }

    fn link(&self, source: &str, target: &str) -> io::Result<()> {
        if self.may_link.load(Ordering::SeqCst) {
            self.disk.link(source, target)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.disk.path(path)
    }
}

impl DiskFile for CountingFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        if let Some(written) = &self.written {
            let bytes: usize = parts.iter().map(|part| part.len()).sum();
            written.fetch_add(bytes as u64, Ordering::SeqCst);
        }
        self.file.write_at(offset, parts)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn start_write_back(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.start_write_back(offset, len)
    }
}

/// Uploads bytes in two pieces, and returns how many were written for it.
async fn upload(house: &House, disk: &Counting, bytes: &[u8]) -> u64 {
    let token = house.token().await;
    let before = disk.written.load(Ordering::SeqCst);
    let path = begin(house, &token, bytes.len()).await;
    let (first, second) = bytes.split_at(bytes.len() / 3);
    patch(house, &token, &path, 0, first).await.is(204);
    let last = patch(house, &token, &path, first.len(), second)
        .await
        .is(204);
    let hash = ContentHash::of(bytes).to_string();
    assert_eq!(last.header("x-blob-hash"), hash);
    let parts = disk.names("uploads").unwrap();
    assert!(
        parts.iter().all(|name| !name.ends_with(".part")),
        "no part is left once the blob is acknowledged: {parts:?}"
    );
    assert_eq!(disk.names("tmp").unwrap(), [] as [&str; 0]);
    let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    assert!(blob.body == bytes);
    disk.written.load(Ordering::SeqCst) - before
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_uploaded_is_written_once() {
    let disk = Counting::new();
    let house = House::open(disk.plan()).await.unwrap();
    let bytes = noise(6_000_000, 1);
    let written = upload(&house, &disk, &bytes).await;
    println!("an upload of {} bytes wrote {written}", bytes.len());
    // What says how far it is, and the list of the blob's groups, are small.
    let most = bytes.len() as u64 + 20_000;
    assert!(
        (bytes.len() as u64..most).contains(&written),
        "{written} bytes were written"
    );
    disk.may_link.store(false, Ordering::SeqCst);
    let bytes = noise(6_000_000, 2);
    let written = upload(&house, &disk, &bytes).await;
    println!("without second names it wrote {written}");
    assert!(
        written >= 2 * bytes.len() as u64,
        "{written} bytes were written"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_outlives_the_upload_that_it_was() {
    let disk = Counting::new();
    let house = House::open(disk.plan()).await.unwrap();
    let token = house.token().await;
    let bytes = noise(2_000_000, 3);
    let hash = ContentHash::of(&bytes);
    let path = begin(&house, &token, bytes.len()).await;
    patch(&house, &token, &path, 0, &bytes).await.is(204);
    let version = [("tus-resumable", "1.0.0")];
    house
        .ask_as(&token, "DELETE", &path, &version, "")
        .await
        .is(204);
    house.close().await;
    disk.disk.power_off();
    disk.disk.power_on();
    let house = House::open(disk.plan()).await.unwrap();
    let token = house.token().await;
    let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    assert!(blob.body == bytes);
    house.close().await;
}

/// The power fails at each operation of the end of an upload: it is either a blob or can go on, whatever was told before.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_it_becomes_a_blob_loses_nothing_that_was_acknowledged() {
    let bytes = noise(1_200_000, 4);
    let hash = ContentHash::of(&bytes).to_string();
    let mut crashes = 0;
    for step in 1..30 {
        let disk = Counting::new();
        let house = House::open(disk.plan()).await.unwrap();
        let token = house.token().await;
        let path = begin(&house, &token, bytes.len()).await;
        patch(&house, &token, &path, 0, &bytes[..1_100_000])
            .await
            .is(204);
        disk.disk.crash_at(disk.disk.operations() + step);
        let answer = patch(&house, &token, &path, 1_100_000, &bytes[1_100_000..]).await;
        let was_stored = answer.header("x-blob-hash") == hash;
        crashes += u32::from(!was_stored);
        disk.disk.power_off();
        disk.disk.power_on();
        // What still runs of the first life has the old disk.
        let copy = disk.disk.copy(step);
        disk.disk.power_off();
        house.supervisor.shutdown().request();
        let disk = Counting { disk: copy, ..disk };
        let house = House::open(disk.plan()).await.unwrap();
        let token = house.token().await;
        let found = head(&house, &token, &path).await.is(200);
        let offset: usize = found.header("upload-offset").parse().unwrap();
        assert!(
            offset == 1_100_000 || offset == bytes.len(),
            "step {step}: {offset}"
        );
        assert!(
            !was_stored || offset == bytes.len(),
            "step {step}: {offset}"
        );
        if offset < bytes.len() {
            patch(&house, &token, &path, offset, &bytes[offset..])
                .await
                .is(204);
        }
        until("it is a blob", async || {
            head(&house, &token, &path).await.header("x-blob-hash") == hash
        })
        .await;
        let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert!(blob.body == bytes, "step {step}");
        house.close().await;
    }
    assert!(crashes >= 10, "{crashes} crashes");
}
