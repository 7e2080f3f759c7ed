//! Who wants to hear of which cell. A message that finds no place in a connection's queue is lost, as nudges may be.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_bytes::ByteBuf;
use tokio::sync::broadcast::error::RecvError;
use tokio_tungstenite::tungstenite::Message;

use crate::protocol::admin::AdminSignal;
use crate::protocol::app::{AppSignal, Grown};
use crate::protocol::frame::Frame;
use crate::protocol::hash::CellPair;
use crate::protocol::own::OwnSignal;
use crate::server::Desk;
use crate::socket::{Queue, lock};
use crate::{CellId, Conductor as _, Nudge, protocol, wire};

/// The queues of those who listen, by the number of their connection.
#[derive(Default)]
pub(super) struct Ears {
    /// App sockets.
    cells: HashMap<CellId, HashMap<u64, Queue>>,
    /// Admin sockets that want everything.
    all: HashMap<u64, Queue>,
}

impl Ears {
    pub(super) fn listen(&mut self, cell: CellId, connection: u64, queue: Queue) {
        self.cells
            .entry(cell)
            .or_default()
            .insert(connection, queue);
    }

    pub(super) fn watch(&mut self, connection: u64, queue: Queue) {
        self.all.insert(connection, queue);
    }

    pub(super) fn forget(&mut self, cell: Option<&CellId>, connection: u64) {
        self.all.remove(&connection);
        if let Some(cell) = cell
            && let Some(queues) = self.cells.get_mut(cell)
        {
            queues.remove(&connection);
            if queues.is_empty() {
                self.cells.remove(cell);
            }
        }
    }

    fn tell(&self, nudge: &Nudge) {
        if !self.all.is_empty() {
            let signal = AdminSignal::Commonhold(OwnSignal::Nudge {
                cell_id: CellPair(nudge.cell.clone()),
                seq: nudge.seq,
            });
            send(self.all.values(), protocol::encode(&signal));
        }
        if let Some(queues) = self.cells.get(&nudge.cell) {
            let signal = AppSignal::App {
                cell_id: CellPair(nudge.cell.clone()),
                zome_name: wire::ZOME.to_owned(),
                signal: ByteBuf::from(protocol::encode(&Grown { seq: nudge.seq }).to_vec()),
            };
            send(queues.values(), protocol::encode(&signal));
        }
    }
}

fn send<'a>(queues: impl Iterator<Item = &'a Queue>, data: Bytes) {
    let frame = Message::Binary(Frame::Signal { data }.encode());
    for queue in queues {
        // Full or gone: the reader asks for the chain anyway.
        drop(queue.try_send(frame.clone()));
    }
}

/// Starts to pass the engine's nudges on.
pub(super) fn start(desk: &Arc<Desk>) {
    let mut nudges = desk.engine.nudges();
    let shared = Arc::clone(desk);
    desk.group.spawn(async move {
        loop {
            match shared.shutdown.race(nudges.recv()).await {
                Some(Ok(nudge)) => lock(&shared.ears).tell(&nudge),
                Some(Err(RecvError::Lagged(_))) => {}
                Some(Err(RecvError::Closed)) | None => return,
            }
        }
    });
}
