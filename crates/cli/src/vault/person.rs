//! Persons: how one begins, whom they let host them, and how the next key takes over.

use std::path::Path;

use base::{Code, Duration, Problem};
use chain::person::{
    EVENT_BYTES_MAX, EVENTS_MAX, HostingGrant, KeyEvent, Rotation, SignedEvent, decode_log,
    doorway_fits, encode_log,
};
use chain::{KeyCommitment, PersonLog, agent_of};
use crypto::Keypair;
use disk::{Folder, Mode};
use runtime::Clock;
use serde_json::json;
use vault::paper;
use vault::socket::{Call, Reply};

use super::args::{GrantArgs, NewArgs, PersonArgs, RotateArgs};
use super::slot::{first_line, for_paper, for_password, random};
use super::{one_signature, remote, unexpected};
use crate::output::{Outcome, Output, count};

/// Runs `commonhold vault new`.
pub(super) fn begin(args: &NewArgs, output: &Output) -> Outcome {
    let place = Place::of(&args.person)?;
    if place.read()?.is_some() {
        let detail = format!("{} exists already", args.person.display());
        return Err(Problem::new(Code::PlaceTaken, detail).into());
    }
    let password = for_password(&first_line(&args.password_file)?)?;
    let (on_paper, code) = for_paper()?;
    let next = random::<32>()?;
    let promise = KeyCommitment::of(&Keypair::from_seed(&next).public());
    let call = Call::Enroll {
        next: promise,
        slots: vec![password, on_paper],
    };
    let Reply::Enrolled(enrolled) = remote(&args.target)?.call(&call)? else {
        return Err(unexpected().into());
    };
    let next = paper::write(next.as_slice());
    let agent = agent_of(enrolled.agent).to_string();
    let document = json!({
        "ok": true,
        "agent": agent,
        "person": enrolled.person.to_string(),
        "code": *code,
        "next_key": *next,
    });
    let lines = [
        agent,
        format!("is the key of {}.", enrolled.person),
        String::new(),
        "Write this down; it is shown once.".to_owned(),
        format!("Unlocks the key when the password is lost:  {}", *code),
        format!("The next key, to leave this vault with:     {}", *next),
    ];
    // The secrets are shown whatever becomes of the file: without them the person would be lost.
    output.result(&document, &lines);
    place.write(&[enrolled.inception])?;
    Ok(())
}

/// Runs `commonhold vault grant`.
pub(super) fn grant(args: &GrantArgs, output: &Output) -> Outcome {
    let place = Place::of(&args.person)?;
    let (mut events, mut log) = place.log()?;
    let doorway = args.doorway.trim_end_matches('/').to_lowercase();
    if !doorway_fits(&doorway) {
        let detail = format!("{:?} cannot be the address of a doorway", args.doorway);
        return Err(Problem::new(Code::Config, detail).into());
    }
    let made = Clock::system().now();
    let epoch = log.newest_grant().map_or(0, |grant| grant.epoch);
    let grant = HostingGrant {
        person: log.person(),
        seq: log.seq(),
        key_event: log.head(),
        made,
        agent: log.key(),
        epoch: epoch.checked_add(1).ok_or_else(unexpected)?,
        expires: made + Duration::from_secs(args.days * 24 * 60 * 60),
        doorway,
    };
    let agent = grant.agent;
    let call = Call::SignGrant {
        agent,
        grant: grant.clone(),
    };
    let signature = one_signature(&remote(&args.target)?, &call)?.0;
    let epoch = grant.epoch;
    let line = format!(
        "{} may host {} for {}.",
        grant.doorway,
        agent_of(agent),
        count(args.days, "day", "days")
    );
    let document = json!({
        "ok": true,
        "doorway": grant.doorway,
        "agent": agent_of(agent).to_string(),
        "epoch": epoch,
        "expires_secs": grant.expires.as_secs(),
    });
    let signed = SignedEvent {
        event: KeyEvent::Grant(grant),
        signature,
    };
    log.apply(&signed).map_err(Problem::from)?;
    events.push(signed);
    place.write(&events)?;
    output.done(&document, &[line]);
    Ok(())
}

/// Runs `commonhold vault person`.
pub(super) fn show(args: &PersonArgs, output: &Output) -> Outcome {
    let (events, log) = Place::of(&args.file)?.log()?;
    let now = Clock::system().now();
    let keys: Vec<_> = log.keys().map(|key| agent_of(key).to_string()).collect();
    let hosted = log.hosted(now);
    let mut lines = vec![
        log.person().to_string(),
        format!("has the key {}", agent_of(log.key())),
    ];
    match hosted {
        Some(grant) => lines.push(format!("and is hosted by {}.", grant.doorway)),
        None => lines.push("and lets nobody host it.".to_owned()),
    }
    lines.push(format!(
        "{} and {} were checked.",
        count(events.len() as u64, "event", "events"),
        count(keys.len() as u64, "key", "keys")
    ));
    let document = json!({
        "ok": true,
        "person": log.person().to_string(),
        "keys": keys,
        "events": events.len(),
        "hosted_by": hosted.map(|grant| grant.doorway.clone()),
    });
    output.result(&document, &lines);
    Ok(())
}

/// Runs `commonhold vault rotate`.
pub(super) fn rotate(args: &RotateArgs, output: &Output) -> Outcome {
    let place = Place::of(&args.file)?;
    let (mut events, mut log) = place.log()?;
    let written = first_line(&args.next_file)?;
    let seed = paper::read::<32>(&written).ok_or_else(|| {
        let detail = "this is no next key: something is missing, or a letter was mistaken";
        Problem::new(Code::DoesNotUnlock, detail)
    })?;
    let pair = Keypair::from_seed(&seed);
    let next = random::<32>()?;
    let rotation = KeyEvent::Rotation(Rotation {
        person: log.person(),
        seq: log.seq() + 1,
        previous: log.head(),
        made: Clock::system().now(),
        key: pair.public(),
        next: KeyCommitment::of(&Keypair::from_seed(&next).public()),
    });
    let signed = rotation.sign(&pair);
    log.apply(&signed).map_err(Problem::from)?;
    events.push(signed);
    let next = paper::write(next.as_slice());
    let agent = agent_of(pair.public()).to_string();
    let document = json!({
        "ok": true,
        "agent": agent,
        "person": log.person().to_string(),
        "next_key": *next,
    });
    let lines = [
        agent,
        format!("is the key of {} from now on.", log.person()),
        String::new(),
        "Write this down; it is shown once.".to_owned(),
        format!("The key after it:  {}", *next),
    ];
    output.result(&document, &lines);
    place.write(&events)?;
    Ok(())
}

/// A file with a person's key events.
pub(super) struct Place {
    folder: Folder,
    name: String,
}

impl Place {
    pub(super) fn of(file: &Path) -> Result<Self, Problem> {
        let name = file.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| {
            let detail = format!("{} names no file", file.display());
            Problem::new(Code::Config, detail)
        })?;
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let folder = Folder::open(folder.unwrap_or(Path::new(".")));
        Ok(Self {
            folder: folder.map_err(|error| error.problem())?,
            name: name.to_owned(),
        })
    }

    fn read(&self) -> Result<Option<Vec<u8>>, Problem> {
        let limit = (EVENT_BYTES_MAX * EVENTS_MAX) as u64;
        let read = self.folder.read(&self.name, limit);
        read.map_err(|error| error.problem())
    }

    /// Reads the events and verifies them.
    pub(super) fn log(&self) -> Result<(Vec<SignedEvent>, PersonLog), Problem> {
        let bytes = self.read()?.ok_or_else(|| {
            let detail = format!("there is no file {}", self.name);
            Problem::new(Code::SourceUnreadable, detail)
        })?;
        let events = decode_log(&bytes)
            .map_err(|error| Problem::new(Code::MalformedRecord, error.to_string()))?;
        let log = PersonLog::verify(&events).map_err(|(place, rejection)| {
            let detail = format!("key event {place}: {rejection}");
            Problem::new(rejection.code(), detail)
        })?;
        Ok((events, log))
    }

    fn write(&self, events: &[SignedEvent]) -> Result<(), Problem> {
        let bytes = encode_log(events);
        let written = self.folder.write_atomic(&self.name, &bytes, Mode::Plain);
        written.map_err(|error| error.problem())
    }
}
