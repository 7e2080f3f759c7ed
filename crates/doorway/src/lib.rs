//! The doorway: publishes what members signed, to everybody who may read it.
//!
//! A projection, never an authority: everything it serves can be checked against its author's signature.
//! It gives the face its routes and its tasks; the face owns the listener.
//!
//! Invariant: only what [`base::Reach`] admits leaves it; nobody without a signature or a token changes anything.

mod build;
pub mod community;
mod edge;
pub mod errors;
mod events;
mod feed;
mod follow;
mod guarded;
mod home;
mod hot;
mod indexing;
mod kept;
pub mod markdown;
mod mirror;
mod observe;
pub mod pages;
mod people;
mod present;
mod projection;
mod reads;
mod routes;
mod service;
mod source;
pub mod status;
pub mod store;
mod tail;
mod tokens;
mod writing;

pub use hot::HotTally;
pub use people::render;
pub use routes::router;
pub use service::{Config, Doorway, Engines, Limits, Origin};
pub use status::{DoorwayMetrics, RequestClass};

/// Reads a small blob whole; nothing when it is not here, longer than `limit`, or cannot be read.
pub(crate) async fn blob_bytes(
    blobs: &blobs::Blobs,
    hash: &base::ContentHash,
    limit: u64,
) -> Option<Vec<u8>> {
    let blob = match blobs.get(hash).await {
        Ok(blob) => blob.filter(|blob| blob.len() <= limit)?,
        Err(error) => {
            tracing::error!(%hash, %error, "blob cannot be opened");
            return None;
        }
    };
    let read = blobs.files().run(move || whole(&blob)).await;
    read.inspect_err(|error| tracing::error!(%hash, %error, "blob cannot be read"))
        .ok()
}

/// Reads everything; blocks.
fn whole(source: &impl runtime::ReadAt) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(source.len()).map_err(std::io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match source.read_at(filled as u64, &mut bytes[filled..])? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(bytes)
}
