//! Answers that are read piece by piece, because they are long or never end.

use base::Problem;
use bytes::Bytes;
use reqwest::{RequestBuilder, Response};

use crate::answer::{self, FAULT_BYTES_MAX};
use crate::patience::{Patience, PutOff};

/// An answer that is being read.
#[derive(Debug)]
pub struct Download {
    response: Response,
}

/// Sends a request and waits for the head of its answer.
pub(crate) async fn open(
    request: RequestBuilder,
    patience: &Patience,
) -> Result<Download, Problem> {
    let mut tries = patience.tries();
    loop {
        let response = answer::copy(&request)?.send().await;
        let response = response.map_err(answer::unreachable)?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(Download { response });
        }
        let put_off = PutOff::of(&response);
        let problem = answer::described(&fault(response).await?);
        let code = problem.as_ref().map(|problem| problem.code);
        if !tries.wait(put_off, code).await {
            return Err(problem.unwrap_or_else(|| answer::unexpected(status)));
        }
    }
}

/// Receives the description of a fault.
async fn fault(mut response: Response) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(answer::unreachable)? {
        if body.len() + chunk.len() > FAULT_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Download {
    /// Returns the answer's head.
    pub(crate) const fn head(&self) -> &Response {
        &self.response
    }

    /// Returns how many bytes there are, when the server said so.
    #[must_use]
    pub fn announced(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Returns the next piece; nothing at the end.
    ///
    /// # Errors
    /// [`base::Code::ServerUnreachable`] when the connection breaks or stays silent for a minute.
    ///
    /// # Cancel safety
    /// May be dropped; the next call goes on where this one was.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.response.chunk().await.map_err(answer::unreachable)
    }
}
