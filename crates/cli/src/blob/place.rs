//! Where blobs are: at a server, or in a data folder that this command opens itself.
//!
//! A data folder is served inside of this process, over a port of this machine that nobody else has the token for; so
//! both work in the same way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use api::{
    BlobListView, BlobStatusView, GcRequest, GcView, ScrubRequest, TagListView, TagView, UsageView,
};
use base::{Code, ContentHash, Problem};
use chain::{KeySigner, Signer as _};
use client::{BlobStore, Events, HAVE_HASHES_MAX, Reading};
use runtime::Clock;
use url::Url;

use crate::blob::args::BlobTarget;
use crate::blob::inside::Inside;
use crate::blob::resume::Begun;
use crate::dial::{self, Progress};
use crate::token::KeptToken;
use crate::{agent, home};

/// A store, and who uses it.
pub(crate) struct Place {
    pub(super) store: BlobStore,
    proof: Proof,
    pub(super) clock: Clock,
    pub(super) begun: Begun,
    /// The upload of a stream, which nobody can go on with.
    fleeting: Mutex<Option<Url>>,
    inside: Option<Inside>,
    /// The namespace that the person named.
    namespace: Option<String>,
}

/// How the store knows who asks.
enum Proof {
    /// By a token that it gives for a signature.
    Signed(Box<KeySigner>, KeptToken),
    /// By a token that this process has made up for itself.
    Own(String),
}

impl Place {
    /// Names the server, or opens the store of a data folder.
    pub(crate) async fn open(target: &BlobTarget, progress: &Progress) -> Result<Self, Problem> {
        let signer = agent::signer(&home::agent(target.agent.clone())?)?;
        let key = signer.agent().to_string();
        let (doorway, named, proof, inside) = match &target.data {
            None => {
                let doorway = dial::doorway(&target.to, target.ca.as_deref(), progress)?;
                let named = doorway.address().to_string();
                let proof = Proof::Signed(Box::new(signer), KeptToken::new());
                (doorway, named, proof, None)
            }
            Some(data) => {
                let inside = Inside::open(data, signer.agent()).await?;
                let doorway = dial::trusting(inside.address(), None)?;
                let named = format!("the data folder {}", data.display());
                let proof = Proof::Own(inside.token().to_owned());
                (doorway, named, proof, Some(inside))
            }
        };
        let clock = Clock::system();
        let namespace = target.namespace.as_deref();
        let begun = Begun::open(
            &home::uploads()?,
            &named,
            &key,
            namespace.unwrap_or_default(),
            clock.now(),
        )?;
        Ok(Self {
            store: doorway.blobs(namespace),
            proof,
            clock,
            begun,
            fleeting: Mutex::new(None),
            inside,
            namespace: target.namespace.clone(),
        })
    }

    pub(super) async fn token(&self) -> Result<String, Problem> {
        match &self.proof {
            Proof::Signed(signer, token) => token.get(self.store.server(), signer).await,
            Proof::Own(token) => Ok(token.clone()),
        }
    }

    /// Says of a namespace that is not there that it is that: a list of what is in it says no more than "nothing".
    fn told(&self, problem: Problem) -> Problem {
        match (&self.namespace, problem.code) {
            (Some(namespace), Code::NotFound) => {
                let detail = format!("there is no namespace {namespace} that you may see");
                Problem::new(Code::NothingNamed, detail)
            }
            _ => problem,
        }
    }

    /// Asks which blobs are there, in the order of the question.
    pub(crate) async fn have(&self, hashes: &[ContentHash]) -> Result<Vec<bool>, Problem> {
        let mut have = Vec::with_capacity(hashes.len());
        for some in hashes.chunks(HAVE_HASHES_MAX) {
            have.extend(self.store.have(some, &self.token().await?).await?);
        }
        Ok(have)
    }

    /// Starts to read a blob from a byte on; nothing when it is not there.
    pub(crate) async fn read(
        &self,
        hash: &ContentHash,
        from: u64,
    ) -> Result<Option<Reading>, Problem> {
        self.store.read(hash, from, &self.token().await?).await
    }

    pub(crate) async fn status(
        &self,
        hash: &ContentHash,
    ) -> Result<Option<BlobStatusView>, Problem> {
        self.store.status(hash, &self.token().await?).await
    }

    pub(crate) async fn list(
        &self,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
    ) -> Result<BlobListView, Problem> {
        let token = self.token().await?;
        let listed = self.store.list(after, limit, prefix, &token).await;
        listed.map_err(|problem| self.told(problem))
    }

    /// Lists blobs that are damaged and not served.
    pub(crate) async fn list_damaged(
        &self,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
    ) -> Result<BlobListView, Problem> {
        let token = self.token().await?;
        self.store.list_damaged(after, limit, prefix, &token).await
    }

    pub(crate) async fn tags(
        &self,
        after: Option<&str>,
        limit: u32,
        prefix: &str,
    ) -> Result<TagListView, Problem> {
        let token = self.token().await?;
        let listed = self.store.tags(after, limit, prefix, &token).await;
        listed.map_err(|problem| self.told(problem))
    }

    pub(crate) async fn tag(&self, name: &str) -> Result<Option<TagView>, Problem> {
        self.store.tag(name, &self.token().await?).await
    }

    pub(crate) async fn set_tag(&self, name: &str, hash: &ContentHash) -> Result<(), Problem> {
        self.store.set_tag(name, hash, &self.token().await?).await
    }

    /// Takes a tag away; tells whether there was one.
    pub(crate) async fn remove_tag(&self, name: &str) -> Result<bool, Problem> {
        self.store.remove_tag(name, &self.token().await?).await
    }

    pub(crate) async fn usage(&self) -> Result<UsageView, Problem> {
        let usage = self.store.usage(&self.token().await?).await;
        usage.map_err(|problem| self.told(problem))
    }

    /// Bounds the namespace, or takes its bound away.
    pub(crate) async fn set_quota(&self, bytes_max: Option<u64>) -> Result<UsageView, Problem> {
        self.store.set_quota(bytes_max, &self.token().await?).await
    }

    pub(crate) async fn collect(&self, how: &GcRequest) -> Result<GcView, Problem> {
        let collected = self.store.collect(how, &self.token().await?).await;
        collected.map_err(|problem| self.told(problem))
    }

    /// Begins to read everything again, and watches.
    pub(crate) async fn scrub(&self, how: &ScrubRequest) -> Result<Events, Problem> {
        let token = self.token().await?;
        self.store.begin_scrub(how, &token).await?;
        self.store.watch_scrub(&token).await
    }

    /// Stops a scrub; the next one goes on from there.
    pub(crate) async fn stop_scrub(&self) -> Result<(), Problem> {
        self.store.stop_scrub(&self.token().await?).await
    }

    /// Gives up what nobody can go on with.
    pub(crate) async fn abandon(&self) {
        let upload = self.fleeting().take();
        if let Some(upload) = upload
            && let Ok(token) = self.token().await
        {
            // The server gives it up by itself after a while.
            drop(self.store.end_upload(&upload, &token).await);
        }
    }

    pub(super) fn fleeting(&self) -> MutexGuard<'_, Option<Url>> {
        self.fleeting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether the store is one that this process serves itself.
    pub(crate) const fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    /// Brings everything to rest.
    pub(crate) async fn close(self) -> Result<(), Problem> {
        match self.inside {
            Some(inside) => inside.close().await,
            None => Ok(()),
        }
    }
}
