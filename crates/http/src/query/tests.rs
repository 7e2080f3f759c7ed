//! Parameters that can be read, and faults that name them.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use tower::ServiceExt as _;

use super::*;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Page {
    limit: Option<u8>,
    after: Option<String>,
}

async fn ask(path: &str) -> Result<String, Problem> {
    let router =
        Router::new()
            .route(
                "/list",
                get(|Query(page): Query<Page>| async move {
                    format!("{:?} {:?}", page.limit, page.after)
                }),
            )
            .route(
                "/page/{number}",
                get(|Path(number): Path<u8>| async move { number.to_string() }),
            );
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    match response.extensions().get::<Problem>() {
        Some(problem) => Err(problem.clone()),
        None => {
            assert_eq!(response.status(), StatusCode::OK);
            let bytes = axum::body::to_bytes(response.into_body(), 1_000)
                .await
                .unwrap();
            Ok(String::from_utf8(bytes.to_vec()).unwrap())
        }
    }
}

#[tokio::test]
async fn parameters_are_read_and_unknown_ones_ignored() {
    assert_eq!(ask("/list").await.unwrap(), "None None");
    assert_eq!(
        ask("/list?limit=7&utm=x&after=%C3%BC+1").await.unwrap(),
        "Some(7) Some(\"ü 1\")"
    );
    assert_eq!(ask("/page/12").await.unwrap(), "12");
}

#[tokio::test]
async fn faults_name_the_parameter() {
    let problem = ask("/list?limit=many").await.unwrap_err();
    assert_eq!(problem.code, Code::MalformedQuery);
    assert_eq!(problem.detail, "limit: invalid digit found in string");
    let problem = ask("/list?limit=1&limit=2").await.unwrap_err();
    assert_eq!(problem.detail, "duplicate field `limit`");
    let problem = ask("/page/300").await.unwrap_err();
    assert_eq!(problem.code, Code::MalformedQuery);
    assert_eq!(problem.detail, "Cannot parse `300` to a `u8`");
    let problem = ask("/page/%FF").await.unwrap_err();
    assert_eq!(problem.code, Code::MalformedQuery);
}
