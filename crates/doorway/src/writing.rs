//! Who may write the projection: holds the lease of the store, and stops writing when it is lost.
//!
//! The machine is [`doorway_core::lease`]; the store's own check of each write's epoch is what keeps two writers apart.

use std::sync::Arc;

use base::Machine as _;
use disk::{Folder, Mode};
use doorway_core::lease::{Call, Epoch, HolderId, Input, Lease, Limits, Output, Reply, Request};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use runtime::{Clock, Shutdown};
use tokio::sync::watch;
use tokio::time;

use crate::store::{ProjectionStore, StoreError};

/// Name of the file in which a process notes the grant that it holds.
const FILE: &str = "lease.holder";

/// Longest note, in bytes.
const FILE_BYTES_MAX: u64 = 1_024;

/// Whether this process writes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writing {
    /// The name of this run of the process; another run has another one.
    holder: Arc<str>,
    folder: Folder,
    state: Arc<watch::Sender<State>>,
    /// The newest epoch under which the store refused a write of this process.
    fences: Arc<watch::Sender<u64>>,
}

/// How it stands with the lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The epoch under which this process writes; nothing when it does not.
    pub(crate) epoch: Option<u64>,
    /// Who holds the lease, and under which epoch, as far as it is known.
    pub(crate) holder: Option<(String, u64)>,
    /// Whether the store has answered at all.
    is_decided: bool,
}

impl Writing {
    pub(crate) fn new(holder: String, folder: Folder) -> Self {
        Self {
            holder: holder.into(),
            folder,
            state: Arc::default(),
            fences: Arc::default(),
        }
    }

    /// Returns the epoch under which this process writes.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when it does not.
    pub(crate) fn epoch(&self) -> Result<u64, StoreError> {
        let state = self.state.borrow();
        state.epoch.ok_or_else(|| {
            let (holder, epoch) = state.holder.clone().unwrap_or_default();
            StoreError::Fenced { holder, epoch }
        })
    }

    /// Returns how it stands.
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Notes that the store refused a write, because somebody else writes under `epoch`.
    pub(crate) fn fenced(&self, holder: String, epoch: u64) {
        self.state.send_modify(|state| {
            state.epoch = None;
            state.holder = Some((holder, epoch));
        });
        self.fences.send_replace(epoch);
    }

    /// Waits until the store has answered for the first time.
    pub(crate) async fn decided(&self) {
        let mut state = self.state.subscribe();
        drop(state.wait_for(|state| state.is_decided).await);
    }

    /// Gives the lease back, so that another process need not wait for its end.
    pub(crate) async fn release(&self, store: &dyn ProjectionStore) {
        let Ok(epoch) = self.epoch() else { return };
        let request = Request::Release {
            holder: HolderId(self.holder.to_string()),
            epoch: Epoch(epoch),
        };
        if let Err(error) = store.lease(request).await {
            tracing::debug!(%error, "the lease ends by itself");
        }
    }

    /// Returns how to end the grant of the run before this one. That run is over, because this one holds the lock of
    /// the folder; a copy of the folder elsewhere is another folder, whose note says nothing.
    fn predecessor(&self) -> Option<Request> {
        let bytes = self.folder.read(FILE, FILE_BYTES_MAX).ok().flatten()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut words = text.split_whitespace();
        let (holder, epoch) = (words.next()?, words.next()?.parse().ok()?);
        let place = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let is_here = self.folder.identity().is_ok_and(|here| here == place);
        is_here.then(|| Request::Release {
            holder: HolderId(holder.to_owned()),
            epoch: Epoch(epoch),
        })
    }

    /// Notes a grant for the run after this one.
    fn note(&self, epoch: Epoch) {
        let Ok((device, inode)) = self.folder.identity() else {
            return;
        };
        let text = format!("{} {epoch} {device} {inode}\n", self.holder);
        let noted = self
            .folder
            .write_atomic(FILE, text.as_bytes(), Mode::Private);
        if let Err(error) = noted {
            tracing::warn!(%error, "a restart will have to wait until the grant runs out");
        }
    }

    /// Asks for the lease and keeps it for as long as the process lives.
    pub(crate) async fn run(
        self,
        store: Arc<dyn ProjectionStore>,
        clock: Clock,
        shutdown: Shutdown,
    ) {
        if let Some(request) = self.predecessor()
            && let Err(error) = store.lease(request).await
        {
            tracing::debug!(%error, "the grant of the run before ends by itself");
        }
        let holder = HolderId(self.holder.to_string());
        let mut shell = Shell {
            machine: Lease::new(holder, Limits::default()),
            calls: FuturesUnordered::new(),
            writing: self,
            store,
            clock,
        };
        shell.run(&shutdown).await;
    }
}

struct Shell {
    machine: Lease,
    calls: FuturesUnordered<BoxFuture<'static, Input>>,
    writing: Writing,
    store: Arc<dyn ProjectionStore>,
    clock: Clock,
}

impl Shell {
    async fn run(&mut self, shutdown: &Shutdown) {
        let mut fenced = self.writing.fences.subscribe();
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.perform(output);
            }
            let now = self.clock.now();
            let wait = self.machine.poll_timeout().map(|(at, _)| at.since(now));
            let deadline = async {
                match wait {
                    Some(wait) => time::sleep(wait.into()).await,
                    None => std::future::pending().await,
                }
            };
            let input = tokio::select! {
                biased;
                () = shutdown.requested() => return,
                Some(answered) = self.calls.next() => answered,
                Ok(()) = fenced.changed() => Input::Fenced {
                    epoch: Epoch(*fenced.borrow_and_update()),
                },
                () = deadline => Input::Timeout,
            };
            self.note(&input);
            self.machine.handle(self.clock.now(), input);
        }
    }

    /// Does what the machine asks for.
    fn perform(&mut self, output: Output) {
        let store = Arc::clone(&self.store);
        match output {
            Output::TryAcquire { call, holder, ttl } => {
                let request = Request::TryAcquire { holder, ttl };
                self.calls.push(Box::pin(ask(store, call, request)));
            }
            Output::Renew {
                call,
                holder,
                epoch,
                ttl,
            } => {
                let request = Request::Renew { holder, epoch, ttl };
                self.calls.push(Box::pin(ask(store, call, request)));
            }
            // It is given back when the store is closed, after the last write.
            Output::Release { .. } => {}
            Output::Start { epoch } => {
                tracing::info!(%epoch, "this process writes the projection");
                self.writing.note(epoch);
                self.writing.state.send_modify(|state| {
                    state.epoch = Some(epoch.0);
                    state.holder = Some((self.writing.holder.to_string(), epoch.0));
                    state.is_decided = true;
                });
            }
            Output::Stop { reason } => {
                tracing::warn!(?reason, "this process writes the projection no more");
                self.writing.state.send_modify(|state| state.epoch = None);
            }
        }
    }

    /// Remembers who holds the lease, for people who ask.
    fn note(&self, input: &Input) {
        let holder = match input {
            Input::Denied { holder, epoch, .. } => {
                Some((holder.as_ref().map(|holder| holder.0.clone()), epoch.0))
            }
            Input::Failed { .. } => None,
            Input::Granted { .. } | Input::Fenced { .. } | Input::Timeout | Input::Leave => return,
        };
        self.writing.state.send_modify(|state| {
            state.is_decided = true;
            if let Some((holder, epoch)) = holder {
                state.holder = Some((holder.unwrap_or_default(), epoch));
            }
        });
    }
}

async fn ask(store: Arc<dyn ProjectionStore>, call: Call, request: Request) -> Input {
    match store.lease(request).await {
        Ok(Reply::Granted { epoch, ttl }) => Input::Granted { call, epoch, ttl },
        Ok(Reply::Denied {
            holder,
            epoch,
            remaining,
        }) => Input::Denied {
            call,
            holder,
            epoch,
            remaining,
        },
        Ok(Reply::Released | Reply::Accepted | Reply::Fenced { .. }) => Input::Failed { call },
        Err(error) => {
            tracing::warn!(%error, "the lease cannot be asked for");
            Input::Failed { call }
        }
    }
}
