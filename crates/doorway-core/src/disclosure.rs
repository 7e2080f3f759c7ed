//! Which entries of a chain a reader gets. Every action is shown to everybody, so that nothing can be left out
//! unnoticed; an entry only to those whom its own reach admits.

use crate::address::{self, Address};
use base::Reader;
use chain::{Entry, EntryVisibility, EnvelopeRef, Item, Record, kind::Opened, record};

/// Decides whether `reader` may see the entry of `record`. `body` is the blob of a spilled body, when it is at hand.
///
/// It fails closed: what is not understood is shown to its author alone.
#[must_use]
pub fn shows_entry(record: &Record, body: Option<&[u8]>, reader: &Reader<'_>) -> bool {
    let author = record.action().author().to_string();
    if reader.key() == Some(author.as_str()) {
        return true;
    }
    let is_public = record
        .action()
        .entry_type()
        .is_some_and(|entry_type| *entry_type.visibility() == EntryVisibility::Public);
    match record::present(record) {
        Some(Entry::Agent(_)) => true,
        Some(entry @ Entry::App(_)) if is_public => {
            item_of(entry, body).is_some_and(|item| item.reach().admits(reader, &author))
        }
        Some(Entry::App(_) | Entry::CapClaim(_) | Entry::CapGrant(_) | Entry::CounterSign(..))
        | None => false,
    }
}

/// Returns the address that the item in a record claims for its author.
#[must_use]
pub fn address_of(record: &Record, body: Option<&[u8]>) -> Option<Address> {
    let item = item_of(record::present(record)?, body)?;
    address::of(&item)
}

fn item_of(entry: &Entry, body: Option<&[u8]>) -> Option<Item> {
    let envelope = EnvelopeRef::from_entry(entry).ok()?;
    match Item::open_ref(envelope).ok()? {
        Opened::Item(item) => Some(item),
        Opened::Spilled { .. } => Item::open_spilled(&envelope.to_envelope(), body?).ok(),
    }
}
