//! The document, member by member.

use http_body_util::BodyExt as _;

use super::*;

async fn body_of(response: Response) -> serde_json::Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_document_has_all_members() {
    let problem = Problem::new(Code::MalformedHash, "\"xyz\" is no hash").at("a.md", 3);
    let response = ProblemResponse::from(problem.clone()).into_response();
    assert_eq!(response.status(), 400);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["vary"], "accept");
    assert_eq!(response.extensions().get::<Problem>(), Some(&problem));
    let document = body_of(response).await;
    let expect = serde_json::json!({
        "schema_version": 1,
        "type": "/errors/CH-0101",
        "title": "the hash is malformed",
        "status": 400,
        "detail": "a.md:3: \"xyz\" is no hash",
        "code": "CH-0101",
        "kind": "rejection",
        "hint": "copy the whole hash; it is 64 hex digits, sha256-<hex>, or a text that starts with u",
        "page": "/errors/CH-0101",
    });
    assert_eq!(document, expect);
}

#[test]
fn instance_and_request_are_told_when_they_are_known() {
    let id = RequestId::next();
    let problem = Problem::new(Code::NotFound, "x");
    let bytes = document(&problem, Some("/store/x"), Some(id));
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["instance"], "/store/x");
    assert_eq!(document["request_id"], id.to_string());
}

#[test]
fn every_code_has_an_answer_with_its_status() {
    for code in Code::ALL {
        let response = ProblemResponse::of(*code, "x").into_response();
        assert_eq!(response.status().as_u16(), code.status(), "{code}");
        let challenge = response.headers().get(WWW_AUTHENTICATE);
        assert_eq!(challenge.is_some(), code.status() == 401, "{code}");
    }
}

#[test]
fn headers_can_be_added() {
    let response = ProblemResponse::of(Code::Unavailable, "x")
        .retry_after(7)
        .allow("GET, HEAD")
        .with_header(CACHE_CONTROL, HeaderValue::from_static("max-age=5"))
        .into_response();
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["allow"], "GET, HEAD");
    assert_eq!(response.headers()["cache-control"], "max-age=5");
}
