//! Three DNAs of a Holochain 0.7.1 conductor: with and without a seed, with and without properties.

use super::*;

/// All three have this one integrity zome.
const ZOME: &str = "golden_integrity";
const WASM_HASH: &str = "uhCokgiQGwAE1rLvdfdOvfB6ueeUkTSkkzsVaUVWZO4VoToAG_EuF";

struct Known {
    network_seed: &'static str,
    properties: &'static str,
    hashed: &'static str,
    hash: &'static str,
}

const KNOWN: [Known; 3] = [
    Known {
        network_seed: "",
        properties: "c0",
        hashed: "82a96d6f6469666965727382ac6e6574776f726b5f73656564a0aa70726f70657274696573c401c0af696e746567726974795f7a6f6d65739192b0676f6c64656e5f696e7465677269747981a45761736d82a97761736d5f68617368c427842a24822406c00135acbbdd7dd3af7c1eae79e5244d2924cec55a5155993b85684e8006fc4b85ac646570656e64656e6369657390",
        hash: "uhC0kgh7F1Ii9ONvVeyFef8qWbkQOtjwfxJYex2Ux7EO7GOSwW9zl",
    },
    Known {
        network_seed: "another network",
        properties: "82a46e616d65a6676f6c64656ea56c696d697407",
        hashed: "82a96d6f6469666965727382ac6e6574776f726b5f73656564af616e6f74686572206e6574776f726baa70726f70657274696573c41482a46e616d65a6676f6c64656ea56c696d697407af696e746567726974795f7a6f6d65739192b0676f6c64656e5f696e7465677269747981a45761736d82a97761736d5f68617368c427842a24822406c00135acbbdd7dd3af7c1eae79e5244d2924cec55a5155993b85684e8006fc4b85ac646570656e64656e6369657390",
        hash: "uhC0kLniTyFGcOjkRKFXM3m4M3g5s50tSO2eNvk0QeYUFwE2AEbbX",
    },
    Known {
        network_seed: "another network",
        properties: "c0",
        hashed: "82a96d6f6469666965727382ac6e6574776f726b5f73656564af616e6f74686572206e6574776f726baa70726f70657274696573c401c0af696e746567726974795f7a6f6d65739192b0676f6c64656e5f696e7465677269747981a45761736d82a97761736d5f68617368c427842a24822406c00135acbbdd7dd3af7c1eae79e5244d2924cec55a5155993b85684e8006fc4b85ac646570656e64656e6369657390",
        hash: "uhC0kvluSLnG2ONb_T2W4pb9seZrwmw6jlkc4tS3GBFIiKalJTJxN",
    },
];

#[test]
fn known_dnas_get_their_hashes() {
    let wasm_hash = WasmHash::try_from(WASM_HASH).unwrap();
    for known in KNOWN {
        let properties = hex::decode(known.properties).unwrap();
        let bytes = definition_bytes(
            known.network_seed,
            &properties,
            &[(ZOME, wasm_hash.clone())],
        );
        assert_eq!(hex::encode(&bytes), known.hashed);
        assert_eq!(
            DnaHash::from_raw_32(blake2b_256(&bytes)).to_string(),
            known.hash
        );
        if properties == NO_PROPERTIES {
            let hash = hash_of(known.network_seed, ZOME, wasm_hash.clone());
            assert_eq!(hash.to_string(), known.hash);
        }
    }
}

#[test]
fn every_seed_and_every_zome_gives_another_network() {
    let ours = hash_for("");
    assert_eq!(
        ours,
        hash_of(
            "",
            INTEGRITY_ZOME,
            WasmHash::try_from(INTEGRITY_WASM_HASH).unwrap()
        )
    );
    assert_ne!(ours, hash_for("a"));
    assert_ne!(
        ours,
        hash_of(
            "",
            "other",
            WasmHash::try_from(INTEGRITY_WASM_HASH).unwrap()
        )
    );
    assert_ne!(ours, hash_of("", INTEGRITY_ZOME, wasm_hash(b"other")));
}

#[test]
fn a_wasm_file_is_hashed_as_it_is() {
    // BLAKE2b with 32 bytes of output, over nothing and over the eight bytes that every module starts with.
    let cases: [(&[u8], &str); 2] = [
        (
            b"",
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
        ),
        (
            b"\0asm\x01\0\0\0",
            "f6a5dbf080e9c9d7834145653bce4c8cded62e664d7ddcdb5c526f5877006d74",
        ),
    ];
    for (wasm, core) in cases {
        assert_eq!(hex::encode(wasm_hash(wasm).get_raw_32()), core);
    }
}
