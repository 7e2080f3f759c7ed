//! Answers requests before they reach the router, when the answer lies ready.
//!
//! Invariant: on any doubt it says nothing, and the router answers.

use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, IF_MATCH, IF_UNMODIFIED_SINCE, RANGE};
use axum::http::{HeaderMap, Method, Response, Uri};
use bytes::Bytes;
use doorway_core::cache::{Freshness, Key, KeyRef};
use doorway_core::question::{self, Question, Sort};
use http_kit::{Ask, HotPath};

use super::Hot;
use super::counters::count;
use crate::pages::strings::Language;

/// Class of the answers for programs.
const JSON_CLASS: &str = "json";

/// Returns what a request asks, as the cache knows it; nothing when it is not answered from there.
pub(crate) fn key_of(uri: &Uri, headers: &HeaderMap) -> Option<Key> {
    let question = question::of(uri.path(), uri.query())?;
    Some(Key {
        class: class_of(&question, headers),
        text: question.text.into_owned(),
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

fn class_of(question: &Question<'_>, headers: &HeaderMap) -> &'static str {
    match question.sort {
        Sort::Page => language_of(headers).tag(),
        Sort::Json => JSON_CLASS,
    }
}

/// Tells whether a request is one that every anonymous reader could have sent.
fn is_plain(method: &Method, headers: &HeaderMap) -> bool {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let others = [AUTHORIZATION, RANGE, IF_MATCH, IF_UNMODIFIED_SINCE];
    is_read && !others.iter().any(|name| headers.contains_key(name))
}

impl HotPath for Hot {
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>> {
        if !is_plain(ask.method, ask.headers) {
            return None;
        }
        let question = question::of(ask.uri.path(), ask.uri.query())?;
        let sought = self.0.seeds.hashed(KeyRef {
            class: class_of(&question, ask.headers),
            text: &question.text,
        });
        let now = self.0.clock.now();
        let shard = sought.shard(self.0.shards.len());
        let hit = self.0.shard(shard).cache.hit(now, &sought)?;
        count(match hit.freshness {
            Freshness::Fresh => &self.0.counters.hits,
            Freshness::Stale => &self.0.counters.stale,
        });
        Some(hit.value.respond(ask.headers))
    }
}
