//! What a build and the tests need from the machine, and how to get it on Debian.
//!
//! Nothing is installed for a user who is not root, and no service is started: while packages are being installed,
//! `policy-rc.d` answers that no service may run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::step;
use crate::tidy::browser_build;

/// Something that tests use when it is there.
struct Need {
    /// What it is, in a sentence.
    what: &'static str,
    /// Debian's packages that bring it.
    packages: &'static [&'static str],
    /// What is not tested without it.
    left_out: &'static str,
    /// Whether it is there.
    is_there: fn(&Path) -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "Chromium",
        packages: &["chromium"],
        left_out: "tests that look at pages in a browser",
        is_there: |_| Path::new("/usr/bin/chromium").exists(),
    },
    Need {
        what: "a compiler for the browser",
        packages: browser_build::PACKAGES,
        left_out: "the build of the cores for the browser",
        is_there: |root| {
            let found = browser_build::toolchain(root);
            found.is_ok_and(|toolchain| !matches!(toolchain, browser_build::Toolchain::Missing(_)))
        },
    },
    Need {
        what: "PostgreSQL 15 or later",
        packages: &["postgresql"],
        left_out: "stores on PostgreSQL and the copies that share one",
        is_there: |_| in_system("initdb").is_some() || has_cluster_programs(Path::new(POSTGRES)),
    },
    Need {
        what: "Redis",
        packages: &["redis-server"],
        left_out: "hints between processes over Redis",
        is_there: |_| in_system("redis-server").is_some(),
    },
    Need {
        what: "NATS",
        packages: &["nats-server"],
        left_out: "hints between processes over NATS",
        is_there: |_| in_system("nats-server").is_some(),
    },
    Need {
        what: "Node.js with npm",
        packages: &["nodejs", "npm"],
        left_out: "resumable uploads with tus-js-client, and conductors with Holochain's JavaScript client",
        is_there: |_| in_path("node").is_some() && in_path("npm").is_some(),
    },
];

/// Where Debian's packages put the programs of each version of PostgreSQL.
const POSTGRES: &str = "/usr/lib/postgresql";

/// The oldest version of PostgreSQL that is used.
const POSTGRES_MIN: u32 = 15;

/// Folders in which servers lie that are not in everybody's `PATH`.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Programs without which nothing builds, with the packages that bring them.
const BUILD: &[(&str, &str)] = &[
    ("cc", "build-essential"),
    ("make", "build-essential"),
    ("cmake", "cmake"),
    ("pkg-config", "pkg-config"),
];

/// Checks that everything is there that a build needs.
///
/// # Errors
/// Names the Debian packages that are missing, with the line that installs them.
pub(crate) fn require_build(root: &Path) -> anyhow::Result<()> {
    let rust = Command::new("rustc")
        .current_dir(root)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    anyhow::ensure!(
        rust.is_ok_and(|output| output.status.success()),
        "Rust is missing: install it from https://rustup.rs, then run this again",
    );
    let missing = missing_packages(|program| in_path(program).is_some());
    anyhow::ensure!(
        missing.is_empty(),
        "building needs {}; as root run: apt-get install -y --no-install-recommends {}",
        missing.join(", "),
        missing.join(" "),
    );
    Ok(())
}

fn missing_packages(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut missing: Vec<&str> = BUILD
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    missing.dedup();
    missing
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Finds a program in `PATH` or in the folders of the system's servers.
fn in_system(program: &str) -> Option<PathBuf> {
    let folders = SYSTEM_FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(program));
    in_path(program).or_else(|| folders.into_iter().find(|file| file.is_file()))
}

/// Tells whether a folder below `versions` whose name is a version of PostgreSQL, and a new enough one, has `initdb`.
fn has_cluster_programs(versions: &Path) -> bool {
    let folders = std::fs::read_dir(versions).into_iter().flatten().flatten();
    folders
        .filter(|folder| {
            let version = folder.file_name().to_string_lossy().parse();
            version.is_ok_and(|version: u32| POSTGRES_MIN <= version)
        })
        .any(|folder| folder.path().join("bin/initdb").is_file())
}

/// Installs what the tests use, where it is missing and the user is root; says what is left out otherwise.
pub(crate) fn provide_for_tests(root: &Path) {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_there)(root)).collect();
    if missing.is_empty() {
        return;
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages.iter().copied())
        .collect();
    let is_root = rustix::process::geteuid().is_root();
    if is_root && in_path("apt-get").is_some() {
        println!("installing from Debian, once: {}", packages.join(" "));
        if let Err(error) = install(&packages) {
            println!("that did not work: {error:#}");
        }
    } else {
        println!(
            "to test everything, as root run: apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
    }
    for need in missing.iter().filter(|need| !(need.is_there)(root)) {
        println!(
            "left out, because {} is missing: {}",
            need.what, need.left_out
        );
    }
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    let _policy = Policy::forbid()?;
    let lists = std::fs::read_dir("/var/lib/apt/lists");
    let have_lists = lists.is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    });
    if !have_lists {
        step::run(apt().args(["update", "-q"]))?;
    }
    let attempt = || {
        step::run(
            apt()
                .args(["install", "-y", "-q", "--no-install-recommends"])
                .args(packages),
        )
    };
    if attempt().is_ok() {
        return Ok(());
    }
    // The lists may be older than the archive: fetch them and try once more.
    step::run(apt().args(["update", "-q"]))?;
    attempt()
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}

/// Keeps packages from starting services for as long as it lives.
struct Policy {
    made: Option<PathBuf>,
}

impl Policy {
    fn forbid() -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = PathBuf::from("/usr/sbin/policy-rc.d");
        if path.exists() {
            return Ok(Self { made: None });
        }
        std::fs::write(&path, "#!/bin/sh\nexit 101\n").context("write policy-rc.d")?;
        let policy = Self {
            made: Some(path.clone()),
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .context("make policy-rc.d runnable")?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.made
            && let Err(error) = std::fs::remove_file(path)
        {
            eprintln!("remove {}: {error}", path.display());
        }
    }
}

/// Raises this process's soft limit of open files to the hard limit; children inherit it.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("the limit of open files stays as it is: {error}");
    }
}

#[cfg(test)]
mod tests;
