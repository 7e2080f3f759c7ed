//! The socket: who may connect, what is refused, and many who write at once.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use base::{Code, Timestamp};
use chain::{Action, Author, DnaHash, KeyCommitment, SignError, Signer as _, agent_of, record};
use crypto::PublicKey;
use disk::RealDisk;
use runtime::{Blocking, Clock, Shutdown, Supervisor};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use vault::core::fence::RawAgent;
use vault::core::slots::SlotKind;
use vault::socket::{ACTIONS_MAX, Admitted, Call, Limits, Remote, Reply, serve};
use vault::{Config, HostedSigner, NewSlot, Secret, ServerKey, Vault};

/// A vault that is served; it ends when it is dropped.
struct Served {
    runtime: Option<Runtime>,
    shutdown: Shutdown,
    socket: PathBuf,
    vault: Vault,
    _folder: TempDir,
}

impl Served {
    fn new(limits: Limits, admitted: Admitted) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = RealDisk::open(folder.path()).expect("it opens");
        let server = ServerKey::new(Secret::new([3; 32]));
        let vault = Vault::open(&Config::new(Arc::new(disk)), server).expect("it opens");
        let socket = folder.path().join("vault.sock");
        let runtime = Runtime::new().expect("a runtime");
        let supervisor = Supervisor::default();
        let shutdown = supervisor.shutdown();
        let listener = runtime.block_on(async { UnixListener::bind(&socket).expect("it is free") });
        let serving = serve(
            vault.clone(),
            listener,
            admitted,
            (Clock::system(), limits),
            supervisor.group("connections"),
            supervisor.shutdown(),
        );
        runtime.spawn(serving);
        Self {
            runtime: Some(runtime),
            shutdown,
            socket,
            vault,
            _folder: folder,
        }
    }

    fn remote(&self) -> Remote {
        Remote::new(&self.socket)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.request();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn served() -> Served {
    Served::new(Limits::default(), Admitted::with(&[]))
}

fn slot(kind: SlotKind, key: u8) -> NewSlot {
    NewSlot {
        kind,
        hint: vec![key],
        key: Secret::new([key; 32]),
    }
}

fn enroll(remote: &Remote) -> RawAgent {
    let call = Call::Enroll {
        next: KeyCommitment::of(&[5; 32]),
        slots: vec![slot(SlotKind::Passkey, 7), slot(SlotKind::Paper, 8)],
    };
    match remote.call(&call).expect("it is kept") {
        Reply::Enrolled(enrolled) => enrolled.agent,
        _ => panic!("another answer"),
    }
}

fn unlock(remote: &Remote, agent: RawAgent, key: u8) -> Result<Reply, base::Problem> {
    remote.call(&Call::Unlock {
        agent,
        slot: 1,
        key: Secret::new([key; 32]),
    })
}

/// Drafts as many actions of a chain, genesis included.
fn actions(agent: RawAgent, count: usize) -> Vec<Action> {
    let mut author = Author::new(agent_of(agent), None);
    let dna = DnaHash::from_raw_32(vec![9; 32]);
    let mut drafts = author.genesis(&dna, Timestamp(1));
    while drafts.len() < count {
        let envelope = chain::Envelope::new("note", 1, vec![1]).expect("an envelope");
        drafts.push(author.write(
            Timestamp(2),
            chain::Write::Create {
                envelope,
                visibility: chain::EntryVisibility::Public,
            },
        ));
    }
    drafts.into_iter().map(|draft| draft.action).collect()
}

#[test]
fn a_key_is_made_unlocked_used_locked_and_forgotten_over_the_socket() {
    let served = served();
    let remote = served.remote();
    let agent = enroll(&remote);
    let signer = HostedSigner::outside(remote.clone(), Blocking::new(2), agent, 1);
    let actions = actions(agent, 2 * ACTIONS_MAX + 3);
    let locked = signer.sign(&actions[0]);
    assert!(matches!(locked, Err(SignError::Unavailable(_))));
    let wrong = unlock(&remote, agent, 9).map(|_| ());
    assert_eq!(
        wrong.map_err(|problem| problem.code),
        Err(Code::DoesNotUnlock)
    );
    assert!(matches!(unlock(&remote, agent, 7), Ok(Reply::Done)));
    let runtime = served.runtime.as_ref().expect("it runs");
    let signed = runtime.block_on(signer.sign_all(&actions));
    assert_eq!(signed.end, None);
    let key = PublicKey::from_bytes(&agent).expect("a key");
    for (action, signature) in actions.iter().zip(&signed.signatures) {
        let fits = key.verify(&record::action_bytes(action), &signature.0);
        assert_eq!(fits, Ok(()));
        assert_eq!(signer.sign(action).as_ref(), Ok(signature));
    }
    let mut rival = actions[9].clone();
    rival.header.timestamp = holochain_timestamp::Timestamp::from_micros(77);
    assert_eq!(signer.sign(&rival), Err(SignError::Equivocation { seq: 9 }));
    let newer = HostedSigner::outside(remote.clone(), Blocking::new(2), agent, 2);
    let all = newer.sign(&actions[0]);
    assert_eq!(all.as_ref(), Ok(&signed.signatures[0]));
    let page = remote.call(&Call::History {
        agent,
        from: None,
        limit: 1_000,
    });
    let Ok(Reply::History(page)) = page else {
        panic!("another answer");
    };
    assert_eq!(page.signed.len(), actions.len() + 1);
    assert!(matches!(
        remote.call(&Call::Lock(agent)),
        Ok(Reply::Was(true))
    ));
    assert!(matches!(
        signer.sign(&actions[0]),
        Err(SignError::Unavailable(_))
    ));
    assert!(matches!(remote.call(&Call::Retire(agent)), Ok(Reply::Done)));
    let gone = unlock(&remote, agent, 7).map(|_| ());
    assert_eq!(gone.map_err(|problem| problem.code), Err(Code::NotFound));
    let stat = remote.call(&Call::Stat);
    assert!(matches!(stat, Ok(Reply::Stat(stat)) if stat.keys == 0 && stat.unlocked == 0));
}

#[test]
fn many_who_write_at_once_share_the_syncs() {
    const MEMBERS: usize = 16;
    const ACTIONS: usize = 24;
    let served = served();
    let remote = served.remote();
    let agents: Vec<_> = (0..MEMBERS)
        .map(|_| {
            let agent = enroll(&remote);
            unlock(&remote, agent, 7).expect("the key fits");
            agent
        })
        .collect();
    let before = served.vault.stat().syncs;
    std::thread::scope(|scope| {
        for agent in &agents {
            let signer = HostedSigner::outside(remote.clone(), Blocking::new(1), *agent, 1);
            scope.spawn(move || {
                for action in actions(*agent, ACTIONS) {
                    signer.sign(&action).expect("it continues its chain");
                }
            });
        }
    });
    let syncs = served.vault.stat().syncs - before;
    let signatures = (MEMBERS * ACTIONS) as u64;
    assert!(syncs <= signatures, "{syncs} syncs for {signatures}");
    for agent in agents {
        let head = served.vault.find(&agent).and_then(|listed| listed.head);
        assert_eq!(head.map(|head| head.seq as usize), Some(ACTIONS - 1));
    }
}

#[test]
fn whoever_talks_nonsense_is_left_and_others_go_on() {
    let served = served();
    let hello = b"CHVAULT\x01";
    let long = [hello.as_slice(), &u32::MAX.to_le_bytes()].concat();
    let newer = b"CHVAULT\x02\x01\0\0\0\x01";
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], newer, &long] {
        let mut stream = UnixStream::connect(&served.socket).expect("it listens");
        stream.write_all(nonsense).expect("it is taken");
        let mut rest = Vec::new();
        // The other side may close with an error when not everything was read.
        drop(stream.read_to_end(&mut rest));
        assert!(rest.is_empty());
    }
    let mut stream = UnixStream::connect(&served.socket).expect("it listens");
    for _ in 0..2 {
        let call = [hello.as_slice(), &[3, 0, 0, 0, 255, 1, 2]].concat();
        stream.write_all(&call).expect("it is taken");
        let mut len = [0; 4];
        stream.read_exact(&mut len).expect("an answer");
        let mut answer = vec![0; u32::from_le_bytes(len) as usize];
        stream.read_exact(&mut answer).expect("an answer");
        let code = u16::from_le_bytes([answer[1], answer[2]]);
        assert_eq!((answer[0], code), (0, Code::MalformedBody.number()));
        stream = UnixStream::connect(&served.socket).expect("it listens");
    }
    assert!(matches!(
        served.remote().call(&Call::Stat),
        Ok(Reply::Stat(_))
    ));
}

#[test]
fn a_call_that_does_not_arrive_frees_its_connection() {
    let limits = Limits {
        connections_max: 1,
        arrival_ms_max: 50,
        ..Limits::default()
    };
    let served = Served::new(limits, Admitted::with(&[]));
    let mut stuck = UnixStream::connect(&served.socket).expect("it listens");
    stuck
        .write_all(b"CHVAULT\x01\x09\0\0\0x")
        .expect("it is taken");
    // There is one place, and it becomes free when the time of the first is over.
    assert!(matches!(
        served.remote().call(&Call::Stat),
        Ok(Reply::Stat(_))
    ));
}

#[test]
fn other_users_are_turned_away() {
    let served = Served::new(Limits::default(), Admitted::nobody());
    let refused = served.remote().call(&Call::Stat);
    let code = refused.map(|_| ()).map_err(|problem| problem.code);
    assert_eq!(code, Err(Code::Unavailable));
}

#[test]
fn a_vault_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder");
    let remote = Remote::new(&folder.path().join("vault.sock"));
    let refused = remote.call(&Call::Stat).map(|_| ());
    let code = refused.map_err(|problem| problem.code);
    assert_eq!(code, Err(Code::Unavailable));
}
