//! What readers of several kinds prefer.

use axum::http::HeaderValue;

use super::*;

fn headers(accept: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in accept {
        headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
    }
    headers
}

#[test]
fn browsers_get_pages_and_programs_documents() {
    for (accept, expect) in [
        (
            &["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"][..],
            true,
        ),
        (&["text/html"], true),
        (&["TEXT/HTML"], true),
        (&["text/*, application/json;q=0.5"], true),
        (&["application/json;q=0.5", "text/html"], true),
        (&["*/*"], false),
        (&[], false),
        (&["application/json"], false),
        (&["application/json, text/html"], false),
        (&["text/html;q=0.5, application/json;q=0.6"], false),
        (&["text/html;q=0"], false),
        (&["image/avif,image/webp,*/*;q=0.8"], false),
        (&["text/html;level=1;q=0.9, application/json;q=0.1"], true),
        (&["nonsense"], false),
        (&["text/html;q=loud"], false),
    ] {
        assert_eq!(prefers_html(&headers(accept)), expect, "{accept:?}");
    }
}

#[test]
fn the_best_of_several_is_chosen() {
    let offers = ["text/plain", "text/html", "application/json"];
    for (accept, expect) in [
        (&[][..], Some(0)),
        (&["*/*"], Some(0)),
        (&["text/*"], Some(0)),
        (&["text/*, text/html"], Some(0)),
        (&["text/*;q=0.5, text/html"], Some(1)),
        (&["*/*, text/plain;q=0"], Some(1)),
        (&["text/*;q=0, */*"], Some(2)),
        (&["image/png"], None),
        (&["*/*;q=0"], None),
        (&["application/json;q=0.001"], Some(2)),
    ] {
        assert_eq!(negotiate(&headers(accept), &offers), expect, "{accept:?}");
    }
    assert_eq!(negotiate(&HeaderMap::new(), &[]), None);
}

#[test]
fn a_very_long_header_is_cut() {
    let long = format!("{}text/html", "a/b,".repeat(2_000));
    assert!(!prefers_html(&headers(&[&long])));
    assert!(!prefers_html(&headers(&[&long, "text/html"])));
}
