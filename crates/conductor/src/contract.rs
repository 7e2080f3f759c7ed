//! What every engine does, whatever it is made of.
//!
//! Changes are idempotent by [`AppId`]. An engine says what it cannot do ([`Capabilities`]) and what it could not
//! erase ([`Erasure`]); it never pretends.

use std::fmt;
use std::ops::BitOr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use chain::{ActionHash, DnaHash, Head, Record, Signer, Write};
use tokio::sync::broadcast;

use crate::{AppId, CellId, ConductorId, Fault};

/// The answer to a request, as a boxed future, so that the trait can be used behind a pointer.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// One engine that hosts cells.
///
/// # Cancel safety
/// Futures of reading methods may be dropped at any time. A changing method whose future is dropped has done all of
/// its work or none of it once its cell is used again; ask [`Conductor::chain`] which.
pub trait Conductor: Send + Sync {
    /// Returns the engine's name.
    fn id(&self) -> &ConductorId;

    /// Returns what the engine can do.
    fn capabilities(&self) -> Capabilities;

    /// Tells how the engine is.
    fn health(&self) -> Reply<'_, Health>;

    /// Makes a cell, or takes up one that is there: its signer is not kept on disk, so this is called at every start.
    ///
    /// A new cell is [`State::Ready`] and writes nothing before [`Conductor::set_enabled`].
    ///
    /// # Errors
    /// [`Fault::AppTaken`], [`Fault::CellTaken`], [`Fault::Capacity`], [`Fault::Unsupported`],
    /// [`Fault::ForeignSigner`], and what [`Conductor::append`] returns for the records that the cell starts with.
    fn provision(&self, provision: Provision) -> Reply<'_, Hosted>;

    /// Lets a cell write, or stops it. Reading its chain works either way.
    ///
    /// # Errors
    /// [`Fault::UnknownApp`].
    fn set_enabled<'a>(&'a self, app: &'a AppId, is_enabled: bool) -> Reply<'a, ()>;

    /// Erases a cell with its chain, and says what could not be erased. An unknown app is erased already.
    fn retire<'a>(&'a self, app: &'a AppId) -> Reply<'a, Erasure>;

    /// Lists apps by name, those after `after`, at most `limit` and at most as many as the engine's own limit.
    fn hosted<'a>(&'a self, after: Option<&'a AppId>, limit: u32) -> Reply<'a, Vec<Hosted>>;

    /// Runs a call that the cell's own agent signed. The engine sees no key.
    ///
    /// # Errors
    /// [`Fault::Call`], and what [`Conductor::write`] returns.
    fn call(&self, call: SignedCall) -> Reply<'_, Bytes>;

    /// Returns records of a chain in order, those after the sequence number `after`, from the first when there is none.
    ///
    /// A page may be shorter than `limit`; the chain ends where [`ChainPage::head`] says. This is export, replay and
    /// the filling of gaps.
    ///
    /// # Errors
    /// [`Fault::UnknownCell`], [`Fault::Damaged`].
    fn chain<'a>(
        &'a self,
        cell: &'a CellId,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainPage>;

    /// Finds one record of a cell by the hash of its action.
    ///
    /// # Errors
    /// [`Fault::UnknownCell`], [`Fault::Damaged`].
    fn find<'a>(&'a self, cell: &'a CellId, action: &'a ActionHash) -> Reply<'a, Option<Record>>;

    /// Returns a feed of "cell X reached place N". It loses messages on purpose: a slow reader misses some and
    /// asks [`Conductor::chain`]. A nudge comes after its record is on stable storage.
    fn nudges(&self) -> broadcast::Receiver<Nudge>;

    /// Writes with the signer that the engine was given for this cell: all in this order or none.
    ///
    /// # Errors
    /// [`Fault::NoSigner`], [`Fault::Disabled`], [`Fault::Closed`], [`Fault::Rejected`] for a body that breaks the
    /// envelope's rules, [`Fault::Refused`] and [`Fault::Pending`] from the signer, [`Fault::TooMany`].
    fn write<'a>(&'a self, cell: &'a CellId, writes: Vec<Write>) -> Reply<'a, Vec<Record>>;

    /// Takes records that were signed elsewhere: all or none. Records that are there already are passed over, so
    /// sending again is fine; an entry that was missing is filled in. Returns the head afterwards.
    ///
    /// # Errors
    /// [`Fault::Gap`], [`Fault::Fork`], [`Fault::Rejected`], [`Fault::Disabled`], [`Fault::TooMany`], [`Fault::Empty`],
    /// and [`Fault::Pending`] while an earlier write of the engine's own signer waits for it.
    fn append<'a>(&'a self, cell: &'a CellId, records: Vec<Record>) -> Reply<'a, Head>;
}

/// What an engine can do, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Nothing beyond the contract.
    pub const NONE: Self = Self(0);
    /// Private entries come out with the chain.
    pub const PRIVATE_EXPORT: Self = Self(1);
    /// A chain can be put in as a whole ([`Origin::Records`]).
    pub const CHAIN_IMPORT: Self = Self(2);
    /// A chain can be fetched from peers ([`Origin::Network`]).
    pub const NETWORK_RESTORE: Self = Self(4);
    /// Records are published to peers.
    pub const NETWORKED: Self = Self(8);

    /// Returns whether everything in `wanted` is in this set.
    #[must_use]
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Returns the set as bits, one for each capability.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Makes the set of these bits; bits that mean nothing are left out.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it takes requests.
    pub is_ready: bool,
    /// The version of the engine.
    pub version: String,
    /// Cells that it hosts.
    pub cells: u64,
    /// Space that each DNA takes.
    pub dnas: Vec<DnaUse>,
    /// Peers that it is connected to, for engines that have some.
    pub peers: Option<u32>,
}

/// Space that the chains of one DNA take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnaUse {
    /// The DNA.
    pub dna: DnaHash,
    /// Its cells.
    pub cells: u64,
    /// Bytes of its actions and entries, without the store's own overhead.
    pub bytes: u64,
}

/// A request for a cell.
#[derive(Clone, Debug)]
pub struct Provision {
    /// The name that makes the request idempotent.
    pub app_id: AppId,
    /// Which cell.
    pub cell: CellId,
    /// Where its chain comes from.
    pub origin: Origin,
    /// Who signs for it.
    pub custody: Custody,
}

/// Where a cell's chain comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A new chain. With [`Custody::External`] its first records come with the first [`Conductor::append`].
    Genesis,
    /// Peers hold it; that many of them must agree on the head.
    Network {
        /// Peers that must agree.
        quorum: u8,
    },
    /// These are its records, from the first.
    Records(Vec<Record>),
}

/// Who signs for a cell.
#[derive(Clone)]
pub enum Custody {
    /// The engine asks this signer.
    Signer(Arc<dyn Signer>),
    /// The person signs on a device of their own and sends records.
    External,
}

impl fmt::Debug for Custody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer(signer) => write!(formatter, "Signer({})", signer.agent()),
            Self::External => formatter.write_str("External"),
        }
    }
}

/// An app on an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// Its name.
    pub app_id: AppId,
    /// Its cell.
    pub cell: CellId,
    /// What it is doing.
    pub state: State,
    /// The newest record of its chain.
    pub head: Option<Head>,
}

/// What an app is doing. Long work is polled, never waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its first records are not signed yet.
    Provisioning,
    /// It waits for a membrane proof.
    AwaitingProof,
    /// Its chain is being fetched from peers.
    Restoring,
    /// It is there and does not write.
    Ready,
    /// It takes writes.
    Enabled,
    /// It cannot be used, for this reason.
    Failed(String),
}

/// What erasing did and what it could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Records that were erased here.
    pub records: u64,
    /// What remains.
    pub remains: Vec<Remnant>,
}

/// Something that erasing a cell leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remnant {
    /// What others took before: projections, followers, peers, backups.
    Copies,
    /// Nonces of calls that have not expired yet, under the agent's key; they go within five minutes of the next call.
    CallNonces,
    /// Pages in the store's log that a reader still held; they go with the next checkpoint.
    StoreLog,
    /// A database that other cells of the same DNA share and that is not rewritten.
    SharedDatabase,
    /// A key in a keystore that cannot delete.
    Key,
}

/// A call signed by the cell's agent; Holochain's `ZomeCallParamsSigned`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCall {
    /// The msgpack of [`crate::wire::CallParams`], as it was signed.
    pub bytes: Bytes,
    /// Ed25519 by the provenance's key over SHA-512 of the bytes.
    pub signature: [u8; 64],
}

/// Records of a chain, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPage {
    /// The records, with every entry that is stored.
    pub records: Vec<Record>,
    /// The newest record of the whole chain, at the moment when the page was read.
    pub head: Option<Head>,
    /// Whether the author closed the chain.
    pub is_closed: bool,
}

/// "This cell has reached this place."
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nudge {
    /// The cell.
    pub cell: CellId,
    /// The sequence number of its newest record then.
    pub seq: u32,
}
