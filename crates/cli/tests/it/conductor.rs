//! A conductor in a process of its own: how it starts and stops, what keeps it from starting, and SIGKILL.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chain::{EntryVisibility, Envelope, KeySigner, Signer as _, Write};
use conductor::remote::{Remote, RemoteConfig, RemoteLimits};
use conductor::{AppId, CellId, Conductor as _, Custody, Origin, Provision};
use crypto::Keypair;
use runtime::{Clock, Supervisor};
use testkit::Process;

use crate::home::{Home, block_on};

/// How long a process may take to start or to end.
const DEADLINE: Duration = Duration::from_secs(30);

/// Starts a conductor; returns it and where its admin socket is.
fn start(home: &Home, listen: &str) -> (Process, SocketAddr) {
    let mut process = home.spawn(home.command(&["conductor", "--admin-listen", listen]));
    let start = "Chains are hosted. Admin socket: ws://";
    let line = process
        .wait_for_line(DEADLINE, |line| line.starts_with(start))
        .unwrap();
    (process, line[start.len()..].parse().unwrap())
}

fn stop(mut process: Process) {
    process.terminate().unwrap();
    let status = process.wait(DEADLINE).unwrap();
    assert!(status.success(), "{}", process.stderr());
    let said = process.stdout();
    assert!(said.contains("Everything is on disk"), "{said}");
}

fn dial(address: SocketAddr, supervisor: &Supervisor) -> Arc<Remote> {
    let config = RemoteConfig {
        id: "other".parse().unwrap(),
        address: address.to_string(),
        network_seed: "test".to_owned(),
        bundle: include_bytes!("../../../../zomes/commonhold.happ")
            .as_slice()
            .into(),
        limits: RemoteLimits::default(),
    };
    Remote::open(config, Clock::system(), supervisor.group("remote"))
}

fn provision() -> Provision {
    let signer = Arc::new(KeySigner::new(Keypair::from_seed(&[5; 32])));
    let agent = signer.agent().clone();
    Provision {
        app_id: AppId::of_agent(&agent),
        cell: CellId {
            dna: chain::dna::hash_for("test"),
            agent,
        },
        origin: Origin::Genesis,
        custody: Custody::Signer(signer),
    }
}

fn note(text: &str) -> Write {
    Write::Create {
        envelope: Envelope::new("note", 1, text.as_bytes().to_vec()).unwrap(),
        visibility: EntryVisibility::Public,
    }
}

#[test]
fn it_hosts_stops_when_told_and_forgets_nothing_when_killed() {
    let home = Home::new();
    let request = provision();
    let (mut process, address) = start(&home, "127.0.0.1:0");
    let first = block_on(async {
        let supervisor = Supervisor::default();
        let remote = dial(address, &supervisor);
        remote.provision(request.clone()).await.unwrap();
        remote.set_enabled(&request.app_id, true).await.unwrap();
        let written = remote
            .write(&request.cell, vec![note("one"), note("two")])
            .await;
        remote.close();
        written.unwrap()
    });
    process.kill().unwrap();
    let (process, address) = start(&home, "127.0.0.1:0");
    block_on(async {
        let supervisor = Supervisor::default();
        let remote = dial(address, &supervisor);
        remote.provision(request.clone()).await.unwrap();
        remote
            .write(&request.cell, vec![note("three")])
            .await
            .unwrap();
        let page = remote.chain(&request.cell, None, 100).await.unwrap();
        assert_eq!(page.records.len(), 7);
        assert_eq!(page.records[4..6], first);
        remote.close();
    });
    stop(process);
}

#[test]
fn one_folder_has_one_conductor_and_a_taken_port_is_named() {
    let home = Home::new();
    let (process, address) = start(&home, "127.0.0.1:0");
    let second = home.run(&["conductor", "--admin-listen", "127.0.0.1:0"]);
    second.refused(2, "CH-0404");
    let other = Home::new();
    let taken = other.run(&["conductor", "--admin-listen", &address.to_string()]);
    let taken = taken.refused(2, "CH-0601");
    let holder = format!("by commonhold (process {})", process.id());
    assert!(taken.stderr.contains(&holder), "{}", taken.stderr);
    stop(process);
}

#[test]
fn admin_socket_listens_on_this_machine_alone() {
    let home = Home::new();
    let refused = home.run(&["conductor", "--admin-listen", "0.0.0.0:0"]);
    let refused = refused.refused(1, "CH-0602");
    assert!(refused.stderr.contains("no password"), "{}", refused.stderr);
    assert!(!home.at("home/conductor").exists(), "nothing was made");
}
