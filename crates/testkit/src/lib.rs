//! What tests of whole programs need: the built binary as a process, a browser, shared data, the commands of a document,
//! and servers of others.
//!
//! Invariants: nothing here uses a fixed port, the network beyond loopback, or a folder that is not the test's own;
//! every process that it starts ends with the value that stands for it.
//! What it deliberately does not have: stand-ins for our own parts. Tests run the real thing.

#![allow(
    clippy::disallowed_methods,
    reason = "tests prepare files, read the environment of cargo, and wait for processes"
)]

mod binary;
pub mod browser;
mod documents;
pub mod http;
mod process;
pub mod servers;
mod shared;

pub use binary::{BINARY, Binary};
pub use documents::{Command, commands_of};
pub use process::Process;
pub use shared::{WITHOUT_SHARED, shared_data, workspace_root};

/// Waits until `attempt` returns something, looking again every few milliseconds.
///
/// # Errors
/// Says `what` was waited for when `deadline` has passed, or passes on what `attempt` failed with.
pub fn wait_for<T>(
    what: &str,
    deadline: std::time::Duration,
    mut attempt: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = attempt()? {
            return Ok(found);
        }
        anyhow::ensure!(
            started.elapsed() < deadline,
            "waited {deadline:?} in vain for {what}"
        );
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}
