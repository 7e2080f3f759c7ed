//! How much must move in how much waiting; the same rule for what a peer sends and what it takes.

use std::time::Duration;

/// Bytes that moved, and waiting that they took, since there was enough of them.
///
/// Only waiting counts: who is never waited for may be as slow as it likes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    span: Duration,
    bytes_min: u64,
    waited: Duration,
    moved: u64,
}

impl Window {
    pub(super) const fn new(span_ms: u64, bytes_min: u64) -> Self {
        Self {
            span: Duration::from_millis(span_ms),
            bytes_min,
            waited: Duration::ZERO,
            moved: 0,
        }
    }

    /// Notes that `bytes` moved after `waited` of waiting.
    pub(super) fn note(&mut self, waited: Duration, bytes: u64) {
        self.waited += waited;
        self.moved += bytes;
        if self.moved >= self.bytes_min {
            self.waited = Duration::ZERO;
            self.moved = 0;
        }
    }

    /// Returns how much longer may be waited; zero when too little moved in a whole window.
    pub(super) fn left(&self) -> Duration {
        self.span.saturating_sub(self.waited)
    }

    /// Tells whether nothing has been waited for since enough moved.
    pub(super) fn is_fresh(&self) -> bool {
        self.waited.is_zero()
    }

    /// Returns the whole window.
    pub(super) const fn span(&self) -> Duration {
        self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_after(notes: &[(u64, u64)]) -> u64 {
        let mut window = Window::new(1_000, 100);
        for (waited_ms, bytes) in notes {
            window.note(Duration::from_millis(*waited_ms), *bytes);
        }
        u64::try_from(window.left().as_millis()).unwrap()
    }

    #[test]
    fn enough_bytes_begin_a_new_window() {
        assert_eq!(left_after(&[]), 1_000);
        assert_eq!(left_after(&[(400, 99)]), 600);
        assert_eq!(left_after(&[(400, 100)]), 1_000);
        assert_eq!(left_after(&[(400, 50), (400, 49)]), 200);
        assert_eq!(left_after(&[(400, 50), (400, 50)]), 1_000);
        assert_eq!(left_after(&[(900, 1), (900, 1)]), 0);
    }
}
