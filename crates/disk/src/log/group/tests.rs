//! Many senders and one writer: order, limits, errors, and ends.

use std::sync::Arc;
use std::sync::mpsc;

use super::*;
use crate::log::{Log, LogConfig, Part, Record};
use crate::{Disk, FaultyDisk};

/// Writes what it is sent and answers with the number.
#[derive(Default)]
struct Scribe {
    waiting: Vec<(Lsn, Promise<Result<Lsn, CommitError>>)>,
    refused: Vec<Promise<Result<Lsn, CommitError>>>,
    batches: Vec<usize>,
    seen: Vec<u8>,
    idles: usize,
}

struct Command {
    body: Vec<u8>,
    promise: Promise<Result<Lsn, CommitError>>,
}

impl Owner for Scribe {
    type Command = Command;

    fn weight(command: &Command) -> usize {
        command.body.len()
    }

    fn stage(&mut self, command: Command, appender: &mut Appender) {
        self.seen.extend(command.body.first());
        let record = Record {
            stream: 1,
            kind: 1,
            key: [0; 32],
            body: &[Part::Slice(&command.body)],
        };
        match appender.push(record) {
            Ok((_, lsn)) => self.waiting.push((lsn, command.promise)),
            Err(_) => self.refused.push(command.promise),
        }
    }

    fn committed(&mut self, result: Result<Lsn, &CommitError>) {
        self.batches.push(self.waiting.len() + self.refused.len());
        for (lsn, promise) in self.waiting.drain(..) {
            promise.keep(result.map(|last| lsn.min(last)).map_err(Clone::clone));
        }
        for promise in self.refused.drain(..) {
            if let Err(error) = result {
                promise.keep(Err(error.clone()));
            }
        }
    }

    fn idle(&mut self) {
        self.idles += 1;
    }
}

fn appender(disk: &FaultyDisk, config: LogConfig) -> Appender {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Log::open(disk, config, 0, &mut |_, _, _| {})
        .expect("it opens")
        .appender
}

fn config() -> LogConfig {
    LogConfig {
        first_segment_bytes: 4096,
        segment_bytes: 4096,
        ..LogConfig::new("log", "tests")
    }
}

fn command(body: Vec<u8>) -> (Command, Answer<Result<Lsn, CommitError>>) {
    let (promise, answer) = answer();
    (Command { body, promise }, answer)
}

#[test]
fn what_waits_is_committed_together_within_the_limits_and_in_order() {
    let disk = FaultyDisk::new(0);
    let mut appender = appender(
        &disk,
        LogConfig {
            batch_records_max: 5,
            batch_bytes_max: 100,
            ..config()
        },
    );
    let (queue, waiting) = queue(100);
    let mut answers = Vec::new();
    // Five small ones; then three that are as many bytes as may be; then one that is more by itself.
    let lens = [1, 1, 1, 1, 1, 1, 50, 49, 60, 60, 200, 1];
    for (place, len) in lens.into_iter().enumerate() {
        let (command, answer) = command(vec![place as u8; len]);
        queue.send_blocking(command).expect("somebody takes them");
        answers.push(answer);
    }
    drop(queue);
    let mut scribe = Scribe::default();
    waiting.run(&mut scribe, &mut appender);
    assert_eq!(scribe.batches, [5, 3, 1, 1, 1, 1]);
    assert_eq!(scribe.seen, (0..12).collect::<Vec<u8>>());
    assert_eq!(scribe.idles, 1);
    assert_eq!(appender.log().syncs(), 6);
    for (place, answer) in answers.into_iter().enumerate() {
        let lsn = answer
            .wait()
            .expect("it is kept")
            .expect("the disk is well");
        assert_eq!(lsn, place as u64 + 1);
    }
}

#[test]
fn many_senders_are_all_answered() {
    let disk = FaultyDisk::new(0);
    let mut appender = appender(&disk, config());
    let log = appender.log().clone();
    let (queue, waiting) = queue(4);
    let threads: Vec<_> = (0..8)
        .map(|sender| {
            let queue = queue.clone();
            let log = log.clone();
            std::thread::Builder::new()
                .spawn(move || {
                    for round in 0..50 {
                        let (command, answer) = command(vec![sender, round]);
                        queue.send_blocking(command).expect("somebody takes them");
                        let lsn = answer
                            .wait()
                            .expect("it is kept")
                            .expect("the disk is well");
                        assert!(log.committed() >= lsn, "it is stable before it is told");
                    }
                })
                .expect("there is a thread left")
        })
        .collect();
    drop(queue);
    let mut scribe = Scribe::default();
    waiting.run(&mut scribe, &mut appender);
    for thread in threads {
        thread.join().expect("it does not panic");
    }
    assert_eq!(scribe.batches.iter().sum::<usize>(), 400);
    assert!(
        scribe
            .batches
            .iter()
            .all(|batch| *batch <= config().batch_records_max)
    );
    assert_eq!(log.committed(), 400);
}

#[test]
fn after_a_failed_sync_everybody_is_told_and_nobody_waits_for_ever() {
    let disk = FaultyDisk::new(0);
    let mut appender = appender(&disk, config());
    let (queue, waiting) = queue(10);
    let (done, ready) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .spawn({
            let disk = disk.clone();
            move || {
                let (first, answer) = command(vec![1]);
                queue.send_blocking(first).expect("somebody takes them");
                answer
                    .wait()
                    .expect("it is kept")
                    .expect("the disk is well");
                disk.fail_sync_at(disk.operations() + 2);
                for _ in 0..3 {
                    let (command, answer) = command(vec![2]);
                    queue.send_blocking(command).expect("somebody takes them");
                    let result = answer.wait().expect("it is kept");
                    assert!(result.expect_err("nothing is stable").is_poison());
                }
                done.send(()).expect("somebody waits");
            }
        })
        .expect("there is a thread left");
    let mut scribe = Scribe::default();
    waiting.run(&mut scribe, &mut appender);
    ready.recv().expect("the sender came to its end");
    thread.join().expect("it does not panic");
    assert!(appender.log().is_poisoned());
    assert_eq!(appender.log().committed(), 1);
}

#[test]
fn a_full_queue_says_so_and_async_senders_wait_for_room() {
    use std::future::Future as _;
    use std::task::{Context, Poll, Wake, Waker};
    struct Count(std::sync::atomic::AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let count = Arc::new(Count(std::sync::atomic::AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);

    let (queue, waiting) = queue::<u8>(2);
    queue.try_send(1).expect("there is room");
    let mut send = Box::pin(queue.send(2));
    assert_eq!(send.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    assert_eq!(queue.try_send(3), Err(TrySendError::Full(3)));
    let mut send = Box::pin(queue.send(3));
    assert!(send.as_mut().poll(&mut context).is_pending());
    let mut batch = Vec::new();
    let mut room = queue::Room::new(1, 100);
    assert!(
        waiting.take(&mut batch, &mut room, |_| 1),
        "one more waits than there is room for"
    );
    assert_eq!(batch, [1]);
    assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(send.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    assert_eq!(queue.len(), 2);
    let mut late = Box::pin(queue.send(4));
    assert!(late.as_mut().poll(&mut context).is_pending());
    drop(waiting);
    assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(
        late.as_mut().poll(&mut context),
        Poll::Ready(Err(Closed(4)))
    );
    assert_eq!(queue.try_send(5), Err(TrySendError::Closed(5)));
    assert_eq!(queue.send_blocking(6), Err(Closed(6)));
}

#[test]
fn a_dropped_promise_answers_with_nothing() {
    let (promise, dropped) = answer::<u8>();
    drop(promise);
    assert_eq!(dropped.wait(), None);
    let (promise, kept) = answer();
    let thread = std::thread::Builder::new()
        .spawn(move || kept.wait())
        .expect("there is a thread left");
    promise.keep(7_u8);
    assert_eq!(thread.join().expect("it does not panic"), Some(7));
}
