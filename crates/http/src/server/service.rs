//! Who answers a request: the hot path, the gate's refusal, the direct path, or the router.
//!
//! The router runs on the runtime that the server was started on, so that a slow handler holds up no lane.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse as _;
use base::{Code, Problem};
use bytes::Bytes;
use futures::future::BoxFuture;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode, Version};
use runtime::TaskGroup;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use super::Serving;
use super::activity::{Activity, Open};
use super::outgoing::Outgoing;
use super::progress::{Arriving, Progress};
use crate::request_id::X_REQUEST_ID;
use crate::{
    Ask, ClientAddress, DirectAnswer, DirectPath, HotPath, Pass, ProblemResponse, Refused,
    RequestId, problem,
};

/// Answers the requests of one connection.
pub(super) struct Answerer {
    pub(super) serving: Arc<Serving>,
    pub(super) hot: Option<Arc<dyn HotPath>>,
    pub(super) peer: SocketAddr,
    /// Who asks, if that is the same for all requests.
    pub(super) client: Option<IpAddr>,
    pub(super) activity: Arc<Activity>,
}

/// An answer that lies ready, or will come.
pub(super) enum Answer {
    Ready(Option<Response<Outgoing>>),
    Coming(BoxFuture<'static, Response<Outgoing>>),
    Direct {
        answer: BoxFuture<'static, DirectAnswer>,
        version: Version,
        /// What its request holds.
        held: Option<(Open, Option<Pass>)>,
    },
}

impl Service<Request<Incoming>> for Answerer {
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        if !names_one_host(request.version(), request.headers()) {
            let problem = Problem::new(Code::MalformedQuery, "the request must name one Host");
            return Answer::Ready(Some(self.refusal(request, problem, None)));
        }
        let client = self.client.unwrap_or_else(|| {
            let trusted = &self.serving.edge.trusted_proxies;
            crate::client_address(self.peer.ip(), request.headers(), trusted)
        });
        let ask = Ask {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            client,
        };
        if let Some(hot) = &self.hot
            && let Some(response) = hot.answer(&ask)
        {
            return Answer::Ready(Some(self.ready(request, response)));
        }
        let mut pass = None;
        if let Some(gate) = &self.serving.gate {
            match gate.admit(&ask) {
                Ok(admitted) => pass = Some(admitted),
                Err(Refused {
                    problem,
                    retry_after_secs,
                }) => {
                    let later = Some(retry_after_secs);
                    return Answer::Ready(Some(self.refusal(request, problem, later)));
                }
            }
        }
        if let Some(direct) = self
            .serving
            .direct
            .as_deref()
            .filter(|direct| direct.takes(&ask))
        {
            return self.directly(direct, request, pass);
        }
        self.route(request, client, pass)
    }
}

impl Answerer {
    /// Makes an answer of what lay ready.
    fn ready(&self, request: Request<Incoming>, response: Response<Bytes>) -> Response<Outgoing> {
        let version = request.version();
        let is_head = request.method() == Method::HEAD;
        if !request.body().is_end_stream() {
            drop(self.body(request));
        }
        let (mut head, bytes) = response.into_parts();
        if is_head && !bytes.is_empty() {
            let length = HeaderValue::from(bytes.len());
            head.headers.entry(CONTENT_LENGTH).or_insert(length);
        }
        let body = if is_head {
            self.activity.turn();
            Outgoing::Empty
        } else if version < Version::HTTP_2 {
            self.activity.turn();
            Outgoing::whole(bytes)
        } else {
            self.activity.is_http2();
            Outgoing::made(Body::from(bytes), version, self.activity.open(), None)
        };
        Response::from_parts(head, body)
    }

    /// Tells who was not let in why, and keeps the connection good.
    fn refusal(
        &self,
        request: Request<Incoming>,
        problem: Problem,
        retry_after_secs: Option<u32>,
    ) -> Response<Outgoing> {
        let id = RequestId::next();
        let path = request.uri().path();
        let document = problem::document(&problem, Some(path), Some(id));
        let mut response = ProblemResponse::new(problem);
        if let Some(secs) = retry_after_secs {
            response = response.retry_after(secs.into());
        }
        let mut head = response.into_response().into_parts().0;
        head.headers.insert(X_REQUEST_ID, id.header());
        head.headers.remove(CONTENT_LENGTH);
        self.ready(request, Response::from_parts(head, document.into()))
    }

    /// Lets a request be answered without the router.
    fn directly(
        &self,
        direct: &dyn DirectPath,
        request: Request<Incoming>,
        pass: Option<Pass>,
    ) -> Answer {
        let open = self.activity.open();
        let version = request.version();
        if version >= Version::HTTP_2 {
            self.activity.is_http2();
        }
        let linger = self.linger(&request);
        let request = request.map(|body| Arriving::new(body, self.serving.limits, linger));
        Answer::Direct {
            answer: direct.answer(request),
            version,
            held: Some((open, pass)),
        }
    }

    /// Lets the router answer.
    fn route(&self, request: Request<Incoming>, client: IpAddr, pass: Option<Pass>) -> Answer {
        let open = self.activity.open();
        let version = request.version();
        if version >= Version::HTTP_2 {
            self.activity.is_http2();
        }
        let mut request = self.body(request);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request.extensions_mut().insert(ClientAddress(client));
        let router = self.serving.router.clone();
        let answered = async move {
            let Ok(response) = router.oneshot(request).await;
            response
        };
        match self.serving.main.clone() {
            None => Answer::Coming(Box::pin(async move {
                dress(answered.await, version, open, pass)
            })),
            Some(main) => {
                let answered = elsewhere(&self.serving.tasks, &main, answered);
                Answer::Coming(Box::pin(async move {
                    dress(answered.await, version, open, pass)
                }))
            }
        }
    }

    /// Returns where what a handler leaves unread of a body is thrown away, if anywhere.
    fn linger(&self, request: &Request<Incoming>) -> Option<TaskGroup> {
        // HTTP/2 can refuse one body alone, and who expects a 100 has not sent it yet.
        let may_linger =
            request.version() < Version::HTTP_2 && !request.headers().contains_key(EXPECT);
        may_linger.then(|| self.serving.tasks.clone())
    }

    /// Puts deadlines around the body.
    fn body(&self, request: Request<Incoming>) -> Request<Body> {
        let linger = self.linger(&request);
        let limits = self.serving.limits;
        request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(Progress::new(body, limits, linger))
            }
        })
    }
}

/// Tells whether a request says for which host it is as it must (RFC 9112 §3.2): once, where the protocol has the header
/// for it. Two proxies that read two headers differently would be two doors into one house.
fn names_one_host(version: Version, headers: &HeaderMap) -> bool {
    if version >= Version::HTTP_2 {
        return true;
    }
    // Most clients send it first and nothing twice; to see that costs no look into the map.
    let has_doubles = headers.len() != headers.keys_len();
    if !has_doubles && headers.keys().next() == Some(&HOST) {
        return true;
    }
    match headers.get_all(HOST).iter().take(2).count() {
        0 => version < Version::HTTP_11,
        1 => true,
        _ => false,
    }
}

/// Gives an answer that was made without the router to the connection.
fn handed(
    answer: DirectAnswer,
    version: Version,
    open: Open,
    pass: Option<Pass>,
) -> Response<Outgoing> {
    match answer {
        // It is handed over in one piece, and then nothing is open any more.
        DirectAnswer::Whole(response) if version < Version::HTTP_2 && pass.is_none() => {
            response.map(Outgoing::whole)
        }
        DirectAnswer::Whole(response) => dress(response.map(Body::from), version, open, pass),
        DirectAnswer::Made(response) => dress(response, version, open, pass),
    }
}

fn dress(
    mut response: axum::response::Response,
    version: Version,
    open: Open,
    pass: Option<Pass>,
) -> Response<Outgoing> {
    if response.status() == StatusCode::NOT_MODIFIED {
        // The router says that there is no body; the header would say so of the whole answer (RFC 9110 §8.6).
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response.map(|body| Outgoing::made(body, version, open, pass))
}

/// Runs a router's call on another runtime. Dropped, the call is dropped there as well.
fn elsewhere(
    tasks: &TaskGroup,
    main: &Handle,
    answered: impl Future<Output = axum::response::Response> + Send + 'static,
) -> impl Future<Output = axum::response::Response> + Send + 'static {
    let (mut tell, told) = oneshot::channel();
    tasks.spawn_part_on(main, async move {
        tokio::select! {
            // The peer is gone: so is the work for it.
            () = tell.closed() => {}
            // Nobody reads it when the peer left in this moment.
            response = answered => drop(tell.send(response)),
        }
    });
    async move {
        told.await.unwrap_or_else(|_| {
            // It panicked, which the group has logged, or was cut off at the end of the process.
            let problem = Problem::new(Code::Bug, "the answer could not be made");
            ProblemResponse::new(problem).into_response()
        })
    }
}

impl Future for Answer {
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ready(response) => Poll::Ready(Ok(response
                .take()
                .expect("a future is polled to its end once"))),
            Self::Coming(response) => response.as_mut().poll(context).map(Ok),
            Self::Direct {
                answer,
                version,
                held,
            } => {
                let answer = ready!(answer.as_mut().poll(context));
                let (open, pass) = held.take().expect("a future is polled to its end once");
                Poll::Ready(Ok(handed(answer, *version, open, pass)))
            }
        }
    }
}
