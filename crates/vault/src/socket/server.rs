//! The server: who may connect, and one connection's calls in order.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Problem};
use chain::Signature;
use runtime::{Blocking, Clock, Shutdown, TaskGroup};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::call::{Call, Reply};
use super::codec::encode_answer;
use super::{FRAME_BYTES_MAX, HELLO};
use crate::{Request, SignError, Vault};

/// Threads that read what was signed, at once.
const READERS_MAX: usize = 2;

/// Who may talk to a vault: users of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted(BTreeSet<u32>);

/// Bounds of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections; others wait until one ends.
    pub connections_max: usize,
    /// How long a call may take to arrive once it has begun, in milliseconds.
    pub arrival_ms_max: u64,
    /// How often keys are looked at whose time is over, in milliseconds.
    pub expiry_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            arrival_ms_max: 10_000,
            expiry_ms: 5_000,
        }
    }
}

impl Admitted {
    /// Admits the user who runs this process, and others by their number.
    #[must_use]
    pub fn with(others: &[u32]) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self(others.iter().copied().chain([own]).collect())
    }

    /// Admits nobody at all: what a user meets who was not named.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(BTreeSet::new())
    }

    fn admits(&self, stream: &UnixStream) -> bool {
        stream
            .peer_cred()
            .is_ok_and(|peer| self.0.contains(&peer.uid()))
    }
}

/// Serves a vault until the shutdown, and locks keys whose time is over.
///
/// # Cancel safety
/// May be dropped; connections go on until their group is cut.
pub async fn serve(
    vault: Vault,
    listener: UnixListener,
    admitted: Admitted,
    (clock, limits): (Clock, Limits),
    connections: TaskGroup,
    shutdown: Shutdown,
) {
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let blocking = Blocking::new(READERS_MAX);
    let mut expiry = tokio::time::interval(Duration::from_millis(limits.expiry_ms.max(1)));
    loop {
        let accepted = tokio::select! {
            () = shutdown.requested() => return,
            _ = expiry.tick() => {
                vault.expire(clock.now());
                continue;
            }
            accepted = accept(&listener, &permits) => accepted,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the vault could not be accepted");
                continue;
            }
        };
        if !admitted.admits(&stream) {
            tracing::warn!("a user who may not talk to the vault was turned away");
            continue;
        }
        let connection = Connection {
            vault: vault.clone(),
            clock: clock.clone(),
            blocking: blocking.clone(),
            limits,
        };
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            // A client that goes away or talks nonsense ends its connection and nothing else.
            drop(shutdown.race(connection.run(stream)).await);
            drop(permit);
        });
    }
}

async fn accept(
    listener: &UnixListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await;
    let permit = permit.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

struct Connection {
    vault: Vault,
    clock: Clock,
    blocking: Blocking,
    limits: Limits,
}

impl Connection {
    async fn run(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut hello = [0; HELLO.len()];
        self.arrive(stream.read_exact(&mut hello)).await?;
        if hello != *HELLO {
            return Err(io::ErrorKind::InvalidData.into());
        }
        loop {
            let mut len = [0; 4];
            stream.read_exact(&mut len).await?;
            let len = u32::from_le_bytes(len) as usize;
            if len > FRAME_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = Zeroizing::new(vec![0; len]);
            self.arrive(stream.read_exact(&mut bytes)).await?;
            let answer = match Call::decode(&bytes) {
                Some(call) => self.answer(call).await,
                None => Err(Problem::new(
                    Code::MalformedBody,
                    "the vault does not understand this call",
                )),
            };
            let answer = encode_answer(&answer);
            let len = u32::try_from(answer.len()).map_err(|_| io::ErrorKind::InvalidData)?;
            let framed = Zeroizing::new([&len.to_le_bytes(), answer.as_slice()].concat());
            stream.write_all(&framed).await?;
        }
    }

    async fn arrive<T>(&self, read: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let limit = Duration::from_millis(self.limits.arrival_ms_max);
        match tokio::time::timeout(limit, read).await {
            Ok(read) => read,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn answer(&self, call: Call) -> Result<Reply, Problem> {
        let (vault, now) = (&self.vault, self.clock.now());
        match call {
            Call::Stat => Ok(Reply::Stat(vault.stat())),
            Call::List { after, limit } => {
                // A key takes at most some hundred bytes for each of its slots.
                let limit = usize::from(limit).min(20);
                Ok(Reply::Listed(vault.list(after.as_ref(), limit)))
            }
            Call::Unlock { agent, slot, key } => vault
                .unlock(now, &agent, slot, &key)
                .map(|()| Reply::Done)
                .map_err(|error| error.problem()),
            Call::Lock(agent) => Ok(Reply::Was(vault.lock(&agent))),
            Call::Export { agent, slot, key } => vault
                .export(&agent, slot, &key)
                .map(Reply::Seed)
                .map_err(|error| error.problem()),
            Call::History { agent, from, limit } => {
                let vault = vault.clone();
                let read = move || vault.history(&agent, from, limit.into());
                let page = self.blocking.run(read).await;
                page.map(Reply::History).map_err(|error| error.problem())
            }
            Call::SignActions { .. } | Call::SignGrant { .. } | Call::SignChallenge { .. } => {
                self.sign(call).await
            }
            Call::Enroll { .. }
            | Call::Adopt { .. }
            | Call::AddSlot { .. }
            | Call::RemoveSlot { .. }
            | Call::Confirm { .. }
            | Call::Retire(_) => self.change(call).await,
        }
    }

    async fn sign(&self, call: Call) -> Result<Reply, Problem> {
        let (vault, now) = (&self.vault, self.clock.now());
        let one = |signed: Result<Signature, SignError>| match signed {
            Ok(signature) => Ok(Reply::Signed(vec![signature], None)),
            Err(error) => Err(error.problem()),
        };
        match call {
            Call::SignActions {
                agent,
                epoch,
                actions,
            } => {
                let requests: Vec<_> = actions
                    .into_iter()
                    .map(|action| Request::Action { epoch, action })
                    .collect();
                let (signatures, end) = vault.sign_all(now, &agent, &requests).await;
                Ok(Reply::Signed(signatures, end.map(|end| end.problem())))
            }
            Call::SignGrant { agent, grant } => {
                one(vault.sign(now, &agent, &Request::Grant(grant)).await)
            }
            Call::SignChallenge { agent, challenge } => {
                let request = Request::Challenge(challenge);
                one(vault.sign(now, &agent, &request).await)
            }
            _ => Err(Problem::new(Code::Bug, "a call that signs nothing")),
        }
    }

    async fn change(&self, call: Call) -> Result<Reply, Problem> {
        let (vault, now) = (&self.vault, self.clock.now());
        let done = match call {
            Call::Enroll { next, slots } => vault
                .enroll(now, next, &slots)
                .await
                .map(|enrolled| Reply::Enrolled(Box::new(enrolled))),
            Call::Adopt {
                person,
                seed,
                slots,
            } => vault
                .adopt(now, person, &seed, &slots)
                .await
                .map(Reply::Adopted),
            Call::AddSlot {
                agent,
                by,
                key,
                slot,
            } => vault
                .add_slot(now, &agent, (by, &key), &slot)
                .await
                .map(Reply::Slot),
            Call::RemoveSlot { agent, number } => vault
                .remove_slot(now, &agent, number)
                .await
                .map(|()| Reply::Done),
            Call::Confirm { agent, told } => vault
                .confirm(now, &agent, &told)
                .await
                .map(|()| Reply::Done),
            Call::Retire(agent) => vault.retire(now, &agent).await.map(|()| Reply::Done),
            _ => return Err(Problem::new(Code::Bug, "a call that changes nothing")),
        };
        done.map_err(|error| error.problem())
    }
}
