//! Where tasks run, who counts them, and when threads end.

use std::thread;

use tokio::sync::mpsc;

use super::*;
use crate::Supervisor;

async fn thread_of(lanes: &Lanes, index: usize) -> String {
    let (tell, told) = oneshot::channel();
    lanes.spawn(index, async move {
        let name = thread::current().name().unwrap().to_owned();
        tell.send(name).expect("somebody waits for it");
    });
    told.await.unwrap()
}

#[tokio::test]
async fn tasks_run_on_their_lane() {
    let supervisor = Supervisor::default();
    let lanes = Lanes::start("lane", 2, supervisor.group("work")).unwrap();
    assert_eq!(lanes.count(), 2);
    for (index, name) in [(0, "lane-0"), (1, "lane-1"), (2, "lane-0"), (7, "lane-1")] {
        assert_eq!(thread_of(&lanes, index).await, name);
    }
    lanes.ended().await;
}

#[tokio::test]
async fn a_task_of_a_lane_is_counted_and_may_panic() {
    let supervisor = Supervisor::default();
    let group = supervisor.group("work");
    let lanes = Lanes::start("lane", 1, group.clone()).unwrap();
    let (hold, held) = oneshot::channel::<()>();
    lanes.spawn(0, async move { drop(held.await) });
    lanes.spawn(0, async {
        assert!(thread::current().name().is_none(), "on a lane");
    });
    assert_eq!(thread_of(&lanes, 0).await, "lane-0");
    assert!(!group.is_empty());
    drop(hold);
    group.empty().await;
    let line = &supervisor.tasks()[0];
    assert_eq!((line.rounds_total, line.members), (3, Some(0)));
    assert_eq!(line.reason.as_deref(), Some("on a lane"));
}

#[tokio::test]
async fn a_task_of_a_lane_is_cut_off_with_the_others() {
    let supervisor = Supervisor::new(crate::Limits {
        drain_ms_max: 50,
        ..crate::Limits::default()
    });
    let lanes = Lanes::start("lane", 1, supervisor.group("work")).unwrap();
    let (alive, mut ended) = mpsc::channel::<()>(1);
    lanes.spawn(0, async move {
        let _alive = alive;
        std::future::pending::<()>().await;
    });
    supervisor.shutdown().request();
    let report = supervisor.run().await.unwrap();
    assert_eq!(report.stragglers, ["work"]);
    assert!(ended.recv().await.is_none());
}

#[tokio::test]
async fn a_held_lane_goes_on() {
    let supervisor = Supervisor::default();
    let lanes = Lanes::start("lane", 1, supervisor.group("work")).unwrap();
    let (ask, mut asked) = mpsc::channel::<mpsc::Sender<()>>(1);
    let hold = lanes.hold(0);
    lanes.spawn(0, async move {
        while let Some(answer) = asked.recv().await {
            answer.try_send(()).expect("there is room");
        }
    });
    let ended = tokio::spawn(lanes.ended());
    for _ in 0..3 {
        let (answer, mut answered) = mpsc::channel(1);
        ask.send(answer).await.unwrap();
        answered.recv().await.unwrap();
    }
    assert!(!ended.is_finished());
    drop(hold);
    ended.await.unwrap();
    let (answer, mut answered) = mpsc::channel(1);
    drop(ask.send(answer).await);
    assert!(answered.recv().await.is_none());
}
