//! Finds a Rust compiler for WebAssembly and builds the integrity zome with it, so that the bytes do not depend on the folder.
//!
//! Two kinds are known: Debian's packages, which bring the sources of the standard library, and a rustup target.
//! The bytes differ between compilers, so the frozen package names the one that built it.
//!
//! # Invariants
//! * No path of this machine is left in the WebAssembly, or the build fails.
//! * Flags and wrappers from the caller's environment do not reach the compiler.
//!
//! It does not know which bytes are the right ones.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "commonhold_integrity";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-19";
const STD_SOURCES: &str = "lib/rustlib/src/rust";
/// Separates the flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\u{1f}";

/// What a user installs to have a toolchain that can build the frozen package.
pub(super) const INSTALL_HINT: &str = "apt-get install rustc-web cargo-web rust-web-src lld-19";

/// A compiler that can build WebAssembly on this machine.
pub(super) struct Toolchain {
    /// The answer of `rustc --version`.
    pub(super) version: String,
    rustc: PathBuf,
    cargo: PathBuf,
    sysroot: PathBuf,
    origin: Origin,
}

enum Origin {
    /// Debian's compiler; the standard library is built from its sources.
    Debian,
    /// A toolchain of rustup with the target added.
    Rustup,
}

impl Toolchain {
    /// Returns the toolchains of this machine, Debian's first.
    pub(super) fn found() -> Vec<Self> {
        [Self::debian(), Self::rustup()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn debian() -> Option<Self> {
        let rustc = PathBuf::from(DEBIAN_RUSTC);
        let sysroot = PathBuf::from(ask(&rustc, &["--print", "sysroot"])?);
        let has_parts = Path::new(DEBIAN_CARGO).is_file()
            && Path::new(DEBIAN_LINKER).is_file()
            && sysroot.join(STD_SOURCES).join("library/std").is_dir();
        if !has_parts {
            return None;
        }
        Some(Self {
            version: ask(&rustc, &["--version"])?,
            cargo: DEBIAN_CARGO.into(),
            rustc,
            sysroot,
            origin: Origin::Debian,
        })
    }

    fn rustup() -> Option<Self> {
        let sysroot = PathBuf::from(ask(Path::new("rustc"), &["--print", "sysroot"])?);
        let (rustc, cargo) = (sysroot.join("bin/rustc"), sysroot.join("bin/cargo"));
        let has_target = sysroot
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir();
        if !has_target || !cargo.is_file() {
            return None;
        }
        Some(Self {
            version: ask(&rustc, &["--version"])?,
            rustc,
            cargo,
            sysroot,
            origin: Origin::Rustup,
        })
    }

    /// Builds the zome in `zomes`, with `target` for the intermediate files, and returns the WebAssembly.
    ///
    /// # Errors
    /// Fails when cargo fails, or when a path of this machine is left in the result.
    pub(super) fn build(&self, zomes: &Path, target: &Path) -> anyhow::Result<Vec<u8>> {
        fs::create_dir_all(target).with_context(|| format!("make {}", target.display()))?;
        let zomes = zomes
            .canonicalize()
            .with_context(|| format!("find {}", zomes.display()))?;
        let target = target.canonicalize().context("find the target folder")?;
        // The names of the registry's folders are known only after the first download.
        self.run_cargo(&zomes, &target, &["fetch", "--locked"], &[])?;

        let mut arguments = vec![
            "build",
            "--locked",
            "--release",
            "--package",
            PACKAGE,
            "--target",
            TARGET,
        ];
        if matches!(self.origin, Origin::Debian) {
            arguments.push("-Zbuild-std=std,panic_abort");
        }
        let remapped = self.remapped(&zomes, &target)?;
        self.run_cargo(&zomes, &target, &arguments, &flags(&remapped))?;

        let file = target
            .join(TARGET)
            .join("release")
            .join(format!("{PACKAGE}.wasm"));
        let wasm = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        for (path, _) in &remapped {
            ensure!(
                !contains(&wasm, path.as_os_str().as_encoded_bytes()),
                "the WebAssembly still holds the path {}",
                path.display()
            );
        }
        Ok(wasm)
    }

    fn run_cargo(
        &self,
        zomes: &Path,
        target: &Path,
        arguments: &[&str],
        flags: &[OsString],
    ) -> anyhow::Result<()> {
        let mut command = Command::new(&self.cargo);
        for (key, _) in std::env::vars_os() {
            if reaches_the_compiler(&key) {
                command.env_remove(key);
            }
        }
        command
            .args(arguments)
            .current_dir(zomes)
            .env("RUSTC", &self.rustc)
            .env("CARGO_TARGET_DIR", target)
            .env(
                "CARGO_ENCODED_RUSTFLAGS",
                flags.join(OsStr::new(FLAG_SEPARATOR)),
            );
        if matches!(self.origin, Origin::Debian) {
            command.env("RUSTC_BOOTSTRAP", "1");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
        }
        let status = command
            .status()
            .with_context(|| format!("start {}", self.cargo.display()))?;
        if !status.success() {
            bail!("cargo {} failed with {status}", arguments.join(" "));
        }
        Ok(())
    }

    /// Returns each path that must not be in the result, with what stands for it; of two that match, the later counts.
    fn remapped(
        &self,
        zomes: &Path,
        target: &Path,
    ) -> anyhow::Result<Vec<(PathBuf, &'static str)>> {
        let std_sources = self.sysroot.join(STD_SOURCES);
        let mut paths = vec![(std_sources.clone(), "/std")];
        if let Ok(resolved) = std_sources.canonicalize() {
            paths.push((resolved, "/std"));
        }
        for folder in registry_folders()? {
            paths.push((folder, "/registry"));
        }
        paths.push((zomes.to_path_buf(), "/zomes"));
        paths.push((target.to_path_buf(), "/target"));
        Ok(paths)
    }
}

fn flags(remapped: &[(PathBuf, &str)]) -> Vec<OsString> {
    let mut flags = vec![
        OsString::from("--cfg"),
        OsString::from("getrandom_backend=\"custom\""),
    ];
    for (path, stand_in) in remapped {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(path);
        flag.push("=");
        flag.push(stand_in);
        flags.push(flag);
    }
    flags
}

/// Says whether a variable of the caller could change what the compiler writes.
fn reaches_the_compiler(key: &OsStr) -> bool {
    let key = key.to_string_lossy();
    let prefixes = [
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "CARGO_UNSTABLE_",
        "RUSTC",
        "RUSTFLAGS",
    ];
    let names = [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "LD_LIBRARY_PATH",
    ];
    prefixes.iter().any(|prefix| key.starts_with(prefix)) || names.contains(&key.as_ref())
}

/// Returns the folders into which cargo unpacks the sources of crates, by both of their names where a link leads there.
fn registry_folders() -> anyhow::Result<BTreeSet<PathBuf>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?)
                .join(".cargo")
        }
    };
    let sources = home.join("registry/src");
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(&sources).with_context(|| format!("list {}", sources.display()))? {
        let folder = entry?.path();
        folders.extend(folder.canonicalize().ok());
        folders.insert(folder);
    }
    Ok(folders)
}

fn ask(program: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| answer.trim().to_owned())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
