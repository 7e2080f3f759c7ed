//! The store against a map, and what is left behind when something goes wrong.
#![allow(
    clippy::disallowed_methods,
    reason = "tests damage files and look at what is there"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base::Code;
use bytes::Bytes;
use proptest::prelude::*;
use runtime::ReadAt as _;
use tempfile::TempDir;

use super::*;
use crate::{Listed, PutError, Verdict};

const LIMITS: Limits = Limits {
    blob_bytes_max: 1_000_000,
    file_tasks_max: 4,
    cache_bytes_max: 1_000_000,
};

fn scratch() -> (TempDir, Blobs) {
    let outer = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(outer.path(), LIMITS).unwrap();
    (outer, blobs)
}

/// Every file in the store, temporaries and damaged ones too, without the lock and the lists of digests.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("digests") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with(".lock") {
            found.push(path);
        }
    }
    found
}

fn path_of(folder: &Path, hash: &ContentHash) -> PathBuf {
    let place = Place::of(hash);
    folder.join(place.folder).join(place.name)
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
    let (outer, blobs) = scratch();
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
    assert_eq!(files(outer.path()), [path_of(outer.path(), &stored.hash)]);
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
    assert_eq!(files(outer.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_store_the_same_bytes_at_once() {
    let (outer, blobs) = scratch();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24_u8 {
        let blobs = blobs.clone();
        tasks.spawn(async move {
            blobs
                .put(Bytes::from(vec![number % 3; 400_000]))
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
    assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (3, 1_200_000));
    assert_eq!(files(outer.path()).len(), 3);
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
    let max = LIMITS.blob_bytes_max;
    let whole = Bytes::from(vec![7; usize::try_from(max).unwrap()]);
    blobs.put(whole.clone()).await.unwrap();
    assert_eq!(files(outer.path()).len(), 1);
    let error = blobs.upload(Some(max + 1)).await.unwrap_err();
    assert_eq!(error.code(), Code::BodyTooLarge);
    let mut upload = blobs.upload(None).await.unwrap();
    upload.write(whole).await.unwrap();
    let error = upload.write(Bytes::from_static(b"1")).await.unwrap_err();
    assert_eq!(error.problem().to_string(), "the limit is 1000000 bytes");
    assert!(matches!(
        upload.finish(None).await,
        Err(PutError::BrokenOff)
    ));
    assert_eq!(files(outer.path()).len(), 1);
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
    fs::remove_file(path_of(outer.path(), &hash)).unwrap();
    let mut upload = blobs.upload(None).await.unwrap();
    upload.write(Bytes::from_static(b"12345")).await.unwrap();
    let error = upload
        .finish(Some(ContentHash::of(b"other")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch);
    assert!(files(outer.path()).is_empty());
    let mut upload = blobs.upload(None).await.unwrap();
    upload.write(Bytes::from_static(b"12345")).await.unwrap();
    upload.finish(Some(hash)).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let (outer, blobs) = scratch();
    let mut upload = blobs.upload(Some(900_000)).await.unwrap();
    upload.write(Bytes::from(vec![1; 600_000])).await.unwrap();
    assert_eq!(upload.received(), 600_000);
    assert_eq!(files(outer.path()).len(), 1);
    drop(upload);
    assert!(files(outer.path()).is_empty());
    assert_eq!(blobs.bytes_total(), 0);
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let (outer, blobs) = scratch();
    let error = Blobs::open(outer.path(), LIMITS).unwrap_err();
    assert_eq!(error.problem().code, Code::FolderInUse);
    drop(blobs);
    Blobs::open(outer.path(), LIMITS).unwrap();
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let (outer, blobs) = scratch();
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
    // What somebody else put there is left alone.
    fs::write(outer.path().join("00-readme"), b"x").unwrap();
    fs::write(
        path_of(outer.path(), &expect[0].hash).with_file_name("notes"),
        b"x",
    )
    .unwrap();
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
    let (outer, blobs) = scratch();
    let hash = blobs
        .put(Bytes::from_static(b"precious"))
        .await
        .unwrap()
        .hash;
    assert_eq!(blobs.verify(&hash).await.unwrap(), Verdict::Whole);
    fs::write(path_of(outer.path(), &hash), b"Precious").unwrap();
    let actual = ContentHash::of(b"Precious");
    assert_eq!(
        blobs.verify(&hash).await.unwrap(),
        Verdict::Damaged { actual }
    );
    assert_eq!(blobs.verify(&hash).await.unwrap(), Verdict::Missing);
    assert!(!blobs.contains(&hash).await.unwrap());
    assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (0, 0));
    let aside = outer.path().join("damaged").join(hash.to_string());
    assert_eq!(fs::read(aside).unwrap(), b"Precious");
    assert!(
        blobs
            .put(Bytes::from_static(b"precious"))
            .await
            .unwrap()
            .is_new
    );
    assert_eq!(blobs.verify(&hash).await.unwrap(), Verdict::Whole);
    assert_eq!(blobs.list(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_cut_file_is_replaced_when_it_is_stored_again() {
    let (outer, blobs) = scratch();
    let hash = blobs
        .put(Bytes::from_static(b"precious"))
        .await
        .unwrap()
        .hash;
    fs::write(path_of(outer.path(), &hash), b"prec").unwrap();
    drop(blobs);
    let blobs = Blobs::open(outer.path(), LIMITS).unwrap();
    assert_eq!(blobs.bytes_total(), 4);
    assert!(
        !blobs
            .put(Bytes::from_static(b"precious"))
            .await
            .unwrap()
            .is_new
    );
    assert_eq!(blobs.verify(&hash).await.unwrap(), Verdict::Whole);
    assert_eq!((blobs.blobs_total(), blobs.bytes_total()), (1, 8));
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
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, prop_oneof![0..20_usize, 250_000..270_000_usize], 1..100_000_usize, any::<bool>())
            .prop_map(|(seed, len, chunk, is_announced)| Step::Put { seed, len, chunk: chunk.max(len / 8), is_announced }),
        1 => (any::<u8>(), 0..20_usize).prop_map(|(seed, len)| Step::PutWrong { seed, len }),
        1 => (0..600_000_usize).prop_map(|len| Step::GiveUp { len }),
        1 => Just(Step::Reopen),
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
            Step::Reopen => {
                drop(blobs.take());
                blobs = Some(Blobs::open(outer.path(), LIMITS).unwrap());
            }
        }
        let store = blobs.as_ref().expect("it is open between steps");
        assert_eq!(store.blobs_total(), model.len() as u64);
        assert_eq!(
            store.bytes_total(),
            model.values().map(|bytes| bytes.len() as u64).sum::<u64>()
        );
        assert_eq!(files(outer.path()).len(), model.len());
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
