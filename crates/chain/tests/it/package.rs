//! The committed package holds the zome whose hash this crate writes for.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use base::ContentHash;
use chain::{WasmHash, dna};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_bytes::ByteBuf;
use serde_json::Value;

/// Largest bundle that is unpacked here, in bytes.
const BUNDLE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;

/// A Holochain bundle after gzip: its parts by name.
#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "manifest")]
    _manifest: IgnoredAny,
    resources: BTreeMap<String, ByteBuf>,
}

/// The part of a DNA's manifest that is hashed.
#[derive(Deserialize)]
struct DnaBundle {
    manifest: DnaManifest,
    resources: BTreeMap<String, ByteBuf>,
}

#[derive(Deserialize)]
struct DnaManifest {
    integrity: Integrity,
}

#[derive(Deserialize)]
struct Integrity {
    network_seed: Option<String>,
    properties: Option<IgnoredAny>,
    zomes: Vec<Zome>,
}

#[derive(Deserialize)]
struct Zome {
    name: String,
    path: String,
    dependencies: Option<Vec<IgnoredAny>>,
}

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../zomes")
        .join(name);
    std::fs::read(&path).expect("the package is committed")
}

fn unpack<T: for<'de> Deserialize<'de>>(gzip: &[u8]) -> T {
    let mut msgpack = Vec::new();
    flate2::read::GzDecoder::new(gzip)
        .take(BUNDLE_BYTES_MAX)
        .read_to_end(&mut msgpack)
        .expect("a bundle is gzip");
    rmp_serde::from_slice(&msgpack).expect("a bundle is msgpack")
}

fn only(resources: &BTreeMap<String, ByteBuf>) -> (&str, &[u8]) {
    assert_eq!(resources.len(), 1);
    let (name, bytes) = resources.first_key_value().expect("one");
    (name, bytes)
}

#[test]
fn the_committed_package_holds_the_zome_that_chains_are_written_for() {
    let stated: Value =
        serde_json::from_slice(&file("commonhold.happ.json")).expect("its facts are JSON");
    assert_eq!(stated["wasm_hash"], dna::INTEGRITY_WASM_HASH);
    assert_eq!(stated["integrity_zome"], dna::INTEGRITY_ZOME);

    let happ = file("commonhold.happ");
    assert_eq!(stated["happ_sha256"], ContentHash::of(&happ).to_string());

    let app: Bundle = unpack(&happ);
    let (_, packed) = only(&app.resources);
    let dna_bundle: DnaBundle = unpack(packed);
    let (path, wasm) = only(&dna_bundle.resources);
    assert_eq!(stated["wasm_bytes"], wasm.len());
    assert_eq!(stated["wasm_sha256"], ContentHash::of(wasm).to_string());
    let wasm_hash = dna::wasm_hash(wasm);
    assert_eq!(
        WasmHash::try_from(dna::INTEGRITY_WASM_HASH).expect("a hash"),
        wasm_hash
    );

    // What makes the hash that `dna::hash_for` computes the one that a conductor computes from this package.
    let integrity = dna_bundle.manifest.integrity;
    let [zome] = integrity.zomes.as_slice() else {
        panic!("one integrity zome");
    };
    assert_eq!(
        (zome.name.as_str(), zome.path.as_str()),
        (dna::INTEGRITY_ZOME, path)
    );
    assert!(zome.dependencies.as_ref().is_none_or(Vec::is_empty));
    assert!(integrity.properties.is_none());
    assert!(integrity.network_seed.is_none_or(|seed| seed.is_empty()));
    assert_eq!(
        dna::hash_for("seed of a community"),
        dna::hash_of("seed of a community", &zome.name, wasm_hash)
    );
}
