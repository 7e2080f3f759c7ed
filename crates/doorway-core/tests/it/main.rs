//! The decisions of a doorway, from outside: rules one by one, naive references, and simulations with faults.

mod cast;
mod chains;
mod intake;
mod merge;
mod projector;
mod simulation;
