//! A doorway on a temporary folder, and authors who write for it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use api::{ChainPut, ChainPutView, ProblemView, ReadyView, RecordView, SCHEMA_VERSION, TokenView};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base::{ContentHash, Duration, Problem, Reach, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bus::{Bus, Topic};
use chain::kind::{BlobManifest, BlobRef, Content, ReachWord};
use chain::{
    AgentPubKey, Author, DnaHash, EntryVisibility, Item, KeySigner, Record, Signer as _, Write,
    dna, record,
};
use conductor::Embedded;
use crypto::{Keypair, Seed};
use doorway::store::{ProjectionStore, SqliteStore};
use doorway::{Config, Doorway, DoorwayMetrics, Engines, Limits, Origin};
use http_body_util::BodyExt as _;
use http_kit::{Edge, Listener, Served};
use runtime::metrics::Registry;
use runtime::{Clock, ClockHand, Supervisor, TaskKind};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// Network seed of the community under test.
pub(crate) const SEED: &str = "a community under test";

/// A running doorway.
pub(crate) struct House {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) doorway: Doorway,
    pub(crate) router: Router,
    pub(crate) hand: ClockHand,
    pub(crate) metrics: DoorwayMetrics,
    pub(crate) blobs: blobs::Blobs,
    engine: Option<Arc<Embedded>>,
    supervisor: Supervisor,
}

/// How a house differs from one that hosts its chains.
pub(crate) struct Plan {
    pub(crate) limits: Limits,
    /// Where its projection comes from; from chains that it hosts itself without it.
    pub(crate) origin: Option<Origin>,
    /// Where its projection is kept; in a file of its own without it.
    pub(crate) store: Option<Arc<dyn ProjectionStore>>,
    /// Whether its clock runs by itself.
    pub(crate) is_clock_running: bool,
}

impl Plan {
    pub(crate) fn new() -> Self {
        Self {
            limits: Limits::default(),
            origin: None,
            store: None,
            is_clock_running: true,
        }
    }
}

/// A port of this machine at which something is served.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    supervisor: Supervisor,
}

impl Port {
    pub(crate) async fn of(served: Served) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), served, Edge::default()).await
    }

    /// Serves at an address that may have been served at before.
    pub(crate) async fn at(address: SocketAddr, served: Served, edge: Edge) -> Self {
        let supervisor = Supervisor::default();
        let listener = Listener::bind(address).await.unwrap().behind(edge);
        let address = listener.address();
        let limits = http_kit::Limits {
            lanes: 0,
            drain_ms_max: 200,
            ..http_kit::Limits::default()
        };
        let connections = supervisor.group("connections");
        let shutdown = supervisor.shutdown();
        let serving = http_kit::serve(served, listener, connections, shutdown, limits);
        drop(supervisor.spawn("http", TaskKind::Essential, serving));
        Self {
            address,
            supervisor,
        }
    }

    pub(crate) fn client(&self) -> client::Doorway {
        client::Doorway::new(&format!("http://{}", self.address)).unwrap()
    }

    pub(crate) async fn close(self) {
        self.supervisor.shutdown().request();
        self.supervisor.run().await.unwrap();
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

/// Opens an engine that hosts chains.
pub(crate) fn engine(data: &Path) -> Arc<Embedded> {
    let config = conductor::Config {
        id: "test".parse().unwrap(),
        folder: data.join("conductor"),
        limits: conductor::Limits::default(),
    };
    Embedded::open(config, Clock::system()).unwrap()
}

/// An answer that was read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
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
        assert_eq!(view.schema_version, SCHEMA_VERSION);
        view.code
    }
}

impl House {
    /// A new community whose first steward has the key of seed 1.
    pub(crate) async fn new() -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()), Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()), limits).await
    }

    /// A community in a folder that may hold one already.
    pub(crate) async fn at(folder: Arc<TempDir>, limits: Limits) -> Self {
        let path = folder.path().to_owned();
        Self::open(folder, &path, limits).await
    }

    /// A community in a folder below another mount.
    pub(crate) async fn open(folder: Arc<TempDir>, data: &Path, limits: Limits) -> Self {
        let plan = Plan {
            limits,
            is_clock_running: false,
            ..Plan::new()
        };
        Self::build(folder, data, plan).await.unwrap()
    }

    /// A copy of another doorway in a folder that may hold one already.
    pub(crate) async fn copy(folder: Arc<TempDir>, upstream: client::Doorway) -> Self {
        let plan = Plan {
            origin: Some(Origin::Followed(upstream)),
            ..Plan::new()
        };
        Self::planned(folder, plan).await
    }

    pub(crate) async fn planned(folder: Arc<TempDir>, plan: Plan) -> Self {
        let path = folder.path().to_owned();
        Self::build(folder, &path, plan).await.unwrap()
    }

    async fn build(folder: Arc<TempDir>, data: &Path, plan: Plan) -> Result<Self, Problem> {
        let (clock, hand) = Clock::by_hand(Timestamp::from_secs(1_800_000_000));
        let clock = if plan.is_clock_running {
            Clock::system()
        } else {
            clock
        };
        let supervisor = Supervisor::default();
        let (origin, engine) = match plan.origin {
            Some(origin) => (origin, None),
            None => {
                let engine = engine(data);
                (Origin::Hosted(engine.clone()), Some(engine))
            }
        };
        let limits = plan.limits;
        let blob_limits = blobs::Limits {
            blob_bytes_max: limits.blob_bytes_max,
            ..blobs::Limits::default()
        };
        let store = plan.store.unwrap_or_else(|| {
            Arc::new(SqliteStore::open(&data.join("projection.sqlite")).unwrap())
        });
        let prefix = Topic::parse("test").unwrap();
        let metrics = DoorwayMetrics::new(&Registry::default());
        let blobs = blobs::Blobs::open(&data.join("blobs"), blob_limits).unwrap();
        let engines = Engines {
            origin,
            store,
            bus: Bus::connect("", &prefix, bus::Limits::default(), &supervisor).unwrap(),
            metrics: metrics.clone(),
            blobs: blobs.clone(),
        };
        let config = Config {
            data: data.to_owned(),
            name: "Test hall".to_owned(),
            network_seed: SEED.to_owned(),
            origin: "http://doorway.test".to_owned(),
            first_steward: Some(Person::new(1).key().clone()),
            key_seed: Seed::new([9; 32]),
            limits,
        };
        let doorway = Doorway::build(config, engines, clock, &supervisor).await?;
        Ok(Self {
            folder,
            router: doorway::router(&doorway),
            doorway,
            hand,
            metrics,
            blobs,
            engine,
            supervisor,
        })
    }

    /// Listens for it.
    pub(crate) async fn listen(&self) -> Port {
        Port::of(self.doorway.served()).await
    }

    /// Tells how it is.
    pub(crate) async fn ready(&self) -> ReadyView {
        self.get("/ready").await.json()
    }

    /// Returns how many streams of events it serves.
    pub(crate) fn streams(&self) -> u64 {
        let tasks = self.supervisor.tasks();
        let mut groups = tasks.iter().filter(|task| task.name == "events");
        groups.find_map(|group| group.members).unwrap_or_default()
    }

    /// Tells everything in it to end.
    pub(crate) fn begin_to_end(&self) {
        self.supervisor.shutdown().request();
    }

    /// Waits until it has copied everything that its writer announced.
    pub(crate) async fn copied(&self) {
        until("the copy is ready", async || self.ready().await.ready).await;
    }

    /// Waits until an address answers with a status.
    pub(crate) async fn until(&self, path: &str, status: u16) {
        let what = format!("{path} answers {status}");
        until(&what, async || self.get(path).await.status == status).await;
    }

    /// Ends it in order and returns its folder.
    pub(crate) async fn close(self) -> Arc<TempDir> {
        self.supervisor.shutdown().request();
        self.supervisor.run().await.unwrap();
        self.doorway.close().await.unwrap();
        if let Some(engine) = &self.engine {
            engine.close().await.unwrap();
        }
        // A copy of it may be opened in the same folder.
        drop(self.doorway);
        drop(self.router);
        self.blobs.close().await;
        self.folder
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Answer {
        self.get_with(path, &[("authorization", &format!("Bearer {token}"))])
            .await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send_json(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &impl serde::Serialize,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = Body::from(serde_json::to_vec(body).unwrap());
        self.send(request.body(body).unwrap()).await
    }

    /// Sends records to the chain of `agent`.
    pub(crate) async fn append(&self, agent: &AgentPubKey, records: &[Record]) -> Answer {
        let put = ChainPut {
            schema_version: SCHEMA_VERSION,
            records: records.iter().map(RecordView::of).collect(),
        };
        let path = format!("/api/v1/chains/{agent}");
        self.send_json(Method::PUT, &path, None, &put).await
    }

    /// Sends all of a person's chain and waits until it is projected.
    pub(crate) async fn publish(&self, person: &Person) {
        let answer = self.append(person.key(), &person.chain).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let view: ChainPutView = answer.json();
        assert_eq!(view.head.seq as usize + 1, person.chain.len());
        self.settle().await;
    }

    /// Waits until everything that was committed is projected.
    pub(crate) async fn settle(&self) {
        self.doorway.caught_up().await;
    }

    /// Gets a token for a person.
    pub(crate) async fn token(&self, person: &Person) -> String {
        let answer = self.ask_token(person).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<TokenView>().token
    }

    pub(crate) async fn ask_token(&self, person: &Person) -> Answer {
        let body = serde_json::json!({ "agent": person.key().to_string() });
        let answer = self
            .send_json(Method::POST, "/auth/challenge", None, &body)
            .await;
        let challenge: api::ChallengeView = answer.json();
        let signature = person.signer.sign_statement(challenge.challenge.as_bytes());
        let body = serde_json::json!({
            "challenge": challenge.challenge,
            "signature": STANDARD.encode(signature.0),
        });
        self.send_json(Method::POST, "/auth/token", None, &body)
            .await
    }

    /// Lets the steward admit a person.
    pub(crate) async fn admit(&self, person: &Person, role: &str) {
        let token = self.token(&Person::new(1)).await;
        let path = format!("/admin/members/{}", person.key());
        let body = serde_json::json!({ "role": role });
        let answer = self
            .send_json(Method::PUT, &path, Some(&token), &body)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Stores a blob.
    pub(crate) async fn put_blob(&self, bytes: &[u8], token: &str) -> Answer {
        let request = Request::put("/store")
            .header("authorization", format!("Bearer {token}"))
            .header("content-length", bytes.len())
            .body(Body::from(bytes.to_vec()))
            .unwrap();
        self.send(request).await
    }

    /// Lets time pass.
    pub(crate) fn wait_secs(&self, secs: u64) {
        self.hand.advance(Duration::from_secs(secs));
    }
}

/// Somebody with a key and a chain.
pub(crate) struct Person {
    pub(crate) signer: KeySigner,
    author: Author,
    pub(crate) chain: Vec<Record>,
    now: Timestamp,
}

impl Person {
    /// Lets the person's clock go wrong from the first record on.
    pub(crate) fn set_clock_back(&mut self, secs: u64) {
        self.now = self.now - Duration::from_secs(secs);
        self.author = Author::new(self.key().clone(), None);
        self.chain.clear();
        for draft in self.author.genesis(&dna::hash_for(SEED), self.now) {
            self.sign(draft);
        }
    }

    /// A person of the community under test.
    pub(crate) fn new(seed: u8) -> Self {
        Self::of(seed, &dna::hash_for(SEED))
    }

    pub(crate) fn of(seed: u8, dna: &DnaHash) -> Self {
        let signer = KeySigner::new(Keypair::from_seed(&[seed; 32]));
        let mut person = Self {
            author: Author::new(signer.agent().clone(), None),
            signer,
            chain: Vec::new(),
            now: Timestamp::from_secs(1_700_000_000),
        };
        for draft in person.author.genesis(dna, person.now) {
            person.sign(draft);
        }
        person
    }

    fn sign(&mut self, draft: chain::author::Draft) {
        let signature = self.signer.sign(&draft.action).unwrap();
        self.chain
            .push(record::assemble(draft.action, signature, draft.entry));
    }

    pub(crate) fn key(&self) -> &AgentPubKey {
        self.signer.agent()
    }

    pub(crate) fn write(&mut self, write: Write) -> String {
        self.now = self.now + Duration::from_secs(1);
        let draft = self.author.write(self.now, write);
        self.sign(draft);
        self.chain.last().unwrap().action_address().to_string()
    }

    /// Writes an item; returns its id and the body that must be stored as a blob.
    pub(crate) fn create(&mut self, item: &Item) -> (String, Option<Vec<u8>>) {
        let sealed = item.seal().unwrap();
        let id = self.write(Write::Create {
            envelope: sealed.envelope,
            visibility: EntryVisibility::Public,
        });
        (id, sealed.spilled)
    }

    /// Writes a newer version of the item that the record at `index` made.
    pub(crate) fn update(&mut self, index: usize, item: &Item) {
        let original = self.chain[index].clone();
        self.write(Write::Update {
            original: original.action_address().clone(),
            original_entry: original.action().entry_hash().unwrap().clone(),
            envelope: item.seal().unwrap().envelope,
            visibility: EntryVisibility::Public,
        });
    }

    /// Withdraws the item that the record at `index` made.
    pub(crate) fn delete(&mut self, index: usize) {
        let original = self.chain[index].clone();
        self.write(Write::Delete {
            original: original.action_address().clone(),
            original_entry: original.action().entry_hash().unwrap().clone(),
        });
    }
}

/// A page that stands alone.
pub(crate) fn page(slug: &str, body: &str, reach: Reach) -> Item {
    Item::Content(Content {
        title: format!("About {slug}"),
        slug: slug.to_owned(),
        body: body.to_owned(),
        language: "en".to_owned(),
        licence: "CC0".to_owned(),
        reach: ReachWord(reach),
        blobs: Vec::<BlobRef>::new(),
        ..Content::default()
    })
}

/// The manifest of a blob.
pub(crate) fn manifest(bytes: &[u8], media_type: &str, reach: Reach) -> Item {
    Item::BlobManifest(BlobManifest {
        hash: *ContentHash::of(bytes).as_bytes(),
        bytes: bytes.len() as u64,
        media_type: media_type.to_owned(),
        name: "file".to_owned(),
        reach: ReachWord(reach),
    })
}
