//! When a connection counts as idle, on a clock that stands still unless all wait.

use super::*;

const PATIENCE: Patience = Patience {
    first: Duration::from_secs(10),
    http1: Duration::from_secs(15),
    http2: Duration::from_secs(75),
    owed: Duration::from_secs(30),
};

/// Runs `life` beside the watch and returns after how many seconds the connection counted as idle.
async fn idle_after(activity: &Arc<Activity>, life: impl Future<Output = ()>) -> u64 {
    let start = Instant::now();
    let idle = Arc::clone(activity).idle(PATIENCE);
    let life = async {
        life.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = idle => start.elapsed().as_secs(),
        () = life => unreachable!("it never ends"),
    }
}

/// Lets the simulated clock go on.
async fn pass(secs: u64) {
    let never = std::future::pending::<()>();
    drop(time::timeout(Duration::from_secs(secs), never).await);
}

#[tokio::test(start_paused = true)]
async fn who_never_asks_is_idle_after_the_head_deadline() {
    let activity = Arc::default();
    assert_eq!(idle_after(&activity, async {}).await, 10);
}

#[tokio::test(start_paused = true)]
async fn each_request_begins_anew() {
    for (is_http2, min, max) in [(false, 415, 426), (true, 475, 486)] {
        let activity: Arc<Activity> = Arc::default();
        if is_http2 {
            activity.is_http2();
        }
        let secs = idle_after(&activity, async {
            for _ in 0..100 {
                activity.turn();
                pass(4).await;
            }
            activity.turn();
        });
        let secs = secs.await;
        assert!(
            (min..=max).contains(&secs),
            "{secs} is not in {min}..={max}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_and_a_waiting_socket_keep_it_open() {
    let activity: Arc<Activity> = Arc::default();
    let secs = idle_after(&activity, async {
        let open = activity.open();
        pass(1_000).await;
        activity.writes(true);
        drop(open);
        pass(1_000).await;
        activity.writes(false);
    });
    let secs = secs.await;
    assert!((2_015..=2_021).contains(&secs), "{secs}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_piece_does_not() {
    let activity: Arc<Activity> = Arc::default();
    activity.is_http2();
    let mut open = activity.open();
    let secs = idle_after(&activity, async {
        for _ in 0..10 {
            open.owed();
            pass(25).await;
            open.due();
            pass(100).await;
        }
        open.owed();
    });
    let secs = secs.await;
    assert!((1_280..=1_290).contains(&secs), "{secs}");
}
