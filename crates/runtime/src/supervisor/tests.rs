//! Births, deaths and the list in between.

use std::io;

use tokio::sync::oneshot;

use super::*;

fn line<'a>(tasks: &'a [TaskState], name: &str) -> &'a TaskState {
    tasks
        .iter()
        .find(|task| task.name == name)
        .expect("the task is listed")
}

async fn fail(stones: u32) {
    panic!("{stones} stones");
}

#[tokio::test]
async fn the_list_tells_what_runs_and_what_ended() {
    let supervisor = Supervisor::default();
    let (release, held) = oneshot::channel::<()>();
    let long = supervisor.spawn("long", TaskKind::Ordinary, async move { drop(held.await) });
    supervisor
        .spawn("short", TaskKind::Ordinary, async {})
        .ended()
        .await;
    let failing = async { Err::<(), _>(io::Error::other("no corn")) };
    supervisor
        .spawn("failing", TaskKind::Ordinary, failing)
        .ended()
        .await;
    supervisor
        .spawn("panicking", TaskKind::Ordinary, fail(2))
        .ended()
        .await;
    let tasks = supervisor.tasks();
    assert_eq!(line(&tasks, "long").status, TaskStatus::Running);
    assert_eq!(line(&tasks, "long").ended, None);
    assert_eq!(line(&tasks, "short").status, TaskStatus::Done);
    let failed = line(&tasks, "failing");
    assert_eq!(
        (failed.status, failed.reason.as_deref()),
        (TaskStatus::Failed, Some("no corn"))
    );
    let panicked = line(&tasks, "panicking");
    assert_eq!(
        (panicked.status, panicked.reason.as_deref()),
        (TaskStatus::Panicked, Some("2 stones"))
    );
    assert!(panicked.ended >= Some(panicked.started));
    assert!(!supervisor.shutdown().is_requested());
    release.send(()).unwrap();
    long.ended().await;
    assert!(supervisor.tasks().iter().all(|task| task.ended.is_some()));
}

#[tokio::test]
async fn only_so_many_ended_tasks_are_remembered() {
    let supervisor = Supervisor::new(Limits {
        ended_tasks_max: 3,
        ..Limits::default()
    });
    for number in 0..5 {
        supervisor
            .spawn(format!("{number}"), TaskKind::Ordinary, async {})
            .ended()
            .await;
    }
    let names: Vec<String> = supervisor
        .tasks()
        .into_iter()
        .map(|task| task.name)
        .collect();
    assert_eq!(names, ["4", "3", "2"]);
}

#[tokio::test]
async fn the_end_of_an_essential_task_ends_the_process() {
    let supervisor = Supervisor::default();
    let shutdown = supervisor.shutdown();
    drop(supervisor.spawn("other", TaskKind::Ordinary, async move {
        shutdown.requested().await
    }));
    drop(supervisor.spawn("heart", TaskKind::Essential, async {
        Err::<(), _>(io::Error::other("stopped"))
    }));
    let report = supervisor.run().await.unwrap();
    let cause = Cause::TaskEnded {
        name: "heart".into(),
        reason: Some("stopped".into()),
    };
    assert_eq!(
        report,
        Report {
            cause,
            stragglers: Vec::new()
        }
    );
    assert!(!report.is_clean());
    assert_eq!(report.cause.to_string(), "the task heart ended: stopped");
}

#[tokio::test]
async fn a_panic_of_an_essential_task_ends_the_process_too() {
    let supervisor = Supervisor::default();
    drop(supervisor.spawn("heart", TaskKind::Essential, fail(0)));
    let report = supervisor.run().await.unwrap();
    let cause = Cause::TaskEnded {
        name: "heart".into(),
        reason: Some("0 stones".into()),
    };
    assert_eq!(report.cause, cause);
}

#[tokio::test]
async fn asked_to_end_it_waits_for_what_runs() {
    let supervisor = Supervisor::default();
    let shutdown = supervisor.shutdown();
    let (done, finished) = oneshot::channel();
    drop(supervisor.spawn("tidy", TaskKind::Essential, async move {
        shutdown.requested().await;
        tokio::task::yield_now().await;
        done.send("finished").unwrap();
    }));
    supervisor.shutdown().request();
    let report = supervisor.run().await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.cause, Cause::Requested);
    assert_eq!(finished.await, Ok("finished"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_cut_and_named() {
    let supervisor = Supervisor::new(Limits {
        drain_ms_max: 1_000,
        ..Limits::default()
    });
    let (held, dropped) = oneshot::channel::<()>();
    drop(supervisor.spawn("stuck", TaskKind::Ordinary, async move {
        let _held = held;
        std::future::pending::<()>().await;
    }));
    let group = supervisor.group("connections");
    group.spawn(std::future::pending::<()>());
    let idle = supervisor.group("idle");
    supervisor.shutdown().request();
    let start = time::Instant::now();
    let report = supervisor.run().await.unwrap();
    assert_eq!(report.stragglers, ["stuck", "connections"]);
    assert_eq!(start.elapsed().as_millis(), 1_000);
    assert!(dropped.await.is_err(), "what the task held was not dropped");
    assert!(group.is_empty() && idle.is_empty());
}

#[tokio::test]
async fn a_group_counts_its_tasks_and_outlives_their_panics() {
    let supervisor = Supervisor::default();
    let group = supervisor.group("connections");
    let (release, held) = oneshot::channel::<()>();
    group.spawn(async move { drop(held.await) });
    group.spawn(fail(1));
    group.spawn(async { Err::<(), _>(io::Error::other("another")) });
    assert_eq!(group.len(), 3);
    release.send(()).unwrap();
    group.empty().await;
    let tasks = supervisor.tasks();
    let state = line(&tasks, "connections");
    assert_eq!((state.rounds_total, state.members), (3, Some(0)));
    assert_eq!(state.status, TaskStatus::Running);
    assert!(state.reason.is_some());
    drop(group);
    assert_eq!(
        line(&supervisor.tasks(), "connections").status,
        TaskStatus::Done
    );
}
