//! What others see of a vault, and what they tell it.

use chain::person::{KeyEvent, SignedEvent};
use chain::{Action, PersonId, Signature, record};
use crypto::PublicKey;

use crate::body::Place;
use crate::core::fence::{Mark, RawAgent, Standing, Told};
use crate::core::slots::{SLOTS_MAX, SlotKind};
use crate::envelope::Envelope;
use crate::error::ChangeError;
use crate::history::What;

/// A key that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The agent.
    pub agent: RawAgent,
    /// The person.
    pub person: PersonId,
    /// How the person begins.
    pub inception: SignedEvent,
}

/// The head of a chain, as somebody tells it who has the chain: a follower, or the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldHead {
    /// The newest action with its signature; `None` when the chain has none.
    pub head: Option<(Action, Signature)>,
    /// The newest grant, when there is one.
    pub grant: Option<SignedEvent>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The agent.
    pub agent: RawAgent,
    /// The person.
    pub person: PersonId,
    /// The last action that was signed.
    pub head: Option<Mark>,
    /// The epoch in which it was signed.
    pub epoch: u64,
    /// Whether its head is known for certain.
    pub is_confirmed: bool,
    /// The ways to unlock it.
    pub slots: Vec<ListedSlot>,
}

/// A way to unlock a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSlot {
    /// Its number.
    pub number: u16,
    /// What opens it.
    pub kind: SlotKind,
    /// What whoever opens it needs to know.
    pub hint: Vec<u8>,
}

/// How the vault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Keys.
    pub keys: u64,
    /// Keys of which nothing is signed until their head is confirmed.
    pub unconfirmed: u64,
    /// Keys that are unlocked.
    pub unlocked: u64,
    /// Whether their memory never reaches a swap disk.
    pub is_memory_locked: bool,
    /// Bytes of the log's files.
    pub log_bytes: u64,
    /// Syncs since the vault started.
    pub syncs: u64,
}

/// Checks that a head was signed by the agent.
pub(super) fn check_told(agent: &RawAgent, told: &ToldHead) -> Result<Told, ChangeError> {
    let key = PublicKey::from_bytes(agent).map_err(|_| ChangeError::Head)?;
    let mut checked = Told {
        head: None,
        closes: false,
        grant_epoch: None,
    };
    if let Some((action, signature)) = &told.head {
        let bytes = record::action_bytes(action);
        let is_own =
            *action.author() == chain::agent_of(*agent) && key.verify(&bytes, &signature.0).is_ok();
        if !is_own {
            return Err(ChangeError::Head);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(record::action_hash(action).get_raw_32());
        let seq = action.action_seq();
        checked.head = Some(Mark { seq, hash });
        checked.closes = What::of(&action.data) == Some(What::Close);
    }
    if let Some(signed) = &told.grant {
        let KeyEvent::Grant(grant) = &signed.event else {
            return Err(ChangeError::Head);
        };
        if grant.agent != *agent || signed.check_signature().is_err() {
            return Err(ChangeError::Head);
        }
        checked.grant_epoch = Some(grant.epoch);
    }
    Ok(checked)
}

pub(super) fn listed(agent: RawAgent, envelope: &Envelope, standing: &Standing<Place>) -> Listed {
    let slots = envelope.slots.iter().take(SLOTS_MAX);
    Listed {
        agent,
        person: PersonId::from_bytes(envelope.owner.person),
        head: standing.head(),
        epoch: standing.epoch(),
        is_confirmed: standing.is_confirmed(),
        slots: slots
            .map(|slot| ListedSlot {
                number: slot.number,
                kind: slot.kind,
                hint: slot.hint.clone(),
            })
            .collect(),
    }
}
