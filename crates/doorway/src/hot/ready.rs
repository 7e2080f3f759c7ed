//! Answers as responses that lie ready: every header and body is made once, and a request only chooses.
//!
//! # Invariants
//! All encodings of an answer have the same weak validator, because they mean the same (RFC 9110 §8.8.1); each has the
//! length and the digest of its own bytes.
//! Only what everybody may see may be kept by others.
//! A blob is its own bytes: it has the headers that the store's route gives it, and no other encoding.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_MATCH, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use base::ContentHash;
use bytes::Bytes;
use http_kit::conditional::{self, Condition, Validators};
use http_kit::{ETag, cache, repr_digest};

use super::coding::{self, Coding};
use super::sent::Sent;
use super::{Form, Made};

/// The digest of a body (RFC 9530).
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What a page may load: its own host's styles, fonts, images and media; nothing runs.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' https: data:; media-src 'self' https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What the answer depends on besides its address.
const DEPENDS: HeaderValue =
    HeaderValue::from_static("accept-encoding, accept-language, authorization");

/// About what headers weigh, in bytes.
const HEAD_BYTES: u64 = 1_024;

/// The mark, in a response's extensions, of what comes with all its encodings: it is not packed on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared;

/// An answer with everything that a response needs.
#[derive(Debug)]
pub(crate) struct Ready {
    etag: ETag,
    /// The same as a header.
    tag: HeaderValue,
    /// The head of 304 and 412.
    bare: HeaderMap,
    /// Whether it is in the cache, where it gets its encodings.
    is_kept: bool,
    /// Whether its body may be packed at all.
    may_pack: bool,
    plain: Variant,
    coded: Vec<(Coding, Variant)>,
}

#[derive(Clone, Debug)]
struct Variant {
    headers: HeaderMap,
    body: Bytes,
}

impl Ready {
    /// Prepares an answer; `is_shared` says that everybody may see it.
    pub(crate) fn new(made: &Made, is_shared: bool) -> Self {
        let (etag, bare, headers) = match &made.form {
            Form::Document { media_type, hash } => {
                let etag = ETag::weak(&hash.to_string()[..32]).expect("hex digits make a tag");
                let bare = bare(&etag, is_shared);
                let headers = whole(&bare, media_type, hash, made.body.len());
                (etag, bare, headers)
            }
            Form::Blob(heads) => (
                heads.etag.clone(),
                heads.unchanged.clone(),
                heads.whole.clone(),
            ),
        };
        Self {
            tag: etag.header(),
            etag,
            bare,
            is_kept: false,
            may_pack: matches!(made.form, Form::Document { .. }),
            plain: Variant {
                headers,
                body: made.body.clone(),
            },
            coded: Vec::new(),
        }
    }

    /// Says that it is kept, so that nobody packs it on the way.
    pub(super) const fn kept(mut self) -> Self {
        self.is_kept = true;
        self
    }

    /// Packs the body in every way that is worth it; nothing when none is. Takes a while.
    pub(super) fn packed(&self) -> Option<Self> {
        let coded: Vec<_> = Coding::ALL
            .into_iter()
            .filter_map(|coding| Some((coding, self.variant(coding)?)))
            .collect();
        (!coded.is_empty()).then(|| Self {
            etag: self.etag.clone(),
            tag: self.tag.clone(),
            bare: self.bare.clone(),
            is_kept: self.is_kept,
            may_pack: self.may_pack,
            plain: self.plain.clone(),
            coded,
        })
    }

    fn variant(&self, coding: Coding) -> Option<Variant> {
        let body = coding.pack(&self.plain.body)?;
        let mut headers = self.plain.headers.clone();
        headers.insert(CONTENT_ENCODING, coding.header());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(CONTENT_DIGEST, repr_digest(&ContentHash::of(&body)));
        Some(Variant {
            headers,
            body: body.into(),
        })
    }

    /// Tells whether packing it could be worth it.
    pub(super) fn is_packable(&self) -> bool {
        self.may_pack && self.coded.is_empty() && self.plain.body.len() >= coding::BODY_BYTES_MIN
    }

    /// Tells whether it comes with all its encodings, now or soon, and is not packed on the way.
    pub(crate) const fn is_prepared(&self) -> bool {
        self.is_kept
    }

    /// Returns about how much memory it takes, in bytes.
    pub(super) fn weight(&self) -> u64 {
        let variants = self.coded.iter().map(|(_, variant)| variant);
        let weigh = |variant: &Variant| variant.body.len() as u64 + HEAD_BYTES;
        weigh(&self.plain) + variants.map(weigh).sum::<u64>()
    }

    /// Answers a request: whole, in the encoding that the reader likes best, or 304 when the reader has it. The body
    /// is there for HEAD too; whoever sends it leaves it out. `sent` is what these headers say.
    pub(crate) fn respond(&self, request: &HeaderMap, sent: Sent) -> Response<Bytes> {
        let condition = if sent.is_conditional() {
            self.condition(request)
        } else {
            Condition::Holds
        };
        let (status, headers, body) = match condition {
            Condition::NotModified => (StatusCode::NOT_MODIFIED, &self.bare, Bytes::new()),
            Condition::Failed => (StatusCode::PRECONDITION_FAILED, &self.bare, Bytes::new()),
            Condition::Holds => {
                let variant = self.variant_for(request, sent);
                (StatusCode::OK, &variant.headers, variant.body.clone())
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        response
    }

    fn variant_for(&self, request: &HeaderMap, sent: Sent) -> &Variant {
        if self.coded.is_empty() || !sent.wishes_encodings() {
            return &self.plain;
        }
        let offers = self.coded.iter().map(|(coding, _)| *coding);
        let chosen = coding::choose(request, offers).and_then(|at| self.coded.get(at));
        chosen.map_or(&self.plain, |(_, variant)| variant)
    }

    fn condition(&self, request: &HeaderMap) -> Condition {
        let wanted = request.get(IF_NONE_MATCH);
        // Readers nearly always send back the tag that they were given.
        if wanted == Some(&self.tag) && !request.contains_key(IF_MATCH) {
            return Condition::NotModified;
        }
        let current = Validators {
            exists: true,
            etag: Some(self.etag.clone()),
            last_modified: None,
        };
        conditional::evaluate(&Method::GET, request, &current)
    }
}

/// Makes the head of a document's 304 and 412, the same in all encodings.
fn bare(etag: &ETag, is_shared: bool) -> HeaderMap {
    let mut bare = HeaderMap::with_capacity(12);
    bare.insert(ETAG, etag.header());
    bare.insert(
        CACHE_CONTROL,
        if is_shared {
            cache::PUBLIC_REVALIDATE
        } else {
            cache::PRIVATE_NO_STORE
        },
    );
    bare.insert(VARY, DEPENDS);
    bare.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    bare
}

/// Makes the head of a whole document that is not packed.
fn whole(bare: &HeaderMap, media_type: &'static str, hash: &ContentHash, len: usize) -> HeaderMap {
    let mut headers = bare.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    headers.insert(CONTENT_DIGEST, repr_digest(hash));
    if media_type.starts_with("text/html") {
        headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    headers
}
