//! Parameters of an address, with faults that name the parameter.

use axum::extract::rejection::PathRejection;
use axum::extract::{self, FromRequestParts};
use axum::http::request::Parts;
use base::{Code, Problem};
use serde::de::DeserializeOwned;

use crate::ProblemResponse;

/// The parameters behind the question mark. Unknown ones are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

/// The parameters in the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        match extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(malformed(&rejection.body_text())),
        }
    }
}

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => {
                Err(malformed(&failed.body_text()))
            }
            Err(rejection) => {
                let reason = rejection.body_text();
                tracing::error!(target: "http::event::path_unreadable", reason, "a route takes parameters that its path does not have");
                Err(ProblemResponse::of(
                    Code::Bug,
                    "the address could not be read",
                ))
            }
        }
    }
}

/// Takes the framework's preamble off, which tells a person nothing.
fn malformed(text: &str) -> ProblemResponse {
    let detail = ["Failed to deserialize query string: ", "Invalid URL: "]
        .iter()
        .find_map(|preamble| text.strip_prefix(preamble))
        .unwrap_or(text);
    ProblemResponse::new(Problem::new(Code::MalformedQuery, detail))
}

#[cfg(test)]
mod tests;
