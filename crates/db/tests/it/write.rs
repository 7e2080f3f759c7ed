//! Group commit: what shares a transaction, what fails alone, who waits.

use std::sync::mpsc;
use std::thread;

use db::rusqlite::{self, Connection};
use db::{Fault, Limits, Sqlite, WriteError};
use proptest::prelude::*;
use thiserror::Error;

use crate::{SCHEMA, ids, insert, open};

#[derive(Debug, Error)]
enum Rule {
    #[error("not today")]
    NotToday,
    #[error("statement")]
    Statement(#[from] rusqlite::Error),
}

/// Holds the writer inside of a closure until the returned sender is used, so that other writes queue up behind it.
fn hold(db: &Sqlite) -> (mpsc::SyncSender<()>, thread::JoinHandle<()>) {
    let (go, gate) = mpsc::sync_channel(1);
    let (inside, is_inside) = mpsc::sync_channel(1);
    let db = db.clone();
    let holder = thread::Builder::new()
        .name("holder".to_owned())
        .spawn(move || {
            db.write_blocking(move |_| -> Result<(), Rule> {
                inside.send(()).unwrap();
                gate.recv().unwrap();
                Ok(())
            })
            .unwrap();
        })
        .unwrap();
    is_inside.recv().unwrap();
    (go, holder)
}

/// Counts how many transactions have been committed: SQLite's own counter of changes to the file as others see it.
fn data_version(db: &Sqlite) -> i64 {
    db.read_blocking(|tx| tx.query_row("PRAGMA data_version", [], |row| row.get(0)))
        .unwrap()
}

#[tokio::test]
async fn failing_write_is_undone_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("test.db"));
    let (go, holder) = hold(&db);
    let good = db.write(|tx| insert(tx, 1, b"good"));
    let bad = db.write(|tx| -> Result<(), Rule> {
        insert(tx, 2, b"bad")?;
        Err(Rule::NotToday)
    });
    let twice = db.write(|tx| -> Result<(), Rule> { Ok(insert(tx, 1, b"twice")?) });
    let last = db.write(|tx| insert(tx, 3, b"last"));
    let all = async { tokio::join!(good, bad, twice, last) };
    let release = async { go.send(()).unwrap() };
    let ((good, bad, twice, last), ()) = tokio::join!(all, release);
    good.unwrap();
    last.unwrap();
    assert!(matches!(bad, Err(WriteError::Refused(Rule::NotToday))));
    assert!(matches!(
        twice,
        Err(WriteError::Refused(Rule::Statement(_)))
    ));
    holder.join().unwrap();
    let db_ids = tokio::task::spawn_blocking(move || ids(&db)).await.unwrap();
    assert_eq!(db_ids, [1, 3]);
}

#[tokio::test]
async fn waiting_writes_share_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    // One reader, because SQLite's counter belongs to a connection.
    let limits = Limits {
        readers: 1,
        ..Limits::default()
    };
    let db = Sqlite::open(folder.path().join("test.db"), SCHEMA, limits).unwrap();
    let version = || {
        let db = db.clone();
        tokio::task::spawn_blocking(move || data_version(&db))
    };
    let before = version().await.unwrap();
    let (go, holder) = hold(&db);
    let writes = (0..100).map(|id| db.write(move |tx| insert(tx, id, b"row")));
    let writes = join_all(writes);
    let release = async { go.send(()).unwrap() };
    let (results, ()) = tokio::join!(writes, release);
    assert!(results.into_iter().all(|result| result.is_ok()));
    holder.join().unwrap();
    assert_eq!(version().await.unwrap(), before + 1);
}

/// Polls all futures together, in order, without another crate.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (slot, result) in waiting.iter_mut().zip(&mut done) {
            if let Some(future) = slot
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *result = Some(output);
                *slot = None;
            }
        }
        if waiting.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn full_queue_makes_callers_wait_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        queue_len_max: 2,
        batch_len_max: 3,
        ..Limits::default()
    };
    let db = Sqlite::open(folder.path().join("test.db"), SCHEMA, limits).unwrap();
    let writes = (0..50).map(|id| db.write(move |tx| insert(tx, id, b"row")));
    assert!(
        join_all(writes)
            .await
            .into_iter()
            .all(|result| result.is_ok())
    );
    let found = tokio::task::spawn_blocking(move || ids(&db)).await.unwrap();
    assert_eq!(found, (0..50).collect::<Vec<_>>());
}

#[test]
fn panic_goes_on_in_the_caller_and_the_writer_lives() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("test.db"));
    let caught = std::panic::catch_unwind(|| {
        db.write_blocking(|tx: &Connection| -> rusqlite::Result<()> {
            insert(tx, 1, b"one")?;
            panic!("in a closure");
        })
    });
    assert!(caught.is_err());
    db.write_blocking(|tx| insert(tx, 2, b"two")).unwrap();
    let caught = std::panic::catch_unwind(|| {
        db.read_blocking(|_| -> rusqlite::Result<()> { panic!("in a closure") })
    });
    assert!(caught.is_err());
    assert_eq!(ids(&db), [2]);
}

#[test]
fn closure_that_ends_the_transaction_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("test.db"));
    let result = db.write_blocking(|tx| {
        insert(tx, 1, b"one")?;
        tx.execute_batch("ROLLBACK")
    });
    assert!(matches!(
        result,
        Err(WriteError::Fault(Fault::TransactionEnded))
    ));
    db.write_blocking(|tx| insert(tx, 2, b"two")).unwrap();
    assert_eq!(ids(&db), [2]);
}

#[test]
fn reader_cannot_write_and_sees_one_state() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("test.db"));
    let writer = db.clone();
    let (before, after) = db
        .read_blocking(move |tx| -> rusqlite::Result<(i64, i64)> {
            let count =
                |tx: &Connection| tx.query_row("SELECT count(*) FROM rows", [], |row| row.get(0));
            assert!(insert(tx, 9, b"nine").is_err());
            let before = count(tx)?;
            writer.write_blocking(|tx| insert(tx, 1, b"one")).unwrap();
            Ok((before, count(tx)?))
        })
        .unwrap();
    assert_eq!((before, after), (0, 0));
    assert_eq!(ids(&db), [1]);
}

#[test]
fn foreign_keys_hold() {
    let folder = tempfile::tempdir().unwrap();
    let schema = [db::Migration {
        version: 1,
        name: "two tables",
        sql: "CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT;
              CREATE TABLE children (id INTEGER PRIMARY KEY REFERENCES parents (id)) STRICT",
    }];
    let db = Sqlite::open(folder.path().join("test.db"), &schema, Limits::default()).unwrap();
    let orphan = db.write_blocking(|tx| tx.execute("INSERT INTO children VALUES (1)", []));
    assert!(matches!(orphan, Err(WriteError::Refused(_))));
}

#[test]
fn last_handle_may_go_inside_of_a_closure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = open(&path);
    let (go, gate) = mpsc::sync_channel::<()>(1);
    let (dropped, was_dropped) = mpsc::sync_channel(1);
    let inner = db.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let write = db.write(move |_| -> rusqlite::Result<()> {
            gate.recv().unwrap();
            drop(inner);
            dropped.send(()).unwrap();
            Ok(())
        });
        let mut write = Box::pin(write);
        std::future::poll_fn(|context| {
            assert!(write.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    });
    let outer = thread::Builder::new()
        .name("outer".to_owned())
        .spawn(move || drop(db))
        .unwrap();
    go.send(()).unwrap();
    was_dropped.recv().unwrap();
    outer.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against the plainest reference: a list of what succeeded.
    #[test]
    fn queue_ends_where_one_by_one_would_end(
        steps in prop::collection::vec((0_i64..20, any::<bool>()), 1..60),
        batch_len_max in 1_usize..8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { batch_len_max, ..Limits::default() };
        let db = Sqlite::open(folder.path().join("test.db"), SCHEMA, limits).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let results = runtime.block_on(join_all(steps.iter().copied().map(|(id, is_refused)| {
            db.write(move |tx| -> Result<(), Rule> {
                insert(tx, id, b"row")?;
                if is_refused { Err(Rule::NotToday) } else { Ok(()) }
            })
        })));
        let mut reference = std::collections::BTreeSet::new();
        for ((id, is_refused), result) in steps.into_iter().zip(results) {
            let is_done = !is_refused && reference.insert(id);
            prop_assert_eq!(result.is_ok(), is_done);
        }
        prop_assert_eq!(ids(&db), reference.into_iter().collect::<Vec<_>>());
    }
}
