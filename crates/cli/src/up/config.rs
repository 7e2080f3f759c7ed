//! What `commonhold up` is told: `commonhold.toml`, then the environment, then flags.

use std::path::Path;

use base::{Code, Problem};
use doorway::Limits;
use doorway_core::cache;
use runtime::config::{self, File, Layers, ProcessEnvironment};

use crate::args::UpArgs;

/// Longest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;

runtime::configuration! {
    /// What a community's process is told.
    pub(crate) struct Config {
        /// Where to listen.
        pub(crate) listen: String = "127.0.0.1:8080".to_owned(), unit: "address and port", env: "LISTEN", since: "0.1.0";
        /// Name of the community, taken at the very first start.
        pub(crate) name: String = "Our community".to_owned(), unit: "text", env: "COMMUNITY_NAME", since: "0.1.0";
        /// Address under which readers reach it, for links and proofs; empty means where it listens.
        pub(crate) public_url: String = String::new(), unit: "URL", env: "PUBLIC_URL", since: "0.1.0";
        /// How logs look: text or json.
        pub(crate) log_format: String = "text".to_owned(), unit: "text or json", env: "LOG_FORMAT", since: "0.1.0";
        /// What is logged: error, warn, info, debug, trace, or a list such as info,doorway=debug.
        pub(crate) log_level: String = "warn".to_owned(), unit: "level", env: "LOG_LEVEL", since: "0.1.0";
        /// Largest blob that is taken.
        pub(crate) blob_bytes_max: u64 = 1_073_741_824, unit: "bytes", env: "BLOB_BYTES_MAX", since: "0.1.0";
        /// Largest body of one request that appends to a chain.
        pub(crate) chain_bytes_max: u64 = 33_554_432, unit: "bytes", env: "CHAIN_BYTES_MAX", since: "0.1.0";
        /// Most records in one request that appends to a chain.
        pub(crate) chain_records_max: u32 = 500, unit: "records", env: "CHAIN_RECORDS_MAX", since: "0.1.0";
        /// Most answers in the hot cache.
        pub(crate) cache_entries_max: u32 = 10_000, unit: "answers", env: "CACHE_ENTRIES_MAX", since: "0.1.0";
        /// Most memory for answers in the hot cache.
        pub(crate) cache_bytes_max: u64 = 33_554_432, unit: "bytes", env: "CACHE_BYTES_MAX", since: "0.1.0";
        /// Longest time that an answer is served from the hot cache, should a change ever be missed.
        pub(crate) cache_ttl_secs: u64 = 300, unit: "seconds", env: "CACHE_TTL_SECS", since: "0.1.0";
    }
}

impl Config {
    /// Returns the bounds of the doorway.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            blob_bytes_max: self.blob_bytes_max,
            chain_bytes_max: self.chain_bytes_max,
            chain_records_max: self.chain_records_max,
            cache: cache::Limits {
                entries_max: self.cache_entries_max as usize,
                bytes_max: self.cache_bytes_max,
                ttl: base::Duration::from_secs(self.cache_ttl_secs),
                ..cache::Limits::default()
            },
        }
    }
}

/// Loads the configuration; the file is optional unless it was named.
pub(super) fn load(args: &UpArgs, data: &Path) -> Result<Config, Problem> {
    let refuse = |detail: String| Problem::new(Code::Config, detail);
    let path = args
        .config
        .clone()
        .unwrap_or_else(|| data.join("commonhold.toml"));
    let bytes = disk::read_path(&path, FILE_BYTES_MAX);
    let bytes = bytes.map_err(|error| refuse(error.problem().detail))?;
    if bytes.is_none() && args.config.is_some() {
        return Err(refuse(format!("there is no file {}", path.display())));
    }
    let text = bytes.map(String::from_utf8).transpose();
    let text = text.map_err(|_| refuse(format!("{} is not UTF-8", path.display())))?;
    let mut flags = Vec::new();
    if let Some(listen) = args.listen {
        flags.push(("listen", listen.to_string()));
    }
    if let Some(name) = &args.name {
        flags.push(("name", name.clone()));
    }
    if let Some(url) = &args.public_url {
        flags.push(("public_url", url.clone()));
    }
    config::load(&Layers {
        file: text.as_deref().map(|text| File { path: &path, text }),
        environment: &ProcessEnvironment,
        flags: &flags,
    })
    .map_err(|error| refuse(base::told(&error)))
}

#[cfg(test)]
mod tests;
