//! Every bound of the engine, on both sides of its edge, and what the engine does to damaged rows.

use base::Code;
use conductor::{Conductor as _, Custody, Fault, Limits, Nudge, OpenError, Remnant};

use crate::{cell, host, note, open, request};

#[tokio::test]
async fn capacity_counts_cells() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        cells_len_max: 2,
        ..Limits::default()
    };
    let engine = open(folder.path(), limits);
    host(&engine, 1).await;
    host(&engine, 2).await;
    let third = engine.provision(request(3, Custody::External)).await;
    assert!(
        matches!(third, Err(Fault::Capacity { limit: 2 })),
        "{third:?}"
    );
    host(&engine, 2).await;
    engine
        .retire(&request(1, Custody::External).app_id)
        .await
        .unwrap();
    host(&engine, 3).await;
}

#[tokio::test]
async fn batches_and_pages_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        batch_len_max: 3,
        page_len_max: 4,
        ..Limits::default()
    };
    let engine = open(folder.path(), limits);
    let cell = host(&engine, 1).await;
    let notes = |count| (0..count).map(|_| note("x")).collect();
    engine.write(&cell, notes(3)).await.unwrap();
    let four = engine.write(&cell, notes(4)).await;
    assert!(matches!(four, Err(Fault::TooMany { limit: 3 })), "{four:?}");
    let page = engine.chain(&cell, None, 1_000).await.unwrap();
    assert_eq!(page.records.len(), 4);
    let again = engine.append(&cell, page.records).await;
    assert!(
        matches!(again, Err(Fault::TooMany { limit: 3 })),
        "{again:?}"
    );
    let page = engine.chain(&cell, Some(3), 1_000).await.unwrap();
    assert_eq!(page.records.len(), 3);
    engine.append(&cell, page.records).await.unwrap();
}

#[tokio::test]
async fn page_ends_when_it_is_heavy() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        page_bytes_max: 10_000,
        ..Limits::default()
    };
    let engine = open(folder.path(), limits);
    let cell = host(&engine, 1).await;
    let heavy = "x".repeat(6_000);
    engine
        .write(&cell, (0..6).map(|_| note(&heavy)).collect())
        .await
        .unwrap();
    let page = engine.chain(&cell, Some(3), 100).await.unwrap();
    assert_eq!(page.records.len(), 2);
    assert_eq!(page.head.unwrap().seq, 9);
}

#[tokio::test]
async fn slow_reader_of_nudges_misses_some_and_still_reads_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        nudges_len_max: 2,
        ..Limits::default()
    };
    let engine = open(folder.path(), limits);
    let cell = host(&engine, 1).await;
    let mut nudges = engine.nudges();
    for _ in 0..5 {
        engine.write(&cell, vec![note("x")]).await.unwrap();
    }
    let lagged = nudges.recv().await.unwrap_err();
    assert_eq!(lagged, tokio::sync::broadcast::error::RecvError::Lagged(3));
    let next = nudges.recv().await.unwrap();
    let wanted = Nudge {
        cell: cell.clone(),
        seq: 7,
    };
    assert_eq!(next, wanted);
    let page = engine.chain(&cell, Some(3), 100).await.unwrap();
    assert_eq!(page.records.len(), 5);
}

#[tokio::test]
async fn second_engine_on_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), Limits::default());
    let config = conductor::Config {
        id: "second".parse().unwrap(),
        folder: folder.path().to_owned(),
        limits: Limits::default(),
    };
    let clock = runtime::Clock::system();
    let error = conductor::Embedded::open(config, clock).err().unwrap();
    assert_eq!(error.code(), Code::FolderInUse);
    assert!(matches!(error, OpenError::Store(_)));
    engine.close().await.unwrap();
    drop(open(folder.path(), Limits::default()));
}

/// Changes the database behind the engine's back.
fn tamper(folder: &std::path::Path, sql: &str) {
    let db = db::rusqlite::Connection::open(folder.join("conductor.db")).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "nothing to change");
}

#[tokio::test]
async fn damaged_rows_are_named_and_never_served() {
    let cases = [
        ("UPDATE records SET action = x'00' WHERE seq = 5", 5),
        (
            "UPDATE records SET action_hash = zeroblob(39) WHERE seq = 5",
            5,
        ),
        ("DELETE FROM records WHERE seq = 5", 5),
        ("UPDATE entries SET entry = x'c0' WHERE seq = 6", 6),
        (
            "UPDATE entries SET entry = (SELECT other.entry FROM entries AS other WHERE other.seq = 5) WHERE seq = 6",
            6,
        ),
        (
            "UPDATE records SET action = (SELECT other.action FROM records AS other WHERE other.seq = 4) WHERE seq = 6",
            6,
        ),
    ];
    for (sql, damaged) in cases {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path(), Limits::default());
        let cell = host(&engine, 1).await;
        let notes = ["four", "five", "six", "seven"].map(note).to_vec();
        engine.write(&cell, notes).await.unwrap();
        engine.close().await.unwrap();
        tamper(folder.path(), sql);
        let engine = open(folder.path(), Limits::default());
        let page = engine.chain(&cell, None, 100).await;
        let Err(Fault::Damaged { seq }) = page else {
            panic!("{sql}: {page:?}");
        };
        assert_eq!(seq, damaged, "{sql}");
        let before = engine.chain(&cell, None, damaged).await.unwrap();
        assert_eq!(before.records.len(), damaged as usize, "{sql}");
    }
}

#[tokio::test]
async fn damaged_head_stops_writing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), Limits::default());
    let cell = host(&engine, 1).await;
    engine.write(&cell, vec![note("four")]).await.unwrap();
    engine.close().await.unwrap();
    tamper(
        folder.path(),
        "UPDATE records SET action = x'00' WHERE seq = 4",
    );
    let engine = open(folder.path(), Limits::default());
    let taken_up = engine
        .provision(request(1, Custody::Signer(crate::signer(1))))
        .await;
    assert!(
        matches!(taken_up, Err(Fault::Damaged { seq: 4 })),
        "{taken_up:?}"
    );
    let written = engine.write(&cell, vec![note("five")]).await;
    assert!(
        matches!(written, Err(Fault::Damaged { seq: 4 })),
        "{written:?}"
    );
}

#[tokio::test]
async fn retired_text_is_gone_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), Limits::default());
    let gone = host(&engine, 1).await;
    let kept = host(&engine, 2).await;
    // Longer than a page, so that a part of it lies outside of the table's own pages.
    let secret = "the text that has to go ".repeat(1_000);
    engine.write(&gone, vec![note(&secret)]).await.unwrap();
    engine
        .write(&kept, vec![note("the text that stays")])
        .await
        .unwrap();
    let erasure = engine
        .retire(&request(1, Custody::External).app_id)
        .await
        .unwrap();
    assert_eq!(erasure.remains, [Remnant::Copies]);
    let mut found = Vec::new();
    for file in ["conductor.db", "conductor.db-wal"] {
        if let Ok(bytes) = std::fs::read(folder.path().join(file)) {
            found.extend(bytes);
        }
    }
    let holds = |text: &str| {
        found
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds("the text that stays"));
    assert!(!holds("that has to go"));
    assert!(engine.chain(&cell(1), None, 1).await.is_err());
}
