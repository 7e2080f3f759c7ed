//! No bit of a record can change on its way: it is refused when it is read or when it is verified.

use super::*;

/// Every single bit and the whole of each byte.
const FLIPS: [u8; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 255];

fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |index| {
        FLIPS.into_iter().map(move |flip| {
            let mut bytes = bytes.to_vec();
            bytes[index] ^= flip;
            bytes
        })
    })
}

/// Returns whether the parts still are a record that continues the chain.
fn is_taken(verifier: &Verifier, action: &[u8], signature: &[u8], entry: Option<&[u8]>) -> bool {
    let Ok(record) = record::decode(action, signature, entry) else {
        return false;
    };
    verifier.clone().apply(&record).is_ok()
}

#[test]
fn no_bit_of_a_record_can_change() {
    let chain = Chain::of_all_types(1);
    let mut verifier = verifier(&chain, Rules::Holochain);
    for record in &chain.records {
        let action = record::action_bytes(record.action());
        let signature = record.signature().0;
        let entry = record::present(record).map(record::entry_bytes);
        let entry = entry.as_deref();
        assert!(is_taken(&verifier, &action, &signature, entry));
        for bad in flipped(&action) {
            assert!(!is_taken(&verifier, &bad, &signature, entry));
        }
        for bad in flipped(&signature) {
            assert!(!is_taken(&verifier, &action, &bad, entry));
        }
        for bad in entry.into_iter().flat_map(flipped) {
            assert!(!is_taken(&verifier, &action, &signature, Some(&bad)));
        }
        assert_eq!(verifier.apply(record), Ok(()));
    }
}

#[test]
fn no_byte_can_be_added_or_cut_off() {
    let chain = Chain::of_all_types(1);
    let mut verifier = verifier(&chain, Rules::Holochain);
    for record in &chain.records {
        let action = record::action_bytes(record.action());
        let signature = record.signature().0.to_vec();
        let entry = record::present(record).map(record::entry_bytes);
        let entry = entry.as_deref();
        let others = |bytes: &[u8]| {
            let longer = [bytes, &[0xc0]].concat();
            let shorter = (0..bytes.len()).map(|len| bytes[..len].to_vec());
            shorter.chain([longer]).collect::<Vec<_>>()
        };
        for bad in others(&action) {
            assert!(!is_taken(&verifier, &bad, &signature, entry));
        }
        for bad in others(&signature) {
            assert!(!is_taken(&verifier, &action, &bad, entry));
        }
        for bad in entry.into_iter().flat_map(others) {
            assert!(!is_taken(&verifier, &action, &signature, Some(&bad)));
        }
        assert_eq!(verifier.apply(record), Ok(()));
    }
}
