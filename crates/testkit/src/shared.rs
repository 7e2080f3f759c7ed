//! Data that lies beside the workspace, in `../shared/data`, on the machines of those who have it.
//!
//! Invariant: no test needs it; where it is missing, the test says that it was left out.

use std::path::{Path, PathBuf};

/// The environment variable that leaves shared data out, whatever its value.
pub const WITHOUT_SHARED: &str = "COMMONHOLD_WITHOUT_SHARED";

/// Returns the folder of the workspace.
#[must_use]
pub fn workspace_root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate lies in crates/testkit")
}

/// Finds shared data by its path below `../shared/data`, such as `courses/git-novice`.
///
/// Prints a line and returns `None` where it is missing, or where [`WITHOUT_SHARED`] is set.
#[must_use]
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let found = find(
        workspace_root(),
        std::env::var_os(WITHOUT_SHARED).is_some(),
        name,
    );
    if found.is_none() {
        println!("left out: shared data {name} is not here");
    }
    found
}

fn find(root: &Path, is_left_out: bool, name: &str) -> Option<PathBuf> {
    let path = root.parent()?.join("shared/data").join(name);
    (!is_left_out && path.exists()).then_some(path)
}

#[cfg(test)]
mod tests;
