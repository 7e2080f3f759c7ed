//! A prepared key and a plain one never differ.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use proptest::prelude::*;

use super::*;
use crate::Keypair;

/// Asks both; returns the answer when they agree.
fn both(key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool {
    let plain = key.verify(message, signature);
    let prepared = PreparedKey::new(key).verify(message, signature);
    assert_eq!(plain, prepared, "{signature:?}");
    plain.is_ok()
}

fn hash(point: &[u8], key: &[u8], message: &[u8]) -> Scalar {
    let digest = Sha512::new()
        .chain_update(point)
        .chain_update(key)
        .chain_update(message)
        .finalize();
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

fn joined(point: &EdwardsPoint, scalar: &Scalar) -> SignatureBytes {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(point.compress().as_bytes());
    signature[32..].copy_from_slice(scalar.as_bytes());
    signature
}

#[test]
fn signatures_of_any_length_of_message_fit() {
    let pair = Keypair::from_seed(&[3; 32]);
    let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
    for len in [0, 1, 63, 64, 127, 128, 300, 5_000] {
        let message = vec![9; len];
        assert!(both(&key, &message, &pair.sign(&message)));
    }
}

#[test]
fn every_bit_counts() {
    let pair = Keypair::from_seed(&[3; 32]);
    let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
    let signature = pair.sign(b"message");
    let prepared = PreparedKey::new(&key);
    assert_eq!(prepared.verify(b"message", &signature), Ok(()));
    assert!(prepared.verify(b"messagf", &signature).is_err());
    for bit in 0..512 {
        let mut forged = signature;
        forged[bit / 8] ^= 1 << (bit % 8);
        let found = prepared.verify(b"message", &forged);
        assert_eq!(found, key.verify(b"message", &forged));
        assert!(found.is_err());
    }
}

/// The same scalar plus the order of the group: the equation holds, the form is another.
#[test]
fn scalars_that_are_not_reduced_are_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let pair = Keypair::from_seed(&[3; 32]);
    let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
    let mut forged = pair.sign(b"message");
    let mut carry = 0;
    for (byte, order) in forged[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!both(&key, b"message", &forged));
}

/// A signer who knows the secret can make `R` anything, also a point of small order or one with such a part.
#[test]
fn points_of_small_order_are_refused() {
    let secret = Scalar::from(12_345_u64);
    let nonce = Scalar::from(67_890_u64);
    let mut taken = 0;
    // Also keys that have a part of small order themselves: they are no weak keys.
    for key_part in EIGHT_TORSION {
        let point = ED25519_BASEPOINT_POINT * secret + key_part;
        let bytes = point.compress().to_bytes();
        let key = PublicKey::from_bytes(&bytes).expect("not a weak key");
        for part in EIGHT_TORSION {
            for number in 0..16_u8 {
                let message = [number];
                let weak = hash(part.compress().as_bytes(), &bytes, &message) * secret;
                assert!(!both(&key, &message, &joined(&part, &weak)));
                let mixed = ED25519_BASEPOINT_POINT * nonce + part;
                let challenge = hash(mixed.compress().as_bytes(), &bytes, &message);
                let signature = joined(&mixed, &(nonce + challenge * secret));
                taken += usize::from(both(&key, &message, &signature));
            }
        }
    }
    // Without any such parts all 16 fit; with them, those where the parts happen to cancel out.
    assert!((16..8 * 8 * 16 / 2).contains(&taken), "{taken}");
}

/// Encodings of the base point's neighbours that are not the canonical ones.
#[test]
fn points_that_are_not_canonical_are_refused() {
    let pair = Keypair::from_seed(&[3; 32]);
    let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
    let mut high = [0xff; 32];
    for (low, sign) in (0xed..=0xff_u8).flat_map(|low| [(low, 0x7f), (low, 0xff)]) {
        high[0] = low;
        high[31] = sign;
        let mut forged = pair.sign(b"message");
        forged[..32].copy_from_slice(&high);
        assert!(!both(&key, b"message", &forged));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_agree(
        seed in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 0..400),
        other in any::<[u8; 32]>(),
        half in 0..3_u8,
    ) {
        let pair = Keypair::from_seed(&seed);
        let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
        let mut signature = pair.sign(&message);
        match half {
            0 => signature[..32].copy_from_slice(&other),
            1 => signature[32..].copy_from_slice(&other),
            _ => {}
        }
        prop_assert_eq!(both(&key, &message, &signature), half == 2);
    }
}
