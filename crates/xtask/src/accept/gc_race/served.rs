//! The race over HTTP: a steward collects without grace, again and again, while writers put, tag and lease.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::accept::Stage;
use crate::accept::community::{number, text};
use crate::accept::node::{Caller, NodePlan, expect};
use crate::accept::trial::Trial;

/// How many store at the same time.
const WRITERS: u64 = 8;

/// A collection without any grace: what nothing keeps goes at once.
const NOW: &str = r#"{"dry_run": false, "grace_secs": 0, "trash_secs": 0}"#;

/// A blob that the node promised to keep.
#[derive(Clone, Debug)]
struct Promised {
    hash: String,
    bytes: Vec<u8>,
    /// Its name; without one it has a lease.
    tag: Option<String>,
}

/// What one writer did.
#[derive(Debug, Default)]
struct Written {
    promised: Vec<Promised>,
    /// How often a blob without a name was gone before it got one.
    late: u64,
}

/// Runs the race.
pub(super) fn run(stage: &Stage<'_>, trial: &Trial) -> anyhow::Result<String> {
    let blobs = if stage.is_full { 2_000 } else { 120 };
    let plan = NodePlan::new(stage, "served")?;
    let node = plan.start()?;
    let token = plan.token(trial, &node)?;
    let address = node.address();
    // With the first blob there is something to collect in.
    put(&mut Caller::new(address, &token), "/blobs", b"the first")?;
    let (is_over, collections) = (AtomicBool::new(false), AtomicU64::new(0));
    let written = thread::scope(|scope| {
        let collecting = scope.spawn(|| -> anyhow::Result<()> {
            let mut steward = Caller::new(address, &token);
            let now = serde_json::from_str(NOW)?;
            while !is_over.load(Ordering::Relaxed) {
                steward.tell("POST", "/blobs/gc", &now, &[200])?;
                collections.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let token = &token;
        let writing: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || write(&mut Caller::new(address, token), writer, blobs))
            })
            .collect();
        let mut written = Vec::new();
        for writer in writing {
            written.push(writer.join().expect("a writer does not panic"));
        }
        is_over.store(true, Ordering::Relaxed);
        collecting.join().expect("the steward does not panic")?;
        written
            .into_iter()
            .collect::<anyhow::Result<Vec<Written>>>()
    })?;
    let mut steward = Caller::new(address, &token);
    let promised: Vec<Promised> = written
        .iter()
        .flat_map(|one| one.promised.clone())
        .collect();
    for one in &promised {
        let answer = steward.ask("GET", &format!("/blobs/{}", one.hash), &[], &[])?;
        expect(&answer, &[200]).with_context(|| format!("{} was promised", one.hash))?;
        anyhow::ensure!(answer.body == one.bytes, "{} has other bytes", one.hash);
    }
    let gone = forget(&mut steward, &promised)?;
    node.end()?;
    let late: u64 = written.iter().map(|one| one.late).sum();
    let collections = collections.into_inner();
    anyhow::ensure!(collections > 3, "there were only {collections} collections");
    Ok(format!(
        "over HTTP {} blobs of {WRITERS} writers were kept through {collections} collections without grace, {late} \
         without a name went before they got one, and {gone} went after their names did",
        promised.len()
    ))
}

fn write(node: &mut Caller, writer: u64, blobs: u64) -> anyhow::Result<Written> {
    let mut written = Written::default();
    for index in 0..blobs {
        let bytes = bytes(writer, index);
        let hash = hex(&Sha256::digest(&bytes));
        let name = format!("race/{writer}/{index}");
        let tag = match index % 4 {
            0 => {
                put(node, &format!("/blobs?tag={name}"), &bytes)?;
                Some(name)
            }
            1 => {
                put(node, "/blobs?lease_secs=3600", &bytes)?;
                None
            }
            // First without anything that keeps it: it may be gone when it is to be kept.
            2 => {
                put(node, "/blobs", &bytes)?;
                let path = format!("/blobs/tags/{name}");
                let answer = node.tell("PUT", &path, &json!({ "hash": hash }), &[200, 201, 404])?;
                if answer.status() == 404 {
                    written.late += 1;
                    put(node, &format!("/blobs?tag={name}"), &bytes)?;
                }
                Some(name)
            }
            _ => {
                put(node, "/blobs", &bytes)?;
                let asked = json!({ "hashes": [hash] });
                let have = node.tell("POST", "/blobs/have", &asked, &[200])?.json()?;
                let is_there = have.pointer("/have/0").and_then(Value::as_bool);
                let path = format!("/blobs/{hash}/lease");
                let answer = node.tell("PUT", &path, &json!({ "secs": 3600 }), &[200, 404])?;
                if answer.status() == 404 || is_there != Some(true) {
                    written.late += 1;
                }
                if answer.status() == 404 {
                    put(node, "/blobs?lease_secs=3600", &bytes)?;
                }
                None
            }
        };
        written.promised.push(Promised { hash, bytes, tag });
    }
    Ok(written)
}

/// Takes the names away and collects twice: what had only a name goes, what has a lease stays.
fn forget(steward: &mut Caller, promised: &[Promised]) -> anyhow::Result<u64> {
    for one in promised {
        if let Some(tag) = &one.tag {
            let answer = steward.ask("DELETE", &format!("/blobs/tags/{tag}"), &[], &[])?;
            expect(&answer, &[204])?;
        }
    }
    let now = serde_json::from_str(NOW)?;
    for _ in 0..2 {
        steward.tell("POST", "/blobs/gc", &now, &[200])?;
    }
    let (mut gone, mut leased, mut bytes) = (0, 0, 0);
    for one in promised {
        let status = steward
            .ask("GET", &format!("/blobs/{}", one.hash), &[], &[])?
            .status();
        match one.tag {
            Some(_) => {
                anyhow::ensure!(
                    status == 404,
                    "{} has no name and answers {status}",
                    one.hash
                );
                gone += 1;
            }
            None => {
                anyhow::ensure!(
                    status == 200,
                    "{} has a lease and answers {status}",
                    one.hash
                );
                leased += 1;
                bytes += one.bytes.len() as u64;
            }
        }
    }
    let usage = steward.ask("GET", "/blobs/usage", &[], &[])?.json()?;
    let counted = (
        number(&usage, "/live_blobs")?,
        number(&usage, "/live_bytes")?,
    );
    anyhow::ensure!(
        counted == (leased, bytes),
        "{leased} blobs with {bytes} bytes: {usage}"
    );
    anyhow::ensure!(number(&usage, "/trash_blobs")? == 0, "{usage}");
    Ok(gone)
}

fn put(node: &mut Caller, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let fields = [("content-type", "application/octet-stream")];
    let answer = node.ask("PUT", path, &fields, bytes)?;
    expect(&answer, &[200, 201]).with_context(|| format!("PUT {path}"))?;
    let view = answer.json()?;
    anyhow::ensure!(
        text(&view, "/hash")? == hex(&Sha256::digest(bytes)),
        "{view}"
    );
    Ok(())
}

/// Makes bytes that nobody else puts: a few lengths, up to a blob that is a file of its own.
fn bytes(writer: u64, index: u64) -> Vec<u8> {
    let len = match index % 30 {
        7 => 1_100_000,
        3 | 13 | 23 => 70_000,
        _ => 900,
    };
    let seed = format!("{writer}.{index}.");
    seed.bytes().cycle().take(len).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
