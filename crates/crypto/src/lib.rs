//! Signing, checking signatures, and the short-lived tokens that a doorway hands out.
//!
//! Invariant: no I/O and no randomness of its own (seeds are arguments); secrets are zeroised and never shown.

mod batch;
mod key;
mod prepared;
pub mod token;

pub use batch::Signed;
pub use key::{Keypair, PublicKey, Seed, SignatureBytes, VerifyError};
pub use prepared::PreparedKey;
