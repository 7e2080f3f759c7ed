//! The committed headers of uploads over the wire: what is good begins an upload, what is bad is refused, and nothing else
//! happens.

use std::path::{Path, PathBuf};

use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode};

use crate::harness::{Answer, House, Plan};

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../storage-core/tests/corpus");
    let entries = std::fs::read_dir(corpus.join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "{folder} has enough files");
    let named = paths.iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        (name.into_owned(), std::fs::read(path).unwrap())
    });
    named.collect()
}

/// Sends headers as they are; nothing when they cannot be sent.
async fn send(
    house: &House,
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &[u8])],
) -> Option<Answer> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "storage.test")
        .header("tus-resumable", "1.0.0")
        .header("content-type", "application/offset+octet-stream")
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(house.send(request.body(Full::default()).unwrap()).await)
}

/// Ends what was begun.
async fn end(house: &House, token: &str, begun: &Answer) {
    let path = begun.header("location").to_owned();
    let version = [("tus-resumable", "1.0.0")];
    house
        .ask_as(token, "DELETE", &path, &version, "")
        .await
        .is(204);
}

/// Checks one answer against the name of the file; tells whether anything was sent.
async fn judge(house: &House, token: &str, name: &str, answer: Option<Answer>) -> bool {
    let Some(answer) = answer else {
        assert!(name.starts_with("bad-"), "{name} cannot be sent");
        return false;
    };
    match (name.starts_with("good-"), answer.status) {
        (true, StatusCode::CREATED) => end(house, token, &answer).await,
        // It is well-formed, and more than there may be.
        (true, StatusCode::PAYLOAD_TOO_LARGE) => assert_eq!(answer.code(), "CH-0107", "{name}"),
        // What it says of a namespace, a tag or a hash means nothing here.
        (true, StatusCode::BAD_REQUEST) => assert!(
            ["CH-0101", "CH-0109", "CH-0802"].contains(&answer.code().as_str()),
            "{name}: {}",
            answer.text()
        ),
        (false, StatusCode::BAD_REQUEST) => assert_eq!(answer.code(), "CH-0810", "{name}"),
        (_, status) => panic!("{name}: {status} {}", answer.text()),
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_headers_are_judged_by_their_names() {
    let mut plan = Plan::new();
    plan.limits.blob_bytes_max = 1 << 40;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    let create = |headers: Vec<(&'static str, Vec<u8>)>| {
        let (house, token) = (&house, &token);
        async move {
            let headers: Vec<(&str, &[u8])> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_slice()))
                .collect();
            send(house, token, "POST", "/blobs/uploads", &headers).await
        }
    };
    let five = || ("upload-length", b"5".to_vec());
    let mut sent = 0;
    for (name, value) in files("upload-metadata") {
        // Blanks around a header are not part of it (RFC 9110 §5.5).
        let answer = create(vec![five(), ("upload-metadata", value)]).await;
        sent += u32::from(judge(&house, &token, &name, answer).await);
    }
    for (name, value) in files("upload-checksum") {
        if let Ok(text) = str::from_utf8(&value)
            && text.trim() != text
        {
            continue;
        }
        let answer = create(vec![five(), ("upload-checksum", value)]).await;
        match answer {
            // There are no bytes that could have it, or there are, and they have it.
            Some(answer) if answer.status.as_u16() == 460 => {
                assert!(name.starts_with("good-"), "{name}");
            }
            answer => sent += u32::from(judge(&house, &token, &name, answer).await),
        }
    }
    for (name, value) in files("upload-length") {
        if value.trim_ascii() != value {
            continue;
        }
        let answer = create(vec![("upload-length", value)]).await;
        sent += u32::from(judge(&house, &token, &name, answer).await);
    }
    for (name, lines) in files("upload-defer-length") {
        let lines = lines.split(|byte| *byte == b'\n');
        let headers: Vec<(&str, Vec<u8>)> = lines
            .filter_map(|line| {
                let told = line.strip_prefix(b"Upload-Length: ");
                let deferred = line.strip_prefix(b"Upload-Defer-Length: ");
                let told = told.map(|value| ("upload-length", value.to_vec()));
                told.or(deferred.map(|value| ("upload-defer-length", value.to_vec())))
            })
            .collect();
        if headers.iter().any(|(_, value)| value.trim_ascii() != value) {
            continue;
        }
        let answer = create(headers).await;
        sent += u32::from(judge(&house, &token, &name, answer).await);
    }
    assert!(sent > 100, "{sent} were sent");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_offsets_are_judged_by_their_names() {
    let house = House::new().await;
    let token = house.token().await;
    let path = crate::tus::begin(&house, &token, 10).await;
    for (name, value) in files("upload-offset") {
        if value.trim_ascii() != value {
            continue;
        }
        let headers: [(&str, &[u8]); 1] = [("upload-offset", &value)];
        let Some(answer) = send(&house, &token, "PATCH", &path, &headers).await else {
            assert!(name.starts_with("bad-"), "{name} cannot be sent");
            continue;
        };
        let is_start = value.iter().all(|digit| *digit == b'0') && !value.is_empty();
        match name.starts_with("good-") {
            true if is_start => assert_eq!(answer.status, 204, "{name}"),
            true => assert_eq!(answer.code(), "CH-0804", "{name}"),
            false => assert_eq!(answer.code(), "CH-0810", "{name}"),
        }
    }
    house.close().await;
}
