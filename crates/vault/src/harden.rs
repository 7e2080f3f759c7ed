//! What a process with keys in it gives up, so that less can be read out of it.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Makes that nobody but the administrator of the machine reads this process's memory, and that a crash writes none
/// of it to a disk.
///
/// # Errors
/// As the system tells.
pub fn harden() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    Ok(())
}
