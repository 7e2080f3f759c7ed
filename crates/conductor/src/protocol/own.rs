//! What Commonhold asks of its own conductors and Holochain has no request for, on the admin socket.
//!
//! Who signs stays outside of the conductor: a connection says for which cells it signs ([`OwnRequest::Sign`]), is asked
//! by a signal ([`OwnSignal::Sign`]) and answers with a request ([`OwnRequest::Signed`]).

use chain::{Head, Record, SignError, record};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::protocol::hash::{ActionBytes, CellPair, DnaBytes};
use crate::protocol::refusal::Refusal;
use crate::wire::{HeadView, WriteRequest};
use crate::{
    AppId, ChainPage, DnaUse, Erasure, Fault, Health, Hosted, MalformedId, Remnant, State,
};

/// What is asked.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum OwnRequest {
    /// What this conductor can do. Answered with [`OwnAnswer::About`].
    About,
    /// How it is. Answered with [`OwnAnswer::Health`].
    Health,
    /// A cell whose chain is there already, or whose agent signs elsewhere. Answered with [`OwnAnswer::Hosted`].
    Install(Box<OwnInstall>),
    /// This connection signs for these cells from now on. Answered with [`OwnAnswer::Taken`] when what waited is signed.
    Sign {
        /// The cells.
        cells: Vec<CellPair>,
    },
    /// The signatures that [`OwnSignal::Sign`] asked for. Answered with [`OwnAnswer::Taken`].
    Signed {
        /// The number of the signal.
        id: u64,
        /// The signatures of the first actions, in order.
        signatures: Vec<ByteBuf>,
        /// Why the others were not signed.
        end: Option<SignEnd>,
    },
    /// This connection wants all nudges. Answered with [`OwnAnswer::Taken`].
    Watch,
    /// One app, or those after a name. Answered with [`OwnAnswer::Hosted`].
    Hosted {
        /// Only this app.
        app: Option<String>,
        /// Those after this name.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// Records of a chain. Answered with [`OwnAnswer::Chain`].
    Chain {
        /// The cell.
        cell_id: CellPair,
        /// Those after this place.
        after: Option<u32>,
        /// At most so many.
        limit: u32,
    },
    /// One record. Answered with [`OwnAnswer::Records`], of none or one.
    Find {
        /// The cell.
        cell_id: CellPair,
        /// The hash of its action.
        action: ActionBytes,
    },
    /// Writes, all or none. Answered with [`OwnAnswer::Records`].
    Write {
        /// The cell.
        cell_id: CellPair,
        /// The writes.
        writes: Vec<WriteRequest>,
    },
    /// Takes records that were signed elsewhere. Answered with [`OwnAnswer::Head`].
    Append {
        /// The cell.
        cell_id: CellPair,
        /// The records.
        records: Vec<RecordParts>,
    },
    /// Erases an app. Answered with [`OwnAnswer::Erased`].
    Retire {
        /// Its name.
        app: String,
    },
}

/// A request for a cell.
#[derive(Debug, Deserialize, Serialize)]
pub struct OwnInstall {
    /// The app's name.
    pub app: String,
    /// The cell; its DNA must be that of the network seed.
    pub cell_id: CellPair,
    /// The community's seed.
    pub network_seed: String,
    /// The chain's first records; a new chain when there are none, or one that the person sends.
    pub records: Option<Vec<RecordParts>>,
    /// Whether the person signs elsewhere.
    pub is_external: bool,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum OwnAnswer {
    /// What the conductor is.
    About {
        /// Its version.
        version: String,
        /// What it can do, as the bits of [`crate::Capabilities`].
        capabilities: u8,
    },
    /// How it is.
    Health(HealthView),
    /// Apps.
    Hosted(Vec<HostedView>),
    /// It was done.
    Taken,
    /// A page of a chain.
    Chain {
        /// The records.
        records: Vec<RecordParts>,
        /// The newest record of the whole chain.
        head: Option<HeadView>,
        /// Whether the chain was closed.
        is_closed: bool,
    },
    /// Records.
    Records(Vec<RecordParts>),
    /// The newest record.
    Head(HeadView),
    /// What erasing did.
    Erased {
        /// Records that were erased.
        records: u64,
        /// What remains.
        remains: Vec<RemnantView>,
    },
    /// It did not work.
    Refused(Refusal),
}

/// What comes without being asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum OwnSignal {
    /// Signatures are wanted.
    Sign {
        /// The number of this wish.
        id: u64,
        /// The cell whose actions they are.
        cell_id: CellPair,
        /// The actions, in order, each as its canonical bytes.
        actions: Vec<ByteBuf>,
    },
    /// A chain has grown.
    Nudge {
        /// The cell.
        cell_id: CellPair,
        /// The sequence number of its newest record then.
        seq: u32,
    },
}

/// A record as the bytes of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordParts {
    /// The action, as it is hashed and signed.
    pub action: ByteBuf,
    /// 64 bytes.
    pub signature: ByteBuf,
    /// The entry, as it is hashed.
    pub entry: Option<ByteBuf>,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedView {
    /// Its name.
    pub app: String,
    /// Its cell.
    pub cell_id: CellPair,
    /// What it is doing.
    pub state: StateView,
    /// The newest record of its chain.
    pub head: Option<HeadView>,
}

/// What an app is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum StateView {
    /// As [`State::Provisioning`].
    Provisioning,
    /// As [`State::AwaitingProof`].
    AwaitingProof,
    /// As [`State::Restoring`].
    Restoring,
    /// As [`State::Ready`].
    Ready,
    /// As [`State::Enabled`].
    Enabled,
    /// As [`State::Failed`].
    Failed(String),
}

/// How a conductor is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthView {
    /// Whether it takes requests.
    pub is_ready: bool,
    /// Its version.
    pub version: String,
    /// Cells that it hosts.
    pub cells: u64,
    /// Space by DNA: the DNA, its cells, its bytes.
    pub dnas: Vec<(DnaBytes, u64, u64)>,
    /// Peers that it is connected to.
    pub peers: Option<u32>,
}

/// What remains of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemnantView {
    /// As [`Remnant::Copies`].
    Copies,
    /// As [`Remnant::CallNonces`].
    CallNonces,
    /// As [`Remnant::StoreLog`].
    StoreLog,
    /// As [`Remnant::SharedDatabase`].
    SharedDatabase,
    /// As [`Remnant::Key`].
    Key,
}

/// Why a signer stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum SignEnd {
    /// As [`SignError::Foreign`].
    Foreign,
    /// As [`SignError::Equivocation`].
    Equivocation(u32),
    /// As [`SignError::Unavailable`].
    Unavailable(String),
}

impl From<&Record> for RecordParts {
    fn from(record: &Record) -> Self {
        Self {
            action: ByteBuf::from(record::action_bytes(record.action())),
            signature: ByteBuf::from(record.signature().0),
            entry: record::present(record).map(|entry| ByteBuf::from(record::entry_bytes(entry))),
        }
    }
}

impl RecordParts {
    /// Makes the parts of several records.
    #[must_use]
    pub fn of_all(records: &[Record]) -> Vec<Self> {
        records.iter().map(Self::from).collect()
    }

    /// Reads several records; `None` when a part is not what it should be.
    #[must_use]
    pub fn read_all(parts: &[Self]) -> Option<Vec<Record>> {
        let read = |parts: &Self| {
            let entry = parts.entry.as_ref().map(|entry| entry.as_slice());
            record::decode(&parts.action, &parts.signature, entry).ok()
        };
        parts.iter().map(read).collect()
    }
}

impl HeadView {
    /// Reads the head; `None` when its hash is none.
    #[must_use]
    pub fn read(&self) -> Option<Head> {
        let hash = ActionBytes::try_from(self.hash.clone()).ok()?;
        Some(Head {
            seq: self.seq,
            hash: hash.0,
            timestamp: base::Timestamp(self.timestamp),
        })
    }
}

impl OwnAnswer {
    /// Makes the answer of a page.
    #[must_use]
    pub fn of_page(page: &ChainPage) -> Self {
        Self::Chain {
            records: RecordParts::of_all(&page.records),
            head: page.head.as_ref().map(HeadView::from),
            is_closed: page.is_closed,
        }
    }

    /// Makes the answer of an erasure.
    #[must_use]
    pub fn of_erasure(erasure: &Erasure) -> Self {
        Self::Erased {
            records: erasure.records,
            remains: erasure.remains.iter().map(|&rest| rest.into()).collect(),
        }
    }
}

impl From<Result<Self, Fault>> for OwnAnswer {
    fn from(result: Result<Self, Fault>) -> Self {
        result.unwrap_or_else(|fault| Self::Refused(Refusal::from(&fault)))
    }
}

impl From<&Hosted> for HostedView {
    fn from(hosted: &Hosted) -> Self {
        Self {
            app: hosted.app_id.as_str().to_owned(),
            cell_id: CellPair(hosted.cell.clone()),
            state: (&hosted.state).into(),
            head: hosted.head.as_ref().map(HeadView::from),
        }
    }
}

impl TryFrom<HostedView> for Hosted {
    type Error = MalformedId;

    fn try_from(view: HostedView) -> Result<Self, MalformedId> {
        let app_id: AppId = view.app.parse()?;
        Ok(Self {
            app_id,
            cell: view.cell_id.0,
            state: view.state.into(),
            head: view.head.as_ref().and_then(HeadView::read),
        })
    }
}

impl From<&Health> for HealthView {
    fn from(health: &Health) -> Self {
        let dna = |used: &DnaUse| (DnaBytes(used.dna.clone()), used.cells, used.bytes);
        Self {
            is_ready: health.is_ready,
            version: health.version.clone(),
            cells: health.cells,
            dnas: health.dnas.iter().map(dna).collect(),
            peers: health.peers,
        }
    }
}

impl From<HealthView> for Health {
    fn from(view: HealthView) -> Self {
        let dna = |(dna, cells, bytes): (DnaBytes, u64, u64)| DnaUse {
            dna: dna.0,
            cells,
            bytes,
        };
        Self {
            is_ready: view.is_ready,
            version: view.version,
            cells: view.cells,
            dnas: view.dnas.into_iter().map(dna).collect(),
            peers: view.peers,
        }
    }
}

/// Turns values of one enum into those of another with the same names, both ways.
macro_rules! same_names {
    ($one:ident, $other:ident: $($name:ident),*) => {
        impl From<$one> for $other {
            fn from(one: $one) -> Self {
                match one { $($one::$name => Self::$name,)* }
            }
        }

        impl From<$other> for $one {
            fn from(other: $other) -> Self {
                match other { $($other::$name => Self::$name,)* }
            }
        }
    };
}

same_names!(Remnant, RemnantView: Copies, CallNonces, StoreLog, SharedDatabase, Key);

impl From<&State> for StateView {
    fn from(state: &State) -> Self {
        match state {
            State::Provisioning => Self::Provisioning,
            State::AwaitingProof => Self::AwaitingProof,
            State::Restoring => Self::Restoring,
            State::Ready => Self::Ready,
            State::Enabled => Self::Enabled,
            State::Failed(reason) => Self::Failed(reason.clone()),
        }
    }
}

impl From<StateView> for State {
    fn from(view: StateView) -> Self {
        match view {
            StateView::Provisioning => Self::Provisioning,
            StateView::AwaitingProof => Self::AwaitingProof,
            StateView::Restoring => Self::Restoring,
            StateView::Ready => Self::Ready,
            StateView::Enabled => Self::Enabled,
            StateView::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<&SignError> for SignEnd {
    fn from(error: &SignError) -> Self {
        match error {
            SignError::Foreign => Self::Foreign,
            SignError::Equivocation { seq } => Self::Equivocation(*seq),
            SignError::Unavailable(reason) => Self::Unavailable(reason.clone()),
        }
    }
}

impl From<SignEnd> for SignError {
    fn from(end: SignEnd) -> Self {
        match end {
            SignEnd::Foreign => Self::Foreign,
            SignEnd::Equivocation(seq) => Self::Equivocation { seq },
            SignEnd::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}
