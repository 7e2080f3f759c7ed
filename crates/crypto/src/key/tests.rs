//! Known answers and forgeries.

use super::*;

/// RFC 8032, section 7.1, test 2.
const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (place, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).expect("hex is ASCII");
        *place = u8::from_str_radix(pair, 16).expect("hex digits");
    }
    bytes
}

#[test]
fn signs_as_the_rfc_says() {
    let pair = Keypair::from_seed(&bytes(SEED));
    assert_eq!(pair.public(), bytes(PUBLIC));
    assert_eq!(pair.sign(&[0x72]), bytes(SIGNATURE));
    assert_eq!(*pair.seed(), bytes(SEED));
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let key = PublicKey::from_bytes(&bytes(PUBLIC)).expect("key of the RFC");
    let signature = bytes(SIGNATURE);
    assert_eq!(key.verify(&[0x72], &signature), Ok(()));
    assert_eq!(key.verify(&[0x73], &signature), Err(VerifyError::Signature));
    for bit in 0..512 {
        let mut forged = signature;
        forged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.verify(&[0x72], &forged), Err(VerifyError::Signature));
    }
}

#[test]
fn weak_and_impossible_keys_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity), Err(VerifyError::Key));
    assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(VerifyError::Key));
    assert_eq!(PublicKey::from_bytes(&[2; 32]), Err(VerifyError::Key));
}

#[test]
fn secrets_are_not_printed() {
    let shown = format!("{:?}", Keypair::from_seed(&bytes(SEED)));
    assert_eq!(shown, "Keypair(secret)");
}
