//! Where uploads that are not finished go on: a small file for each, in Commonhold's home.
//!
//! A file says at which address of the server the bytes of a certain hash are half there. It is only a hint: the server
//! is asked how far it really is, and without the file everything is sent again.

use std::path::Path;

use base::{ContentHash, Problem, Timestamp};
use disk::{Folder, Mode};
use serde_json::{Value, json};
use url::Url;

/// Largest such file, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1_024;

/// After how long a hint is thrown away: servers give uploads up before, in seconds.
const KEPT_SECS_MAX: i64 = 14 * 24 * 3_600;

/// Most hints that are looked at for their age in one run.
const SWEPT_MAX: usize = 1_000;

/// Uploads that one person has begun to one namespace of one server.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    folder: Folder,
    server: String,
    agent: String,
    namespace: String,
}

impl Begun {
    /// Opens the hints; old ones are thrown away.
    pub(crate) fn open(
        folder: &Path,
        server: &str,
        agent: &str,
        namespace: &str,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let folder = Folder::open(folder).map_err(|error| error.problem())?;
        let begun = Self {
            folder,
            server: server.to_owned(),
            agent: agent.to_owned(),
            namespace: namespace.to_owned(),
        };
        begun.sweep(now)?;
        Ok(begun)
    }

    /// Returns the path on the server at which the upload of a blob goes on, when one has begun.
    pub(crate) fn find(&self, hash: &ContentHash) -> Option<String> {
        let document = self.read(&self.name(hash))?;
        let is_this = document["hash"] == hash.to_string() && document["server"] == self.server;
        let path = document["upload"].as_str().filter(|_| is_this)?;
        // It is a path and nothing else, whoever wrote the file: the token goes to this server alone.
        let is_path = path.starts_with('/') && !path.starts_with("//");
        is_path.then(|| path.to_owned())
    }

    /// Remembers where the upload of a blob goes on.
    pub(crate) fn keep(
        &self,
        hash: &ContentHash,
        upload: &Url,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let document = json!({
            "version": 1,
            "server": self.server,
            "namespace": self.namespace,
            "hash": hash.to_string(),
            "upload": upload.path(),
            "begun_at_us": now.as_micros(),
        });
        let bytes = document.to_string().into_bytes();
        let written = self
            .folder
            .write_atomic(&self.name(hash), &bytes, Mode::Private);
        written.map_err(|error| error.problem())
    }

    /// Forgets an upload that is finished or gone.
    pub(crate) fn forget(&self, hash: &ContentHash) -> Result<(), Problem> {
        let removed = self.folder.remove(&self.name(hash));
        removed.map(|_| ()).map_err(|error| error.problem())
    }

    fn name(&self, hash: &ContentHash) -> String {
        let Self {
            server,
            agent,
            namespace,
            ..
        } = self;
        let key = format!("{server}\n{agent}\n{namespace}\n{hash}");
        format!("{}.json", ContentHash::of(key.as_bytes()))
    }

    /// Reads a hint; one that cannot be read is none.
    fn read(&self, name: &str) -> Option<Value> {
        let bytes = self.folder.read(name, FILE_BYTES_MAX).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    fn sweep(&self, now: Timestamp) -> Result<(), Problem> {
        let oldest = now.as_micros() - KEPT_SECS_MAX * 1_000_000;
        let names = self.folder.names().map_err(|error| error.problem())?;
        for name in names.iter().take(SWEPT_MAX) {
            let begun = self
                .read(name)
                .and_then(|document| document["begun_at_us"].as_i64());
            if begun.is_none_or(|begun| begun < oldest) {
                self.folder.remove(name).map_err(|error| error.problem())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
