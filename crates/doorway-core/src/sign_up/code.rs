//! The code of an invite: short enough to be read aloud, long enough not to be guessed.
//!
//! 16 digits of Crockford's base 32, 80 bits, shown in groups of four: `K7QF-2M9X-R4TB-9ZQH`. Whoever types it may
//! use small letters, leave the dashes out, and take `O` for `0` and `I` or `L` for `1`.
//! Alphabet and what is taken for what: <https://www.crockford.com/base32.html>; the check digit described there is not
//! used.

use std::fmt;

use base::ContentHash;
use thiserror::Error;

/// Random bytes that a code is made of.
pub const CODE_BYTES: usize = 10;

const DIGITS: usize = CODE_BYTES * 8 / 5;
const GROUP_DIGITS: usize = 4;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Distinguishes hashes of codes from those of anything else.
const DOMAIN: &[u8] = b"commonhold invite v1\0";

/// A code that is well-formed; it may belong to no invite. Its debug output does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode([u8; DIGITS]);

/// The text is no code of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MalformedInvite {
    /// It has too few or too many digits.
    #[error("a code has {DIGITS} letters and digits, in groups of four")]
    Length,
    /// There is something else than letters and digits.
    #[error("a code has no {0:?}: it is made of digits and of letters without I, L, O and U")]
    Letter(char),
}

impl InviteCode {
    /// Makes a code of random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; CODE_BYTES]) -> Self {
        let mut digits = [0; DIGITS];
        let (mut held, mut bits, mut next) = (0_u32, 0, 0);
        for byte in bytes {
            held = held << 8 | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                digits[next] = ALPHABET[(held >> bits & 31) as usize];
                next += 1;
            }
        }
        Self(digits)
    }

    /// Reads a code as a person types it.
    ///
    /// # Errors
    /// [`MalformedInvite`].
    pub fn parse(text: &str) -> Result<Self, MalformedInvite> {
        let mut digits = [0; DIGITS];
        let mut len = 0;
        for letter in text.trim().chars() {
            let digit = match letter.to_ascii_uppercase() {
                '-' | ' ' => continue,
                'O' => b'0',
                'I' | 'L' => b'1',
                other => u8::try_from(other)
                    .ok()
                    .filter(|byte| ALPHABET.contains(byte))
                    .ok_or(MalformedInvite::Letter(letter))?,
            };
            *digits.get_mut(len).ok_or(MalformedInvite::Length)? = digit;
            len += 1;
        }
        if len == DIGITS {
            Ok(Self(digits))
        } else {
            Err(MalformedInvite::Length)
        }
    }

    /// Returns the hash under which the invite is kept; the code itself is kept nowhere.
    #[must_use]
    pub fn digest(&self) -> ContentHash {
        ContentHash::of(&[DOMAIN, &self.0].concat())
    }
}

impl fmt::Display for InviteCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, group) in self.0.chunks(GROUP_DIGITS).enumerate() {
            if number > 0 {
                formatter.write_str("-")?;
            }
            formatter.write_str(str::from_utf8(group).expect("the alphabet is ASCII"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InviteCode(…)")
    }
}
