//! Bodies of the wrong length, over the limit, and broken off.

use axum::http::HeaderValue;
use futures::stream;

use super::*;

/// Reads a body that arrives in these chunks, with this `Content-Length`.
async fn read(
    announced: Option<&str>,
    chunks: &[&'static str],
    limit: u64,
) -> Result<String, Problem> {
    let mut headers = HeaderMap::new();
    if let Some(announced) = announced {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_str(announced).unwrap());
    }
    let frames: Vec<Result<Bytes, io::Error>> = chunks
        .iter()
        .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))
        .collect();
    let body = Body::from_stream(stream::iter(frames));
    let bytes = read_body(&headers, body, limit).await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn exactly_what_was_announced_is_read() {
    assert_eq!(
        read(Some("6"), &["abc", "", "def"], 6).await.unwrap(),
        "abcdef"
    );
    assert_eq!(read(None, &["a", "b", "c", "d"], 4).await.unwrap(), "abcd");
    assert_eq!(read(None, &["abc"], 6).await.unwrap(), "abc");
    assert_eq!(read(Some("0"), &[], 0).await.unwrap(), "");
    assert_eq!(read(None, &[], 0).await.unwrap(), "");
}

#[tokio::test]
async fn shorter_or_longer_than_announced_is_refused() {
    for (announced, chunks, detail) in [
        ("6", &["abc", "de"][..], "5 of 6 announced bytes arrived"),
        ("6", &[], "0 of 6 announced bytes arrived"),
        (
            "4",
            &["abc", "de"],
            "more than the 4 bytes that were announced arrived",
        ),
        (
            "0",
            &["a"],
            "more than the 0 bytes that were announced arrived",
        ),
    ] {
        let problem = read(Some(announced), chunks, 100).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.detail.as_str()),
            (Code::BodyLength, detail)
        );
    }
}

#[tokio::test]
async fn more_than_allowed_is_refused_before_or_while_it_arrives() {
    for (announced, chunks) in [
        (Some("7"), &["abc"][..]),
        (None, &["abc", "defg"]),
        (None, &["abcdefg"]),
    ] {
        let problem = read(announced, chunks, 6).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.detail.as_str()),
            (Code::BodyTooLarge, "the limit is 6 bytes")
        );
    }
}

#[tokio::test]
async fn nothing_is_read_of_a_body_that_is_announced_too_large() {
    let body = Body::from_stream(stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Bytes, io::Error>>> { panic!("the body was read") },
    ));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
    assert_eq!(
        BodyReader::new(&headers, body, 6).unwrap_err().code,
        Code::BodyTooLarge
    );
    // Without the header the body itself may know.
    let problem = BodyReader::new(&HeaderMap::new(), Body::from("abcdefg"), 6).unwrap_err();
    assert_eq!(problem.code, Code::BodyTooLarge);
}

async fn broken(announced: Option<&'static str>, error: axum::BoxError) -> Problem {
    let mut headers = HeaderMap::new();
    if let Some(announced) = announced {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(announced));
    }
    let frames = [Ok(Bytes::from_static(b"abc")), Err(error)];
    let body = Body::from_stream(stream::iter(frames));
    read_body(&headers, body, 100).await.unwrap_err()
}

#[tokio::test]
async fn what_broke_is_told() {
    let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let misframed = || io::Error::from(io::ErrorKind::InvalidInput);
    for (announced, error, code, detail) in [
        (
            Some("6"),
            eof().into(),
            Code::BodyLength,
            "3 of 6 announced bytes arrived",
        ),
        (
            None,
            eof().into(),
            Code::BodyLength,
            "the body broke off after 3 bytes",
        ),
        (
            None,
            misframed().into(),
            Code::MalformedBody,
            "the chunks of the body are malformed",
        ),
        (
            Some("6"),
            axum::BoxError::from(BodyStalled),
            Code::RequestTimeout,
            "the body stopped arriving after 3 bytes",
        ),
    ] {
        let problem = broken(announced, error).await;
        assert_eq!((problem.code, problem.detail.as_str()), (code, detail));
    }
}

#[tokio::test]
async fn chunks_are_counted_as_they_come() {
    let mut reader = BodyReader::new(&HeaderMap::new(), Body::from("abc"), 3).unwrap();
    assert_eq!((reader.announced(), reader.received()), (Some(3), 0));
    assert_eq!(reader.chunk().await.unwrap().unwrap(), "abc");
    assert_eq!(reader.received(), 3);
    assert_eq!(reader.chunk().await.unwrap(), None);
}
