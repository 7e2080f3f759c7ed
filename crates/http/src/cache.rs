//! What a cache may do with an answer (RFC 9111, RFC 8246), as ready header values.

use axum::http::HeaderValue;

/// Everybody may keep it for a year and need never ask again: the address names the bytes.
pub const PUBLIC_IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// Everybody may keep it but asks each time whether it is still right.
pub const PUBLIC_REVALIDATE: HeaderValue = HeaderValue::from_static("public, no-cache");

/// The reader's own browser may keep it but asks each time.
pub const PRIVATE_REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Nobody keeps it.
pub const PRIVATE_NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Nobody keeps it; for answers that are no resource, such as faults.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
