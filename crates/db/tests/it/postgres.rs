//! A real PostgreSQL server: what is written, what is refused, what happens when it goes away.

mod broken;
mod migrations;
mod tls;

use base::Code;
use db::{
    Access, Fault, Migration, Postgres, PostgresConfig, PostgresLimits, ReadError, Transaction,
    WriteError,
};
use runtime::Supervisor;
use tokio::sync::oneshot;

/// The schema of these tests.
const ROWS: &[Migration] = &[Migration {
    version: 1,
    name: "rows",
    sql: "CREATE TABLE rows (id BIGINT PRIMARY KEY, body TEXT NOT NULL)",
}];

const INSERT: &str = "INSERT INTO rows (id, body) VALUES ($1, $2)";

/// Short pauses and deadlines that a test can wait for, and long enough for a machine with much to do.
const LIMITS: PostgresLimits = PostgresLimits {
    connections_max: 4,
    waiting_len_max: 16,
    statements_len_max: 16,
    start_ms_max: 20_000,
    connect_ms_max: 10_000,
    acquire_ms_max: 10_000,
    statement_ms_max: 10_000,
    lock_ms_max: 10_000,
    transaction_ms_max: 15_000,
    migration_ms_max: 20_000,
    retry_delay_ms_min: 10,
    retry_delay_ms_max: 100,
};

fn config(url: &str) -> PostgresConfig<'_> {
    PostgresConfig {
        url,
        schema: "test",
        migrations: ROWS,
        access: Access::ReadWrite,
        limits: LIMITS,
    }
}

/// An empty database on the server that these tests share; `None` where there is no server on the machine.
fn database() -> Option<String> {
    let server = testkit::servers::Postgres::shared().unwrap()?;
    Some(server.database("db").unwrap())
}

async fn open(url: &str) -> Postgres {
    Postgres::connect(config(url), &Supervisor::default())
        .await
        .unwrap()
}

async fn insert(tx: &Transaction, id: i64, body: &str) -> Result<(), Fault> {
    tx.execute(INSERT, &[&id, &body]).await.map(|_| ())
}

async fn write(db: &Postgres, id: i64) -> Result<(), WriteError<Fault>> {
    db.write(|tx| async move { insert(&tx, id, "a row").await })
        .await
}

async fn ids_in(tx: &Transaction) -> Result<Vec<i64>, Fault> {
    let rows = tx.query("SELECT id FROM rows ORDER BY id", &[]).await?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(Fault::from))
        .collect()
}

async fn ids(db: &Postgres) -> Vec<i64> {
    db.read(|tx| async move { ids_in(&tx).await })
        .await
        .unwrap()
}

#[tokio::test]
async fn rows_survive_closing_and_opening_again() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    assert_eq!(db.schema_version(), 1);
    write(&db, 7).await.unwrap();
    db.close().await;
    db.close().await;
    let closed = write(&db, 8).await.unwrap_err();
    assert!(
        matches!(closed, WriteError::Fault(Fault::Closed)),
        "{closed:?}"
    );
    assert_eq!(ids(&open(&url).await).await, [7]);
}

#[tokio::test]
async fn answers_may_move_between_threads() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    // As the stores above keep them: boxed, and borrowing from their caller.
    let body = "borrowed".to_owned();
    let writing: futures::future::BoxFuture<'_, Result<(), WriteError<Fault>>> =
        Box::pin(db.write(|tx| {
            let body = &body;
            async move { insert(&tx, 1, body).await }
        }));
    writing.await.unwrap();
    let reading: futures::future::BoxFuture<'_, Result<Vec<i64>, ReadError<Fault>>> =
        Box::pin(db.read(|tx| async move { ids_in(&tx).await }));
    assert_eq!(reading.await.unwrap(), [1]);
    let asking: futures::future::BoxFuture<'_, Result<Vec<_>, Fault>> = Box::pin(async {
        db.query("SELECT id FROM rows WHERE body = $1", &[&body])
            .await
    });
    assert_eq!(asking.await.unwrap().len(), 1);
}

#[tokio::test]
async fn statements_of_one_read_see_one_state() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    write(&db, 1).await.unwrap();
    let (before, after) = db
        .read(|tx| {
            let db = &db;
            async move {
                let before = ids_in(&tx).await?;
                write(db, 2).await?;
                Ok::<_, Fault>((before, ids_in(&tx).await?))
            }
        })
        .await
        .unwrap();
    assert_eq!((before, after), (vec![1], vec![1]));
    let rows = db.query("SELECT count(*) FROM rows", &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 2);
}

#[tokio::test]
async fn statements_that_wait_together_are_answered_in_their_order() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    db.write(|tx| async move {
        let inserts = (0..100).map(|id| insert(&tx, id, "one of many"));
        futures::future::try_join_all(inserts).await
    })
    .await
    .unwrap();
    assert_eq!(ids(&db).await, (0..100).collect::<Vec<i64>>());
}

#[tokio::test]
async fn closure_that_fails_leaves_nothing_behind() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    write(&db, 1).await.unwrap();
    let error = db
        .write(|tx| async move {
            insert(&tx, 2, "undone").await?;
            insert(&tx, 1, "a secret that a person wrote").await
        })
        .await
        .unwrap_err();
    let WriteError::Refused(Fault::Statement(refusal)) = &error else {
        panic!("another error: {error:?}");
    };
    assert_eq!(refusal.state.as_deref(), Some("23505"));
    assert_eq!(refusal.constraint.as_deref(), Some("rows_pkey"));
    assert!(
        !base::told(&error).contains("(1)"),
        "{}",
        base::told(&error)
    );
    assert_eq!(ids(&db).await, [1]);
    write(&db, 3).await.unwrap();
}

#[tokio::test]
async fn failure_that_a_closure_hides_is_not_committed() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    write(&db, 1).await.unwrap();
    let hidden = db
        .write(|tx| async move {
            insert(&tx, 2, "lost").await?;
            drop(insert(&tx, 1, "twice").await);
            Ok::<_, Fault>(())
        })
        .await
        .unwrap_err();
    assert!(
        matches!(hidden, WriteError::Fault(Fault::TransactionEnded)),
        "{hidden:?}"
    );
    let ended = db
        .write(|tx| async move { tx.execute("ROLLBACK", &[]).await })
        .await
        .unwrap_err();
    assert!(
        matches!(ended, WriteError::Fault(Fault::TransactionEnded)),
        "{ended:?}"
    );
    assert_eq!(ids(&db).await, [1]);
}

#[tokio::test]
async fn handle_that_outlives_its_transaction_is_refused() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    let stray = db
        .write(|tx| async move { Ok::<_, Fault>(tx) })
        .await
        .unwrap();
    let late = insert(&stray, 1, "late").await.unwrap_err();
    assert!(matches!(late, Fault::TransactionEnded), "{late:?}");
    assert_eq!(ids(&db).await, Vec::<i64>::new());
}

#[tokio::test]
async fn dropped_write_changes_nothing_and_holds_nobody_up() {
    let Some(url) = database() else { return };
    let db = open(&url).await;
    let (begun, has_begun) = oneshot::channel();
    let write_one = db.write(|tx| async move {
        insert(&tx, 1, "dropped").await?;
        begun.send(()).unwrap();
        std::future::pending::<Result<(), Fault>>().await
    });
    tokio::select! {
        _ = write_one => panic!("it never ends"),
        begun = has_begun => begun.unwrap(),
    }
    write(&db, 1).await.unwrap();
    assert_eq!(ids(&db).await, [1]);
}

#[tokio::test]
async fn change_that_came_in_between_is_told_as_that() {
    let Some(url) = database() else { return };
    let (one, other) = (open(&url).await, open(&url).await);
    write(&one, 1).await.unwrap();
    let update = "UPDATE rows SET body = $1 WHERE id = 1";
    let error = one
        .write(|tx| {
            let other = &other;
            async move {
                ids_in(&tx).await?;
                other
                    .write(|tx| async move { tx.execute(update, &[&"theirs"]).await })
                    .await?;
                tx.execute(update, &[&"ours"]).await
            }
        })
        .await
        .unwrap_err();
    let WriteError::Fault(fault) = error else {
        panic!("another error: {error:?}");
    };
    assert!(matches!(fault, Fault::Conflict), "{fault:?}");
    assert!(fault.is_transient());
    let rows = one.query("SELECT body FROM rows", &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, &str>(0), "theirs");
}

#[tokio::test]
async fn handle_for_reading_refuses_writes() {
    let Some(url) = database() else { return };
    write(&open(&url).await, 1).await.unwrap();
    let reader = PostgresConfig {
        access: Access::ReadOnly,
        ..config(&url)
    };
    let reader = Postgres::connect(reader, &Supervisor::default())
        .await
        .unwrap();
    assert_eq!(ids(&reader).await, [1]);
    let refused = write(&reader, 2).await.unwrap_err();
    assert!(
        matches!(refused, WriteError::Fault(Fault::ReadOnly)),
        "{refused:?}"
    );
    let refused = reader
        .read(|tx| async move { insert(&tx, 2, "through the back door").await })
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ReadError::Fault(Fault::ReadOnly)),
        "{refused:?}"
    );
    let refused = reader.query(INSERT, &[&2_i64, &"again"]).await.unwrap_err();
    assert!(matches!(refused, Fault::ReadOnly), "{refused:?}");
    assert_eq!(ids(&reader).await, [1]);
}

#[tokio::test]
async fn callers_beyond_the_limit_are_refused() {
    let Some(url) = database() else { return };
    let limits = PostgresLimits {
        connections_max: 1,
        waiting_len_max: 1,
        acquire_ms_max: 300,
        ..LIMITS
    };
    let narrow = PostgresConfig {
        limits,
        ..config(&url)
    };
    let db = Postgres::connect(narrow, &Supervisor::default())
        .await
        .unwrap();
    let (begun, has_begun) = oneshot::channel();
    let (free, is_free) = oneshot::channel::<()>();
    let holder = db.read(|_| async move {
        begun.send(()).unwrap();
        is_free.await.unwrap();
        Ok::<_, Fault>(())
    });
    let others = async {
        has_begun.await.unwrap();
        // The first waits in vain; the second finds no place to wait and comes back while the first waits.
        let waiting = db.query("SELECT 1", &[]);
        let refused = async { db.query("SELECT 1", &[]).await.map(|_| db.health().waiting) };
        let (waited, refused) = futures::join!(waiting, async {
            let result = refused.await;
            assert_eq!(db.health().waiting, 1);
            result
        });
        for fault in [waited.unwrap_err(), refused.unwrap_err()] {
            assert!(matches!(fault, Fault::Overloaded), "{fault:?}");
            assert_eq!(fault.code(), Code::Overloaded);
        }
        free.send(()).unwrap();
    };
    let (held, ()) = futures::join!(holder, others);
    held.unwrap();
    db.query("SELECT 1", &[]).await.unwrap();
    assert_eq!((db.health().waiting, db.health().busy), (0, 0));
}
