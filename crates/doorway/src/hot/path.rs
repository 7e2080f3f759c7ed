//! Answers requests before they reach the router, when the answer lies ready.
//!
//! # Invariants
//! On any doubt it says nothing, and the router answers.
//! What is kept was asked in its one spelling. So a path without a query that is found among the keys of its sort needs
//! no reading, and a path in another spelling is not found.

use std::sync::Arc;

use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, Method, Response, Uri};
use base::ContentHash;
use bytes::Bytes;
use doorway_core::cache::{Freshness, Key, KeyRef};
use doorway_core::question::{self, Question, Sort};
use http_kit::{Ask, HotPath};

use super::counters::count;
use super::sent::Sent;
use super::{Hot, Ready};
use crate::pages::strings::Language;

/// Class of the answers for programs, and how all their paths begin.
const JSON_CLASS: &str = "json";
const JSON_PATHS: &str = "/api/";

/// Class of blobs, and how all their paths begin.
pub(super) const BLOB_CLASS: &str = "blob";
const BLOB_PATHS: &str = "/store/";

/// Returns what a request asks, as the cache knows it; nothing when it is not answered from there.
pub(crate) fn key_of(uri: &Uri, headers: &HeaderMap) -> Option<Key> {
    let question = question::of(uri.path(), uri.query())?;
    Some(Key {
        class: class_of(&question, headers, Sent::read(headers)),
        text: question.text.into_owned(),
    })
}

/// Returns what a request for a blob asks, when it asks for the whole of it and for nothing besides.
pub(crate) fn blob_key_of(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    hash: &ContentHash,
) -> Option<Key> {
    let is_plain = is_read(method) && uri.query().is_none() && Sent::read(headers).is_bare();
    is_plain.then(|| Key {
        class: BLOB_CLASS,
        text: format!("{BLOB_PATHS}{hash}"),
    })
}

/// Chooses the language of a page's frame.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    headers
        .get(ACCEPT_LANGUAGE)
        .map_or_else(Language::default, |wish| {
            Language::choose(wish.to_str().ok())
        })
}

fn class_of(question: &Question<'_>, headers: &HeaderMap, sent: Sent) -> &'static str {
    match question.sort {
        Sort::Page => page_class(headers, sent),
        Sort::Json => JSON_CLASS,
    }
}

fn page_class(headers: &HeaderMap, sent: Sent) -> &'static str {
    if sent.wishes_languages() {
        language_of(headers).tag()
    } else {
        Language::default().tag()
    }
}

fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

impl Hot {
    /// Finds what lies ready under a key.
    fn find(&self, key: KeyRef<'_>) -> Option<Arc<Ready>> {
        let sought = self.0.seeds.hashed(key);
        let shard = self.0.shard_of(key.class, &sought);
        let now = self.0.clock.now();
        let hit = self.0.shard(shard).cache.hit(now, &sought)?;
        count(match hit.freshness {
            Freshness::Fresh => &self.0.counters.hits,
            Freshness::Stale => &self.0.counters.stale,
        });
        Some(hit.value)
    }

    /// Finds what lies ready for a path, by nothing but its letters.
    fn find_path(&self, path: &str, headers: &HeaderMap, sent: Sent) -> Option<Arc<Ready>> {
        if path.len() > question::BYTES_MAX {
            return None;
        }
        let class = if path.starts_with(JSON_PATHS) {
            JSON_CLASS
        } else if path.starts_with(BLOB_PATHS) {
            if !sent.is_bare() {
                return None;
            }
            BLOB_CLASS
        } else {
            page_class(headers, sent)
        };
        self.find(KeyRef { class, text: path })
    }
}

impl HotPath for Hot {
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>> {
        if !is_read(ask.method) {
            return None;
        }
        let sent = Sent::read(ask.headers);
        if !sent.is_plain() {
            return None;
        }
        let path = ask.uri.path();
        let ready = match ask.uri.query() {
            None => self.find_path(path, ask.headers, sent)?,
            Some(query) => {
                let question = question::of(path, Some(query))?;
                self.find(KeyRef {
                    class: class_of(&question, ask.headers, sent),
                    text: &question.text,
                })?
            }
        };
        Some(ready.respond(ask.headers, sent))
    }
}
