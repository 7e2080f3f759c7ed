//! What a person has: a password or a code in a file, and the keyslot that it opens.

use std::path::Path;
use std::time::Instant;

use base::{Code, Duration, Problem};
use serde_json::json;
use vault::core::fence::RawAgent;
use vault::core::slots::SlotKind;
use vault::password::{Cost, Recipe, SALT_BYTES};
use vault::socket::{Call, Remote, Reply};
use vault::{ListedSlot, NewSlot, Secret, paper};
use zeroize::Zeroizing;

use super::args::UnlockArgs;
use super::{parse, remote, unexpected};
use crate::output::{Outcome, Output};

/// Longest file with a secret, in bytes.
const FILE_BYTES_MAX: u64 = 4_096;

/// Reads the first line of a file.
pub(super) fn first_line(file: &Path) -> Result<Zeroizing<String>, Problem> {
    let refused = |detail: String| Problem::new(Code::KeyFile, detail);
    let bytes = disk::read_path(file, FILE_BYTES_MAX)
        .map_err(|error| error.problem())?
        .ok_or_else(|| refused(format!("there is no file {}", file.display())))?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| refused(format!("{} is not text", file.display())))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

/// Draws random bytes.
pub(super) fn random<const LEN: usize>() -> Result<Zeroizing<[u8; LEN]>, Problem> {
    let mut bytes = Zeroizing::new([0; LEN]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| {
        let detail = format!("the system gives no randomness: {error}");
        Problem::new(Code::Unavailable, detail)
    })?;
    Ok(bytes)
}

/// Makes a keyslot for a password, as dear as this machine bears.
pub(super) fn for_password(password: &str) -> Result<NewSlot, Problem> {
    let salt = *random::<SALT_BYTES>()?;
    let cost = Cost::calibrate(|cost| {
        let start = Instant::now();
        let recipe = Recipe { cost, salt };
        // A machine without the memory for it counts as too slow.
        match recipe.stretch("how long does it take") {
            Ok(_) => Duration::from_micros(
                u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
            ),
            Err(_) => Duration::from_secs(u64::MAX),
        }
    });
    let recipe = Recipe { cost, salt };
    Ok(NewSlot {
        kind: SlotKind::Password,
        hint: recipe.encode(),
        key: stretch(&recipe, password)?,
    })
}

/// Makes a keyslot for a code, and the code.
pub(super) fn for_paper() -> Result<(NewSlot, Zeroizing<String>), Problem> {
    let code = random::<{ paper::CODE_BYTES }>()?;
    let slot = NewSlot {
        kind: SlotKind::Paper,
        hint: Vec::new(),
        key: paper::slot_key(&code),
    };
    Ok((slot, paper::write(code.as_slice())))
}

fn stretch(recipe: &Recipe, password: &str) -> Result<Secret, Problem> {
    let stretched = recipe
        .stretch(password)
        .map_err(|error| Problem::new(Code::DoesNotUnlock, error.to_string()))?;
    Ok(stretched.slot)
}

/// Runs `commonhold vault unlock`.
pub(super) fn unlock(args: &UnlockArgs, output: &Output) -> Outcome {
    let opened = open(args)?;
    let (agent, slot, key) = (opened.agent, opened.slot, opened.key);
    opened.remote.call(&Call::Unlock { agent, slot, key })?;
    let document = json!({ "ok": true, "agent": args.agent, "slot": slot });
    let line = "The key is unlocked, for an hour at most.".to_owned();
    output.done(&document, &[line]);
    Ok(())
}

/// A keyslot with its key, of what somebody has.
pub(super) struct Opened {
    pub(super) remote: Remote,
    pub(super) agent: RawAgent,
    pub(super) slot: u16,
    pub(super) key: Secret,
}

/// Makes the key of a slot out of a password or a code.
pub(super) fn open(args: &UnlockArgs) -> Result<Opened, Problem> {
    let (agent, remote) = (parse(&args.agent)?, remote(&args.target)?);
    let (kind, file) = match (&args.password_file, &args.code_file) {
        (Some(file), _) => (SlotKind::Password, file),
        (None, Some(file)) => (SlotKind::Paper, file),
        (None, None) => {
            return Err(Problem::new(
                Code::Config,
                "give --password-file or --code-file",
            ));
        }
    };
    let given = first_line(file)?;
    let slot = find(&remote, &agent, kind)?;
    let key = match kind {
        SlotKind::Password => {
            let recipe = Recipe::decode(&slot.hint).ok_or_else(unexpected)?;
            stretch(&recipe, &given)?
        }
        SlotKind::Paper | SlotKind::Passkey => {
            let code = paper::read(&given).ok_or_else(|| {
                let detail = "this is no code: something is missing, or a letter was mistaken";
                Problem::new(Code::DoesNotUnlock, detail)
            })?;
            paper::slot_key(&code)
        }
    };
    Ok(Opened {
        remote,
        agent,
        slot: slot.number,
        key,
    })
}

/// Finds the newest keyslot of a kind.
fn find(remote: &Remote, agent: &RawAgent, kind: SlotKind) -> Result<ListedSlot, Problem> {
    // The list begins behind a key: the one before this one.
    let before = before(agent);
    let call = Call::List {
        after: before,
        limit: 1,
    };
    let Reply::Listed(listed) = remote.call(&call)? else {
        return Err(unexpected());
    };
    let found = listed.into_iter().find(|listed| listed.agent == *agent);
    let found =
        found.ok_or_else(|| Problem::new(Code::NotFound, "the vault does not keep this key"))?;
    let mut slots = found.slots.into_iter().rev();
    slots.find(|slot| slot.kind == kind).ok_or_else(|| {
        let detail = format!("this key is not unlocked by a {}", kind.as_str());
        Problem::new(Code::DoesNotUnlock, detail)
    })
}

/// Returns the largest key that is smaller; `None` when there is none.
fn before(agent: &RawAgent) -> Option<RawAgent> {
    let mut before = *agent;
    for byte in before.iter_mut().rev() {
        let (less, borrows) = byte.overflowing_sub(1);
        *byte = less;
        if !borrows {
            return Some(before);
        }
    }
    None
}
