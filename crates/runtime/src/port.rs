//! Who holds a TCP port of this machine, and which one is free instead.
//!
//! Linux tells it in `/proc`: `net/tcp` and `net/tcp6` name the inode of each listening socket, and each process's
//! `fd` folder names the inodes that it holds (proc(5)).
//! Other users' processes cannot be looked into without being root; then the holder is unknown.
//!
//! This file stands on std alone, because `xtask` includes it too, where the async runtime would cost the first build
//! of everybody half a minute.
//! What it deliberately does not do: reserve the port. Between asking and listening another process may come first.

#![allow(
    clippy::disallowed_methods,
    reason = "the kernel's tables in /proc are no state files"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// How many ports above the wanted one are tried.
const TRIES_MAX: u16 = 100;

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
}

/// Returns the process that keeps others from listening at `address`.
///
/// `None` when nobody does, or when the process belongs to another user.
#[must_use]
pub fn holder(address: SocketAddr) -> Option<Holder> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, address))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let mut processes: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    processes.sort_unstable();
    let pid = processes.into_iter().find(|pid| holds(*pid, &links))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Holder {
        pid,
        name: name.trim().to_owned(),
    })
}

/// Returns a port near `address`'s, above it, on which one could listen at this moment.
#[must_use]
pub fn free_near(address: SocketAddr) -> Option<u16> {
    (1..=TRIES_MAX)
        .filter_map(|step| address.port().checked_add(step))
        .find(|port| TcpListener::bind((address.ip(), *port)).is_ok())
}

fn holds(pid: u32, links: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
}

/// Returns the inodes of the sockets in a table of `/proc/net` whose listening conflicts with `address`.
fn listeners(table: &str, address: SocketAddr) -> Vec<u64> {
    table
        .lines()
        .skip(1)
        .filter_map(|row| {
            let columns: Vec<&str> = row.split_whitespace().collect();
            let is_listening = *columns.get(3)? == "0A";
            let (ip, port) = columns.get(1)?.split_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            let conflicts = port == address.port() && overlap(parse_ip(ip)?, address.ip());
            (is_listening && conflicts)
                .then(|| columns.get(9)?.parse().ok())
                .flatten()
        })
        .collect()
}

/// Tells whether two listeners on the same port would be in each other's way.
fn overlap(held: IpAddr, wanted: IpAddr) -> bool {
    let (held, wanted) = (held.to_canonical(), wanted.to_canonical());
    held == wanted || held.is_unspecified() || wanted.is_unspecified()
}

/// Reads an address of `/proc/net`: 32-bit words in hex, each in the byte order of the machine.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let words: Vec<[u8; 4]> = (0..text.len() / 8)
        .map(|index| {
            u32::from_str_radix(text.get(index * 8..index * 8 + 8)?, 16)
                .ok()
                .map(u32::to_ne_bytes)
        })
        .collect::<Option<_>>()?;
    match words.as_slice() {
        [word] => Some(Ipv4Addr::from(*word).into()),
        [_, _, _, _] => {
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "port/tests.rs"]
mod tests;
