//! How a doorway starts: with chains of its own, as a reader of a shared store, or as a copy of another doorway.

use std::sync::{Arc, OnceLock};

use base::{Code, Duration, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conductor::Conductor;
use crypto::Keypair;
use disk::{Folder, Mode};
use doorway_core::session::Tokens;
use doorway_core::{guard, list, projector};
use runtime::{Clock, Supervisor, TaskKind};

use crate::community::{Community, Identity};
use crate::feed::Feed;
use crate::follow::Follow;
use crate::guarded::Guarded;
use crate::home::Home;
use crate::hot::{Bounds, Hot};
use crate::indexing;
use crate::mirror::Mirror;
use crate::projection::{self, Handle, Parts};
use crate::service::{Config, Doorway, Engines, Inner, Origin};
use crate::source::{Hosted, Source};
use crate::store::Introduction;
use crate::tail;
use crate::writing::Writing;

/// Name of the file with the doorway's own key.
const KEY_FILE: &str = "doorway.key";

/// Name of the mark that a copy makes once everything has been copied.
const COMPLETE_FILE: &str = "copy.complete";

/// How often a copy looks at its chains without being told to.
const FOLLOW_POLL_INTERVAL: Duration = Duration::from_secs(300);

/// Records that a follower asks for at once, the most that a page of a chain has: signatures are verified and rows
/// stored the cheaper the more there are together. A page ends earlier when it is long.
const FOLLOW_PAGE_RECORDS: u32 = list::LIMIT_MAX;

/// What a doorway is built of, whichever way its projection comes.
struct Base {
    config: Config,
    engines: Engines,
    folder: Folder,
    hot: Arc<Hot>,
    feed: Feed,
    clock: Clock,
    supervisor: Supervisor,
}

impl Doorway {
    /// Opens the data folder and starts what keeps the projection new.
    ///
    /// # Errors
    /// A [`Problem`] that says which part could not start and why.
    pub async fn build(
        config: Config,
        engines: Engines,
        clock: Clock,
        supervisor: &Supervisor,
    ) -> Result<Self, Problem> {
        let folder = Folder::open(&config.data).map_err(|error| error.problem())?;
        let bounds = Bounds {
            documents: config.limits.cache.clone(),
            blob_bytes_max: config.limits.ready_blob_bytes_max,
        };
        let hot = Hot::new(
            &bounds,
            clock.clone(),
            random_seeds()?,
            supervisor.group("answers"),
            supervisor.shutdown(),
        );
        let base = Base {
            engines: engines.clone(),
            folder,
            hot: Arc::new(hot),
            feed: Feed::new(),
            clock,
            supervisor: supervisor.clone(),
            config,
        };
        match engines.origin {
            Origin::Hosted(conductor) => base.host(conductor).await,
            Origin::Shared { writer } => base.read_shared(writer).await,
            Origin::Followed(upstream) => base.follow(upstream).await,
        }
    }
}

impl Base {
    /// Carries hints about the log between this process and others of the same community.
    fn carry_hints(&self, identity: &Identity) {
        let shutdown = self.supervisor.shutdown();
        let topic = tail::topic(&identity.dna);
        let carry = tail::carry(
            Arc::clone(&self.engines.store),
            self.feed.clone(),
            self.engines.bus.clone(),
            topic,
            shutdown,
        );
        drop(
            self.supervisor
                .spawn("bus hints", TaskKind::Essential, carry),
        );
    }

    /// Starts to write the projection of the chains that are hosted here.
    async fn host(self, conductor: Arc<dyn Conductor>) -> Result<Doorway, Problem> {
        let config = &self.config;
        let key = own_key(&self.folder, config)?;
        let holder = holder(&key)?;
        let tokens = Tokens::new(key);
        let opened = |error: db::OpenError| Problem::caused(error.code(), &error);
        let community = Community::open(&config.data.join("community.sqlite")).map_err(opened)?;
        let identity = community
            .identity(&config.name, &config.network_seed)
            .await?;
        if let Some(steward) = &config.first_steward
            && community.admit_first(steward, self.clock.now()).await?
        {
            tracing::info!(agent = %steward, "the first steward was admitted");
        }
        let introduction = Introduction {
            name: identity.name.clone(),
            network_seed: identity.network_seed.clone(),
            origin: config.origin.clone(),
        };
        self.engines.store.introduce(&introduction).await?;
        let source = Hosted {
            dna: identity.dna.clone(),
            conductor: Arc::clone(&conductor),
            community: community.clone(),
            blobs: self.engines.blobs.clone(),
        };
        let writing = self.write(holder).await;
        let limits = projector::Limits::default();
        let projection = self
            .project(&identity, Arc::new(source), writing.clone(), limits)
            .await?;
        let nudges = crate::source::pass_nudges(
            identity.dna.clone(),
            conductor.nudges(),
            projection.inputs.clone(),
        );
        let task = self.supervisor.shutdown();
        let nudges = async move {
            task.race(nudges).await;
        };
        drop(self.supervisor.spawn("nudges", TaskKind::Essential, nudges));
        let home = Home {
            community,
            tokens,
            conductor,
            dna: identity.dna.clone(),
            fallback: Guarded::new(
                "the conductor",
                guard::Limits::default(),
                self.clock.clone(),
            ),
        };
        let doorway = self.finish(Made {
            identity,
            home: Some(home),
            projection: Some(projection),
            writing: Some(writing),
            follow: None,
            mirror: None,
            writer: String::new(),
        });
        doorway.take_up_chains().await?;
        Ok(doorway)
    }

    /// Starts to read a projection that another process writes.
    async fn read_shared(self, writer: Option<client::Doorway>) -> Result<Doorway, Problem> {
        let store = &self.engines.store;
        let introduction = store.introduction().await?.ok_or_else(|| {
            let detail = "the projection store is empty: start the doorway that writes it first";
            Problem::new(Code::Unavailable, detail)
        })?;
        let upstream = writer.map_or_else(|| client::Doorway::new(&introduction.origin), Ok)?;
        let writer = upstream.address().to_string();
        let copies = self.supervisor.group("blob copies");
        let mirror = Mirror::new(self.engines.blobs.clone(), upstream, copies);
        let tail = tail::run(
            Arc::clone(store),
            Arc::clone(&self.hot),
            self.feed.clone(),
            mirror.clone(),
            self.supervisor.shutdown(),
        );
        drop(
            self.supervisor
                .spawn("log reader", TaskKind::Essential, tail),
        );
        Ok(self.finish(Made {
            identity: introduction.into(),
            home: None,
            projection: None,
            writing: None,
            follow: None,
            mirror: Some(mirror),
            writer,
        }))
    }

    /// Starts to copy another doorway.
    async fn follow(self, upstream: client::Doorway) -> Result<Doorway, Problem> {
        let store = Arc::clone(&self.engines.store);
        let known = store.introduction().await?;
        let introduction = match known {
            Some(known) => known,
            None => {
                let version = upstream.version().await?;
                let introduction = Introduction {
                    name: version.community.name,
                    network_seed: version.community.network_seed,
                    origin: upstream.address().to_string(),
                };
                store.introduce(&introduction).await?;
                introduction
            }
        };
        let identity = Identity::from(introduction);
        let copies = self.supervisor.group("blob copies");
        let mirror = Mirror::new(self.engines.blobs.clone(), upstream.clone(), copies);
        let is_complete = self.folder.contains(COMPLETE_FILE);
        let is_complete = is_complete.map_err(|error| error.problem())?;
        let writer = upstream.address().to_string();
        let follow = Follow::new(
            upstream,
            identity.dna.clone(),
            mirror.clone(),
            self.clock.clone(),
            is_complete,
        );
        let holder = holder(&own_key(&self.folder, &self.config)?)?;
        let writing = self.write(holder).await;
        let limits = projector::Limits {
            poll_interval: FOLLOW_POLL_INTERVAL,
            page_records_max: FOLLOW_PAGE_RECORDS,
            ..projector::Limits::default()
        };
        let source: Arc<dyn Source> = Arc::new(follow.clone());
        let projection = self
            .project(&identity, source, writing.clone(), limits)
            .await?;
        let folder = self.folder.clone();
        let complete = move || {
            let noted = folder.write_atomic(COMPLETE_FILE, b"", Mode::Private);
            if let Err(error) = noted {
                tracing::warn!(%error, "that the copy is complete could not be noted");
            }
        };
        let reading = follow.clone().run(
            store,
            projection.clone(),
            complete,
            self.supervisor.shutdown(),
        );
        drop(
            self.supervisor
                .spawn("follow", TaskKind::Essential, reading),
        );
        Ok(self.finish(Made {
            identity,
            home: None,
            projection: Some(projection),
            writing: Some(writing),
            follow: Some(follow),
            mirror: Some(mirror),
            writer,
        }))
    }

    /// Starts to hold the lease of the store, and waits until it is held or denied for the first time.
    async fn write(&self, holder: String) -> Writing {
        let writing = Writing::new(holder, self.folder.clone());
        let task = writing.clone().run(
            Arc::clone(&self.engines.store),
            self.clock.clone(),
            self.supervisor.shutdown(),
        );
        drop(self.supervisor.spawn("lease", TaskKind::Essential, task));
        writing.decided().await;
        writing
    }

    /// Starts the projector.
    async fn project(
        &self,
        identity: &Identity,
        source: Arc<dyn Source>,
        writing: Writing,
        limits: projector::Limits,
    ) -> Result<Handle, Problem> {
        let parts = Parts {
            dna: identity.dna.clone(),
            limits,
            store: Arc::clone(&self.engines.store),
            source,
            writing,
            hot: Arc::clone(&self.hot),
            feed: self.feed.clone(),
            clock: self.clock.clone(),
            words: Arc::default(),
        };
        let (writing, words) = (parts.writing.clone(), Arc::clone(&parts.words));
        let cursors = self.engines.store.cursors().await?;
        let (projection, task) = projection::start(parts, cursors, self.supervisor.shutdown());
        let indexing = indexing::run(
            Arc::clone(&self.engines.store),
            writing,
            projection.clone(),
            Arc::clone(&self.hot),
            words,
            self.supervisor.shutdown(),
        );
        drop(
            self.supervisor
                .spawn("words", TaskKind::Essential, indexing),
        );
        drop(
            self.supervisor
                .spawn("projector", TaskKind::Essential, task),
        );
        Ok(projection)
    }

    fn finish(self, made: Made) -> Doorway {
        self.carry_hints(&made.identity);
        Doorway(Arc::new(Inner {
            started: self.clock.now(),
            config: self.config,
            identity: made.identity,
            home: made.home,
            store: self.engines.store,
            blobs: self.engines.blobs,
            bus: self.engines.bus,
            metrics: self.engines.metrics,
            status: OnceLock::new(),
            hot: self.hot,
            feed: self.feed,
            projection: made.projection,
            writing: made.writing,
            follow: made.follow,
            mirror: made.mirror,
            writer: made.writer,
            clock: self.clock,
            streams: self.supervisor.group("events"),
            supervisor: self.supervisor,
        }))
    }
}

/// What differs between the ways in which a projection comes.
struct Made {
    identity: Identity,
    home: Option<Home>,
    projection: Option<Handle>,
    writing: Option<Writing>,
    follow: Option<Follow>,
    mirror: Option<Mirror>,
    writer: String,
}

/// Names this run of a process that holds leases: the doorway's key, and which run of it.
fn holder(key: &Keypair) -> Result<String, Problem> {
    let run = getrandom::u64().map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    let name = URL_SAFE_NO_PAD.encode(key.public());
    Ok(format!("{}.{run:016x}", &name[..16]))
}

/// Draws the seeds of the hot cache's hashing and of its jitter.
fn random_seeds() -> Result<[u64; 3], Problem> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    let word = |index: usize| {
        let bytes: [u8; 8] = bytes[index * 8..][..8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    Ok([word(0), word(1), word(2)])
}

/// Reads the doorway's own key, or makes it at the very first start.
fn own_key(folder: &Folder, config: &Config) -> Result<Keypair, Problem> {
    let problem = |error: disk::SecretError| error.problem();
    if let Some(seed) = folder.read_secret::<32>(KEY_FILE).map_err(problem)? {
        return Ok(Keypair::from_seed(&seed));
    }
    folder
        .create_secret(KEY_FILE, config.key_seed.as_slice())
        .map_err(problem)?;
    Ok(Keypair::from_seed(&config.key_seed))
}
