//! `commonhold vault`: a process that keeps members' keys and signs with them, and the commands that talk to it.

pub(crate) mod args;
mod carry;
mod person;
mod serve;
mod slot;

use base::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::{AgentPubKey, agent_of, record};
use serde_json::{Value, json};
use vault::core::fence::RawAgent;
use vault::history::Signed;
use vault::request::agent_key;
use vault::socket::{Call, Remote, Reply};
use vault::{Listed, ToldHead};

use crate::home;
use crate::output::{Outcome, Output, count};
use args::{ConfirmArgs, LogArgs, VaultArgs, VaultCommand, VaultTarget};

/// Records that are fetched at once while the newest one is looked for.
const PAGE_RECORDS: u32 = 1_000;

/// Runs `commonhold vault`.
pub(crate) async fn run(args: &VaultArgs, output: &Output) -> Outcome {
    match &args.command {
        None => serve::run(&args.serve, output).await,
        Some(VaultCommand::Stat(target)) => stat(target, output),
        Some(VaultCommand::List(target)) => list(target, output),
        Some(VaultCommand::New(args)) => person::begin(args, output),
        Some(VaultCommand::Unlock(args)) => slot::unlock(args, output),
        Some(VaultCommand::Lock(args)) => {
            let (agent, remote) = (parse(&args.agent)?, remote(&args.target)?);
            let was = match remote.call(&Call::Lock(agent))? {
                Reply::Was(was) => was,
                _ => return Err(unexpected().into()),
            };
            let line = if was {
                "The key is locked."
            } else {
                "The key was locked already."
            };
            let document = json!({ "ok": true, "agent": args.agent, "was_unlocked": was });
            output.done(&document, &[line.to_owned()]);
            Ok(())
        }
        Some(VaultCommand::Log(args)) => log(args, output),
        Some(VaultCommand::Answer(args)) => {
            let agent = parse(&args.agent)?;
            let call = Call::SignChallenge {
                agent,
                challenge: args.challenge.clone(),
            };
            let signature = STANDARD.encode(one_signature(&remote(&args.target)?, &call)?.0);
            let document = json!({ "ok": true, "agent": args.agent, "signature": signature });
            output.result(&document, std::slice::from_ref(&signature));
            Ok(())
        }
        Some(VaultCommand::Confirm(args)) => confirm(args, output).await,
        Some(VaultCommand::Grant(args)) => person::grant(args, output),
        Some(VaultCommand::Person(args)) => person::show(args, output),
        Some(VaultCommand::Rotate(args)) => person::rotate(args, output),
        Some(VaultCommand::Export(args)) => carry::export(args, output),
        Some(VaultCommand::Import(args)) => carry::import(args, output),
        Some(VaultCommand::Retire(args)) => {
            let (agent, remote) = (parse(&args.agent)?, remote(&args.target)?);
            remote.call(&Call::Retire(agent))?;
            let line = "The vault signs nothing with this key any more. What lay in it stays in its log, sealed, and in backups that were made before.";
            let document = json!({ "ok": true, "agent": args.agent });
            output.done(&document, &[line.to_owned()]);
            Ok(())
        }
    }
}

/// Names the vault that a command talks to.
fn remote(target: &VaultTarget) -> Result<Remote, Problem> {
    let socket = match &target.socket {
        Some(socket) => socket.clone(),
        None => home::vault(target.data.clone())?.join(serve::SOCKET),
    };
    Ok(Remote::new(&socket))
}

fn parse(agent: &str) -> Result<RawAgent, Problem> {
    let key = AgentPubKey::try_from(agent).ok();
    key.as_ref().and_then(agent_key).ok_or_else(|| {
        let detail = format!("{agent:?} is no agent key");
        Problem::new(Code::MalformedHash, detail)
    })
}

fn unexpected() -> Problem {
    Problem::new(Code::ServerAnswer, "the vault answered something else")
}

/// Asks for one signature.
fn one_signature(remote: &Remote, call: &Call) -> Result<chain::Signature, Problem> {
    match remote.call(call)? {
        Reply::Signed(signatures, end) => match (signatures.into_iter().next(), end) {
            (Some(signature), _) => Ok(signature),
            (None, Some(problem)) => Err(problem),
            (None, None) => Err(unexpected()),
        },
        _ => Err(unexpected()),
    }
}

fn stat(target: &VaultTarget, output: &Output) -> Outcome {
    let Reply::Stat(stat) = remote(target)?.call(&Call::Stat)? else {
        return Err(unexpected().into());
    };
    let memory = if stat.is_memory_locked {
        "locked into RAM"
    } else {
        "not locked into RAM: raise LimitMEMLOCK, or do without swap"
    };
    let document = json!({
        "ok": true,
        "keys": stat.keys,
        "unconfirmed": stat.unconfirmed,
        "unlocked": stat.unlocked,
        "memory_locked": stat.is_memory_locked,
        "log_bytes": stat.log_bytes,
        "syncs": stat.syncs,
    });
    let lines = [
        format!(
            "{} of {} unlocked",
            stat.unlocked,
            count(stat.keys, "key", "keys")
        ),
        format!("{} wait for their head to be confirmed", stat.unconfirmed),
        format!("memory of unlocked keys: {memory}"),
        format!("{} bytes of log", stat.log_bytes),
    ];
    output.result(&document, &lines);
    Ok(())
}

/// Returns all keys of a vault.
fn all(remote: &Remote) -> Result<Vec<Listed>, Problem> {
    let mut all: Vec<Listed> = Vec::new();
    loop {
        let after = all.last().map(|listed| listed.agent);
        let limit = u16::MAX;
        let Reply::Listed(page) = remote.call(&Call::List { after, limit })? else {
            return Err(unexpected());
        };
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn list(target: &VaultTarget, output: &Output) -> Outcome {
    let listed = all(&remote(target)?)?;
    let lines = listed.iter().flat_map(|listed| {
        let head = listed.head.map_or_else(
            || "nothing signed yet".to_owned(),
            |head| format!("signed up to {}", head.seq),
        );
        let doubt = if listed.is_confirmed {
            ""
        } else {
            ", head not confirmed"
        };
        let slots = listed.slots.iter();
        let slots: Vec<_> = slots
            .map(|slot| format!("{} {}", slot.number, slot.kind.as_str()))
            .collect();
        [
            format!("{}  {head}{doubt}", agent_of(listed.agent)),
            format!("  {}  unlocks by: {}", listed.person, slots.join(", ")),
        ]
    });
    let mut lines: Vec<_> = lines.collect();
    lines.push(count(listed.len() as u64, "key", "keys"));
    let keys: Vec<_> = listed.iter().map(describe).collect();
    output.result(&json!({ "ok": true, "keys": keys }), &lines);
    Ok(())
}

fn describe(listed: &Listed) -> Value {
    let slots = listed.slots.iter();
    let slots: Vec<_> = slots
        .map(|slot| json!({ "number": slot.number, "kind": slot.kind.as_str() }))
        .collect();
    json!({
        "agent": agent_of(listed.agent).to_string(),
        "person": listed.person.to_string(),
        "head": listed.head.map(|head| head.seq),
        "epoch": listed.epoch,
        "confirmed": listed.is_confirmed,
        "slots": slots,
    })
}

fn log(args: &LogArgs, output: &Output) -> Outcome {
    let (agent, remote) = (parse(&args.agent)?, remote(&args.target)?);
    let mut signed: Vec<Signed> = Vec::new();
    let mut from = None;
    while signed.len() < args.limit {
        let limit = u16::try_from(args.limit - signed.len()).unwrap_or(u16::MAX);
        let Reply::History(page) = remote.call(&Call::History { agent, from, limit })? else {
            return Err(unexpected().into());
        };
        signed.extend(page.signed);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let lines: Vec<_> = signed.iter().map(line_of).collect();
    let signed: Vec<_> = signed
        .iter()
        .map(|signed| {
            json!({
                "what": signed.what.as_str(),
                "seq": signed.what.is_action().then_some(signed.seq),
                "epoch": signed.epoch,
                "hash": hex::encode(signed.hash),
                "at_micros": signed.at.as_micros(),
                "for": signed.detail,
            })
        })
        .collect();
    let document = json!({
        "ok": true,
        "agent": args.agent,
        "signed": signed,
        "is_all": from.is_none(),
    });
    output.result(&document, &lines);
    Ok(())
}

fn line_of(signed: &Signed) -> String {
    let at = jiff::Timestamp::from_microsecond(signed.at.as_micros());
    let at = at.map_or_else(|_| "?".to_owned(), |at| at.strftime("%F %T").to_string());
    let place = if signed.what.is_action() {
        format!("{:>8}", signed.seq)
    } else {
        " ".repeat(8)
    };
    let hash = hex::encode(&signed.hash[..8]);
    let line = format!(
        "{at}  {:<10}{place}  {hash}  {}",
        signed.what.as_str(),
        signed.detail
    );
    line.trim_end().to_owned()
}

/// Tells the vault the head of a chain as a doorway has it.
async fn confirm(args: &ConfirmArgs, output: &Output) -> Outcome {
    let agent = parse(&args.agent)?;
    let doorway = crate::dial::trusting(&args.from, args.ca.as_deref())?;
    let mut head = None;
    let mut after = None;
    loop {
        let page = doorway
            .chain(&args.agent, after, PAGE_RECORDS, None)
            .await?;
        if let Some(last) = page.records.last() {
            let record = last
                .decode()
                .map_err(|error| Problem::new(Code::MalformedRecord, error.to_string()))?;
            head = Some((record.action().clone(), record.signature().clone()));
        }
        let Some(next) = page.next_after else {
            break;
        };
        if after.is_some_and(|after| next <= after) {
            return Err(
                Problem::new(Code::ServerAnswer, "the doorway's pages do not go on").into(),
            );
        }
        after = Some(next);
    }
    // That a doorway has nothing of a chain does not say that nothing was signed.
    let Some((action, signature)) = head else {
        let detail = "the doorway has no chain of this key; ask one that has it";
        return Err(Problem::new(Code::NotFound, detail).into());
    };
    let seq = action.action_seq();
    let hash = record::action_hash(&action).to_string();
    let head = Some((action, signature));
    let told = Box::new(ToldHead { head, grant: None });
    remote(&args.target)?.call(&Call::Confirm { agent, told })?;
    let line = format!("The vault signs again, behind action {seq}.");
    let document = json!({ "ok": true, "agent": args.agent, "seq": seq, "action": hash });
    output.done(&document, &[line]);
    Ok(())
}
