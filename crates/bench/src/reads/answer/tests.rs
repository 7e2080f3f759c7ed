//! Answers with a length, in chunks and without a body.

use super::*;

#[test]
fn a_length_must_be_met() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello";
    let answer = Answer::read(whole).unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, &b"hello"[..])
    );
    let own: Vec<_> = answer.own_headers().collect();
    assert_eq!(own, [("etag", "\"x\"")]);
    assert!(Answer::read(&whole[..whole.len() - 1]).is_err());
}

#[test]
fn chunks_are_joined() {
    let received =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    assert_eq!(Answer::read(received).unwrap().body, b"hello!");
    assert!(Answer::read(&received[..received.len() - 5]).is_err());
}

#[test]
fn not_modified_has_no_body_whatever_its_length_says() {
    let answer = Answer::read(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n").unwrap();
    assert_eq!((answer.status, answer.body.len()), (304, 0));
}
