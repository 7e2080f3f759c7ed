//! Where things are kept when nobody says otherwise.

use std::path::PathBuf;

use base::{Code, Problem};
use runtime::config::{Environment as _, ProcessEnvironment};

/// Returns the folder with a user's own key and chain.
pub(crate) fn agent(given: Option<PathBuf>) -> Result<PathBuf, Problem> {
    given.map_or_else(|| Ok(home()?.join("agent")), Ok)
}

/// Returns the folder with a community's state.
pub(crate) fn community(given: Option<PathBuf>) -> Result<PathBuf, Problem> {
    given.map_or_else(|| Ok(home()?.join("community")), Ok)
}

/// Returns the folder with the state of a node that keeps blobs and runs alone.
pub(crate) fn storage(given: Option<PathBuf>) -> Result<PathBuf, Problem> {
    given.map_or_else(|| Ok(home()?.join("storage")), Ok)
}

/// Returns the folder with members' keys.
pub(crate) fn vault(given: Option<PathBuf>) -> Result<PathBuf, Problem> {
    given.map_or_else(|| Ok(home()?.join("vault")), Ok)
}

/// Returns the folder with the state of a conductor that runs alone.
pub(crate) fn conductor(given: Option<PathBuf>) -> Result<PathBuf, Problem> {
    given.map_or_else(|| Ok(home()?.join("conductor")), Ok)
}

/// Returns the folder that says where unfinished uploads go on.
pub(crate) fn uploads() -> Result<PathBuf, Problem> {
    Ok(home()?.join("uploads"))
}

/// Returns Commonhold's home: `COMMONHOLD_HOME`, or the place that the XDG base directory specification names.
fn home() -> Result<PathBuf, Problem> {
    let environment = ProcessEnvironment;
    let named = |key: &str| environment.get(key).filter(|value| !value.is_empty());
    if let Some(home) = named("COMMONHOLD_HOME") {
        return Ok(PathBuf::from(home));
    }
    if let Some(data) = named("XDG_DATA_HOME") {
        return Ok(PathBuf::from(data).join("commonhold"));
    }
    let home = named("HOME").ok_or_else(|| {
        let detail = "HOME is not set; name a folder with --data or COMMONHOLD_HOME";
        Problem::new(Code::Config, detail)
    })?;
    Ok(PathBuf::from(home).join(".local/share/commonhold"))
}
