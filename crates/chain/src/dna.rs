//! The DNA: which network a chain belongs to. A community's network seed gives it a DNA hash of its own.
//!
//! Source: Holochain 0.7.1 hashes `{modifiers: {network_seed, properties}, integrity_zomes}` (a msgpack map with
//! names, in this order) by BLAKE2b-256; a WebAssembly's hash is that of the file itself.

use holo_hash::encode::blake2b_256;
use serde::Serialize;

use crate::msgpack::encode;
use crate::{DnaHash, WasmHash};

/// Name of the DNA, of its role in the app bundle, and of the bundle.
pub const NAME: &str = "commonhold";

/// Name of the integrity zome inside the DNA; it is hashed.
pub const INTEGRITY_ZOME: &str = "commonhold_integrity";

/// Hash of the WebAssembly of the frozen integrity zome, in the committed package `zomes/commonhold.happ`.
pub const INTEGRITY_WASM_HASH: &str = "uhCokRvKUkHMzh2tppH4IxYbim47HFAaVTvXOVGixNDXgOBM7GLQ7";

/// Longest network seed that a community may have, in bytes.
pub const NETWORK_SEED_BYTES_MAX: usize = 128;

#[derive(Debug, Serialize)]
struct Definition<'a> {
    modifiers: Modifiers<'a>,
    integrity_zomes: Vec<(&'a str, Zome)>,
}

#[derive(Debug, Serialize)]
struct Modifiers<'a> {
    network_seed: &'a str,
    #[serde(with = "serde_bytes")]
    properties: &'a [u8],
}

#[derive(Debug, Serialize)]
enum Zome {
    Wasm(Wasm),
}

#[derive(Debug, Serialize)]
struct Wasm {
    wasm_hash: WasmHash,
    dependencies: Vec<String>,
}

/// The msgpack of nothing, which is what a DNA without properties holds.
const NO_PROPERTIES: &[u8] = &[0xc0];

/// Returns the DNA hash of the community with this network seed.
#[must_use]
pub fn hash_for(network_seed: &str) -> DnaHash {
    let wasm = WasmHash::try_from(INTEGRITY_WASM_HASH).expect("the committed hash is well-formed");
    hash_of(network_seed, INTEGRITY_ZOME, wasm)
}

/// Returns the hash of a DNA that has one integrity zome, no dependencies and no properties.
#[must_use]
pub fn hash_of(network_seed: &str, zome: &str, wasm_hash: WasmHash) -> DnaHash {
    let zomes = [(zome, wasm_hash)];
    DnaHash::from_raw_32(blake2b_256(&definition_bytes(
        network_seed,
        NO_PROPERTIES,
        &zomes,
    )))
}

/// Returns what is hashed of a DNA whose integrity zomes depend on nothing; `properties` are msgpack already.
fn definition_bytes(
    network_seed: &str,
    properties: &[u8],
    integrity_zomes: &[(&str, WasmHash)],
) -> Vec<u8> {
    let definition = Definition {
        modifiers: Modifiers {
            network_seed,
            properties,
        },
        integrity_zomes: integrity_zomes
            .iter()
            .map(|(name, wasm_hash)| {
                let wasm = Wasm {
                    wasm_hash: wasm_hash.clone(),
                    dependencies: Vec::new(),
                };
                (*name, Zome::Wasm(wasm))
            })
            .collect(),
    };
    encode(&definition, 256)
}

/// Returns the hash of a WebAssembly file.
#[must_use]
pub fn wasm_hash(wasm: &[u8]) -> WasmHash {
    WasmHash::from_raw_32(blake2b_256(wasm))
}

#[cfg(test)]
mod tests;
