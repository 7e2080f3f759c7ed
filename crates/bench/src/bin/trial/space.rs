//! What the trials share about stores: small bounds, so that segments come to an end, and reading a whole blob.

use std::path::Path;

use base::ContentHash;
use blobs::{Blobs, Limits, ReadError};

const MIB: u64 = 1_024 * 1_024;

/// Returns bounds with which segments and checkpoints come and go quickly.
pub(crate) fn limits() -> Limits {
    Limits {
        first_segment_bytes: 4 * MIB,
        segment_bytes: 8 * MIB,
        checkpoint_bytes: 16 * MIB,
        cache_bytes_max: 4 * MIB,
        ..Limits::default()
    }
}

/// Reads a whole blob; `None` when it is not there.
pub(crate) async fn read_all(
    blobs: &Blobs,
    hash: &ContentHash,
) -> Result<Option<Vec<u8>>, ReadError> {
    let Some(blob) = blobs.get(hash).await? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let chunks = blob.len().div_ceil(blobs::CHUNK_BYTES as u64);
    for index in 0..chunks {
        bytes.extend_from_slice(&blob.chunk(index).await?);
    }
    Ok(Some(bytes))
}

/// Returns how many bytes the files in a folder have, with all folders below.
pub(crate) fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += match metadata.is_dir() {
            true => folder_bytes(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(sum)
}
