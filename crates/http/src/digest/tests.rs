//! `Content-Digest` as others write it, and as they should not.

use super::*;

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(CONTENT_DIGEST, HeaderValue::from_str(line).unwrap());
    }
    headers
}

/// RFC 9530 appendix B.1: the digest of `{"hello": "world"}` and a line feed.
const RFC: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
const RFC_BODY: &[u8] = b"{\"hello\": \"world\"}\n";

#[test]
fn the_example_of_the_rfc() {
    assert_eq!(
        content_digest(&headers(&[RFC])),
        Ok(Some(ContentHash::of(RFC_BODY)))
    );
    assert_eq!(repr_digest(&ContentHash::of(RFC_BODY)), RFC);
}

#[test]
fn other_algorithms_and_nothing_are_no_digest() {
    for lines in [
        &[][..],
        &["sha-512=:YWJj:"],
        &["md5=:YWJj:, unixsum=:YWJj:"],
    ] {
        assert_eq!(content_digest(&headers(lines)), Ok(None), "{lines:?}");
    }
}

#[test]
fn one_of_several_is_found_and_the_last_one_counts() {
    let hash = ContentHash::of(RFC_BODY);
    let other = format!("sha-256=:{}:", STANDARD.encode([0; 32]));
    for lines in [
        &[&format!("sha-512=:YWJj:, {RFC}")[..]][..],
        &["sha-512=:YWJj:", RFC],
        &[&format!("{RFC};a=1")],
        &[&format!("{other},{RFC}")],
        &[&other, RFC],
    ] {
        assert_eq!(content_digest(&headers(lines)), Ok(Some(hash)), "{lines:?}");
    }
}

#[test]
fn a_digest_that_cannot_be_read_is_never_left_out() {
    let long = format!("{}{RFC}", "sha-512=:YWJj:,".repeat(100));
    for line in [
        "",
        "sha-256",
        "sha-256=",
        "sha-256=abc",
        "sha-256=:YWJj:",
        "sha-256=:!!!!:",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
        "sha-256=\"RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=\"",
        &long,
    ] {
        let problem = content_digest(&headers(&[line])).unwrap_err();
        assert_eq!(problem.code, Code::DigestMismatch, "{line}");
        assert!(
            problem
                .detail
                .starts_with("Content-Digest cannot be read: "),
            "{}",
            problem.detail
        );
    }
}
