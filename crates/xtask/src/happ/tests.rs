//! The committed package, and how damaged or replaced ones are refused.

use std::fs;
use std::path::Path;

use super::*;

fn committed_zomes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../zomes")
}

/// A folder with a package around `wasm` and its record.
fn package_of(wasm: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_package(folder.path(), wasm, "rustc 0".into()).unwrap();
    folder
}

#[test]
fn the_committed_package_has_its_hash() {
    let (record, wasm) = read_committed(&committed_zomes()).unwrap();
    assert_eq!(wasm.get(..4), Some(&b"\0asm"[..]));
    assert_eq!(record.integrity_zome, "commonhold_integrity");
    // Every community's DNA hash hangs on this: it is typed here a second time so that a new record cannot pass unseen.
    assert_eq!(
        record.wasm_hash,
        "uhCokRvKUkHMzh2tppH4IxYbim47HFAaVTvXOVGixNDXgOBM7GLQ7"
    );
}

#[test]
fn a_package_gives_back_the_bytes_it_was_made_of() {
    for wasm in [&b""[..], b"\0asm\x01\0\0\0", &[7; 100_000]] {
        let happ = bundle::pack(wasm).unwrap();
        assert_eq!(happ, bundle::pack(wasm).unwrap());
        assert_eq!(bundle::unpack(&happ).unwrap(), wasm);
        let mtime = happ.get(4..8);
        assert_eq!(mtime, Some(&[0; 4][..]));
    }
}

#[test]
fn a_record_that_differs_in_one_field_is_refused() {
    let folder = package_of(b"wasm");
    let file = folder.path().join(RECORD_FILE);
    let (record, _) = read_committed(folder.path()).unwrap();
    let changed = [
        Record {
            wasm_hash: hash_of(b"other"),
            ..record.clone()
        },
        Record {
            wasm_sha256: sha256_hex(b"other"),
            ..record.clone()
        },
        Record {
            wasm_bytes: 5,
            ..record.clone()
        },
        Record {
            happ_sha256: sha256_hex(b"other"),
            ..record.clone()
        },
        Record {
            integrity_zome: "other".into(),
            ..record.clone()
        },
    ];
    for other in changed {
        fs::write(&file, serde_json::to_vec(&other).unwrap()).unwrap();
        let error = read_committed(folder.path()).unwrap_err();
        assert!(
            error.to_string().contains("is not the recorded package"),
            "{error:#}"
        );
    }
    fs::write(&file, serde_json::to_vec(&record).unwrap()).unwrap();
    assert!(read_committed(folder.path()).is_ok());
}

#[test]
fn a_damaged_package_is_refused() {
    let folder = package_of(b"wasm");
    let file = folder.path().join(PACKAGE_FILE);
    let happ = fs::read(&file).unwrap();
    for damaged in [&happ[..happ.len() - 9], b"", b"not gzip at all"] {
        fs::write(&file, damaged).unwrap();
        let error = read_committed(folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("unpack "), "{error:#}");
    }
    fs::remove_file(&file).unwrap();
    let error = read_committed(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with("read "), "{error:#}");
}

#[test]
fn another_zome_is_refused_where_one_is_frozen() {
    let folder = package_of(b"wasm");
    assert!(compare_with_committed(folder.path(), b"wasm", "rustc 1").is_ok());
    let before = fs::read(folder.path().join(PACKAGE_FILE)).unwrap();
    let error = compare_with_committed(folder.path(), b"more", "rustc 1").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the integrity zome is frozen at uhCok"),
        "{error:#}"
    );
    assert_eq!(fs::read(folder.path().join(PACKAGE_FILE)).unwrap(), before);
}

#[test]
fn the_reason_for_a_left_out_rebuild_names_the_compiler() {
    let folder = package_of(b"wasm");
    let (record, _) = read_committed(folder.path()).unwrap();
    let reason = why_not(&record, &[]);
    assert!(
        reason.contains("rustc 0") && reason.contains("rustc-web"),
        "{reason}"
    );
}

#[test]
fn a_wasm_hash_is_the_one_holochain_computes() {
    // BLAKE2b-256 of nothing, as RFC 7693's reference code gives it, under the prefix of WebAssembly.
    let core = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
    let hash = WasmHash::try_from(hash_of(b"")).unwrap();
    let hex: String = hash
        .get_raw_32()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, core);
    assert!(hash_of(b"").starts_with("uhCok"));
}

#[test]
fn the_zome_and_the_workspace_keep_apart() {
    let zomes = fs::read_to_string(committed_zomes().join("Cargo.lock")).unwrap();
    let registry = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let sources: Vec<&str> = zomes
        .lines()
        .filter(|line| line.starts_with("source = "))
        .collect();
    assert!(
        !sources.is_empty() && sources.iter().all(|line| *line == registry),
        "{sources:?}"
    );

    let workspace = fs::read_to_string(committed_zomes().join("../Cargo.lock")).unwrap();
    for name in ["hdi", "hdk", "holochain"] {
        let line = format!("name = \"{name}\"");
        assert!(
            !workspace.lines().any(|found| found == line),
            "the workspace links {name}"
        );
    }
    assert!(zomes.lines().any(|found| found == "name = \"hdi\""));
}
