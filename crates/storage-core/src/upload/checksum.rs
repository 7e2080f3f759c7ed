//! The header `Upload-Checksum`: an algorithm and what it must give.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// An algorithm for checksums of chunks. The shell computes it; `sha1` is there because the protocol demands it, and
/// protects against accidents alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

/// The checksum that a chunk must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    /// The first `algorithm.bytes()` of them count; the others are zero.
    digest: [u8; 32],
}

/// The header cannot be used. The protocol answers it with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChecksumError {
    /// It is not an algorithm, a space, and base64.
    #[error("a checksum is the name of an algorithm, a space, and its value in base64")]
    Malformed,
    /// The algorithm is none of those that are supported.
    #[error(
        "the algorithm of the checksum is not supported, only {}",
        Algorithm::ALL_NAMES
    )]
    Unsupported,
    /// The value does not have the length that the algorithm gives.
    #[error("a checksum of {} has {} bytes", .algorithm.as_str(), .algorithm.bytes())]
    Length {
        /// The algorithm.
        algorithm: Algorithm,
    },
}

impl Algorithm {
    /// All names, as `Tus-Checksum-Algorithm` lists them.
    pub const ALL_NAMES: &'static str = "sha1,sha256";

    /// Returns the name in the protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Returns how many bytes it gives.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl Checksum {
    /// Returns with what it is computed.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns whether the algorithm gave this.
    #[must_use]
    pub fn matches(&self, digest: &[u8]) -> bool {
        digest == self.digest()
    }

    /// Returns what it must give.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest[..self.algorithm.bytes()]
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(' ').ok_or(ChecksumError::Malformed)?;
        let algorithm = match name {
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            "" => return Err(ChecksumError::Malformed),
            _ => return Err(ChecksumError::Unsupported),
        };
        // 32 bytes take 44 characters; nothing longer is decoded.
        if value.len() > 64 {
            return Err(ChecksumError::Length { algorithm });
        }
        let bytes = STANDARD
            .decode(value)
            .map_err(|_| ChecksumError::Malformed)?;
        if bytes.len() != algorithm.bytes() {
            return Err(ChecksumError::Length { algorithm });
        }
        let mut digest = [0; 32];
        digest[..bytes.len()].copy_from_slice(&bytes);
        Ok(Self { algorithm, digest })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = STANDARD.encode(self.digest());
        write!(formatter, "{} {value}", self.algorithm.as_str())
    }
}
