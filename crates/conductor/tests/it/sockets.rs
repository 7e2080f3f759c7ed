//! The sockets as any program sees them: bytes, origins, tokens, bounds, and what bad input gets.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use conductor::protocol::frame::Frame;
use conductor::server::SocketLimits;
use futures::{SinkExt as _, StreamExt as _};
use runtime::{Clock, Supervisor};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::remote::{BUNDLE, SEED, serve};

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program on a socket.
pub(crate) struct Program {
    socket: WebSocketStream<TcpStream>,
    next: u64,
    pub(crate) signals: Vec<Bytes>,
}

impl Program {
    pub(crate) async fn connect(address: SocketAddr, origin: Option<&str>) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        if let Some(origin) = origin {
            request
                .headers_mut()
                .insert("origin", origin.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self {
            socket,
            next: 0,
            signals: Vec::new(),
        })
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Sends bytes as the data of a request; returns the data of the answer.
    pub(crate) async fn ask_bytes(&mut self, data: Bytes) -> Bytes {
        let id = self.next;
        self.next += 1;
        let frame = Frame::Request { id, data };
        self.send(Message::Binary(frame.encode())).await;
        loop {
            match self.next_frame().await.expect("an answer") {
                Frame::Response { id: found, data } if found == id => return data,
                Frame::Signal { data } => self.signals.push(data),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a request and reads the answer, both as JSON without byte strings.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        let data = self.ask_bytes(rmp_serde::to_vec(&request).unwrap().into());
        rmp_serde::from_slice(&data.await).unwrap()
    }

    /// Returns the next frame; `None` when the connection has ended.
    pub(crate) async fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match next.expect("something within the patience of a test") {
                Some(Ok(Message::Binary(bytes))) => return Some(Frame::decode(&bytes).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Authenticates an app socket.
    pub(crate) async fn authenticate(&mut self, token: &Value) {
        let data = rmp_serde::to_vec(&json!({ "token": token })).unwrap();
        let frame = Frame::Authenticate { data: data.into() };
        self.send(Message::Binary(frame.encode())).await;
    }
}

/// Asks for a port and a token of an app.
async fn port_and_token(admin: &mut Program, app: &str) -> (SocketAddr, Value) {
    let attach = json!({ "type": "attach_app_interface", "value": { "allowed_origins": "*" } });
    let port = admin.ask(attach).await["value"]["port"].as_u64().unwrap();
    let issue =
        json!({ "type": "issue_app_authentication_token", "value": { "installed_app_id": app } });
    let token = admin.ask(issue).await["value"]["token"].clone();
    (([127, 0, 0, 1], u16::try_from(port).unwrap()).into(), token)
}

/// Installs the app with a key that the conductor makes; returns the answer.
async fn install(admin: &mut Program, app: &str) -> Bytes {
    #[derive(serde::Serialize)]
    struct Request<'a> {
        r#type: &'a str,
        value: Install<'a>,
    }
    #[derive(serde::Serialize)]
    struct Install<'a> {
        source: Source<'a>,
        installed_app_id: &'a str,
        network_seed: &'a str,
    }
    #[derive(serde::Serialize)]
    struct Source<'a> {
        r#type: &'a str,
        #[serde(with = "serde_bytes")]
        value: &'a [u8],
    }
    let request = Request {
        r#type: "install_app",
        value: Install {
            source: Source {
                r#type: "bytes",
                value: BUNDLE,
            },
            installed_app_id: app,
            network_seed: SEED,
        },
    };
    admin
        .ask_bytes(rmp_serde::to_vec_named(&request).unwrap().into())
        .await
}

#[tokio::test]
async fn origins_are_checked_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let limits = SocketLimits::default();
    let (_engine, server) = serve(folder.path(), &Clock::system(), limits, &supervisor).await;
    let missing = Program::connect(server.admin_address(), None).await.err();
    match missing.unwrap() {
        Error::Http(response) => {
            assert_eq!(response.status(), 400);
            let words = response.body().clone().unwrap_or_default();
            assert_eq!(words, b"Missing `Origin` header");
        }
        other => panic!("{other}"),
    }
    let mut admin = Program::connect(server.admin_address(), Some("any"))
        .await
        .unwrap();
    let attach = json!({ "type": "attach_app_interface", "value": { "port": 0, "allowed_origins": "one, two" } });
    let port = admin.ask(attach).await["value"]["port"].as_u64().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()));
    assert!(Program::connect(address, Some("two")).await.is_ok());
    let other = Program::connect(address, Some("three")).await.err();
    assert!(matches!(other, Some(Error::Http(_))), "{other:?}");
    server.close().await;
}

#[tokio::test]
async fn what_is_no_request_is_passed_over_or_refused_as_holochain_does() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let limits = SocketLimits::default();
    let (_engine, server) = serve(folder.path(), &Clock::system(), limits, &supervisor).await;
    let mut admin = Program::connect(server.admin_address(), Some("any"))
        .await
        .unwrap();
    // Not msgpack, empty, of an unknown type, without data, and text.
    let question =
        rmp_serde::to_vec(&json!({ "type": "question", "id": 7, "data": null })).unwrap();
    let dataless = rmp_serde::to_vec(&json!({ "type": "request", "id": 7 })).unwrap();
    for bytes in [vec![0xc1, 0xff], Vec::new(), question, dataless] {
        admin.send(Message::Binary(bytes.into())).await;
    }
    admin.send(Message::Text("hello".into())).await;
    let unreadable = json!({
        "type": "error",
        "value": { "type": "deserialization", "value": "Failed to deserialize request" },
    });
    for request in [
        json!({ "type": "make_coffee", "value": {} }),
        json!({ "type": "enable_app", "value": {} }),
        json!({ "type": "dump_state", "value": { "cell_id": [[1], [2]] } }),
        json!(null),
    ] {
        assert_eq!(admin.ask(request.clone()).await, unreadable, "{request}");
    }
    let garbage = admin.ask_bytes(Bytes::from_static(&[0xc1, 0xc1])).await;
    let garbage: Value = rmp_serde::from_slice(&garbage).unwrap();
    assert_eq!(garbage, unreadable);
    let unknown = json!({ "type": "enable_app", "value": { "installed_app_id": "nobody" } });
    let answer = admin.ask(unknown).await;
    assert_eq!(
        answer["value"]["value"],
        "Conductor returned an error while using a ConductorApi: AppNotInstalled(\"nobody\")"
    );
    server.close().await;
}

#[tokio::test]
async fn app_socket_opens_with_a_token_once() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let limits = SocketLimits {
        opening_max: Duration::from_millis(300),
        ..SocketLimits::default()
    };
    let (_engine, server) = serve(folder.path(), &Clock::system(), limits, &supervisor).await;
    let mut admin = Program::connect(server.admin_address(), Some("any"))
        .await
        .unwrap();
    install(&mut admin, "mine").await;
    let (address, token) = port_and_token(&mut admin, "mine").await;
    let app_info = json!({ "type": "app_info" });
    let mut app = Program::connect(address, Some("any")).await.unwrap();
    app.authenticate(&token).await;
    let answer = app
        .ask_bytes(rmp_serde::to_vec(&app_info).unwrap().into())
        .await;
    assert!(answer.len() > 300, "{} bytes", answer.len());
    // Used, unknown, and none at all; a request before the token; silence.
    for token in [&token, &json!([1, 2, 3]), &json!(null)] {
        let mut app = Program::connect(address, Some("any")).await.unwrap();
        app.authenticate(token).await;
        assert_eq!(app.next_frame().await, None);
    }
    let mut early = Program::connect(address, Some("any")).await.unwrap();
    let data = Bytes::from(rmp_serde::to_vec(&app_info).unwrap());
    let frame = Frame::Request { id: 0, data };
    early.send(Message::Binary(frame.encode())).await;
    assert_eq!(early.next_frame().await, None);
    let mut silent = Program::connect(address, Some("any")).await.unwrap();
    assert_eq!(silent.next_frame().await, None);
    // A token that was made void.
    let (address, token) = port_and_token(&mut admin, "mine").await;
    let revoke = json!({ "type": "revoke_app_authentication_token", "value": token });
    let revoked = json!({ "type": "app_authentication_token_revoked" });
    assert_eq!(admin.ask(revoke).await, revoked);
    let mut app = Program::connect(address, Some("any")).await.unwrap();
    app.authenticate(&token).await;
    assert_eq!(app.next_frame().await, None);
    server.close().await;
}

#[tokio::test]
async fn interface_of_one_app_takes_tokens_of_that_app_alone() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let limits = SocketLimits::default();
    let (_engine, server) = serve(folder.path(), &Clock::system(), limits, &supervisor).await;
    let mut admin = Program::connect(server.admin_address(), Some("any"))
        .await
        .unwrap();
    let attach = json!({
        "type": "attach_app_interface",
        "value": { "port": 0, "allowed_origins": "*", "installed_app_id": "one" },
    });
    let port = admin.ask(attach).await["value"]["port"].as_u64().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()));
    for (app, is_taken) in [("one", true), ("two", false)] {
        let (_, token) = port_and_token(&mut admin, app).await;
        let mut socket = Program::connect(address, Some("any")).await.unwrap();
        socket.authenticate(&token).await;
        if is_taken {
            // There is no such app, which is an answer.
            let answer = socket.ask(json!({ "type": "app_info" })).await;
            assert_eq!(answer, json!({ "type": "app_info", "value": null }));
        } else {
            assert_eq!(socket.next_frame().await, None);
        }
    }
    let open = json!({
        "type": "attach_app_interface",
        "value": { "danger_bind_addr": "0.0.0.0", "allowed_origins": "*" },
    });
    assert_eq!(admin.ask(open).await["type"], "error");
    server.close().await;
}

#[tokio::test]
async fn connections_and_messages_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let limits = SocketLimits {
        admin_sockets_max: 2,
        admin_message_bytes_max: 1_000,
        interfaces_max: 1,
        tokens_max: 2,
        ..SocketLimits::default()
    };
    let (_engine, server) = serve(folder.path(), &Clock::system(), limits, &supervisor).await;
    let address = server.admin_address();
    let mut first = Program::connect(address, Some("any")).await.unwrap();
    let mut second = Program::connect(address, Some("any")).await.unwrap();
    assert!(Program::connect(address, Some("any")).await.is_err());
    let list = json!({ "type": "list_apps", "value": {} });
    let none = json!({ "type": "apps_listed", "value": [] });
    assert_eq!(second.ask(list.clone()).await, none);
    second.send(Message::Binary(vec![0; 1_001].into())).await;
    assert_eq!(second.next_frame().await, None);
    let attach = json!({ "type": "attach_app_interface", "value": { "allowed_origins": "*" } });
    assert_eq!(
        first.ask(attach.clone()).await["type"],
        "app_interface_attached"
    );
    assert_eq!(first.ask(attach).await["type"], "error");
    let issue =
        json!({ "type": "issue_app_authentication_token", "value": { "installed_app_id": "a" } });
    for wanted in [
        "app_authentication_token_issued",
        "app_authentication_token_issued",
        "error",
    ] {
        assert_eq!(first.ask(issue.clone()).await["type"], wanted);
    }
    assert_eq!(first.ask(list).await, none);
    server.close().await;
}

#[tokio::test]
async fn keys_and_interfaces_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let supervisor = Supervisor::default();
    let limits = SocketLimits::default();
    let (engine, server) = serve(folder.path(), &clock, limits, &supervisor).await;
    let mut admin = Program::connect(server.admin_address(), Some("any"))
        .await
        .unwrap();
    install(&mut admin, "mine").await;
    let enable = json!({ "type": "enable_app", "value": { "installed_app_id": "mine" } });
    admin
        .ask_bytes(rmp_serde::to_vec(&enable).unwrap().into())
        .await;
    let (address, _) = port_and_token(&mut admin, "mine").await;
    server.close().await;
    engine.close().await.unwrap();
    drop((engine, server));
    let other = Supervisor::default();
    let (engine, server) = serve(folder.path(), &clock, limits, &other).await;
    assert!(
        Program::connect(address, Some("any")).await.is_ok(),
        "the interface keeps its port"
    );
    let hosted = conductor::Conductor::hosted(engine.as_ref(), None, 10)
        .await
        .unwrap();
    let cell = hosted[0].cell.clone();
    let written = conductor::Conductor::write(engine.as_ref(), &cell, vec![crate::note("again")]);
    assert_eq!(written.await.unwrap().len(), 1);
    server.close().await;
}
