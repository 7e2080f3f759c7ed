//! The admin connection: opened again when it breaks, with a breaker in front of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chain::{SignError, SignedActions, record};
use doorway_core::guard::{self, Enter, Guard, Outcome, Ticket};
use futures::{StreamExt as _, stream};
use runtime::Clock;
use serde_bytes::ByteBuf;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::protocol::admin::{AdminAnswer, AdminRequest, AdminSignal};
use crate::protocol::hash::CellPair;
use crate::protocol::own::{OwnAnswer, OwnRequest, OwnSignal};
use crate::remote::session::{Session, Unanswered};
use crate::remote::{Inner, RemoteLimits};
use crate::socket::lock;
use crate::{Capabilities, CellId, ConductorId, Fault, Hosted, protocol};

/// Apps that are asked for at once.
const PAGE: u32 = 1_000;

/// Cells that are signed for at once when a connection was opened.
const CELLS_AT_ONCE: usize = 32;

/// Whether a request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It changes nothing.
    Read,
    /// It changes something.
    Change,
}

/// The admin connection.
pub(super) struct Link {
    conductor: ConductorId,
    address: String,
    limits: RemoteLimits,
    clock: Clock,
    session: watch::Sender<Option<Arc<Session>>>,
    /// Why there is no connection.
    reason: Mutex<String>,
    guard: Mutex<Guard>,
    places: Semaphore,
    waiting: AtomicUsize,
}

/// The right to ask; it goes back however the asking ends.
struct Visit<'a> {
    link: &'a Link,
    ticket: Option<Ticket>,
}

impl Visit<'_> {
    fn end(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            // Without randomness all adapters try at the same moment, which is only less kind.
            let chance = getrandom::u64().unwrap_or(0);
            lock(&self.link.guard).done(self.link.clock.now(), ticket, outcome, chance);
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

/// Counts those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Link {
    pub(super) fn new(
        conductor: ConductorId,
        address: &str,
        limits: RemoteLimits,
        clock: Clock,
    ) -> Self {
        let address = address.strip_prefix("ws://").unwrap_or(address);
        let (session, _) = watch::channel(None);
        Self {
            conductor,
            address: address.trim_end_matches('/').to_owned(),
            limits,
            clock,
            session,
            reason: Mutex::new("it was not reached yet".to_owned()),
            // Places are given out below; the guard is asked for its breaker.
            guard: Mutex::new(Guard::new(guard::Limits {
                in_flight_max: usize::MAX,
                waiting_max: 0,
                failures_max: limits.failures_max,
                ..guard::Limits::default()
            })),
            places: Semaphore::new(limits.requests_max.max(1)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Returns the host of the admin socket.
    pub(super) fn host(&self) -> &str {
        self.address
            .rsplit_once(':')
            .map_or(&self.address, |(host, _)| host)
    }

    fn unreachable(&self, reason: impl Into<String>) -> Fault {
        Fault::Unreachable {
            conductor: self.conductor.clone(),
            reason: reason.into(),
        }
    }

    /// Returns the connection; waits a moment for one that is being opened.
    pub(super) async fn session(&self) -> Result<Arc<Session>, Fault> {
        let mut sessions = self.session.subscribe();
        let waiting = async {
            let found = sessions.wait_for(Option::is_some).await.ok()?;
            found.clone()
        };
        let found = timeout(self.limits.connection_wait_max, waiting).await;
        match found.ok().flatten() {
            Some(session) => Ok(session),
            None => Err(self.unreachable(lock(&self.reason).clone())),
        }
    }

    /// Asks, when it is worth it. What changes nothing is asked once more on the next connection.
    pub(super) async fn ask(
        &self,
        request: &AdminRequest,
        wish: Wish,
    ) -> Result<AdminAnswer, Fault> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limits.waiting_max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(self.unreachable("too many requests wait for it"));
        }
        let waiting = Waiting(&self.waiting);
        let place = self.places.acquire().await;
        drop(waiting);
        let ticket = match lock(&self.guard).try_enter(self.clock.now()) {
            Enter::Go(ticket) => ticket,
            Enter::Wait(_) | Enter::Refused(_) => {
                let reason = lock(&self.reason).clone();
                return Err(self.unreachable(format!("it failed several times: {reason}")));
            }
        };
        let mut visit = Visit {
            link: self,
            ticket: Some(ticket),
        };
        let mut answer = self.ask_once(request).await;
        let is_lost = matches!(answer, Err(Fault::Lost { .. } | Fault::Unreachable { .. }));
        if wish == Wish::Read && is_lost {
            answer = self.ask_once(request).await;
        }
        let has_failed = matches!(
            answer,
            Err(Fault::Lost { .. } | Fault::Unreachable { .. } | Fault::Garbled { .. })
        );
        visit.end(if has_failed {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        });
        drop(place);
        answer
    }

    async fn ask_once(&self, request: &AdminRequest) -> Result<AdminAnswer, Fault> {
        let session = self.session().await?;
        self.ask_on(&session, request).await
    }

    async fn ask_on(
        &self,
        session: &Session,
        request: &AdminRequest,
    ) -> Result<AdminAnswer, Fault> {
        let answered = session.request(request, self.limits.answer_max).await;
        let bytes = answered.map_err(|unanswered| match unanswered {
            Unanswered::Unsent(reason) => self.unreachable(reason),
            Unanswered::Lost => Fault::Lost {
                conductor: self.conductor.clone(),
            },
        })?;
        protocol::decode(&bytes).ok_or_else(|| Fault::Garbled {
            conductor: self.conductor.clone(),
            reason: format!("{} bytes that are no answer", bytes.len()),
        })
    }
}

/// Keeps a connection open until the end is asked for.
pub(super) async fn keep(inner: Arc<Inner>) {
    let mut pause = inner.limits.pause_min;
    while !inner.shutdown.is_requested() {
        match inner.shutdown.race(connect(&inner)).await {
            None => return,
            Some(Ok(session)) => {
                pause = inner.limits.pause_min;
                inner.link.session.send_replace(Some(Arc::clone(&session)));
                inner.shutdown.race(session.ended()).await;
                inner.link.session.send_replace(None);
                session.end();
                "its connection broke".clone_into(&mut lock(&inner.link.reason));
            }
            Some(Err(reason)) => {
                tracing::debug!(conductor = %inner.id, %reason, "a conductor could not be reached");
                *lock(&inner.link.reason) = reason;
            }
        }
        inner.shutdown.race(sleep(pause)).await;
        pause = (pause * 2).min(inner.limits.pause_max);
    }
}

/// Opens a connection and says on it what the conductor has to know before anything else is asked.
async fn connect(inner: &Arc<Inner>) -> Result<Arc<Session>, String> {
    let shared = Arc::clone(inner);
    let session = Session::open(
        &inner.link.address,
        &inner.limits,
        &inner.group,
        move |session, data| hear(&shared, session, &data),
    )
    .await?;
    let introduced = timeout(inner.limits.answer_max, introduce(inner, &session)).await;
    let introduced = introduced.unwrap_or_else(|_| Err("it does not answer".to_owned()));
    if let Err(reason) = introduced {
        session.end();
        return Err(reason);
    }
    Ok(session)
}

async fn introduce(inner: &Arc<Inner>, session: &Session) -> Result<(), String> {
    let ask = async |request: OwnRequest| -> Result<OwnAnswer, String> {
        let request = AdminRequest::Commonhold(Box::new(request));
        match inner.link.ask_on(session, &request).await {
            Ok(AdminAnswer::Commonhold(answer)) => Ok(*answer),
            Ok(AdminAnswer::Error(error)) => Err(error.value),
            Ok(_) => Err("it answers something else".to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    };
    let OwnAnswer::About { capabilities, .. } = ask(OwnRequest::About).await? else {
        return Err("it does not say what it can do".to_owned());
    };
    *lock(&inner.capabilities) = Capabilities::from_bits(capabilities);
    let cells: Vec<CellId> = lock(&inner.cells).signers.keys().cloned().collect();
    let signing = cells.into_iter().map(|cell| {
        let cells = vec![CellPair(cell.clone())];
        let asked = ask(OwnRequest::Sign { cells });
        async move { (cell, asked.await) }
    });
    let mut signing = stream::iter(signing).buffer_unordered(CELLS_AT_ONCE);
    while let Some((cell, answer)) = signing.next().await {
        if let OwnAnswer::Refused(refusal) = answer? {
            // Its writes say so again.
            tracing::debug!(%cell, ?refusal, "what waited for a signature still waits");
        }
    }
    ask(OwnRequest::Watch).await?;
    let mut after: Option<String> = None;
    loop {
        let request = OwnRequest::Hosted {
            app: None,
            after: after.clone(),
            limit: PAGE,
        };
        let OwnAnswer::Hosted(views) = ask(request).await? else {
            return Err("it does not say what it hosts".to_owned());
        };
        let Some(last) = views.last() else {
            return Ok(());
        };
        after = Some(last.app.clone());
        for view in views {
            let hosted = Hosted::try_from(view).map_err(|error| error.to_string())?;
            inner.note_hosted(&hosted);
        }
    }
}

/// Takes what comes on the admin connection without being asked for.
fn hear(inner: &Arc<Inner>, session: &Arc<Session>, data: &Bytes) {
    match protocol::decode(data) {
        Some(AdminSignal::Commonhold(OwnSignal::Nudge { cell_id, seq })) => {
            inner.note(&cell_id.0, seq);
        }
        Some(AdminSignal::Commonhold(OwnSignal::Sign {
            id,
            cell_id,
            actions,
        })) => {
            let (shared, session) = (Arc::clone(inner), Arc::clone(session));
            inner.group.spawn(async move {
                let signed = sign(&shared, &cell_id.0, &actions).await;
                let signatures = signed.signatures.iter();
                let request = OwnRequest::Signed {
                    id,
                    signatures: signatures
                        .map(|signature| ByteBuf::from(signature.0))
                        .collect(),
                    end: signed.end.as_ref().map(Into::into),
                };
                let request = AdminRequest::Commonhold(Box::new(request));
                // A conductor that is gone asks again.
                drop(session.request(&request, shared.limits.answer_max).await);
            });
        }
        None => tracing::debug!(conductor = %inner.id, "a signal that is none"),
    }
}

/// Asks a cell's signer, which parses what it signs.
async fn sign(inner: &Inner, cell: &CellId, actions: &[ByteBuf]) -> SignedActions {
    let refuse = |end| SignedActions {
        signatures: Vec::new(),
        end: Some(end),
    };
    let Some(signer) = lock(&inner.cells).signers.get(cell).cloned() else {
        let reason = format!("nobody signs for {cell} here");
        return refuse(SignError::Unavailable(reason));
    };
    let actions: Result<Vec<_>, _> = actions
        .iter()
        .map(|bytes| record::decode_action(bytes))
        .collect();
    match actions {
        Ok(actions) => signer.sign_all(&actions).await,
        Err(_) => refuse(SignError::Foreign),
    }
}
