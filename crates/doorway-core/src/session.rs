//! What tokens say and who may do what. The decision fails closed: what the table does not list is refused.
//!
//! It does not know who is a member (the store does).

mod tokens;

use base::{Code, Duration, Problem, Timestamp};
use thiserror::Error;

pub use tokens::{Holder, Tokens};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To be signed by the key that asked for it, which proves that the key is there.
    Challenge,
    /// To be shown with requests that write.
    Access,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 2] = [Self::Challenge, Self::Access];

    /// Returns the audience that a token of this purpose names; no two purposes share one.
    #[must_use]
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Access => "doorway",
        }
    }

    /// Returns how long a token of this purpose lives.
    #[must_use]
    pub const fn life(self) -> Duration {
        match self {
            Self::Challenge => Duration::from_secs(60),
            Self::Access => Duration::from_secs(600),
        }
    }

    /// Returns the end of a token that is issued at `now`, in whole seconds.
    #[must_use]
    pub fn expires(self, now: Timestamp) -> Timestamp {
        Timestamp::from_secs((now + self.life()).as_secs())
    }
}

/// What a member is in the community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Runs the doorway.
    Steward,
    /// Looks after how members treat each other.
    Moderator,
    /// Looks after the community's pages.
    Editor,
    /// Writes under their own name.
    Member,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Steward, Self::Moderator, Self::Editor, Self::Member];

    /// Returns the word used in the list of members and in interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steward => "steward",
            Self::Moderator => "moderator",
            Self::Editor => "editor",
            Self::Member => "member",
        }
    }

    /// Finds a role by its word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// What somebody wants to do that not everybody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Add records to one's own chain.
    WriteChain,
    /// Store a blob.
    PutBlob,
    /// See who is a member, in which role.
    ListMembers,
    /// Add and remove members and give them roles.
    ManageMembers,
    /// Make invites, see them, and withdraw one's own.
    Invite,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 5] = [
        Self::WriteChain,
        Self::PutBlob,
        Self::ListMembers,
        Self::ManageMembers,
        Self::Invite,
    ];
}

/// Returns whether a member of this role may do this. Nobody may write to another's chain, whatever their role.
#[must_use]
pub const fn may(role: Role, action: Action) -> bool {
    match action {
        Action::WriteChain | Action::PutBlob => true,
        Action::ListMembers | Action::Invite => matches!(role, Role::Steward | Role::Moderator),
        Action::ManageMembers => matches!(role, Role::Steward),
    }
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// The key is not on the list of members.
    #[error("this key is not on the community's list of members")]
    NotAMember,
    /// The thing belongs to somebody else.
    #[error("the token belongs to another key than the one that owns this")]
    Foreign,
    /// The member's role does not allow it.
    #[error("the role of {} does not allow this", .0.as_str())]
    Role(Role),
}

impl Denial {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::NotAMember => Code::NotAMember,
            Self::Foreign => Code::TokenForeign,
            Self::Role(_) => Code::StewardOnly,
        }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        Self::new(denial.code(), denial.to_string())
    }
}

/// Decides whether `subject`, who has `role`, may do `action` to what `owner` owns.
///
/// `role` is nothing for a key that is not on the list of members; `owner` is nothing for what belongs to all.
///
/// # Errors
/// [`Denial`], membership first, then ownership, then the role.
pub fn authorise(
    role: Option<Role>,
    action: Action,
    subject: &str,
    owner: Option<&str>,
) -> Result<(), Denial> {
    let role = role.ok_or(Denial::NotAMember)?;
    if owner.is_some_and(|owner| owner != subject) {
        return Err(Denial::Foreign);
    }
    if may(role, action) {
        Ok(())
    } else {
        Err(Denial::Role(role))
    }
}

#[cfg(test)]
mod tests;
