//! How many blobs and how many bytes, counted together.

/// A number of blobs and of their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub blobs: u64,
    /// Their bytes, without what the store adds around them.
    pub bytes: u64,
}

impl Sum {
    /// Nothing.
    pub const ZERO: Self = Self { blobs: 0, bytes: 0 };

    /// Returns the sum of one blob.
    #[must_use]
    pub const fn of(bytes: u64) -> Self {
        Self { blobs: 1, bytes }
    }

    /// Returns both together, or nothing when they are more than can be counted.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match (
            self.blobs.checked_add(other.blobs),
            self.bytes.checked_add(other.bytes),
        ) {
            (Some(blobs), Some(bytes)) => Some(Self { blobs, bytes }),
            _ => None,
        }
    }

    /// Returns what is left, or nothing when `other` is more in either.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match (
            self.blobs.checked_sub(other.blobs),
            self.bytes.checked_sub(other.bytes),
        ) {
            (Some(blobs), Some(bytes)) => Some(Self { blobs, bytes }),
            _ => None,
        }
    }

    /// Counts one more blob; stops at the largest number.
    pub const fn add(&mut self, bytes: u64) {
        self.blobs = self.blobs.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}
