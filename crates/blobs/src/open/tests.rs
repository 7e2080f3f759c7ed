//! What the index says after a random history is what the log alone says.

use base::Timestamp;
use bytes::Bytes;
use disk::FaultyDisk;
use proptest::prelude::*;
use storage_core::gc::{Holds, Terms};
use storage_core::{compaction, tag::TagName};

use super::*;
use crate::rows::{BlobRow, MemberRow, NameRow};
use crate::view::View;
use crate::{GcOptions, Put};

/// Namespaces of a history.
const NAMESPACES: [&str; 2] = ["community", "class-4b"];

/// One step of a history, in a namespace.
#[derive(Clone, Debug)]
enum Step {
    /// Store a blob of some bytes, named or not.
    Put(u8, bool),
    /// Put a blob into the trash.
    Trash(u8),
    /// Take a name away.
    Untag(u8),
    /// Collect what has no name.
    Collect,
    /// Give back the room of what is dead.
    Compact,
    /// Bring everything into the index.
    Checkpoint,
    /// Start again.
    Reopen,
}

/// Everything that can be looked up.
#[derive(Debug, PartialEq)]
struct Rows {
    blobs: Vec<([u8; 32], BlobRow)>,
    members: Vec<Vec<([u8; 32], MemberRow)>>,
    names: Vec<(Vec<u8>, NameRow)>,
    queue: Vec<(u64, u16, [u8; 32])>,
    usage: Vec<storage_core::quota::Usage>,
}

fn step() -> impl Strategy<Value = (u8, Step)> {
    let step = prop_oneof![
        12 => (0..24_u8, any::<bool>()).prop_map(|(seed, is_named)| Step::Put(seed, is_named)),
        3 => (0..24_u8).prop_map(Step::Trash),
        2 => (0..24_u8).prop_map(Step::Untag),
        1 => Just(Step::Collect),
        1 => Just(Step::Compact),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
    ];
    (0..2_u8, step)
}

fn reopen(disk: &FaultyDisk) -> Blobs {
    try_open(disk).unwrap()
}

fn try_open(disk: &FaultyDisk) -> Result<Blobs, OpenError> {
    let limits = Limits {
        blob_bytes_max: 20_000,
        first_segment_bytes: 64 * 1_024,
        segment_bytes: 64 * 1_024,
        checkpoint_after_ms: 3_600_000,
        file_tasks_max: 1,
        ..Limits::default()
    };
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
    open(Arc::new(disk.clone()), limits, clock, None)
}

fn made(seed: u8) -> Bytes {
    Bytes::from(vec![seed; 700 * usize::from(seed)])
}

fn name_of(seed: u8) -> TagName {
    format!("names/{seed}").parse().unwrap()
}

async fn within(blobs: &Blobs, namespace: u8) -> Blobs {
    let name = NAMESPACES[usize::from(namespace)].parse().unwrap();
    blobs.within(&name).await.unwrap()
}

async fn take(blobs: &Blobs, step: &Step) {
    match step {
        Step::Put(seed, is_named) => {
            let put = Put {
                tag: is_named.then(|| name_of(*seed)),
                ..Put::default()
            };
            let stored = blobs.put_with(made(*seed), put).await.unwrap();
            if seed % 5 == 0 {
                let name = name_of(99);
                blobs.tag(&name, &stored.hash, Holds::Blob).await.unwrap();
            }
        }
        Step::Trash(seed) => {
            blobs.trash(&ContentHash::of(&made(*seed))).await.unwrap();
        }
        Step::Untag(seed) => {
            blobs.untag(&name_of(*seed)).await.unwrap();
        }
        Step::Collect => {
            let terms = Terms {
                trash_for: base::Duration::ZERO,
                grace: base::Duration::ZERO,
            };
            let options = GcOptions {
                terms,
                ..GcOptions::default()
            };
            blobs.gc(options).await.unwrap();
        }
        Step::Compact => {
            let terms = compaction::Terms {
                live_permille_max: 999,
                ..compaction::Terms::default()
            };
            blobs.compact(&terms).await.unwrap();
        }
        Step::Checkpoint => blobs.checkpoint().await.unwrap(),
        Step::Reopen => {}
    }
}

async fn rows_of(blobs: &Blobs) -> Rows {
    let view: &View = &blobs.core().view;
    let mut usage = Vec::new();
    for namespace in 0..2 {
        usage.push(within(blobs, namespace).await.usage());
    }
    let members = |namespace| view.members(namespace, None, 1_000, |_| true).unwrap();
    let waiting = view.queue(u64::MAX, 1_000).unwrap().into_iter();
    Rows {
        blobs: view.blobs(None, 1_000).unwrap(),
        members: vec![members(0), members(1)],
        names: view.names(&[], &[], 1_000).unwrap(),
        queue: waiting
            .map(|waiting| (waiting.lsn, waiting.namespace, waiting.hash))
            .collect(),
        usage,
    }
}

async fn check(steps: Vec<(u8, Step)>) {
    let disk = FaultyDisk::new(1);
    let mut blobs = Some(reopen(&disk));
    within(blobs.as_ref().unwrap(), 1).await;
    for (namespace, step) in &steps {
        if matches!(step, Step::Reopen) {
            drop(blobs.take());
            blobs = Some(reopen(&disk));
        }
        let store = within(blobs.as_ref().unwrap(), *namespace).await;
        take(&store, step).await;
    }
    let live = rows_of(blobs.as_ref().unwrap()).await;
    drop(blobs.take());
    let started = reopen(&disk);
    assert_eq!(rows_of(&started).await, live, "from the index");
    drop(started);
    disk.remove(index::FILE).unwrap();
    let rebuilt = reopen(&disk);
    assert!(rebuilt.opening().index_rebuilt.is_some());
    assert_eq!(rows_of(&rebuilt).await, live, "from the log alone");
    // And once they were brought into the index.
    drop(rebuilt);
    assert_eq!(rows_of(&reopen(&disk)).await, live, "from the new index");
}

#[tokio::test]
async fn power_that_fails_while_the_index_is_made_again_loses_nothing() {
    let whole = FaultyDisk::new(1);
    let blobs = reopen(&whole);
    for seed in 0..60 {
        let seed = seed % 24;
        let namespace = within(&blobs, seed % 2).await;
        take(&namespace, &Step::Put(seed, seed % 3 == 0)).await;
    }
    let live = rows_of(&blobs).await;
    drop(blobs);
    whole.remove(index::FILE).unwrap();
    let disk = whole.copy(1);
    let begun = disk.operations();
    drop(reopen(&disk));
    let operations = disk.operations() - begun;
    let mut cut_off = 0;
    for operation in 0..=operations {
        let disk = whole.copy(operation);
        disk.crash_at(disk.operations() + operation);
        // What it makes of a disk that goes is its own affair.
        let first = try_open(&disk);
        cut_off += u64::from(first.is_err());
        drop(first);
        disk.power_on();
        let blobs = reopen(&disk);
        assert_eq!(rows_of(&blobs).await, live, "{operation} of {operations}");
        assert_eq!(blobs.opening().damaged_records, 0);
    }
    assert!(cut_off > 10, "{cut_off} of {operations}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn the_log_alone_says_what_the_index_says(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(check(steps));
    }
}
