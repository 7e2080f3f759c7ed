//! Prints how many records per second the embedded engine writes durably, for one writer and for 64.
//!
//! Each write waits for the disk twice: once for the staged action, once for the signed record. Writers that wait at
//! the same time share both. Beside it stands what the same disk does when one small row is committed at a time.
//!
//! `cargo run --release -p conductor --example write_speed [FOLDER]`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chain::{DnaHash, EntryVisibility, Envelope, KeySigner, Signer as _, Write};
use conductor::{
    AppId, CellId, Conductor as _, Config, Custody, Embedded, Limits, Origin, Provision,
};
use crypto::Keypair;
use db::{Migration, Sqlite};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);
/// Bytes of the body of each record.
const BODY_BYTES: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = match std::env::args_os().nth(1) {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let commits = commit_one_by_one(&folder.path().join("rows.db"))?;
    println!("one small row per commit, nothing else: {commits:8.0} commits/s");
    for writers in [1, 64] {
        let records =
            runtime.block_on(write(&folder.path().join(writers.to_string()), writers, 1))?;
        println!("{writers:2} writers, one record at a time:      {records:8.0} records/s");
    }
    let records = runtime.block_on(write(&folder.path().join("batch"), 1, 100))?;
    println!(" 1 writer, 100 records at a time:      {records:8.0} records/s");
    Ok(())
}

/// The floor: what the disk and SQLite take for one durable commit.
fn commit_one_by_one(path: &Path) -> Result<f64, Box<dyn Error>> {
    let schema = [Migration {
        version: 1,
        name: "rows",
        sql: "CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    }];
    let db = Sqlite::open(path, &schema, db::Limits::default())?;
    let start = Instant::now();
    let mut commits = 0_u32;
    while start.elapsed() < SPAN {
        db.write_blocking(|tx| {
            tx.prepare_cached("INSERT INTO rows (body) VALUES (zeroblob(64))")?
                .execute([])
        })?;
        commits += 1;
    }
    Ok(f64::from(commits) / start.elapsed().as_secs_f64())
}

/// Lets so many cells write at once, batches of this length, and returns records per second.
async fn write(folder: &Path, writers: u8, batch: usize) -> Result<f64, Box<dyn Error>> {
    let config = Config {
        id: "speed".parse()?,
        folder: folder.to_owned(),
        limits: Limits::default(),
    };
    let engine = Embedded::open(config, runtime::Clock::system())?;
    let mut cells = Vec::new();
    for index in 0..writers {
        cells.push(host(&engine, index).await?);
    }
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for cell in cells {
        let engine = engine.clone();
        tasks.spawn(async move {
            let mut records = 0;
            while start.elapsed() < SPAN {
                let notes = (0..batch).map(|_| note(records)).collect();
                records += engine.write(&cell, notes).await?.len();
            }
            Ok::<_, conductor::Fault>(records)
        });
    }
    let mut records = 0;
    while let Some(task) = tasks.join_next().await {
        records += task??;
    }
    let rate = records as f64 / start.elapsed().as_secs_f64();
    engine.close().await?;
    Ok(rate)
}

async fn host(engine: &Embedded, index: u8) -> Result<CellId, Box<dyn Error>> {
    let signer = Arc::new(KeySigner::new(Keypair::from_seed(&[index; 32])));
    let cell = CellId {
        dna: DnaHash::from_raw_32(vec![7; 32]),
        agent: signer.agent().clone(),
    };
    let app_id = AppId::of_agent(&cell.agent);
    let provision = Provision {
        app_id: app_id.clone(),
        cell: cell.clone(),
        origin: Origin::Genesis,
        custody: Custody::Signer(signer),
    };
    engine.provision(provision).await?;
    engine.set_enabled(&app_id, true).await?;
    Ok(cell)
}

fn note(index: usize) -> Write {
    let body = format!("{index:0BODY_BYTES$}").into_bytes();
    Write::Create {
        envelope: Envelope {
            kind: "note".to_owned(),
            version: 1,
            body,
        },
        visibility: EntryVisibility::Public,
    }
}
