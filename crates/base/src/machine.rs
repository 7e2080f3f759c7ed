//! The contract of a core that waits for things: it decides, a shell performs.
//!
//! The driver repeats three steps: wait for an input or for the deadline, call [`Machine::handle`] once,
//! drain [`Machine::poll_output`] until it returns `None`; then it asks [`Machine::poll_timeout`] again.

use crate::Timestamp;

/// A deterministic state machine that never reads a clock, waits or performs I/O.
///
/// # Invariants
/// The same inputs at the same times give the same outputs in the same order.
/// When the deadline passes, the driver calls `handle` with the input that the machine defines for it.
pub trait Machine {
    /// What the driver tells the machine: completions, arrivals, the passing of a deadline.
    type Input;
    /// What the machine asks the driver to do. An output is asked for once; its completion comes back as an input.
    type Output;

    /// Takes one input at the time `now`.
    fn handle(&mut self, now: Timestamp, input: Self::Input);

    /// Returns the next effect to perform, or `None` when all have been handed out.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// Returns when the machine wants to be woken at the latest, and why.
    fn poll_timeout(&self) -> Option<(Timestamp, &'static str)>;
}
