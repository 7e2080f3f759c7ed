//! The store against a map, and what is left behind when something goes wrong.
#![allow(
    clippy::disallowed_methods,
    reason = "tests damage files and look at what is there"
)]

use std::collections::BTreeMap;
use std::fs;

use base::Code;
use bytes::Bytes;
use proptest::prelude::*;
use runtime::ReadAt as _;
use tempfile::TempDir;

use super::*;
use crate::scratch::{Part, flip};
use crate::{Listed, PutError, Verdict};

fn limits() -> Limits {
    Limits {
        blob_bytes_max: 2_000_000,
        cache_bytes_max: 1_000_000,
        ..crate::scratch::limits()
    }
}

fn scratch() -> (TempDir, Blobs) {
    let outer = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(outer.path(), limits()).unwrap();
    (outer, blobs)
}

/// How many files there are in a folder of the store, and in those below.
fn files_in(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => files_in(&path),
        false => 1,
    };
    entries.map(|entry| count(entry.unwrap().path())).sum()
}

fn temporaries(folder: &Path) -> usize {
    files_in(&folder.join("tmp"))
}

/// Blobs that are files, with the lists of their groups.
fn large_files(folder: &Path) -> usize {
    files_in(&folder.join("large"))
}

fn read_all(blob: &Blob) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(blob.len()).unwrap()];
    let mut filled = 0;
    while filled < bytes.len() {
        let count = blob.read_at(filled as u64, &mut bytes[filled..]).unwrap();
        assert_ne!(count, 0);
        filled += count;
    }
    bytes
}

#[tokio::test]
async fn a_blob_comes_back_by_its_hash() {
    let (_outer, blobs) = scratch();
    let stored = blobs.put(Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(stored.hash, ContentHash::of(b"hello"));
    assert_eq!((stored.bytes, stored.is_new), (5, true));
    let blob = blobs.get(&stored.hash).await.unwrap().unwrap();
    assert_eq!(
        (blob.hash(), blob.len(), blob.is_empty()),
        (stored.hash, 5, false)
    );
    assert_eq!(read_all(&blob), b"hello");
    assert!(blobs.contains(&stored.hash).await.unwrap());
    assert_eq!(stored.ack.tier, storage_core::tier::Tier::Accepted);
    let other = ContentHash::of(b"other");
    assert!(!blobs.contains(&other).await.unwrap());
    assert!(blobs.get(&other).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    let (outer, blobs) = scratch();
    assert!(blobs.put(Bytes::from_static(b"x")).await.unwrap().is_new);
    assert!(!blobs.put(Bytes::from_static(b"x")).await.unwrap().is_new);
    assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (1, 1));
    let large = Bytes::from(vec![3; 1_500_000]);
    assert!(blobs.put(large.clone()).await.unwrap().is_new);
    assert!(!blobs.put(large).await.unwrap().is_new);
    assert_eq!(large_files(outer.path()), 2);
    assert_eq!(temporaries(outer.path()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_store_the_same_bytes_at_once() {
    let (outer, blobs) = scratch();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24_u8 {
        let blobs = blobs.clone();
        tasks.spawn(async move {
            blobs
                .put(Bytes::from(vec![
                    number % 3;
                    400_000 + usize::from(number % 3) * 600_000
                ]))
                .await
                .unwrap()
                .is_new
        });
    }
    let new = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|is_new| *is_new)
        .count();
    assert_eq!(new, 3);
    assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (3, 3_000_000));
    assert_eq!(large_files(outer.path()), 2);
    assert_eq!(temporaries(outer.path()), 0);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (_outer, blobs) = scratch();
    let stored = blobs
        .upload(None)
        .await
        .unwrap()
        .finish(None)
        .await
        .unwrap();
    assert_eq!(stored.hash, ContentHash::of(b""));
    assert!(blobs.get(&stored.hash).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn limits_hold_on_both_sides_of_the_edge() {
    let (outer, blobs) = scratch();
    let max = limits().blob_bytes_max;
    let whole = Bytes::from(vec![7; usize::try_from(max).unwrap()]);
    blobs.put(whole.clone()).await.unwrap();
    assert_eq!(large_files(outer.path()), 2);
    let error = blobs.upload(Some(max + 1)).await.unwrap_err();
    assert_eq!(error.code(), Code::BodyTooLarge);
    let mut upload = blobs.upload(None).await.unwrap();
    upload.write(whole).await.unwrap();
    let error = upload.write(Bytes::from_static(b"1")).await.unwrap_err();
    assert_eq!(error.problem().to_string(), "the limit is 2000000 bytes");
    assert!(matches!(
        upload.finish(None).await,
        Err(PutError::BrokenOff)
    ));
    assert_eq!(
        (large_files(outer.path()), temporaries(outer.path())),
        (2, 0)
    );
    assert_eq!(blobs.blobs_total(), 1);
}

#[tokio::test]
async fn a_blob_of_another_length_or_hash_is_not_stored() {
    let (outer, blobs) = scratch();
    let hash = ContentHash::of(b"12345");
    for (announced, code) in [
        (4, Some(Code::BodyLength)),
        (5, None),
        (6, Some(Code::BodyLength)),
    ] {
        let mut upload = blobs.upload(Some(announced)).await.unwrap();
        let mut stored = upload.write(Bytes::from_static(b"12345")).await;
        if stored.is_ok() {
            stored = upload.finish(None).await.map(drop);
        }
        assert_eq!(stored.err().map(|error| error.code()), code, "{announced}");
    }
    assert!(blobs.trash(&hash).await.unwrap());
    let mut upload = blobs.upload(None).await.unwrap();
    upload.write(Bytes::from_static(b"12345")).await.unwrap();
    let error = upload
        .finish(Some(ContentHash::of(b"other")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch);
    assert_eq!(blobs.blobs_total(), 0);
    let mut upload = blobs.upload(None).await.unwrap();
    upload.write(Bytes::from_static(b"12345")).await.unwrap();
    assert!(
        upload.finish(Some(hash)).await.unwrap().is_new,
        "it comes out of the trash"
    );
    assert_eq!(blobs.blobs_total(), 1);
    drop(outer);
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let (outer, blobs) = scratch();
    let mut upload = blobs.upload(Some(1_900_000)).await.unwrap();
    upload.write(Bytes::from(vec![1; 600_000])).await.unwrap();
    assert_eq!(temporaries(outer.path()), 0, "it fits into memory");
    upload.write(Bytes::from(vec![1; 600_000])).await.unwrap();
    assert_eq!(upload.received(), 1_200_000);
    assert_eq!(temporaries(outer.path()), 1);
    assert_eq!(blobs.usage().reserved.bytes, 1_200_000);
    drop(upload);
    assert_eq!(temporaries(outer.path()), 0);
    assert_eq!(blobs.bytes_total(), 0);
    assert_eq!(blobs.usage().reserved.bytes, 0);
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let (outer, blobs) = scratch();
    let error = Blobs::open(outer.path(), limits()).unwrap_err();
    assert_eq!(error.problem().code, Code::FolderInUse);
    drop(blobs);
    Blobs::open(outer.path(), limits()).unwrap();
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let (_outer, blobs) = scratch();
    let mut expect = Vec::new();
    for number in 0..40_u8 {
        let stored = blobs
            .put(Bytes::from(vec![number; usize::from(number)]))
            .await
            .unwrap();
        expect.push(Listed {
            hash: stored.hash,
            bytes: stored.bytes,
        });
    }
    expect.sort_by_key(|listed| listed.hash);
    // Half of them are in the index, half are not.
    blobs.checkpoint().await.unwrap();
    for number in 40..80_u8 {
        let stored = blobs.put(Bytes::from(vec![number; 9])).await.unwrap();
        expect.push(Listed {
            hash: stored.hash,
            bytes: stored.bytes,
        });
    }
    let gone = expect.swap_remove(3);
    assert!(blobs.trash(&gone.hash).await.unwrap());
    expect.sort_by_key(|listed| listed.hash);
    assert_eq!(blobs.list_trash(None, 10).await.unwrap(), [gone]);
    for limit in [1, 7, 40, 5_000] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = blobs.list(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.hash);
            found.extend(page);
        }
        assert_eq!(found, expect, "{limit}");
    }
    assert!(blobs.list(None, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn damage_is_found_set_aside_and_healed() {
    for len in [8, 200_000, 1_500_000] {
        let (outer, blobs) = scratch();
        let bytes = made(7, len);
        let hash = blobs.put(bytes.clone().into()).await.unwrap().hash;
        assert_eq!(blobs.verify(&hash).await.unwrap(), Verdict::Whole);
        flip(&blobs, &hash, Part::Bytes, 3);
        let mut damaged = bytes.clone();
        damaged[3] ^= 4;
        let actual = ContentHash::of(&damaged);
        assert_eq!(
            blobs.verify(&hash).await.unwrap(),
            Verdict::Damaged { actual }
        );
        let nothing = ContentHash::of(b"");
        let still = Verdict::Damaged { actual: nothing };
        assert_eq!(blobs.verify(&hash).await.unwrap(), still);
        assert!(!blobs.contains(&hash).await.unwrap());
        assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (0, 0));
        let listed = Listed {
            hash,
            bytes: len as u64,
        };
        assert_eq!(blobs.list_damaged(None, 10).await.unwrap(), [listed]);
        let aside = outer.path().join("damaged").join(hash.to_string());
        assert_eq!(aside.exists(), len == 1_500_000);
        drop(blobs);
        let blobs = Blobs::open(outer.path(), limits()).unwrap();
        assert_eq!(blobs.verify(&hash).await.unwrap(), still);
        assert!(blobs.put(bytes.into()).await.unwrap().is_new);
        assert_eq!(blobs.verify(&hash).await.unwrap(), Verdict::Whole);
        assert_eq!(blobs.list(None, 10).await.unwrap(), [listed]);
        assert!(blobs.list_damaged(None, 10).await.unwrap().is_empty());
    }
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Store these bytes in chunks of this length, announcing their length and hash or not.
    Put {
        seed: u8,
        len: usize,
        chunk: usize,
        is_announced: bool,
    },
    /// Store the same way under the hash of other bytes.
    PutWrong { seed: u8, len: usize },
    /// Give an upload up after so many bytes.
    GiveUp { len: usize },
    /// Start again on the same folder.
    Reopen,
    /// Bring everything into the index.
    Checkpoint,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, prop_oneof![0..20_usize, 250_000..270_000_usize, 1_040_000..1_060_000_usize], 1..100_000_usize, any::<bool>())
            .prop_map(|(seed, len, chunk, is_announced)| Step::Put { seed, len, chunk: chunk.max(len / 8), is_announced }),
        1 => (any::<u8>(), 0..20_usize).prop_map(|(seed, len)| Step::PutWrong { seed, len }),
        1 => (0..600_000_usize).prop_map(|len| Step::GiveUp { len }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Checkpoint),
    ]
}

fn made(seed: u8, len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| seed.wrapping_mul(31).wrapping_add((index % 251) as u8))
        .collect()
}

async fn put(blobs: &Blobs, bytes: &[u8], chunk: usize, is_announced: bool) -> crate::Stored {
    let announced = is_announced.then_some(bytes.len() as u64);
    let mut upload = blobs.upload(announced).await.unwrap();
    for chunk in bytes.chunks(chunk) {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let expected = is_announced.then(|| ContentHash::of(bytes));
    upload.finish(expected).await.unwrap()
}

async fn check_history(steps: Vec<Step>) {
    let (outer, blobs) = scratch();
    let mut blobs = Some(blobs);
    let mut model: BTreeMap<ContentHash, Vec<u8>> = BTreeMap::new();
    for step in steps {
        let store = blobs.as_ref().expect("it is open between steps");
        match step {
            Step::Put {
                seed,
                len,
                chunk,
                is_announced,
            } => {
                let bytes = made(seed, len);
                let stored = put(store, &bytes, chunk, is_announced).await;
                assert_eq!(stored.hash, ContentHash::of(&bytes));
                assert_eq!(stored.is_new, model.insert(stored.hash, bytes).is_none());
            }
            Step::PutWrong { seed, len } => {
                let mut upload = store.upload(None).await.unwrap();
                upload.write(made(seed, len).into()).await.unwrap();
                let wrong = ContentHash::of(b"of other bytes");
                assert!(upload.finish(Some(wrong)).await.is_err());
            }
            Step::GiveUp { len } => {
                let mut upload = store.upload(None).await.unwrap();
                upload.write(made(0, len).into()).await.unwrap();
            }
            Step::Checkpoint => store.checkpoint().await.unwrap(),
            Step::Reopen => {
                drop(blobs.take());
                blobs = Some(Blobs::open(outer.path(), limits()).unwrap());
            }
        }
        let store = blobs.as_ref().expect("it is open between steps");
        assert_eq!(store.blobs_total(), model.len() as u64);
        assert_eq!(
            store.bytes_total(),
            model.values().map(|bytes| bytes.len() as u64).sum::<u64>()
        );
        assert_eq!(temporaries(outer.path()), 0);
        let large = model
            .values()
            .filter(|bytes| bytes.len() > 1_048_576)
            .count();
        assert_eq!(large_files(outer.path()), large * 2);
    }
    let store = blobs.expect("it is open");
    let listed = store.list(None, 1_000).await.unwrap();
    let expect = model.iter().map(|(hash, bytes)| Listed {
        hash: *hash,
        bytes: bytes.len() as u64,
    });
    assert!(listed.into_iter().eq(expect));
    for (hash, bytes) in &model {
        assert_eq!(&read_all(&store.get(hash).await.unwrap().unwrap()), bytes);
        assert_eq!(store.verify(hash).await.unwrap(), Verdict::Whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn behaves_like_a_map(steps in prop::collection::vec(step(), 1..25)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(check_history(steps));
    }
}

#[test]
fn segments_into_which_a_blob_of_the_log_does_not_fit_are_refused() {
    let open = |segment_bytes, blob_bytes_max| {
        let limits = Limits {
            segment_bytes,
            blob_bytes_max,
            ..limits()
        };
        let disk = Arc::new(disk::FaultyDisk::new(1));
        Blobs::open_on(disk, limits, Clock::system())
    };
    // A head of 64 bytes for the segment and one for the record, 24 for the blob, and 32 for each of its groups.
    for (blob, groups) in [
        (1_000_u64, 0),
        (16_384, 0),
        (16_385, 2),
        (1 << 20, 64),
        (1 << 30, 64),
    ] {
        let bytes: u64 = blob.min(1 << 20);
        let least = (64 + 64 + 24 + groups * 32 + bytes).next_multiple_of(8);
        let error = open(least - 8, blob).expect_err("it does not fit");
        assert!(
            matches!(
                error,
                OpenError::Log(disk::log::OpenLogError::Config { .. })
            ),
            "{error}"
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let blobs = open(least, blob).unwrap();
        let body = bytes::Bytes::from(vec![7; bytes as usize]);
        let stored = runtime.block_on(blobs.put(body)).unwrap();
        assert_eq!(stored.bytes, bytes);
    }
}
