//! Opening a vault: reading its log anew, noticing that it was copied or restored, and starting its threads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use disk::log::{Appender, Log, LogConfig, Opened, Position};
use wire::segment::RecordHead;

use super::{Config, Inner, Unlocked, Vault};
use crate::arena::Arena;
use crate::body::{Body, Home};
use crate::core::fence::{Ask, Fence, Mark, RawAgent};
use crate::core::sessions::Sessions;
use crate::envelope::{Envelope, ServerKey};
use crate::error::OpenError;
use crate::history::{Signed, What};
use crate::keeper::{Keeper, push};
use crate::state::{Kept, Shared};
use disk::log::group;

/// The key of log records that belong to no agent.
const NOBODY: RawAgent = [0; 32];

/// What the log says.
struct Replay {
    fence: Fence<Position>,
    envelopes: BTreeMap<RawAgent, Envelope>,
    home: Option<Home>,
    fault: Option<String>,
}

/// A vault that was read, before its threads start.
pub(super) struct Ready {
    pub(super) keeper: Keeper,
    pub(super) shared: Arc<Shared>,
    pub(super) log: Log,
    pub(super) appender: Appender,
}

impl Vault {
    /// Opens a vault, making it when it is missing. It takes as long as its log is long.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(config: &Config, server: ServerKey) -> Result<Self, OpenError> {
        let Ready {
            mut keeper,
            shared,
            log,
            mut appender,
        } = read(config, &server)?;
        let (queue, waiting) = group::queue(config.queue_len_max);
        let preparer = log.preparer();
        let write = move || waiting.run(&mut keeper, &mut appender);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(work).map_err(OpenError::Thread)
        };
        let threads = vec![
            spawn("vault-writer", Box::new(write))?,
            spawn("vault-segments", Box::new(move || preparer.run()))?,
        ];
        let sessions = Sessions::new(config.sessions);
        let arena = Arena::new(config.sessions.sessions_max.max(1));
        Ok(Self {
            inner: Arc::new(Inner {
                server,
                shared,
                unlocked: Mutex::new(Unlocked { sessions, arena }),
                log,
                queue: Some(queue),
                threads,
            }),
        })
    }
}

/// Reads a vault, and writes down where it lies when that is new.
pub(super) fn read(config: &Config, server: &ServerKey) -> Result<Ready, OpenError> {
    let log_config = LogConfig {
        first_segment_bytes: config.first_segment_bytes,
        segment_bytes: config.segment_bytes,
        ..LogConfig::new("log", "vault")
    };
    let mut replay = Replay {
        fence: Fence::new(),
        envelopes: BTreeMap::new(),
        home: None,
        fault: None,
    };
    let opened = Log::open(
        Arc::clone(&config.disk),
        log_config,
        0,
        &mut |place, head, body| replay.take(place, head, body),
    )?;
    if let Some(fault) = replay.fault.take() {
        return Err(OpenError::Content(fault));
    }
    let Opened {
        log, mut appender, ..
    } = opened;
    let home = Home {
        folder: config.folder.unwrap_or_default(),
        server_mark: server.mark(),
    };
    replay.move_in(home, config.is_restored, &mut appender)?;
    replay.fence.settle(true);
    let Replay {
        fence, envelopes, ..
    } = replay;
    let kept = envelopes.into_iter().filter_map(|(agent, envelope)| {
        let standing = fence.standing(&agent)?.clone();
        let envelope = Arc::new(envelope);
        Some((agent, Kept { envelope, standing }))
    });
    let shared = Arc::new(Shared::new(kept.collect()));
    Ok(Ready {
        keeper: Keeper::new(Arc::clone(&shared), fence, log.clone()),
        shared,
        log,
        appender,
    })
}

impl Replay {
    fn take(&mut self, place: Position, head: &RecordHead, bytes: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        let agent = head.key;
        match Body::decode(head.kind, &agent, bytes) {
            Ok(body) => {
                if let Err(fault) = self.apply(place, agent, body) {
                    self.fault = Some(format!("log record {}: {fault}", head.lsn));
                }
            }
            Err(error) => self.fault = Some(format!("log record {}: {error}", head.lsn)),
        }
        self.fence.settle(true);
    }

    fn apply(&mut self, place: Position, agent: RawAgent, body: Body) -> Result<(), &'static str> {
        match body {
            Body::Home(home) => self.home = Some(home),
            Body::Restored => self.fence.doubt(),
            Body::Enrolled {
                envelope,
                is_new_key,
                at: _,
            } => {
                self.fence.enroll(&agent, is_new_key, place);
                self.envelopes.insert(agent, envelope);
            }
            Body::SlotAdded { slot, owner: _ } => self.envelope(&agent)?.slots.push(slot),
            Body::SlotRemoved { number, owner: _ } => {
                let slots = &mut self.envelope(&agent)?.slots;
                slots.retain(|slot| slot.number != number);
            }
            Body::Signed(signed) => {
                self.envelope(&agent)?;
                self.signed(place, &agent, &signed)?;
            }
            Body::Confirmed { told, .. } => {
                self.envelope(&agent)?;
                self.fence
                    .check(&agent, &told)
                    .map_err(|_| "a head that cannot be")?;
                self.fence.confirm(&agent, &told, place);
            }
            Body::Retired { .. } => {
                self.fence.retire(&agent, place);
                self.envelopes.remove(&agent);
            }
        }
        Ok(())
    }

    fn envelope(&mut self, agent: &RawAgent) -> Result<&mut Envelope, &'static str> {
        let found = self.envelopes.get_mut(agent);
        found.ok_or("a key that is not kept")
    }

    fn signed(
        &mut self,
        place: Position,
        agent: &RawAgent,
        signed: &Signed,
    ) -> Result<(), &'static str> {
        let hash = signed.hash;
        let ask = if signed.what.is_action() {
            let mark = Mark {
                seq: signed.seq,
                hash,
            };
            let head = self.fence.standing(agent).and_then(|known| known.head());
            if head.is_some_and(|head| mark.seq <= head.seq) {
                return Err("two signatures of one place");
            }
            Ask::Action {
                epoch: signed.epoch,
                mark,
                previous: None,
                closes: signed.what == What::Close,
            }
        } else if signed.what == What::Grant {
            let epoch = signed.epoch;
            Ask::Grant { epoch, hash }
        } else {
            Ask::Statement { hash }
        };
        self.fence.take(agent, &ask, place);
        Ok(())
    }

    /// Compares where the vault lies with where it lay, and writes it down before anything is signed.
    fn move_in(
        &mut self,
        home: Home,
        is_restored: bool,
        appender: &mut Appender,
    ) -> Result<(), OpenError> {
        let before = self.home;
        if before.is_some_and(|before| before.server_mark != home.server_mark) {
            return Err(OpenError::ServerKey);
        }
        let has_moved = before.is_some_and(|before| before.folder != home.folder);
        if (has_moved || is_restored) && !self.envelopes.is_empty() {
            self.fence.doubt();
            stage(appender, &Body::Restored)?;
        }
        if before != Some(home) {
            stage(appender, &Body::Home(home))?;
        }
        appender.commit()?;
        Ok(())
    }
}

fn stage(appender: &mut Appender, body: &Body) -> Result<(), OpenError> {
    push(appender, &NOBODY, body)
        .map(drop)
        .map_err(|error| OpenError::Content(error.to_string()))
}
