//! The embedded engine: chains in one SQLite file, in Holochain's own format.
//!
//! Writing is stage (commit) → sign → store and unstage (commit) → nudge. Whatever is interrupted between the two
//! commits is finished by the next change of that cell: the same bytes are signed again, which gives the same signature.
//!
//! # Invariants
//! * `records` holds only what was verified from the head that was stored before it.
//! * Nothing reaches a signer that is not on stable storage; nothing is announced that is not either.
//!
//! It has no peers, and takes no membrane proofs.

mod append;
mod apps;
mod call;
mod lane;
mod roll;
mod schema;
mod store;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use chain::{ActionHash, Head, Record, Write};
use db::Sqlite;
use runtime::Clock;
use tokio::sync::broadcast;

use crate::embedded::lane::{Lane, Lanes};
use crate::embedded::store::Loaded;
use crate::{
    AppId, Capabilities, CellId, ChainPage, Conductor, ConductorId, Erasure, Fault, Health, Hosted,
    Nudge, OpenError, Provision, Reply, SignedCall,
};

/// Records that are signed or verified before other tasks get a turn.
const RECORDS_PER_TURN: usize = 32;

/// Name of the database inside of the folder.
const FILE: &str = "conductor.db";

/// What an embedded engine is opened with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name.
    pub id: ConductorId,
    /// The folder of its database; made when it is missing.
    pub folder: PathBuf,
    /// Its bounds.
    pub limits: Limits,
}

/// The bounds of an embedded engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Cells that it hosts. How many of them one doorway wants is the assignment's decision.
    pub cells_len_max: u32,
    /// Records in one [`Conductor::write`] or [`Conductor::append`].
    pub batch_len_max: u32,
    /// Records of a chain that a cell starts with.
    pub import_len_max: u32,
    /// Records, or apps, in one page.
    pub page_len_max: u32,
    /// Bytes of actions and entries after which a page ends.
    pub page_bytes_max: u64,
    /// Nudges that a reader may fall behind before it misses some.
    pub nudges_len_max: usize,
    /// Bytes of a signed call.
    pub call_bytes_max: u32,
    /// Calls of one agent that are remembered, for five minutes each.
    pub nonces_len_max: u32,
    /// The bounds of the database.
    pub db: db::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cells_len_max: 10_000,
            batch_len_max: 1_000,
            import_len_max: 100_000,
            page_len_max: 1_000,
            page_bytes_max: 8 * 1_024 * 1_024,
            nudges_len_max: 1_024,
            call_bytes_max: 80 * 1_024,
            nonces_len_max: 10_000,
            db: db::Limits::default(),
        }
    }
}

/// The embedded engine.
pub struct Embedded {
    id: ConductorId,
    limits: Limits,
    clock: Clock,
    db: Sqlite,
    lanes: Lanes,
    nudges: broadcast::Sender<Nudge>,
}

impl Embedded {
    /// Opens the engine's folder. Cells are there at once; their signers are given by [`Conductor::provision`].
    ///
    /// # Errors
    /// [`OpenError`], among others when another process uses the folder or a newer version wrote it.
    pub fn open(config: Config, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let Config { id, folder, limits } = config;
        let db = Sqlite::open(folder.join(FILE), schema::MIGRATIONS, limits.db)?;
        let (nudges, _) = broadcast::channel(limits.nudges_len_max.max(1));
        Ok(Arc::new(Self {
            id,
            limits,
            clock,
            db,
            lanes: Lanes::default(),
            nudges,
        }))
    }

    /// Finishes what is under way and closes the store; later requests fail.
    ///
    /// # Errors
    /// [`Fault::Store`] when the store's log could not be copied; it is copied at the next start.
    pub async fn close(&self) -> Result<(), Fault> {
        Ok(self.db.close().await?)
    }

    /// Describes one app; `None` when it is not hosted.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Damaged`].
    pub async fn app(&self, app: &AppId) -> Result<Option<Hosted>, Fault> {
        let app = app.clone();
        let hosted = self.db.read(move |tx| -> Result<_, Fault> {
            match roll::cell_of(tx, &app)? {
                Some(cell) => roll::describe(tx, app, cell).map(Some),
                None => Ok(None),
            }
        });
        Ok(hosted.await?)
    }

    /// Returns the app to which a cell belongs.
    ///
    /// # Errors
    /// [`Fault::Store`].
    pub async fn app_of(&self, cell: &CellId) -> Result<Option<AppId>, Fault> {
        let cell = cell.clone();
        Ok(self.db.read(move |tx| roll::app_of(tx, &cell)).await?)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns what the store holds of a cell.
    ///
    /// It is asked through the writer's queue, behind every change that was sent before, also by futures that were
    /// dropped since.
    async fn load(&self, cell: &CellId, lane: &mut Lane) -> Result<Option<Loaded>, Fault> {
        if lane.loaded.is_none() {
            let wanted = cell.clone();
            lane.loaded = self.db.write(move |tx| store::load(tx, &wanted)).await?;
        }
        Ok(lane.loaded.clone())
    }

    /// Tells readers that a chain has grown. Nobody listening is fine.
    fn nudge(&self, cell: &CellId, seq: u32) {
        drop(self.nudges.send(Nudge {
            cell: cell.clone(),
            seq,
        }));
    }

    async fn read_chain(
        &self,
        cell: &CellId,
        after: Option<u32>,
        limit: u32,
    ) -> Result<ChainPage, Fault> {
        let cell = cell.clone();
        let limit = limit.clamp(1, self.limits.page_len_max.max(1));
        let bytes_max = self.limits.page_bytes_max;
        let page = self.db.read(move |tx| -> Result<ChainPage, Fault> {
            let Some(loaded) = store::load(tx, &cell)? else {
                return Err(Fault::UnknownCell(cell));
            };
            let records = match after.map_or(Some(0), |seq| seq.checked_add(1)) {
                Some(first) => store::page(tx, &cell, first, limit, bytes_max)?,
                None => Vec::new(),
            };
            Ok(ChainPage {
                records,
                head: loaded.head,
                is_closed: loaded.is_closed,
            })
        });
        Ok(page.await?)
    }

    async fn read_record(
        &self,
        cell: &CellId,
        action: &ActionHash,
    ) -> Result<Option<Record>, Fault> {
        let (cell, action) = (cell.clone(), action.clone());
        let record = self.db.read(move |tx| -> Result<Option<Record>, Fault> {
            if store::load(tx, &cell)?.is_none() {
                return Err(Fault::UnknownCell(cell));
            }
            store::find(tx, &cell, &action)
        });
        Ok(record.await?)
    }
}

impl Conductor for Embedded {
    fn id(&self) -> &ConductorId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PRIVATE_EXPORT | Capabilities::CHAIN_IMPORT
    }

    fn health(&self) -> Reply<'_, Health> {
        Box::pin(self.measure())
    }

    fn provision(&self, provision: Provision) -> Reply<'_, Hosted> {
        Box::pin(self.take_up(provision))
    }

    fn set_enabled<'a>(&'a self, app: &'a AppId, is_enabled: bool) -> Reply<'a, ()> {
        Box::pin(self.switch(app, is_enabled))
    }

    fn retire<'a>(&'a self, app: &'a AppId) -> Reply<'a, Erasure> {
        Box::pin(self.erase(app))
    }

    fn hosted<'a>(&'a self, after: Option<&'a AppId>, limit: u32) -> Reply<'a, Vec<Hosted>> {
        Box::pin(self.list(after, limit))
    }

    fn call(&self, call: SignedCall) -> Reply<'_, Bytes> {
        Box::pin(self.answer(call))
    }

    fn chain<'a>(
        &'a self,
        cell: &'a CellId,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainPage> {
        Box::pin(self.read_chain(cell, after, limit))
    }

    fn find<'a>(&'a self, cell: &'a CellId, action: &'a ActionHash) -> Reply<'a, Option<Record>> {
        Box::pin(self.read_record(cell, action))
    }

    fn nudges(&self) -> broadcast::Receiver<Nudge> {
        self.nudges.subscribe()
    }

    fn write<'a>(&'a self, cell: &'a CellId, writes: Vec<Write>) -> Reply<'a, Vec<Record>> {
        Box::pin(self.write_batch(cell, writes))
    }

    fn append<'a>(&'a self, cell: &'a CellId, records: Vec<Record>) -> Reply<'a, Head> {
        Box::pin(self.append_batch(cell, records))
    }
}
