//! Faults on their way over a socket: typed between Commonhold's own programs, in Holochain's words for everybody else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chain::{AgentPubKey, DnaHash, Rejection};
use serde::{Deserialize, Serialize};

use crate::protocol::hash::CellPair;
use crate::protocol::own::{RecordParts, SignEnd};
use crate::protocol::{self, ErrorView};
use crate::wire::CallParams;
use crate::{AppId, CallFault, CellId, Fault, SignedCall};

/// A [`Fault`] as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Refusal {
    /// As [`Fault::UnknownApp`].
    UnknownApp(String),
    /// As [`Fault::UnknownCell`].
    UnknownCell(CellPair),
    /// As [`Fault::AppTaken`].
    AppTaken(String, CellPair),
    /// As [`Fault::CellTaken`].
    CellTaken(String),
    /// As [`Fault::Capacity`].
    Capacity(u32),
    /// As [`Fault::Unsupported`].
    Unsupported(String),
    /// As [`Fault::Disabled`].
    Disabled(CellPair),
    /// As [`Fault::NoSigner`].
    NoSigner(CellPair),
    /// As [`Fault::ForeignSigner`].
    ForeignSigner,
    /// As [`Fault::Refused`].
    Refused(u32, SignEnd),
    /// As [`Fault::Pending`].
    Pending(u32, SignEnd),
    /// As [`Fault::Rejected`].
    Rejected(RejectionView),
    /// As [`Fault::Fork`]: the stored record, and the one that was sent.
    Fork(Box<RecordParts>, Box<RecordParts>),
    /// As [`Fault::Gap`].
    Gap(u32),
    /// As [`Fault::Closed`].
    Closed,
    /// As [`Fault::Empty`].
    Empty,
    /// As [`Fault::TooMany`].
    TooMany(u32),
    /// As [`Fault::Damaged`].
    Damaged(u32),
    /// As [`CallFault::Malformed`].
    MalformedCall,
    /// As [`CallFault::TooLong`].
    LongCall(u32),
    /// As [`CallFault::TooManyCalls`].
    ManyCalls(u32),
    /// Anything else, in words.
    Failed(String),
}

/// A [`Rejection`] as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RejectionView(#[serde(with = "RejectionParts")] pub Rejection);

/// The fields of a [`Rejection`], for writing and reading it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Rejection", rename_all = "snake_case")]
enum RejectionParts {
    Key,
    ForeignAuthor { seq: u32, found: AgentPubKey },
    Gap { wanted: u32, found: u32 },
    Link { seq: u32 },
    Timestamp { seq: u32 },
    Signature { seq: u32 },
    Entry { seq: u32 },
    Genesis { seq: u32 },
    Dna { wanted: DnaHash, found: DnaHash },
    Closed { seq: u32 },
    Structure { seq: u32, reason: String },
}

impl From<&Fault> for Refusal {
    fn from(fault: &Fault) -> Self {
        let pair = |cell: &CellId| CellPair(cell.clone());
        match fault {
            Fault::UnknownApp(app) => Self::UnknownApp(app.to_string()),
            Fault::UnknownCell(cell) => Self::UnknownCell(pair(cell)),
            Fault::AppTaken { app, cell } => Self::AppTaken(app.to_string(), pair(cell)),
            Fault::CellTaken { app } => Self::CellTaken(app.to_string()),
            Fault::Capacity { limit } => Self::Capacity(*limit),
            Fault::Unsupported(what) => Self::Unsupported((*what).to_owned()),
            Fault::Disabled(cell) => Self::Disabled(pair(cell)),
            Fault::NoSigner(cell) => Self::NoSigner(pair(cell)),
            Fault::ForeignSigner => Self::ForeignSigner,
            Fault::Refused { seq, source } => Self::Refused(*seq, source.into()),
            Fault::Pending { seq, source } => Self::Pending(*seq, source.into()),
            Fault::Rejected(rejection) => Self::Rejected(RejectionView(rejection.clone())),
            Fault::Fork { stored, offered } => Self::Fork(
                Box::new(stored.as_ref().into()),
                Box::new(offered.as_ref().into()),
            ),
            Fault::Gap { wanted } => Self::Gap(*wanted),
            Fault::Closed => Self::Closed,
            Fault::Empty => Self::Empty,
            Fault::TooMany { limit } => Self::TooMany(*limit),
            Fault::Damaged { seq } => Self::Damaged(*seq),
            Fault::Call(CallFault::Malformed) => Self::MalformedCall,
            Fault::Call(CallFault::TooLong { limit }) => Self::LongCall(*limit),
            Fault::Call(CallFault::TooManyCalls { limit }) => Self::ManyCalls(*limit),
            Fault::Call(_)
            | Fault::Store(_)
            | Fault::Elsewhere(_)
            | Fault::Unreachable { .. }
            | Fault::Lost { .. }
            | Fault::Garbled { .. } => Self::Failed(fault.to_string()),
        }
    }
}

impl Refusal {
    /// Makes the fault again; what cannot be read is [`Fault::Elsewhere`].
    #[must_use]
    pub fn into_fault(self) -> Fault {
        let words = format!("{self:?}");
        self.read().unwrap_or(Fault::Elsewhere(words))
    }

    fn read(self) -> Option<Fault> {
        let app = |name: &str| name.parse::<AppId>().ok();
        Some(match self {
            Self::UnknownApp(name) => Fault::UnknownApp(app(&name)?),
            Self::UnknownCell(cell) => Fault::UnknownCell(cell.0),
            Self::AppTaken(name, cell) => Fault::AppTaken {
                app: app(&name)?,
                cell: cell.0,
            },
            Self::CellTaken(name) => Fault::CellTaken { app: app(&name)? },
            Self::Capacity(limit) => Fault::Capacity { limit },
            Self::Unsupported(_) => Fault::Unsupported("what was asked of the conductor"),
            Self::Disabled(cell) => Fault::Disabled(cell.0),
            Self::NoSigner(cell) => Fault::NoSigner(cell.0),
            Self::ForeignSigner => Fault::ForeignSigner,
            Self::Refused(seq, end) => Fault::Refused {
                seq,
                source: end.into(),
            },
            Self::Pending(seq, end) => Fault::Pending {
                seq,
                source: end.into(),
            },
            Self::Rejected(rejection) => Fault::Rejected(rejection.0),
            Self::Fork(stored, offered) => {
                let mut records = RecordParts::read_all(&[*stored, *offered])?;
                let offered = Box::new(records.pop()?);
                let stored = Box::new(records.pop()?);
                Fault::Fork { stored, offered }
            }
            Self::Gap(wanted) => Fault::Gap { wanted },
            Self::Closed => Fault::Closed,
            Self::Empty => Fault::Empty,
            Self::TooMany(limit) => Fault::TooMany { limit },
            Self::Damaged(seq) => Fault::Damaged { seq },
            Self::MalformedCall => CallFault::Malformed.into(),
            Self::LongCall(limit) => CallFault::TooLong { limit }.into(),
            Self::ManyCalls(limit) => CallFault::TooManyCalls { limit }.into(),
            Self::Failed(words) => Fault::Elsewhere(words),
        })
    }
}

/// What Holochain puts before most errors of its conductor.
const CONDUCTOR: &str = "Conductor returned an error while using a ConductorApi: ";
/// Before the name of a zome that is not there.
const NO_ZOME: &str = "ZomeError: Zome not found: Zome '";
/// Before the name of a function that is not there.
const NO_FUNCTION: &str = "Attempted to call a zome function that doesn't exist: Zome: ";
/// Before what a zome says of its payload.
const ZOME: &str = "Wasm runtime error while working with Ribosome: RuntimeError: ";
/// Before the msgpack of a [`Refusal`], in base64url.
const DETAIL: &str = " [commonhold:";
/// Before what a chain refuses.
const CHAIN: &str = "Source chain error: ";

fn cell_words(cell: &CellId) -> String {
    let (dna, agent) = (&cell.dna, &cell.agent);
    format!("CellId(DnaHash({dna}), AgentPubKey({agent}))")
}

/// Says in Holochain's words why an app or a cell could not be changed.
#[must_use]
pub fn words_of(fault: &Fault) -> ErrorView {
    let text = match fault {
        Fault::UnknownApp(app) => format!("{CONDUCTOR}AppNotInstalled({:?})", app.as_str()),
        Fault::AppTaken { app, .. } => {
            format!("{CONDUCTOR}AppAlreadyInstalled({:?})", app.as_str())
        }
        Fault::UnknownCell(cell) => format!("{CONDUCTOR}CellMissing({})", cell_words(cell)),
        Fault::Disabled(cell) => format!(
            "{CONDUCTOR}CellNotRunning({}, AppDisabled(User))",
            cell_words(cell)
        ),
        Fault::NoSigner(cell) => format!(
            "{CONDUCTOR}AgentKeyNotInKeystore(AgentPubKey({}))",
            cell.agent
        ),
        Fault::Closed => {
            format!("{CHAIN}InvalidCommit error: No more actions are allowed after a chain close")
        }
        other => {
            let detail = URL_SAFE_NO_PAD.encode(protocol::encode(&Refusal::from(other)));
            format!("{CONDUCTOR}{other}{DETAIL}{detail}]")
        }
    };
    ErrorView::internal(text)
}

/// Reads the fault that Commonhold's own conductor puts behind its words, where Holochain has none.
#[must_use]
pub fn read_detail(error: &ErrorView) -> Option<Fault> {
    let (_, detail) = error.value.rsplit_once(DETAIL)?;
    let bytes = URL_SAFE_NO_PAD.decode(detail.strip_suffix(']')?).ok()?;
    protocol::decode::<Refusal>(&bytes).map(Refusal::into_fault)
}

/// Says in Holochain's words why a call was refused. The capability secret is not repeated.
#[must_use]
pub fn words_of_call(fault: &Fault, call: &SignedCall) -> ErrorView {
    let Fault::Call(call_fault) = fault else {
        return words_of(fault);
    };
    let params = CallParams::decode(&call.bytes).ok();
    let (zome, function) = params.as_ref().map_or(("", ""), |params| {
        (params.zome_name.as_str(), params.fn_name.as_str())
    });
    match call_fault {
        CallFault::BadCapGrant
        | CallFault::NonceExpired
        | CallFault::NonceFuture
        | CallFault::NonceDuplicate => ErrorView {
            class: ErrorView::UNAUTHORIZED.to_owned(),
            value: format!(
                "{call_fault}, cap secret None to call the function {function} in zome {zome}"
            ),
        },
        CallFault::AuthenticationFailed => {
            let by = params.and_then(|params| params.provenance().ok());
            let by = by.map_or_else(String::new, |agent| agent.to_string());
            let hex = call.signature.iter().map(|byte| format!("{byte:02x}"));
            let hex: String = hex.collect();
            ErrorView {
                class: ErrorView::AUTHENTICATION.to_owned(),
                value: format!(
                    "Authentication failure. Bad signature {hex} by provenance AgentPubKey({by})."
                ),
            }
        }
        CallFault::UnknownZome(name) => ErrorView::internal(format!("{NO_ZOME}{name}' not found")),
        CallFault::UnknownFunction(name) => {
            ErrorView::internal(format!("{NO_FUNCTION}{zome} Fn {name}"))
        }
        CallFault::Payload(reason) => ErrorView::internal(format!("{ZOME}{zome}: {reason}")),
        CallFault::Malformed | CallFault::TooLong { .. } | CallFault::TooManyCalls { .. } => {
            words_of(fault)
        }
    }
}

/// Reads the answer to a call that was refused.
///
/// `call` is the call and `cell` its cell: Holochain's words name them, and nobody needs to read them from there.
#[must_use]
pub fn read_words(error: &ErrorView, call: &CallParams, cell: &CellId) -> Fault {
    let text = error.value.as_str();
    let has = |part: &str| text.contains(part);
    let call_fault = match error.class.as_str() {
        ErrorView::AUTHENTICATION => Some(CallFault::AuthenticationFailed),
        ErrorView::UNAUTHORIZED if has("\"Expired\"") => Some(CallFault::NonceExpired),
        ErrorView::UNAUTHORIZED if has("\"Future\"") => Some(CallFault::NonceFuture),
        ErrorView::UNAUTHORIZED if has("\"Duplicate\"") => Some(CallFault::NonceDuplicate),
        ErrorView::UNAUTHORIZED => Some(CallFault::BadCapGrant),
        _ if text.starts_with(NO_ZOME) => Some(CallFault::UnknownZome(call.zome_name.clone())),
        _ if text.starts_with(NO_FUNCTION) => {
            Some(CallFault::UnknownFunction(call.fn_name.clone()))
        }
        _ => text
            .strip_prefix(ZOME)
            .map(|reason| CallFault::Payload(reason.to_owned())),
    };
    match call_fault {
        Some(fault) => Fault::Call(fault),
        None if has("CellMissing(") => Fault::UnknownCell(cell.clone()),
        None if has("CellNotRunning(") => Fault::Disabled(cell.clone()),
        None if has("AgentKeyNotInKeystore(") => Fault::NoSigner(cell.clone()),
        None if has("after a chain close") => Fault::Closed,
        None => read_detail(error).unwrap_or_else(|| Fault::Elsewhere(text.to_owned())),
    }
}

/// What an install was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallRefusal {
    /// The app's name is in use.
    AppTaken,
    /// The cell is in use.
    CellTaken,
}

impl InstallRefusal {
    /// Finds out whether a name or a cell is in use.
    #[must_use]
    pub fn read(error: &ErrorView) -> Option<Self> {
        let has = |part: &str| error.value.contains(part);
        if has("AppAlreadyInstalled(") {
            Some(Self::AppTaken)
        } else if has("CellAlreadyExists(") {
            Some(Self::CellTaken)
        } else {
            None
        }
    }

    /// Says in Holochain's words that a cell is in use.
    #[must_use]
    pub fn cell_taken(cell: &CellId) -> ErrorView {
        ErrorView::internal(format!(
            "{CONDUCTOR}CellAlreadyExists({})",
            cell_words(cell)
        ))
    }
}
