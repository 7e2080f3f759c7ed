//! JSON bodies that can be read, and faults that say where.

use axum::http::StatusCode;
use http_body_util::BodyExt as _;

use super::*;

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Sack {
    corn: String,
    kilos: u32,
}

async fn extract(
    content_type: Option<&str>,
    body: &str,
    limit: Option<u64>,
) -> Result<Sack, Problem> {
    let mut request = Request::new(Body::from(body.to_owned()));
    if let Some(content_type) = content_type {
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    if let Some(limit) = limit {
        request.extensions_mut().insert(RequestLimit(limit));
    }
    let extracted = Json::<Sack>::from_request(request, &()).await;
    extracted
        .map(|Json(sack)| sack)
        .map_err(|rejection| rejection.problem)
}

const RYE: &str = "{\"corn\": \"rye\", \"kilos\": 50}";

#[tokio::test]
async fn a_body_is_read() {
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/ld+json",
    ] {
        let sack = extract(Some(kind), RYE, None).await.unwrap();
        assert_eq!(
            sack,
            Sack {
                corn: "rye".into(),
                kilos: 50
            }
        );
    }
}

#[tokio::test]
async fn another_media_type_is_refused() {
    for kind in [
        None,
        Some("text/plain"),
        Some("text/json"),
        Some("text/x+json"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let problem = extract(kind, RYE, None).await.unwrap_err();
        assert_eq!(problem.code, Code::UnsupportedMedia, "{kind:?}");
    }
}

#[tokio::test]
async fn faults_say_where() {
    for (body, detail) in [
        ("{\n  \"corn\": rye\n}", "line 2, column 11: expected value"),
        (
            "{\n  \"corn\": \"rye\"\n}",
            "line 3, column 1: missing field `kilos`",
        ),
        (
            "{\"corn\": \"rye\", \"kilos\": -1}",
            "line 1, column 27: invalid value: integer `-1`, expected u32",
        ),
        ("", "line 1, column 0: EOF while parsing a value"),
        ("{} x", "line 1, column 2: missing field `corn`"),
        (
            "{\"corn\": \"rye\", \"kilos\": 1} x",
            "line 1, column 29: trailing characters",
        ),
    ] {
        let problem = extract(Some("application/json"), body, None)
            .await
            .unwrap_err();
        assert_eq!(problem.code, Code::MalformedBody);
        assert_eq!(problem.detail, detail, "{body}");
    }
}

#[tokio::test]
async fn the_limit_holds_on_both_sides_of_the_edge() {
    let len = RYE.len() as u64;
    assert!(
        extract(Some("application/json"), RYE, Some(len))
            .await
            .is_ok()
    );
    let problem = extract(Some("application/json"), RYE, Some(len - 1))
        .await
        .unwrap_err();
    assert_eq!(problem.code, Code::BodyTooLarge);
    assert_eq!(problem.detail, format!("the limit is {} bytes", len - 1));
}

#[tokio::test]
async fn an_answer_is_json() {
    let response = Json(serde_json::json!({"a": 1})).into_response();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["content-length"], "7");
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "{\"a\":1}"
    );
}

#[test]
fn an_answer_that_cannot_be_written_is_a_bug() {
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    let response = Json(unwritable).into_response();
    assert_eq!(
        response.extensions().get::<Problem>().unwrap().code,
        Code::Bug
    );
}
