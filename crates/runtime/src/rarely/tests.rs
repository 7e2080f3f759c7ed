//! Who is polled when, and that no wake-up is lost.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicU32;

use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_neighbour_that_wakes_does_not_poll_it() {
    let polls = AtomicU32::new(0);
    let (tell, mut told) = oneshot::channel::<()>();
    let mut rare = pin!(Rarely::new(poll_fn(|context| {
        polls.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut told).poll(context)
    })));
    let mut rounds = 0;
    poll_fn(|context| {
        assert!(rare.as_mut().poll(context).is_pending());
        rounds += 1;
        context.waker().wake_by_ref();
        if rounds < 100 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    assert_eq!(polls.load(Ordering::Relaxed), 1);
    tell.send(()).unwrap();
    assert!(rare.await.is_ok());
    assert_eq!(polls.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_wakes_the_task_that_polled_it_last() {
    for _ in 0..1_000 {
        let (tell, told) = oneshot::channel::<()>();
        let mut rare = Rarely::new(told);
        let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut rare).poll(context).is_ready()));
        assert!(!polled.await);
        let moved = tokio::spawn(rare);
        tell.send(()).unwrap();
        assert!(moved.await.unwrap().is_ok());
    }
}
