//! Blobs when the process is killed or the disk is full.
#![allow(
    clippy::disallowed_methods,
    reason = "the child is told by its environment what to do, and tests look at what is there"
)]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod crash;
mod keeping;
mod serving;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use base::{Code, ContentHash};
use blobs::{Blobs, Limits, Verdict};
use bytes::Bytes;

/// Tells a child what to be.
const ROLE: &str = "BLOBS_TEST_ROLE";
/// Tells a child where its store is.
const FOLDER: &str = "BLOBS_TEST_FOLDER";

/// A process that stores blobs, killed when the test ends early.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Returns what follows the next `stored:`, or `None` at the end.
    fn stored(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix("stored:") {
                return Some(rest.trim().to_owned());
            }
            line.clear();
        }
        None
    }

    /// Kills it as SIGKILL does, and waits until it is gone.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn say(line: &str) {
    println!("\nstored:{line}");
    std::io::stdout().flush().unwrap();
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// How many files of the store are on their way in.
fn temporaries(folder: &Path) -> usize {
    fs::read_dir(folder.join("tmp")).unwrap().count()
}

/// Not a test of its own: what the other tests start.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let folder = std::env::var(FOLDER).unwrap();
    let blobs = Blobs::open(Path::new(&folder), Limits::default()).unwrap();
    block_on(async {
        if role == "half" {
            let whole = blobs.put(Bytes::from_static(b"whole")).await.unwrap();
            let mut upload = blobs.upload(Some(2_000_000)).await.unwrap();
            upload.write(Bytes::from(vec![1; 1_500_000])).await.unwrap();
            say(&whole.hash.to_string());
            std::future::pending::<()>().await;
        }
        for number in 0_u64.. {
            // Most in the log, some in files.
            let times = if number % 5 == 0 { 150_000 } else { 1_000 };
            let bytes = number.to_le_bytes().repeat(times);
            let stored = blobs.put(bytes.into()).await.unwrap();
            say(&stored.hash.to_string());
        }
    });
}

#[test]
fn a_process_killed_half_way_leaves_no_visible_blob() {
    let outer = tempfile::tempdir().unwrap();
    let mut process = Process::start("half", outer.path());
    let whole: ContentHash = process.stored().unwrap().parse().unwrap();
    process.kill();
    assert_eq!(temporaries(outer.path()), 1);
    let blobs = Blobs::open(outer.path(), Limits::default()).unwrap();
    assert_eq!(temporaries(outer.path()), 0);
    assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (1, 5));
    let listed = block_on(blobs.list(None, 10)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].hash, whole);
}

#[test]
fn what_was_called_stored_survives_a_kill_at_any_moment() {
    let outer = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<ContentHash> = Vec::new();
    for round in 1..=6 {
        let mut process = Process::start("busy", outer.path());
        for _ in 0..round * 3 {
            acknowledged.push(process.stored().unwrap().parse().unwrap());
        }
        process.kill();
        while let Some(hash) = process.stored() {
            acknowledged.push(hash.parse().unwrap());
        }
        let blobs = Blobs::open(outer.path(), Limits::default()).unwrap();
        assert_eq!(temporaries(outer.path()), 0);
        block_on(async {
            for hash in &acknowledged {
                assert_eq!(blobs.verify(hash).await.unwrap(), Verdict::Whole);
            }
            for listed in blobs.list(None, 1_000).await.unwrap() {
                assert_eq!(blobs.verify(&listed.hash).await.unwrap(), Verdict::Whole);
            }
        });
    }
}

/// A small file system of its own, unmounted at the end.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "commonhold-test"])
            .arg(path)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).status());
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    let outer = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(outer.path()) else {
        println!("left out: mounting a small disk needs root");
        return;
    };
    let folder = outer.path().join("blobs");
    let blobs = Blobs::open(&folder, Limits::default()).unwrap();
    block_on(async {
        let before = blobs.put(Bytes::from(vec![1; 300_000])).await.unwrap();
        let error = blobs
            .put(Bytes::from(vec![2; 12_000_000]))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::DiskFull);
        let said = "the blob was not stored: the disk of the node is full";
        assert_eq!(error.problem().to_string(), said);
        assert_eq!(temporaries(&folder), 0);
        assert!(
            !blobs
                .contains(&ContentHash::of(&vec![2; 12_000_000]))
                .await
                .unwrap()
        );
        assert_eq!(blobs.verify(&before.hash).await.unwrap(), Verdict::Whole);
        assert_eq!(blobs.bytes_total(), 300_000);
        // There is room for something small, and the store takes it.
        assert!(
            blobs
                .put(Bytes::from(vec![3; 300_000]))
                .await
                .unwrap()
                .is_new
        );
    });
}
