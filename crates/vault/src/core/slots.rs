//! Which keyslots an agent must have: two at least, and one that does not depend on the community's domain.

use thiserror::Error;

/// Most keyslots of an agent.
pub const SLOTS_MAX: usize = 16;

/// Fewest keyslots of an agent.
pub const SLOTS_MIN: usize = 2;

/// What opens a keyslot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotKind {
    /// A password, stretched by Argon2id.
    Password,
    /// What a passkey computes for this domain (WebAuthn's `prf` extension); worth nothing under another domain.
    Passkey,
    /// A code that the person keeps on paper.
    Paper,
}

/// Why keyslots are not enough, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SlotRule {
    /// There are too few.
    #[error("a key needs at least {SLOTS_MIN} ways to unlock it")]
    TooFew,
    /// All of them depend on the domain.
    #[error(
        "one way to unlock a key must not depend on the address of the community: a password or a code on paper"
    )]
    DomainBound,
    /// There are too many.
    #[error("a key has at most {SLOTS_MAX} ways to unlock it")]
    TooMany,
}

impl SlotKind {
    /// All kinds, as they are numbered in bytes from 1.
    pub const ALL: [Self; 3] = [Self::Password, Self::Passkey, Self::Paper];

    /// Returns the number of the kind in bytes.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::Passkey => 2,
            Self::Paper => 3,
        }
    }

    /// Returns the kind with a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Paper => "paper",
        }
    }

    /// Tells whether it works under one domain only.
    #[must_use]
    pub const fn is_domain_bound(self) -> bool {
        match self {
            Self::Password | Self::Paper => false,
            Self::Passkey => true,
        }
    }
}

/// Checks the keyslots that an agent is to have.
///
/// # Errors
/// [`SlotRule`].
pub fn check(kinds: impl IntoIterator<Item = SlotKind>) -> Result<(), SlotRule> {
    let (mut count, mut is_bound) = (0, true);
    for kind in kinds {
        count += 1;
        is_bound &= kind.is_domain_bound();
    }
    if count < SLOTS_MIN {
        Err(SlotRule::TooFew)
    } else if count > SLOTS_MAX {
        Err(SlotRule::TooMany)
    } else if is_bound {
        Err(SlotRule::DomainBound)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
