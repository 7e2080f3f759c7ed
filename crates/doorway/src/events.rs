//! One open stream of events: runs [`doorway_core::outbox`] for a consumer and writes what it says as server-sent
//! events (WHATWG HTML, "Server-sent events").
//!
//! # Invariants
//! The log is read from the store alone; hints only say when.
//! A consumer that does not read holds a bounded number of events here, and is cut off and told why.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use api::{ChangedView, ClosedView, EventView, LiveView, OutdatedView, SCHEMA_VERSION};
use base::Machine as _;
use bytes::Bytes;
use doorway_core::event::Event;
use doorway_core::outbox::{Input, Limits, LogId, Outbox, Output, Page, Phase, Position};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use runtime::Shutdown;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time;

use crate::service::Doorway;
use crate::status::DoorwayMetrics;
use crate::store::{LogEnds, StoreError};

/// Pieces that wait between the outbox and the connection.
const PIECES_MAX: usize = 4;

/// What is sent to a consumer.
pub(crate) type Piece = Result<Bytes, Infallible>;

/// One consumer's stream.
pub(crate) struct Stream {
    doorway: Doorway,
    machine: Outbox<Event>,
    /// Written and not yet taken by the connection, each with the number of items that it makes drained.
    written: VecDeque<(Bytes, u32)>,
    reads: FuturesUnordered<BoxFuture<'static, Read>>,
    /// Snapshots that were made, by request.
    snapshot: Option<(u32, Vec<EventView>)>,
    hints: watch::Receiver<u64>,
    was_live: bool,
}

/// What reading the store gave.
enum Read {
    Page(Result<Page<Event>, StoreError>),
    Snapshot(u32, Result<(u64, Vec<EventView>), StoreError>),
}

/// Why a stream has ended.
enum End {
    /// The consumer went away.
    Gone,
    /// It was cut off, or the doorway ends.
    Closed(&'static str),
}

impl Stream {
    /// Prepares a stream from a position.
    ///
    /// # Errors
    /// When the store cannot say where its log begins and ends.
    pub(crate) async fn open(
        doorway: Doorway,
        position: Position,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let LogEnds {
            log,
            oldest,
            newest,
        } = doorway.store().log_ends().await?;
        let mut machine = Outbox::new(limits);
        let start = Input::Start {
            position,
            log: LogId(log),
            oldest,
            newest,
        };
        machine.handle(doorway.now(), start);
        Ok(Self {
            hints: doorway.feed().listen(),
            doorway,
            machine,
            written: VecDeque::new(),
            reads: FuturesUnordered::new(),
            snapshot: None,
            was_live: false,
        })
    }

    /// Makes the channel that carries pieces to the connection, with a place for the farewell.
    pub(crate) fn channel() -> (mpsc::Sender<Piece>, mpsc::Receiver<Piece>) {
        mpsc::channel(PIECES_MAX + 1)
    }

    /// Serves the consumer until it goes, is cut off, or the doorway ends.
    pub(crate) async fn run(mut self, pieces: mpsc::Sender<Piece>, shutdown: Shutdown) {
        let _counted = Counted::new(self.doorway.metrics());
        // Kept from the start, so that who reads nothing is told why all the same.
        let Ok(farewell) = pieces.clone().reserve_owned().await else {
            return;
        };
        match self.serve(&pieces, &shutdown).await {
            End::Gone => {}
            End::Closed(reason) => {
                let view = ClosedView {
                    schema_version: SCHEMA_VERSION,
                    reason: reason.to_owned(),
                };
                drop(farewell.send(Ok(write("closed", None, &view))));
            }
        }
    }

    async fn serve(&mut self, pieces: &mpsc::Sender<Piece>, shutdown: &Shutdown) -> End {
        loop {
            while let Some(output) = self.machine.poll_output() {
                if let Some(end) = self.perform(output) {
                    return end;
                }
            }
            self.note_live();
            let now = self.doorway.now();
            let wait = self.machine.poll_timeout().map(|(at, _)| at.since(now));
            let input = tokio::select! {
                biased;
                () = shutdown.requested() => return End::Closed("shutting-down"),
                permit = pieces.reserve(), if !self.written.is_empty() => {
                    let (Ok(permit), Some((bytes, items))) = (permit, self.written.pop_front()) else {
                        return End::Gone;
                    };
                    permit.send(Ok(bytes));
                    Input::Drained { items }
                }
                () = pieces.closed() => return End::Gone,
                Some(read) = self.reads.next() => self.take(read),
                Ok(()) = self.hints.changed() => Input::Live {
                    number: *self.hints.borrow_and_update(),
                    event: None,
                },
                () = time::sleep(wait.map_or(Duration::from_secs(60), Into::into)) => Input::Timeout,
            };
            self.machine.handle(self.doorway.now(), input);
        }
    }

    /// Does what the outbox asks for; says so when it ends the stream.
    fn perform(&mut self, output: Output<Event>) -> Option<End> {
        match output {
            Output::ReadLog { after, limit } => {
                let doorway = self.doorway.clone();
                self.reads.push(Box::pin(async move {
                    Read::Page(read_log(&doorway, after, limit).await)
                }));
            }
            Output::TakeSnapshot { request } => {
                let doorway = self.doorway.clone();
                self.reads.push(Box::pin(async move {
                    Read::Snapshot(request, take_snapshot(&doorway).await)
                }));
            }
            Output::Send { cursor, event } => {
                let bytes = write("chain", Some(&cursor), &view(&event));
                self.written.push_back((bytes, 1));
            }
            Output::SendSnapshot { request, cursor } => {
                let views = self.snapshot.take().filter(|(made, _)| *made == request);
                if let Some((_, views)) = views {
                    let lines = views.iter().map(|view| write("chain", None, view));
                    self.written.extend(lines.map(|bytes| (bytes, 0)));
                }
                let end = format!(": snapshot complete\nid: {cursor}\n\n");
                self.written.push_back((end.into(), 1));
            }
            Output::Comment => {
                let comment = Bytes::from_static(b": still here\n\n");
                self.written.push_back((comment, 1));
            }
            Output::Reset { reason } => {
                let view = OutdatedView {
                    schema_version: SCHEMA_VERSION,
                    reason: reason.as_str().to_owned(),
                };
                self.written.push_back((write("outdated", None, &view), 1));
            }
            Output::Close { reason, .. } => {
                self.written.clear();
                tracing::info!(reason = reason.as_str(), "a reader of events was cut off");
                self.doorway.metrics().consumer_cut_off();
                return Some(End::Closed(reason.as_str()));
            }
        }
        None
    }

    fn take(&mut self, read: Read) -> Input<Event> {
        match read {
            Read::Page(Ok(page)) => Input::Page(page),
            Read::Snapshot(request, Ok((number, views))) => {
                self.snapshot = Some((request, views));
                Input::SnapshotReady { request, number }
            }
            Read::Page(Err(error)) | Read::Snapshot(_, Err(error)) => {
                tracing::debug!(%error, "the log cannot be read at the moment");
                Input::Failed
            }
        }
    }

    /// Tells the consumer once that it has everything that there was.
    fn note_live(&mut self) {
        if self.was_live || self.machine.phase() != Phase::Live {
            return;
        }
        self.was_live = true;
        let cursor = self.machine.cursor();
        let view = LiveView {
            schema_version: SCHEMA_VERSION,
            number: cursor.number,
        };
        self.written
            .push_back((write("live", Some(&cursor), &view), 0));
    }
}

/// Counts a consumer for as long as it is served.
struct Counted(DoorwayMetrics);

impl Counted {
    fn new(metrics: &DoorwayMetrics) -> Self {
        metrics.consumer_joined();
        Self(metrics.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.consumer_left();
    }
}

async fn read_log(doorway: &Doorway, after: u64, limit: u32) -> Result<Page<Event>, StoreError> {
    // Asked first: an event that is stored in between must not look like one that cannot be read.
    let ends = doorway.store().log_ends().await?;
    let events = doorway.store().events(after, limit).await?;
    let last = events.last().map_or(after, |event| event.number);
    Ok(Page {
        after,
        events: events
            .into_iter()
            .map(|event| (event.number, event))
            .collect(),
        oldest: ends.oldest,
        is_end: ends.newest <= last,
    })
}

/// Tells how far each chain is projected, and which event shows no less than that.
async fn take_snapshot(doorway: &Doorway) -> Result<(u64, Vec<EventView>), StoreError> {
    let newest = doorway.store().log_ends().await?.newest;
    let cursors = doorway.store().cursors().await?;
    let now = doorway.now();
    let view = |(agent, cursor): (chain::AgentPubKey, doorway_core::projector::Cursor)| EventView {
        schema_version: SCHEMA_VERSION,
        number: None,
        at_us: now.as_micros(),
        agent: agent.to_string(),
        seq: cursor.seq,
        action_hash: cursor.hash.to_string(),
        changes: Vec::new(),
    };
    Ok((newest, cursors.into_iter().map(view).collect()))
}

fn view(event: &Event) -> EventView {
    EventView {
        schema_version: SCHEMA_VERSION,
        number: Some(event.number),
        at_us: event.at.as_micros(),
        agent: event.agent.to_string(),
        seq: event.seq,
        action_hash: event.head.to_string(),
        changes: event
            .changes
            .iter()
            .map(|changed| ChangedView {
                r#type: changed.kind.clone(),
                id: changed.item.to_string(),
                change: changed.what.as_str().to_owned(),
                course: changed.course.clone(),
                slug: changed.slug.clone(),
            })
            .collect(),
    }
}

/// Writes one event; JSON on one line needs no more than one `data` field.
fn write<T: Serialize>(
    name: &str,
    cursor: Option<&doorway_core::outbox::EventCursor>,
    view: &T,
) -> Bytes {
    let data = serde_json::to_string(view).expect("a view can be said in JSON");
    let id = cursor.map_or_else(String::new, |cursor| format!("id: {cursor}\n"));
    Bytes::from(format!("event: {name}\n{id}data: {data}\n\n"))
}
