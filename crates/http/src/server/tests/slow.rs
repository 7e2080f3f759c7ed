//! Readers that take their time.

use tokio::net::TcpSocket;

use super::*;

/// The length of `/large`, in bytes.
const LARGE: usize = 64 * 1_024 * 1_024;

/// Opens a connection with a buffer of a few packets and asks for a large body. Loopback's packets have 64 KiB.
async fn ask_for_much(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(256 * 1_024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let request = "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads `bytes` every 10 ms, so many times or to the end.
async fn read_slowly(stream: &mut TcpStream, bytes: usize, times: u32) -> usize {
    let mut clock = time::interval(Duration::from_millis(10));
    let mut chunk = vec![0; bytes];
    let mut total = 0;
    for _ in 0..times {
        clock.tick().await;
        match stream.read(&mut chunk).await {
            Ok(count @ 1..) => total += count,
            Ok(0) | Err(_) => break,
        }
    }
    total
}

#[tokio::test]
async fn slow_but_steady_readers_live() {
    let limits = Limits {
        write_window_ms: 400,
        write_bytes_min: 1_000,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let mut stream = ask_for_much(&server).await;
    // Five windows.
    let mut total = read_slowly(&mut stream, 32_768, 200).await;
    let mut chunk = vec![0; 1_024 * 1_024];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        total += count;
    }
    assert!(total > LARGE, "{total}");
}

#[tokio::test]
async fn drops_are_not_enough() {
    let limits = Limits {
        write_window_ms: 400,
        write_bytes_min: 1_000_000,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let mut stream = ask_for_much(&server).await;
    let reading = async {
        read_slowly(&mut stream, 10, u32::MAX).await;
    };
    tokio::select! {
        () = reading => {}
        () = server.members(0) => {}
    }
    assert!(read_to_end(&mut stream).await.len() < LARGE);
}

#[tokio::test]
async fn an_http2_reader_that_opens_no_window_is_cut() {
    let limits = Limits {
        write_window_ms: 100,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let io = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let group = server.supervisor.group("client");
    group.spawn(async move { drop(connection.await) });
    let request = hyper::Request::get("http://x/large")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    // The body is not read, so that the client's window stays shut while it answers pings.
    server.members(0).await;
    assert!(response.into_body().collect().await.is_err());
}
