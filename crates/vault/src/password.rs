//! Passwords to keys: Argon2id (RFC 9106) within fixed bounds, once for both the log-in and the keyslot.
//!
//! The two results are derived by BLAKE3 under different contexts, so that what proves the log-in opens nothing.
//! It does not limit how often somebody tries: that is the doorway's, before a password gets here.

use argon2::{Algorithm, Argon2, Params, Version};
use base::Duration;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::envelope::Secret;

/// Longest password, in bytes of its normal form.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;

/// How much of the machine one password costs; one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Memory in MiB, 19 to 64.
    pub memory_mib: u8,
    /// Passes over the memory, 2 to 3.
    pub passes: u8,
}

/// What comes out of a password.
pub struct Stretched {
    /// Proves the log-in; store only a hash of it.
    pub login: Secret,
    /// Opens the keyslot.
    pub slot: Secret,
}

/// What a password slot says publicly: how to stretch the password again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The cost.
    pub cost: Cost,
    /// The salt, random for each password.
    pub salt: [u8; SALT_BYTES],
}

/// Why a password is not stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StretchError {
    /// It is empty or too long.
    #[error("a password has 1 to {PASSWORD_BYTES_MAX} bytes")]
    Length,
    /// The cost is out of bounds.
    #[error("passwords cost 19 to 64 MiB and 2 to 3 passes")]
    Cost,
    /// There is no memory for it now.
    #[error("there is not enough memory for a password just now")]
    Memory,
}

impl Cost {
    /// What is tried when a vault starts for the first time, the cheapest first.
    pub const LADDER: [Self; 6] = [
        Self::new(19, 2),
        Self::new(24, 2),
        Self::new(32, 2),
        Self::new(46, 2),
        Self::new(64, 2),
        Self::new(64, 3),
    ];

    /// How long a password should take.
    pub const TARGET: Duration = Duration::from_millis(100);

    const fn new(memory_mib: u8, passes: u8) -> Self {
        Self { memory_mib, passes }
    }

    /// Tells whether it is within the bounds.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        19 <= self.memory_mib && self.memory_mib <= 64 && 2 <= self.passes && self.passes <= 3
    }

    /// Returns the dearest cost that takes at most [`Cost::TARGET`], or the cheapest one.
    pub fn calibrate(mut measure: impl FnMut(Self) -> Duration) -> Self {
        let mut chosen = Self::LADDER[0];
        for cost in Self::LADDER {
            if measure(cost) > Self::TARGET {
                break;
            }
            chosen = cost;
        }
        chosen
    }
}

impl Recipe {
    /// Returns the bytes of a slot's hint: a version, memory, passes, the salt.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.cost.memory_mib, self.cost.passes];
        bytes.extend_from_slice(&self.salt);
        bytes
    }

    /// Reads a slot's hint; `None` when it is none of a password, or its cost is out of bounds.
    #[must_use]
    pub fn decode(hint: &[u8]) -> Option<Self> {
        let (&[1, memory_mib, passes], salt) = hint.split_first_chunk()? else {
            return None;
        };
        let cost = Cost { memory_mib, passes };
        let salt = salt.try_into().ok()?;
        cost.is_allowed().then_some(Self { cost, salt })
    }

    /// Stretches a password; it takes a tenth of a second and as much memory as the cost says.
    ///
    /// The password is put into Unicode's normal form C first, so that it does not depend on the keyboard.
    ///
    /// # Errors
    /// [`StretchError`].
    pub fn stretch(&self, password: &str) -> Result<Stretched, StretchError> {
        if !self.cost.is_allowed() {
            return Err(StretchError::Cost);
        }
        // A letter has at most 18 bytes more or less than its normal form; the bound keeps the work small.
        if password.len() > 4 * PASSWORD_BYTES_MAX {
            return Err(StretchError::Length);
        }
        let password = Zeroizing::new(password.nfc().collect::<String>());
        if !(1..=PASSWORD_BYTES_MAX).contains(&password.len()) {
            return Err(StretchError::Length);
        }
        let memory_kib = u32::from(self.cost.memory_mib) * 1_024;
        let params = Params::new(memory_kib, self.cost.passes.into(), 1, Some(32))
            .map_err(|_| StretchError::Cost)?;
        let mut stretched = Secret::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), &self.salt, stretched.as_mut_slice())
            .map_err(|_| StretchError::Memory)?;
        let derive = |context| Secret::new(blake3::derive_key(context, stretched.as_slice()));
        Ok(Stretched {
            login: derive("commonhold 2026-11 password log-in"),
            slot: derive("commonhold 2026-11 password keyslot"),
        })
    }
}

#[cfg(test)]
mod tests;
