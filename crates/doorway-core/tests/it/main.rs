//! The decisions of a doorway, from outside: rules one by one, naive references, and simulations with faults.

mod cache;
mod cast;
mod chains;
mod intake;
mod merge;
mod projector;
mod simulation;
