//! A disk that is full in the middle of every kind of write: each time a clear answer, nothing half-written, the room given
//! back, and the process usable afterwards.

use std::sync::Arc;

use api::{BlobListView, BlobPutView, ProblemView, UsageView};
use base::ContentHash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use disk::{Disk, Faults, FaultyDisk, RealDisk};

use crate::first_piece::create_with;
use crate::harness::{Answer, House, Person, Plan, noise, until};
use crate::tus::{begin, head, patch};

/// The segments of the log are small, so that a small write needs a new one soon.
const SEGMENT_BYTES: u64 = 256 * 1_024;

fn on(disk: Arc<dyn Disk>) -> Plan {
    let mut plan = Plan {
        disk: Some(disk),
        ..Plan::new()
    };
    plan.limits.first_segment_bytes = SEGMENT_BYTES;
    plan.limits.segment_bytes = 4 * 1_024 * 1_024;
    plan
}

/// Checks that an answer says what is the matter, to people and to programs.
fn is_full(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 507, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let view: ProblemView = answer.json();
    assert_eq!(
        (view.code.as_str(), view.status),
        ("CH-0401", 507),
        "{what}"
    );
    assert_eq!(view.title, "the disk is full", "{what}");
    assert!(
        view.detail.contains("the disk of the node is full"),
        "{what}: {}",
        view.detail
    );
    assert!(view.hint.contains("free space"), "{what}: {}", view.hint);
}

/// Sets what all files together may have to what they have.
fn fill(disk: &FaultyDisk) {
    disk.set_faults(Faults {
        capacity_bytes: Some(1),
        ..Faults::default()
    });
}

async fn put(house: &House, token: &str, bytes: Vec<u8>) -> Answer {
    house.ask_as(token, "PUT", "/blobs", &[], bytes).await
}

/// Stores small blobs of about so many bytes until the log needs room that there is not.
async fn put_until_full(house: &House, token: &str, len: usize) -> (Vec<ContentHash>, Answer) {
    let mut stored = Vec::new();
    loop {
        let bytes = noise(len + stored.len(), 200);
        let hash = ContentHash::of(&bytes);
        let answer = put(house, token, bytes).await;
        if !answer.status.is_success() {
            return (stored, answer);
        }
        stored.push(hash);
        assert!(stored.len() < 1_000, "the disk is never full");
    }
}

async fn names(house: &House, token: &str) -> Vec<String> {
    let list: BlobListView = house.get(token, "/blobs?limit=1000").await.is(200).json();
    list.items.into_iter().map(|item| item.hash).collect()
}

async fn usage(house: &House, token: &str) -> (u64, u64) {
    let usage: UsageView = house.get(token, "/blobs/usage").await.is(200).json();
    (usage.live_bytes, usage.upload_bytes)
}

/// Checks what only writes a record: a tag, a lease, a quota.
async fn records_are_refused(house: &House, token: &str, kept: &ContentHash) {
    for (method, path, body) in [
        (
            "PUT",
            "/blobs/tags/a/b".to_owned(),
            format!("{{\"schema_version\":1,\"hash\":\"{kept}\"}}"),
        ),
        (
            "PUT",
            format!("/blobs/{kept}/lease"),
            "{\"schema_version\":1,\"secs\":60,\"holder\":\"me\"}".to_owned(),
        ),
        (
            "PUT",
            "/blobs/quota".to_owned(),
            "{\"schema_version\":1,\"bytes_max\":999999999}".to_owned(),
        ),
    ] {
        // Such records are small: they are taken as long as the last segment has room for them.
        let mut answer = None;
        for _ in 0..2_000 {
            let kind = [("content-type", "application/json")];
            let asked = house
                .ask_as(token, method, &path, &kind, body.clone())
                .await;
            if !asked.status.is_success() {
                answer = Some(asked);
                break;
            }
        }
        is_full(&answer.unwrap(), &path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_write_says_that_the_disk_is_full() {
    let disk = FaultyDisk::new(1);
    let house = House::open(on(Arc::new(disk.clone()))).await.unwrap();
    let token = house.token().await;
    let kept = house.put(&token, &noise(50_000, 1)).await;
    let (whole, half) = (noise(3_000_000, 2), 1_000_000);
    let open = begin(&house, &token, whole.len()).await;
    patch(&house, &token, &open, 0, &whole[..half])
        .await
        .is(204);
    fill(&disk);
    let (stored, small) = put_until_full(&house, &token, 150_000).await;
    is_full(&small, "a small put");
    let before = (names(&house, &token).await, usage(&house, &token).await);
    let files = disk.names("large").unwrap();
    let large = put(&house, &token, noise(2_000_000, 3)).await;
    is_full(&large, "a large put");
    let named = ContentHash::of(&noise(2_000_000, 3));
    let path = format!("/blobs/{named}");
    let as_named = house
        .ask_as(&token, "PUT", &path, &[], noise(2_000_000, 3))
        .await;
    is_full(&as_named, "a large put of a hash that was told");
    let middle = put(&house, &token, noise(300_000, 4)).await;
    is_full(&middle, "a put that is hashed aside");
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "9")];
    let create = house
        .ask_as(&token, "POST", "/blobs/uploads", &headers, "")
        .await;
    is_full(&create, "a creation");
    let length = [("upload-length", "9")];
    let with = create_with(&house, &token, &length, b"bread").await;
    is_full(&with, "a creation with a piece");
    let piece = patch(&house, &token, &open, half, &whole[half..]).await;
    is_full(&piece, "a piece");
    records_are_refused(&house, &token, &kept).await;
    assert_eq!(
        (names(&house, &token).await, usage(&house, &token).await),
        before
    );
    assert_eq!(
        disk.names("large").unwrap(),
        files,
        "no part of a file is left"
    );
    assert_eq!(disk.names("tmp").unwrap(), [] as [&str; 0]);
    for hash in stored.iter().chain([&kept]) {
        let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert_eq!(ContentHash::of(&blob.body), *hash, "readers notice nothing");
    }
    disk.set_faults(Faults::default());
    let offset = head(&house, &token, &open).await.is(200);
    assert_eq!(offset.header("upload-offset"), half.to_string());
    let last = patch(&house, &token, &open, half, &whole[half..])
        .await
        .is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(&whole).to_string()
    );
    put(&house, &token, noise(2_000_000, 3)).await.is(201);
    put(&house, &token, noise(40_000, 5)).await.is(201);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_and_a_checkpoint_on_a_full_disk_are_tried_again() {
    let disk = FaultyDisk::new(2);
    let house = House::open(on(Arc::new(disk.clone()))).await.unwrap();
    let token = house.token().await;
    let mut stored = Vec::new();
    for seed in 0..40 {
        stored.push(house.put(&token, &noise(20_000, seed)).await);
    }
    // So many that the index has to grow for them.
    let many = (0..20_000_u32).map(|number| {
        let blobs = house.blobs.clone();
        async move { blobs.put(number.to_le_bytes().to_vec().into()).await }
    });
    for put in futures::future::join_all(many).await {
        put.unwrap();
    }
    fill(&disk);
    for len in [150_000, 2_000] {
        let (more, _) = put_until_full(&house, &token, len).await;
        stored.extend(more);
    }
    let checkpoint = house.blobs.checkpoint().await;
    let problem = checkpoint.unwrap_err().problem();
    assert_eq!(problem.code.to_string(), "CH-0401", "{problem}");
    assert!(problem.detail.contains("index"), "{problem}");
    // Nothing keeps any of them, and to say so takes a record for each.
    house.wait(60);
    let kind = [("content-type", "application/json")];
    let gc = "{\"schema_version\":1,\"grace_secs\":0}";
    let path = format!("/blobs/gc?namespace={}", Person::new(1).namespace());
    let collected = house.ask_as(&token, "POST", &path, &kind, gc).await;
    is_full(&collected, "a collection");
    for hash in &stored {
        let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
        assert_eq!(ContentHash::of(&blob.body), *hash, "nothing went");
    }
    disk.set_faults(Faults::default());
    // One that had begun before may end with the fault of then.
    until("the index is written", async || {
        house.blobs.checkpoint().await.is_ok()
    })
    .await;
    let collected = house.ask_as(&token, "POST", &path, &kind, gc).await.is(200);
    let view: api::GcView = collected.json();
    assert_eq!(view.trashed_blobs, stored.len() as u64, "{view:?}");
    house.put(&token, b"and all goes on").await;
    house.close().await;
}

/// Whatever operation finds the disk full first, the upload goes on from what it says itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_a_full_disk_at_each_of_its_operations() {
    let bytes = noise(1_500_000, 9);
    let hash = ContentHash::of(&bytes).to_string();
    let mut refusals = 0;
    for step in 1..40 {
        let disk = FaultyDisk::new(step);
        let house = House::open(on(Arc::new(disk.clone()))).await.unwrap();
        let token = house.token().await;
        let path = begin(&house, &token, bytes.len()).await;
        disk.fail_at(disk.operations() + step, std::io::ErrorKind::StorageFull);
        let mut offset = 0;
        let mut tries = 0;
        while offset < bytes.len() {
            let end = bytes.len().min(offset + 800_000);
            let piece = patch(&house, &token, &path, offset, &bytes[offset..end]).await;
            if piece.status != 204 {
                is_full(&piece, &format!("step {step}"));
                refusals += 1;
            }
            let asked = head(&house, &token, &path).await;
            tries += 1;
            assert!(tries < 10, "step {step} never ends");
            if asked.status == 507 {
                continue;
            }
            offset = asked.is(200).header("upload-offset").parse().unwrap();
        }
        let done = head(&house, &token, &path).await.is(200);
        assert_eq!(done.header("x-blob-hash"), hash, "step {step}");
        assert_eq!(usage(&house, &token).await, (1_500_000, 0), "step {step}");
        assert_eq!(disk.names("tmp").unwrap(), [] as [&str; 0], "step {step}");
        house.close().await;
    }
    assert!(refusals >= 5, "{refusals} refusals");
}

/// A mount of its own, taken off at the end.
struct Mount(tempfile::TempDir);

impl Mount {
    /// Mounts a file system in memory; says why there is none.
    fn new(bytes: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self(folder)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Mounts it again without writing, or for writing.
    fn remount(&self, how: &str) -> bool {
        let options = format!("remount,{how}");
        let mount = std::process::Command::new("mount")
            .args(["-o", &options])
            .arg(self.0.path())
            .output();
        mount.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
        drop(unmounted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_disk_that_is_full_is_told_and_goes_on_when_there_is_room() {
    let mount = match Mount::new(12 * 1_024 * 1_024) {
        Ok(mount) => mount,
        Err(why) => {
            eprintln!("left out: no file system can be mounted here: {why}");
            return;
        }
    };
    let disk = RealDisk::open(&mount.0.path().join("state")).unwrap();
    let house = House::open(on(Arc::new(disk))).await.unwrap();
    let token = house.token().await;
    let kept = house.put(&token, &noise(50_000, 1)).await;
    let open = begin(&house, &token, 2_000_000).await;
    patch(&house, &token, &open, 0, &noise(500_000, 2))
        .await
        .is(204);
    // Somebody else needs the disk.
    let filler = mount.0.path().join("filler");
    let mut length = 0;
    while std::fs::write(&filler, vec![1; length]).is_ok() {
        length += 256 * 1_024;
    }
    let large = put(&house, &token, noise(6_000_000, 3)).await;
    is_full(&large, "a large put");
    let piece = patch(&house, &token, &open, 500_000, &noise(1_500_000, 4)).await;
    is_full(&piece, "a piece");
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "7000000")];
    let create = house
        .ask_as(&token, "POST", "/blobs/uploads", &headers, "")
        .await;
    is_full(&create, "a creation");
    let (stored, small) = put_until_full(&house, &token, 150_000).await;
    is_full(&small, "a small put");
    for hash in stored.iter().chain([&kept]) {
        house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    }
    assert_eq!(names(&house, &token).await.len(), stored.len() + 1);
    std::fs::remove_file(&filler).unwrap();
    let offset = head(&house, &token, &open).await.is(200);
    assert_eq!(offset.header("upload-offset"), "500000");
    patch(&house, &token, &open, 500_000, &noise(1_500_000, 4))
        .await
        .is(204);
    put(&house, &token, noise(40_000, 5)).await.is(201);
    house.close().await;
}

/// A file system that is mounted without writing while files are open refuses to be, so that everything is closed first;
/// what is opened again then can be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_disk_that_takes_no_changes_says_so_at_the_start() {
    let mount = match Mount::new(16 * 1_024 * 1_024) {
        Ok(mount) => mount,
        Err(why) => {
            eprintln!("left out: no file system can be mounted here: {why}");
            return;
        }
    };
    let state = mount.0.path().join("state");
    let plan = || on(Arc::new(RealDisk::open(&state).unwrap()));
    let house = House::open(plan()).await.unwrap();
    let token = house.token().await;
    let stored: BlobPutView = put(&house, &token, noise(50_000, 1)).await.is(201).json();
    house.close().await;
    assert!(mount.remount("ro"));
    let refused = RealDisk::open(&state).err().map(|error| error.problem());
    let refused = match refused {
        Some(problem) => problem,
        None => House::open(plan()).await.err().unwrap(),
    };
    assert_eq!(refused.code.to_string(), "CH-0812", "{refused}");
    assert!(mount.remount("rw"));
    let house = House::open(plan()).await.unwrap();
    let token = house.token().await;
    house
        .get(&token, &format!("/blobs/{}", stored.hash))
        .await
        .is(200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_here_needs_no_room_when_its_hash_is_told() {
    let mut plan = Plan::new();
    plan.config.quota_bytes = 3_000_000;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    let (known, small) = (noise(2_000_000, 1), noise(1_000_000, 2));
    let hash = house.put(&token, &known).await;
    house.put(&token, &small).await;
    let path = format!("/blobs/{hash}");
    let named = house
        .ask_as(&token, "PUT", &path, &[], known.clone())
        .await
        .is(200);
    assert!(!named.json::<BlobPutView>().is_new);
    let digest = crate::harness::digest(&known);
    let digest = [("content-digest", digest.as_str())];
    house
        .ask_as(&token, "PUT", "/blobs", &digest, known.clone())
        .await
        .is(200);
    let lies = house
        .ask_as(&token, "PUT", &path, &[], noise(2_000_000, 3))
        .await;
    assert_eq!(
        lies.code(),
        "CH-0109",
        "who names what is here must bring it"
    );
    put(&house, &token, small.clone()).await.is(200);
    let unnamed = put(&house, &token, known.clone()).await;
    assert_eq!(unnamed.code(), "CH-0801");
    let view: ProblemView = unnamed.json();
    assert!(
        view.detail.contains("name its hash before its bytes"),
        "{}",
        view.detail
    );
    let metadata = format!("sha256 {}", STANDARD.encode(hash.to_string()));
    let length = ("upload-length", "2000000");
    let told = [length, ("upload-metadata", metadata.as_str())];
    let path = crate::tus::create(&house, &token, &told).await;
    patch(&house, &token, &path, 0, &known[..700_000])
        .await
        .is(204);
    let last = patch(&house, &token, &path, 700_000, &known[700_000..])
        .await
        .is(204);
    assert_eq!(last.header("x-blob-hash"), hash.to_string());
    let headers = [("tus-resumable", "1.0.0"), length];
    let untold = house
        .ask_as(&token, "POST", "/blobs/uploads", &headers, "")
        .await;
    assert_eq!(untold.code(), "CH-0801");
    let view: ProblemView = untold.json();
    assert!(
        view.detail.contains("name its hash before its bytes"),
        "{}",
        view.detail
    );
    assert_eq!(usage(&house, &token).await, (3_000_000, 0));
    let other = ContentHash::of(&noise(2_000_000, 4));
    let path = format!("/blobs/{other}");
    let new = house
        .ask_as(&token, "PUT", &path, &[], noise(2_000_000, 4))
        .await;
    assert_eq!(new.code(), "CH-0801", "what is not here needs room");
    house.close().await;
}
