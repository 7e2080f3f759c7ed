//! What readers get: the right bytes or an error, whatever happened to the files.
#![allow(
    clippy::disallowed_methods,
    reason = "tests damage files and look at what is there"
)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::scratch::{Part, flip, limits};
use crate::{Limits, Verdict};

/// A store on a folder, with one blob in it.
struct Fixture {
    outer: TempDir,
    blobs: Blobs,
    bytes: Vec<u8>,
    hash: ContentHash,
}

/// Lengths of every way in which a blob is stored and checked.
const LENGTHS: [usize; 6] = [
    100,
    40_000,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    700_000,
    1_500_000,
];

fn made(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index % 251) as u8 ^ (index / CHUNK_BYTES) as u8)
        .collect()
}

impl Fixture {
    async fn new(len: usize) -> Self {
        Self::with(len, limits()).await
    }

    async fn with(len: usize, limits: Limits) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(outer.path(), limits).unwrap();
        let bytes = made(len);
        let hash = blobs.put(bytes.clone().into()).await.unwrap().hash;
        Self {
            outer,
            blobs,
            bytes,
            hash,
        }
    }

    /// Starts the store again, after `change`.
    fn restarted(self, change: impl FnOnce(&Path)) -> Self {
        let limits = self.blobs.limits();
        drop(self.blobs);
        change(self.outer.path());
        let blobs = Blobs::open(self.outer.path(), limits).unwrap();
        Self { blobs, ..self }
    }

    async fn blob(&self) -> Blob {
        self.blobs.get(&self.hash).await.unwrap().unwrap()
    }

    fn flip(&self, part: Part, index: usize) {
        flip(&self.blobs, &self.hash, part, index as u64);
    }

    /// Where the groups of the blob lie, when it is a file.
    fn outboard(&self) -> std::path::PathBuf {
        self.outer.path().join(crate::core::outboard_of(&self.hash))
    }

    fn chunk(&self, index: usize) -> &[u8] {
        self.bytes.chunks(CHUNK_BYTES).nth(index).unwrap()
    }

    async fn check_all(&self) {
        let blob = self.blob().await;
        for index in 0..self.bytes.len().div_ceil(CHUNK_BYTES) {
            let chunk = blob.chunk(index as u64).await.unwrap();
            assert!(chunk == self.chunk(index), "{index}");
        }
    }

    /// The blob is not used any more, and can be stored again.
    async fn check_set_aside(&self) {
        let told = self.blobs.get(&self.hash).await.unwrap_err();
        assert!(matches!(told, ReadError::Damaged { hash } if hash == self.hash));
        assert!(!self.blobs.contains(&self.hash).await.unwrap());
        assert_eq!((self.blobs.blobs_total(), self.blobs.bytes_total()), (0, 0));
        let status = self.blobs.status(&self.hash).await.unwrap().unwrap();
        assert!(status.is_damaged);
        let stored = self.blobs.put(self.bytes.clone().into()).await.unwrap();
        assert!(stored.is_new);
        self.check_all().await;
    }
}

fn is_damaged(read: &Result<Bytes, ReadError>, hash: &ContentHash) -> bool {
    let Err(error) = read else { return false };
    assert_eq!(error.to_string(), format!("blob {hash} is damaged"));
    assert_eq!(
        error.problem().to_string(),
        format!("the blob {hash} is damaged")
    );
    true
}

#[tokio::test]
async fn a_flipped_bit_is_an_error_with_the_blobs_id() {
    for len in LENGTHS {
        for place in [0, len / 2, len - 1] {
            for is_restarted in [false, true] {
                let mut fixture = Fixture::new(len).await;
                fixture.flip(Part::Bytes, place);
                if is_restarted {
                    fixture = fixture.restarted(|_| {});
                }
                let blob = fixture.blob().await;
                let read = blob.chunk((place / CHUNK_BYTES) as u64).await;
                assert!(is_damaged(&read, &fixture.hash), "{len} {place}");
                drop(blob);
                fixture.check_set_aside().await;
            }
        }
    }
}

#[tokio::test]
async fn damage_elsewhere_leaves_what_was_checked_readable() {
    let fixture = Fixture::new(CHUNK_BYTES * 3).await;
    let blob = fixture.blob().await;
    blob.chunk(0).await.unwrap();
    fixture.flip(Part::Bytes, CHUNK_BYTES * 2);
    assert!(blob.chunk(0).await.unwrap() == fixture.chunk(0));
    assert!(blob.chunk(1).await.unwrap() == fixture.chunk(1));
    assert!(is_damaged(&blob.chunk(2).await, &fixture.hash));
    assert!(
        blob.chunk(1).await.unwrap() == fixture.chunk(1),
        "in memory it is right"
    );
    fixture.check_set_aside().await;
}

#[tokio::test]
async fn damage_under_a_chunk_in_memory_shows_when_it_is_read_again() {
    let limits = Limits {
        cache_bytes_max: CHUNK_BYTES as u64 + 300,
        ..limits()
    };
    let fixture = Fixture::with(CHUNK_BYTES * 2, limits).await;
    let blob = fixture.blob().await;
    drop(blob.chunk(0).await.unwrap());
    fixture.flip(Part::Bytes, 17);
    assert!(blob.chunk(0).await.unwrap() == fixture.chunk(0));
    drop(blob.chunk(1).await.unwrap());
    assert!(Blob::cached(&blob, 0, 1).is_none(), "it had to go");
    assert!(is_damaged(&blob.chunk(0).await, &fixture.hash));
}

#[tokio::test]
async fn a_file_that_was_cut_or_is_gone_is_an_error() {
    for left in [Some(0), Some(750_000), Some(1_499_999), None] {
        for is_open in [false, true] {
            let fixture = Fixture::new(1_500_000).await;
            let before = fixture.blob().await;
            if is_open {
                before.chunk(0).await.unwrap();
            }
            let path = crate::core::file_of(&fixture.hash);
            let disk = &fixture.blobs.core().disk;
            match left {
                Some(left) => disk.open(&path).unwrap().unwrap().set_len(left).unwrap(),
                None => disk.remove(&path).unwrap(),
            }
            if left.is_none() && is_open {
                assert!(before.chunk(5).await.is_ok(), "an open file stays");
                continue;
            }
            assert!(
                is_damaged(&before.chunk(5).await, &fixture.hash),
                "{left:?}"
            );
            fixture.check_set_aside().await;
        }
    }
}

#[tokio::test]
async fn an_empty_blob_is_whole() {
    let fixture = Fixture::new(0).await;
    for _ in 0..2 {
        let blob = fixture.blob().await;
        assert!(blob.is_empty());
        assert!(blob.chunk(0).await.unwrap().is_empty());
        assert_eq!(blob.read_at(0, &mut [0; 4]).unwrap(), 0);
        assert!(Blob::cached(&blob, 0, 4).is_none());
    }
}

#[tokio::test]
async fn groups_are_taken_once_and_outlive_a_restart() {
    for len in [900_000, 1_500_000] {
        let fixture = Fixture::new(len).await;
        fixture.check_all().await;
        assert_eq!(
            fixture.blobs.blobs_hashed_total(),
            0,
            "they were taken while it was stored"
        );
        let fixture = fixture.restarted(|_| {});
        fixture.check_all().await;
        assert_eq!(
            fixture.blobs.blobs_hashed_total(),
            0,
            "they are on the disk"
        );
    }
    let fixture = Fixture::new(1_500_000).await;
    let outboard = fixture.outboard();
    let fixture = fixture.restarted(|_| fs::remove_file(outboard).unwrap());
    fixture.check_all().await;
    assert_eq!(fixture.blobs.blobs_hashed_total(), 1, "there were none");
    let fixture = fixture.restarted(|_| {});
    fixture.check_all().await;
    assert_eq!(
        fixture.blobs.blobs_hashed_total(),
        0,
        "they were written again"
    );
}

#[tokio::test]
async fn groups_that_are_wrong_are_taken_again() {
    for len in [900_000, 1_500_000] {
        for place in [0, 33, 60, 500] {
            let fixture = Fixture::new(len).await;
            fixture.flip(Part::Groups, place);
            let fixture = fixture.restarted(|_| {});
            fixture.check_all().await;
            assert_eq!(fixture.blobs.blobs_hashed_total(), 1, "{len} {place}");
            assert_eq!(
                fixture.blobs.verify(&fixture.hash).await.unwrap(),
                Verdict::Whole
            );
        }
    }
    let fixture = Fixture::new(1_500_000).await;
    let other = fixture
        .blobs
        .put(made(1_500_001).into())
        .await
        .unwrap()
        .hash;
    let (source, target) = (crate::core::outboard_of(&other), fixture.outboard());
    let fixture = fixture.restarted(|folder| {
        fs::copy(folder.join(source), target).unwrap();
    });
    fixture.check_all().await;
    assert_eq!(
        fixture.blobs.blobs_hashed_total(),
        1,
        "those of another blob"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_readers_of_a_cold_chunk_cause_one_read() {
    for (len, index, hashed) in [(1_000, 0, 0), (900_000, 2, 0), (1_500_000, 2, 1)] {
        let fixture = Fixture::new(len).await;
        let outboard = fixture.outboard();
        let fixture = fixture.restarted(|_| drop(fs::remove_file(outboard)));
        let blob = fixture.blob().await;
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let blob = blob.clone();
            readers.spawn(async move { blob.chunk(index).await.unwrap() });
        }
        let read = readers.join_all().await;
        let expect = fixture.chunk(usize::try_from(index).unwrap());
        assert!(read.iter().all(|chunk| chunk == expect));
        assert!(
            read.iter().all(|chunk| chunk.as_ptr() == read[0].as_ptr()),
            "shared, not copied"
        );
        assert_eq!(fixture.blobs.chunks_read_total(), 1);
        assert_eq!(fixture.blobs.blobs_hashed_total(), hashed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_readers_of_a_damaged_blob_are_all_told() {
    let fixture = Fixture::new(900_000).await;
    fixture.flip(Part::Bytes, CHUNK_BYTES);
    let blob = fixture.blob().await;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let blob = blob.clone();
        readers.spawn(async move { blob.chunk(1).await });
    }
    let read = readers.join_all().await;
    assert!(read.iter().all(|read| is_damaged(read, &fixture.hash)));
    drop(blob);
    fixture.check_set_aside().await;
}

#[tokio::test]
async fn memory_is_bounded() {
    let max = CHUNK_BYTES as u64 * 4;
    let limits = Limits {
        cache_bytes_max: max,
        ..limits()
    };
    let fixture = Fixture::with(CHUNK_BYTES * 10 + 5, limits).await;
    let blob = fixture.blob().await;
    let mut held = Vec::new();
    for round in 0..3 {
        for index in 0..11 {
            let chunk = blob.chunk(index).await.unwrap();
            assert!(chunk == fixture.chunk(usize::try_from(index).unwrap()));
            assert!(fixture.blobs.cached_bytes() <= max);
            if round == 1 {
                held.push(chunk);
            }
        }
    }
    assert!(fixture.blobs.cached_bytes() > max / 2);
    let none = Limits {
        cache_bytes_max: 0,
        ..crate::scratch::limits()
    };
    let fixture = Fixture::with(900_000, none).await;
    fixture.check_all().await;
    assert_eq!(fixture.blobs.cached_bytes(), 0);
}

#[tokio::test]
async fn a_reader_of_a_file_that_was_replaced_gets_the_right_bytes() {
    let fixture = Fixture::new(1_500_000).await;
    let before = fixture.blob().await;
    before.chunk(1).await.unwrap();
    fixture.flip(Part::Bytes, 3);
    assert!(matches!(
        fixture.blobs.verify(&fixture.hash).await.unwrap(),
        Verdict::Damaged { .. }
    ));
    fixture
        .blobs
        .put(fixture.bytes.clone().into())
        .await
        .unwrap();
    // The file that it holds open is still the damaged one.
    assert!(before.chunk(0).await.unwrap() == fixture.chunk(0));
    assert_eq!(
        fixture.blobs.verify(&fixture.hash).await.unwrap(),
        Verdict::Whole
    );
    fixture.check_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_while_a_blob_is_damaged_and_replaced_never_see_wrong_bytes() {
    let limits = Limits {
        cache_bytes_max: CHUNK_BYTES as u64 * 2,
        ..limits()
    };
    let fixture = Arc::new(Fixture::with(CHUNK_BYTES * 4 + 100, limits).await);
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..6_usize {
        let fixture = Arc::clone(&fixture);
        readers.spawn(async move {
            let mut right = 0_u32;
            for round in 0..60 {
                let index = (number + round) % 5;
                let Ok(Some(blob)) = fixture.blobs.get(&fixture.hash).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                // Whole, damaged or gone; never wrong.
                match blob.chunk(index as u64).await {
                    Ok(chunk) => assert!(chunk == fixture.chunk(index)),
                    Err(error) => assert!(matches!(error, ReadError::Shared(_)), "{error}"),
                }
                right += 1;
            }
            right
        });
    }
    for round in 0..10 {
        fixture.flip(Part::Bytes, round * 50_000);
        fixture.blobs.verify(&fixture.hash).await.unwrap();
        fixture
            .blobs
            .put(fixture.bytes.clone().into())
            .await
            .unwrap();
    }
    let right = readers.join_all().await.into_iter().sum::<u32>();
    assert!(right > 0);
    fixture.check_all().await;
}

async fn check_range(fixture: &Fixture, blob: &Blob, first: usize, len: usize) {
    let expect = &fixture.bytes[first.min(fixture.bytes.len())..][..];
    let expect = &expect[..len.min(expect.len())];
    let mut read = Vec::new();
    while read.len() < expect.len() {
        let offset = (first + read.len()) as u64;
        let left = expect.len() - read.len();
        let in_memory = Blob::cached(blob, offset, left);
        let fetched = Arc::new(blob.clone())
            .fetch(offset, left, Blocking::new(1))
            .await
            .unwrap();
        assert!(!fetched.is_empty() && fetched.len() <= left);
        assert!(in_memory.is_none_or(|bytes| bytes == fetched));
        assert_eq!(
            Blob::cached(blob, offset, left).as_ref(),
            Some(&fetched),
            "now it is there"
        );
        let mut buffer = vec![0; left];
        let count = blob.read_at(offset, &mut buffer).unwrap();
        assert!(buffer[..count] == fetched);
        read.extend_from_slice(&fetched);
    }
    assert!(read == expect);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn any_range_equals_the_slice(
        len in prop_oneof![0..3_usize, CHUNK_BYTES - 1..CHUNK_BYTES + 2, CHUNK_BYTES * 2 - 1..CHUNK_BYTES * 2 + 2, 0..900_000_usize],
        ranges in prop::collection::vec((0..950_000_usize, 0..600_000_usize), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new(len).await;
            let blob = fixture.blob().await;
            for (first, len) in ranges {
                check_range(&fixture, &blob, first, len).await;
            }
            check_range(&fixture, &blob, 0, len).await;
            assert_eq!(blob.chunk(u64::MAX).await.unwrap(), Bytes::new());
            assert_eq!(blob.read_at(u64::MAX, &mut [0; 8]).unwrap(), 0);
            assert!(Blob::cached(&blob, u64::MAX, 8).is_none());
        });
    }
}
