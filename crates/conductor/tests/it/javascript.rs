//! Holochain's own JavaScript client, `@holochain/client` from npm, talks to our sockets.
//!
//! It is fetched once, by the lock file beside the script, into the user's cache folder; where node, npm or the network
//! are missing this is left out, and says so. It is under CAL-1.0, runs in a process of its own, and is part of nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chain::KeySigner;
use conductor::remote::RemoteLimits;
use conductor::server::SocketLimits;
use conductor::{Conductor as _, Custody};
use crypto::Keypair;
use runtime::{Clock, Supervisor};
use serde_json::Value;

use crate::remote::{dial, serve, wanted};

const PACKAGE: &str = include_str!("../client/package.json");
const LOCK: &str = include_str!("../client/package-lock.json");
const SCRIPT: &str = include_str!("../client/client.mjs");

/// Fetches the client; returns the script, or why there is none.
fn install() -> Result<PathBuf, String> {
    let of = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let cache = of("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| of("HOME").map(|home| Path::new(&home).join(".cache")));
    let folder = cache.ok_or("there is no cache folder")?;
    let folder = folder.join("commonhold/holochain-client");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let script = folder.join("client.mjs");
    std::fs::write(&script, SCRIPT).unwrap();
    let complete = folder.join("complete");
    if std::fs::read_to_string(&complete).is_ok_and(|installed| installed == LOCK) {
        return Ok(script);
    }
    std::fs::write(folder.join("package.json"), PACKAGE).unwrap();
    std::fs::write(folder.join("package-lock.json"), LOCK).unwrap();
    let mut npm = Command::new("npm");
    npm.current_dir(&folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .stdin(Stdio::null());
    let output = npm.output().map_err(|error| format!("npm: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(said.lines().last().unwrap_or_default().to_owned());
    }
    std::fs::write(&complete, LOCK).unwrap();
    Ok(script)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holochains_client_lists_apps_calls_and_hears_a_signal() {
    let script = match tokio::task::spawn_blocking(install).await.unwrap() {
        Ok(script) => script,
        Err(reason) => {
            println!("left out: @holochain/client is not there: {reason}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let (clock, supervisor) = (Clock::system(), Supervisor::default());
    let limits = SocketLimits::default();
    let (engine, server) = serve(folder.path(), &clock, limits, &supervisor).await;
    let limits = RemoteLimits::default();
    let remote = dial(server.admin_address(), &clock, limits, &supervisor);
    let seed = [7; 32];
    let signer = Arc::new(KeySigner::new(Keypair::from_seed(&seed)));
    let mut request = wanted(7, Custody::Signer(signer.clone()));
    request.cell.agent = chain::Signer::agent(signer.as_ref()).clone();
    request.app_id = "browser".parse().unwrap();
    remote.provision(request.clone()).await.unwrap();
    remote.set_enabled(&request.app_id, true).await.unwrap();
    let mut nudges = remote.nudges();
    let admin = format!("ws://{}", server.admin_address());
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .arg(script)
            .args([admin.as_str(), "browser", &hex::encode(seed)])
            .stdin(Stdio::null())
            .output()
    });
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let seen: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(seen["apps"], serde_json::json!([["browser", "enabled"]]));
    assert_eq!(seen["madeBytes"], 39);
    assert_eq!(seen["app"], "browser");
    assert_eq!(
        [&seen["seq"], &seen["signalSeq"], &seen["headSeq"]],
        [4, 4, 4]
    );
    assert_eq!(seen["signalType"], "app");
    assert_eq!(seen["signalZome"], "commonhold");
    let refusal = seen["refusal"].as_str().unwrap();
    assert!(refusal.contains("doesn't exist"), "{refusal}");
    // The adapter hears of what others wrote.
    let nudge = nudges.recv().await.unwrap();
    assert_eq!((nudge.cell, nudge.seq), (request.cell, 4));
    remote.close();
    server.close().await;
    engine.close().await.unwrap();
}
