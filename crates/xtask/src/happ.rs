//! Builds, packs and checks the frozen integrity zome: `zomes/commonhold.happ` and what is recorded about it.
//!
//! # Invariants
//! * A committed package is never replaced by one with other WebAssembly: every community's DNA hash hangs on it.
//! * The check of the committed files needs no compiler.
//!
//! It does not know a community's network seed; `chain` computes the DNA hash from it.

mod bundle;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use holo_hash::WasmHash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::toolchain::{INSTALL_HINT, Toolchain};

const PACKAGE_FILE: &str = "commonhold.happ";
const RECORD_FILE: &str = "commonhold.happ.json";

/// What is recorded beside the package, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Holochain's hash of the WebAssembly as text, `uhCok…`.
    wasm_hash: String,
    /// SHA-256 of the WebAssembly in hexadecimal.
    wasm_sha256: String,
    /// Length of the WebAssembly in bytes.
    wasm_bytes: usize,
    /// SHA-256 of the package in hexadecimal.
    happ_sha256: String,
    /// The name of the integrity zome, which the DNA hash covers.
    integrity_zome: String,
    /// The answer of `rustc --version` of the compiler that built it.
    toolchain: String,
}

/// Builds the package where there is none, or checks the committed one.
///
/// `root` is the folder of the workspace. With `check`, nothing in `zomes` is written, and the rebuild is left out,
/// with a line that says so, where the recorded compiler is not installed.
///
/// # Errors
/// Fails when a file is missing or damaged, when the build fails, or when it gives other WebAssembly than the committed package holds.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let zomes = root.join("zomes");
    if check {
        return check_committed(&zomes);
    }
    let Some(toolchain) = Toolchain::found().into_iter().next() else {
        bail!("no compiler for WebAssembly is installed; as root: {INSTALL_HINT}");
    };
    let wasm = toolchain.build(&zomes, &target_folder(&zomes))?;
    if zomes.join(PACKAGE_FILE).exists() || zomes.join(RECORD_FILE).exists() {
        return compare_with_committed(&zomes, &wasm, &toolchain.version);
    }
    write_package(&zomes, &wasm, toolchain.version)
}

/// Checks that the committed package holds what is recorded about it, without rebuilding anything.
///
/// # Errors
/// Fails when a file is missing or damaged, or when the two differ.
pub(crate) fn check_hashes(root: &Path) -> anyhow::Result<()> {
    read_committed(&root.join("zomes")).map(drop)
}

fn check_committed(zomes: &Path) -> anyhow::Result<()> {
    let (record, _) = read_committed(zomes)?;
    println!(
        "zomes/{PACKAGE_FILE} holds the recorded WebAssembly {}",
        record.wasm_hash
    );
    let found = Toolchain::found();
    let Some(toolchain) = found
        .iter()
        .find(|toolchain| toolchain.version == record.toolchain)
    else {
        println!(
            "left out: the rebuild of the integrity zome, because {}",
            why_not(&record, &found)
        );
        return Ok(());
    };
    let wasm = toolchain.build(zomes, &target_folder(zomes))?;
    compare_with_committed(zomes, &wasm, &toolchain.version)
}

fn why_not(record: &Record, found: &[Toolchain]) -> String {
    let needed = &record.toolchain;
    if found.is_empty() {
        return format!(
            "no compiler for WebAssembly is installed; the package was built by {needed} ({INSTALL_HINT})"
        );
    }
    let versions: Vec<&str> = found
        .iter()
        .map(|toolchain| toolchain.version.as_str())
        .collect();
    format!(
        "the package was built by {needed}, and installed is {}",
        versions.join(", ")
    )
}

fn compare_with_committed(zomes: &Path, wasm: &[u8], version: &str) -> anyhow::Result<()> {
    let (record, committed) = read_committed(zomes)?;
    if wasm == committed {
        println!("the rebuild gives the same {} bytes", wasm.len());
        return Ok(());
    }
    bail!(
        "the integrity zome is frozen at {} (built by {}), and its sources now give {} (built by {version}); \
         to start another network on purpose, remove zomes/{PACKAGE_FILE} and zomes/{RECORD_FILE} first",
        record.wasm_hash,
        record.toolchain,
        hash_of(wasm),
    );
}

fn write_package(zomes: &Path, wasm: &[u8], version: String) -> anyhow::Result<()> {
    let happ = bundle::pack(wasm)?;
    let record = describe(wasm, &happ, version);
    let mut text = serde_json::to_string_pretty(&record)?;
    text.push('\n');
    let (package_file, record_file) = (zomes.join(PACKAGE_FILE), zomes.join(RECORD_FILE));
    fs::write(&package_file, happ).with_context(|| format!("write {}", package_file.display()))?;
    fs::write(&record_file, text).with_context(|| format!("write {}", record_file.display()))?;
    println!(
        "zomes/{PACKAGE_FILE} now holds the WebAssembly {}",
        record.wasm_hash
    );
    Ok(())
}

/// Reads the committed files, checks one against the other, and returns the record with the WebAssembly.
fn read_committed(zomes: &Path) -> anyhow::Result<(Record, Vec<u8>)> {
    let (package_file, record_file) = (zomes.join(PACKAGE_FILE), zomes.join(RECORD_FILE));
    let happ =
        fs::read(&package_file).with_context(|| format!("read {}", package_file.display()))?;
    let text = fs::read(&record_file).with_context(|| format!("read {}", record_file.display()))?;
    let record: Record =
        serde_json::from_slice(&text).with_context(|| format!("read {}", record_file.display()))?;
    let wasm =
        bundle::unpack(&happ).with_context(|| format!("unpack {}", package_file.display()))?;
    let found = describe(&wasm, &happ, record.toolchain.clone());
    ensure!(
        found == record,
        "zomes/{PACKAGE_FILE} is not the recorded package: recorded {record:?}, found {found:?}"
    );
    Ok((record, wasm))
}

fn describe(wasm: &[u8], happ: &[u8], toolchain: String) -> Record {
    Record {
        wasm_hash: hash_of(wasm),
        wasm_sha256: sha256_hex(wasm),
        wasm_bytes: wasm.len(),
        happ_sha256: sha256_hex(happ),
        integrity_zome: bundle::INTEGRITY_ZOME.to_owned(),
        toolchain,
    }
}

/// Returns Holochain's hash of a WebAssembly file: BLAKE2b-256 of its bytes, without msgpack around them.
fn hash_of(wasm: &[u8]) -> String {
    let core = holo_hash::encode::blake2b_256(wasm);
    WasmHash::from_raw_32(core).to_string()
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn target_folder(zomes: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target).join("zomes"),
        None => zomes.join("target"),
    }
}

#[cfg(test)]
mod tests;
