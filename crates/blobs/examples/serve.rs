//! Serves one made blob over HTTP/1.1 on one thread, to measure what sending from the store's memory costs.
//!
//! `serve FOLDER BYTES` stores a blob of that length in a store in FOLDER, says where it is served and goes on until it
//! is killed. It has no limits and no deadlines; the doorway's listener has.

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Request};
use base::ContentHash;
use blobs::{Blobs, Limits};
use http_kit::{ETag, Representation, blob_response, cache};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::{Supervisor, TaskGroup};
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("a folder is missing")?;
    let bytes: usize = arguments.next().ok_or("a length is missing")?.parse()?;
    let buffer: usize = arguments
        .next()
        .map_or(Ok(64 * 1_024), |text| text.parse())?;
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio.block_on(async {
        let blobs = Blobs::open(Path::new(&folder), Limits::default())?;
        let made: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
        let hash = blobs.put(made.into()).await?.hash;
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/store/{hash}", socket.local_addr()?);
        let supervisor = Supervisor::new(runtime::Limits::default());
        accept(blobs, hash, socket, supervisor.group("connections"), buffer).await
    })
}

async fn accept(
    blobs: Blobs,
    hash: ContentHash,
    socket: TcpListener,
    tasks: TaskGroup,
    buffer: usize,
) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, _) = socket.accept().await?;
        stream.set_nodelay(true)?;
        let blobs = blobs.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let blobs = blobs.clone();
            async move {
                let found = blobs.get(&hash).await.expect("the disk works");
                let representation = Representation {
                    source: Arc::new(found.expect("it was stored")),
                    etag: Some(ETag::of_hash(&hash)),
                    last_modified: None,
                    headers: headers(),
                };
                let (method, asked) = (request.method(), request.headers());
                let answer = blob_response(method, asked, representation, blobs.files());
                Ok::<_, Infallible>(answer)
            }
        });
        tasks.spawn(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .max_buf_size(buffer)
                .serve_connection(TokioIo::new(stream), service);
            // A peer that goes away ends its connection alone.
            drop(served.await);
        });
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(axum::http::header::CACHE_CONTROL, cache::PUBLIC_IMMUTABLE);
    headers
}
