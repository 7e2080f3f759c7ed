//! How somebody becomes a member: at once, with an invite, or when a steward approves.
//!
//! [`offer`] decides whether an invite may be made, [`decide`] what becomes of somebody who asks to join. Both are pure:
//! the shell reads what they need and writes what they say in one transaction.
//!
//! # Invariants
//! Nobody gives a role that they could not give now: an invite is worth as much as its inviter is at the moment when it
//! is used, not when it was made.
//! Whoever is a member already, or waits already, changes nothing by asking again, and uses up no invite.
//! No more people are admitted by an invite than it has uses.
//! An invite that is not good is refused, even where everybody may join without one.
//!
//! It does not know who holds a key; the shell has checked a signature before it asks.

mod code;

use base::{Code, Duration, Problem, Timestamp};
use thiserror::Error;

use crate::session::Role;

pub use code::{CODE_BYTES, InviteCode, MalformedInvite};

/// How a community lets people in who have no invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Whoever asks is a member.
    Open,
    /// Nobody joins without an invite.
    Invite,
    /// Whoever asks waits until a steward approves.
    Approval,
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Open, Self::Invite, Self::Approval];

    /// Returns the word used in the configuration and in interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Approval => "approval",
        }
    }

    /// Finds a policy by its word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// Bounds of joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most members of a community.
    pub members_max: u64,
    /// Most people who wait for approval at a time.
    pub waiting_max: u64,
    /// How long somebody waits before their wish is forgotten.
    pub waiting_for: Duration,
    /// Most invites that are good at a time.
    pub invites_max: u64,
    /// Most uses of one invite.
    pub uses_max: u32,
    /// Longest life of an invite.
    pub life_max: Duration,
    /// Longest name that somebody may bring, in characters.
    pub name_chars_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const DAY_SECS: u64 = 24 * 60 * 60;
        Self {
            members_max: 10_000,
            waiting_max: 1_000,
            waiting_for: Duration::from_secs(30 * DAY_SECS),
            invites_max: 1_000,
            uses_max: 500,
            life_max: Duration::from_secs(90 * DAY_SECS),
            name_chars_max: 64,
        }
    }
}

/// What an invite is to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What those become who use it.
    pub role: Role,
    /// How many people it lets in.
    pub uses: u32,
    /// How long it is good.
    pub life: Duration,
}

/// An invite as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invite {
    /// What those become who use it.
    pub role: Role,
    /// What its inviter is now; nothing for a former member.
    pub inviter: Option<Role>,
    /// How many people it may still let in.
    pub uses_left: u32,
    /// From this time on it is no longer good.
    pub expires: Timestamp,
}

impl Invite {
    /// Returns whether it lets somebody in now.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.admits_as(now).is_ok()
    }

    /// Returns what it makes of somebody, if it is good.
    fn admits_as(&self, now: Timestamp) -> Result<Role, Refusal> {
        let may = self
            .inviter
            .is_some_and(|inviter| may_invite(inviter, self.role));
        if !may {
            return Err(Refusal::InviterGone);
        }
        if self.expires <= now {
            return Err(Refusal::InviteExpired);
        }
        if self.uses_left == 0 {
            return Err(Refusal::InviteUsedUp);
        }
        Ok(self.role)
    }
}

/// How things stand when somebody asks to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the asking key is already.
    pub role: Option<Role>,
    /// Whether it waits already.
    pub is_waiting: bool,
    /// How many members there are.
    pub members: u64,
    /// How many wait.
    pub waiting: u64,
}

/// What becomes of somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They are a member already; nothing changes.
    Member(Role),
    /// They become a member, and no longer wait if they did.
    Admit {
        /// In this role.
        role: Role,
        /// Whether that uses up one use of the invite that they brought.
        is_by_invite: bool,
    },
    /// They wait for a steward from now on.
    Wait,
    /// They wait already; nothing changes.
    StillWaiting,
}

/// Why somebody is not let in, or may not invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is no invite, and one is needed.
    #[error("this community takes new members by invite: ask one of its stewards for a code")]
    InviteNeeded,
    /// There is no invite with this code.
    #[error("no invite has this code, or it was withdrawn")]
    InviteUnknown,
    /// Its time is over.
    #[error("the invite's time is over")]
    InviteExpired,
    /// All its uses are used up.
    #[error("the invite was used up by others")]
    InviteUsedUp,
    /// Whoever made it may no longer invite to its role.
    #[error("whoever made the invite may no longer invite")]
    InviterGone,
    /// There are as many members as there may be.
    #[error("the community has as many members as it may have")]
    Full,
    /// As many wait as may.
    #[error("as many people wait for approval as may; ask a steward for an invite")]
    WaitingFull,
    /// The role of whoever wants to invite does not allow it.
    #[error("members of your role may not invite anybody to become {}", .0.as_str())]
    MayNotInvite(Role),
    /// An invite would have no use, or too many.
    #[error("an invite has 1 to {uses_max} uses")]
    Uses {
        /// How many there may be.
        uses_max: u32,
    },
    /// An invite would end at once, or be good for too long.
    #[error("an invite is good for 1 second to {} days", life_max.as_secs() / 86_400)]
    Life {
        /// How long it may be.
        life_max: Duration,
    },
    /// There are as many good invites as there may be.
    #[error("there are as many invites as there may be: withdraw some")]
    InvitesFull,
    /// An invite is somebody else's.
    #[error("the invite is somebody else's, and only stewards withdraw those")]
    ForeignInvite,
    /// A name or a note is too long, or holds what no line of text does.
    #[error("a name or a note is one line of at most {chars_max} characters")]
    Words {
        /// How many characters it may have.
        chars_max: usize,
    },
}

impl Refusal {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::InviteNeeded
            | Self::InviteUnknown
            | Self::InviteExpired
            | Self::InviteUsedUp
            | Self::InviterGone => Code::InviteInvalid,
            Self::Full | Self::WaitingFull | Self::InvitesFull => Code::CommunityFull,
            Self::MayNotInvite(_) | Self::ForeignInvite => Code::StewardOnly,
            Self::Uses { .. } | Self::Life { .. } | Self::Words { .. } => Code::MalformedBody,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

/// Returns whether somebody of this role may let others in as `wanted`: stewards anybody, moderators plain members.
#[must_use]
pub const fn may_invite(inviter: Role, wanted: Role) -> bool {
    match inviter {
        Role::Steward => true,
        Role::Moderator => matches!(wanted, Role::Member),
        Role::Editor | Role::Member => false,
    }
}

/// Decides whether somebody of this role may withdraw an invite: stewards any, those who may invite their own.
///
/// # Errors
/// [`Refusal::ForeignInvite`].
pub const fn withdraw(role: Role, is_own: bool) -> Result<(), Refusal> {
    if is_own || matches!(role, Role::Steward) {
        Ok(())
    } else {
        Err(Refusal::ForeignInvite)
    }
}

/// Takes a name or a note as somebody brought it, without space around it.
///
/// # Errors
/// [`Refusal::Words`] when it is too long or holds a control character.
pub fn words<'t>(text: &'t str, limits: &Limits) -> Result<&'t str, Refusal> {
    let text = text.trim();
    if text.chars().count() <= limits.name_chars_max && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(Refusal::Words {
            chars_max: limits.name_chars_max,
        })
    }
}

/// Decides whether somebody of the role `inviter` may make an invite on these terms when `good` invites are there
/// already; returns when it ends.
///
/// # Errors
/// [`Refusal`].
pub fn offer(
    inviter: Role,
    terms: &Terms,
    good: u64,
    now: Timestamp,
    limits: &Limits,
) -> Result<Timestamp, Refusal> {
    if !may_invite(inviter, terms.role) {
        return Err(Refusal::MayNotInvite(terms.role));
    }
    if terms.uses == 0 || terms.uses > limits.uses_max {
        return Err(Refusal::Uses {
            uses_max: limits.uses_max,
        });
    }
    if terms.life < Duration::from_secs(1) || terms.life > limits.life_max {
        return Err(Refusal::Life {
            life_max: limits.life_max,
        });
    }
    if good >= limits.invites_max {
        return Err(Refusal::InvitesFull);
    }
    Ok(now + terms.life)
}

/// What somebody brings who asks to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// No code.
    Nothing,
    /// A code that no invite has.
    Unknown,
    /// The code of this invite.
    Invite(Invite),
}

/// Decides what becomes of somebody who asks to join.
///
/// # Errors
/// [`Refusal`]; then nothing changes.
pub fn decide(
    policy: Policy,
    standing: &Standing,
    brought: &Brought,
    now: Timestamp,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    if let Some(role) = standing.role {
        return Ok(Decision::Member(role));
    }
    let role = match (brought, policy) {
        (Brought::Unknown, _) => return Err(Refusal::InviteUnknown),
        (Brought::Invite(invite), _) => Some(invite.admits_as(now)?),
        (Brought::Nothing, Policy::Open) => None,
        (Brought::Nothing, Policy::Invite) => return Err(Refusal::InviteNeeded),
        (Brought::Nothing, Policy::Approval) => return wait(standing, limits),
    };
    if standing.members >= limits.members_max {
        return Err(Refusal::Full);
    }
    Ok(Decision::Admit {
        role: role.unwrap_or(Role::Member),
        is_by_invite: role.is_some(),
    })
}

fn wait(standing: &Standing, limits: &Limits) -> Result<Decision, Refusal> {
    if standing.is_waiting {
        return Ok(Decision::StillWaiting);
    }
    if standing.waiting >= limits.waiting_max {
        return Err(Refusal::WaitingFull);
    }
    Ok(Decision::Wait)
}

#[cfg(test)]
mod tests;
