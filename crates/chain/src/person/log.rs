//! Verification of a whole person log, event by event.
//!
//! A fold: [`PersonLog::apply`] takes an event and moves on, or rejects it and stays as it was.
//! Key events come in the order of their places, and behind each the grants of its key in the order of their epochs.

use base::{Code, Duration, Problem, Timestamp};
use thiserror::Error;

use super::{
    EventHash, GRANT_DAYS_MAX, HostingGrant, Inception, KeyCommitment, KeyEvent, PersonId,
    Rotation, SignedEvent,
};

/// Most events of one person: inception, rotations and grants together.
pub const EVENTS_MAX: usize = 4_096;

/// Why an event does not continue a person's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The log does not start with an inception, or has a second one.
    #[error("a person begins with one inception")]
    Inception,
    /// The event is another person's.
    #[error("the key event belongs to another person")]
    Person,
    /// Events are missing before this one.
    #[error("key event {found} came where {wanted} was expected")]
    Gap {
        /// The place that continues the log.
        wanted: u32,
        /// The place that came.
        found: u32,
    },
    /// Another event has this place already: somebody signed two.
    #[error("there are two different key events with the place {seq}")]
    Fork {
        /// The place.
        seq: u32,
    },
    /// It does not link to the event before it.
    #[error("the key event does not link to the one before it")]
    Link,
    /// It is older than the key event before it.
    #[error("the key event is older than the one before it")]
    Time,
    /// The key is not the one that was promised.
    #[error("the new key is not the one that was promised")]
    Commitment,
    /// The promised key is one that was shown already.
    #[error("the promised key is the key that is shown beside it")]
    Shown,
    /// The key can sign nothing.
    #[error("the key is not a usable Ed25519 key")]
    Key,
    /// The signature is not the key's over these bytes.
    #[error("the signature of the key event does not fit")]
    Signature,
    /// The grant names another key than the current one.
    #[error("the grant is of a key that is not the person's current one")]
    OtherKey,
    /// A grant of this epoch or a later one is known.
    #[error("a grant of epoch {known} is known already")]
    Epoch {
        /// The newest epoch.
        known: u64,
    },
    /// The grant ends before it begins, or lasts too long.
    #[error("a grant lasts at most {GRANT_DAYS_MAX} days and ends after it begins")]
    Life,
    /// There are too many events.
    #[error("a person has at most {EVENTS_MAX} key events")]
    TooMany,
}

impl Rejection {
    /// Returns the code under which a person meets this.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Gap { .. } => Code::ChainGap,
            Self::Fork { .. } | Self::Link | Self::Epoch { .. } => Code::ChainFork,
            Self::Time => Code::TimestampOrder,
            Self::Signature => Code::BadSignature,
            Self::Person | Self::OtherKey => Code::ForeignAuthor,
            Self::Inception
            | Self::Commitment
            | Self::Shown
            | Self::Key
            | Self::Life
            | Self::TooMany => Code::MalformedRecord,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.code(), rejection.to_string())
    }
}

/// What is known of a person: their keys, the promise of the next one, and who hosts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonLog {
    person: PersonId,
    /// The inception and the rotations, by place, each with the key that it made current.
    keys: Vec<(EventHash, [u8; 32])>,
    next: KeyCommitment,
    /// When the newest inception or rotation was made.
    made: Timestamp,
    /// The newest grant of any key.
    grant: Option<HostingGrant>,
    pub(super) events: usize,
}

impl PersonLog {
    /// Starts with a person's inception.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn begin(signed: &SignedEvent) -> Result<Self, Rejection> {
        let KeyEvent::Inception(inception) = &signed.event else {
            return Err(Rejection::Inception);
        };
        check_promise(inception.key, inception.next)?;
        signed.check_signature()?;
        let hash = signed.event.hash();
        let Inception { made, key, next } = *inception;
        Ok(Self {
            person: PersonId(hash.0),
            keys: vec![(hash, key)],
            next,
            made,
            grant: None,
            events: 1,
        })
    }

    /// Verifies a whole log.
    ///
    /// # Errors
    /// The place of the first event that does not fit, from 0, and why.
    pub fn verify(events: &[SignedEvent]) -> Result<Self, (usize, Rejection)> {
        let (first, others) = events.split_first().ok_or((0, Rejection::Inception))?;
        let mut log = Self::begin(first).map_err(|rejection| (0, rejection))?;
        for (place, event) in others.iter().enumerate() {
            log.apply(event)
                .map_err(|rejection| (place + 1, rejection))?;
        }
        Ok(log)
    }

    /// Takes one event; an inception or a rotation that is known already changes nothing.
    ///
    /// # Errors
    /// [`Rejection`]; the log stays as it was.
    pub fn apply(&mut self, signed: &SignedEvent) -> Result<(), Rejection> {
        if signed.event.person() != self.person {
            return Err(match signed.event {
                KeyEvent::Inception(_) => Rejection::Inception,
                KeyEvent::Rotation(_) | KeyEvent::Grant(_) => Rejection::Person,
            });
        }
        match &signed.event {
            KeyEvent::Inception(_) => signed.check_signature(),
            KeyEvent::Rotation(rotation) => self.rotate(rotation, signed),
            KeyEvent::Grant(grant) => self.grant(grant, signed),
        }
    }

    fn rotate(&mut self, rotation: &Rotation, signed: &SignedEvent) -> Result<(), Rejection> {
        let seq = rotation.seq;
        let hash = signed.event.hash();
        let wanted = self.seq() + 1;
        if seq < wanted {
            return self.meet_again(rotation, signed);
        }
        if seq != wanted {
            return Err(Rejection::Gap { wanted, found: seq });
        }
        if rotation.previous != self.head() {
            return Err(Rejection::Link);
        }
        if rotation.made < self.made {
            return Err(Rejection::Time);
        }
        if KeyCommitment::of(&rotation.key) != self.next {
            return Err(Rejection::Commitment);
        }
        check_promise(rotation.key, rotation.next)?;
        signed.check_signature()?;
        self.count()?;
        self.keys.push((hash, rotation.key));
        self.next = rotation.next;
        self.made = rotation.made;
        Ok(())
    }

    /// Looks at a rotation of a place that is taken: it is the known one, or a second one by the holder of its key.
    fn meet_again(&self, rotation: &Rotation, signed: &SignedEvent) -> Result<(), Rejection> {
        let seq = rotation.seq;
        let place = seq as usize;
        let (Some(before), Some(known)) = (place.checked_sub(1), self.keys.get(place)) else {
            return Err(Rejection::Inception);
        };
        // Only the holder of the promised key can make a second one; what others make is no fork.
        if rotation.key != known.1 {
            return Err(Rejection::Commitment);
        }
        if rotation.previous != self.keys[before].0 {
            return Err(Rejection::Link);
        }
        signed.check_signature()?;
        if signed.event.hash() != known.0 {
            return Err(Rejection::Fork { seq });
        }
        Ok(())
    }

    fn grant(&mut self, grant: &HostingGrant, signed: &SignedEvent) -> Result<(), Rejection> {
        if grant.seq != self.seq() || grant.key_event != self.head() || grant.agent != self.key() {
            return Err(Rejection::OtherKey);
        }
        if grant.made < self.made {
            return Err(Rejection::Time);
        }
        check_life(grant)?;
        if let Some(known) = self.grant.as_ref().map(|known| known.epoch)
            && grant.epoch <= known
        {
            return Err(Rejection::Epoch { known });
        }
        signed.check_signature()?;
        self.count()?;
        self.grant = Some(grant.clone());
        Ok(())
    }

    fn count(&mut self) -> Result<(), Rejection> {
        if self.events >= EVENTS_MAX {
            return Err(Rejection::TooMany);
        }
        self.events += 1;
        Ok(())
    }

    /// Returns whose log it is.
    #[must_use]
    pub const fn person(&self) -> PersonId {
        self.person
    }

    /// Returns the current agent key.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.newest().1
    }

    /// Returns the promise of the key after it.
    #[must_use]
    pub const fn next(&self) -> KeyCommitment {
        self.next
    }

    /// Returns the newest inception or rotation.
    #[must_use]
    pub fn head(&self) -> EventHash {
        self.newest().0
    }

    /// Returns the place of the newest inception or rotation.
    #[must_use]
    pub fn seq(&self) -> u32 {
        u32::try_from(self.keys.len() - 1).expect("there are at most EVENTS_MAX")
    }

    /// Returns all keys that were ever current, the oldest first.
    pub fn keys(&self) -> impl Iterator<Item = [u8; 32]> {
        self.keys.iter().map(|(_, key)| *key)
    }

    /// Returns the grant that is in force at `now`: the newest one, when it is of the current key and not over.
    #[must_use]
    pub fn hosted(&self, now: Timestamp) -> Option<&HostingGrant> {
        self.grant
            .as_ref()
            .filter(|grant| grant.key_event == self.head() && now < grant.expires)
    }

    /// Returns the newest grant, in force or not.
    #[must_use]
    pub const fn newest_grant(&self) -> Option<&HostingGrant> {
        self.grant.as_ref()
    }

    fn newest(&self) -> &(EventHash, [u8; 32]) {
        self.keys.last().expect("there is an inception")
    }
}

/// Checks that the promised key is not the one that the promise stands beside: a host has that one.
fn check_promise(key: [u8; 32], next: KeyCommitment) -> Result<(), Rejection> {
    if KeyCommitment::of(&key) == next {
        return Err(Rejection::Shown);
    }
    Ok(())
}

/// Checks how long a grant lasts.
fn check_life(grant: &HostingGrant) -> Result<(), Rejection> {
    let longest = Duration::from_secs(GRANT_DAYS_MAX * 24 * 60 * 60);
    if grant.expires <= grant.made || grant.made + longest < grant.expires {
        return Err(Rejection::Life);
    }
    Ok(())
}
