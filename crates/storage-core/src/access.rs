//! Who may do what with which namespace: a table that fails closed.
//!
//! Everybody has a namespace of their own, named after their key. What one may not see is answered like what is not
//! there, so that nobody learns which blobs others have. It does not know how somebody proved who they are.

use base::{Code, Problem};
use thiserror::Error;

use crate::namespace::Namespace;

/// How many bytes of a key name its namespace: 128 bits, which nobody finds a second key for.
const NAMED_BYTES: usize = 16;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// Nobody in particular: there is no token.
    Anonymous,
    /// Somebody with a key that is not on the list.
    Stranger,
    /// Somebody who may store.
    Member,
    /// Who runs the node.
    Steward,
}

/// Whose namespace it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The caller's.
    Own,
    /// Somebody else's, or the community's.
    Other,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Read a blob, or what is known of it.
    Read,
    /// See which blobs and tags there are, and how much room they take.
    List,
    /// Store, upload, tag, lease, and take away.
    Write,
    /// Change how much room a namespace may take.
    SetQuota,
    /// See what is not durable yet.
    SeeQueue,
    /// Collect what nothing refers to.
    Collect,
    /// Have everything read and compared.
    Scrub,
}

impl Caller {
    /// All callers.
    pub const ALL: [Self; 4] = [Self::Anonymous, Self::Stranger, Self::Member, Self::Steward];
}

impl Scope {
    /// Both scopes.
    pub const ALL: [Self; 2] = [Self::Own, Self::Other];

    /// Tells whose namespace this is for somebody with that public key.
    #[must_use]
    pub fn of(namespace: &Namespace, key: &[u8; 32]) -> Self {
        if *namespace == own(key) {
            Self::Own
        } else {
            Self::Other
        }
    }
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::List,
        Self::Write,
        Self::SetQuota,
        Self::SeeQueue,
        Self::Collect,
        Self::Scrub,
    ];

    /// Tells whether it is about the node rather than about one namespace.
    #[must_use]
    pub const fn is_of_node(self) -> bool {
        match self {
            Self::Read | Self::List | Self::Write => false,
            Self::SetQuota | Self::SeeQueue | Self::Collect | Self::Scrub => true,
        }
    }
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// There is no token.
    #[error("this needs a token")]
    NoToken,
    /// The key may not store here.
    #[error("this key may not store blobs here")]
    NotAMember,
    /// They may not know whether there is anything.
    #[error("there is nothing here that you may see")]
    Hidden,
    /// Only who runs the node may do this.
    #[error("only a steward may do this")]
    StewardOnly,
}

impl Denial {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::NoToken => Code::TokenMissing,
            Self::NotAMember => Code::NotAMember,
            Self::Hidden => Code::NotFound,
            Self::StewardOnly => Code::StewardOnly,
        }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        Self::new(denial.code(), denial.to_string())
    }
}

/// Returns the namespace of whoever has this public key: `agent-` and the first 16 bytes of the key in hex.
///
/// # Panics
/// Never: small letters and digits make a name.
#[must_use]
pub fn own(key: &[u8; 32]) -> Namespace {
    let mut name = String::with_capacity("agent-".len() + 2 * NAMED_BYTES);
    name.push_str("agent-");
    for byte in &key[..NAMED_BYTES] {
        for digit in [byte >> 4, byte & 15] {
            name.push(char::from_digit(u32::from(digit), 16).expect("half a byte is a hex digit"));
        }
    }
    name.parse().expect("small letters and digits make a name")
}

/// Decides whether somebody may do something.
///
/// # Errors
/// [`Denial`] says why not.
pub const fn decide(caller: Caller, scope: Scope, action: Action) -> Result<(), Denial> {
    match (caller, scope, action) {
        (Caller::Steward, _, _)
        | (Caller::Member, Scope::Own, Action::Read | Action::List | Action::Write) => Ok(()),
        (Caller::Anonymous | Caller::Stranger, _, Action::Read) => Err(Denial::Hidden),
        (Caller::Anonymous, _, _) => Err(Denial::NoToken),
        (Caller::Stranger, _, _) => Err(Denial::NotAMember),
        (Caller::Member, Scope::Other, Action::Read | Action::List | Action::Write) => {
            Err(Denial::Hidden)
        }
        (
            Caller::Member,
            _,
            Action::SetQuota | Action::SeeQueue | Action::Collect | Action::Scrub,
        ) => Err(Denial::StewardOnly),
    }
}

#[cfg(test)]
mod tests;
