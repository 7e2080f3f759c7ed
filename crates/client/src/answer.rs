//! What a doorway answered: bounded, as its digest says where it sends one, and with its own problems made into ours.

use api::ProblemView;
use base::{Code, ContentHash, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use url::Url;

/// Longest answer that is read into memory, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// An answer that was received whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Where it came from, after redirects.
    pub address: Url,
    /// What it is.
    pub media_type: String,
    /// The digest that the server sent along (RFC 9530), when there is one by SHA-256.
    pub digest: Option<ContentHash>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads it as a view.
    ///
    /// # Errors
    /// [`Code::ServerAnswer`] when it is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Problem::new(
                Code::ServerAnswer,
                format!("{} answered with something else: {error}", self.address),
            )
        })
    }
}

/// Sends a request and receives the whole answer; a fault that the doorway describes is its own problem.
pub(crate) async fn receive(request: RequestBuilder) -> Result<Answer, Problem> {
    let (status, answer) = exchange(request).await?;
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    Err(described(&answer.body).unwrap_or_else(|| unexpected(status)))
}

/// Sends a request and receives the whole answer, whatever its status.
pub(crate) async fn receive_whatever(request: RequestBuilder) -> Result<Answer, Problem> {
    exchange(request).await.map(|(_, answer)| answer)
}

async fn exchange(request: RequestBuilder) -> Result<(u16, Answer), Problem> {
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let address = response.url().clone();
    let media_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let digest = response
        .headers()
        .get("content-digest")
        .and_then(|value| digest_of(value.to_str().ok()?));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let detail = format!("the answer is longer than {ANSWER_BYTES_MAX} bytes");
            return Err(Problem::new(Code::ServerAnswer, detail));
        }
        body.extend_from_slice(&chunk);
    }
    if digest.is_some_and(|digest| digest != ContentHash::of(&body)) {
        let detail = format!("{address} was changed on the way: its digest does not fit");
        return Err(Problem::new(Code::AnswerDiffers, detail));
    }
    let answer = Answer {
        address,
        media_type,
        digest,
        body,
    };
    Ok((status, answer))
}

/// Reads `sha-256=:<base64>:`.
fn digest_of(header: &str) -> Option<ContentHash> {
    let (_, rest) = header.split_once("sha-256=:")?;
    let (text, _) = rest.split_once(':')?;
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(ContentHash::from_bytes(bytes))
}

/// Sends a request whose answer has no body.
pub(crate) async fn status(request: RequestBuilder) -> Result<u16, Problem> {
    let response = request.send().await.map_err(unreachable)?;
    Ok(response.status().as_u16())
}

/// Makes a problem of a status that says too little.
pub(crate) fn unexpected(status: u16) -> Problem {
    Problem::new(
        Code::ServerAnswer,
        format!("the server answered with status {status}"),
    )
}

/// Reads the problem that a doorway describes.
pub(crate) fn described(body: &[u8]) -> Option<Problem> {
    let view: ProblemView = serde_json::from_slice(body).ok()?;
    let code = Code::find(&view.code)?;
    Some(Problem::new(code, view.detail))
}

pub(crate) fn unreachable(error: reqwest::Error) -> Problem {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        detail.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Problem::new(Code::ServerUnreachable, detail)
}
