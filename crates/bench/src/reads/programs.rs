//! The programs that the benchmark stands beside, and what to say when one is not installed.

use std::path::PathBuf;

/// Folders of system programs, which an ordinary `PATH` does not name.
const SYSTEM: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// A program of the system.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Where it is, when it is installed.
    pub(super) path: Option<PathBuf>,
    name: &'static str,
    package: &'static str,
}

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// The generator of load.
    pub(super) wrk: Program,
    /// The rival for files.
    pub(super) nginx: Program,
    /// The rival for caches.
    pub(super) varnish: Program,
    /// Makes the certificate for nginx.
    pub(super) openssl: Program,
}

impl Programs {
    /// Looks for them.
    pub(super) fn find() -> Self {
        Self {
            wrk: Program::find("wrk", "wrk"),
            nginx: Program::find("nginx", "nginx"),
            varnish: Program::find("varnishd", "varnish"),
            openssl: Program::find("openssl", "openssl"),
        }
    }
}

impl Program {
    fn find(name: &'static str, package: &'static str) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(SYSTEM.iter().map(PathBuf::from));
        Self {
            path: folders
                .map(|folder| folder.join(name))
                .find(|program| program.is_file()),
            name,
            package,
        }
    }

    /// Returns the sentence that says what is left out without it.
    pub(super) fn missing(&self, what: &str) -> String {
        format!(
            "{what}; {} is not installed: apt-get install {}",
            self.name, self.package
        )
    }
}
