//! A conductor in another process, reached over its sockets.
//!
//! [`Remote`] keeps one admin connection, opens it again when it breaks, says there for which cells it signs, and hears
//! there which chains have grown. Calls go over app sockets, one for each app that is called.
//!
//! # Invariants
//! * A change is sent at most once: what was sent and not answered is [`Fault::Lost`], and its caller looks at the chain.
//! * Requests under way, those that wait, and every wait are bounded; a conductor that fails several times in a row is
//!   left alone for a while.
//! * A nudge is announced before the answer of the change that caused it.
//!
//! It knows no other conductor and decides nothing about which one hosts whom.

mod apps;
mod link;
mod provision;
mod session;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chain::{ActionHash, DnaHash, Head, Record, Signer, Write, dna};
use runtime::{Clock, Shutdown, TaskGroup};
use tokio::sync::broadcast;

use crate::protocol::admin::{AdminAnswer, AdminRequest, AppName};
use crate::protocol::hash::{ActionBytes, CellPair};
use crate::protocol::own::{OwnAnswer, OwnRequest, RecordParts};
use crate::protocol::{ErrorView, refusal};
use crate::remote::apps::AppSockets;
use crate::remote::link::{Link, Wish};
use crate::socket::lock;
use crate::wire::{HeadView, WriteRequest};
use crate::{
    AppId, Capabilities, CellId, ChainPage, Conductor, ConductorId, Erasure, Fault, Health, Hosted,
    Nudge, Provision, Reply, SignedCall,
};

/// What a conductor in another process is reached with.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Its name.
    pub id: ConductorId,
    /// Where its admin socket is, as `HOST:PORT`, with or without `ws://` before it.
    pub address: String,
    /// The community's network seed; cells of other DNAs are refused.
    pub network_seed: String,
    /// The packed app, `zomes/commonhold.happ`.
    pub bundle: Bytes,
    /// Its bounds.
    pub limits: RemoteLimits,
}

/// The bounds of what is asked of a conductor in another process.
#[derive(Clone, Copy, Debug)]
pub struct RemoteLimits {
    /// Requests under way; fewer than a conductor takes from one connection.
    pub requests_max: usize,
    /// Requests that wait for their turn.
    pub waiting_max: usize,
    /// Bytes of a message that is received.
    pub message_bytes_max: usize,
    /// App sockets that are kept open.
    pub app_sockets_max: usize,
    /// Nudges that a reader may fall behind before it misses some.
    pub nudges_len_max: usize,
    /// How long opening a connection may take.
    pub opening_max: Duration,
    /// How long a request waits for a connection that is being opened.
    pub connection_wait_max: Duration,
    /// How long an answer may take.
    pub answer_max: Duration,
    /// How long a message may take to be written.
    pub writing_max: Duration,
    /// How long a connection may be silent; it is asked for a sign of life three times in that time.
    pub silence_max: Duration,
    /// The shortest pause before a connection is opened again; it doubles with each failure.
    pub pause_min: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// Failures in a row after which nothing is asked for a while.
    pub failures_max: u32,
}

impl Default for RemoteLimits {
    fn default() -> Self {
        Self {
            requests_max: 100,
            waiting_max: 4_096,
            message_bytes_max: 64 * 1_024 * 1_024,
            app_sockets_max: 64,
            nudges_len_max: 1_024,
            opening_max: Duration::from_secs(5),
            connection_wait_max: Duration::from_secs(2),
            answer_max: Duration::from_secs(60),
            writing_max: Duration::from_secs(30),
            silence_max: Duration::from_secs(30),
            pause_min: Duration::from_millis(50),
            pause_max: Duration::from_secs(5),
            failures_max: 5,
        }
    }
}

/// A conductor in another process.
pub struct Remote {
    inner: Arc<Inner>,
}

/// What the handle and its tasks share.
struct Inner {
    id: ConductorId,
    dna: DnaHash,
    network_seed: String,
    bundle: Bytes,
    limits: RemoteLimits,
    link: Link,
    apps: AppSockets,
    capabilities: Mutex<Capabilities>,
    cells: Mutex<Cells>,
    nudges: broadcast::Sender<Nudge>,
    group: TaskGroup,
    shutdown: Shutdown,
}

/// What is known of the conductor's cells.
#[derive(Default)]
struct Cells {
    apps: HashMap<CellId, AppId>,
    signers: HashMap<CellId, Arc<dyn Signer>>,
    /// The place of the last nudge.
    nudged: HashMap<CellId, u32>,
}

impl Remote {
    /// Starts to connect, and goes on trying until [`Remote::close`].
    #[must_use]
    pub fn open(config: RemoteConfig, clock: Clock, group: TaskGroup) -> Arc<Self> {
        let RemoteConfig {
            id,
            address,
            network_seed,
            bundle,
            limits,
        } = config;
        let (nudges, _) = broadcast::channel(limits.nudges_len_max.max(1));
        let inner = Arc::new(Inner {
            link: Link::new(id.clone(), &address, limits, clock),
            apps: AppSockets::default(),
            id,
            dna: dna::hash_for(&network_seed),
            network_seed,
            bundle,
            limits,
            capabilities: Mutex::default(),
            cells: Mutex::default(),
            nudges,
            group,
            shutdown: Shutdown::new(),
        });
        inner.group.spawn(link::keep(Arc::clone(&inner)));
        Arc::new(Self { inner })
    }

    /// Waits until there is a connection, as long as a request would; tells whether there is one.
    pub async fn is_connected(&self) -> bool {
        self.inner.link.session().await.is_ok()
    }

    /// Ends all connections; later requests fail.
    pub fn close(&self) {
        self.inner.shutdown.request();
        self.inner.apps.close();
    }
}

impl Inner {
    /// Asks one of Commonhold's own requests.
    async fn own(&self, request: OwnRequest, wish: Wish) -> Result<OwnAnswer, Fault> {
        let request = AdminRequest::Commonhold(Box::new(request));
        match self.link.ask(&request, wish).await? {
            AdminAnswer::Commonhold(answer) => match *answer {
                OwnAnswer::Refused(refusal) => Err(refusal.into_fault()),
                answer => Ok(answer),
            },
            AdminAnswer::Error(error) if error.class == ErrorView::DESERIALIZATION => {
                Err(Fault::Unsupported("answer Commonhold's own requests"))
            }
            AdminAnswer::Error(error) => Err(self.failed(&error)),
            other => Err(self.garbled(&other)),
        }
    }

    /// Reads an error that names nothing which the caller knows better.
    fn failed(&self, error: &ErrorView) -> Fault {
        refusal::read_detail(error).unwrap_or_else(|| Fault::Elsewhere(error.value.clone()))
    }

    fn garbled(&self, answer: &impl std::fmt::Debug) -> Fault {
        let mut reason = format!("{answer:?}");
        reason.truncate(reason.floor_char_boundary(200));
        Fault::Garbled {
            conductor: self.id.clone(),
            reason,
        }
    }

    /// Tells readers that a chain has grown, unless they were told.
    fn note(&self, cell: &CellId, seq: u32) {
        let mut cells = lock(&self.cells);
        if cells.nudged.get(cell).is_some_and(|&last| last >= seq) {
            return;
        }
        cells.nudged.insert(cell.clone(), seq);
        drop(self.nudges.send(Nudge {
            cell: cell.clone(),
            seq,
        }));
    }

    /// Notes an app that is hosted, and its head.
    fn note_hosted(&self, hosted: &Hosted) {
        let (cell, app) = (hosted.cell.clone(), hosted.app_id.clone());
        lock(&self.cells).apps.insert(cell, app);
        if let Some(head) = &hosted.head {
            self.note(&hosted.cell, head.seq);
        }
    }

    fn read_records(&self, parts: &[RecordParts]) -> Result<Vec<Record>, Fault> {
        RecordParts::read_all(parts).ok_or_else(|| self.garbled(&"a record that is none"))
    }

    async fn list(
        &self,
        app: Option<&AppId>,
        after: Option<&AppId>,
        limit: u32,
    ) -> Result<Vec<Hosted>, Fault> {
        let request = OwnRequest::Hosted {
            app: app.map(AppId::to_string),
            after: after.map(AppId::to_string),
            limit,
        };
        match self.own(request, Wish::Read).await? {
            OwnAnswer::Hosted(views) => {
                let hosted = views.into_iter().map(Hosted::try_from);
                hosted
                    .collect::<Result<_, _>>()
                    .map_err(|error| self.garbled(&error))
            }
            other => Err(self.garbled(&other)),
        }
    }

    async fn read_chain(
        &self,
        cell: &CellId,
        after: Option<u32>,
        limit: u32,
    ) -> Result<ChainPage, Fault> {
        let request = OwnRequest::Chain {
            cell_id: CellPair(cell.clone()),
            after,
            limit,
        };
        match self.own(request, Wish::Read).await? {
            OwnAnswer::Chain {
                records,
                head,
                is_closed,
            } => Ok(ChainPage {
                records: self.read_records(&records)?,
                head: head.as_ref().and_then(HeadView::read),
                is_closed,
            }),
            other => Err(self.garbled(&other)),
        }
    }

    async fn find(&self, cell: &CellId, action: &ActionHash) -> Result<Option<Record>, Fault> {
        let request = OwnRequest::Find {
            cell_id: CellPair(cell.clone()),
            action: ActionBytes(action.clone()),
        };
        match self.own(request, Wish::Read).await? {
            OwnAnswer::Records(parts) => Ok(self.read_records(&parts)?.pop()),
            other => Err(self.garbled(&other)),
        }
    }

    async fn write(&self, cell: &CellId, writes: Vec<Write>) -> Result<Vec<Record>, Fault> {
        let request = OwnRequest::Write {
            cell_id: CellPair(cell.clone()),
            writes: writes.iter().map(WriteRequest::from).collect(),
        };
        match self.own(request, Wish::Change).await? {
            OwnAnswer::Records(parts) => {
                let records = self.read_records(&parts)?;
                if let Some(last) = records.last() {
                    self.note(cell, last.action().action_seq());
                }
                Ok(records)
            }
            other => Err(self.garbled(&other)),
        }
    }

    async fn append(&self, cell: &CellId, records: Vec<Record>) -> Result<Head, Fault> {
        let request = OwnRequest::Append {
            cell_id: CellPair(cell.clone()),
            records: RecordParts::of_all(&records),
        };
        match self.own(request, Wish::Change).await? {
            OwnAnswer::Head(view) => {
                let head = view.read();
                let head = head.ok_or_else(|| self.garbled(&"a head that is none"))?;
                self.note(cell, head.seq);
                Ok(head)
            }
            other => Err(self.garbled(&other)),
        }
    }

    async fn switch(&self, app: &AppId, is_enabled: bool) -> Result<(), Fault> {
        let name = AppName {
            installed_app_id: app.to_string(),
        };
        let request = if is_enabled {
            AdminRequest::EnableApp(name)
        } else {
            AdminRequest::DisableApp(name)
        };
        match self.link.ask(&request, Wish::Change).await? {
            AdminAnswer::AppEnabled(_) | AdminAnswer::AppDisabled => Ok(()),
            AdminAnswer::Error(error) if error.value.contains("AppNotInstalled(") => {
                Err(Fault::UnknownApp(app.clone()))
            }
            AdminAnswer::Error(error) => Err(self.failed(&error)),
            other => Err(self.garbled(&other)),
        }
    }

    async fn retire(&self, app: &AppId) -> Result<Erasure, Fault> {
        let request = OwnRequest::Retire {
            app: app.to_string(),
        };
        let OwnAnswer::Erased { records, remains } = self.own(request, Wish::Change).await? else {
            return Err(self.garbled(&"something else than an erasure"));
        };
        let mut cells = lock(&self.cells);
        let gone: Vec<CellId> = cells
            .apps
            .iter()
            .filter(|(_, known)| *known == app)
            .map(|(cell, _)| cell.clone())
            .collect();
        for cell in gone {
            cells.apps.remove(&cell);
            cells.signers.remove(&cell);
            cells.nudged.remove(&cell);
        }
        Ok(Erasure {
            records,
            remains: remains.into_iter().map(Into::into).collect(),
        })
    }

    async fn health(&self) -> Result<Health, Fault> {
        match self.own(OwnRequest::Health, Wish::Read).await? {
            OwnAnswer::Health(view) => Ok(view.into()),
            other => Err(self.garbled(&other)),
        }
    }
}

impl Conductor for Remote {
    fn id(&self) -> &ConductorId {
        &self.inner.id
    }

    /// What the conductor said at the last connection; nothing before the first one.
    fn capabilities(&self) -> Capabilities {
        *lock(&self.inner.capabilities)
    }

    fn health(&self) -> Reply<'_, Health> {
        Box::pin(self.inner.health())
    }

    fn provision(&self, provision: Provision) -> Reply<'_, Hosted> {
        Box::pin(self.inner.provision(provision))
    }

    fn set_enabled<'a>(&'a self, app: &'a AppId, is_enabled: bool) -> Reply<'a, ()> {
        Box::pin(self.inner.switch(app, is_enabled))
    }

    fn retire<'a>(&'a self, app: &'a AppId) -> Reply<'a, Erasure> {
        Box::pin(self.inner.retire(app))
    }

    fn hosted<'a>(&'a self, after: Option<&'a AppId>, limit: u32) -> Reply<'a, Vec<Hosted>> {
        Box::pin(self.inner.list(None, after, limit))
    }

    fn call(&self, call: SignedCall) -> Reply<'_, Bytes> {
        Box::pin(self.inner.call(call))
    }

    fn chain<'a>(
        &'a self,
        cell: &'a CellId,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainPage> {
        Box::pin(self.inner.read_chain(cell, after, limit))
    }

    fn find<'a>(&'a self, cell: &'a CellId, action: &'a ActionHash) -> Reply<'a, Option<Record>> {
        Box::pin(self.inner.find(cell, action))
    }

    fn nudges(&self) -> broadcast::Receiver<Nudge> {
        self.inner.nudges.subscribe()
    }

    fn write<'a>(&'a self, cell: &'a CellId, writes: Vec<Write>) -> Reply<'a, Vec<Record>> {
        Box::pin(self.inner.write(cell, writes))
    }

    fn append<'a>(&'a self, cell: &'a CellId, records: Vec<Record>) -> Reply<'a, Head> {
        Box::pin(self.inner.append(cell, records))
    }
}
