//! One lane per cell: changes of one cell come one after the other, those of different cells go side by side.
//!
//! What a lane remembers of its chain is dropped before every change and put back after it was acknowledged. A change
//! that fails, or whose future is dropped, therefore leaves nothing behind that could be wrong: the next one loads anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chain::Signer;

use crate::CellId;
use crate::embedded::store::Loaded;

/// What is kept in memory of a cell between changes.
#[derive(Default)]
pub(super) struct Lane {
    /// Who signs for the cell; given anew at every start.
    pub(super) signer: Option<Arc<dyn Signer>>,
    /// What the store holds, when that is certain.
    pub(super) loaded: Option<Loaded>,
}

/// A lane that whoever holds it can wait for.
pub(super) type SharedLane = Arc<tokio::sync::Mutex<Lane>>;

/// The lanes of all cells that were used since the start.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<CellId, SharedLane>>);

impl Lanes {
    /// Returns the lane of a cell.
    pub(super) fn get(&self, cell: &CellId) -> SharedLane {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(cell.clone()).or_default())
    }

    /// Forgets the lane of a cell that is not hosted, unless somebody waits for it.
    ///
    /// The caller gives its own handle back; the map's and this one are then all there are.
    pub(super) fn forget(&self, cell: &CellId, lane: SharedLane) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(&lane) <= 2 {
            lanes.remove(cell);
        }
    }
}
