//! What a process is told: a file, then the environment, then flags, the later ones winning.
//!
//! # Invariants
//!
//! * Every key has a description, a unit, a default and the version since which it exists; an unknown key is an error.
//! * An error names the key and where it was set: the line of the file, the variable or the flag.
//!
//! A value in the environment or a flag is plain text; a list is written with commas.

mod error;
mod key;
mod layers;
mod text;

#[doc(hidden)]
pub use serde;

pub use error::{LoadError, Place};
pub use key::{Configuration, Key, reference};
pub use layers::{Environment, File, Layers, ProcessEnvironment, load};

#[cfg(test)]
mod tests;
