//! Carrying a key between a vault and a person's own device, in a seed bundle.

use std::path::Path;

use base::{Code, Problem};
use chain::agent_of;
use crypto::Keypair;
use disk::{Folder, SecretError};
use serde_json::json;
use vault::bundle::{BUNDLE_BYTES_MAX, Bundle, BundleError, Work};
use vault::socket::{Call, Reply};

use super::args::{ExportArgs, ImportArgs};
use super::person::Place;
use super::slot::{first_line, for_paper, for_password, open};
use super::{remote, unexpected};
use crate::output::{Outcome, Output};

/// Runs `commonhold vault export`.
pub(super) fn export(args: &ExportArgs, output: &Output) -> Outcome {
    let passphrase = first_line(&args.passphrase_file)?;
    if passphrase.is_empty() {
        return Err(Problem::new(Code::Config, "the passphrase is empty").into());
    }
    let opened = open(&args.by)?;
    let (agent, slot, key) = (opened.agent, opened.slot, opened.key);
    let Reply::Seed(seed) = opened.remote.call(&Call::Export { agent, slot, key })? else {
        return Err(unexpected().into());
    };
    let mut failed = None;
    let bundle = Bundle::seal(&seed, &passphrase, Work::MODERATE, &mut |bytes| {
        if let Err(error) = getrandom::fill(bytes) {
            failed = Some(error);
        }
    });
    if let Some(error) = failed {
        let detail = format!("the system gives no randomness: {error}");
        return Err(Problem::new(Code::Unavailable, detail).into());
    }
    let bundle = bundle.map_err(problem)?;
    write_new(&args.bundle, &bundle.encode())?;
    let line = format!(
        "The key is in {}. Use it here or there, not in both places.",
        args.bundle.display()
    );
    let document = json!({ "ok": true, "agent": args.by.agent, "bundle": args.bundle });
    output.done(&document, &[line]);
    Ok(())
}

/// Runs `commonhold vault import`.
pub(super) fn import(args: &ImportArgs, output: &Output) -> Outcome {
    let bytes = disk::read_path(&args.bundle, BUNDLE_BYTES_MAX as u64)
        .map_err(|error| error.problem())?
        .ok_or_else(|| {
            let detail = format!("there is no file {}", args.bundle.display());
            Problem::new(Code::SourceUnreadable, detail)
        })?;
    let bundle = Bundle::decode(&bytes).map_err(problem)?;
    let seed = bundle
        .open(&first_line(&args.passphrase_file)?)
        .map_err(problem)?;
    let (_, log) = Place::of(&args.person)?.log()?;
    let agent = Keypair::from_seed(&seed).public();
    if log.key() != agent {
        let detail = "the key in the bundle is not the person's current one";
        return Err(Problem::new(Code::ForeignAuthor, detail).into());
    }
    let password = for_password(&first_line(&args.password_file)?)?;
    let (on_paper, code) = for_paper()?;
    let call = Call::Adopt {
        person: log.person(),
        seed,
        slots: vec![password, on_paper],
    };
    let Reply::Adopted(agent) = remote(&args.target)?.call(&call)? else {
        return Err(unexpected().into());
    };
    let agent = agent_of(agent).to_string();
    let document = json!({ "ok": true, "agent": agent, "code": *code });
    let lines = [
        agent,
        "is kept, and signs nothing until its head is confirmed.".to_owned(),
        format!("Unlocks the key when the password is lost:  {}", *code),
    ];
    output.result(&document, &lines);
    Ok(())
}

/// Writes a file that its owner alone may read, and never over another one.
fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        let detail = format!("{} names no file", file.display());
        Problem::new(Code::Config, detail)
    })?;
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = Folder::open(folder.unwrap_or(Path::new("."))).map_err(|error| error.problem())?;
    folder
        .create_secret(name, bytes)
        .map_err(|error| match error {
            SecretError::Exists { path } => {
                let detail = format!("{} exists already", path.display());
                Problem::new(Code::PlaceTaken, detail)
            }
            error => error.problem(),
        })
}

fn problem(error: BundleError) -> Problem {
    let code = match error {
        BundleError::Form => Code::MalformedRecord,
        BundleError::NoLock | BundleError::Wrong => Code::DoesNotUnlock,
        BundleError::Work => Code::MalformedRecord,
        BundleError::Memory => Code::Overloaded,
    };
    Problem::new(code, error.to_string())
}
