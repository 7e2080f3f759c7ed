//! What `commonhold storage` is told: `storage.toml`, then the environment, then flags.

use std::path::Path;

use base::{Code, Problem};
use runtime::config::{self, File, Layers, ProcessEnvironment};
use runtime::telemetry;

use crate::args::StorageArgs;

/// Longest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;

/// Name of the configuration file in the data folder.
const FILE: &str = "storage.toml";

runtime::configuration! {
    /// What a node is told that keeps blobs and runs alone.
    pub(crate) struct Config {
        /// Where to listen.
        pub(crate) listen: String = "127.0.0.1:8090".to_owned(), unit: "address and port", env: "LISTEN", since: "0.2.0";
        /// Agent keys of those who may store blobs, besides those in the file `writers` of the data folder.
        pub(crate) writers: Vec<String> = Vec::new(), unit: "agent keys", env: "WRITERS", since: "0.2.0";
        /// How logs look: text or json.
        pub(crate) log_format: String = "text".to_owned(), unit: "text or json", env: "LOG_FORMAT", since: "0.2.0";
        /// What is logged: error, warn, info, debug, trace, or a list such as info,storage=debug.
        pub(crate) log_level: String = "warn".to_owned(), unit: "level", env: "LOG_LEVEL", since: "0.2.0";
        /// Where a steward sees metrics and tasks; empty means nowhere. Keep it on this machine.
        pub(crate) admin_listen: String = "127.0.0.1:9090".to_owned(), unit: "address and port", env: "ADMIN_LISTEN", since: "0.2.0";
        /// Names under which the admin port answers besides localhost and its own address.
        pub(crate) admin_hosts: Vec<String> = Vec::new(), unit: "names", env: "ADMIN_HOSTS", since: "0.2.0";
        /// An OpenTelemetry collector for traces, such as http://127.0.0.1:4318; empty means none.
        pub(crate) otlp_url: String = String::new(), unit: "URL", env: "OTLP_URL", since: "0.2.0";
        /// The share of requests that are traced when they come without a trace of their own.
        pub(crate) trace_sample_ratio: f64 = 0.1, unit: "0 to 1", env: "TRACE_SAMPLE_RATIO", since: "0.2.0";
        /// Most open connections; more wait.
        pub(crate) connections_max: u32 = 10_000, unit: "connections", env: "CONNECTIONS_MAX", since: "0.2.0";
        /// Most open connections of one address; this machine itself may have more.
        pub(crate) connections_per_address_max: u32 = 512, unit: "connections", env: "CONNECTIONS_PER_ADDRESS_MAX", since: "0.2.0";
        /// Largest blob that is taken.
        pub(crate) blob_bytes_max: u64 = 68_719_476_736, unit: "bytes", env: "BLOB_BYTES_MAX", since: "0.2.0";
        /// Most memory for blobs that are read often.
        pub(crate) blob_cache_bytes_max: u64 = 67_108_864, unit: "bytes", env: "BLOB_CACHE_BYTES_MAX", since: "0.2.0";
    }
    tables {
        /// How blobs are kept.
        pub(crate) storage: storage::Config;
    }
}

impl Config {
    /// Returns the bounds of connections. They are served on the threads that handle requests: most requests wait for
    /// the disk alone, and going from one thread to another would cost more than they do.
    pub(super) fn http_limits(&self) -> http_kit::Limits {
        http_kit::Limits {
            lanes: 0,
            connections_max: self.connections_max as usize,
            connections_per_address_max: self.connections_per_address_max as usize,
            ..http_kit::Limits::default()
        }
    }

    /// Returns how logs and traces are written.
    pub(super) fn telemetry(&self) -> Result<telemetry::Options, Problem> {
        let format = self.log_format.parse();
        let format = format.map_err(|error: telemetry::ParseFormatError| {
            Problem::new(Code::Config, error.to_string())
        })?;
        Ok(telemetry::Options {
            format,
            level: self.log_level.clone(),
            otlp_url: self.otlp_url.clone(),
            service_name: "commonhold-storage".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            instance_id: self.listen.clone(),
            trace_sample_ratio: self.trace_sample_ratio,
        })
    }

    /// Refuses bounds with which nobody would get an answer.
    fn check(self) -> Result<Self, Problem> {
        for (key, number) in [
            ("connections_max", self.connections_max),
            (
                "connections_per_address_max",
                self.connections_per_address_max,
            ),
        ] {
            if number == 0 {
                let detail = format!("{key}: with 0 nobody would get an answer");
                return Err(Problem::new(Code::Config, detail));
            }
        }
        Ok(self)
    }
}

/// Loads the configuration; the file is optional unless it was named.
pub(super) fn load(args: &StorageArgs, data: &Path) -> Result<Config, Problem> {
    let refuse = |detail: String| Problem::new(Code::Config, detail);
    let path = args.config.clone().unwrap_or_else(|| data.join(FILE));
    let bytes = disk::read_path(&path, FILE_BYTES_MAX);
    let bytes = bytes.map_err(|error| refuse(error.problem().detail))?;
    if bytes.is_none() && args.config.is_some() {
        return Err(refuse(format!("there is no file {}", path.display())));
    }
    let text = bytes.map(String::from_utf8).transpose();
    let text = text.map_err(|_| refuse(format!("{} is not UTF-8", path.display())))?;
    let listen = args.listen.map(|listen| ("listen", listen.to_string()));
    let flags: Vec<(&str, String)> = listen.into_iter().collect();
    let loaded: Result<Config, _> = config::load(&Layers {
        file: text.as_deref().map(|text| File { path: &path, text }),
        environment: &ProcessEnvironment,
        flags: &flags,
    });
    loaded.map_err(|error| refuse(base::told(&error)))?.check()
}

#[cfg(test)]
mod tests;
