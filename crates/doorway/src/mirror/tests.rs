//! What nobody waits for takes a bounded number of tasks and a bounded queue.

use runtime::Supervisor;

use super::*;

#[tokio::test]
async fn a_long_log_of_manifests_takes_few_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), blobs::Limits::default()).unwrap();
    let upstream = client::Doorway::new("http://127.0.0.1:1").unwrap();
    let copies = Supervisor::default().group("blob copies");
    let mirror = Mirror::new(blobs, upstream, copies.clone());
    // Nothing is waited for meanwhile, so that no task has begun to work.
    for number in 0..QUEUE_MAX {
        assert!(mirror.queue(ContentHash::of(&number.to_be_bytes())));
    }
    assert!(!mirror.queue(ContentHash::of(b"one too many")));
    assert_eq!(copies.len(), WORKERS_MAX as u64);
    assert_eq!(mirror.queue_lock().waiting.len(), QUEUE_MAX);
}
