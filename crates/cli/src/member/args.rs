//! What can be typed behind `commonhold member` and `commonhold join`, and the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::{AgentArgs, ServerArgs};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  commonhold member invite --for 14d --uses 30 --note \"spring picnic\"\n  commonhold member list\n  commonhold member add KEY --role steward"
)]
pub(crate) struct MemberArgs {
    #[command(subcommand)]
    pub(crate) command: MemberCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// List the members
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Admit a member, or change their role
    #[command(visible_alias = "approve")]
    Add {
        /// Their key, as `commonhold whoami` shows it
        #[arg(value_name = "KEY")]
        key: String,
        /// What they may do
        #[arg(long, value_enum, default_value = "member")]
        role: RoleArg,
        #[command(flatten)]
        target: MemberTarget,
    },
    /// Take a member off the list; what they wrote stays
    Remove {
        /// Their key
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        target: MemberTarget,
    },
    /// Make an invite: an address that lets people in without your asking for their keys
    #[command(
        long_about = "Make an invite: an address that lets people in without your asking for their keys.\n\nWhoever has the address may join, as often as it has uses, until its time is over. Hand it on as you would a house key. Its code is shown here and kept nowhere; the server knows a hash of it. It is worth as much as you are: when you are no longer a steward, it lets nobody in.",
        after_help = "Examples:\n  commonhold member invite\n  commonhold member invite --uses 30 --for 14d --note \"spring picnic\" --svg poster.svg\n  commonhold member invite --role editor --to https://school.example.org"
    )]
    Invite(InviteArgs),
    /// List the invites, with what is left of them
    Invites(MemberTarget),
    /// Withdraw an invite; those whom it let in stay
    Withdraw {
        /// Its name in the list of invites
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: MemberTarget,
    },
    /// Turn somebody away who waits for approval
    Decline {
        /// Their key, as `commonhold member list --waiting` shows it
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        target: MemberTarget,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List those who wait for approval instead
    #[arg(long)]
    pub(crate) waiting: bool,
    #[command(flatten)]
    pub(crate) target: MemberTarget,
}

#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// How many people it lets in, at most 500
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) uses: u32,
    /// How long it is good, such as 12h, 7d or 4w; at most 90 days
    #[arg(long = "for", value_name = "TIME", default_value = "7d", value_parser = life)]
    pub(crate) life_secs: u64,
    /// What they become; moderators may invite members alone
    #[arg(long, value_enum, default_value = "member")]
    pub(crate) role: RoleArg,
    /// A few words for the list of invites
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
    /// Write it as a QR code into an SVG file, for a poster
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Draw no QR code in the terminal
    #[arg(long)]
    pub(crate) no_qr: bool,
    #[command(flatten)]
    pub(crate) target: MemberTarget,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Join a community by an invite, or ask to be let in.\n\nYour key is made now if you have none; it stays on this machine. Give the whole address that you were given, in quotes, because of the # in it.",
    after_help = "Examples:\n  commonhold join 'https://school.example.org/join#K7QF-2M9X-R4TB-9ZQH'\n  commonhold join https://school.example.org --code K7QF-2M9X-R4TB-9ZQH\n  commonhold join https://school.example.org --name \"Bea from number 7\""
)]
pub(crate) struct JoinArgs {
    /// The address of the invite, or of the doorway
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The code of the invite, when the address is without it
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// How you want to be called, for the stewards who let you in
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) name: String,
    /// Certificate in PEM to trust besides the system's, for a doorway that made its own (self-signed.crt in its data folder)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) agent: AgentArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct MemberTarget {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) agent: AgentArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleArg {
    /// Runs the doorway
    Steward,
    /// Looks after how members treat each other
    Moderator,
    /// Looks after the community's pages
    Editor,
    /// Writes under their own name
    Member,
}

impl RoleArg {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Steward => "steward",
            Self::Moderator => "moderator",
            Self::Editor => "editor",
            Self::Member => "member",
        }
    }
}

/// Reads a time such as `90m`, `12h`, `7d` or `4w`, in seconds.
fn life(text: &str) -> Result<u64, String> {
    let wrong = || "write a number and m, h, d or w, such as 12h, 7d or 4w".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let secs: u64 = match unit {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::life;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(life("90m"), Ok(5_400));
        assert_eq!(life("12h"), Ok(43_200));
        assert_eq!(life("7d"), Ok(604_800));
        assert_eq!(life("4w"), Ok(2_419_200));
        for text in ["", "7", "d", "-1d", "7 d", "7é", "99999999999999999d"] {
            assert!(life(text).is_err(), "{text:?}");
        }
    }
}
