//! What `commonhold up` is told: `commonhold.toml`, then the environment, then flags.

use std::net::IpAddr;
use std::path::Path;

use base::{Code, Problem};
use doorway::Limits;
use doorway_core::sign_up::Policy;
use doorway_core::{admission, cache};
use ipnet::IpNet;
use runtime::config::{self, File, Layers, ProcessEnvironment};
use runtime::telemetry;

use crate::args::UpArgs;

/// Longest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;

/// Which part of the memory for blobs may lie ready.
const READY_BLOBS_SHARE: u64 = 4;

/// Most threads that serve connections.
const LANES_MAX: usize = 256;

runtime::configuration! {
    /// What a community's process is told.
    pub(crate) struct Config {
        /// Where to listen.
        pub(crate) listen: String = "127.0.0.1:8080".to_owned(), unit: "address and port", env: "LISTEN", since: "0.1.0";
        /// Name of the community, taken at the very first start.
        pub(crate) name: String = "Our community".to_owned(), unit: "text", env: "COMMUNITY_NAME", since: "0.1.0";
        /// Address under which readers reach it, for links and proofs; empty means where it listens.
        pub(crate) public_url: String = String::new(), unit: "URL", env: "PUBLIC_URL", since: "0.1.0";
        /// How people join who have no invite: `open` lets everybody in, `invite` nobody, and `approval` lets them wait for a steward.
        pub(crate) sign_up: String = "invite".to_owned(), unit: "open, invite or approval", env: "SIGN_UP", since: "0.2.0";
        /// How logs look: text or json.
        pub(crate) log_format: String = "text".to_owned(), unit: "text or json", env: "LOG_FORMAT", since: "0.1.0";
        /// What is logged: error, warn, info, debug, trace, or a list such as info,doorway=debug.
        pub(crate) log_level: String = "warn".to_owned(), unit: "level", env: "LOG_LEVEL", since: "0.1.0";
        /// Whether this process writes the projection; false makes it a copy, which needs the writer's `database_url`.
        pub(crate) projection_writer: bool = true, unit: "true or false", env: "PROJECTION_WRITER", since: "0.2.0";
        /// The doorway whose copy this one is, such as https://school.example.org; empty means that members write here.
        pub(crate) follow: String = String::new(), unit: "URL", env: "FOLLOW", since: "0.2.0";
        /// File with a certificate in PEM that is trusted besides the system's when following; for a doorway that made its own.
        pub(crate) follow_ca: String = String::new(), unit: "file", env: "FOLLOW_CA", since: "0.2.0";
        /// PostgreSQL 15 or newer for the projection, as postgres://user:password@host/database; empty means SQLite in the data folder.
        pub(crate) database_url: String = String::new(), unit: "URL", env: "DATABASE_URL", since: "0.2.0";
        /// Where a copy with a shared `database_url` gets blobs; empty means the address under which the writer introduced itself.
        pub(crate) writer_url: String = String::new(), unit: "URL", env: "WRITER_URL", since: "0.2.0";
        /// Redis or NATS, as redis://host or nats://host, so that copies which share a database learn at once what is new; empty means that they look every second.
        pub(crate) bus_url: String = String::new(), unit: "URL", env: "BUS_URL", since: "0.2.0";
        /// Proxies whose word about a client's address is believed, such as 127.0.0.1/32.
        pub(crate) trusted_proxies: Vec<String> = Vec::new(), unit: "networks", env: "TRUSTED_PROXIES", since: "0.2.0";
        /// How much one address may ask for in a minute; what lies ready is free, any other page costs one, and a search five.
        pub(crate) address_requests_per_minute: u32 = 3_000, unit: "requests", env: "ADDRESS_REQUESTS_PER_MINUTE", since: "0.2.0";
        /// How much one address may ask for at once, after a time of silence.
        pub(crate) address_requests_burst: u32 = 1_000, unit: "requests", env: "ADDRESS_REQUESTS_BURST", since: "0.2.0";
        /// Whether what this machine itself asks for is counted as well, as behind a proxy that is not trusted.
        pub(crate) loopback_limited: bool = false, unit: "true or false", env: "LOOPBACK_LIMITED", since: "0.2.0";
        /// Most requests that are being answered at the same time, blobs and logs of events aside; writes are refused when three quarters are taken.
        pub(crate) in_flight_max: u32 = 1_024, unit: "requests", env: "IN_FLIGHT_MAX", since: "0.2.0";
        /// Most writes that are being taken at the same time.
        pub(crate) writes_in_flight_max: u32 = 64, unit: "requests", env: "WRITES_IN_FLIGHT_MAX", since: "0.2.0";
        /// Most open connections; more wait.
        pub(crate) connections_max: u32 = 10_000, unit: "connections", env: "CONNECTIONS_MAX", since: "0.2.0";
        /// Most open connections of one address; this machine itself and trusted proxies may have more.
        pub(crate) connections_per_address_max: u32 = 512, unit: "connections", env: "CONNECTIONS_PER_ADDRESS_MAX", since: "0.2.0";
        /// Threads that serve connections; 0 means one for each processor.
        pub(crate) lanes: u32 = 0, unit: "threads", env: "LANES", since: "0.2.0";
        /// Where a steward sees metrics, tasks and the status page; empty means nowhere. Keep it on this machine.
        pub(crate) admin_listen: String = "127.0.0.1:9090".to_owned(), unit: "address and port", env: "ADMIN_LISTEN", since: "0.2.0";
        /// Names under which the admin port answers besides localhost and its own address, such as blade1.lan; pages that point other names at it get nothing.
        pub(crate) admin_hosts: Vec<String> = Vec::new(), unit: "names", env: "ADMIN_HOSTS", since: "0.2.0";
        /// Whether everybody may see the status page at /status.
        pub(crate) status_public: bool = false, unit: "true or false", env: "STATUS_PUBLIC", since: "0.2.0";
        /// An OpenTelemetry collector for traces, such as http://127.0.0.1:4318; empty means none.
        pub(crate) otlp_url: String = String::new(), unit: "URL", env: "OTLP_URL", since: "0.2.0";
        /// The share of requests that are traced when they come without a trace of their own.
        pub(crate) trace_sample_ratio: f64 = 0.1, unit: "0 to 1", env: "TRACE_SAMPLE_RATIO", since: "0.2.0";
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
        /// How long an answer is still served when a new one cannot be made because something behind it fails.
        pub(crate) cache_stale_if_error_secs: u64 = 3_600, unit: "seconds", env: "CACHE_STALE_IF_ERROR_SECS", since: "0.2.0";
        /// Most memory for pieces of blobs that are being read; up to a quarter more is used for small ones that lie ready for everybody.
        pub(crate) blob_cache_bytes_max: u64 = 67_108_864, unit: "bytes", env: "BLOB_CACHE_BYTES_MAX", since: "0.2.0";
    }
    tables {
        /// How readers reach this doorway by https.
        pub(crate) tls: Tls;
        /// How blobs are kept.
        pub(crate) storage: storage::Config;
    }
}

runtime::configuration! {
    /// How readers reach this doorway by https.
    pub(crate) struct Tls {
        /// File with the certificate and those above it, in PEM; read again when it changes. A relative path begins at the folder of the configuration file.
        pub(crate) cert: String = String::new(), unit: "file", env: "TLS_CERT", since: "0.2.0";
        /// File with the certificate's private key, in PEM. A relative path begins at the folder of the configuration file.
        pub(crate) key: String = String::new(), unit: "file", env: "TLS_KEY", since: "0.2.0";
        /// Makes a certificate for trying out; browsers warn of it.
        pub(crate) self_signed: bool = false, unit: "true or false", env: "TLS_SELF_SIGNED", since: "0.2.0";
        /// A second port without TLS that sends everybody to https, such as 0.0.0.0:80; empty means none.
        pub(crate) redirect_listen: String = String::new(), unit: "address and port", env: "TLS_REDIRECT_LISTEN", since: "0.2.0";
    }
}

/// Where the projection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Chains are hosted here.
    Hosted,
    /// Another process writes the database.
    Shared,
    /// The doorway at this address is copied.
    Followed(String),
}

impl Config {
    /// Decides what this doorway is.
    ///
    /// # Errors
    /// [`Code::Config`] when the keys contradict each other.
    pub(super) fn place(&self) -> Result<Place, Problem> {
        let refuse = |detail: &str| Err(Problem::new(Code::Config, detail));
        match (
            self.follow.as_str(),
            self.projection_writer,
            self.database_url.as_str(),
        ) {
            ("", true, _) => Ok(Place::Hosted),
            ("", false, "") => refuse(
                "projection_writer = false makes a copy: name the database_url that it shares, or the doorway to follow",
            ),
            ("", false, _) => Ok(Place::Shared),
            (url, _, _) => Ok(Place::Followed(url.trim_end_matches('/').to_owned())),
        }
    }

    /// Returns the bounds of the doorway.
    ///
    /// # Errors
    /// [`Code::Config`] when a word is none of those that are known.
    pub(super) fn limits(&self) -> Result<Limits, Problem> {
        let sign_up_policy = Policy::find(&self.sign_up).ok_or_else(|| {
            let detail = format!(
                "sign_up is {:?}: write open, invite or approval",
                self.sign_up
            );
            Problem::new(Code::Config, detail)
        })?;
        Ok(Limits {
            sign_up_policy,
            blob_bytes_max: self.blob_bytes_max,
            chain_bytes_max: self.chain_bytes_max,
            chain_records_max: self.chain_records_max,
            is_status_public: self.status_public,
            ready_blob_bytes_max: self.blob_cache_bytes_max / READY_BLOBS_SHARE,
            cache: cache::Limits {
                entries_max: self.cache_entries_max as usize,
                bytes_max: self.cache_bytes_max,
                ttl: base::Duration::from_secs(self.cache_ttl_secs),
                stale_if_error: base::Duration::from_secs(self.cache_stale_if_error_secs),
                ..cache::Limits::default()
            },
            admission: admission::Limits {
                address_requests_per_minute: self.address_requests_per_minute,
                address_burst: self.address_requests_burst,
                loopback_exempt: !self.loopback_limited,
                in_flight_max: self.in_flight_max as usize,
                writes_in_flight_max: self.writes_in_flight_max as usize,
                write_bytes_max: self.chain_bytes_max,
                ..admission::Limits::default()
            },
            ..Limits::default()
        })
    }

    /// Returns the bounds of connections.
    pub(super) fn http_limits(&self) -> http_kit::Limits {
        let usual = http_kit::Limits::default();
        http_kit::Limits {
            lanes: match self.lanes {
                0 => usual.lanes,
                lanes => (lanes as usize).min(LANES_MAX),
            },
            connections_max: self.connections_max as usize,
            connections_per_address_max: self.connections_per_address_max as usize,
            ..usual
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
            service_name: "commonhold".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            instance_id: self.listen.clone(),
            trace_sample_ratio: self.trace_sample_ratio,
        })
    }

    /// Tells whether logs are for programs.
    pub(super) fn is_log_json(&self) -> bool {
        self.log_format == "json"
    }

    /// Refuses what contradicts itself, before anything is opened. Passwords in addresses are not repeated.
    ///
    /// # Errors
    /// [`Code::Config`] with the key or the flag.
    pub(super) fn check(&self, args: &UpArgs) -> Result<Place, Problem> {
        let refuse = |detail: String| Err(Problem::new(Code::Config, detail));
        let place = self.place()?;
        self.trusted_proxies()?;
        for (key, address) in [
            ("public_url", &self.public_url),
            ("follow", &self.follow),
            ("writer_url", &self.writer_url),
        ] {
            check_url(key, address)?;
        }
        for (key, number) in [
            ("in_flight_max", self.in_flight_max),
            ("connections_max", self.connections_max),
            (
                "connections_per_address_max",
                self.connections_per_address_max,
            ),
        ] {
            if number == 0 {
                return refuse(format!("{key}: with 0 nobody would get an answer"));
            }
        }
        let is_tls = self.tls.self_signed || !self.tls.cert.is_empty() || !self.tls.key.is_empty();
        if !self.tls.redirect_listen.is_empty() && !is_tls {
            return refuse(
                "tls.redirect_listen sends readers to https, and there is no certificate: give tls.cert and tls.key".to_owned(),
            );
        }
        if !self.follow_ca.is_empty() && place == Place::Hosted {
            return refuse("follow_ca is for a copy: name the doorway in follow".to_owned());
        }
        let given = [
            ("--name", args.name.is_some()),
            ("--agent", args.agent.is_some()),
            ("--empty", args.empty),
        ];
        match (&place, given.iter().find(|(_, is_given)| *is_given)) {
            (Place::Shared | Place::Followed(_), Some((flag, _))) => refuse(format!(
                "{flag} means nothing for a copy: name, members and pages come from the doorway that writes"
            )),
            (Place::Hosted | Place::Shared | Place::Followed(_), _) => Ok(place),
        }
    }

    /// Reads the networks of trusted proxies; a single address stands for itself.
    pub(super) fn trusted_proxies(&self) -> Result<Vec<IpNet>, Problem> {
        let read = |text: &String| {
            let alone = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| alone()).map_err(|_| {
                let detail = format!("trusted_proxies: {text} is no network, such as 10.0.0.0/8");
                Problem::new(Code::Config, detail)
            })
        };
        self.trusted_proxies.iter().map(read).collect()
    }

    /// Returns host and port of the public address, when there is one.
    pub(super) fn public_host(&self) -> Option<String> {
        let url = url::Url::parse(&self.public_url).ok()?;
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    }

    /// Returns the port of the public address, when there is one.
    pub(super) fn public_port(&self) -> Option<u16> {
        url::Url::parse(&self.public_url)
            .ok()?
            .port_or_known_default()
    }

    /// Returns the host of the public address, when there is one.
    pub(super) fn public_name(&self) -> Option<String> {
        let url = url::Url::parse(&self.public_url).ok()?;
        url.host_str().map(str::to_owned)
    }
}

/// Refuses an address that cannot be one of a doorway; empty is fine.
fn check_url(key: &str, address: &str) -> Result<(), Problem> {
    if address.is_empty() {
        return Ok(());
    }
    let refuse = |detail: &str| Err(Problem::new(Code::Config, format!("{key}: {detail}")));
    let Ok(url) = url::Url::parse(address) else {
        return refuse("this is no address; write it as https://school.example.org");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("an address of a doorway begins with http:// or https:// and names a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("leave user and password out of the address");
    }
    Ok(())
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
    if let Some(url) = &args.follow {
        flags.push(("follow", url.clone()));
    }
    if let Some(file) = &args.ca {
        flags.push(("follow_ca", file.display().to_string()));
    }
    let loaded = config::load(&Layers {
        file: text.as_deref().map(|text| File { path: &path, text }),
        environment: &ProcessEnvironment,
        flags: &flags,
    });
    let mut config: Config = loaded.map_err(|error| refuse(base::told(&error)))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    config.tls.start_at(folder).map(|()| config)
}

impl Tls {
    /// Lets relative paths begin at a folder, wherever the process was started.
    fn start_at(&mut self, folder: &Path) -> Result<(), Problem> {
        for (key, file) in [("tls.cert", &mut self.cert), ("tls.key", &mut self.key)] {
            if file.is_empty() {
                continue;
            }
            let joined = folder.join(&*file).into_os_string().into_string();
            *file = joined.map_err(|joined| {
                let detail = format!("{key}: {} is not UTF-8", joined.display());
                Problem::new(Code::Config, detail)
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
