//! One bit, once, where it was wanted.

use super::*;

/// Answers every question with the same body until the connection is closed.
fn doorway(body: &'static str) -> Listener {
    Listener::open("doorway", move |stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(_)) = Head::read(&mut reader) {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    })
    .expect("loopback has a free port")
}

#[test]
fn exactly_one_bit_of_the_wanted_body_is_turned_over() {
    let doorway = doorway("hello");
    let proxy = Proxy::start(doorway.address()).expect("it starts");
    let mut reader = Client::new(proxy.listener.address());
    let mut read = |path: &str| {
        let answer = reader.get(path).expect("an answer");
        String::from_utf8(answer.body).expect("text")
    };
    assert_eq!(read("/a"), "hello");
    proxy.alter(Some(Alteration {
        target: "/b".to_owned(),
        position: 1,
        mask: 4,
    }));
    assert_eq!(
        [read("/a"), read("/b"), read("/b")],
        ["hello", "hallo", "hello"]
    );
    let altered: Vec<bool> = proxy
        .passed()
        .iter()
        .map(|passed| passed.is_altered)
        .collect();
    assert_eq!(altered, [false, true, false]);
    proxy.alter(Some(Alteration {
        target: "/a".to_owned(),
        position: 5,
        mask: 1,
    }));
    assert_eq!(read("/a"), "hello", "there is no sixth byte");
    assert!(!proxy.passed()[0].is_altered);
}
