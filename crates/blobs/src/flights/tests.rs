//! One work, whoever asks and whoever goes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;

use super::*;

#[tokio::test]
async fn a_thousand_who_ask_at_once_cause_one_work() {
    let (flights, files) = (Flights::new(), Blocking::new(8));
    let count = Arc::new(AtomicU32::new(0));
    // The work cannot end before all have asked: else the late ones rightly begin another.
    let (release, held) = sync_channel::<()>(0);
    let held = Arc::new(Mutex::new(held));
    let asked = (0..1_000).map(|_| {
        let (count, held) = (Arc::clone(&count), Arc::clone(&held));
        flights.join(7_u8, &files, move || {
            held.lock().unwrap().recv().unwrap();
            count.fetch_add(1, Ordering::Relaxed)
        })
    });
    let mut all = Box::pin(futures::future::join_all(asked));
    assert!(futures::poll!(&mut all).is_pending());
    release.send(()).unwrap();
    let came_out = all.await;
    assert!(came_out.iter().all(|value| *value == 0));
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // What is over is not kept.
    let again = flights.join(7, &files, move || count.fetch_add(1, Ordering::Relaxed));
    assert_eq!(again.await, 1);
    assert!(flights.running.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_gives_up_before_the_work_began_is_replaced() {
    let (flights, files) = (Flights::new(), Blocking::new(1));
    let (release, held) = sync_channel::<()>(0);
    let mut busy = Box::pin(files.run(move || held.recv().is_ok()));
    assert!(futures::poll!(&mut busy).is_pending());
    let mut first = Box::pin(flights.join(1_u8, &files, || "first"));
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(flights.join(1, &files, || "second"));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    assert!(futures::poll!(&mut second).is_pending());
    release.send(()).unwrap();
    assert!(busy.await);
    assert_eq!(second.await, "second");
}

#[tokio::test]
async fn work_that_began_is_told_even_when_its_owner_is_gone() {
    let (flights, files) = (Flights::new(), Blocking::new(2));
    let (begun, begins) = sync_channel::<()>(1);
    let (release, held) = sync_channel::<()>(0);
    let mut first = Box::pin(flights.join(1_u8, &files, move || {
        begun.send(()).unwrap();
        held.recv().unwrap();
        "first"
    }));
    assert!(futures::poll!(&mut first).is_pending());
    let others = Blocking::new(1);
    assert!(others.run(move || begins.recv().is_ok()).await);
    let mut second = Box::pin(flights.join(1, &files, || "second"));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    release.send(()).unwrap();
    assert_eq!(second.await, "first");
}
