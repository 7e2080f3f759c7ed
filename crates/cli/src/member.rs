//! `commonhold member`, `profile` and `whoami`: people and keys.

pub(crate) mod args;
mod invite;
pub(crate) mod join;

use api::MemberView;
use base::{Code, Problem};
use chain::kind::{Opened, Profile, ReachWord};
use chain::{
    ActionData, ActionHash, AgentPubKey, EntryHash, EntryVisibility, Envelope, Item, Record,
    Signer as _, Write,
};
use conductor::Conductor as _;
use serde_json::json;

use crate::agent::{self, Agent};
use crate::args::{AgentArgs, ProfileArgs};
use crate::home;
use crate::output::{Outcome, Output, count};
use crate::session::Session;

use args::{MemberArgs, MemberCommand, MemberTarget};

/// Letters of a key that tell it from others in a list.
const KEY_LETTERS: usize = 16;

/// Runs `commonhold whoami`.
pub(crate) fn whoami(args: &AgentArgs, output: &Output) -> Outcome {
    let data = home::agent(args.data.clone())?;
    let signer = agent::signer(&data)?;
    let key = signer.agent().to_string();
    let document = json!({ "ok": true, "agent": key, "folder": data });
    output.result(&document, std::slice::from_ref(&key));
    Ok(())
}

/// Runs `commonhold member`.
pub(crate) async fn run(args: &MemberArgs, output: &Output) -> Outcome {
    match &args.command {
        MemberCommand::List(args) if args.waiting => list_waiting(&args.target, output).await,
        MemberCommand::List(args) => list(&args.target, output).await,
        MemberCommand::Add { key, role, target } => {
            let key = parse(key)?.to_string();
            let view = with_session(target, output, async |session| {
                let token = session.token().await?;
                let member = session.doorway.put_member(&key, role.as_str(), &token);
                member.await
            })
            .await?;
            let line = format!("{key} may now write here as {}.", view.role);
            output.done(&view, &[line]);
            Ok(())
        }
        MemberCommand::Remove { key, target } => {
            let key = parse(key)?.to_string();
            with_session(target, output, async |session| {
                let token = session.token().await?;
                session.doorway.remove_member(&key, &token).await
            })
            .await?;
            let line = format!("{key} may no longer write here. What they wrote stays.");
            output.done(&json!({ "ok": true, "agent": key }), &[line]);
            Ok(())
        }
        MemberCommand::Invite(args) => invite::make(args, output).await,
        MemberCommand::Invites(target) => invite::list(target, output).await,
        MemberCommand::Withdraw { id, target } => invite::withdraw(id, target, output).await,
        MemberCommand::Decline { key, target } => {
            let key = parse(key)?.to_string();
            with_session(target, output, async |session| {
                let token = session.token().await?;
                session.doorway.decline(&key, &token).await
            })
            .await?;
            let line = format!("{key} no longer waits.");
            output.done(&json!({ "ok": true, "agent": key }), &[line]);
            Ok(())
        }
    }
}

/// Talks to a doorway as this person.
async fn with_session<T>(
    target: &MemberTarget,
    output: &Output,
    talk: impl AsyncFnOnce(&Session<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let agent = Agent::open(&home::agent(target.agent.data.clone())?)?;
    let session = Session::open(&agent, &target.server, output).await?;
    talk(&session).await
}

async fn list(target: &MemberTarget, output: &Output) -> Outcome {
    let view = with_session(target, output, async |session| {
        let token = session.token().await?;
        session.doorway.members(&token).await
    })
    .await?;
    let mut lines: Vec<String> = view
        .members
        .iter()
        .map(|member| {
            let person = person(&member.name, &member.agent);
            let invited = invited(member, &view.members);
            format!("{:<10} {person}{invited}", member.role)
        })
        .collect();
    lines.push(count(view.members.len() as u64, "member", "members"));
    output.result(&view, &lines);
    Ok(())
}

async fn list_waiting(target: &MemberTarget, output: &Output) -> Outcome {
    let view = with_session(target, output, async |session| {
        let token = session.token().await?;
        session.doorway.waiting(&token).await
    })
    .await?;
    let mut lines: Vec<String> = view
        .waiting
        .iter()
        .map(|waiting| person(&waiting.name, &waiting.agent))
        .collect();
    lines.push(count(
        view.waiting.len() as u64,
        "person waits",
        "people wait",
    ));
    output.result(&view, &lines);
    Ok(())
}

/// Shows a person by name and key; the name is nobody's word but theirs.
fn person(name: &str, agent: &str) -> String {
    let name = if name.is_empty() { "—" } else { name };
    format!("{name:<24} {agent}")
}

/// Says by whose invite somebody came: by the name of a member, or by the beginning of a key that has none.
fn invited(member: &MemberView, members: &[MemberView]) -> String {
    let inviter = &member.inviter;
    if inviter.is_empty() {
        return String::new();
    }
    let named = members
        .iter()
        .find(|known| known.agent == *inviter && !known.name.is_empty());
    match named {
        Some(known) => format!("  invited by {}", known.name),
        None => {
            let start: String = inviter.chars().take(KEY_LETTERS).collect();
            format!("  invited by {start}…")
        }
    }
}

fn parse(key: &str) -> Result<AgentPubKey, Problem> {
    AgentPubKey::try_from(key).map_err(|error| {
        Problem::new(
            Code::MalformedHash,
            format!("{key:?} is no agent key: {error}"),
        )
    })
}

/// Runs `commonhold profile`.
pub(crate) async fn profile(args: &ProfileArgs, output: &Output) -> Outcome {
    let agent = Agent::open(&home::agent(args.agent.data.clone())?)?;
    let session = Session::open(&agent, &args.server, output).await?;
    // Somebody who may not write here learns it before anything is signed.
    session.token().await?;
    session.join().await?;
    let records = agent.records(&session.cell, None).await?;
    let known = own_profile(&records);
    let before = known.as_ref().map(|known| known.profile.clone());
    let mut profile = before.clone().unwrap_or_default();
    profile.reach = ReachWord(base::Reach::Commons);
    if let Some(name) = &args.name {
        profile.name.clone_from(name);
    }
    if let Some(about) = &args.about {
        profile.about.clone_from(about);
    }
    if profile.name.is_empty() {
        let detail = "say how you want to be called: --name NAME";
        return Err(Problem::new(Code::MalformedKind, detail).into());
    }
    if before.as_ref() != Some(&profile) {
        let sealed = Item::Profile(profile.clone())
            .seal()
            .map_err(|error| Problem::new(Code::MalformedKind, error.to_string()))?;
        let visibility = EntryVisibility::Public;
        let envelope = sealed.envelope;
        let write = match known {
            None => Write::Create {
                envelope,
                visibility,
            },
            Some(known) => Write::Update {
                original: known.original,
                original_entry: known.original_entry,
                envelope,
                visibility,
            },
        };
        let written = agent.engine().write(&session.cell, vec![write]).await;
        written.map_err(agent::problem)?;
    }
    if session.send(|_| {}).await? > 0 {
        session.wait_until_visible().await?;
    }
    let document = json!({
        "ok": true,
        "agent": agent.key().to_string(),
        "name": profile.name,
        "about": profile.about,
    });
    output.done(&document, &[format!("You are shown as {}.", profile.name)]);
    Ok(())
}

/// The profile that a chain says, with the action that wrote it first.
struct OwnProfile {
    original: ActionHash,
    original_entry: EntryHash,
    profile: Profile,
}

/// Returns the newest profile of a chain.
fn own_profile(records: &[Record]) -> Option<OwnProfile> {
    let mut own: Option<OwnProfile> = None;
    for record in records {
        let Some(profile) = profile_in(record) else {
            continue;
        };
        match (&record.action().data, &mut own) {
            (ActionData::Create(create), _) => {
                own = Some(OwnProfile {
                    original: record.action_address().clone(),
                    original_entry: create.entry_hash.clone(),
                    profile,
                });
            }
            (ActionData::Update(update), Some(own))
                if update.original_action_address == own.original =>
            {
                own.profile = profile;
            }
            _ => {}
        }
    }
    own
}

fn profile_in(record: &Record) -> Option<Profile> {
    let envelope = Envelope::from_entry(chain::record::present(record)?).ok()?;
    match Item::open(&envelope).ok()? {
        Opened::Item(Item::Profile(profile)) => Some(profile),
        Opened::Item(_) | Opened::Spilled { .. } => None,
    }
}
