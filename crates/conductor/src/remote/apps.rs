//! App sockets: opened with a token when an app is called, kept while there is room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_bytes::ByteBuf;

use crate::protocol::admin::{AdminAnswer, AdminRequest, AttachInterface, IssueToken};
use crate::protocol::app::{AppAnswer, AppRequest, AppSignal, Authenticate, Grown};
use crate::protocol::frame::Frame;
use crate::protocol::refusal;
use crate::remote::Inner;
use crate::remote::link::Wish;
use crate::remote::session::{ORIGIN, Session, Unanswered};
use crate::socket::lock;
use crate::wire::CallParams;
use crate::{AppId, Fault, SignedCall, protocol};

/// How long a token may wait to be used, in seconds.
const TOKEN_SECONDS: u64 = 30;

/// The app sockets that are open.
#[derive(Default)]
pub(super) struct AppSockets {
    sessions: Mutex<HashMap<AppId, Arc<Session>>>,
    /// The port of the app interface that was used last; 0 is none.
    port: AtomicU16,
}

impl AppSockets {
    pub(super) fn close(&self) {
        for (_, session) in lock(&self.sessions).drain() {
            session.end();
        }
    }

    fn get(&self, app: &AppId) -> Option<Arc<Session>> {
        let session = lock(&self.sessions).get(app).cloned()?;
        (!session.is_ended()).then_some(session)
    }

    /// Keeps a socket; closes another one when there are too many.
    fn keep(&self, app: &AppId, session: &Arc<Session>, limit: usize) {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| !session.is_ended());
        if sessions.len() >= limit.max(1)
            && let Some(other) = sessions.keys().next().cloned()
            && let Some(closed) = sessions.remove(&other)
        {
            closed.end();
        }
        if let Some(replaced) = sessions.insert(app.clone(), Arc::clone(session)) {
            replaced.end();
        }
    }
}

impl Inner {
    /// See [`crate::Conductor::call`].
    pub(super) async fn call(self: &Arc<Self>, call: SignedCall) -> Result<Bytes, Fault> {
        let params = CallParams::decode(&call.bytes)?;
        let cell = params.cell()?;
        let Some(app) = self.owner(&cell).await? else {
            return Err(Fault::UnknownCell(cell));
        };
        let request = AppRequest::CallZome {
            bytes: ByteBuf::from(call.bytes.to_vec()),
            signature: ByteBuf::from(call.signature),
        };
        let session = self.app_session(&app).await?;
        let answered = session.request(&request, self.limits.answer_max).await;
        let bytes = answered.map_err(|unanswered| match unanswered {
            Unanswered::Unsent(reason) => self.unreachable_app(reason),
            Unanswered::Lost => Fault::Lost {
                conductor: self.id.clone(),
            },
        })?;
        match protocol::decode::<AppAnswer>(&bytes) {
            Some(AppAnswer::ZomeCalled(answer)) => Ok(Bytes::from(answer.into_vec())),
            Some(AppAnswer::Error(error)) => Err(refusal::read_words(&error, &params, &cell)),
            other => Err(self.garbled(&other)),
        }
    }

    fn unreachable_app(&self, reason: String) -> Fault {
        Fault::Unreachable {
            conductor: self.id.clone(),
            reason,
        }
    }

    async fn app_session(self: &Arc<Self>, app: &AppId) -> Result<Arc<Session>, Fault> {
        if let Some(session) = self.apps.get(app) {
            return Ok(session);
        }
        let token = self.token(app).await?;
        let known = self.apps.port.load(Ordering::Relaxed);
        let port = if known == 0 {
            self.port().await?
        } else {
            known
        };
        let session = match self.open_app(port).await {
            Ok(session) => session,
            // A conductor that was started again may have another port.
            Err(_) => {
                let port = self.port().await?;
                let opened = self.open_app(port).await;
                opened.map_err(|reason| self.unreachable_app(reason))?
            }
        };
        let data = protocol::encode(&Authenticate { token });
        let sent = session.send(Frame::Authenticate { data }).await;
        sent.map_err(|_| self.unreachable_app("its app socket broke".to_owned()))?;
        self.apps.keep(app, &session, self.limits.app_sockets_max);
        Ok(session)
    }

    async fn open_app(self: &Arc<Self>, port: u16) -> Result<Arc<Session>, String> {
        let address = format!("{}:{port}", self.link.host());
        let shared = Arc::clone(self);
        Session::open(&address, &self.limits, &self.group, move |_, data| {
            if let Some(AppSignal::App {
                cell_id, signal, ..
            }) = protocol::decode(&data)
                && let Some(Grown { seq }) = protocol::decode(&signal)
            {
                shared.note(&cell_id.0, seq);
            }
        })
        .await
    }

    async fn token(&self, app: &AppId) -> Result<Vec<u8>, Fault> {
        let request = AdminRequest::IssueAppAuthenticationToken(IssueToken {
            installed_app_id: app.to_string(),
            expiry_seconds: TOKEN_SECONDS,
            single_use: true,
        });
        match self.link.ask(&request, Wish::Change).await? {
            AdminAnswer::AppAuthenticationTokenIssued { token, .. } => Ok(token),
            AdminAnswer::Error(error) => Err(self.failed(&error)),
            other => Err(self.garbled(&other)),
        }
    }

    /// Finds an app interface for all apps that takes our origin, or attaches one.
    async fn port(&self) -> Result<u16, Fault> {
        let listed = self.link.ask(&AdminRequest::ListAppInterfaces, Wish::Read);
        let port = match listed.await? {
            AdminAnswer::AppInterfacesListed(interfaces) => interfaces.into_iter().find(|one| {
                let mut origins = one.allowed_origins.split(',').map(str::trim);
                one.installed_app_id.is_none() && origins.any(|name| name == "*" || name == ORIGIN)
            }),
            other => return Err(self.garbled(&other)),
        };
        let port = match port {
            Some(interface) => interface.port,
            None => self.attach().await?,
        };
        self.apps.port.store(port, Ordering::Relaxed);
        Ok(port)
    }

    async fn attach(&self) -> Result<u16, Fault> {
        let request = AdminRequest::AttachAppInterface(AttachInterface {
            port: None,
            danger_bind_addr: None,
            allowed_origins: ORIGIN.to_owned(),
            installed_app_id: None,
        });
        match self.link.ask(&request, Wish::Change).await? {
            AdminAnswer::AppInterfaceAttached { port } => Ok(port),
            AdminAnswer::Error(error) => Err(self.failed(&error)),
            other => Err(self.garbled(&other)),
        }
    }
}
