//! A typed HTTP client of a doorway.
//!
//! Every answer is bounded in length; a fault that the doorway describes comes back as its own [`Problem`] with its code.
//! What a doorway puts off is asked again for up to a minute; [`Doorway::telling`] says when.
//! It signs nothing and keeps nothing: tokens and records are handed in.

mod answer;
mod blobs;
mod events;
mod file;
mod members;
mod page;
mod patience;
mod stream;
mod transport;

use api::{
    ChainPut, ChainPutView, ChainView, ChallengeRequest, ChallengeView, ItemView, ReadyView,
    RecordView, SCHEMA_HEADER, SCHEMA_VERSION, StoredBlobView, TokenRequest, TokenView,
    VersionView,
};
use base::{Code, ContentHash, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use url::Url;

pub use answer::{ANSWER_BYTES_MAX, Answer};
pub use blobs::{Appended, BlobStore, HAVE_HASHES_MAX, Reading, UploadState};
pub use events::{Event, Events};
pub use file::{FileBody, body_of};
pub use page::{ChainPage, PageRecord, Scratch};
pub use patience::Waiting;
pub use reqwest::Body;
pub use stream::Download;

use patience::Patience;

/// A doorway at some address.
#[derive(Clone, Debug)]
pub struct Doorway {
    base: Url,
    http: reqwest::Client,
    patience: Patience,
}

impl Doorway {
    /// Names a doorway; nothing is sent yet.
    ///
    /// # Errors
    /// [`Code::ServerUnreachable`] when the address is no http or https URL.
    pub fn new(address: &str) -> Result<Self, Problem> {
        Self::named(address, None)
    }

    /// Names a doorway, and certificates that are trusted besides the system's: its own, or of who signed it, in PEM.
    ///
    /// # Errors
    /// As [`Self::new`]; [`Code::Tls`] when there is no certificate in it.
    pub fn trusting(address: &str, certificates: &[u8]) -> Result<Self, Problem> {
        Self::named(address, Some(certificates))
    }

    fn named(address: &str, certificates: Option<&[u8]>) -> Result<Self, Problem> {
        let unusable = |detail: String| Problem::new(Code::ServerUnreachable, detail);
        let base = Url::parse(address)
            .map_err(|error| unusable(format!("{address:?} is no address: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(unusable(format!("{address:?} is neither http nor https")));
        }
        let http = transport::client(certificates).map_err(|detail| {
            let code = certificates.map_or(Code::ServerUnreachable, |_| Code::Tls);
            Problem::new(code, detail)
        })?;
        Ok(Self {
            base,
            http,
            patience: Patience::default(),
        })
    }

    /// Has `tell` called whenever a request has to wait because the doorway put it off, and when the wait is over.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(Waiting) + Send + Sync + 'static) -> Self {
        self.patience = Patience::telling(tell);
        self
    }

    /// Returns its address.
    #[must_use]
    pub const fn address(&self) -> &Url {
        &self.base
    }

    /// Returns the address of a path on this doorway.
    ///
    /// # Errors
    /// [`Code::ServerUnreachable`] when the two cannot be joined.
    pub fn join(&self, path: &str) -> Result<Url, Problem> {
        self.base
            .join(path)
            .map_err(|error| Problem::new(Code::ServerUnreachable, error.to_string()))
    }

    /// Fetches any address of this doorway, or of another one.
    ///
    /// # Errors
    /// A [`Problem`]: the doorway's own, or why there is no answer.
    pub async fn fetch(&self, address: Url) -> Result<Answer, Problem> {
        answer::receive(self.http.get(address), &self.patience).await
    }

    /// Opens the log of events behind a cursor; from the state of all chains without one.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn events(&self, cursor: Option<&str>) -> Result<Events, Problem> {
        let mut request = self.request(Method::GET, "api/v1/events")?;
        request = request.header("accept", "text/event-stream");
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor);
        }
        Ok(Events::new(stream::open(request, &self.patience).await?))
    }

    /// Starts to read a blob that everybody may see, for copying; nothing when there is none.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn download(&self, hash: &ContentHash) -> Result<Option<Download>, Problem> {
        let request = self.request(Method::GET, &format!("store/{hash}"))?;
        match stream::open(request, &self.patience).await {
            Ok(download) => Ok(Some(download)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Asks which program and community this is.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn version(&self) -> Result<VersionView, Problem> {
        self.call(self.request(Method::GET, "version")?).await
    }

    /// Reads a page of a chain; `token` shows the reader's own private things.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn chain(
        &self,
        agent: &str,
        after: Option<u32>,
        limit: u32,
        token: Option<&str>,
    ) -> Result<ChainView, Problem> {
        let mut request = self.chain_request(agent, after, limit)?;
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.call(request).await
    }

    /// Fetches a page of a chain for [`ChainPage::read`]. Its digest is not looked at: what matters in it is what the
    /// records prove.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn chain_page(
        &self,
        agent: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Answer, Problem> {
        let request = self.chain_request(agent, after, limit)?;
        answer::receive_proven(request, &self.patience).await
    }

    fn chain_request(
        &self,
        agent: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<RequestBuilder, Problem> {
        let mut path = format!("api/v1/chains/{agent}?limit={limit}");
        if let Some(after) = after {
            path.push_str(&format!("&after={after}"));
        }
        self.request(Method::GET, &path)
    }

    /// Appends signed records to a chain.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn append(
        &self,
        agent: &str,
        records: Vec<RecordView>,
    ) -> Result<ChainPutView, Problem> {
        let put = ChainPut {
            schema_version: SCHEMA_VERSION,
            records,
        };
        let request = self
            .request(Method::PUT, &format!("api/v1/chains/{agent}"))?
            .header(SCHEMA_HEADER, SCHEMA_VERSION)
            .json(&put);
        self.call(request).await
    }

    /// Asks for something to sign.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn challenge(&self, agent: &str) -> Result<ChallengeView, Problem> {
        let body = ChallengeRequest {
            schema_version: SCHEMA_VERSION,
            agent: agent.to_owned(),
        };
        self.call(self.request(Method::POST, "auth/challenge")?.json(&body))
            .await
    }

    /// Trades a signed challenge for a token.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn token(
        &self,
        challenge: String,
        signature: &[u8; 64],
    ) -> Result<TokenView, Problem> {
        let body = TokenRequest {
            schema_version: SCHEMA_VERSION,
            challenge,
            signature: STANDARD.encode(signature),
        };
        self.call(self.request(Method::POST, "auth/token")?.json(&body))
            .await
    }

    /// Asks whether the doorway has a blob that this reader may see.
    ///
    /// # Errors
    /// As [`Self::fetch`], but a blob that is not there is no error.
    pub async fn has_blob(&self, hash: &ContentHash, token: &str) -> Result<bool, Problem> {
        let request = self
            .request(Method::HEAD, &format!("store/{hash}"))?
            .bearer_auth(token);
        let status = answer::status(request, &self.patience).await?;
        match status {
            200 => Ok(true),
            404 => Ok(false),
            other => Err(answer::bodiless(other)),
        }
    }

    /// Stores a blob of `bytes` bytes; the doorway compares it with `hash` before it acknowledges.
    /// `body` opens it, once for each time that it is sent.
    ///
    /// # Errors
    /// As [`Self::fetch`], and what `body` fails with.
    pub async fn put_blob<M, F>(
        &self,
        hash: &ContentHash,
        bytes: u64,
        body: M,
        token: &str,
    ) -> Result<StoredBlobView, Problem>
    where
        M: Fn() -> F,
        F: Future<Output = Result<Body, Problem>>,
    {
        let digest = STANDARD.encode(hash.as_bytes());
        let request = || async {
            let opened = body().await?;
            let request = self
                .request(Method::PUT, "store")?
                .bearer_auth(token)
                .header("content-digest", format!("sha-256=:{digest}:"))
                .header("content-length", bytes)
                .body(opened);
            Ok(request)
        };
        answer::receive_made(request, &self.patience).await?.json()
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Problem> {
        Ok(self.http.request(method, self.join(path)?))
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, Problem> {
        answer::receive(request, &self.patience).await?.json()
    }
}

impl Doorway {
    /// Asks how far the doorway is; one that is not ready answers all the same.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn ready(&self) -> Result<ReadyView, Problem> {
        let request = self.request(Method::GET, "ready")?;
        answer::receive_whatever(request, &self.patience)
            .await?
            .json()
    }

    /// Asks who wrote the item at an address; nothing when there is none that this reader may see.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn author_of(
        &self,
        kind: &str,
        slug: &str,
        token: &str,
    ) -> Result<Option<String>, Problem> {
        let request = self.request(Method::GET, &format!("api/v1/cache/{kind}/{slug}"))?;
        match answer::receive(request.bearer_auth(token), &self.patience).await {
            Ok(answer) => Ok(Some(answer.json::<ItemView>()?.author)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Reads a blob that this reader may see; nothing when there is none.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn blob(&self, hash: &ContentHash, token: &str) -> Result<Option<Vec<u8>>, Problem> {
        let request = self.request(Method::GET, &format!("store/{hash}"))?;
        match answer::receive(request.bearer_auth(token), &self.patience).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

#[cfg(test)]
mod tests;
