//! Who is let in, and what is held while they are inside.

use std::sync::atomic::{AtomicU32, Ordering};

use base::Problem;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::hot::Prepared;
use super::*;
use crate::{Ask, Pass, Refused};

/// Lets in whom it likes, and counts who is inside.
#[derive(Default)]
struct Door {
    asked: AtomicU32,
    inside: Arc<AtomicU32>,
}

struct Guest(Arc<AtomicU32>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate for Door {
    fn admit(&self, ask: &Ask<'_>) -> Result<Pass, Refused> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if ask.headers.contains_key("x-greedy") {
            return Err(Refused {
                problem: Problem::new(Code::TooManyRequests, "31 requests in a minute"),
                retry_after_secs: 7,
            });
        }
        self.inside.fetch_add(1, Ordering::SeqCst);
        Ok(Pass::new(Guest(Arc::clone(&self.inside))))
    }
}

async fn start(router: Router) -> (Server, Arc<Door>) {
    let door = Arc::new(Door::default());
    let served = Served {
        router,
        hot: Some(Arc::new(Prepared::default())),
        gate: Some(Arc::clone(&door) as Arc<dyn Gate>),
        direct: None,
    };
    (Server::with(listener().await, served, LIMITS), door)
}

async fn until_inside(door: &Door, wanted: u32) {
    let counting = async {
        let mut clock = time::interval(Duration::from_millis(2));
        while door.inside.load(Ordering::SeqCst) != wanted {
            clock.tick().await;
        }
    };
    let counted = time::timeout(Duration::from_secs(60), counting).await;
    counted.expect("there were never so many inside");
}

#[tokio::test]
async fn who_is_refused_learns_why_and_may_ask_again() {
    let (server, door) = start(standard(hot::routes(), None)).await;
    let mut stream = server.connect().await;
    for body in ["", "abc"] {
        let head = format!(
            "POST /echo?x=1 HTTP/1.1\r\nHost: x\r\nX-Greedy: 1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The document has no objects inside, so that the first brace that closes is its end.
        let answer = read_until(&mut stream, "}").await;
        assert!(answer.contains("\"type\":\"/errors/CH-0115\""), "{answer}");
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        assert!(answer.contains("\r\nretry-after: 7\r\n"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains("31 requests in a minute"), "{answer}");
        assert!(answer.contains("\"instance\":\"/echo\""), "{answer}");
        assert!(answer.contains("x-request-id: "), "{answer}");
    }
    assert_eq!(door.inside.load(Ordering::SeqCst), 0);
    stream.write_all(CLOSE.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("hello"));
    until_inside(&door, 0).await;
    assert_eq!(door.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn hot_answers_pass_no_gate() {
    let (server, door) = start(standard(hot::routes(), None)).await;
    let answer = server
        .exchange("GET /hot HTTP/1.1\r\nHost: x\r\nX-Greedy: 1\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(door.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_pass_is_held_until_the_answer_is_out_or_given_up() {
    let more = CancellationToken::new();
    let wait = more.clone();
    let router = Router::new().route(
        "/",
        get(async move || {
            let last = async move {
                wait.cancelled().await;
                Ok::<_, std::io::Error>(Bytes::from_static(b"last"))
            };
            let first = futures::future::ready(Ok(Bytes::from_static(b"first")));
            let stream = futures::stream::once(first);
            Body::from_stream(futures::StreamExt::chain(
                stream,
                futures::stream::once(last),
            ))
        }),
    );
    let (server, door) = start(router).await;
    let mut patient = server.connect().await;
    let mut impatient = server.connect().await;
    for stream in [&mut patient, &mut impatient] {
        stream.write_all(CLOSE.as_bytes()).await.unwrap();
        read_until(stream, "first").await;
    }
    assert_eq!(door.inside.load(Ordering::SeqCst), 2);
    drop(impatient);
    until_inside(&door, 1).await;
    more.cancel();
    assert!(read_to_end(&mut patient).await.contains("last"));
    until_inside(&door, 0).await;
}
