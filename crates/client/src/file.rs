//! Files as bodies: read piece by piece while they are sent.

use std::io;
use std::path::Path;

use bytes::Bytes;
use futures::stream::{self, Stream};
use reqwest::Body;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 128 * 1_024;

/// An open file that is going to be sent.
#[derive(Debug)]
pub struct FileBody {
    file: File,
}

impl FileBody {
    /// Opens a file that belongs to the person, for reading.
    ///
    /// # Errors
    /// Whatever keeps it from being opened.
    #[allow(
        clippy::disallowed_methods,
        reason = "a file to send belongs to its author: it is no state of ours"
    )]
    pub async fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path).await?;
        Ok(Self { file })
    }

    /// Returns its bytes, piece by piece.
    pub fn chunks(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold(self.file, |mut file| async move {
            let mut piece = vec![0; PIECE_BYTES];
            let count = file.read(&mut piece).await?;
            piece.truncate(count);
            Ok((count > 0).then(|| (Bytes::from(piece), file)))
        })
    }
}

/// Makes a body of pieces.
pub fn body_of(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    Body::wrap_stream(pieces)
}
