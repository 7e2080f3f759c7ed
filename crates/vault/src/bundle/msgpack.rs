//! The little msgpack that bundles are made of.

use super::{Bundle, CIPHER_BYTES, LOCKS_MAX, Lock, Work};

/// What a bundle is known by.
const MARK: &str = "hcsb0";

pub(super) fn encode(bundle: &Bundle) -> Vec<u8> {
    let mut bytes = vec![0x93];
    text(&mut bytes, MARK);
    bytes.push(0x90 | u8::try_from(bundle.locks.len()).expect("locks are bounded"));
    for lock in &bundle.locks {
        bytes.push(0x96);
        text(&mut bytes, "pw");
        binary(&mut bytes, &lock.salt);
        number(&mut bytes, lock.work.memory_bytes);
        number(&mut bytes, lock.work.passes);
        binary(&mut bytes, &lock.header);
        binary(&mut bytes, &lock.cipher);
    }
    binary(&mut bytes, &bundle.app_data);
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(0xa0 | u8::try_from(text.len()).expect("the words are short"));
    bytes.extend_from_slice(text.as_bytes());
}

fn binary(bytes: &mut Vec<u8>, binary: &[u8]) {
    match u8::try_from(binary.len()) {
        Ok(len) => bytes.extend_from_slice(&[0xc4, len]),
        Err(_) => {
            let len = u32::try_from(binary.len()).expect("a bundle has a limit");
            bytes.push(0xc6);
            bytes.extend_from_slice(&len.to_be_bytes());
        }
    }
    bytes.extend_from_slice(binary);
}

fn number(bytes: &mut Vec<u8>, number: u32) {
    match number {
        0..=0x7f => bytes.push(number.to_be_bytes()[3]),
        0x80..=0xff => bytes.extend_from_slice(&[0xcc, number.to_be_bytes()[3]]),
        0x100..=0xffff => {
            bytes.push(0xcd);
            bytes.extend_from_slice(&number.to_be_bytes()[2..]);
        }
        0x1_0000.. => {
            bytes.push(0xce);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
}

pub(super) fn decode(bytes: &[u8]) -> Option<Bundle> {
    let mut reader = Reader(bytes);
    if reader.array()? != 3 || reader.text()? != MARK {
        return None;
    }
    let count = reader.array()?;
    if count > LOCKS_MAX {
        return None;
    }
    let mut locks = Vec::new();
    for _ in 0..count {
        locks.extend(lock(&mut reader)?);
    }
    let app_data = reader.binary()?.to_vec();
    reader.0.is_empty().then_some(Bundle { locks, app_data })
}

/// Reads a lock; the inner `None` is one of another kind than a passphrase.
#[allow(
    clippy::option_option,
    reason = "whether the bytes are right and whether a passphrase opens the lock are two questions"
)]
fn lock(reader: &mut Reader<'_>) -> Option<Option<Lock>> {
    let items = reader.array()?;
    match (reader.text()?, items) {
        ("pw", 6) => Some(Some(Lock {
            salt: reader.binary()?.try_into().ok()?,
            work: Work {
                memory_bytes: reader.number()?,
                passes: reader.number()?,
            },
            header: reader.binary()?.try_into().ok()?,
            cipher: <[u8; CIPHER_BYTES]>::try_from(reader.binary()?).ok()?,
        })),
        ("qa", 9) => {
            reader.binary()?;
            reader.number()?;
            reader.number()?;
            for _ in 0..3 {
                reader.text()?;
            }
            reader.binary()?;
            reader.binary()?;
            Some(None)
        }
        _ => None,
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    /// A number of `len` bytes, big endian.
    fn sized(&mut self, len: usize) -> Option<u32> {
        let bytes = self.take(len)?;
        Some(
            bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u32::from(*byte)),
        )
    }

    fn array(&mut self) -> Option<usize> {
        match self.byte()? {
            short @ 0x90..=0x9f => Some(usize::from(short & 0x0f)),
            0xdc => usize::try_from(self.sized(2)?).ok(),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = match self.byte()? {
            short @ 0xa0..=0xbf => u32::from(short & 0x1f),
            0xd9 => self.sized(1)?,
            0xda => self.sized(2)?,
            _ => return None,
        };
        std::str::from_utf8(self.take(usize::try_from(len).ok()?)?).ok()
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let len = match self.byte()? {
            0xc4 => self.sized(1)?,
            0xc5 => self.sized(2)?,
            0xc6 => self.sized(4)?,
            _ => return None,
        };
        self.take(usize::try_from(len).ok()?)
    }

    fn number(&mut self) -> Option<u32> {
        match self.byte()? {
            short @ 0x00..=0x7f => Some(u32::from(short)),
            0xcc => self.sized(1),
            0xcd => self.sized(2),
            0xce => self.sized(4),
            _ => None,
        }
    }
}
