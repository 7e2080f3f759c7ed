//! Who asks, when proxies stand between.
//!
//! # Invariants
//!
//! * What a header says about the client counts only if each address between it and us is a trusted proxy's.
//! * Whatever the headers hold, there is an answer: the last address that can be believed.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

/// The older header for the same thing; each proxy appends the address that it was asked from.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many addresses of a header are looked at, from the right.
const HOPS_MAX: usize = 32;

/// What stands before a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The networks of proxies that say truthfully for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
}

/// The address of who asks, in the extensions of each request: the peer's, or what trusted proxies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl Edge {
    /// Tells whether a peer is a trusted proxy.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        is_trusted(peer.to_canonical(), &self.trusted_proxies)
    }
}

/// Returns the address of who asks.
///
/// Headers are read only when `peer` is trusted: `X-Forwarded-For` if it is there, else `Forwarded` (RFC 7239).
/// Nearly every proxy writes the first and lets the client's own word in the second through, so the second counts
/// only alone.
/// Addresses are read from the right, trusted proxies are passed over, and the first other one is the client's.
/// At an element that names no address (`unknown`, an obfuscated name, anything malformed) reading ends, and the
/// proxy that wrote it stands for its client. IPv4 addresses inside IPv6 ones come out as IPv4.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !is_trusted(peer, trusted) {
        return peer;
    }
    let is_standard = !headers.contains_key(X_FORWARDED_FOR);
    let name = if is_standard {
        FORWARDED
    } else {
        X_FORWARDED_FOR
    };
    let mut last = peer;
    let mut hops = HOPS_MAX;
    let mut values: Vec<_> = headers.get_all(name).iter().collect();
    while let Some(value) = values.pop() {
        let Ok(value) = value.to_str() else {
            return last;
        };
        let Some(elements) = split_list(value) else {
            return last;
        };
        for element in elements.into_iter().rev() {
            let address = if is_standard {
                forwarded_for(element)
            } else {
                parse_address(element.trim())
            };
            let Some(address) = address else {
                return last;
            };
            last = address;
            hops -= 1;
            if hops == 0 || !is_trusted(address, trusted) {
                return last;
            }
        }
    }
    last
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Splits at commas outside of quoted strings; `None` when a quoted string has no end.
fn split_list(value: &str) -> Option<Vec<&str>> {
    split_at(value, ',')
}

fn split_at(value: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (index, letter) in value.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if is_quoted && letter == '\\' {
            is_escaped = true;
        } else if letter == '"' {
            is_quoted = !is_quoted;
        } else if letter == separator && !is_quoted {
            parts.push(&value[start..index]);
            start = index + 1;
        }
    }
    parts.push(&value[start..]);
    (!is_quoted).then_some(parts)
}

/// Returns the address that the `for` of an element names (RFC 7239 §5.2); `None` when there is none, or two.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in split_at(element, ';')? {
        let Some((name, value)) = pair.split_once('=') else {
            if pair.trim().is_empty() {
                continue;
            }
            return None;
        };
        if name.trim().eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            found = Some(value.trim());
        }
    }
    let value = found?;
    let bare = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    parse_address(bare)
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:80`.
fn parse_address(text: &str) -> Option<IpAddr> {
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let is_port = match after.strip_prefix(':') {
            Some(port) => is_port(port),
            None => after.is_empty(),
        };
        IpAddr::V6(inside.parse::<Ipv6Addr>().ok().filter(|_| is_port)?)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        let address = IpAddr::V4(address.parse().ok()?);
        is_port(port).then_some(address)?
    };
    Some(address.to_canonical())
}

/// A port, or an obfuscated one (RFC 7239 §6): `_` and letters.
fn is_port(text: &str) -> bool {
    let is_number =
        !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hidden = text.len() > 1
        && text.starts_with('_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    is_number || is_hidden
}

#[cfg(test)]
mod tests;
