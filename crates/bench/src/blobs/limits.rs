//! What nothing can go beyond on this machine: the disk's flushes, SHA-256, a map in memory.

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base::ContentHash;
use bytes::Bytes;

use super::workload::Content;
use crate::machine;

/// Length of the file that is written over and over, in bytes: one segment.
const FILE_BYTES: u64 = 64 * 1_024 * 1_024;

/// Threads that read or hash at the same time.
const THREADS: usize = 2;

/// Blobs that are looked up or hashed.
const BLOBS: usize = 20_000;

/// Returns how often a second a batch of this length can be written into a file that was filled with zeros before,
/// and flushed with `fdatasync`.
pub(super) fn flushes_per_second(
    folder: &Path,
    batch_bytes: usize,
    secs: u32,
) -> anyhow::Result<f64> {
    let path = folder.join("bare");
    let file = File::create_new(&path).context("make a file")?;
    let zeros = vec![0; 1_024 * 1_024];
    for offset in (0..FILE_BYTES).step_by(zeros.len()) {
        file.write_all_at(&zeros, offset)?;
    }
    file.sync_all()?;
    let batch = Content::of(1, 0).blob(batch_bytes);
    let (mut offset, mut flushes) = (0, 0);
    let started = Instant::now();
    let lasts = Duration::from_secs(u64::from(secs));
    while started.elapsed() < lasts {
        if offset + batch_bytes as u64 > FILE_BYTES {
            offset = 0;
        }
        file.write_all_at(&batch, offset)?;
        file.sync_data()?;
        offset += batch_bytes as u64;
        flushes += 1;
    }
    let rate = f64::from(flushes) / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(rate)
}

/// Returns how long SHA-256 of so many bytes is on a core, in seconds.
pub(super) fn hashing_secs(bytes: usize) -> anyhow::Result<f64> {
    let blob = Content::of(1, 0).blob(bytes);
    let before = machine::own_cpu_seconds()?;
    black_box(ContentHash::of(&blob));
    Ok(machine::own_cpu_seconds()? - before)
}

/// Returns how many blobs of 1 KiB all threads hash in a second.
pub(super) fn hashes_per_second(secs: u32) -> f64 {
    let blobs = blobs();
    per_second(secs, |choice| {
        black_box(ContentHash::of(&blobs[choice.below(BLOBS)].1));
    })
}

/// Returns how many blobs of 1 KiB all threads find in a map in a second.
pub(super) fn look_ups_per_second(secs: u32) -> f64 {
    let blobs = blobs();
    let map: HashMap<ContentHash, Bytes> = blobs.iter().cloned().collect();
    per_second(secs, |choice| {
        black_box(map.get(&blobs[choice.below(BLOBS)].0).cloned());
    })
}

fn blobs() -> Vec<(ContentHash, Bytes)> {
    let mut content = Content::of(1, 0);
    let mut blob = || {
        let blob = content.blob(1_024);
        (ContentHash::of(&blob), blob)
    };
    (0..BLOBS).map(|_| blob()).collect()
}

fn per_second(secs: u32, work: impl Fn(&mut Content) + Sync) -> f64 {
    let is_over = AtomicBool::new(false);
    let started = Instant::now();
    let done: u64 = std::thread::scope(|scope| {
        let one = |thread| {
            let (is_over, work) = (&is_over, &work);
            move || {
                let mut choice = Content::of(!1, thread);
                let mut done = 0;
                while !is_over.load(Ordering::Relaxed) {
                    work(&mut choice);
                    done += 1;
                }
                done
            }
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(one(thread)))
            .collect();
        // A thread may have been left a token to go on at once: the scope before this one does that.
        let lasts = Duration::from_secs(u64::from(secs));
        while let Some(left) = lasts.checked_sub(started.elapsed()) {
            std::thread::park_timeout(left);
        }
        is_over.store(true, Ordering::Relaxed);
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|done| done.expect("it does not panic")).sum()
    });
    done as f64 / started.elapsed().as_secs_f64()
}

/// Reads all files below a folder once; returns how many bytes that were and how long it took, in seconds.
pub(super) fn reading_secs(folder: &Path) -> anyhow::Result<(u64, f64)> {
    let mut buffer = vec![0; 1_024 * 1_024];
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0;
    let started = Instant::now();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let mut file = File::open(entry.path())?;
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                bytes += black_box(&buffer[..read]).len() as u64;
            }
        }
    }
    Ok((bytes, started.elapsed().as_secs_f64()))
}
