//! The rivals: nginx that serves files, and Varnish in front of an origin; each on the server's core.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use testkit::{Process, wait_for};

use super::make;
use crate::community::Bench;

const READY: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(10);

/// Below this path, nginx says that files are encoded with brotli.
pub(super) const BROTLI: &str = "br";

/// Memory of Varnish for what it keeps.
const STORAGE: &str = "malloc,128m";

/// Varnish keeps everything for an hour, whatever the origin says: hits are what is measured.
const KEEP: &str = "sub vcl_recv { return (hash); }\nsub vcl_backend_response { set beresp.ttl = 1h; unset beresp.http.vary; return (deliver); }\n";

/// A running rival; dropping it ends it in order, so that no child stays behind.
#[derive(Debug)]
pub(super) struct Rival {
    process: Process,
    address: SocketAddr,
}

/// A certificate and its key, as files in PEM.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// The certificate.
    pub(super) cert: PathBuf,
    /// Its key.
    pub(super) key: PathBuf,
}

impl Rival {
    /// Starts nginx over the folder `www` in `folder`, as one process, with open files and their lengths kept.
    pub(super) fn nginx(
        bench: &Bench,
        program: &Path,
        folder: &Path,
        tls: Option<&Certificate>,
    ) -> anyhow::Result<Self> {
        make(&folder.join("www"))?;
        let address = free()?;
        let config = folder.join("nginx.conf");
        std::fs::write(&config, nginx_config(address, folder, tls)).context("write nginx.conf")?;
        let mut command = bench.cores.server(program);
        command.arg("-e").arg(folder.join("error.log"));
        command.arg("-p").arg(folder).arg("-c").arg(&config);
        Self::ready(Process::spawn(command, folder)?, address)
    }

    /// Starts Varnish in front of an HTTP origin.
    pub(super) fn varnish(
        bench: &Bench,
        program: &Path,
        folder: &Path,
        origin: SocketAddr,
    ) -> anyhow::Result<Self> {
        make(folder)?;
        let address = free()?;
        let config = folder.join("keep.vcl");
        let backend = format!(
            "vcl 4.1;\nbackend default {{ .host = \"{}\"; .port = \"{}\"; }}\n{KEEP}",
            origin.ip(),
            origin.port()
        );
        std::fs::write(&config, backend).context("write keep.vcl")?;
        let mut command = bench.cores.server(program);
        command.args(["-F", "-j", "none", "-T", "none", "-s", STORAGE]);
        command.args(["-a", &address.to_string()]);
        command.arg("-f").arg(&config);
        command.arg("-n").arg(folder.join("state"));
        Self::ready(Process::spawn(command, folder)?, address)
    }

    fn ready(mut process: Process, address: SocketAddr) -> anyhow::Result<Self> {
        wait_for("a rival that listens", READY, || {
            anyhow::ensure!(process.is_running()?, "it ended: {}", process.stderr());
            Ok(TcpStream::connect(address).ok())
        })?;
        Ok(Self { process, address })
    }

    /// Returns its process.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        if self.process.terminate().is_ok() {
            self.process.wait(END).ok();
        }
    }
}

fn nginx_config(address: SocketAddr, folder: &Path, tls: Option<&Certificate>) -> String {
    let folder = folder.display();
    let (flag, keys) = tls.map_or(("", String::new()), |tls| {
        let keys = format!(
            "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;",
            tls.cert.display(),
            tls.key.display()
        );
        (" ssl", keys)
    });
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
{temporary}  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=300s;
  open_file_cache_valid 300s;
  default_type application/json;
  server {{
    listen {address}{flag} backlog=4096;
    {keys}
    root {folder}/www;
    location /{BROTLI}/ {{ default_type text/html; add_header content-encoding br; }}
  }}
}}
"
    )
}

/// Finds a port that nobody has.
pub(super) fn free() -> anyhow::Result<SocketAddr> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(socket.local_addr()?)
}
