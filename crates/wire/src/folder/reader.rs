//! From bytes to entries: a reader that takes exactly what the writer writes.

use base::ContentHash;

use super::writer::short_escape;
use super::{BYTES_MAX, DecodeError, Entry, Limits};

/// Reads a manifest.
///
/// # Errors
/// When the bytes are not what [`encode`](super::encode) gives for some entries, or a limit is reached.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Vec<Entry>, DecodeError> {
    if bytes.len() > limits.manifest_bytes_max {
        return Err(DecodeError::TooLarge {
            bytes_max: limits.manifest_bytes_max,
        });
    }
    let mut reader = Reader {
        bytes,
        offset: 0,
        limits,
    };
    reader.head()?;
    let entries = reader.entries()?;
    if reader.offset != bytes.len() {
        return Err(reader.malformed());
    }
    Ok(entries)
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    limits: &'a Limits,
}

impl Reader<'_> {
    fn head(&mut self) -> Result<(), DecodeError> {
        if !self.take(br#"{"commonhold_folder":"#) {
            return Err(DecodeError::Foreign);
        }
        match self.number()? {
            1 => self.expect(br#","entries":["#),
            version => Err(DecodeError::Version { version }),
        }
    }

    fn entries(&mut self) -> Result<Vec<Entry>, DecodeError> {
        let mut entries = Vec::new();
        if self.take(b"]}") {
            return Ok(entries);
        }
        loop {
            if entries.len() >= self.limits.entries_max {
                return Err(DecodeError::TooMany {
                    entries_max: self.limits.entries_max,
                });
            }
            entries.push(self.entry()?);
            if self.take(b"]}") {
                return Ok(entries);
            }
            self.expect(b",")?;
        }
    }

    fn entry(&mut self) -> Result<Entry, DecodeError> {
        if self.take(br#"{"folder":true,"path":""#) {
            let path = self.text()?;
            self.expect(b"}")?;
            return Ok(Entry::Folder { path });
        }
        self.expect(br#"{"bytes":"#)?;
        let bytes = self.number()?;
        self.expect(b",")?;
        let is_executable = self.take(br#""executable":true,"#);
        self.expect(br#""hash":""#)?;
        let hash = self.hash()?;
        self.expect(br#"","path":""#)?;
        let path = self.text()?;
        self.expect(b"}")?;
        Ok(Entry::File {
            path,
            bytes,
            is_executable,
            hash,
        })
    }

    /// Reads a number as JSON has it, without sign, fraction and exponent: no zero in front, at most [`BYTES_MAX`].
    fn number(&mut self) -> Result<u64, DecodeError> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        // One digit more than the largest number has is too many.
        let len = digits.take(17).count();
        let digits = &self.rest()[..len];
        let has_zero_in_front = len > 1 && digits[0] == b'0';
        let number = digits
            .iter()
            .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        if len == 0 || has_zero_in_front || number > BYTES_MAX {
            return Err(self.malformed());
        }
        self.offset += len;
        Ok(number)
    }

    fn hash(&mut self) -> Result<ContentHash, DecodeError> {
        let malformed = self.malformed();
        let Some((digits, _)) = self.rest().split_first_chunk::<64>() else {
            return Err(malformed);
        };
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(malformed);
            };
            *byte = high << 4 | low;
        }
        self.offset += 64;
        Ok(ContentHash::from_bytes(hash))
    }

    /// Reads a text and the quote behind it.
    fn text(&mut self) -> Result<String, DecodeError> {
        let start = self.offset;
        let mut text = Vec::new();
        loop {
            let byte = self.byte()?;
            let byte = match byte {
                b'"' => break,
                b'\\' => self.escaped()?,
                0..0x20 => {
                    self.offset -= 1;
                    return Err(self.malformed());
                }
                _ => byte,
            };
            if text.len() >= self.limits.path_bytes_max {
                return Err(DecodeError::PathTooLong {
                    path_bytes_max: self.limits.path_bytes_max,
                });
            }
            text.push(byte);
        }
        String::from_utf8(text).map_err(|_| DecodeError::Malformed { offset: start })
    }

    /// Reads what stands behind a backslash.
    fn escaped(&mut self) -> Result<u8, DecodeError> {
        let malformed = self.malformed();
        let letter = self.byte()?;
        if let Some(byte) = (0..=b'\\').find(|byte| short_escape(*byte) == Some(letter)) {
            return Ok(byte);
        }
        let is_control = letter == b'u' && self.take(b"00");
        let (true, high, low) = (is_control, self.byte()?, self.byte()?) else {
            return Err(malformed);
        };
        match (digit(high), digit(low)) {
            (Some(high @ 0..=1), Some(low)) if short_escape(high << 4 | low).is_none() => {
                Ok(high << 4 | low)
            }
            _ => Err(malformed),
        }
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = self.rest().first().copied();
        let byte = byte.ok_or_else(|| self.malformed())?;
        self.offset += 1;
        Ok(byte)
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.offset..]
    }

    /// Goes past these bytes if they are next.
    fn take(&mut self, expected: &[u8]) -> bool {
        let is_next = self.rest().starts_with(expected);
        if is_next {
            self.offset += expected.len();
        }
        is_next
    }

    fn expect(&mut self, expected: &[u8]) -> Result<(), DecodeError> {
        if self.take(expected) {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    const fn malformed(&self) -> DecodeError {
        DecodeError::Malformed {
            offset: self.offset,
        }
    }
}

/// Returns the value of a hexadecimal digit, small letters alone.
const fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}
