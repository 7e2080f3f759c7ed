//! What can be typed behind `commonhold vault`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Keep members' keys in a process of their own, and sign with them.\n\nWithout a command, it serves a vault: it listens on a socket in its data folder, talks to your own user alone, and opens no network. A key is unlocked by what its owner has; it is locked again after a quarter of an hour without use, after an hour at all, and when the vault ends. Of one place in a chain the vault signs one action, for ever, and it writes down what it signs before it signs it.\n\nThe key of the server, without which nothing can be unlocked, is the file server.key of the data folder, or the credential commonhold-vault-key of the service manager. Keep a copy of it apart from the backups of the folder.",
    after_help = "Examples:\n  commonhold vault &\n  commonhold vault new --password-file password.txt --person anna.person\n  commonhold vault unlock KEY --password-file password.txt\n  commonhold vault log KEY"
)]
pub(crate) struct VaultArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    #[command(subcommand)]
    pub(crate) command: Option<VaultCommand>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Folder with the keys [default: vault in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The folder was put back from a backup: sign nothing for a key until the head of its chain is confirmed
    #[arg(long)]
    pub(crate) restored: bool,
    /// Another user of this machine who may talk to it, by number
    #[arg(long, value_name = "UID")]
    pub(crate) admit: Vec<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Show how the vault is
    Stat(VaultTarget),
    /// List the keys, and the ways to unlock each
    #[command(visible_alias = "ls")]
    List(VaultTarget),
    /// Make a key for a new person, with a password and a code for paper
    #[command(
        long_about = "Make a key for a new person, with a password and a code for paper.\n\nTwo secrets are shown, once: the code, which unlocks the key when the password is lost, and the next key, with which the person can leave this vault without anybody's consent. The vault never sees the next key. Write both down."
    )]
    New(NewArgs),
    /// Unlock a key
    Unlock(UnlockArgs),
    /// Lock a key
    Lock(KeyArgs),
    /// Show what was signed for a key, the newest first
    Log(LogArgs),
    /// Answer a doorway's challenge, which proves that you are the one
    Answer(AnswerArgs),
    /// Tell a vault that was restored what was signed last, as a doorway has it
    #[command(
        long_about = "Tell a vault that was restored what was signed last, as a doorway has it.\n\nThe vault checks that the key signed it and that it is not older than what the vault knows. That nothing newer exists, it has to believe: ask the doorway that has the newest."
    )]
    Confirm(ConfirmArgs),
    /// Let a doorway host a key: a grant, signed by it
    Grant(GrantArgs),
    /// Check a person's key events, and show who they are
    Person(PersonArgs),
    /// Let the next key take over, on your own machine and without the vault
    Rotate(RotateArgs),
    /// Take a key home: write it into a seed bundle, under a passphrase
    #[command(
        long_about = "Take a key home: write it into a seed bundle, under a passphrase.\n\nThe bundle is in the form hcsb0, which Holochain's keystore Lair reads as well. The vault goes on keeping the key; two who sign with one key break its chain, so use only one of them at a time."
    )]
    Export(ExportArgs),
    /// Keep a key that lies in a seed bundle; it signs nothing until its head is confirmed
    Import(ImportArgs),
    /// Forget a key
    Retire(KeyArgs),
}

/// Which vault a command talks to.
#[derive(Clone, Debug, Args)]
pub(crate) struct VaultTarget {
    /// Folder of the vault [default: vault in Commonhold's home]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Socket of the vault [default: vault.sock in its folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key, as `commonhold vault list` shows it
    #[arg(value_name = "KEY")]
    pub(crate) agent: String,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// File with the password in its first line
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: PathBuf,
    /// File for the person's key events; must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) person: PathBuf,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct UnlockArgs {
    /// The key, as `commonhold vault list` shows it
    #[arg(value_name = "KEY")]
    pub(crate) agent: String,
    /// File with the password in its first line
    #[arg(long, value_name = "FILE", required_unless_present = "code_file")]
    pub(crate) password_file: Option<PathBuf>,
    /// File with the code from paper in its first line
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    pub(crate) code_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The key, as `commonhold vault list` shows it
    #[arg(value_name = "KEY")]
    pub(crate) agent: String,
    /// Most signatures that are shown
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The key, as `commonhold vault list` shows it
    #[arg(value_name = "KEY")]
    pub(crate) agent: String,
    /// What the doorway gave
    #[arg(value_name = "CHALLENGE")]
    pub(crate) challenge: String,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The key, as `commonhold vault list` shows it
    #[arg(value_name = "KEY")]
    pub(crate) agent: String,
    /// The doorway that has the chain
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// Certificate in PEM to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// File with the person's key events; the grant is added to it
    #[arg(long, value_name = "FILE")]
    pub(crate) person: PathBuf,
    /// Address of the doorway
    #[arg(long, value_name = "URL")]
    pub(crate) doorway: String,
    /// How long it may host the key
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=366))]
    pub(crate) days: u64,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}

#[derive(Debug, Args)]
pub(crate) struct PersonArgs {
    /// File with the person's key events
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// File with the person's key events; the rotation is added to it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// File with the next key, as it was shown, in its first line
    #[arg(long, value_name = "FILE")]
    pub(crate) next_file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) by: UnlockArgs,
    /// File with the passphrase for the bundle in its first line
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: PathBuf,
    /// File for the bundle; must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// File with the bundle
    #[arg(value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// File with the passphrase of the bundle in its first line
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: PathBuf,
    /// File with the password in its first line, with which the vault unlocks the key
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: PathBuf,
    /// File with the person's key events
    #[arg(long, value_name = "FILE")]
    pub(crate) person: PathBuf,
    #[command(flatten)]
    pub(crate) target: VaultTarget,
}
