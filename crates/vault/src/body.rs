//! What the vault writes into its log: one body for each kind of log record, version 1, little endian.
//!
//! # Invariants
//! One value has one encoding; a body that decodes to something else than it was is refused, and lengths are bounded.

use base::Timestamp;
use thiserror::Error;

use crate::core::fence::{Mark, Told};
use crate::core::slots::{SLOTS_MAX, SlotKind};
use crate::envelope::{Envelope, HINT_BYTES_MAX, Owner, SEALED_BYTES, Slot, WRAPPED_BYTES};
use crate::history::{DETAIL_BYTES_MAX, Signed, What};

/// The version of all bodies.
const VERSION: u8 = 1;

/// Where a log record lies, as the one behind it says it: segment, offset, length of the body.
pub(crate) type Place = disk::log::Position;

/// A log record of the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// In which folder the vault lies, and under which server key.
    Home(Home),
    /// A key came.
    Enrolled {
        /// The key as it lies on the disk.
        envelope: Envelope,
        /// Whether the key was made here, so that nobody else signed with it.
        is_new_key: bool,
        /// When.
        at: Timestamp,
    },
    /// A way to unlock a key came.
    SlotAdded { owner: Owner, slot: Slot },
    /// A way to unlock a key has gone.
    SlotRemoved { owner: Owner, number: u16 },
    /// Something is about to be signed.
    Signed(Signed),
    /// Somebody told the head of a chain.
    Confirmed {
        told: Told,
        at: Timestamp,
        before: Option<Place>,
    },
    /// The vault may have missed something.
    Restored,
    /// A key has gone.
    Retired {
        at: Timestamp,
        before: Option<Place>,
    },
}

/// In which folder the vault lies, and under which server key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// Numbers of the device and the inode of the folder; zeros where nobody says.
    pub(crate) folder: (u64, u64),
    /// The mark of the server key.
    pub(crate) server_mark: [u8; 32],
}

/// The bytes are no body of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("log record of kind {kind} cannot be read")]
pub(crate) struct BodyError {
    /// The kind that the head says.
    pub(crate) kind: u8,
}

impl Body {
    /// Returns the kind that the head of the log record says.
    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::Home(_) => 1,
            Self::Enrolled { .. } => 2,
            Self::SlotAdded { .. } => 3,
            Self::SlotRemoved { .. } => 4,
            Self::Signed(_) => 5,
            Self::Confirmed { .. } => 6,
            Self::Restored => 7,
            Self::Retired { .. } => 8,
        }
    }

    /// Returns the bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Writer(vec![VERSION]);
        match self {
            Self::Home(home) => {
                bytes.u64(home.folder.0);
                bytes.u64(home.folder.1);
                bytes.raw(&home.server_mark);
            }
            Self::Enrolled {
                envelope,
                is_new_key,
                at,
            } => {
                bytes.u8(u8::from(*is_new_key));
                bytes.time(*at);
                bytes.raw(&envelope.owner.person);
                bytes.raw(&envelope.seed);
                bytes.u8(u8::try_from(envelope.slots.len()).expect("slots are bounded"));
                for slot in &envelope.slots {
                    bytes.slot(slot);
                }
            }
            Self::SlotAdded { owner, slot } => {
                bytes.raw(&owner.person);
                bytes.slot(slot);
            }
            Self::SlotRemoved { owner, number } => {
                bytes.raw(&owner.person);
                bytes.u16(*number);
            }
            Self::Signed(signed) => {
                bytes.u8(signed.what.number());
                bytes.u64(signed.epoch);
                bytes.u32(signed.seq);
                bytes.raw(&signed.hash);
                bytes.time(signed.at);
                bytes.place(signed.before);
                bytes.text(&signed.detail);
            }
            Self::Confirmed { told, at, before } => {
                bytes.u8(u8::from(told.head.is_some())
                    | u8::from(told.closes) << 1
                    | u8::from(told.grant_epoch.is_some()) << 2);
                let head = told.head.unwrap_or(Mark {
                    seq: 0,
                    hash: [0; 32],
                });
                bytes.u32(head.seq);
                bytes.raw(&head.hash);
                bytes.u64(told.grant_epoch.unwrap_or(0));
                bytes.time(*at);
                bytes.place(*before);
            }
            Self::Restored => {}
            Self::Retired { at, before } => {
                bytes.time(*at);
                bytes.place(*before);
            }
        }
        bytes.0
    }

    /// Reads a log record of an agent.
    pub(crate) fn decode(kind: u8, agent: &[u8; 32], bytes: &[u8]) -> Result<Self, BodyError> {
        let mut reader = Reader(bytes);
        let body = read(kind, agent, &mut reader);
        body.filter(|_| reader.0.is_empty())
            .ok_or(BodyError { kind })
    }
}

fn read(kind: u8, agent: &[u8; 32], reader: &mut Reader<'_>) -> Option<Body> {
    if reader.u8()? != VERSION {
        return None;
    }
    Some(match kind {
        1 => Body::Home(Home {
            folder: (reader.u64()?, reader.u64()?),
            server_mark: reader.array()?,
        }),
        2 => {
            let is_new_key = reader.flag()?;
            let at = reader.time()?;
            let owner = reader.owner(agent)?;
            let seed: [u8; SEALED_BYTES] = reader.array()?;
            let count = usize::from(reader.u8()?);
            if count > SLOTS_MAX {
                return None;
            }
            let slots = (0..count).map(|_| reader.slot()).collect::<Option<_>>()?;
            Body::Enrolled {
                envelope: Envelope { owner, seed, slots },
                is_new_key,
                at,
            }
        }
        3 => Body::SlotAdded {
            owner: reader.owner(agent)?,
            slot: reader.slot()?,
        },
        4 => Body::SlotRemoved {
            owner: reader.owner(agent)?,
            number: reader.u16()?,
        },
        5 => Body::Signed(Signed {
            what: What::from_number(reader.u8()?)?,
            epoch: reader.u64()?,
            seq: reader.u32()?,
            hash: reader.array()?,
            at: reader.time()?,
            before: reader.place()?,
            detail: reader.text()?,
        }),
        6 => confirmed(reader)?,
        7 => Body::Restored,
        8 => Body::Retired {
            at: reader.time()?,
            before: reader.place()?,
        },
        _ => return None,
    })
}

fn confirmed(reader: &mut Reader<'_>) -> Option<Body> {
    let flags = reader.u8().filter(|flags| *flags < 8)?;
    let mark = Mark {
        seq: reader.u32()?,
        hash: reader.array()?,
    };
    let epoch = reader.u64()?;
    // What was not told is written as zeros.
    let is_blank = mark.seq == 0 && mark.hash == [0; 32];
    if (flags & 1 == 0 && !is_blank) || (flags & 4 == 0 && epoch != 0) {
        return None;
    }
    let told = Told {
        head: (flags & 1 != 0).then_some(mark),
        closes: flags & 2 != 0,
        grant_epoch: (flags & 4 != 0).then_some(epoch),
    };
    Some(Body::Confirmed {
        told,
        at: reader.time()?,
        before: reader.place()?,
    })
}

/// Bytes that grow.
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.raw(&time.as_micros().to_le_bytes());
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A text of at most [`DETAIL_BYTES_MAX`] bytes.
    pub(crate) fn text(&mut self, text: &str) {
        let len = u8::try_from(text.len()).expect("texts are bounded where they are made");
        self.u8(len);
        self.raw(text.as_bytes());
    }

    /// A place, zeros for none: segments are numbered from 1.
    pub(crate) fn place(&mut self, place: Option<Place>) {
        self.u64(place.map_or(0, |place| place.segment));
        self.u32(place.map_or(0, |place| place.offset));
        self.u32(place.map_or(0, |place| place.body_len));
    }

    fn slot(&mut self, slot: &Slot) {
        self.u16(slot.number);
        self.u8(slot.kind.number());
        self.u16(u16::try_from(slot.hint.len()).expect("hints are bounded where slots are made"));
        self.raw(&slot.hint);
        self.raw(&slot.wrapped);
    }
}

/// What is left to read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        self.array()
            .map(|bytes| Timestamp(i64::from_le_bytes(bytes)))
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        let len = usize::from(self.u8()?);
        if len > DETAIL_BYTES_MAX {
            return None;
        }
        let bytes = self.take(len)?;
        Some(std::str::from_utf8(bytes).ok()?.to_owned())
    }

    pub(crate) fn place(&mut self) -> Option<Option<Place>> {
        let place = Place {
            segment: self.u64()?,
            offset: self.u32()?,
            body_len: self.u32()?,
        };
        match place {
            Place {
                segment: 0,
                offset: 0,
                body_len: 0,
            } => Some(None),
            Place { segment: 0, .. } => None,
            place => Some(Some(place)),
        }
    }

    fn owner(&mut self, agent: &[u8; 32]) -> Option<Owner> {
        Some(Owner {
            agent: *agent,
            person: self.array()?,
        })
    }

    fn slot(&mut self) -> Option<Slot> {
        let number = self.u16()?;
        let kind = SlotKind::from_number(self.u8()?)?;
        let len = usize::from(self.u16()?);
        if len > HINT_BYTES_MAX {
            return None;
        }
        let hint = self.take(len)?.to_vec();
        let wrapped: [u8; WRAPPED_BYTES] = self.array()?;
        Some(Slot {
            number,
            kind,
            hint,
            wrapped,
        })
    }
}

#[cfg(test)]
mod tests;
