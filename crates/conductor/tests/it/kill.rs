//! SIGKILL of a conductor in a process of its own, while four members write through its sockets and their keys stay
//! outside: what was acknowledged is there, no place has two records, and writing goes on.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use chain::{
    Action, AgentPubKey, KeySigner, Record, Rules, SignError, Signature, Signer, Verifier,
};
use conductor::remote::{Remote, RemoteLimits};
use conductor::server::SocketLimits;
use conductor::{Conductor as _, Custody, Fault, Provision};
use runtime::{Clock, Supervisor};

use crate::remote::{dial, serve_at, wanted};
use crate::{note, signer};

/// Names the folder and the port to a copy of this program that is to be killed.
const VICTIM: &str = "CONDUCTOR_TEST_SOCKETS";

/// Members that write at the same time.
const MEMBERS: u8 = 4;
/// Kills.
const ROUNDS: usize = 4;
/// Acknowledged batches between two kills.
const BATCHES: usize = 40;

/// A signer that remembers what it signed and refuses anything else at the same place, as a vault does.
struct Fence {
    inner: Arc<KeySigner>,
    signed: Mutex<BTreeMap<u32, Action>>,
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

/// Starts this program again as a conductor; returns it and where it is.
fn start(folder: &Path, port: u16) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::acknowledged_writes_survive_kills",
            "--nocapture",
        ])
        .env(VICTIM, format!("{port} {}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("admin ")?.parse().ok());
    (child, address.expect("the conductor says where it is"))
}

/// Serves until it is killed.
fn serve_for_ever(wish: &str) -> ! {
    let (port, folder) = wish.split_once(' ').unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (clock, supervisor) = (Clock::system(), Supervisor::default());
        let limits = SocketLimits::default();
        let port = port.parse().unwrap();
        let (_engine, server) =
            serve_at(Path::new(folder), &clock, limits, &supervisor, port).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nadmin {}", server.admin_address()).unwrap();
        out.flush().unwrap();
        drop(out);
        std::future::pending::<()>().await;
    });
    unreachable!("it waits for its end");
}

/// Writes batches until so many were acknowledged; what was not is tried again, as a new write.
async fn write_some(remote: &Remote, request: &Provision, count: usize) -> Vec<Record> {
    let mut told = Vec::new();
    let mut batches = 0;
    while batches < count {
        let batch = vec![note("one"), note("two"), note("three")];
        match remote.write(&request.cell, batch).await {
            Ok(records) => {
                told.extend(records);
                batches += 1;
            }
            Err(
                Fault::Unreachable { .. }
                | Fault::Lost { .. }
                | Fault::NoSigner(_)
                | Fault::Pending { .. },
            ) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    told
}

/// Reads a chain as a stranger would.
async fn verified(remote: &Remote, request: &Provision) -> Vec<Record> {
    let cell = &request.cell;
    let mut verifier =
        Verifier::new(cell.dna.clone(), cell.agent.clone(), Rules::Commonhold).unwrap();
    let mut records = Vec::new();
    loop {
        let after = verifier.head().map(|head| head.seq);
        let page = remote.chain(cell, after, 1_000).await.unwrap();
        for record in &page.records {
            verifier.apply(record).unwrap();
        }
        records.extend(page.records);
        if page.head.as_ref() == verifier.head() {
            return records;
        }
    }
}

#[test]
fn acknowledged_writes_survive_kills() {
    if let Ok(wish) = std::env::var(VICTIM) {
        serve_for_ever(&wish);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(kill_and_check());
}

async fn kill_and_check() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = start(folder.path(), 0);
    let (clock, supervisor) = (Clock::system(), Supervisor::default());
    let limits = RemoteLimits {
        // Nothing here is wrong with the conductor but that it is killed.
        failures_max: u32::MAX,
        ..RemoteLimits::default()
    };
    let remote = dial(address, &clock, limits, &supervisor);
    let mut members = Vec::new();
    for index in 1..=MEMBERS {
        let fence = Arc::new(Fence {
            inner: signer(index),
            signed: Mutex::default(),
        });
        let request = wanted(index, Custody::Signer(fence.clone()));
        remote.provision(request.clone()).await.unwrap();
        remote.set_enabled(&request.app_id, true).await.unwrap();
        members.push((request, fence, Vec::new()));
    }
    for _ in 0..ROUNDS {
        let writing = members
            .iter()
            .map(|(request, _, _)| write_some(&remote, request, BATCHES / usize::from(MEMBERS)));
        let told = futures::future::join_all(writing).await;
        for ((_, _, all), told) in members.iter_mut().zip(told) {
            all.extend(told);
        }
        // Writes are under way when it dies.
        let writing = members
            .iter()
            .map(|(request, _, _)| write_some(&remote, request, 3));
        let mut under_way = Box::pin(futures::future::join_all(writing));
        assert!(futures::poll!(under_way.as_mut()).is_pending());
        child.kill().unwrap();
        child.wait().unwrap();
        let (path, port) = (folder.path().to_owned(), address.port());
        let started = tokio::task::spawn_blocking(move || start(&path, port));
        let (told, started) = tokio::join!(under_way, started);
        child = started.unwrap().0;
        for ((_, _, all), told) in members.iter_mut().zip(told) {
            all.extend(told);
        }
    }
    for (request, fence, told) in &members {
        let chain = verified(&remote, request).await;
        for record in told {
            let seq = record.action().action_seq() as usize;
            assert_eq!(&chain[seq], record, "an acknowledged record is another");
        }
        let signed = fence.signed.lock().unwrap();
        assert_eq!(
            signed.len(),
            chain.len(),
            "something was signed and is not there"
        );
    }
    println!(
        "{} records were acknowledged",
        members.iter().map(|each| each.2.len()).sum::<usize>()
    );
    remote.close();
    child.kill().unwrap();
    child.wait().unwrap();
}
