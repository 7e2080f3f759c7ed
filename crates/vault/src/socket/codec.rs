//! Calls and replies as bytes, little endian. Lengths are compared with their limits before anything is kept.

use base::{Code, Problem};
use chain::person::{KeyEvent, SignedEvent};
use chain::{Action, KeyCommitment, PersonId, Signature, record};
use zeroize::Zeroizing;

use super::call::{ACTIONS_MAX, Call, Reply};
use crate::body::{Reader, Writer};
use crate::core::fence::Mark;
use crate::core::slots::{SLOTS_MAX, SlotKind};
use crate::envelope::HINT_BYTES_MAX;
use crate::history::{Cursor, PAGE_MAX, Page, Signed, What};
use crate::request::CHALLENGE_BYTES_MAX;
use crate::store::{Enrolled, Listed, ListedSlot, Stat, ToldHead};
use crate::{NewSlot, Secret};

/// Most bytes of a problem's detail.
const DETAIL_BYTES_MAX: usize = 2_048;

impl Call {
    /// Returns the bytes; they hold secrets and are wiped.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Writer(Vec::with_capacity(512));
        bytes.u8(self.number());
        match self {
            Self::Stat => {}
            Self::List { after, limit } => {
                bytes.optional(after.as_ref(), |bytes, after| bytes.raw(after));
                bytes.u16(*limit);
            }
            Self::Enroll { next, slots } => {
                bytes.raw(&next.0);
                bytes.new_slots(slots);
            }
            Self::Adopt {
                person,
                seed,
                slots,
            } => {
                bytes.raw(person.as_bytes());
                bytes.raw(seed.as_slice());
                bytes.new_slots(slots);
            }
            Self::Unlock { agent, slot, key } | Self::Export { agent, slot, key } => {
                bytes.raw(agent);
                bytes.u16(*slot);
                bytes.raw(key.as_slice());
            }
            Self::Lock(agent) | Self::Retire(agent) => bytes.raw(agent),
            Self::AddSlot {
                agent,
                by,
                key,
                slot,
            } => {
                bytes.raw(agent);
                bytes.u16(*by);
                bytes.raw(key.as_slice());
                bytes.new_slots(std::slice::from_ref(slot));
            }
            Self::RemoveSlot { agent, number } => {
                bytes.raw(agent);
                bytes.u16(*number);
            }
            Self::Confirm { agent, .. }
            | Self::SignActions { agent, .. }
            | Self::SignGrant { agent, .. }
            | Self::SignChallenge { agent, .. }
            | Self::History { agent, .. } => {
                bytes.raw(agent);
                self.encode_chain(&mut bytes);
            }
        }
        Zeroizing::new(bytes.0)
    }

    /// Adds what calls say about an agent's chain.
    fn encode_chain(&self, bytes: &mut Writer) {
        match self {
            Self::Confirm { told, .. } => {
                bytes.optional(told.head.as_ref(), |bytes, (action, signature)| {
                    bytes.long(&record::action_bytes(action));
                    bytes.raw(&signature.0);
                });
                bytes.optional(told.grant.as_ref(), |bytes, grant| {
                    bytes.long(&grant.encode());
                });
            }
            Self::SignActions { epoch, actions, .. } => {
                bytes.u64(*epoch);
                bytes.u16(u16::try_from(actions.len()).unwrap_or(u16::MAX));
                for action in actions {
                    bytes.long(&record::action_bytes(action));
                }
            }
            Self::SignGrant { grant, .. } => {
                let unsigned = SignedEvent {
                    event: KeyEvent::Grant(grant.clone()),
                    signature: [0; 64],
                };
                bytes.long(&unsigned.encode());
            }
            Self::SignChallenge { challenge, .. } => {
                bytes.long(challenge.as_bytes());
            }
            Self::History { from, limit, .. } => {
                bytes.place(from.map(|cursor| cursor.0));
                bytes.u16(*limit);
            }
            Self::Stat
            | Self::List { .. }
            | Self::Enroll { .. }
            | Self::Adopt { .. }
            | Self::Unlock { .. }
            | Self::Lock(_)
            | Self::AddSlot { .. }
            | Self::RemoveSlot { .. }
            | Self::Retire(_)
            | Self::Export { .. } => {}
        }
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Stat => 1,
            Self::List { .. } => 2,
            Self::Enroll { .. } => 3,
            Self::Adopt { .. } => 4,
            Self::Unlock { .. } => 5,
            Self::Lock(_) => 6,
            Self::AddSlot { .. } => 7,
            Self::RemoveSlot { .. } => 8,
            Self::Confirm { .. } => 9,
            Self::Retire(_) => 10,
            Self::SignActions { .. } => 11,
            Self::SignGrant { .. } => 12,
            Self::SignChallenge { .. } => 13,
            Self::History { .. } => 14,
            Self::Export { .. } => 15,
        }
    }

    /// Reads a call; `None` when the bytes are none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let call = call(&mut reader)?;
        reader.0.is_empty().then_some(call)
    }
}

fn call(reader: &mut Reader<'_>) -> Option<Call> {
    Some(match reader.u8()? {
        1 => Call::Stat,
        2 => Call::List {
            after: reader.optional(Reader::array)?,
            limit: reader.u16()?,
        },
        3 => Call::Enroll {
            next: KeyCommitment(reader.array()?),
            slots: reader.new_slots()?,
        },
        4 => Call::Adopt {
            person: PersonId::from_bytes(reader.array()?),
            seed: reader.secret()?,
            slots: reader.new_slots()?,
        },
        5 => Call::Unlock {
            agent: reader.array()?,
            slot: reader.u16()?,
            key: reader.secret()?,
        },
        6 => Call::Lock(reader.array()?),
        7 => Call::AddSlot {
            agent: reader.array()?,
            by: reader.u16()?,
            key: reader.secret()?,
            slot: one(reader.new_slots()?)?,
        },
        8 => Call::RemoveSlot {
            agent: reader.array()?,
            number: reader.u16()?,
        },
        10 => Call::Retire(reader.array()?),
        15 => Call::Export {
            agent: reader.array()?,
            slot: reader.u16()?,
            key: reader.secret()?,
        },
        number => return chain_call(number, reader),
    })
}

/// Reads what calls say about an agent's chain.
fn chain_call(number: u8, reader: &mut Reader<'_>) -> Option<Call> {
    Some(match number {
        9 => confirm(reader)?,
        11 => {
            let (agent, epoch) = (reader.array()?, reader.u64()?);
            let count = usize::from(reader.u16()?);
            if count > ACTIONS_MAX {
                return None;
            }
            let actions = (0..count).map(|_| reader.action());
            Call::SignActions {
                agent,
                epoch,
                actions: actions.collect::<Option<_>>()?,
            }
        }
        12 => {
            let agent = reader.array()?;
            let SignedEvent { event, signature } = reader.event()?;
            match event {
                // It is not signed yet.
                KeyEvent::Grant(grant) if signature == [0; 64] => Call::SignGrant { agent, grant },
                _ => return None,
            }
        }
        13 => Call::SignChallenge {
            agent: reader.array()?,
            challenge: String::from_utf8(reader.long(CHALLENGE_BYTES_MAX)?.to_vec()).ok()?,
        },
        14 => Call::History {
            agent: reader.array()?,
            from: reader.place()?.map(Cursor),
            limit: reader.u16()?,
        },
        _ => return None,
    })
}

fn confirm(reader: &mut Reader<'_>) -> Option<Call> {
    let agent = reader.array()?;
    let head = reader.optional(|reader| {
        let action = reader.action()?;
        Some((action, Signature(reader.array()?)))
    })?;
    let grant = reader.optional(Reader::event)?;
    let told = Box::new(ToldHead { head, grant });
    Some(Call::Confirm { agent, told })
}

fn one<T>(mut several: Vec<T>) -> Option<T> {
    let one = several.pop()?;
    several.is_empty().then_some(one)
}

/// Returns the bytes of an answer; they can hold a secret and are wiped.
pub(super) fn encode_answer(answer: &Result<Reply, Problem>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Writer(Vec::with_capacity(256));
    match answer {
        Err(problem) => {
            bytes.u8(0);
            bytes.problem(problem);
        }
        Ok(reply) => {
            bytes.u8(reply.number());
            encode_reply(reply, &mut bytes);
        }
    }
    Zeroizing::new(bytes.0)
}

fn encode_reply(reply: &Reply, bytes: &mut Writer) {
    match reply {
        Reply::Done => {}
        Reply::Was(was) => bytes.u8(u8::from(*was)),
        Reply::Stat(stat) => {
            for number in [
                stat.keys,
                stat.unconfirmed,
                stat.unlocked,
                stat.log_bytes,
                stat.syncs,
            ] {
                bytes.u64(number);
            }
            bytes.u8(u8::from(stat.is_memory_locked));
        }
        Reply::Listed(listed) => {
            bytes.u16(u16::try_from(listed.len()).unwrap_or(u16::MAX));
            for listed in listed {
                bytes.listed(listed);
            }
        }
        Reply::Enrolled(enrolled) => bytes.long(&enrolled.inception.encode()),
        Reply::Adopted(agent) => bytes.raw(agent),
        Reply::Slot(number) => bytes.u16(*number),
        Reply::Signed(signatures, end) => {
            bytes.u16(u16::try_from(signatures.len()).unwrap_or(u16::MAX));
            for signature in signatures {
                bytes.raw(&signature.0);
            }
            bytes.optional(end.as_ref(), Writer::problem);
        }
        Reply::History(page) => {
            bytes.u16(u16::try_from(page.signed.len()).unwrap_or(u16::MAX));
            for signed in &page.signed {
                bytes.signed(signed);
            }
            bytes.place(page.next.map(|cursor| cursor.0));
        }
        Reply::Seed(seed) => bytes.raw(seed.as_slice()),
    }
}

impl Reply {
    const fn number(&self) -> u8 {
        match self {
            Self::Done => 1,
            Self::Was(_) => 2,
            Self::Stat(_) => 3,
            Self::Listed(_) => 4,
            Self::Enrolled(_) => 5,
            Self::Adopted(_) => 6,
            Self::Slot(_) => 7,
            Self::Signed(..) => 8,
            Self::History(_) => 9,
            Self::Seed(_) => 10,
        }
    }
}

/// Reads an answer; `None` when the bytes are none.
pub(super) fn decode_answer(bytes: &[u8]) -> Option<Result<Reply, Problem>> {
    let mut reader = Reader(bytes);
    let answer = match reader.u8()? {
        0 => Err(reader.problem()?),
        number => Ok(reply(number, &mut reader)?),
    };
    reader.0.is_empty().then_some(answer)
}

fn reply(number: u8, reader: &mut Reader<'_>) -> Option<Reply> {
    Some(match number {
        1 => Reply::Done,
        2 => Reply::Was(reader.flag()?),
        3 => Reply::Stat(Stat {
            keys: reader.u64()?,
            unconfirmed: reader.u64()?,
            unlocked: reader.u64()?,
            log_bytes: reader.u64()?,
            syncs: reader.u64()?,
            is_memory_locked: reader.flag()?,
        }),
        4 => Reply::Listed(reader.several(PAGE_MAX, Reader::listed)?),
        5 => {
            let inception = reader.event()?;
            Reply::Enrolled(Box::new(Enrolled {
                agent: *inception.event.signing_key(),
                person: inception.event.person(),
                inception,
            }))
        }
        6 => Reply::Adopted(reader.array()?),
        7 => Reply::Slot(reader.u16()?),
        8 => Reply::Signed(
            reader.several(ACTIONS_MAX, |reader| Some(Signature(reader.array()?)))?,
            reader.optional(Reader::problem)?,
        ),
        9 => Reply::History(Page {
            signed: reader.several(PAGE_MAX, Reader::signed)?,
            next: reader.place()?.map(Cursor),
        }),
        10 => Reply::Seed(reader.secret()?),
        _ => return None,
    })
}

impl Writer {
    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Bytes with their length before them.
    fn long(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.raw(bytes);
    }

    fn new_slots(&mut self, slots: &[NewSlot]) {
        self.u16(u16::try_from(slots.len()).unwrap_or(u16::MAX));
        for slot in slots {
            self.u8(slot.kind.number());
            self.long(&slot.hint);
            self.raw(slot.key.as_slice());
        }
    }

    fn problem(&mut self, problem: &Problem) {
        self.u16(problem.code.number());
        let mut end = problem.detail.len().min(DETAIL_BYTES_MAX);
        while !problem.detail.is_char_boundary(end) {
            end -= 1;
        }
        self.long(&problem.detail.as_bytes()[..end]);
    }

    fn listed(&mut self, listed: &Listed) {
        self.raw(&listed.agent);
        self.raw(listed.person.as_bytes());
        self.optional(listed.head, |bytes, head| {
            bytes.u32(head.seq);
            bytes.raw(&head.hash);
        });
        self.u64(listed.epoch);
        self.u8(u8::from(listed.is_confirmed));
        self.u16(u16::try_from(listed.slots.len()).unwrap_or(u16::MAX));
        for slot in &listed.slots {
            self.u16(slot.number);
            self.u8(slot.kind.number());
            self.long(&slot.hint);
        }
    }

    fn signed(&mut self, signed: &Signed) {
        self.u8(signed.what.number());
        self.u64(signed.epoch);
        self.u32(signed.seq);
        self.raw(&signed.hash);
        self.time(signed.at);
        self.place(signed.before);
        self.text(&signed.detail);
    }
}

impl<'a> Reader<'a> {
    /// What may be there: the outer `None` says that the bytes are wrong.
    #[allow(
        clippy::option_option,
        reason = "whether the bytes are right and whether there is a value are two questions"
    )]
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        Some(if self.flag()? {
            Some(read(self)?)
        } else {
            None
        })
    }

    fn several<T>(
        &mut self,
        count_max: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = usize::from(self.u16()?);
        if count > count_max {
            return None;
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn long(&mut self, bytes_max: usize) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        (len <= bytes_max).then(|| self.take(len))?
    }

    fn secret(&mut self) -> Option<Secret> {
        self.array().map(Secret::new)
    }

    fn action(&mut self) -> Option<Action> {
        record::decode_action(self.long(record::ACTION_BYTES_MAX)?).ok()
    }

    fn event(&mut self) -> Option<SignedEvent> {
        SignedEvent::decode(self.long(chain::person::EVENT_BYTES_MAX)?).ok()
    }

    fn new_slots(&mut self) -> Option<Vec<NewSlot>> {
        self.several(SLOTS_MAX + 1, |reader| {
            Some(NewSlot {
                kind: SlotKind::from_number(reader.u8()?)?,
                hint: reader.long(HINT_BYTES_MAX)?.to_vec(),
                key: reader.secret()?,
            })
        })
    }

    fn problem(&mut self) -> Option<Problem> {
        let number = self.u16()?;
        let code = Code::ALL.iter().find(|code| code.number() == number);
        let detail = self.long(DETAIL_BYTES_MAX)?;
        let detail = std::str::from_utf8(detail).ok()?;
        Some(Problem::new(*code?, detail))
    }

    fn listed(&mut self) -> Option<Listed> {
        Some(Listed {
            agent: self.array()?,
            person: PersonId::from_bytes(self.array()?),
            head: self.optional(|reader| {
                Some(Mark {
                    seq: reader.u32()?,
                    hash: reader.array()?,
                })
            })?,
            epoch: self.u64()?,
            is_confirmed: self.flag()?,
            slots: self.several(SLOTS_MAX, |reader| {
                Some(ListedSlot {
                    number: reader.u16()?,
                    kind: SlotKind::from_number(reader.u8()?)?,
                    hint: reader.long(HINT_BYTES_MAX)?.to_vec(),
                })
            })?,
        })
    }

    fn signed(&mut self) -> Option<Signed> {
        Some(Signed {
            what: What::from_number(self.u8()?)?,
            epoch: self.u64()?,
            seq: self.u32()?,
            hash: self.array()?,
            at: self.time()?,
            before: self.place()?,
            detail: self.text()?,
        })
    }
}

#[cfg(test)]
mod tests;
