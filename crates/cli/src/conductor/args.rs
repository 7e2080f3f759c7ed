//! What can be typed behind `commonhold conductor`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    long_about = "Host members' chains in a process of its own.\n\n`commonhold up` has a conductor inside, so that most people need not run this. It is for communities that need more than one: a doorway talks to each over its admin socket.",
    after_help = "Example:\n  commonhold conductor --data /srv/conductor-1 --admin-listen 127.0.0.1:4444\n\nThe admin socket has no password: whoever reaches it may do everything, and so it listens on this machine alone. It speaks the part of Holochain's protocol that hosting needs; name the origin of other programs, such as @holochain/client from npm, with --admin-origins.\n\nMembers' keys are not here. The doorway signs over its connection; while it is away, chains can be read and nobody writes."
)]
pub(crate) struct ConductorArgs {
    /// Folder with all state of the conductor [default: conductor in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where the admin socket listens; a loopback address
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4444")]
    pub(crate) admin_listen: SocketAddr,
    /// Origins that may connect to the admin socket: *, or names with commas between them
    #[arg(long, value_name = "NAMES", default_value = "commonhold")]
    pub(crate) admin_origins: String,
    /// What is logged: error, warn, info, debug, trace
    #[arg(
        long,
        value_name = "LEVEL",
        env = "LOG_LEVEL",
        hide_env_values = true,
        default_value = "warn"
    )]
    pub(crate) log_level: String,
}
