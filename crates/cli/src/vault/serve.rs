//! The process with the keys in it.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use base::{Code, Problem};
use disk::{Folder, RealDisk};
use runtime::config::{Environment as _, ProcessEnvironment};
use runtime::{Clock, Supervisor, TaskKind};
use rustix::fs::Mode;
use serde_json::json;
use tokio::net::UnixListener;
use vault::socket::{Admitted, Limits};
use vault::{Config, ServerKey, Vault};

use super::args::ServeArgs;
use crate::home;
use crate::output::{Outcome, Output, count};

/// The name of the socket in the vault's folder.
pub(super) const SOCKET: &str = "vault.sock";

/// Runs a vault until it is told to stop.
pub(super) async fn run(args: &ServeArgs, output: &Output) -> Outcome {
    vault::harden().map_err(|error| Problem::caused(Code::Unavailable, &error))?;
    let data = home::vault(args.data.clone())?;
    let folder = Folder::open(&data).map_err(|error| error.problem())?;
    let lock = folder.lock().map_err(|error| error.problem())?;
    let disk = RealDisk::open(&data).map_err(|error| error.problem())?;
    let config = Config {
        folder: Some(folder.identity().map_err(|error| error.problem())?),
        is_restored: args.restored,
        ..Config::new(Arc::new(disk))
    };
    let server = server_key(&folder)?;
    let vault = tokio::task::spawn_blocking(move || Vault::open(&config, server))
        .await
        .map_err(|error| Problem::caused(Code::Bug, &error))?
        .map_err(|error| error.problem())?;
    let socket = data.join(SOCKET);
    let listener = bind(&socket, &args.admit)?;
    let supervisor = Supervisor::default();
    let serving = vault::socket::serve(
        vault.clone(),
        listener,
        Admitted::with(&args.admit),
        (Clock::system(), Limits::default()),
        supervisor.group("connections"),
        supervisor.shutdown(),
    );
    drop(supervisor.spawn("vault", TaskKind::Essential, serving));
    // Signals are heard before anybody is told where to connect.
    let mut running = pin!(supervisor.run());
    let early = futures::poll!(running.as_mut());
    announce(output, &socket, &vault);
    let report = match early {
        Poll::Ready(report) => report,
        Poll::Pending => running.await,
    };
    report.map_err(|error| Problem::caused(Code::Bug, &error))?;
    // The folder is given up after the last word about it was written.
    drop(vault);
    drop(lock);
    Ok(())
}

fn server_key(folder: &Folder) -> Result<ServerKey, Problem> {
    let credentials = ProcessEnvironment.get("CREDENTIALS_DIRECTORY");
    let key = match credentials.filter(|folder| !folder.is_empty()) {
        Some(credentials) => ServerKey::from_credentials(Path::new(&credentials)),
        None => ServerKey::from_file(folder),
    };
    key.map_err(|error| error.problem())
}

/// Listens on the socket. What an earlier process left there is removed: whoever holds the folder's lock owns it.
fn bind(socket: &Path, admitted: &[u32]) -> Result<UnixListener, Problem> {
    let failed = |error: std::io::Error| {
        let detail = format!("listen at {}: {error}", socket.display());
        Problem::new(Code::Unavailable, detail)
    };
    match rustix::fs::unlink(socket) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let listener = UnixListener::bind(socket).map_err(failed)?;
    // Others are asked who they are; without others, nobody else gets as far as that.
    let mode = if admitted.is_empty() { 0o600 } else { 0o666 };
    rustix::fs::chmod(socket, Mode::from_raw_mode(mode)).map_err(|error| failed(error.into()))?;
    Ok(listener)
}

fn announce(output: &Output, socket: &Path, vault: &Vault) {
    let stat = vault.stat();
    let mut lines = vec![format!(
        "The vault keeps {} and listens at {}.",
        count(stat.keys, "key", "keys"),
        socket.display()
    )];
    if stat.unconfirmed > 0 {
        lines.push(format!(
            "It was restored or moved: {} until their head is confirmed (commonhold vault confirm).",
            count(stat.unconfirmed, "key signs nothing", "keys sign nothing"),
        ));
    }
    if !stat.is_memory_locked {
        lines.push(
            "The memory of unlocked keys is not locked into RAM: the system does not allow it."
                .to_owned(),
        );
    }
    let document = json!({
        "ok": true,
        "socket": socket,
        "keys": stat.keys,
        "unconfirmed": stat.unconfirmed,
        "memory_locked": stat.is_memory_locked,
    });
    output.result(&document, &lines);
}
