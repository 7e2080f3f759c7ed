//! What a doorway answered: bounded, as its digest says where it sends one, and with its own problems made into ours.

use std::{future, io};

use api::ProblemView;
use base::{Code, ContentHash, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{RequestBuilder, Response};
use rustls::CertificateError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::patience::{Patience, PutOff};

/// Longest answer that is read into memory, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Longest description of a fault that is read, in bytes.
pub(crate) const FAULT_BYTES_MAX: usize = 64 * 1_024;

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
        self.view()
    }

    /// Reads it as a view that borrows from it.
    pub(crate) fn view<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Problem::new(
                Code::ServerAnswer,
                format!("{} answered with something else: {error}", self.address),
            )
        })
    }
}

/// Sends a request and receives the whole answer; a fault that the doorway describes is its own problem.
pub(crate) async fn receive(
    request: RequestBuilder,
    patience: &Patience,
) -> Result<Answer, Problem> {
    let (status, answer) = exchange(|| future::ready(copy(&request)), patience).await?;
    judge((status, intact(answer)?))
}

/// As [`receive`], for an answer whose parts prove themselves: its digest is not looked at.
pub(crate) async fn receive_proven(
    request: RequestBuilder,
    patience: &Patience,
) -> Result<Answer, Problem> {
    judge(exchange(|| future::ready(copy(&request)), patience).await?)
}

/// As [`receive`], for a request that `make` makes anew each time, because its body can be read once only.
pub(crate) async fn receive_made<M, F>(make: M, patience: &Patience) -> Result<Answer, Problem>
where
    M: FnMut() -> F,
    F: Future<Output = Result<RequestBuilder, Problem>>,
{
    let (status, answer) = exchange(make, patience).await?;
    judge((status, intact(answer)?))
}

/// Sends a request and receives the whole answer, whatever its status.
pub(crate) async fn receive_whatever(
    request: RequestBuilder,
    patience: &Patience,
) -> Result<Answer, Problem> {
    let exchanged = exchange(|| future::ready(copy(&request)), patience).await;
    intact(exchanged?.1)
}

fn judge((status, answer): (u16, Answer)) -> Result<Answer, Problem> {
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    Err(described(&answer.body).unwrap_or_else(|| unexpected(status)))
}

/// Returns a request that is to be sent, and keeps one for another try.
pub(crate) fn copy(request: &RequestBuilder) -> Result<RequestBuilder, Problem> {
    let copied = request.try_clone();
    copied.ok_or_else(|| Problem::new(Code::Bug, "a request cannot be sent a second time"))
}

/// Sends what `make` makes until the answer is one to keep.
async fn exchange<M, F>(mut make: M, patience: &Patience) -> Result<(u16, Answer), Problem>
where
    M: FnMut() -> F,
    F: Future<Output = Result<RequestBuilder, Problem>>,
{
    let mut tries = patience.tries();
    loop {
        let response = make().await?.send().await.map_err(unreachable)?;
        let put_off = PutOff::of(&response);
        let (status, answer) = whole(response).await?;
        let code = described(&answer.body).map(|problem| problem.code);
        if (200..300).contains(&status) || !tries.wait(put_off, code).await {
            return Ok((status, answer));
        }
    }
}

/// Receives the rest of an answer.
async fn whole(mut response: Response) -> Result<(u16, Answer), Problem> {
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
    let answer = Answer {
        address,
        media_type,
        digest,
        body,
    };
    Ok((status, answer))
}

/// Returns an answer whose digest fits, or that has none.
fn intact(answer: Answer) -> Result<Answer, Problem> {
    let Answer {
        address,
        digest,
        body,
        ..
    } = &answer;
    if digest.is_some_and(|digest| digest != ContentHash::of(body)) {
        let detail = format!("{address} was changed on the way: its digest does not fit");
        return Err(Problem::new(Code::AnswerDiffers, detail));
    }
    Ok(answer)
}

/// Reads `sha-256=:<base64>:`.
fn digest_of(header: &str) -> Option<ContentHash> {
    let (_, rest) = header.split_once("sha-256=:")?;
    let (text, _) = rest.split_once(':')?;
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(ContentHash::from_bytes(bytes))
}

/// Sends a request whose answer has no body.
pub(crate) async fn status(request: RequestBuilder, patience: &Patience) -> Result<u16, Problem> {
    let mut tries = patience.tries();
    loop {
        let response = copy(&request)?.send().await.map_err(unreachable)?;
        if !tries.wait(PutOff::of(&response), None).await {
            return Ok(response.status().as_u16());
        }
    }
}

/// Makes a problem of a status that says too little.
pub(crate) fn unexpected(status: u16) -> Problem {
    let code = match status {
        429 => Code::TooManyRequests,
        503 => Code::Unavailable,
        // Somebody in between says that nobody is behind them.
        502 | 504 => Code::ServerUnreachable,
        _ => Code::ServerAnswer,
    };
    Problem::new(code, format!("the server answered with status {status}"))
}

/// Makes a problem of the status of an answer that has no body, as answers to HEAD have none.
pub(crate) fn bodiless(status: u16) -> Problem {
    let (code, meaning) = match status {
        401 => (Code::TokenInvalid, "the token is not taken"),
        412 => (Code::UploadVersion, "it speaks another version of tus"),
        423 => (Code::UploadBusy, "somebody else sends at the moment"),
        500 => (
            Code::StoreFailed,
            "its store could not do this; see its log",
        ),
        503 => (Code::Unavailable, "it takes no changes at the moment"),
        507 => (
            Code::DiskFull,
            "its disk is full, or the namespace has no room there",
        ),
        _ => return unexpected(status),
    };
    let detail = format!("the server answered with status {status}: {meaning}");
    Problem::new(code, detail)
}

/// Reads the problem that a doorway describes.
pub(crate) fn described(body: &[u8]) -> Option<Problem> {
    if body.len() > FAULT_BYTES_MAX {
        return None;
    }
    let view: ProblemView = serde_json::from_slice(body).ok()?;
    let code = Code::find(&view.code)?;
    Some(Problem::new(code, view.detail))
}

/// Says why there is no answer.
pub(crate) fn unreachable(error: reqwest::Error) -> Problem {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(&error);
    let mut is_untrusted = false;
    while let Some(cause) = source {
        detail.push_str(&format!(": {cause}"));
        is_untrusted |= is_of_certificate(cause);
        source = cause.source();
    }
    if is_untrusted {
        detail.push_str(
            "; if you know that this is the doorway, name the file with its certificate: --ca FILE",
        );
    }
    Problem::new(Code::ServerUnreachable, detail)
}

/// Tells whether the certificate of the other side was refused because nobody who is known vouches for it.
fn is_of_certificate(cause: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = cause;
    // Errors of sockets hide what they hold from whoever asks for their source.
    while let Some(inner) = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        cause = inner;
    }
    let refused = cause.downcast_ref::<rustls::Error>();
    match refused {
        // It is known, and it is of somebody else.
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => false,
        Some(rustls::Error::InvalidCertificate(_)) => true,
        _ => false,
    }
}
