//! The first content of every community: Commonhold's own handbook, embedded, signed by the first steward.

use std::path::Path;

use base::{Code, Problem};
use include_dir::{Dir, include_dir};

use crate::agent::Agent;
use crate::publish::{self, Options};
use crate::send;

static HANDBOOK: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/handbook");

/// Publishes the handbook to the doorway at `address`.
#[allow(
    clippy::disallowed_methods,
    reason = "the embedded handbook is unpacked into a folder of its own to be read like any other folder"
)]
pub(super) async fn publish(agent: &Path, address: &str) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(Code::StoreFailed, format!("unpack the handbook: {error}"))
    };
    let folder = tempfile::Builder::new()
        .prefix("commonhold-handbook-")
        .tempdir()
        .map_err(failed)?;
    let handbook = folder.path().join("handbook");
    std::fs::create_dir(&handbook).map_err(failed)?;
    HANDBOOK.extract(&handbook).map_err(failed)?;
    let course = publish::understand(&handbook, &Options::default()).map_err(|problems| {
        let detail: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Problem::new(Code::Bug, format!("the handbook: {}", detail.join("; ")))
    })?;
    let agent = Agent::open(agent)?;
    send::quietly(&agent, address, course).await?;
    Ok(())
}
