//! Packs the integrity zome as a `.dna` inside a `.happ`, and takes such a package apart again.
//!
//! A bundle is gzip over msgpack with named fields: `{manifest, resources: {id: bytes}}`.
//! Field names and their order are those of `mr_bundle` and `holochain_types` 0.7.1.
//!
//! # Invariants
//! * The same WebAssembly gives the same manifests and the same unpacked bytes.
//! * [`unpack`] accepts exactly what [`pack`] would write, whatever compressor wrote it.
//!
//! It does not know where the WebAssembly comes from.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use anyhow::{Context, ensure};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The name of the app, of its only role and of its DNA.
const NAME: &str = "commonhold";
/// The name of the integrity zome; it is part of what the DNA hash covers.
pub(super) const INTEGRITY_ZOME: &str = "commonhold_integrity";
const WASM_RESOURCE: &str = "commonhold_integrity.wasm";
const DNA_RESOURCE: &str = "commonhold.dna";
const MANIFEST_VERSION: &str = "0";
/// The longest package that is unpacked, in bytes; ours has less than one million.
const UNPACKED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Packs a WebAssembly file.
///
/// # Errors
/// Fails when the manifests cannot be written, which would be a bug.
pub(super) fn pack(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let dna = compress(&dna_bundle(wasm)?)?;
    compress(&app_bundle(&dna)?)
}

/// Takes a package apart and returns its WebAssembly.
///
/// # Errors
/// Fails when the package is damaged, or holds anything else than [`pack`] puts into it.
pub(super) fn unpack(happ: &[u8]) -> anyhow::Result<Vec<u8>> {
    let app_bytes = decompress(happ).context("decompress the app bundle")?;
    let dna =
        only_resource::<AppManifest>(&app_bytes, DNA_RESOURCE).context("read the app bundle")?;
    ensure!(
        app_bytes == app_bundle(&dna)?,
        "the app bundle has another manifest than this version writes"
    );
    let dna_bytes = decompress(&dna).context("decompress the DNA bundle")?;
    let wasm =
        only_resource::<DnaManifest>(&dna_bytes, WASM_RESOURCE).context("read the DNA bundle")?;
    ensure!(
        dna_bytes == dna_bundle(&wasm)?,
        "the DNA bundle has another manifest than this version writes"
    );
    Ok(wasm)
}

fn app_bundle(dna: &[u8]) -> anyhow::Result<Vec<u8>> {
    let role = Role {
        name: NAME.into(),
        provisioning: Provisioning {
            strategy: "create".into(),
            deferred: false,
        },
        dna: RoleDna {
            path: DNA_RESOURCE.into(),
            modifiers: Modifiers {
                network_seed: None,
                properties: None,
            },
            installed_hash: None,
            clone_limit: 0,
        },
    };
    let manifest = AppManifest {
        manifest_version: MANIFEST_VERSION.into(),
        name: NAME.into(),
        description: None,
        roles: vec![role],
        allow_deferred_memproofs: false,
        bootstrap_url: None,
        relay_url: None,
    };
    encode(manifest, DNA_RESOURCE, dna)
}

fn dna_bundle(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let zome = Zome {
        name: INTEGRITY_ZOME.into(),
        hash: None,
        path: WASM_RESOURCE.into(),
        dependencies: None,
    };
    let manifest = DnaManifest {
        manifest_version: MANIFEST_VERSION.into(),
        name: NAME.into(),
        integrity: Integrity {
            network_seed: None,
            properties: None,
            zomes: vec![zome],
        },
        coordinator: Coordinator { zomes: Vec::new() },
    };
    encode(manifest, WASM_RESOURCE, wasm)
}

fn encode<M: Serialize>(manifest: M, id: &str, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let bundle = Bundle {
        manifest,
        resources: BTreeMap::from([(id.to_owned(), Bin(bytes.to_vec()))]),
    };
    rmp_serde::to_vec_named(&bundle).context("write a bundle as msgpack")
}

fn only_resource<M: DeserializeOwned>(bytes: &[u8], id: &str) -> anyhow::Result<Vec<u8>> {
    let mut bundle: Bundle<M> = rmp_serde::from_slice(bytes)?;
    let resource = bundle.resources.remove(id);
    let resource = resource.with_context(|| format!("the bundle has no {id}"))?;
    Ok(resource.0)
}

fn compress(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::new(9));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn decompress(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut limited = GzDecoder::new(bytes).take(UNPACKED_BYTES_MAX + 1);
    limited.read_to_end(&mut unpacked)?;
    ensure!(
        unpacked.len() as u64 <= UNPACKED_BYTES_MAX,
        "it unpacks to more than {UNPACKED_BYTES_MAX} bytes"
    );
    Ok(unpacked)
}

#[derive(Serialize, Deserialize)]
struct Bundle<M> {
    manifest: M,
    resources: BTreeMap<String, Bin>,
}

/// Bytes that msgpack writes as `bin`.
struct Bin(Vec<u8>);

impl Serialize for Bin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BinVisitor)
    }
}

struct BinVisitor;

impl serde::de::Visitor<'_> for BinVisitor {
    type Value = Bin;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a byte string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bin, E> {
        Ok(Bin(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bin, E> {
        Ok(Bin(bytes))
    }
}

#[derive(Serialize, Deserialize)]
struct AppManifest {
    manifest_version: String,
    name: String,
    description: Option<String>,
    roles: Vec<Role>,
    allow_deferred_memproofs: bool,
    bootstrap_url: Option<String>,
    relay_url: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Role {
    name: String,
    provisioning: Provisioning,
    dna: RoleDna,
}

#[derive(Serialize, Deserialize)]
struct Provisioning {
    strategy: String,
    deferred: bool,
}

#[derive(Serialize, Deserialize)]
struct RoleDna {
    path: String,
    modifiers: Modifiers,
    installed_hash: Option<String>,
    clone_limit: u32,
}

/// What distinguishes networks of the same zome. A community passes its own seed when it installs the app.
#[derive(Serialize, Deserialize)]
struct Modifiers {
    network_seed: Option<String>,
    properties: Option<()>,
}

#[derive(Serialize, Deserialize)]
struct DnaManifest {
    manifest_version: String,
    name: String,
    integrity: Integrity,
    coordinator: Coordinator,
}

#[derive(Serialize, Deserialize)]
struct Integrity {
    network_seed: Option<String>,
    properties: Option<()>,
    zomes: Vec<Zome>,
}

/// Coordinator zomes are not hashed and can be added to an installed DNA, so that none is packed.
#[derive(Serialize, Deserialize)]
struct Coordinator {
    zomes: Vec<Zome>,
}

#[derive(Serialize, Deserialize)]
struct Zome {
    name: String,
    hash: Option<String>,
    path: String,
    dependencies: Option<Vec<String>>,
}
