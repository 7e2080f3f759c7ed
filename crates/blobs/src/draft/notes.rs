//! What a change of a member means for the lists that are kept beside the rows: what is damaged, and what waits longest.

use super::Draft;
use crate::rows::{MemberRow, NameRow, damaged_key};
use crate::space::Counted;

impl Draft {
    /// Keeps the list and the count of what is damaged.
    pub(super) fn note_damage(
        &mut self,
        (namespace, hash): (u16, &[u8; 32]),
        before: Option<&MemberRow>,
        now: Option<&MemberRow>,
    ) {
        let lost =
            |row: Option<&MemberRow>| row.filter(|row| row.is_lost()).map(|row| row.state.bytes);
        let (row, change) = match (lost(before), lost(now)) {
            (None, Some(bytes)) => (Some(NameRow::Back), Counted::Lost(namespace, bytes)),
            (Some(bytes), None) => (None, Counted::Found(namespace, bytes)),
            (Some(_), Some(_)) | (None, None) => return,
        };
        self.names.insert(damaged_key(namespace, hash), row);
        self.counted.push(change);
    }

    /// Says which blob no longer waits, and which waits again.
    pub(super) fn note_waiting(&mut self, before: Option<&MemberRow>, now: Option<&MemberRow>) {
        let waits =
            |row: Option<&MemberRow>| row.filter(|row| row.is_queued()).map(|row| row.state);
        let (was, is) = (waits(before), waits(now));
        if was.map(|state| state.accepted_lsn) == is.map(|state| state.accepted_lsn) {
            return;
        }
        if let Some(state) = was {
            self.counted.push(Counted::Left(state.accepted_lsn));
        }
        // What is new is newer than all that waits.
        if let Some(state) = is.filter(|_| before.is_some()) {
            let (lsn, at) = (state.accepted_lsn, state.accepted.at);
            self.counted.push(Counted::Came { lsn, at });
        }
    }
}
