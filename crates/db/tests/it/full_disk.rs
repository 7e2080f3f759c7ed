//! A disk that fills up, and one that refuses to grow a file in the middle of a commit.

use std::path::Path;
use std::process::{Command, Stdio};

use base::Code;
use db::{Fault, WriteError};

use crate::{ids, insert, open};

/// Names the folder to a copy of this program that may not write long files.
const VICTIM: &str = "DB_TEST_LIMITED";

/// A file system of one mebibyte, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts it, or says why not.
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.0.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "umount");
    }
}

#[test]
fn full_disk_is_told_and_loses_nothing() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            println!("left out: full disk (a small tmpfs needs root): {reason}");
            return;
        }
    };
    let path = disk.0.path().join("test.db");
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 400 * 1_024]).unwrap();
    let db = open(&path);
    let mut kept = Vec::new();
    let fault = loop {
        let id = kept.len() as i64;
        match db.write_blocking(move |tx| insert(tx, id, &[5; 20_000])) {
            Ok(()) => kept.push(id),
            Err(WriteError::Fault(fault)) => break fault,
            Err(WriteError::Refused(error)) => panic!("told as the closure's own error: {error}"),
        }
        assert!(kept.len() < 100, "the disk never filled up");
    };
    assert_eq!(fault.code(), Code::DiskFull, "{fault:?}");
    assert!(!kept.is_empty());
    assert_eq!(ids(&db), kept);

    std::fs::remove_file(&ballast).unwrap();
    let id = kept.len() as i64;
    db.write_blocking(move |tx| insert(tx, id, &[5; 20_000]))
        .unwrap();
    kept.push(id);
    drop(db);
    assert_eq!(ids(&open(&path)), kept);
}

#[test]
fn failed_commit_fails_all_of_it_and_poisons_the_handle() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        write_beyond_the_limit(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // 512 blocks of 512 bytes; the signal that would end the process is ignored, so that writing fails instead.
    let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" --exact full_disk::failed_commit_fails_all_of_it_and_poisons_the_handle --nocapture";
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(VICTIM, folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "the limited process failed: {status}");
    let kept = ids(&open(&folder.path().join("test.db")));
    assert!(!kept.is_empty());
    assert_eq!(kept, (0..kept.len() as i64).collect::<Vec<_>>());
}

/// Runs in a process that may not make files longer than 256 KiB.
fn write_beyond_the_limit(folder: &Path) {
    let db = open(&folder.join("test.db"));
    let mut kept = 0;
    let fault = loop {
        let id = kept;
        match db.write_blocking(move |tx| insert(tx, id, &[5; 20_000])) {
            Ok(()) => kept += 1,
            Err(WriteError::Fault(fault)) => break fault,
            Err(WriteError::Refused(error)) => panic!("told as the closure's own error: {error}"),
        }
        assert!(kept < 100, "the limit was never reached");
    };
    assert!(matches!(fault, Fault::Io(_)), "{fault:?}");
    let next = db.write_blocking(move |tx| insert(tx, 1_000, b"small"));
    assert!(
        matches!(next, Err(WriteError::Fault(Fault::Poisoned))),
        "{next:?}"
    );
    assert_eq!(ids(&db), (0..kept).collect::<Vec<_>>());
}
