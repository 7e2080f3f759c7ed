//! What can be asked of a vault from outside, and what it answers.

use base::Problem;
use chain::person::HostingGrant;
use chain::{Action, KeyCommitment, PersonId, Signature};

use crate::core::fence::RawAgent;
use crate::history::{Cursor, Page};
use crate::store::{Enrolled, Listed, Stat, ToldHead};
use crate::{NewSlot, Secret};

/// Most actions that are signed with one call.
pub const ACTIONS_MAX: usize = 32;

/// Something that is asked of a vault.
pub enum Call {
    /// How it is.
    Stat,
    /// Which keys there are behind one.
    List {
        /// The last one that is known.
        after: Option<RawAgent>,
        /// Most keys of the answer.
        limit: u16,
    },
    /// Makes a key for a new person.
    Enroll {
        /// The promise of the person's next key.
        next: KeyCommitment,
        /// The ways to unlock it.
        slots: Vec<NewSlot>,
    },
    /// Takes a key that was used elsewhere.
    Adopt {
        /// Whose it is.
        person: PersonId,
        /// Its seed.
        seed: Secret,
        /// The ways to unlock it.
        slots: Vec<NewSlot>,
    },
    /// Unlocks a key.
    Unlock {
        /// Which.
        agent: RawAgent,
        /// The slot.
        slot: u16,
        /// The slot's key.
        key: Secret,
    },
    /// Locks a key.
    Lock(RawAgent),
    /// Adds a way to unlock a key.
    AddSlot {
        /// Which key.
        agent: RawAgent,
        /// A slot that can be opened.
        by: u16,
        /// That slot's key.
        key: Secret,
        /// The new slot.
        slot: NewSlot,
    },
    /// Removes a way to unlock a key.
    RemoveSlot {
        /// Which key.
        agent: RawAgent,
        /// The slot.
        number: u16,
    },
    /// Tells what was signed last.
    Confirm {
        /// For which agent.
        agent: RawAgent,
        /// What.
        told: Box<ToldHead>,
    },
    /// Forgets a key.
    Retire(RawAgent),
    /// Signs actions, in order, as far as it can.
    SignActions {
        /// Whose.
        agent: RawAgent,
        /// In which epoch.
        epoch: u64,
        /// At most [`ACTIONS_MAX`].
        actions: Vec<Action>,
    },
    /// Signs a grant.
    SignGrant {
        /// Whose.
        agent: RawAgent,
        /// What.
        grant: HostingGrant,
    },
    /// Answers a challenge.
    SignChallenge {
        /// Whose.
        agent: RawAgent,
        /// What a doorway gave.
        challenge: String,
    },
    /// Reads what was signed.
    History {
        /// For whom.
        agent: RawAgent,
        /// From where on; `None` for the newest.
        from: Option<Cursor>,
        /// Most signatures of the answer.
        limit: u16,
    },
    /// Gives the seed out, for taking it home.
    Export {
        /// Which key.
        agent: RawAgent,
        /// The slot.
        slot: u16,
        /// The slot's key.
        key: Secret,
    },
}

/// What a vault answers.
pub enum Reply {
    /// It was done.
    Done,
    /// It was done, or there was nothing to do.
    Was(bool),
    /// How it is.
    Stat(Stat),
    /// Keys.
    Listed(Vec<Listed>),
    /// A key that was made.
    Enrolled(Box<Enrolled>),
    /// A key that was taken.
    Adopted(RawAgent),
    /// The number of a slot.
    Slot(u16),
    /// Signatures, and why the others were not made.
    Signed(Vec<Signature>, Option<Problem>),
    /// What was signed.
    History(Page),
    /// A seed.
    Seed(Secret),
}

impl Call {
    /// Tells whether it does no harm to ask once more when the answer did not come.
    #[must_use]
    pub const fn may_repeat(&self) -> bool {
        match self {
            Self::Stat
            | Self::List { .. }
            | Self::Unlock { .. }
            | Self::Lock(_)
            | Self::Confirm { .. }
            | Self::SignActions { .. }
            | Self::SignGrant { .. }
            | Self::SignChallenge { .. }
            | Self::History { .. }
            | Self::Export { .. } => true,
            Self::Enroll { .. }
            | Self::Adopt { .. }
            | Self::AddSlot { .. }
            | Self::RemoveSlot { .. }
            | Self::Retire(_) => false,
        }
    }
}
