//! Ids, faults, panics and pages around routes.

use axum::http::StatusCode;
use axum::http::header::{ACCEPT, ALLOW};
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

fn routes() -> Router {
    Router::new()
        .route("/good", get(async || "good"))
        .route("/both", get(async || "got").post(async || "posted"))
        .route("/only-post", post(async || "posted"))
        .route(
            "/fault",
            get(async || ProblemResponse::of(Code::NotAMember, "who are you")),
        )
        .route("/panic", get(panics))
        .route(
            "/id",
            get(async |request: Request| {
                request.extensions().get::<RequestId>().unwrap().to_string()
            }),
        )
        .nest(
            "/nested",
            Router::new().route("/good", get(async || "good")),
        )
}

async fn panics() -> &'static str {
    panic!("in a handler")
}

async fn ask(
    router: Router,
    method: Method,
    path: &str,
    accept: Option<&str>,
) -> (Response<()>, String) {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    if let Some(accept) = accept {
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
    }
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(parts, ()),
        String::from_utf8(bytes.to_vec()).unwrap(),
    )
}

async fn get_plain(path: &str) -> (Response<()>, String) {
    ask(standard(routes(), None), Method::GET, path, None).await
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request() {
    let mut ids = Vec::new();
    for path in ["/good", "/fault", "/panic", "/nothing", "/only-post", "/id"] {
        let (response, _) = get_plain(path).await;
        ids.push(response.headers()["x-request-id"].clone());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    let (response, body) = get_plain("/id").await;
    assert_eq!(response.headers()["x-request-id"], body.as_str());
}

#[tokio::test]
async fn faults_tell_where_and_in_which_request() {
    for (path, status, code) in [
        ("/fault", 401, "CH-0205"),
        ("/nothing/here?secret=1", 404, "CH-0105"),
        ("/nested/nothing", 404, "CH-0105"),
        ("/only-post", 405, "CH-0111"),
        ("/panic", 500, "CH-0901"),
    ] {
        let (response, body) = get_plain(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let document: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(document["code"], code);
        assert_eq!(document["instance"], path.split('?').next().unwrap());
        assert_eq!(
            document["request_id"],
            response.headers()["x-request-id"].to_str().unwrap()
        );
    }
}

#[tokio::test]
async fn another_method_is_told_which_ones_are_taken() {
    for (path, allow) in [
        ("/both", "GET,HEAD,POST"),
        ("/only-post", "POST"),
        ("/nested/good", "GET,HEAD"),
    ] {
        let (response, _) = ask(standard(routes(), None), Method::DELETE, path, None).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(response.headers()[ALLOW], allow, "{path}");
    }
}

#[tokio::test]
async fn a_panic_says_nothing_of_its_cause() {
    let (_, body) = get_plain("/panic").await;
    assert!(!body.contains("in a handler"), "{body}");
}

#[tokio::test]
async fn browsers_get_a_page_and_programs_the_document() {
    let page: ProblemPage = Arc::new(|fault| {
        format!(
            "<h1>{} {}</h1>{}",
            fault.problem.code, fault.path, fault.request_id
        )
    });
    let router = standard(routes(), Some(page));
    for path in ["/nothing", "/panic", "/fault", "/only-post"] {
        let (response, body) = ask(
            router.clone(),
            Method::GET,
            path,
            Some("text/html,*/*;q=0.8"),
        )
        .await;
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8",
            "{path}"
        );
        assert_eq!(response.headers()["vary"], "accept");
        assert!(body.starts_with("<h1>CH-") && body.contains(path), "{body}");
        assert!(
            body.ends_with(response.headers()["x-request-id"].to_str().unwrap()),
            "{body}"
        );
        let (document, _) = ask(router.clone(), Method::GET, path, Some("application/json")).await;
        assert_eq!(
            document.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(document.status(), response.status());
    }
    let (response, body) = ask(router, Method::GET, "/good", Some("text/html")).await;
    assert_eq!((response.status(), body.as_str()), (StatusCode::OK, "good"));
}

#[tokio::test]
async fn a_page_knows_the_languages_of_its_reader() {
    let page: ProblemPage = Arc::new(|fault| fault.accept_language.unwrap_or("none").to_owned());
    let router = standard(routes(), Some(page));
    for path in ["/nothing", "/panic", "/fault"] {
        for wish in [Some("de-AT, en;q=0.5"), None] {
            let mut request = Request::get(path).header(ACCEPT, "text/html");
            if let Some(wish) = wish {
                request = request.header("accept-language", wish);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
            assert_eq!(vary, ["accept", "accept-language"], "{path}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, wish.unwrap_or("none"), "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_a_layer_has_rewritten_stays() {
    let rewritten = routes().layer(middleware::map_response(async |mut response: Response| {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        *response.body_mut() = Body::from("mine");
        response
    }));
    let (_, body) = ask(standard(rewritten, None), Method::GET, "/fault", None).await;
    assert_eq!(body, "mine");
}
