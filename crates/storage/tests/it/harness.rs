//! A node on a temporary folder, and people who have keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use api::{ChallengeRequest, ChallengeView, ProblemView, SCHEMA_VERSION, TokenRequest, TokenView};
use base::{ContentHash, Duration, Problem, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blobs::Blobs;
use bytes::Bytes;
use chain::{AgentPubKey, KeySigner, Signer as _};
use crypto::{Keypair, Seed};
use disk::{Disk, Folder, RealDisk};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use runtime::metrics::{Exposition, Registry};
use runtime::{Clock, ClockHand, Supervisor, TaskKind};
use serde::de::DeserializeOwned;
use storage::{Admittance, Config, Engines, Storage, StorageMetrics, Writers};
use storage_core::access;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A running node.
pub(crate) struct House {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) address: SocketAddr,
    pub(crate) blobs: Blobs,
    pub(crate) hand: ClockHand,
    pub(crate) supervisor: Supervisor,
    registry: Registry,
    storage: Storage,
}

/// How a node differs from the usual one.
pub(crate) struct Plan {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) config: Config,
    pub(crate) limits: blobs::Limits,
    /// Where everything lies; below the folder without it.
    pub(crate) disk: Option<Arc<dyn Disk>>,
    pub(crate) admittance: Option<Admittance>,
    /// How long a body may stand still, in milliseconds.
    pub(crate) body_window_ms: u64,
}

impl Plan {
    pub(crate) fn new() -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn at(folder: Arc<TempDir>) -> Self {
        Self {
            folder,
            config: Config::default(),
            limits: blobs::Limits {
                blob_bytes_max: 8 * 1_024 * 1_024,
                ..blobs::Limits::default()
            },
            disk: None,
            admittance: None,
            body_window_ms: 20_000,
        }
    }
}

/// Somebody with a key.
pub(crate) struct Person {
    signer: KeySigner,
}

impl Person {
    pub(crate) fn new(seed: u8) -> Self {
        let signer = KeySigner::new(Keypair::from_seed(&Seed::new([seed; 32])));
        Self { signer }
    }

    pub(crate) fn key(&self) -> &AgentPubKey {
        self.signer.agent()
    }

    /// The name of their namespace.
    pub(crate) fn namespace(&self) -> String {
        access::own(&chain::public_of(self.key())).to_string()
    }

    pub(crate) fn sign(&self, challenge: &str) -> String {
        STANDARD.encode(self.signer.sign_statement(challenge.as_bytes()).0)
    }
}

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {text}", self.status))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem, with its status checked against the code's.
    pub(crate) fn code(&self) -> String {
        let view: ProblemView = self.json();
        assert_eq!(view.status, self.status.as_u16());
        assert!(!view.hint.is_empty() && !view.request_id.is_empty());
        view.code
    }

    /// The answer, which has this status.
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl House {
    /// A node that has the person of seed 1 as its first writer.
    pub(crate) async fn new() -> Self {
        Self::open(Plan::new()).await.unwrap()
    }

    pub(crate) async fn open(plan: Plan) -> Result<Self, Problem> {
        let (clock, hand) = Clock::by_hand(Timestamp::from_secs(1_800_000_000));
        let supervisor = Supervisor::default();
        let path = plan.folder.path();
        let folder = Folder::open(path).unwrap();
        let first = Person::new(1);
        let admittance = match plan.admittance {
            Some(admittance) => admittance,
            None => {
                let seed = Seed::new([9; 32]);
                let writers = Writers::open(&folder, &[], Some(first.key()), &seed)?;
                Admittance::Own(Arc::new(writers))
            }
        };
        let disk = plan
            .disk
            .unwrap_or_else(|| Arc::new(RealDisk::open(&path.join("state")).unwrap()));
        let blobs = Blobs::open_on(Arc::clone(&disk), plan.limits, clock.clone());
        let blobs = blobs.map_err(|error| error.problem())?;
        let registry = Registry::default();
        let engines = Engines {
            blobs: blobs.clone(),
            disk,
            admittance,
            metrics: StorageMetrics::new(&registry),
        };
        let storage = Storage::build(plan.config, engines, clock, &supervisor).await?;
        let listener = http_kit::Listener::bind(([127, 0, 0, 1], 0).into());
        let listener = listener.await.unwrap();
        let address = listener.address();
        let serving = http_kit::serve(
            storage.served(),
            listener,
            supervisor.group("connections"),
            supervisor.shutdown(),
            http_kit::Limits {
                lanes: 0,
                body_window_ms: plan.body_window_ms,
                drain_ms_max: 2_000,
                ..http_kit::Limits::default()
            },
        );
        drop(supervisor.spawn("http", TaskKind::Essential, serving));
        Ok(Self {
            folder: plan.folder,
            address,
            blobs,
            hand,
            supervisor,
            registry,
            storage,
        })
    }

    /// Ends it in order and returns its folder.
    pub(crate) async fn close(self) -> Arc<TempDir> {
        self.supervisor.shutdown().request();
        let report = self.supervisor.run().await.unwrap();
        assert!(report.stragglers.is_empty(), "{report:?}");
        drop(self.storage);
        self.blobs.close().await;
        self.folder
    }

    /// What the admin port would show.
    pub(crate) fn metrics(&self) -> String {
        self.registry.expose(Exposition::Prometheus)
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.connect().await))
            .await
            .unwrap();
        let driven = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        drop(sender);
        driven.await.unwrap().unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Asks with headers and a body.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("host", "storage.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        self.send(request).await
    }

    /// Asks with a token.
    pub(crate) async fn ask_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        self.ask(method, path, &all, body).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask_as(token, "GET", path, &[], "").await
    }

    pub(crate) async fn json(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Answer {
        let kind = [("content-type", "application/json")];
        let body = serde_json::to_vec(body).unwrap();
        self.ask_as(token, method, path, &kind, body).await
    }

    /// Stores bytes.
    pub(crate) async fn put(&self, token: &str, bytes: &[u8]) -> ContentHash {
        let answer = self
            .ask_as(token, "PUT", "/blobs", &[], bytes.to_vec())
            .await;
        assert!(answer.status.is_success(), "{}", answer.text());
        ContentHash::of(bytes)
    }

    /// Gets a token for the first writer.
    pub(crate) async fn token(&self) -> String {
        self.token_of(&Person::new(1)).await
    }

    pub(crate) async fn token_of(&self, person: &Person) -> String {
        let answer = self.try_token(person).await.is(200);
        answer.json::<TokenView>().token
    }

    pub(crate) async fn try_token(&self, person: &Person) -> Answer {
        let kind = [("content-type", "application/json")];
        let request = ChallengeRequest {
            schema_version: SCHEMA_VERSION,
            agent: person.key().to_string(),
        };
        let body = serde_json::to_vec(&request).unwrap();
        let challenge = self.ask("POST", "/auth/challenge", &kind, body).await;
        let challenge = challenge.is(200).json::<ChallengeView>().challenge;
        let request = TokenRequest {
            schema_version: SCHEMA_VERSION,
            signature: person.sign(&challenge),
            challenge,
        };
        let body = serde_json::to_vec(&request).unwrap();
        self.ask("POST", "/auth/token", &kind, body).await
    }

    /// Moves the clock on.
    pub(crate) fn wait(&self, secs: u64) {
        self.hand.advance(Duration::from_secs(secs));
    }
}

/// Looks again and again until something holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + std::time::Duration::from_secs(30);
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(10));
    while !holds().await {
        assert!(Instant::now() < deadline, "it never came: {what}");
        looks.tick().await;
    }
}

/// Writes a digest as `Content-Digest` wants it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = ContentHash::of(bytes);
    format!("sha-256=:{}:", STANDARD.encode(hash.as_bytes()))
}

/// Bytes that are no pattern: each kilobyte differs from the others.
pub(crate) fn noise(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    let mut block = ContentHash::of(&[seed]);
    while bytes.len() < len {
        bytes.extend_from_slice(block.as_bytes());
        block = ContentHash::of(block.as_bytes());
    }
    bytes.truncate(len);
    bytes
}
