//! Servers that are not there, go away, or stand still.

use base::{Code, Problem};
use db::{Fault, Loss, OpenError, Postgres, PostgresConfig, PostgresLimits, ReadError, WriteError};
use runtime::Supervisor;
use testkit::servers::{Fsync, Postgres as Server};

use super::{LIMITS, config, database, ids, insert, open, write};

/// Limits for a server that stands still.
const IMPATIENT: PostgresLimits = PostgresLimits {
    connect_ms_max: 1_000,
    transaction_ms_max: 1_000,
    ..LIMITS
};

fn server() -> Option<Server> {
    Server::start_with(Fsync::On).unwrap()
}

#[tokio::test]
async fn server_that_dies_in_a_transaction_is_an_error_and_then_is_back() {
    let Some(mut server) = server() else { return };
    let url = server.url();
    let db = open(&url).await;
    write(&db, 1).await.unwrap();
    let error = db
        .write(|tx| {
            let server = &mut server;
            async move {
                insert(&tx, 2, "lost with the server").await?;
                server.stop();
                insert(&tx, 3, "never sent").await
            }
        })
        .await
        .unwrap_err();
    let WriteError::Fault(fault) = error else {
        panic!("another error: {error:?}");
    };
    assert!(matches!(fault, Fault::Unreachable(_)), "{fault:?}");
    assert!(fault.is_transient());
    assert_eq!(fault.code(), Code::DatabaseUnreachable);

    let gone = db.ping().await.unwrap_err();
    assert!(matches!(gone, Fault::Unreachable(_)), "{gone:?}");
    let health = db.health();
    assert!(!health.is_reachable && health.failures > 0 && health.loss.is_some());

    let (back, restarted) = futures::join!(db.reachable(), async { server.restart() });
    restarted.unwrap();
    back.unwrap();
    assert!(db.health().is_reachable);
    assert_eq!(ids(&db).await, [1]);
    write(&db, 2).await.unwrap();
    assert_eq!(ids(&db).await, [1, 2]);
}

#[tokio::test]
async fn killed_server_process_breaks_its_transaction_and_is_replaced() {
    let Some(server) = server() else { return };
    let url = server.url();
    let db = open(&url).await;
    let error = db
        .write(|tx| async move {
            insert(&tx, 1, "lost with the process").await?;
            let row = tx.query_one("SELECT pg_backend_pid()", &[]).await?;
            let pid = rustix::process::Pid::from_raw(row.get(0)).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            tx.query("SELECT pg_sleep(30)::TEXT", &[]).await.map(|_| ())
        })
        .await
        .unwrap_err();
    let WriteError::Fault(fault) = error else {
        panic!("another error: {error:?}");
    };
    assert!(
        matches!(fault, Fault::Unreachable(Loss::Broken(_))),
        "{fault:?}"
    );
    db.reachable().await.unwrap();
    assert_eq!(ids(&db).await, Vec::<i64>::new());
    write(&db, 2).await.unwrap();
}

#[tokio::test]
async fn server_that_stands_still_meets_a_deadline() {
    let Some(mut server) = server() else { return };
    let url = server.url();
    let impatient = PostgresConfig {
        limits: IMPATIENT,
        ..config(&url)
    };
    let db = Postgres::connect(impatient, &Supervisor::default())
        .await
        .unwrap();
    write(&db, 1).await.unwrap();
    ids(&db).await;
    server.pause().unwrap();
    let read = db
        .read(|tx| async move { super::ids_in(&tx).await })
        .await
        .unwrap_err();
    assert!(
        matches!(
            read,
            ReadError::Fault(Fault::Unreachable(Loss::Deadline(_)))
        ),
        "{read:?}"
    );
    let written = write(&db, 2).await.unwrap_err();
    assert!(
        matches!(
            written,
            WriteError::Fault(Fault::Unreachable(Loss::Deadline(_)))
        ),
        "{written:?}"
    );
    // New connections stand still as well.
    let asked = db.query("SELECT 1", &[]).await.unwrap_err();
    assert!(
        matches!(asked, Fault::Unreachable(Loss::Deadline(_))),
        "{asked:?}"
    );
    server.resume().unwrap();
    db.reachable().await.unwrap();
    assert_eq!(ids(&db).await, [1]);
}

#[tokio::test]
async fn commit_without_an_answer_is_told_as_unknown() {
    let Some(mut server) = server() else { return };
    let url = server.url();
    let impatient = PostgresConfig {
        limits: IMPATIENT,
        ..config(&url)
    };
    let db = Postgres::connect(impatient, &Supervisor::default())
        .await
        .unwrap();
    let error = db
        .write(|tx| {
            let server = &mut server;
            async move {
                insert(&tx, 1, "there or not").await?;
                server.pause().unwrap();
                Ok::<_, Fault>(())
            }
        })
        .await
        .unwrap_err();
    let WriteError::Fault(fault) = error else {
        panic!("another error: {error:?}");
    };
    assert!(matches!(fault, Fault::OutcomeUnknown(_)), "{fault:?}");
    assert!(!fault.is_transient());
    server.resume().unwrap();
    db.reachable().await.unwrap();
    assert!(ids(&db).await.len() <= 1);
}

#[tokio::test]
async fn statement_that_takes_too_long_is_given_up() {
    let Some(url) = database() else { return };
    let limits = PostgresLimits {
        statement_ms_max: 100,
        ..LIMITS
    };
    let brisk = PostgresConfig {
        limits,
        ..config(&url)
    };
    let db = Postgres::connect(brisk, &Supervisor::default())
        .await
        .unwrap();
    let error = db
        .query("SELECT 1 FROM (SELECT pg_sleep(30)) AS nap", &[])
        .await
        .unwrap_err();
    assert!(
        matches!(error, Fault::Unreachable(Loss::Statement(_))),
        "{error:?}"
    );
    assert_eq!(db.health().idle, 1);
    assert_eq!(ids(&db).await, Vec::<i64>::new());
}

#[tokio::test]
async fn server_that_is_not_there_is_given_up_in_time() {
    // Bound and not listening: nobody else gets the port, and nobody answers.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let url = format!("postgres://anna:hunter2@127.0.0.1:{port}/x");
    let limits = PostgresLimits {
        start_ms_max: 300,
        ..LIMITS
    };
    let absent = PostgresConfig {
        limits,
        ..config(&url)
    };
    let error = Postgres::connect(absent, &Supervisor::default())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
    let problem = Problem::from(error);
    assert_eq!(problem.code, Code::DatabaseUnreachable);
    assert!(!problem.detail.contains("hunter2"), "{}", problem.detail);
    assert!(problem.detail.contains(&port.to_string()));
}

#[tokio::test]
async fn server_that_refuses_is_not_asked_again() {
    let Some(server) = Server::shared().unwrap() else {
        return;
    };
    let url = format!(
        "postgres://postgres:hunter2@127.0.0.1:{}/nowhere",
        server.port()
    );
    let error = Postgres::connect(config(&url), &Supervisor::default())
        .await
        .unwrap_err();
    let OpenError::Refused { source, .. } = &error else {
        panic!("another error: {error:?}");
    };
    assert_eq!(source.state.as_deref(), Some("3D000"));
    assert!(!format!("{error:?}").contains("hunter2"));
    let problem = Problem::from(error);
    assert_eq!(problem.code, Code::Config);
    assert!(!problem.detail.contains("hunter2"), "{}", problem.detail);
}

#[tokio::test]
async fn handle_does_not_show_its_password() {
    let Some(url) = database() else { return };
    let url = url.replace("postgres@", "postgres:hunter2@");
    let db = open(&url).await;
    assert!(!format!("{db:?} {}", db.place()).contains("hunter2"));
}

#[tokio::test]
async fn process_that_ends_is_not_held_up() {
    let Some(url) = database() else { return };
    let tasks = Supervisor::default();
    let db = Postgres::connect(config(&url), &tasks).await.unwrap();
    write(&db, 1).await.unwrap();
    ids(&db).await;
    tasks.shutdown().request();
    // Whoever has work to finish still can.
    write(&db, 2).await.unwrap();
    let report = tasks.run().await.unwrap();
    assert_eq!(report.stragglers, Vec::<String>::new());
    assert_eq!(db.health().idle, 0);
}
