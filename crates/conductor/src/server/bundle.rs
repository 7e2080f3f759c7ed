//! Reads an app bundle far enough to know that it is Commonhold's: gzip around msgpack `{manifest, resources}`, twice.
//!
//! Any other integrity zome is refused: its rules are not the ones that the engine keeps.

use std::collections::BTreeMap;
use std::io::Read as _;

use chain::dna;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_bytes::ByteBuf;
use thiserror::Error;

/// Largest bundle that is looked at, unpacked, in bytes.
const UNPACKED_BYTES_MAX: u64 = 32 * 1_024 * 1_024;

/// Why a bundle is not taken.
#[derive(Debug, Error)]
pub(super) enum BundleError {
    #[error("Failed to decompress bundle")]
    Gzip(#[source] std::io::Error),
    #[error("the bundle unpacks to more than {UNPACKED_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the bundle has no readable manifest")]
    Manifest,
    #[error("the bundle lacks {0}")]
    Missing(String),
    #[error("the bundle is another app than {}", dna::NAME)]
    Foreign,
}

/// What a bundle says about the network.
pub(super) struct Bundle {
    /// The seed in its manifest.
    pub(super) network_seed: Option<String>,
}

#[derive(Deserialize)]
struct Package<M> {
    manifest: M,
    resources: BTreeMap<String, ByteBuf>,
}

#[derive(Deserialize)]
struct AppManifest {
    roles: Vec<Role>,
}

#[derive(Deserialize)]
struct Role {
    name: String,
    dna: RoleDna,
}

#[derive(Deserialize)]
struct RoleDna {
    path: String,
    #[serde(default)]
    modifiers: Modifiers,
}

#[derive(Default, Deserialize)]
struct Modifiers {
    #[serde(default)]
    network_seed: Option<String>,
    #[serde(default)]
    properties: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct DnaManifest {
    integrity: Integrity,
}

#[derive(Deserialize)]
struct Integrity {
    #[serde(default)]
    network_seed: Option<String>,
    #[serde(default)]
    properties: Option<IgnoredAny>,
    zomes: Vec<Zome>,
}

#[derive(Deserialize)]
struct Zome {
    name: String,
    path: String,
}

/// Reads a bundle.
pub(super) fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let app: Package<AppManifest> = unpack(bytes)?;
    let [role] = app.manifest.roles.as_slice() else {
        return Err(BundleError::Foreign);
    };
    if role.name != dna::NAME || role.dna.modifiers.properties.is_some() {
        return Err(BundleError::Foreign);
    }
    let packed = resource(&app.resources, &role.dna.path)?;
    let dna: Package<DnaManifest> = unpack(packed)?;
    let integrity = &dna.manifest.integrity;
    let [zome] = integrity.zomes.as_slice() else {
        return Err(BundleError::Foreign);
    };
    let wasm = resource(&dna.resources, &zome.path)?;
    let is_ours = zome.name == dna::INTEGRITY_ZOME
        && integrity.properties.is_none()
        && dna::wasm_hash(wasm).to_string() == dna::INTEGRITY_WASM_HASH;
    if !is_ours {
        return Err(BundleError::Foreign);
    }
    let seeds = [&role.dna.modifiers.network_seed, &integrity.network_seed];
    Ok(Bundle {
        network_seed: seeds.into_iter().flatten().next().cloned(),
    })
}

fn resource<'a>(
    resources: &'a BTreeMap<String, ByteBuf>,
    path: &str,
) -> Result<&'a [u8], BundleError> {
    let found = resources.get(path);
    let found = found.ok_or_else(|| BundleError::Missing(path.to_owned()))?;
    Ok(found.as_slice())
}

fn unpack<M: DeserializeOwned>(bytes: &[u8]) -> Result<Package<M>, BundleError> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes)
        .take(UNPACKED_BYTES_MAX + 1)
        .read_to_end(&mut unpacked)
        .map_err(BundleError::Gzip)?;
    if unpacked.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    rmp_serde::from_slice(&unpacked).map_err(|_| BundleError::Manifest)
}

#[cfg(test)]
mod tests;
