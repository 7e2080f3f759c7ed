//! SIGKILL in the middle of writing: what was acknowledged is there, the chain verifies, and writing goes on.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chain::{
    Action, AgentPubKey, Envelope, KeySigner, Rules, SignError, Signature, Signer, Verifier, record,
};
use conductor::{Conductor as _, Custody, Embedded, Limits};

use crate::{cell, host, note, open, request, signer};

/// Names the folder to a copy of this program that is to be killed.
const VICTIM: &str = "CONDUCTOR_TEST_VICTIM";
/// Names it to a copy that kills itself while it signs.
const SUICIDE: &str = "CONDUCTOR_TEST_SUICIDE";

/// Cells that write at the same time.
const CELLS: u8 = 4;
/// Writes in one batch.
const BATCH: usize = 5;
/// Acknowledged batches before the kill.
const BATCHES_MIN: usize = 40;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// Starts this program again with one test and a folder.
fn child(test: &str, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(name, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[test]
fn acknowledged_batches_survive_a_kill() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        write_for_ever(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut told: BTreeMap<(u8, u32), String> = BTreeMap::new();
    for round in 0..4 {
        let mut child = child(
            "crash::acknowledged_batches_survive_a_kill",
            VICTIM,
            folder.path(),
        )
        .spawn()
        .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut batches = 0;
        while batches < BATCHES_MIN + round {
            let line = lines
                .next()
                .expect("the child writes until it is killed")
                .unwrap();
            batches += usize::from(take_line(&mut told, &line));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            take_line(&mut told, &line);
        }
        runtime().block_on(check_and_continue(folder.path(), &told));
    }
    assert!(told.len() >= 4 * BATCHES_MIN * BATCH);
}

/// Notes an acknowledged batch: `batch <cell> <first seq> <texts…> .`; a line that was cut off is none.
fn take_line(told: &mut BTreeMap<(u8, u32), String>, line: &str) -> bool {
    let Some(rest) = line
        .strip_prefix("batch ")
        .and_then(|rest| rest.strip_suffix(" ."))
    else {
        return false;
    };
    let words: Vec<_> = rest.split(' ').collect();
    let (index, first) = (words[0].parse().unwrap(), words[1].parse::<u32>().unwrap());
    for (seq, text) in (first..).zip(&words[2..]) {
        told.insert((index, seq), (*text).to_owned());
    }
    true
}

async fn check_and_continue(folder: &Path, told: &BTreeMap<(u8, u32), String>) {
    let engine = open(folder, Limits::default());
    for index in 0..CELLS {
        let texts = verified_texts(&engine, index).await;
        for ((_, seq), text) in told.range((index, 0)..=(index, u32::MAX)) {
            assert_eq!(texts.get(seq), Some(text), "cell {index}, place {seq}");
        }
        let whole_batches = texts.len() - texts.values().filter(|text| *text == "again").count();
        assert_eq!(
            whole_batches % BATCH,
            0,
            "a part of a batch is in cell {index}"
        );
        let cell = host(&engine, index).await;
        engine.write(&cell, vec![note("again")]).await.unwrap();
        let after = verified_texts(&engine, index).await;
        assert_eq!(after.values().last().map(String::as_str), Some("again"));
    }
    engine.close().await.unwrap();
}

/// Reads a chain as a stranger would; returns the texts of its notes by place.
async fn verified_texts(engine: &Embedded, index: u8) -> BTreeMap<u32, String> {
    let cell = cell(index);
    let mut verifier =
        Verifier::new(cell.dna.clone(), cell.agent.clone(), Rules::Commonhold).unwrap();
    let mut texts = BTreeMap::new();
    loop {
        let after = verifier.head().map(|head| head.seq);
        let page = engine.chain(&cell, after, 1_000).await.unwrap();
        for record in &page.records {
            verifier.apply(record).unwrap();
            if let Some(envelope) =
                record::present(record).and_then(|entry| Envelope::from_entry(entry).ok())
            {
                let text = String::from_utf8(envelope.body).unwrap();
                texts.insert(record.action().action_seq(), text);
            }
        }
        if page.head.as_ref() == verifier.head() {
            return texts;
        }
    }
}

/// Writes batches into all cells at once and tells each after it was acknowledged.
fn write_for_ever(folder: &Path) -> ! {
    let runtime = runtime();
    let engine = open(folder, Limits::default());
    for index in 0..CELLS {
        runtime.block_on(host(&engine, index));
    }
    std::thread::scope(|scope| {
        for index in 0..CELLS {
            let (engine, handle) = (engine.clone(), runtime.handle().clone());
            std::thread::Builder::new()
                .name("writer".to_owned())
                .spawn_scoped(scope, move || {
                    for round in 0.. {
                        let texts: Vec<_> = (0..BATCH)
                            .map(|place| format!("{index}-{round}-{place}"))
                            .collect();
                        let notes = texts.iter().map(|text| note(text)).collect();
                        let written = handle.block_on(engine.write(&cell(index), notes)).unwrap();
                        let first = written[0].action().action_seq();
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "\nbatch {index} {first} {} .", texts.join(" ")).unwrap();
                        out.flush().unwrap();
                    }
                })
                .unwrap();
        }
    });
    unreachable!("the writers never end");
}

/// A signer that ends its process when it is asked for a certain signature.
struct Suicide {
    inner: Arc<KeySigner>,
    left: AtomicU32,
}

impl Signer for Suicide {
    fn agent(&self) -> &AgentPubKey {
        self.inner.agent()
    }

    fn sign(&self, action: &Action) -> Result<Signature, SignError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            // Nothing is flushed and no destructor runs.
            std::process::abort();
        }
        self.inner.sign(action)
    }
}

/// A signer that remembers what it signed and refuses anything else at the same place, as a vault does.
struct Fence {
    inner: Arc<KeySigner>,
    signed: std::sync::Mutex<BTreeMap<u32, Action>>,
}

impl Signer for Fence {
    fn agent(&self) -> &AgentPubKey {
        self.inner.agent()
    }

    fn sign(&self, action: &Action) -> Result<Signature, SignError> {
        let seq = action.action_seq();
        let mut signed = self.signed.lock().unwrap();
        if signed.get(&seq).is_some_and(|known| known != action) {
            return Err(SignError::Equivocation { seq });
        }
        signed.insert(seq, action.clone());
        self.inner.sign(action)
    }
}

#[test]
fn death_between_staging_and_storing_bricks_nothing() {
    if let Some(folder) = std::env::var_os(SUICIDE) {
        die_while_signing(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let status = child(
        "crash::death_between_staging_and_storing_bricks_nothing",
        SUICIDE,
        folder.path(),
    )
    .status()
    .unwrap();
    assert!(!status.success(), "the child was to die");
    runtime().block_on(async {
        let engine = open(folder.path(), Limits::default());
        let texts = verified_texts(&engine, 1).await;
        assert_eq!(texts.into_values().collect::<Vec<_>>(), ["before"]);
        // Another signature than the one that died would be refused here from now on.
        let fence = Arc::new(Fence {
            inner: signer(1),
            signed: std::sync::Mutex::default(),
        });
        engine
            .provision(request(1, Custody::Signer(fence.clone())))
            .await
            .unwrap();
        let texts = verified_texts(&engine, 1).await;
        let wanted = ["before", "one", "two", "three"];
        assert_eq!(texts.into_values().collect::<Vec<_>>(), wanted);
        engine.write(&cell(1), vec![note("after")]).await.unwrap();
        let texts = verified_texts(&engine, 1).await;
        assert_eq!(texts.len(), 5);
        assert_eq!(fence.signed.lock().unwrap().len(), 4);
    });
}

fn die_while_signing(folder: &Path) -> ! {
    runtime().block_on(async {
        let engine = open(folder, Limits::default());
        // Genesis takes four signatures, the first note one, and the second note of the batch is never signed.
        let signer = Arc::new(Suicide {
            inner: signer(1),
            left: AtomicU32::new(6),
        });
        let hosted = engine
            .provision(request(1, Custody::Signer(signer)))
            .await
            .unwrap();
        engine.set_enabled(&hosted.app_id, true).await.unwrap();
        engine
            .write(&hosted.cell, vec![note("before")])
            .await
            .unwrap();
        let batch = ["one", "two", "three"].map(note).to_vec();
        engine.write(&hosted.cell, batch).await.unwrap();
    });
    unreachable!("the process died before");
}
