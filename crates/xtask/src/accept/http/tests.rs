//! Reading heads and bodies.

use super::*;

fn check(wire: &str, method: &str, expect: Option<(u16, &str)>) {
    let answer = Answer::read(&mut wire.as_bytes(), method).expect("it is HTTP");
    let found = answer
        .as_ref()
        .map(|answer| (answer.status(), String::from_utf8_lossy(&answer.body)));
    let found = found
        .as_ref()
        .map(|(status, body)| (*status, body.as_ref()));
    assert_eq!(found, expect, "{wire:?}");
}

#[test]
fn bodies_end_where_their_heads_say() {
    check("", "GET", None);
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
        "GET",
        Some((200, "ab")),
    );
    check(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
        "GET",
        Some((200, "abcd")),
    );
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
        "HEAD",
        Some((200, "")),
    );
    check("HTTP/1.1 304 Not Modified\r\n\r\n", "GET", Some((304, "")));
}

#[test]
fn what_is_cut_off_is_told() {
    for wire in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
    ] {
        Answer::read(&mut wire.as_bytes(), "GET").expect_err(wire);
    }
}
