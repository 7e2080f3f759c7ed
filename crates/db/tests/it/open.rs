//! Opening: migrations, versions, the lock, damaged files, permissions.

use std::os::unix::fs::PermissionsExt as _;

use base::Code;
use db::{Fault, Limits, Migration, OpenError, Sqlite, WriteError};

use crate::{SCHEMA, ids, insert, open};

#[test]
fn rows_survive_closing_and_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/test.db");
    let db = open(&path);
    assert_eq!(db.schema_version(), 1);
    db.write_blocking(|tx| insert(tx, 7, b"seven")).unwrap();
    drop(db);
    assert_eq!(ids(&open(&path)), [7]);
}

#[test]
fn closing_empties_the_log_and_frees_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let db = open(&path);
        let other = db.clone();
        db.write(|tx| insert(tx, 1, b"one")).await.unwrap();
        db.close().await.unwrap();
        db.close().await.unwrap();
        assert!(!folder.path().join("test.db-wal").exists());

        let write = other.write(|tx| insert(tx, 2, b"two")).await;
        assert!(matches!(write, Err(WriteError::Fault(Fault::Closed))));
        let again = open(&path);
        again.write(|tx| insert(tx, 3, b"three")).await.unwrap();
        again.close().await.unwrap();
    });
    assert_eq!(ids(&open(&path)), [1, 3]);
}

#[test]
fn second_opener_is_refused_and_told_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let first = open(&path);
    let error = Sqlite::open(&path, SCHEMA, Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::FolderInUse);
    let OpenError::FolderInUse { holder, .. } = error else {
        panic!("another error: {error}");
    };
    assert_eq!(holder, Some(std::process::id()));
    drop(first);
    drop(open(&path));
}

#[test]
fn newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let newer = [
        SCHEMA[0],
        Migration {
            version: 2,
            name: "more",
            sql: "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT",
        },
    ];
    let db = Sqlite::open(&path, &newer, Limits::default()).unwrap();
    assert_eq!(db.schema_version(), 2);
    drop(db);
    let error = Sqlite::open(&path, SCHEMA, Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::StoreNewer);
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1 }));
    drop(Sqlite::open(&path, &newer, Limits::default()).unwrap());
}

#[test]
fn edited_migration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    drop(open(&path));
    let edited = [Migration {
        sql: "CREATE TABLE rows (id INTEGER PRIMARY KEY) STRICT",
        ..SCHEMA[0]
    }];
    let error = Sqlite::open(&path, &edited, Limits::default()).unwrap_err();
    assert!(
        matches!(error, OpenError::Edited { version: 1, .. }),
        "{error}"
    );
    let renamed = [Migration {
        name: "the same rows",
        ..SCHEMA[0]
    }];
    drop(Sqlite::open(&path, &renamed, Limits::default()).unwrap());
}

#[test]
fn failed_migration_leaves_the_version_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let broken = [
        SCHEMA[0],
        Migration {
            version: 2,
            name: "broken",
            sql: "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE rows (id INTEGER) STRICT",
        },
    ];
    let error = Sqlite::open(&path, &broken, Limits::default()).unwrap_err();
    assert!(
        matches!(error, OpenError::Migrate { version: 2, .. }),
        "{error}"
    );
    let db = open(&path);
    let has_half = db.read_blocking(|tx| tx.prepare("SELECT 1 FROM half").map(|_| ()));
    assert!(has_half.is_err());
}

#[test]
fn migrations_out_of_order_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let gap = [Migration {
        version: 2,
        ..SCHEMA[0]
    }];
    let error = Sqlite::open(folder.path().join("test.db"), &gap, Limits::default()).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Numbering {
            wanted: 1,
            found: 2
        }
    ));
}

#[test]
fn file_that_is_no_database_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    std::fs::write(&path, vec![b'x'; 8_192]).unwrap();
    let error = Sqlite::open(&path, SCHEMA, Limits::default()).unwrap_err();
    let OpenError::Open { source, .. } = &error else {
        panic!("another error: {error}");
    };
    assert!(matches!(source, Fault::Corrupt(_)), "{source:?}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 8_192]);
}

#[test]
fn damaged_page_is_told_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = open(&path);
    for id in 0..200 {
        db.write_blocking(move |tx| insert(tx, id, &[7; 500]))
            .unwrap();
    }
    drop(db);
    let mut bytes = std::fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4_096).skip(4) {
        page[..64].fill(0xff);
    }
    std::fs::write(&path, bytes).unwrap();
    let db = open(&path);
    let read = db.read_blocking(|tx| -> db::rusqlite::Result<i64> {
        tx.query_row("SELECT sum(length(body)) FROM rows", [], |row| row.get(0))
    });
    assert!(
        matches!(read, Err(db::ReadError::Fault(Fault::Corrupt(_)))),
        "{read:?}"
    );
}

#[test]
fn files_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/test.db");
    let db = open(&path);
    db.write_blocking(|tx| insert(tx, 1, b"one")).unwrap();
    for (name, mode) in [
        ("new", 0o700),
        ("new/test.db", 0o600),
        ("new/test.db-wal", 0o600),
        ("new/test.db.lock", 0o600),
    ] {
        let found = std::fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, mode, "{name}");
    }
}
