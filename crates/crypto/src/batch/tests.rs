//! A batch and single checks agree, but for the one thing that is written down.

use curve25519_dalek::constants::EIGHT_TORSION;
use proptest::prelude::*;

use super::*;
use crate::Keypair;

/// Messages with signatures, as they came.
type Sent = Vec<(Vec<u8>, SignatureBytes)>;

fn pair() -> (Keypair, PublicKey) {
    let pair = Keypair::from_seed(&[3; 32]);
    let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
    (pair, key)
}

fn honest(pair: &Keypair, len: usize) -> Sent {
    let sign = |number: usize| {
        let message = vec![number as u8; 3 * number];
        let signature = pair.sign(&message);
        (message, signature)
    };
    (0..len).map(sign).collect()
}

fn in_batch(key: &PublicKey, sent: &Sent) -> bool {
    let signed: Vec<Signed<'_>> = sent
        .iter()
        .map(|(message, signature)| Signed { message, signature })
        .collect();
    key.verify_all(&signed).is_ok()
}

fn singly(key: &PublicKey, sent: &Sent) -> bool {
    sent.iter()
        .all(|(message, signature)| key.verify(message, signature).is_ok())
}

/// Replaces the last signature; returns whether the batch takes it, which must be what a single check says.
fn check_last(label: &str, signature: SignatureBytes) {
    let (pair, key) = pair();
    for len in [1, BATCH_LEN_MIN, 40] {
        let mut sent = honest(&pair, len);
        sent[len - 1].1 = signature;
        assert!(!singly(&key, &sent), "{label}");
        assert!(!in_batch(&key, &sent), "{label}, {len} signatures");
    }
}

#[test]
fn honest_signatures_fit_in_batches_of_any_length() {
    let (pair, key) = pair();
    for len in [
        0,
        1,
        BATCH_LEN_MIN - 1,
        BATCH_LEN_MIN,
        9,
        10,
        11,
        64,
        256,
        900,
    ] {
        assert!(in_batch(&key, &honest(&pair, len)), "{len}");
    }
}

#[test]
fn every_bit_of_one_signature_counts() {
    let (pair, key) = pair();
    let good = honest(&pair, BATCH_LEN_MIN);
    for bit in 0..512 {
        let mut sent = good.clone();
        sent[5].1[bit / 8] ^= 1 << (bit % 8);
        assert!(!in_batch(&key, &sent), "bit {bit}");
    }
    for index in 0..good.len() {
        let mut sent = good.clone();
        sent[index].0.push(0);
        assert!(!in_batch(&key, &sent), "message {index}");
    }
}

/// Two wrong signatures whose faults cancel each other in a plain sum.
#[test]
fn faults_do_not_cancel_each_other() {
    let (pair, key) = pair();
    let mut sent = honest(&pair, 20);
    for (index, change) in [(3, Scalar::ONE), (11, -Scalar::ONE)] {
        let scalar: [u8; 32] = sent[index].1[32..].try_into().unwrap();
        let scalar = Scalar::from_canonical_bytes(scalar).unwrap() + change;
        sent[index].1[32..].copy_from_slice(scalar.as_bytes());
    }
    assert!(!in_batch(&key, &sent));
    let mut sent = honest(&pair, 20);
    let (first, second) = (sent[3].1, sent[11].1);
    (sent[3].1, sent[11].1) = (second, first);
    assert!(!in_batch(&key, &sent), "swapped");
}

#[test]
fn forms_that_are_refused_alone_are_refused_in_a_batch() {
    let good = honest(&pair().0, 40)[39].1;
    let mut scalar = good;
    scalar[63] |= 0xf0;
    check_last("a scalar that is not reduced", scalar);
    for point in EIGHT_TORSION {
        let mut weak = [0; 64];
        weak[..32].copy_from_slice(point.compress().as_bytes());
        check_last("a point of small order", weak);
        weak[31] ^= 0x80;
        check_last("a point of small order with another sign", weak);
    }
    for low in 0xed..=0xff_u8 {
        for sign in [0x7f, 0xff] {
            let mut high = good;
            high[..32].fill(0xff);
            (high[0], high[31]) = (low, sign);
            check_last("a coordinate that is not reduced", high);
        }
    }
}

/// Only who knows the secret can make such a signature: its point has a part of small order.
#[test]
fn a_part_of_small_order_is_taken_in_every_batch_and_by_no_single_check() {
    let secret = Scalar::from(12_345_u64);
    let public = (ED25519_BASEPOINT_POINT * secret).compress().to_bytes();
    let key = PublicKey::from_bytes(&public).expect("a good key");
    let sign = |number: usize, part: &EdwardsPoint| {
        let message = number.to_le_bytes().to_vec();
        let nonce = Scalar::from(67_890 + number as u64);
        let point = (ED25519_BASEPOINT_POINT * nonce + part).compress();
        let digest = Sha512::new()
            .chain_update(point.as_bytes())
            .chain_update(public)
            .chain_update(&message)
            .finalize();
        let challenge = Scalar::from_bytes_mod_order_wide(&digest.into());
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(point.as_bytes());
        signature[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
        (message, signature)
    };
    for (order, part) in EIGHT_TORSION.iter().enumerate() {
        for len in [BATCH_LEN_MIN, 33] {
            let mut sent: Sent = (1..len)
                .map(|number| sign(number, &EIGHT_TORSION[0]))
                .collect();
            sent.push(sign(0, part));
            assert!(in_batch(&key, &sent), "part {order}");
            assert_eq!(singly(&key, &sent), order == 0, "part {order}");
        }
    }
}

/// What becomes of the signatures on their way.
#[derive(Clone, Debug)]
enum Fault {
    Flip(usize, usize),
    Swap(usize, usize),
    Other(usize, [u8; 32]),
    Message(usize),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (any::<usize>(), 0..512_usize).prop_map(|(index, bit)| Fault::Flip(index, bit)),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Fault::Swap(one, other)),
        (any::<usize>(), any::<[u8; 32]>()).prop_map(|(index, half)| Fault::Other(index, half)),
        any::<usize>().prop_map(Fault::Message),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn batch_and_single_checks_agree(
        len in 1..70_usize,
        seed in any::<[u8; 32]>(),
        faults in prop::collection::vec(fault(), 0..3),
    ) {
        let pair = Keypair::from_seed(&seed);
        let key = PublicKey::from_bytes(&pair.public()).expect("a good key");
        let mut sent = honest(&pair, len);
        for fault in faults {
            match fault {
                Fault::Flip(index, bit) => sent[index % len].1[bit / 8] ^= 1 << (bit % 8),
                Fault::Swap(one, other) => {
                    let (one, other) = (one % len, other % len);
                    let (first, second) = (sent[one].1, sent[other].1);
                    (sent[one].1, sent[other].1) = (second, first);
                }
                Fault::Other(index, half) => sent[index % len].1[..32].copy_from_slice(&half),
                Fault::Message(index) => sent[index % len].0.push(1),
            }
        }
        prop_assert_eq!(in_batch(&key, &sent), singly(&key, &sent));
    }
}
