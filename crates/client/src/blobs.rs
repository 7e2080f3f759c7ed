//! The blobs of one namespace at a server: the interface of the storage service, typed.
//!
//! Hashes are handed in and compared: what a server stored under another hash than it was told is a fault of its own.
//! What it does not know: files, folders, and who signs for the tokens.

mod upload;

use api::{
    BlobListView, BlobPutView, BlobStatusView, GcRequest, GcView, HaveRequest, HaveView, QuotaPut,
    SCHEMA_VERSION, ScrubRequest, ScrubView, TagListView, TagPut, TagView, UsageView,
};
use base::{Code, ContentHash, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Body, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{Doorway, Download, Events, answer, stream};

pub use upload::{Appended, UploadState};

/// Most hashes in one question whether they are there.
pub const HAVE_HASHES_MAX: usize = 1_024;

/// The blobs of one namespace at a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlobStore {
    server: Doorway,
    namespace: Option<String>,
}

/// A blob that is being read.
#[derive(Debug)]
pub struct Reading {
    /// Where the next byte belongs.
    pub from: u64,
    /// How many bytes the whole blob has.
    pub total: u64,
    /// The bytes.
    pub download: Download,
}

impl Doorway {
    /// Names the blobs of a namespace at this server; without a name, those of whoever holds the token.
    #[must_use]
    pub fn blobs(&self, namespace: Option<&str>) -> BlobStore {
        BlobStore {
            server: self.clone(),
            namespace: namespace.map(str::to_owned),
        }
    }
}

impl BlobStore {
    /// Returns the namespace, when one was named.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Returns the server.
    #[must_use]
    pub const fn server(&self) -> &Doorway {
        &self.server
    }

    /// Asks which blobs are there, in the order of the question; at most [`HAVE_HASHES_MAX`].
    ///
    /// # Errors
    /// The server's own [`Problem`], or why there is no answer.
    pub async fn have(&self, hashes: &[ContentHash], token: &str) -> Result<Vec<bool>, Problem> {
        let asked = hashes.len();
        let question = HaveRequest {
            schema_version: SCHEMA_VERSION,
            hashes: hashes.iter().map(ToString::to_string).collect(),
        };
        let request = self.request(Method::POST, "blobs/have", &[])?;
        let view: HaveView = self
            .call(request.bearer_auth(token).json(&question))
            .await?;
        if view.have.len() == asked {
            return Ok(view.have);
        }
        let detail = format!("asked for {asked} hashes, answered {}", view.have.len());
        Err(Problem::new(Code::ServerAnswer, detail))
    }

    /// Stores a blob of `bytes` bytes; `body` opens it, once for each time that it is sent.
    ///
    /// # Errors
    /// As [`Self::have`], and what `body` fails with.
    pub async fn put<M, F>(
        &self,
        hash: &ContentHash,
        bytes: u64,
        body: M,
        token: &str,
    ) -> Result<BlobPutView, Problem>
    where
        M: Fn() -> F,
        F: Future<Output = Result<Body, Problem>>,
    {
        let digest = STANDARD.encode(hash.as_bytes());
        let request = || async {
            let opened = body().await?;
            let request = self.request(Method::PUT, &format!("blobs/{hash}"), &[])?;
            Ok(request
                .bearer_auth(token)
                .header("content-digest", format!("sha-256=:{digest}:"))
                .header("content-length", bytes)
                .body(opened))
        };
        let answer = answer::receive_made(request, &self.server.patience).await?;
        let view: BlobPutView = answer.json()?;
        if view.hash == hash.to_string() {
            return Ok(view);
        }
        let detail = format!("sent {hash}, and it was stored as {}", view.hash);
        Err(Problem::new(Code::ServerAnswer, detail))
    }

    /// Starts to read a blob from a byte on; nothing when there is none that this reader may see.
    ///
    /// A server may start at the beginning all the same: [`Reading::from`] tells.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn read(
        &self,
        hash: &ContentHash,
        from: u64,
        token: &str,
    ) -> Result<Option<Reading>, Problem> {
        let mut request = self.request(Method::GET, &format!("blobs/{hash}"), &[])?;
        request = request.bearer_auth(token);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let download = match stream::open(request, &self.server.patience).await {
            Ok(download) => download,
            Err(problem) if problem.code == Code::NotFound => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let strange = |detail: &str| Problem::new(Code::ServerAnswer, detail);
        let head = download.head();
        if head.status().as_u16() != 206 {
            let total = download.announced();
            let total = total.ok_or_else(|| strange("a blob came without its length"))?;
            return Ok(Some(Reading {
                from: 0,
                total,
                download,
            }));
        }
        let range = head.headers().get(CONTENT_RANGE);
        let range = range.and_then(|value| range_of(value.to_str().ok()?));
        let (first, total) = range.ok_or_else(|| strange("a part came without its place"))?;
        if first != from {
            return Err(strange("another part came than was asked for"));
        }
        Ok(Some(Reading {
            from,
            total,
            download,
        }))
    }

    /// Asks how a blob stands; nothing when there is none that this reader may see.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn status(
        &self,
        hash: &ContentHash,
        token: &str,
    ) -> Result<Option<BlobStatusView>, Problem> {
        let request = self.request(Method::GET, &format!("blobs/{hash}/status"), &[])?;
        found(self.call(request.bearer_auth(token)).await)
    }

    /// Lists the blobs behind a cursor, at most `limit`, whose hashes start with `prefix`.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn list(
        &self,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
        token: &str,
    ) -> Result<BlobListView, Problem> {
        let request = self.page("blobs", after, limit, prefix)?;
        self.call(request.bearer_auth(token)).await
    }

    /// Lists the damaged blobs behind a cursor, at most `limit`, whose hashes start with `prefix`: those that are not
    /// served until they are stored again.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn list_damaged(
        &self,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
        token: &str,
    ) -> Result<BlobListView, Problem> {
        let path = "blobs?damaged=1";
        let request = self.page(path, after, limit, prefix)?;
        self.call(request.bearer_auth(token)).await
    }

    /// Lists the tags behind a cursor, at most `limit`, whose names start with `prefix`.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn tags(
        &self,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
        token: &str,
    ) -> Result<TagListView, Problem> {
        let request = self.page("blobs/tags", after, limit, prefix)?;
        self.call(request.bearer_auth(token)).await
    }

    /// Asks what a tag names; nothing when there is none.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn tag(&self, name: &str, token: &str) -> Result<Option<TagView>, Problem> {
        let request = self.tag_request(Method::GET, name)?;
        found(self.call(request.bearer_auth(token)).await)
    }

    /// Lets a tag name a blob; of the manifest of a folder it keeps the files as well.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn set_tag(
        &self,
        name: &str,
        hash: &ContentHash,
        token: &str,
    ) -> Result<(), Problem> {
        let body = TagPut {
            schema_version: SCHEMA_VERSION,
            hash: hash.to_string(),
        };
        let request = self.tag_request(Method::PUT, name)?.json(&body);
        answer::receive(request.bearer_auth(token), &self.server.patience).await?;
        Ok(())
    }

    /// Takes a tag away; tells whether there was one.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn remove_tag(&self, name: &str, token: &str) -> Result<bool, Problem> {
        let request = self.tag_request(Method::DELETE, name)?;
        let removed = answer::receive(request.bearer_auth(token), &self.server.patience).await;
        Ok(found(removed)?.is_some())
    }

    /// Asks how much the namespace holds, and how much it may.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn usage(&self, token: &str) -> Result<UsageView, Problem> {
        let request = self.request(Method::GET, "blobs/usage", &[])?;
        self.call(request.bearer_auth(token)).await
    }

    /// Bounds how many bytes the namespace may hold; `None` takes the bound away.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn set_quota(
        &self,
        bytes_max: Option<u64>,
        token: &str,
    ) -> Result<UsageView, Problem> {
        let body = QuotaPut {
            schema_version: SCHEMA_VERSION,
            bytes_max,
        };
        let request = self.request(Method::PUT, "blobs/quota", &[])?;
        self.call(request.bearer_auth(token).json(&body)).await
    }

    /// Collects what nothing refers to: into the trash, and out of it after its time.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn collect(&self, how: &GcRequest, token: &str) -> Result<GcView, Problem> {
        let request = self.request(Method::POST, "blobs/gc", &[])?;
        self.call(request.bearer_auth(token).json(how)).await
    }

    /// Begins to read everything again and to compare it with its hash; the server goes on by itself.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn begin_scrub(&self, how: &ScrubRequest, token: &str) -> Result<ScrubView, Problem> {
        let request = self.request(Method::POST, "blobs/scrub", &[])?;
        self.call(request.bearer_auth(token).json(how)).await
    }

    /// Asks how far a scrub is.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn scrub_state(&self, token: &str) -> Result<ScrubView, Problem> {
        let request = self.request(Method::GET, "blobs/scrub", &[])?;
        self.call(request.bearer_auth(token)).await
    }

    /// Watches a scrub: each event says how far it is, as a [`ScrubView`], and the stream ends with it.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn watch_scrub(&self, token: &str) -> Result<Events, Problem> {
        let request = self.request(Method::GET, "blobs/scrub", &[])?;
        let request = request
            .bearer_auth(token)
            .header("accept", "text/event-stream");
        let download = stream::open(request, &self.server.patience).await?;
        Ok(Events::new(download))
    }

    /// Stops a scrub; the next one goes on from there.
    ///
    /// # Errors
    /// As [`Self::have`].
    pub async fn stop_scrub(&self, token: &str) -> Result<(), Problem> {
        let request = self.request(Method::DELETE, "blobs/scrub", &[])?;
        answer::receive(request.bearer_auth(token), &self.server.patience).await?;
        Ok(())
    }

    fn page(
        &self,
        path: &str,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
    ) -> Result<RequestBuilder, Problem> {
        let limit = limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(after.map(|after| ("after", after)));
        if !prefix.is_empty() {
            query.push(("prefix", prefix));
        }
        self.request(Method::GET, path, &query)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, Problem> {
        Ok(self.server.http.request(method, self.address(path, query)?))
    }

    /// The slashes of a tag's name stand in the path as they are.
    fn tag_request(&self, method: Method, name: &str) -> Result<RequestBuilder, Problem> {
        let mut address = self.address("blobs/tags", &[])?;
        let steps = address.path_segments_mut();
        steps
            .expect("it is an http address")
            .extend(name.split('/'));
        Ok(self.server.http.request(method, address))
    }

    /// Returns the address of a path with the namespace in it.
    fn address(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Problem> {
        let mut address = self.server.join(path)?;
        let namespace = self.namespace().map(|name| ("namespace", name));
        let mut pairs = namespace
            .into_iter()
            .chain(query.iter().copied())
            .peekable();
        if pairs.peek().is_some() {
            address.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(address)
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Problem> {
        self.server.call(request).await
    }
}

/// Makes nothing of "there is none".
fn found<T>(answer: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.code == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Reads the first byte and the whole length out of `bytes 5-9/10` (RFC 9110, section 14.4).
fn range_of(value: &str) -> Option<(u64, u64)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests;
