//! The bound holds, results come back and panics go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::*;

#[tokio::test]
async fn at_most_so_many_run_at_once() {
    let blocking = Blocking::new(3);
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    // Three meet at the barrier each time, so that the bound is reached as well as kept.
    let barrier = Arc::new(Barrier::new(3));
    let rounds = (0..12).map(|_| {
        let (running, most, barrier) = (
            Arc::clone(&running),
            Arc::clone(&most),
            Arc::clone(&barrier),
        );
        blocking.run(move || {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            barrier.wait();
            running.fetch_sub(1, Ordering::SeqCst);
        })
    });
    join_all(rounds.map(Box::pin).collect()).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

/// Polls all of them until all are done.
async fn join_all<F: Future<Output = ()> + Unpin>(mut futures: Vec<F>) {
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| std::pin::Pin::new(future).poll(context).is_pending());
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[tokio::test]
async fn a_panic_goes_on_in_the_caller_and_frees_the_thread() {
    let blocking = Blocking::new(1);
    let failing = blocking.clone();
    let failed =
        tokio::task::JoinSet::from_iter([
            async move { failing.run(|| panic!("in the work")).await },
        ])
        .join_next()
        .await
        .unwrap();
    let payload = failed.unwrap_err().into_panic();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"in the work"));
    assert_eq!(blocking.run(|| 7).await, 7);
}

#[tokio::test]
async fn work_that_was_dropped_before_its_turn_never_starts() {
    let blocking = Blocking::new(1);
    let (release, held) = mpsc::sync_channel::<()>(0);
    let mut first = Box::pin(blocking.run(move || held.recv()));
    let waiting = tokio::time::timeout(Duration::from_millis(1), first.as_mut()).await;
    assert!(waiting.is_err());
    let started = Arc::new(AtomicUsize::new(0));
    let mark = Arc::clone(&started);
    let mut second = Box::pin(blocking.run(move || mark.fetch_add(1, Ordering::SeqCst)));
    let waiting = tokio::time::timeout(Duration::from_millis(1), second.as_mut()).await;
    assert!(waiting.is_err());
    drop(second);
    release.send(()).unwrap();
    first.await.unwrap();
    blocking.run(|| ()).await;
    assert_eq!(started.load(Ordering::SeqCst), 0);
}
