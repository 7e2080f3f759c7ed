//! What can be typed: commands, flags, and the help that teaches them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::blob::args::BlobArgs;
use crate::conductor::args::ConductorArgs;
use crate::member::args::{JoinArgs, MemberArgs};
use crate::vault::args::VaultArgs;

/// Where commands talk to when nothing else is said.
pub(crate) const DOORWAY: &str = "http://127.0.0.1:8080";

/// Commonhold: a community's own part of the internet, on its own machines.
#[derive(Debug, Parser)]
#[command(
    name = "commonhold",
    version,
    arg_required_else_help = true,
    after_help = "Start here:\n  commonhold up                     serve this community on http://127.0.0.1:8080\n  commonhold publish my-course/     put a folder of Markdown on the web, signed by you\n  commonhold verify http://127.0.0.1:8080/courses/my-course\n  commonhold blob put photos/       keep files that must not be lost\n\nEvery error has a code such as CH-0503; its page is at /errors/CH-0503 of every doorway."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that mean the same everywhere.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Print one JSON document (or one per line) instead of sentences
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say less: no progress, no last line
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a community from this machine
    Up(UpArgs),
    /// Put a folder of Markdown on the web, signed by you
    #[command(
        long_about = "Put a folder of Markdown on the web, signed by you.\n\nThe folder's pages, images and videos become a course: titles and order come from front matter and config.yaml, links between files become links between pages. Run it again after a change: only the difference is sent."
    )]
    Publish(PublishArgs),
    /// Take a course or a page that you published off the web again
    Unpublish(UnpublishArgs),
    /// Check who wrote what a doorway serves, without trusting the doorway
    Verify(VerifyArgs),
    /// See and change who may write in a community
    Member(MemberArgs),
    /// Join a community by an invite, or ask to be let in
    Join(JoinArgs),
    /// Show or change how you are called
    Profile(ProfileArgs),
    /// Keep files that must not be lost, and get them back byte for byte
    #[command(
        long_about = "Keep files so that they are not lost, and get them back byte for byte.\n\nA file is kept under the SHA-256 of its bytes, its hash; a tag is a name for a hash, and keeps it from being collected. What a command calls accepted lies on stable storage of the server, and is still there after a power cut."
    )]
    Blob(BlobArgs),
    /// Keep blobs for others from this machine, without a community
    Storage(StorageArgs),
    /// Keep members' keys in a process of their own, and sign with them
    Vault(VaultArgs),
    /// Host members' chains in a process of its own
    Conductor(ConductorArgs),
    /// Show the key with which you sign
    Whoami(AgentArgs),
    /// Print a completion script for your shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Where your own key and chain are.
#[derive(Clone, Debug, Args)]
pub(crate) struct AgentArgs {
    /// Folder with your key and your chain [default: agent in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Which doorway a command talks to.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// The doorway to talk to
    #[arg(long, value_name = "URL", default_value = DOORWAY)]
    pub(crate) to: String,
    /// Certificate in PEM to trust besides the system's, for a doorway that made its own (self-signed.crt in its data folder)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Folder with all state of the community [default: community in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Configuration file [default: commonhold.toml in the data folder, when it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Name of the community, taken at the very first start
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Address under which readers reach it, for links and proofs
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Be a copy of the doorway at this address: read everything from it, check it, and take no changes
    #[arg(long, value_name = "URL")]
    pub(crate) follow: Option<String>,
    /// Certificate in PEM to trust besides the system's when following a doorway that made its own
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Folder with the key of the first steward [default: agent in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) agent: Option<PathBuf>,
    /// Start without the handbook
    #[arg(long)]
    pub(crate) empty: bool,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Keep blobs for others from this machine, without a community.\n\nIt serves what `commonhold blob` talks to. `commonhold up` serves the same beside a community's pages, so that most people need not run this.",
    after_help = "Example:\n  commonhold storage --data /srv/blobs --listen 127.0.0.1:8090\n  commonhold blob put photos/ --to http://127.0.0.1:8090\n\nWho may store: the keys in the file `writers` of the data folder, one to a line, and those of the setting `writers` in storage.toml. At the very first start your own key is put there. All settings are in the handbook, on the page about a machine for files alone."
)]
pub(crate) struct StorageArgs {
    /// Folder with all state of the node [default: storage in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Configuration file [default: storage.toml in the data folder, when it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder with the key that may store first [default: agent in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) agent: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) agent: AgentArgs,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Publish although some links lead nowhere
    #[arg(long)]
    pub(crate) allow_broken_links: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnpublishArgs {
    /// Slug of the course, or of a page that stands alone
    #[arg(value_name = "SLUG")]
    pub(crate) slug: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) agent: AgentArgs,
    /// Say what would be withdrawn, and withdraw nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A page, an item, a chain or a blob of any doorway; or a file with a saved proof
    #[arg(value_name = "URL|FILE")]
    pub(crate) what: String,
    /// Check the record and its signature, and do not walk the author's whole chain
    #[arg(long)]
    pub(crate) quick: bool,
    /// Certificate in PEM to trust besides the system's, for a doorway that made its own (self-signed.crt in its data folder)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// How you want to be called
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A few words about you
    #[arg(long, value_name = "TEXT")]
    pub(crate) about: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) agent: AgentArgs,
}
