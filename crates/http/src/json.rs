//! JSON bodies, in and out, with faults that say where.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use base::{Code, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ProblemResponse, RequestLimit, read_body};

/// A JSON body. As an extractor it takes at most [`RequestLimit`] bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Json<T>
where
    T: DeserializeOwned,
{
    /// Reads a value from bytes.
    ///
    /// # Errors
    ///
    /// [`Code::MalformedBody`]; the detail tells line and column.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let reason = text.strip_suffix(&place).unwrap_or(&text);
            let detail = format!("line {}, column {}: {reason}", error.line(), error.column());
            Problem::new(Code::MalformedBody, detail)
        })
    }
}

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        check_media_type(&parts.headers)?;
        let limit = parts
            .extensions
            .get::<RequestLimit>()
            .copied()
            .unwrap_or_default();
        let bytes = read_body(&parts.headers, body, limit.0).await?;
        Ok(Self::from_bytes(&bytes)?)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let len = HeaderValue::from(bytes.len());
                let mut response = Response::new(Body::from(bytes));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(CONTENT_LENGTH, len);
                response
            }
            Err(error) => {
                tracing::error!(target: "http::event::answer_unwritable", %error, "an answer cannot be written as JSON");
                ProblemResponse::of(Code::Bug, "the answer could not be written").into_response()
            }
        }
    }
}

/// Takes `application/json` and everything that says it is written in JSON (`+json`, RFC 6839).
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or("?"));
    let essence = given
        .and_then(|text| text.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let detail = match given {
        Some(given) => format!("send application/json instead of {given}"),
        None => "send Content-Type: application/json".to_owned(),
    };
    Err(Problem::new(Code::UnsupportedMedia, detail))
}

#[cfg(test)]
mod tests;
