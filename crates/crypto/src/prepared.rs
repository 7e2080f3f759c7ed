//! A public key that checks many signatures, such as those of one author's chain.
//!
//! Invariant: [`PreparedKey::verify`] accepts exactly what [`PublicKey::verify`] accepts. Only the multiplications
//! differ: multiples of the key are looked up in a table, as those of the curve's own base point always are.
//!
//! The equation is that of RFC 8032, section 5.1.7, without the cofactor: the point that the signature starts with
//! must be `S·B − k·A` with `k = SHA-512(R ‖ A ‖ M)`. Strict means besides: `S` is reduced, and neither `A` nor `R`
//! is of small order.

use std::fmt;

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_TABLE;
use curve25519_dalek::edwards::EdwardsBasepointTable;
use curve25519_dalek::traits::BasepointTable as _;
use sha2::{Digest as _, Sha512};

use crate::{PublicKey, SignatureBytes, VerifyError};

/// A public key with a table of its multiples, 30 KiB.
///
/// Making it costs as much as checking some thirty signatures; each one after that costs about half.
#[derive(Clone)]
pub struct PreparedKey {
    key: [u8; 32],
    minus_key: Box<EdwardsBasepointTable>,
}

impl PreparedKey {
    /// Makes the table.
    #[must_use]
    pub fn new(key: &PublicKey) -> Self {
        Self {
            key: key.0.to_bytes(),
            minus_key: Box::new(EdwardsBasepointTable::create(&-key.0.to_edwards())),
        }
    }

    /// Checks a signature strictly, as [`PublicKey::verify`] does.
    ///
    /// # Errors
    /// [`VerifyError::Signature`] when it does not fit.
    pub fn verify(&self, message: &[u8], signature: &SignatureBytes) -> Result<(), VerifyError> {
        let (point, scalar) = signature.split_at(32);
        let scalar: [u8; 32] = scalar.try_into().expect("half of a signature");
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(scalar).into();
        let scalar = scalar.ok_or(VerifyError::Signature)?;
        let digest = Sha512::new()
            .chain_update(point)
            .chain_update(self.key)
            .chain_update(message)
            .finalize();
        let challenge = Scalar::from_bytes_mod_order_wide(&digest.into());
        let expected =
            ED25519_BASEPOINT_TABLE.mul_base(&scalar) + self.minus_key.mul_base(&challenge);
        // Equal bytes mean that the signature's point is written canonically and is this one.
        let fits = expected.compress().as_bytes() == point && !expected.is_small_order();
        fits.then_some(()).ok_or(VerifyError::Signature)
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PreparedKey(..)")
    }
}

#[cfg(test)]
mod tests;
