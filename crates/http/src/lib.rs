//! The listener, and the rules of HTTP that are about no domain.
//!
//! # Invariants
//!
//! * Every wait for a peer has a deadline and every buffer a bound.
//! * Every answer of a [`standard`] router carries a request id; every fault is a problem document (RFC 9457).
//! * What RFC 9110 decides (ranges, conditions) is decided by pure functions.
//!
//! It knows no routes, no readers and no rights.

mod accept;
mod admin;
mod body;
mod digest;
mod edge;
mod etag;
mod json;
mod problem;
mod query;
mod representation;
mod request_id;
mod served;
mod server;
mod standard;
mod tls;

pub mod cache;
pub mod conditional;
pub mod date;
pub mod range;

pub use accept::{negotiate, prefers_html};
pub use admin::{Instruments, admin};
pub use body::{BodyReader, RequestBody, RequestLimit, read_body};
pub use digest::{announced_repr_digest, content_digest, repr_digest};
pub use edge::{ClientAddress, Edge, client_address};
pub use etag::{ETag, ParseETagError};
pub use json::Json;
pub use problem::{PROBLEM_JSON, ProblemResponse};
pub use query::{Path, Query};
pub use representation::{Representation, blob_response, first_byte};
pub use request_id::RequestId;
pub use served::{Ask, DirectAnswer, DirectPath, Gate, HotPath, Pass, Refused, Served};
pub use server::{Arriving, BindError, Limits, Listener, redirect, serve};
pub use standard::{Dress, Fault, ProblemPage, dressed, standard};
pub use tls::{Pem, SelfSignError, Tls, TlsError, Validity, self_signed};
