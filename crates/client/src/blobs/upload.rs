//! Uploads that can be interrupted: tus 1.0 (<https://tus.io/protocols/resumable-upload>), with a checksum for each
//! piece.
//!
//! An upload's address is kept by the caller. It is used only when it is on the server for which the token is good.

use base::{Code, ContentHash, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::BlobStore;
use crate::answer::{self, FAULT_BYTES_MAX};
use crate::patience::PutOff;

/// The version of tus that is spoken.
const TUS_VERSION: &str = "1.0.0";

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadState {
    /// Bytes that the server has on stable storage.
    pub offset: u64,
    /// All bytes, once that is known.
    pub length: Option<u64>,
    /// The blob that it became, once it is whole.
    pub hash: Option<ContentHash>,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It was taken.
    Taken(UploadState),
    /// The upload is at another place, or somebody else is sending: ask where it is.
    Elsewhere,
    /// It came otherwise than it was sent, and nothing of it was taken.
    Changed,
    /// There is no such upload any more.
    Over,
}

/// An answer without its body, and the problem that the body described.
struct Head {
    status: u16,
    headers: HeaderMap,
    problem: Option<Problem>,
}

impl BlobStore {
    /// Begins an upload of `length` bytes, or of a length that is told later; returns its address.
    ///
    /// # Errors
    /// The server's own [`Problem`], or why there is no answer.
    pub async fn begin_upload(
        &self,
        length: Option<u64>,
        hash: Option<&ContentHash>,
        token: &str,
    ) -> Result<Url, Problem> {
        let mut request = self.request(Method::POST, "blobs/uploads", &[])?;
        request = request.bearer_auth(token).header("content-length", 0);
        request = match length {
            Some(length) => request.header("upload-length", length),
            None => request.header("upload-defer-length", 1),
        };
        let mut metadata = Vec::new();
        if let Some(hash) = hash {
            metadata.push(format!("sha256 {}", STANDARD.encode(hash.to_string())));
        }
        if let Some(namespace) = self.namespace() {
            metadata.push(format!("namespace {}", STANDARD.encode(namespace)));
        }
        if !metadata.is_empty() {
            request = request.header("upload-metadata", metadata.join(","));
        }
        let head = self.exchange(request).await?;
        if head.status != 201 {
            return Err(head.fault());
        }
        let location = head.headers.get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        let address = location.map(|place| self.server.join(place)).transpose()?;
        let address = address.filter(|address| self.is_here(address));
        address.ok_or_else(|| {
            let detail = "the server began an upload and did not say where on itself";
            Problem::new(Code::ServerAnswer, detail)
        })
    }

    /// Tells whether an address is on this server.
    #[must_use]
    pub fn is_here(&self, address: &Url) -> bool {
        address.origin() == self.server.address().origin()
    }

    /// Asks how far an upload is; nothing when it is not there any more.
    ///
    /// # Errors
    /// As [`Self::begin_upload`].
    pub async fn upload_state(
        &self,
        upload: &Url,
        token: &str,
    ) -> Result<Option<UploadState>, Problem> {
        let request = self.server.http.request(Method::HEAD, upload.clone());
        let head = self.exchange(request.bearer_auth(token)).await?;
        match head.status {
            200 | 204 => Ok(Some(head.state()?)),
            404 | 410 => Ok(None),
            _ => Err(head.fault()),
        }
    }

    /// Sends a piece for its place in an upload; `length` tells the whole length where it was not known before.
    ///
    /// The piece is taken whole or not at all, because its SHA-256 goes with it.
    ///
    /// # Errors
    /// As [`Self::begin_upload`].
    pub async fn append_upload(
        &self,
        upload: &Url,
        offset: u64,
        piece: Bytes,
        length: Option<u64>,
        token: &str,
    ) -> Result<Appended, Problem> {
        let digest = STANDARD.encode(ContentHash::of(&piece).as_bytes());
        let mut request = self.server.http.request(Method::PATCH, upload.clone());
        request = request
            .bearer_auth(token)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset)
            .header("upload-checksum", format!("sha256 {digest}"));
        if let Some(length) = length {
            request = request.header("upload-length", length);
        }
        let head = self.exchange(request.body(piece)).await?;
        match head.status {
            200 | 204 => Ok(Appended::Taken(head.state()?)),
            409 | 423 => Ok(Appended::Elsewhere),
            460 => Ok(Appended::Changed),
            404 | 410 => Ok(Appended::Over),
            _ => Err(head.fault()),
        }
    }

    /// Gives an upload up; one that is gone already is as good.
    ///
    /// # Errors
    /// As [`Self::begin_upload`].
    pub async fn end_upload(&self, upload: &Url, token: &str) -> Result<(), Problem> {
        let request = self.server.http.request(Method::DELETE, upload.clone());
        let head = self.exchange(request.bearer_auth(token)).await?;
        match head.status {
            200 | 204 | 404 | 410 => Ok(()),
            _ => Err(head.fault()),
        }
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Head, Problem> {
        let request = request.header("tus-resumable", TUS_VERSION);
        let mut tries = self.server.patience.tries();
        loop {
            let response = answer::copy(&request)?.send().await;
            let response = response.map_err(answer::unreachable)?;
            let put_off = PutOff::of(&response);
            let head = Head::of(response).await?;
            let code = head.problem.as_ref().map(|problem| problem.code);
            if head.status < 300 || !tries.wait(put_off, code).await {
                return Ok(head);
            }
        }
    }
}

impl Head {
    /// Receives the rest of an answer.
    async fn of(mut response: Response) -> Result<Self, Problem> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(answer::unreachable)? {
            if body.len() + chunk.len() > FAULT_BYTES_MAX {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            headers,
            problem: answer::described(&body),
        })
    }

    fn state(&self) -> Result<UploadState, Problem> {
        let offset = self.number("upload-offset").ok_or_else(|| {
            let detail = "an upload was answered without its offset";
            Problem::new(Code::ServerAnswer, detail)
        })?;
        let hash = self.headers.get("x-blob-hash");
        let hash = hash.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(UploadState {
            offset,
            length: self.number("upload-length"),
            hash,
        })
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    }

    fn fault(self) -> Problem {
        let Self {
            status, problem, ..
        } = self;
        problem.unwrap_or_else(|| answer::bodiless(status))
    }
}
