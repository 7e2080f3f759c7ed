//! Workers are woken by signal or timer, run again after a failure, and end with the process.

use std::io;
use std::sync::Mutex;

use tokio::sync::mpsc;

use super::*;
use crate::TaskStatus;

/// A worker that reports its rounds and answers as it was told.
struct Scripted {
    answers: Arc<Mutex<Vec<Result<Next, io::ErrorKind>>>>,
    rounds: mpsc::Sender<usize>,
    done: usize,
}

impl Worker for Scripted {
    type Error = io::Error;

    fn name(&self) -> String {
        "scripted".into()
    }

    async fn round(&mut self) -> Result<Next, io::Error> {
        self.done += 1;
        self.rounds.send(self.done).await.unwrap();
        let answer = self
            .answers
            .lock()
            .unwrap()
            .pop()
            .unwrap_or(Ok(Next::Woken));
        answer.map_err(io::Error::from)
    }
}

/// Starts a worker that gives these answers in this order and afterwards waits to be woken.
fn start(answers: &[Result<Next, io::ErrorKind>]) -> (Supervisor, Wake, mpsc::Receiver<usize>) {
    let supervisor = Supervisor::default();
    let (rounds, seen) = mpsc::channel(100);
    let wake = supervisor.spawn_worker(
        TaskKind::Ordinary,
        Scripted {
            answers: Arc::new(Mutex::new(answers.iter().rev().copied().collect())),
            rounds,
            done: 0,
        },
    );
    (supervisor, wake, seen)
}

#[tokio::test(start_paused = true)]
async fn runs_at_once_and_then_when_woken() {
    let (supervisor, wake, mut seen) = start(&[]);
    assert_eq!(seen.recv().await, Some(1));
    wake.wake();
    assert_eq!(seen.recv().await, Some(2));
    let quiet = time::timeout(Duration::from_secs(3_600), seen.recv()).await;
    assert!(quiet.is_err(), "a worker that nobody woke ran");
    supervisor.shutdown().request();
    assert_eq!(seen.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn being_woken_twice_is_one_more_round() {
    let (_supervisor, wake, mut seen) = start(&[Ok(Next::Woken)]);
    wake.wake();
    wake.wake();
    assert_eq!(seen.recv().await, Some(1));
    assert_eq!(seen.recv().await, Some(2));
    assert!(
        time::timeout(Duration::from_secs(60), seen.recv())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn runs_again_at_once_or_after_a_while() {
    let (_supervisor, wake, mut seen) =
        start(&[Ok(Next::Now), Ok(Next::After(Duration::from_secs(60)))]);
    let start = time::Instant::now();
    assert_eq!(seen.recv().await, Some(1));
    assert_eq!(seen.recv().await, Some(2));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(seen.recv().await, Some(3));
    assert_eq!(start.elapsed().as_secs(), 60);
    wake.wake();
    assert_eq!(seen.recv().await, Some(4));
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_failing_round_is_tried_later_and_later_until_it_succeeds() {
    let failure = Err(io::ErrorKind::Other);
    let (supervisor, _wake, mut seen) = start(&[failure, failure, failure, Ok(Next::Now), failure]);
    let start = time::Instant::now();
    let mut times = Vec::new();
    for _ in 0..6 {
        seen.recv().await.unwrap();
        times.push(start.elapsed().as_millis());
    }
    // 250 ms, 500 ms and 1 s after a failure; a success starts over.
    assert_eq!(times, [0, 250, 750, 1_750, 1_750, 2_000]);
    let line = &supervisor.tasks()[0];
    assert_eq!(line.status, TaskStatus::Running);
    assert!(
        (5..=6).contains(&line.rounds_total),
        "{}",
        line.rounds_total
    );
}

#[tokio::test(start_paused = true)]
async fn the_wait_after_failures_has_a_bound() {
    let (_supervisor, _wake, mut seen) = start(&[Err(io::ErrorKind::Other); 40]);
    let mut last = time::Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..40 {
        seen.recv().await.unwrap();
        longest = longest.max(last.elapsed());
        last = time::Instant::now();
    }
    assert_eq!(longest, Duration::from_millis(RETRY_MS_MAX));
}

#[tokio::test(start_paused = true)]
async fn a_worker_may_be_done() {
    let (supervisor, wake, mut seen) = start(&[Ok(Next::Never)]);
    assert_eq!(seen.recv().await, Some(1));
    assert_eq!(seen.recv().await, None);
    wake.wake();
    let line = &supervisor.tasks()[0];
    assert_eq!((line.status, line.rounds_total), (TaskStatus::Done, 1));
}
