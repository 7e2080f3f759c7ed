//! What the vault decides, without disk, clock, threads and secrets.

pub mod fence;
pub mod sessions;
pub mod slots;
