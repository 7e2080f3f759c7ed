//! Many signatures of one key, checked with one equation.
//!
//! Single checks ask for each signature `(R, S)` over `M` whether `S·B − k·A − R` is zero, with
//! `k = SHA-512(R ‖ A ‖ M)` (RFC 8032, section 5.1.7). Here each difference is multiplied with a factor of its own
//! that nobody could choose, and the sum is asked once, so that most of the work is shared. The factors have 128
//! bits: what is wrong with one signature cancels what is wrong with others with a chance of 2^-128 (Bellare, Garay,
//! Rabin: Fast Batch Verification for Modular Exponentiation and Digital Signatures, 1998, section 3).
//! The factors are hashed from all keys, messages and signatures of the batch, so nothing is drawn and the verdict is
//! the same wherever it is asked. Whoever wants other factors must change the batch, and then has others again.
//! The library's own batches do the same with another hash.
//!
//! # Invariants
//! What [`PublicKey::verify`] accepts for every signature is accepted for all of them. The rules on the form are the
//! same: `S` is reduced, `R` is written canonically and not of small order, and the key was checked before.
//! One thing is accepted besides: a signature whose `R` differs by a point of small order from the one that would
//! fit. The sum is multiplied with the cofactor 8, so such signatures are always accepted in a batch and never by
//! chance (Chalkias, Garillot, Nikolaenko: Taming the Many EdDSAs, 2020, section 4). Only who knows the secret key
//! can make one.

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::VartimeMultiscalarMul as _;
use sha2::{Digest as _, Sha512};

use crate::{PublicKey, SignatureBytes, VerifyError};

/// Signatures below which each is checked alone; the shared work is not worth it for fewer.
const BATCH_LEN_MIN: usize = 8;

/// What the factors of a batch are hashed with, so that these hashes mean nothing elsewhere.
const DOMAIN: &[u8] = b"commonhold ed25519 batch 1";

/// Factors that one hash gives, of 16 bytes each.
const FACTORS_OF_HASH: usize = 4;

/// A message with the signature that is to fit it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a SignatureBytes,
}

impl PublicKey {
    /// Checks many signatures at once; a few are checked one by one.
    ///
    /// From some 250 on, each costs about a quarter of a check alone. The module's documentation says in which one
    /// case the verdict differs from that of [`PublicKey::verify`].
    ///
    /// # Errors
    /// [`VerifyError::Signature`] when at least one does not fit; which one, single checks say.
    pub fn verify_all(&self, signed: &[Signed<'_>]) -> Result<(), VerifyError> {
        if signed.len() < BATCH_LEN_MIN {
            return signed
                .iter()
                .try_for_each(|signed| self.verify(signed.message, signed.signature));
        }
        let terms: Option<Vec<Term>> = signed.iter().map(|signed| Term::of(self, signed)).collect();
        let fits = terms.is_some_and(|terms| is_zero(self, &terms));
        fits.then_some(()).ok_or(VerifyError::Signature)
    }
}

/// What one signature adds to the equation.
struct Term {
    /// `R`.
    point: EdwardsPoint,
    /// `S`.
    scalar: Scalar,
    /// The hash of which `k` is made.
    digest: [u8; 64],
}

impl Term {
    /// Reads a signature; nothing when its form is none that is accepted.
    fn of(key: &PublicKey, signed: &Signed<'_>) -> Option<Self> {
        let (point, scalar) = signed.signature.split_at(32);
        let point: [u8; 32] = point.try_into().expect("half of a signature");
        let scalar: [u8; 32] = scalar.try_into().expect("half of a signature");
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(scalar).into();
        let digest = Sha512::new()
            .chain_update(point)
            .chain_update(key.0.as_bytes())
            .chain_update(signed.message)
            .finalize();
        let scalar = scalar.filter(|_| is_reduced(&point))?;
        let point = CompressedEdwardsY(point).decompress()?;
        (!point.is_small_order()).then(|| Self {
            point,
            scalar,
            digest: digest.into(),
        })
    }
}

/// Tells whether the coordinate in an encoded point is below the field's order, 2^255 − 19.
///
/// The two other encodings that are not canonical are those of points of small order with a sign too many.
fn is_reduced(point: &[u8; 32]) -> bool {
    let is_high = point[31] & 0x7f == 0x7f && point[1..31].iter().all(|byte| *byte == 0xff);
    !(is_high && point[0] >= 0xed)
}

/// Tells whether `Σ z·R + (Σ z·k)·A − (Σ z·S)·B` is zero but for a point of small order.
fn is_zero(key: &PublicKey, terms: &[Term]) -> bool {
    let factors = factors(terms);
    let (mut of_key, mut of_base) = (Scalar::ZERO, Scalar::ZERO);
    for (term, factor) in terms.iter().zip(&factors) {
        of_key += factor * Scalar::from_bytes_mod_order_wide(&term.digest);
        of_base += factor * term.scalar;
    }
    let scalars = factors.iter().copied().chain([of_key, -of_base]);
    let fixed = [key.0.to_edwards(), ED25519_BASEPOINT_POINT];
    let points = terms.iter().map(|term| term.point).chain(fixed);
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).is_small_order()
}

/// Returns a factor for each signature, made of everything in the batch: the digests hold `R`, the key and the message.
fn factors(terms: &[Term]) -> Vec<Scalar> {
    let mut all = Sha512::new().chain_update(DOMAIN);
    for term in terms {
        all.update(term.digest);
        all.update(term.scalar.as_bytes());
    }
    let all = all.finalize();
    let mut factors = Vec::with_capacity(terms.len().next_multiple_of(FACTORS_OF_HASH));
    for number in 0_u64.. {
        if factors.len() >= terms.len() {
            break;
        }
        let some = Sha512::new()
            .chain_update(all)
            .chain_update(number.to_le_bytes())
            .finalize();
        let (some, _) = some.as_slice().as_chunks::<16>();
        factors.extend(
            some.iter()
                .map(|bytes| Scalar::from(u128::from_le_bytes(*bytes))),
        );
    }
    factors.truncate(terms.len());
    factors
}

#[cfg(test)]
mod tests;
