//! Bundles that `hc_seed_bundle` and its JavaScript twin made, and our own.

use crypto::Keypair;
use proptest::prelude::*;

use super::*;

/// A bundle, its passphrases, and the public key of its seed; from the fixtures of `hc_seed_bundle` 0.7.1.
const THEIRS: &[(&str, &[&str], &str)] = &[
    (
        // two-pass-generated-by-javascript
        "93a568637362309296a27077c410ec104197f316f0ee504ec894061603cbcd200001c418535099bf28c507a3d026c4a12149\
         bc8be11272d8b4e1a718c4319506f533ffcef176a6436f746e6eb2756015500c39abd33dff05fd3b3b43e0276060d3c283f2\
         0a48a62ad2b777cab9e56896a27077c4104ae6a2a48d2b5c2b5a944ac62c05851acd200001c418c7c8edddea4c3caf1b2d15\
         5305290d1bb2754107207d9610c431ae512d41b4479e22a635f766d1cf6fd7565946464f231d64136f22979ec0eaf134b84e\
         e47d4882c085b4cb476194f7aaccc40180",
        &["zombies1", "zombies2"],
        "3e71f54cda32077eff46c78f21ac5bdc4800b11a684f0b9d46e6145cdd1de8b6",
    ),
    (
        // pass-and-qa-generated-by-javascript
        "93a568637362309296a27077c410f1ff34e20a8a6f428b99950871d0547bcd200001c418574b8935f14488892ce0f48fadbd\
         0828777a33af7ac174fbc431f0c5fb9e1522d36ce983d1f6f7cab02d2bdc23c68b2744e8d9e5c676407138955d7e036a9f7e\
         b247a8e99163aa3220ad7599a27161c410fea7a35df44d26fa5c6a50312397a7d4cd200001a3712d61a3712d62a3712d63c4\
         1879b05f024cd5fecddd0fff7cfdd602ffa3c30cd2ce4ad93fc431116596b6ba8eb8d787fe9c83bfe1cf5f74750fee6a4263\
         46a94c42a1c280a183ec2026421dd6163610016b7b081cb73cc6c40180",
        &["my passphrase with multiple words"],
        "085d6eb5baf72fec29134a8ac1533964d21fcb333a6e6a65c1c53448cde58aaa",
    ),
    (
        // two-pass-generated-by-rust
        "93a568637362309296a27077c410bbd18e6fe01e03109e9b658f5935e0afcd200001c4185506f2a406f043124c30460088ab\
         edf7f3db185084de71f2c431652eff626fd59e0d6d308d914f16d6855bf8ecd9105f52ddf86fe31f7949d0d5965f7b508075\
         265516e43fedcf025e9fc596a27077c410d8b7fe6feb9f56bfb5ff785e65c0ca65cd200001c418cee55115f50b8d207703e8\
         ffe288c90096abcfcc561ef848c4312ae8bff40aa8ff7bfc7660d8c5d3c47b5a87bf282e403b97c7105b2c3328323ced7934\
         e71bfcf6496a6d7eb8d01ddeac35c400",
        &["first-pass", "second-pass"],
        "a2f12f31455c0e499c8f393f7e3205f1180e012d965f8d302cb56ea99a59cbea",
    ),
    (
        // pass-and-qa-generated-by-rust
        "93a568637362309296a27077c4109a4c0582196f538cbc70e14ea391cf98cd200001c41863ee7ab7eeb37ab7ede50b88f86f\
         59d95f02addeb120efe9c431d210d3431492e909b3c4ea5eb8fbf4597526da001d8476fc11899a1638d1ffa37aa00ad0a68d\
         fc963cd88a410a5d8b225199a27161c410722e48cbdbf9b23d6648ec3a318215d4cd200001af4661766f7269746520436f6c\
         6f723faa4669727374205065743fa5486169723fc418519a87ba4c4def886b373917e8e622f1623e6d5326067002c431bf89\
         e53a902c79e67b6f675c4eb8b2c7d007ab055c458a0cd2bd87ef68e60d82a769ce150298e5d53814cb047fcaa5f935c400",
        &["my passphrase with multiple words"],
        "fb4e1b97c46d92c20d5c5e5964689caeb0c47e9c47c507408ab8a49931ae7c87",
    ),
];

const LIGHT: Work = Work {
    memory_bytes: 8 << 10,
    passes: 1,
};

fn sealed() -> Bundle {
    let seed = Secret::new([7; 32]);
    let bundle = Bundle::seal(&seed, "grün", LIGHT, &mut |bytes| bytes.fill(3));
    bundle.expect("it is light")
}

#[test]
fn bundles_of_others_are_opened() {
    assert!(THEIRS.len() >= 4);
    for (bundle, passphrases, public) in THEIRS {
        let bytes = hex::decode(bundle).expect("hex digits");
        let bundle = Bundle::decode(&bytes).expect("a bundle");
        for passphrase in *passphrases {
            let seed = bundle.open(passphrase).expect("one of its passphrases");
            assert_eq!(hex::encode(Keypair::from_seed(&seed).public()), *public);
        }
        assert_eq!(bundle.open("another"), Err(BundleError::Wrong));
        if bundle.locks.len() == passphrases.len() && !bundle.app_data.is_empty() {
            let again = Bundle::decode(&bundle.encode());
            assert_eq!(again, Ok(bundle));
        }
    }
}

#[test]
fn our_bundles_are_written_as_others_write_them() {
    for (bundle, _, _) in THEIRS {
        let bytes = hex::decode(bundle).expect("hex digits");
        let read = Bundle::decode(&bytes).expect("a bundle");
        let has_questions = bytes.windows(3).any(|window| window == b"\xa2qa");
        assert!(has_questions || read.encode() == bytes);
    }
    let bundle = sealed();
    let read = Bundle::decode(&bundle.encode()).expect("a bundle");
    assert_eq!(read, bundle);
    assert_eq!(read.open("grün"), Ok(Secret::new([7; 32])));
    assert_eq!(read.open("grun"), Err(BundleError::Wrong));
}

#[test]
fn costs_are_bounded() {
    for (memory_bytes, passes) in [
        (0, 1),
        ((8 << 10) - 1, 1),
        ((1 << 30) + 1, 1),
        (8 << 10, 0),
        (8 << 10, 17),
    ] {
        let mut bundle = sealed();
        bundle.locks[0].work = Work {
            memory_bytes,
            passes,
        };
        let read = Bundle::decode(&bundle.encode()).expect("a bundle");
        assert_eq!(read.open("grün"), Err(BundleError::Work));
    }
    let none = Bundle {
        locks: Vec::new(),
        app_data: vec![1; 300],
    };
    let read = Bundle::decode(&none.encode());
    assert_eq!(read, Ok(none.clone()));
    assert_eq!(none.open("grün"), Err(BundleError::NoLock));
    let long = vec![0x93; BUNDLE_BYTES_MAX + 1];
    assert_eq!(Bundle::decode(&long), Err(BundleError::Form));
}

proptest! {
    #[test]
    fn every_flipped_bit_is_noticed(at in 0..132_usize, bit in 0..8_u8) {
        let bundle = sealed();
        let mut bytes = bundle.encode();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = Bundle::decode(&bytes) {
            // A cost that became large is not paid here, and memory counts in whole KiB.
            let is_light = changed.locks.iter().all(|lock| lock.work.memory_bytes <= 1 << 20);
            let is_rounded = changed.locks.iter().all(|lock| lock.work.memory_bytes / 1_024 == 8 && lock.work != LIGHT);
            let is_noticed = !is_light || changed.app_data != bundle.app_data || changed.open("grün").is_err();
            prop_assert!(is_noticed || is_rounded);
        }
    }

    #[test]
    fn noise_is_no_bundle(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let framed = [b"\x93\xa5hcsb0".as_slice(), &bytes].concat();
        for bytes in [bytes, framed] {
            if let Ok(bundle) = Bundle::decode(&bytes) {
                prop_assert!(bundle.locks.len() <= LOCKS_MAX);
            }
        }
    }
}
