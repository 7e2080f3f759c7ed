//! Collections against puts, touches, tags and leases, before, between and after.

use std::sync::Arc;

use base::{Duration, Timestamp};
use bytes::Bytes;
use disk::FaultyDisk;
use runtime::{Clock, ClockHand};
use storage_core::Sum;
use storage_core::folder::{Entry, File, FolderPath};
use storage_core::tag::TagName;

use super::*;
use crate::scratch::limits;
use crate::{Limits as StoreLimits, Put};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

struct Fixture {
    disk: FaultyDisk,
    blobs: Blobs,
    hand: ClockHand,
}

impl Fixture {
    fn new() -> Self {
        let disk = FaultyDisk::new(1);
        let (clock, hand) = Clock::by_hand(Timestamp::from_secs(1_000_000));
        let blobs = Blobs::open_on(Arc::new(disk.clone()), quiet(), clock).unwrap();
        Self { disk, blobs, hand }
    }

    async fn put(&self, text: &str) -> ContentHash {
        self.blobs
            .put(Bytes::copy_from_slice(text.as_bytes()))
            .await
            .unwrap()
            .hash
    }

    /// Lets time pass as the store sees it: in steps that are not too long.
    async fn pass(&self, span: Duration) {
        for _ in 0..span.as_micros().div_ceil(HOUR.as_micros()) {
            self.hand.advance(HOUR);
            self.blobs.ask(0, |_, _| Ok(())).await.unwrap();
        }
    }

    async fn gc(&self) -> Report {
        self.blobs.gc(GcOptions::default()).await.unwrap()
    }

    async fn is_here(&self, hash: &ContentHash) -> bool {
        self.blobs.contains(hash).await.unwrap()
    }
}

/// Nothing happens by itself.
fn quiet() -> StoreLimits {
    StoreLimits {
        checkpoint_after_ms: 3_600_000,
        ..limits()
    }
}

fn name(text: &str) -> TagName {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_nothing_leads_to_goes_in_two_steps() {
    let fixture = Fixture::new();
    let (lost, kept, leased) = (
        fixture.put("lost").await,
        fixture.put("kept").await,
        fixture.put("leased").await,
    );
    assert!(
        fixture
            .blobs
            .tag(&name("a/b"), &kept, Holds::Blob)
            .await
            .unwrap()
    );
    assert!(
        fixture
            .blobs
            .lease(&leased, DAY, "job", Holds::Blob)
            .await
            .unwrap()
    );
    assert_eq!(fixture.gc().await.young, Sum::of(4), "the grace");
    fixture.pass(HOUR).await;
    let dry = GcOptions {
        is_dry: true,
        ..GcOptions::default()
    };
    assert_eq!(fixture.blobs.gc(dry).await.unwrap().trashed, Sum::of(4));
    assert!(fixture.is_here(&lost).await, "a dry run does nothing");
    let both = Sum {
        blobs: 2,
        bytes: 10,
    };
    let report = fixture.gc().await;
    assert_eq!((report.trashed, report.reachable), (Sum::of(4), both));
    assert!(!fixture.is_here(&lost).await);
    assert!(fixture.is_here(&kept).await && fixture.is_here(&leased).await);
    assert_eq!(fixture.blobs.usage().trash, Sum::of(4));
    // Not before seven days; and whoever puts it gets it back.
    fixture.pass(DAY).await;
    assert_eq!(fixture.gc().await.trashed, Sum::of(6), "the lease is over");
    assert_eq!(fixture.gc().await.purged, Sum::ZERO);
    assert_eq!(fixture.put("lost").await, lost);
    assert!(fixture.is_here(&lost).await);
    fixture.pass(HOUR).await;
    fixture.gc().await;
    for _ in 0..8 {
        fixture.pass(DAY).await;
    }
    let report = fixture.gc().await;
    assert_eq!(report.purged, both);
    assert_eq!(fixture.blobs.usage().live, Sum::of(4));
    assert_eq!(fixture.blobs.usage().dead, both);
    assert!(fixture.blobs.status(&lost).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_put_or_touched_between_mark_and_sweep_stays() {
    let fixture = Fixture::new();
    let names = ["put", "have", "restore", "tag", "lease", "left"];
    let mut hashes = Vec::new();
    for name in names {
        hashes.push(fixture.put(name).await);
    }
    fixture.pass(DAY).await;
    let plan = fixture
        .blobs
        .mark(Terms::default(), Vec::new())
        .await
        .unwrap();
    assert!(
        !fixture
            .blobs
            .put(Bytes::from_static(b"put"))
            .await
            .unwrap()
            .is_new
    );
    assert_eq!(fixture.blobs.have(&hashes[1..2]).await.unwrap(), [true]);
    assert!(fixture.blobs.restore(&hashes[2]).await.unwrap());
    assert!(
        fixture
            .blobs
            .tag(&name("t"), &hashes[3], Holds::Blob)
            .await
            .unwrap()
    );
    assert!(
        fixture
            .blobs
            .lease(&hashes[4], HOUR, "x", Holds::Blob)
            .await
            .unwrap()
    );
    let new = fixture.put("new since").await;
    let report = fixture.blobs.sweep(&plan, false).await.unwrap();
    assert_eq!(report.trashed, Sum::of(4), "the one that was left");
    for (hash, name) in hashes.iter().zip(names) {
        assert_eq!(fixture.is_here(hash).await, name != "left", "{name}");
    }
    assert!(fixture.is_here(&new).await);
}

#[tokio::test]
async fn a_put_between_two_collections_saves_from_the_purge() {
    let fixture = Fixture::new();
    let hash = fixture.put("precious").await;
    fixture.pass(DAY).await;
    assert_eq!(fixture.gc().await.trashed, Sum::of(8));
    for _ in 0..8 {
        fixture.pass(DAY).await;
    }
    let plan = fixture
        .blobs
        .mark(Terms::default(), Vec::new())
        .await
        .unwrap();
    assert!(
        fixture
            .blobs
            .put(Bytes::from_static(b"precious"))
            .await
            .unwrap()
            .is_new
    );
    let report = fixture.blobs.sweep(&plan, false).await.unwrap();
    assert_eq!(report.purged, Sum::ZERO);
    assert!(fixture.is_here(&hash).await);
}

#[tokio::test]
async fn a_folder_keeps_its_files() {
    let fixture = Fixture::new();
    let (one, two, other) = (
        fixture.put("one").await,
        fixture.put("two").await,
        fixture.put("other").await,
    );
    let file = |path: &str, hash, bytes| {
        Entry::File(File {
            path: FolderPath::parse(path, &storage_core::folder::Limits::default()).unwrap(),
            hash,
            bytes,
            is_executable: false,
        })
    };
    let folder = Folder::new(
        vec![file("a", one, 3), file("b/c", two, 3)],
        &storage_core::folder::Limits::default(),
    );
    let manifest = fixture
        .blobs
        .put(folder.unwrap().encode().into())
        .await
        .unwrap()
        .hash;
    fixture.pass(DAY).await;
    fixture.gc().await;
    assert!(!fixture.is_here(&one).await);
    // A name for the folder brings back what is in it.
    let put = fixture
        .blobs
        .tag(&name("photos"), &manifest, Holds::Folder)
        .await;
    assert!(put.unwrap());
    fixture.pass(DAY).await;
    fixture.gc().await;
    assert!(
        fixture.is_here(&one).await
            && fixture.is_here(&two).await
            && fixture.is_here(&manifest).await
    );
    assert!(!fixture.is_here(&other).await);
    assert!(fixture.blobs.untag(&name("photos")).await.unwrap());
    assert!(!fixture.blobs.untag(&name("photos")).await.unwrap());
    fixture.pass(HOUR).await;
    let keep = GcOptions {
        keep: vec![one],
        ..GcOptions::default()
    };
    fixture.blobs.gc(keep).await.unwrap();
    assert!(
        fixture.is_here(&one).await
            && !fixture.is_here(&two).await
            && !fixture.is_here(&manifest).await
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_stops_the_collection() {
    let fixture = Fixture::new();
    let (lost, fake) = (fixture.put("lost").await, fixture.put("no manifest").await);
    assert!(
        fixture
            .blobs
            .tag(&name("f"), &fake, Holds::Folder)
            .await
            .unwrap()
    );
    fixture.pass(DAY).await;
    let error = fixture.blobs.gc(GcOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, GcError::Mark(Halt::Unreadable { .. })),
        "{error}"
    );
    assert!(fixture.is_here(&lost).await);
}

#[tokio::test]
async fn namespaces_are_collected_apart() {
    let fixture = Fixture::new();
    let hash = fixture.put("shared").await;
    let other = fixture
        .blobs
        .within(&"class-4b".parse().unwrap())
        .await
        .unwrap();
    assert!(!other.contains(&hash).await.unwrap());
    let put = Put {
        tag: Some(name("mine")),
        ..Put::default()
    };
    assert!(
        other
            .put_with(Bytes::from_static(b"shared"), put)
            .await
            .unwrap()
            .is_new
    );
    let records = fixture.blobs.tally().record_bytes_total;
    fixture.pass(DAY).await;
    fixture.gc().await;
    for _ in 0..8 {
        fixture.pass(DAY).await;
    }
    assert_eq!(fixture.gc().await.purged, Sum::of(6));
    assert!(!fixture.is_here(&hash).await);
    assert_eq!(other.read_small(&hash).unwrap().unwrap(), "shared");
    assert_eq!(
        other.gc(GcOptions::default()).await.unwrap().reachable,
        Sum::of(6)
    );
    assert_eq!(
        fixture.blobs.usage().dead,
        Sum::ZERO,
        "another namespace has the bytes"
    );
    assert!(fixture.blobs.tally().record_bytes_total - records < 300);
    // After a restart it is the same.
    let disk = fixture.disk.clone();
    drop((fixture, other));
    let (clock, _hand) = Clock::by_hand(Timestamp::from_secs(2_000_000));
    let blobs = Blobs::open_on(Arc::new(disk), quiet(), clock).unwrap();
    assert_eq!(blobs.blobs_total(), 0);
    let other = blobs.within(&"class-4b".parse().unwrap()).await.unwrap();
    assert_eq!(other.blobs_total(), 1);
    assert_eq!(
        other.tagged(&name("mine")).await.unwrap().unwrap().hash,
        hash
    );
}
