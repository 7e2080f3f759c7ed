//! The same engine behind its sockets: every property again, and what only a conductor in another process can do.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use base::{Code, Duration, Timestamp};
use bytes::Bytes;
use chain::{DnaHash, dna};
use conductor::conformance::{PROPERTIES, World, run};
use conductor::remote::{Remote, RemoteConfig, RemoteLimits};
use conductor::server::{Server, ServerConfig, SocketLimits};
use conductor::{Conductor, Config, Custody, Embedded, Fault, Limits, Origin, Provision};
use runtime::{Clock, ClockHand, Shutdown, Supervisor};

use crate::{NOW, cell, note, signer};

/// The seed of the community in these tests.
pub(crate) const SEED: &str = "test";

/// The packed app.
pub(crate) const BUNDLE: &[u8] = include_bytes!("../../../../zomes/commonhold.happ");

/// An engine behind sockets, and an adapter that speaks to it.
struct RemoteWorld {
    folder: tempfile::TempDir,
    clock: Clock,
    hand: ClockHand,
    running: Mutex<Option<Running>>,
}

struct Running {
    engine: Arc<Embedded>,
    server: Server,
    remote: Arc<Remote>,
    _supervisor: Supervisor,
}

/// Opens an engine and its sockets.
pub(crate) async fn serve(
    folder: &std::path::Path,
    clock: &Clock,
    limits: SocketLimits,
    supervisor: &Supervisor,
) -> (Arc<Embedded>, Server) {
    serve_at(folder, clock, limits, supervisor, 0).await
}

pub(crate) async fn serve_at(
    folder: &std::path::Path,
    clock: &Clock,
    limits: SocketLimits,
    supervisor: &Supervisor,
    port: u16,
) -> (Arc<Embedded>, Server) {
    let config = Config {
        id: "behind".parse().unwrap(),
        folder: folder.to_owned(),
        limits: Limits::default(),
    };
    let engine = Embedded::open(config, clock.clone()).unwrap();
    let config = ServerConfig {
        folder: folder.to_owned(),
        admin_listen: ([127, 0, 0, 1], port).into(),
        admin_origins: "*".to_owned(),
        limits,
    };
    let group = supervisor.group("sockets");
    let server = Server::open(
        Arc::clone(&engine),
        config,
        clock.clone(),
        group,
        Shutdown::new(),
    );
    (engine, server.await.unwrap())
}

/// Opens an adapter.
pub(crate) fn dial(
    address: std::net::SocketAddr,
    clock: &Clock,
    limits: RemoteLimits,
    supervisor: &Supervisor,
) -> Arc<Remote> {
    let config = RemoteConfig {
        id: "remote".parse().unwrap(),
        address: format!("ws://{address}"),
        network_seed: SEED.to_owned(),
        bundle: Bytes::from_static(BUNDLE),
        limits,
    };
    Remote::open(config, clock.clone(), supervisor.group("remote"))
}

impl RemoteWorld {
    fn new() -> Self {
        let (clock, hand) = Clock::by_hand(NOW);
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            clock,
            hand,
            running: Mutex::default(),
        };
        let handle = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| handle.block_on(world.start()));
        world
    }

    async fn start(&self) {
        let supervisor = Supervisor::default();
        let limits = SocketLimits::default();
        let (engine, server) = serve(self.folder.path(), &self.clock, limits, &supervisor).await;
        let limits = RemoteLimits::default();
        let remote = dial(server.admin_address(), &self.clock, limits, &supervisor);
        assert!(remote.is_connected().await);
        *self.running.lock().unwrap() = Some(Running {
            engine,
            server,
            remote,
            _supervisor: supervisor,
        });
    }
}

impl World for RemoteWorld {
    fn conductor(&self) -> Arc<dyn Conductor> {
        let running = self.running.lock().unwrap();
        running.as_ref().unwrap().remote.clone()
    }

    fn restart(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let old = self.running.lock().unwrap().take().unwrap();
            old.remote.close();
            old.server.close().await;
            old.engine.close().await.unwrap();
            drop(old);
            self.start().await;
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass(&self, span: Duration) -> bool {
        self.hand.advance(span);
        true
    }

    fn dna(&self) -> DnaHash {
        dna::hash_for(SEED)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engine_behind_sockets_has_every_property() {
    let broken = run(|| Arc::new(RemoteWorld::new())).await;
    assert!(broken.is_empty(), "{broken:#?}");
    println!("{} properties hold over sockets", PROPERTIES.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn properties_may_share_a_world_behind_sockets() {
    let world = RemoteWorld::new();
    for property in PROPERTIES {
        let result = (property.check)(&world).await;
        assert_eq!(result, Ok(()), "{}", property.name);
    }
}

/// A request for a member's cell in the community of these tests.
pub(crate) fn wanted(index: u8, custody: Custody) -> Provision {
    let mut cell = cell(index);
    cell.dna = dna::hash_for(SEED);
    Provision {
        app_id: conductor::AppId::of_agent(&cell.agent),
        cell,
        origin: Origin::Genesis,
        custody,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adapter_finds_its_way_back_and_signs_again() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, supervisor) = (Clock::system(), Supervisor::default());
    let limits = SocketLimits::default();
    let (engine, server) = serve(folder.path(), &clock, limits, &supervisor).await;
    let address = server.admin_address();
    let remote = dial(address, &clock, RemoteLimits::default(), &supervisor);
    let request = wanted(1, Custody::Signer(signer(1)));
    remote.provision(request.clone()).await.unwrap();
    remote.set_enabled(&request.app_id, true).await.unwrap();
    remote
        .write(&request.cell, vec![note("before")])
        .await
        .unwrap();
    server.close().await;
    engine.close().await.unwrap();
    drop((engine, server));
    let other = Supervisor::default();
    let (engine, server) = serve_at(folder.path(), &clock, limits, &other, address.port()).await;
    // The adapter needs a moment; whatever it says until then is that nothing was done.
    let written = loop {
        match remote.write(&request.cell, vec![note("after")]).await {
            Ok(written) => break written,
            Err(Fault::Unreachable { .. } | Fault::Lost { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(written[0].action().action_seq(), 5);
    remote.close();
    server.close().await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conductor_that_is_away_is_said_to_be_and_left_alone_for_a_while() {
    // A port on which nobody listens any more.
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (clock, hand) = Clock::by_hand(NOW);
    let supervisor = Supervisor::default();
    let limits = RemoteLimits {
        connection_wait_max: std::time::Duration::from_millis(20),
        failures_max: 2,
        ..RemoteLimits::default()
    };
    let remote = dial(address, &clock, limits, &supervisor);
    for _ in 0..2 {
        let fault = remote.health().await.unwrap_err();
        assert!(matches!(fault, Fault::Unreachable { .. }), "{fault}");
        assert_eq!(fault.code(), Code::Unavailable);
    }
    let fault = remote.health().await.unwrap_err();
    assert!(fault.to_string().contains("several times"), "{fault}");
    hand.advance(Duration::from_secs(60));
    let fault = remote.health().await.unwrap_err();
    assert!(!fault.to_string().contains("several times"), "{fault}");
    remote.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signer_whose_connection_is_gone_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, supervisor) = (Clock::system(), Supervisor::default());
    let limits = SocketLimits::default();
    let (engine, server) = serve(folder.path(), &clock, limits, &supervisor).await;
    let limits = RemoteLimits::default();
    let holder = dial(server.admin_address(), &clock, limits, &supervisor);
    let other = dial(server.admin_address(), &clock, limits, &supervisor);
    let request = wanted(1, Custody::Signer(signer(1)));
    holder.provision(request.clone()).await.unwrap();
    holder.set_enabled(&request.app_id, true).await.unwrap();
    // Anybody on the admin socket may ask for a write; the signature comes from where the key is.
    other.write(&request.cell, vec![note("one")]).await.unwrap();
    holder.close();
    loop {
        match other.write(&request.cell, vec![note("two")]).await {
            Err(Fault::NoSigner(found)) => {
                assert_eq!(found, request.cell);
                break;
            }
            Ok(_) | Err(Fault::Pending { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    other.provision(request.clone()).await.unwrap();
    other
        .write(&request.cell, vec![note("three")])
        .await
        .unwrap();
    other.close();
    server.close().await;
    engine.close().await.unwrap();
}
