//! Requests that do not say, or say twice, for which host they are (RFC 9112 §3.2).

use super::*;

#[tokio::test]
async fn who_names_no_host_or_two_is_refused_and_may_ask_again() {
    let served = Served {
        hot: Some(Arc::new(hot::Prepared::default())),
        ..Served::new(standard(hot::routes(), None))
    };
    let server = Server::with(listener().await, served, LIMITS);
    let mut stream = server.connect().await;
    let body = "Content-Length: 3\r\n\r\nabc";
    for (line, headers, expect) in [
        ("GET / HTTP/1.1", "\r\n", "HTTP/1.1 400 "),
        ("GET /hot HTTP/1.1", "Accept: */*\r\n\r\n", "HTTP/1.1 400 "),
        ("GET /hot HTTP/1.1", "Host: x\r\n\r\n", "HTTP/1.1 200 "),
        (
            "GET /hot HTTP/1.1",
            "Host: x\r\nHost: y\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            "GET / HTTP/1.1",
            "Host: x\r\nAccept: */*\r\nHost: x\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            "GET / HTTP/1.1",
            "Accept: a\r\nHost: x\r\nAccept: b\r\n\r\n",
            "HTTP/1.1 200 ",
        ),
        (
            "GET http://x/ HTTP/1.1",
            "Accept: a\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            "GET http://x/ HTTP/1.1",
            "Accept: a\r\nHost: x\r\n\r\n",
            "HTTP/1.1 200 ",
        ),
        ("GET / HTTP/1.1", "Host:\r\n\r\n", "HTTP/1.1 200 "),
        ("POST /echo HTTP/1.1", body, "HTTP/1.1 400 "),
        (
            "GET / HTTP/1.0",
            "Connection: keep-alive\r\n\r\n",
            "HTTP/1.0 200 ",
        ),
        (
            "GET / HTTP/1.0",
            "Host: x\r\nHost: x\r\n\r\n",
            "HTTP/1.0 400 ",
        ),
    ] {
        let request = format!("{line}\r\n{headers}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let is_refused = expect.contains("400");
        let end = match line.split(' ').nth(1) {
            _ if is_refused => "}",
            Some("/hot") => "hhhh",
            _ => "hello",
        };
        let answer = read_until(&mut stream, end).await;
        // What the last answer ended with may still be on its way.
        let answer = answer.trim_start_matches('h');
        assert!(answer.starts_with(expect), "{request}: {answer}");
        let says = answer.contains("the request must name one Host");
        assert_eq!(says, is_refused, "{request}: {answer}");
    }
}
