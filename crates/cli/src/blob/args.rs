//! What can be typed behind `commonhold blob`, and the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::DOORWAY;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  commonhold blob put holiday.mp4 --tag holiday\n  commonhold blob put photos/ --tag photos/2026\n  tar -c papers | commonhold blob put - --tag papers.tar\n  commonhold blob get photos/2026 -o photos-again\n  commonhold blob ls --long\n\nA command that was interrupted goes on where it was when you run it again."
)]
pub(crate) struct BlobArgs {
    #[command(subcommand)]
    pub(crate) command: BlobCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlobCommand {
    /// Store a file, a folder, or what comes on standard input
    #[command(
        long_about = "Store a file, a folder, or what comes on standard input.\n\nThe hash is computed on this machine first, and only what the server does not have is sent. A folder becomes a manifest that names its files, with their executable bits. A symbolic link or a device in it stops the command, because it would not come back. The hash is printed on standard output.",
        after_help = "Examples:\n  commonhold blob put letter.pdf\n  commonhold blob put photos/ --tag photos/2026\n  pg_dump school | commonhold blob put - --tag school.sql\n  commonhold blob put photos/ --dry-run\n\nInterrupted by Ctrl-C, a power cut or a broken line, run the same command again: what was accepted is not sent a second time."
    )]
    Put(PutArgs),
    /// Fetch a file or a folder, by hash or tag
    #[command(
        long_about = "Fetch a file or a folder, by hash or tag.\n\nEvery byte is compared with the hash before the file gets its name. Files that are there and equal are not fetched again; others are left alone unless you say --force. A fetch that was interrupted goes on in the middle of a file.",
        after_help = "Examples:\n  commonhold blob get photos/2026 -o photos-again\n  commonhold blob get letter -o letter.pdf\n  commonhold blob get papers.tar | tar -x\n\nWithout -o, a file goes to standard output, and a folder into a folder with the last part of its tag as name."
    )]
    Get(GetArgs),
    /// Show how safe a blob is, and what keeps it
    #[command(
        after_help = "Examples:\n  commonhold blob stat photos/2026\n  commonhold blob stat photos/2026 --json\n\nTiers: accepted is on stable storage of this server; durable survives the loss of any one place; verified is durable and audited."
    )]
    Stat {
        /// Hash or tag
        #[arg(value_name = "HASH|TAG")]
        what: String,
        #[command(flatten)]
        target: BlobTarget,
    },
    /// List blobs
    #[command(
        long_about = "List blobs, in the order of their hashes.\n\nOf a long list the first lines are shown, and the last line says how to go on. With --json each line is a document, and where the list was cut, the last one holds nothing but `next`, the cursor for --after.",
        after_help = "Examples:\n  commonhold blob ls\n  commonhold blob ls --long --all\n  commonhold blob ls --prefix 3f --limit 10 --json"
    )]
    Ls(LsArgs),
    /// List, set and remove tags
    #[command(
        long_about = "List, set and remove tags.\n\nA tag is a name for a hash. What a tag names is kept, and of a folder everything in it; what nothing names is collected after a while.",
        after_help = "Examples:\n  commonhold blob tag ls\n  commonhold blob tag set photos/best photos/2026\n  commonhold blob tag rm photos/best"
    )]
    Tag {
        #[command(subcommand)]
        command: TagCommand,
    },
    /// Show how much room is taken, and bound it
    #[command(
        after_help = "Examples:\n  commonhold blob usage\n  commonhold blob usage --namespace community --quota 50000000000"
    )]
    Usage(UsageArgs),
    /// Collect what nothing refers to
    #[command(
        long_about = "Collect what nothing refers to; for stewards.\n\nWhat no tag, lease or running upload names goes into the trash. It stays there for seven days, and comes back when it is stored or tagged again; then it is gone. What was stored within the last hour is left alone, and what was brought for a community's pages for a day.\n\nA server does this by itself once a day.",
        after_help = "Examples:\n  commonhold blob gc --dry-run\n  commonhold blob gc\n  commonhold blob gc --namespace community"
    )]
    Gc {
        /// Say what would be collected, and collect nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: BlobTarget,
    },
    /// Read everything again and compare it with its hash
    #[command(
        long_about = "Read everything again and compare it with its hash.\n\nDisks lose bits without a word. A blob that is damaged is taken out of the way and named, so that nobody gets wrong bytes; store it again from a good copy. An interrupted scrub goes on where it was.",
        after_help = "Examples:\n  commonhold blob scrub\n  commonhold blob scrub --restart --bytes-per-sec 20000000"
    )]
    Scrub(ScrubArgs),
    /// Copy all blobs and tags of a namespace into a plain folder
    #[command(
        long_about = "Copy all blobs and tags of a namespace into a plain folder.\n\nEach blob becomes a file whose name is its hash, and index.jsonl lists them with the tags. Any program can read it, and `sha256sum` can check it. Run it again to bring the folder up to date; what is there is not fetched again.",
        after_help = "Example:\n  commonhold blob export /mnt/stick/blobs"
    )]
    Export {
        /// The folder; it is made when it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        target: BlobTarget,
    },
    /// Store all blobs and tags of a folder that export made
    #[command(
        long_about = "Store all blobs and tags of a folder that export made.\n\nEvery file is compared with its hash before anything is sent. If one is damaged or missing, nothing is changed and each is named.",
        after_help = "Examples:\n  commonhold blob import /mnt/stick/blobs --dry-run\n  commonhold blob import /mnt/stick/blobs"
    )]
    Import(ImportArgs),
}

/// Which blobs a command is about, and where they are.
#[derive(Clone, Debug, Args)]
pub(crate) struct BlobTarget {
    /// The server to talk to: a doorway, or a node that keeps files alone
    #[arg(long, value_name = "URL", default_value = DOORWAY, conflicts_with_all = ["data"])]
    pub(crate) to: String,
    /// Certificate in PEM to trust besides the system's, for a server that made its own
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) ca: Option<PathBuf>,
    /// Open the store of this data folder instead of asking a server; nothing else may have it open
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Folder with your key [default: agent in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) agent: Option<PathBuf>,
    /// Whose blobs; stewards may name any namespace, such as community [default: your own; of gc, all]
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The file or folder; - is standard input
    #[arg(value_name = "FILE|DIR|-")]
    pub(crate) what: PathBuf,
    /// Name it; a tag that names something else is moved [default: made of the file's name and its hash]
    #[arg(long, value_name = "NAME")]
    pub(crate) tag: Option<String>,
    /// Do not name it; what nothing names is collected after a while
    #[arg(long, conflicts_with = "tag")]
    pub(crate) no_tag: bool,
    /// Leave symbolic links, devices and pipes out of a folder instead of stopping
    #[arg(long)]
    pub(crate) without_links: bool,
    /// Hash it and say what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: BlobTarget,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Hash or tag
    #[arg(value_name = "HASH|TAG")]
    pub(crate) what: String,
    /// The file or folder to write; - is standard output
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace files that are different
    #[arg(long)]
    pub(crate) force: bool,
    /// Of a folder, write the manifest itself and not its files
    #[arg(long)]
    pub(crate) manifest: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: BlobTarget,
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// Show length, tier and time as well
    #[arg(long, short)]
    pub(crate) long: bool,
    /// Only hashes that start so
    #[arg(
        long,
        value_name = "HEX",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) prefix: String,
    /// The damaged ones, which are not served until they are stored again
    #[arg(long)]
    pub(crate) damaged: bool,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) target: BlobTarget,
}

/// How much of a list is shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct WindowArgs {
    /// At most so many lines
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) limit: u64,
    /// Begin behind this cursor, as the last line of a cut list tells
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
    /// All lines
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// Let the namespace hold at most so many bytes; stewards may do this
    #[arg(long, value_name = "BYTES")]
    pub(crate) quota: Option<u64>,
    /// Let the namespace hold as much as the disk does
    #[arg(long, conflicts_with = "quota")]
    pub(crate) no_quota: bool,
    #[command(flatten)]
    pub(crate) target: BlobTarget,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TagCommand {
    /// List tags
    #[command(
        after_help = "Examples:\n  commonhold blob tag ls\n  commonhold blob tag ls photos/ --all"
    )]
    Ls {
        /// Only names that start so
        #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
        prefix: String,
        #[command(flatten)]
        window: WindowArgs,
        #[command(flatten)]
        target: BlobTarget,
    },
    /// Let a name stand for a blob
    #[command(
        after_help = "Example:\n  commonhold blob tag set photos/best photos/2026\n\nA name that stands for something else already is moved."
    )]
    Set {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
        /// Hash or another tag
        #[arg(value_name = "HASH|TAG")]
        what: String,
        /// Say what would be changed, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: BlobTarget,
    },
    /// Take a name away; the blob stays until it is collected
    #[command(after_help = "Example:\n  commonhold blob tag rm photos/best")]
    Rm {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
        /// Say what would be changed, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: BlobTarget,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ScrubArgs {
    /// How many bytes may be read in a second [default: as the server is configured]
    #[arg(long, value_name = "BYTES")]
    pub(crate) bytes_per_sec: Option<u64>,
    /// Begin anew instead of where the last one stopped
    #[arg(long)]
    pub(crate) restart: bool,
    /// Stop the one that runs; the next one goes on from there
    #[arg(long, conflicts_with_all = ["restart", "bytes_per_sec", "data"])]
    pub(crate) stop: bool,
    #[command(flatten)]
    pub(crate) target: BlobTarget,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Check everything and say what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave out what is damaged or missing, and import the rest
    #[arg(long)]
    pub(crate) skip_damaged: bool,
    #[command(flatten)]
    pub(crate) target: BlobTarget,
}
