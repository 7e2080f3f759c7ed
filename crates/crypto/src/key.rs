//! Ed25519 keys (RFC 8032) as Holochain's agents use them.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// The 64 bytes of an Ed25519 signature.
pub type SignatureBytes = [u8; 64];

/// The 32 secret bytes from which a key pair is made; zeroised when dropped.
pub type Seed = Zeroizing<[u8; 32]>;

/// A secret key with its public half. Zeroised when dropped, never printed.
pub struct Keypair(SigningKey);

/// A public key that was checked once: a point of the curve, not one of its weak ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub(crate) VerifyingKey);

/// Why a signature or a key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The 32 bytes are no point of the curve, or one of the eight weak ones.
    #[error("not a usable Ed25519 public key")]
    Key,
    /// The signature is not this key's over these bytes.
    #[error("signature does not fit")]
    Signature,
}

impl Keypair {
    /// Makes the pair from a seed of 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs `message`; the same message gives the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> SignatureBytes {
        self.0.sign(message).to_bytes()
    }

    /// Returns the seed, for storing it.
    #[must_use]
    pub fn seed(&self) -> Seed {
        Zeroizing::new(self.0.to_bytes())
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keypair(secret)")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PublicKey(..)")
    }
}

impl PublicKey {
    /// Checks 32 bytes.
    ///
    /// # Errors
    /// [`VerifyError::Key`] for bytes that are no point, and for the weak points that would accept forged signatures.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, VerifyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| VerifyError::Key)?;
        if key.is_weak() {
            return Err(VerifyError::Key);
        }
        Ok(Self(key))
    }

    /// Checks a signature strictly: malleable forms are refused.
    ///
    /// # Errors
    /// [`VerifyError::Signature`] when it does not fit.
    pub fn verify(&self, message: &[u8], signature: &SignatureBytes) -> Result<(), VerifyError> {
        self.0
            .verify_strict(message, &Signature::from_bytes(signature))
            .map_err(|_| VerifyError::Signature)
    }
}

#[cfg(test)]
mod tests;
