//! Secrets that a person keeps on paper: groups of letters and digits with a check, so that a slip of the pen is seen.
//!
//! The form is hexadecimal, which every typewriter has; capitals, spaces and hyphens do not matter.
//! The last byte is the first byte of the BLAKE3 hash of the others.

use zeroize::Zeroizing;

use crate::envelope::Secret;

/// Bytes of the code that opens a keyslot.
pub const CODE_BYTES: usize = 20;

/// Digits of a group.
const GROUP: usize = 6;

/// Returns a secret as a person writes it down.
#[must_use]
pub fn write(secret: &[u8]) -> Zeroizing<String> {
    let digits = secret
        .iter()
        .copied()
        .chain([check(secret)])
        .flat_map(|byte| [byte >> 4, byte & 15]);
    let mut text = Zeroizing::new(String::with_capacity(3 * secret.len() + 8));
    for (place, digit) in digits.enumerate() {
        if place > 0 && place.is_multiple_of(GROUP) {
            text.push('-');
        }
        text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
    }
    text
}

/// Reads a secret of `LEN` bytes; `None` when something is missing or was mistaken.
#[must_use]
pub fn read<const LEN: usize>(text: &str) -> Option<Zeroizing<[u8; LEN]>> {
    let mut digits = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| {
            letter
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        });
    let mut byte = || Some(digits.next()?? << 4 | digits.next()??);
    let mut secret = Zeroizing::new([0; LEN]);
    for place in secret.iter_mut() {
        *place = byte()?;
    }
    let is_whole = byte()? == check(secret.as_slice()) && digits.next().is_none();
    is_whole.then_some(secret)
}

/// Returns the key of the keyslot that a code opens. The code is random, so it needs no stretching.
#[must_use]
pub fn slot_key(code: &[u8; CODE_BYTES]) -> Secret {
    Secret::new(blake3::derive_key("commonhold 2026-11 paper keyslot", code))
}

fn check(secret: &[u8]) -> u8 {
    blake3::hash(secret).as_bytes()[0]
}

#[cfg(test)]
mod tests;
