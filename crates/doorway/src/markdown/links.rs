//! Decides which addresses a page may point to.
//!
//! Invariant: an address that [`target`] or [`source`] lets through has the scheme http, https or
//! mailto (links only), or no scheme at all and stays on this host.
//! Does not know whether the address leads anywhere; `publish` reports broken links.

/// Where an accepted link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Another web address or a mail address.
    Elsewhere,
    /// This host: a path, a query or a fragment.
    Here,
}

/// Returns where a link leads, or `None` when it must not become a link.
pub(super) fn target(address: &str) -> Option<Target> {
    match scheme(address) {
        Some(scheme)
            if ["http", "https", "mailto"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known)) =>
        {
            Some(Target::Elsewhere)
        }
        Some(_) => None,
        None if leaves_host(address) => None,
        None => Some(Target::Here),
    }
}

/// Returns where an image, a video or a sound comes from, or `None` when it must not be loaded.
pub(super) fn source(address: &str) -> Option<Target> {
    if address.is_empty() {
        return None;
    }
    match scheme(address) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto") => None,
        _ => target(address),
    }
}

/// Returns the hex SHA-256 in `/store/<hash>`, which may be followed by a query or fragment.
pub(super) fn store_hash(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("/store/")?;
    let end = rest.find(['?', '#', '/']).unwrap_or(rest.len());
    let hash = &rest[..end];
    (hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hash)
}

/// Everything before the first colon, when no path, query or fragment starts earlier.
///
/// Browsers drop tabs, line ends and leading blanks inside an address before they look for the
/// scheme; a scheme written that way is no known scheme here and so is refused.
fn scheme(address: &str) -> Option<&str> {
    let end = address.find([':', '/', '?', '#'])?;
    (address.as_bytes()[end] == b':').then(|| &address[..end])
}

/// `//host`, and what browsers make of backslashes, blanks and control characters in front of it.
fn leaves_host(address: &str) -> bool {
    let mut significant = address
        .chars()
        .filter(|character| !character.is_control() && *character != ' ');
    let is_slash = |character: Option<char>| matches!(character, Some('/' | '\\'));
    is_slash(significant.next()) && is_slash(significant.next())
}
