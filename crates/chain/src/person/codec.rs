//! The bytes of key events, as `docs/protocols/person.md` describes them. All integers are little endian.

use base::Timestamp;
use thiserror::Error;

use super::{
    DOORWAY_BYTES_MAX, EVENTS_MAX, EventHash, HostingGrant, Inception, KeyCommitment, KeyEvent,
    PersonId, Rotation, SignedEvent, doorway_fits,
};

/// What every event starts with. No action and no statement starts like this.
const MAGIC: &[u8; 8] = b"CHPERSON";

/// The version of the format.
const VERSION: u8 = 1;

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;

/// Most bytes of a signed event: a grant with the longest name of a doorway.
pub const EVENT_BYTES_MAX: usize = 137 + DOORWAY_BYTES_MAX + SIGNATURE_BYTES;

/// The kinds of events, as they are written.
const INCEPTION: u8 = 1;
const ROTATION: u8 = 2;
const GRANT: u8 = 3;

/// Why bytes are no signed key event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// They do not begin as an event does.
    #[error("these bytes are not a key event of a person")]
    Foreign,
    /// They are of a version that is not known here.
    #[error("the key event is of version {0}, and only version 1 is known")]
    Version(u8),
    /// They are of a kind that is not known here.
    #[error("the key event is of the unknown kind {0}")]
    Kind(u8),
    /// They end too early.
    #[error("the key event is cut off")]
    Cut,
    /// There is more behind the event.
    #[error("there are bytes behind the key event")]
    Surplus,
    /// A field that has one value in this kind has another.
    #[error("the field {0} of the key event has a value that it cannot have")]
    Field(&'static str),
    /// There are more events than a person has.
    #[error("a person has at most {EVENTS_MAX} key events")]
    TooMany,
}

/// What all kinds begin with.
struct Head {
    kind: u8,
    seq: u32,
    made: Timestamp,
    person: [u8; 32],
    previous: [u8; 32],
}

/// Returns the bytes of an event.
pub(super) fn encode(event: &KeyEvent) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(EVENT_BYTES_MAX);
    match event {
        KeyEvent::Inception(inception) => {
            let head = Head {
                kind: INCEPTION,
                seq: 0,
                made: inception.made,
                person: [0; 32],
                previous: [0; 32],
            };
            head.encode(&mut bytes);
            bytes.extend_from_slice(&inception.key);
            bytes.extend_from_slice(&inception.next.0);
        }
        KeyEvent::Rotation(rotation) => {
            let head = Head {
                kind: ROTATION,
                seq: rotation.seq,
                made: rotation.made,
                person: rotation.person.0,
                previous: rotation.previous.0,
            };
            head.encode(&mut bytes);
            bytes.extend_from_slice(&rotation.key);
            bytes.extend_from_slice(&rotation.next.0);
        }
        KeyEvent::Grant(grant) => {
            let head = Head {
                kind: GRANT,
                seq: grant.seq,
                made: grant.made,
                person: grant.person.0,
                previous: grant.key_event.0,
            };
            head.encode(&mut bytes);
            bytes.extend_from_slice(&grant.agent);
            bytes.extend_from_slice(&grant.epoch.to_le_bytes());
            bytes.extend_from_slice(&grant.expires.as_micros().to_le_bytes());
            assert!(
                doorway_fits(&grant.doorway),
                "the name of a doorway is checked before it is granted anything"
            );
            let len = u8::try_from(grant.doorway.len()).expect("it fits, as was just checked");
            bytes.push(len);
            bytes.extend_from_slice(grant.doorway.as_bytes());
        }
    }
    bytes
}

impl Head {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, self.kind, 0, 0]);
        bytes.extend_from_slice(&self.seq.to_le_bytes());
        bytes.extend_from_slice(&self.made.as_micros().to_le_bytes());
        bytes.extend_from_slice(&self.person);
        bytes.extend_from_slice(&self.previous);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.array::<8>().ok().as_ref() != Some(MAGIC) {
            return Err(DecodeError::Foreign);
        }
        let [version, kind, reserved @ ..] = reader.array::<4>()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        if !matches!(kind, INCEPTION | ROTATION | GRANT) {
            return Err(DecodeError::Kind(kind));
        }
        if reserved != [0, 0] {
            return Err(DecodeError::Field("reserved"));
        }
        Ok(Self {
            kind,
            seq: u32::from_le_bytes(reader.array()?),
            made: Timestamp(i64::from_le_bytes(reader.array()?)),
            person: reader.array()?,
            previous: reader.array()?,
        })
    }
}

/// Reads one signed event and returns what stands behind it.
pub(super) fn split(bytes: &[u8]) -> Result<(SignedEvent, &[u8]), DecodeError> {
    let mut reader = Reader(bytes);
    let head = Head::decode(&mut reader)?;
    let event = match head.kind {
        INCEPTION => KeyEvent::Inception(inception(&head, &mut reader)?),
        ROTATION => KeyEvent::Rotation(rotation(&head, &mut reader)?),
        _ => KeyEvent::Grant(grant(&head, &mut reader)?),
    };
    let signature = reader.array()?;
    Ok((SignedEvent { event, signature }, reader.0))
}

fn inception(head: &Head, reader: &mut Reader<'_>) -> Result<Inception, DecodeError> {
    if head.seq != 0 {
        return Err(DecodeError::Field("seq"));
    }
    if head.person != [0; 32] {
        return Err(DecodeError::Field("person"));
    }
    if head.previous != [0; 32] {
        return Err(DecodeError::Field("previous"));
    }
    Ok(Inception {
        made: head.made,
        key: reader.array()?,
        next: KeyCommitment(reader.array()?),
    })
}

fn rotation(head: &Head, reader: &mut Reader<'_>) -> Result<Rotation, DecodeError> {
    if head.seq == 0 {
        return Err(DecodeError::Field("seq"));
    }
    Ok(Rotation {
        person: PersonId(head.person),
        seq: head.seq,
        previous: EventHash(head.previous),
        made: head.made,
        key: reader.array()?,
        next: KeyCommitment(reader.array()?),
    })
}

fn grant(head: &Head, reader: &mut Reader<'_>) -> Result<HostingGrant, DecodeError> {
    let agent = reader.array()?;
    let epoch = u64::from_le_bytes(reader.array()?);
    let expires = Timestamp(i64::from_le_bytes(reader.array()?));
    let [len] = reader.array()?;
    let doorway = std::str::from_utf8(reader.take(len.into())?)
        .ok()
        .filter(|doorway| doorway_fits(doorway))
        .ok_or(DecodeError::Field("doorway"))?;
    Ok(HostingGrant {
        person: PersonId(head.person),
        seq: head.seq,
        key_event: EventHash(head.previous),
        made: head.made,
        agent,
        epoch,
        expires,
        doorway: doorway.to_owned(),
    })
}

/// Returns the bytes of a whole log: its signed events, one behind the other.
#[must_use]
pub fn encode_log(events: &[SignedEvent]) -> Vec<u8> {
    events.iter().flat_map(SignedEvent::encode).collect()
}

/// Reads the signed events of a whole log; what they mean together is checked by [`super::PersonLog`].
///
/// # Errors
/// [`DecodeError`]; no bytes are left over, and there are at most [`EVENTS_MAX`] events.
pub fn decode_log(mut bytes: &[u8]) -> Result<Vec<SignedEvent>, DecodeError> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        if events.len() >= EVENTS_MAX {
            return Err(DecodeError::TooMany);
        }
        let (event, rest) = split(bytes)?;
        events.push(event);
        bytes = rest;
    }
    Ok(events)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], DecodeError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(DecodeError::Cut)?;
        self.0 = rest;
        Ok(*taken)
    }
}
