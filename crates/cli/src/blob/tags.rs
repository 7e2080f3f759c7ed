//! `commonhold blob tag`: names for hashes.

use base::{Code, Problem};
use serde_json::json;

use crate::blob::args::{BlobTarget, TagCommand};
use crate::blob::list;
use crate::blob::place::Place;
use crate::blob::what::{self, What, tag_name};
use crate::dial::Progress;
use crate::output::{Outcome, Output};

/// Runs `commonhold blob tag`.
pub(crate) async fn run(command: &TagCommand, output: &Output) -> Outcome {
    match command {
        TagCommand::Ls {
            prefix,
            window,
            target,
        } => list::tags(prefix, window, target, output).await,
        TagCommand::Set {
            name,
            what,
            dry_run,
            target,
        } => set(name, what, *dry_run, target, output).await,
        TagCommand::Rm {
            name,
            dry_run,
            target,
        } => remove(name, *dry_run, target, output).await,
    }
}

async fn set(
    name: &str,
    what: &str,
    is_dry_run: bool,
    target: &BlobTarget,
    output: &Output,
) -> Outcome {
    let name = tag_name(name)?;
    let what = What::parse(what)?;
    let place = Place::open(target, &Progress::new(*output)).await?;
    let named = what.find(&place).await?;
    let before = place.tag(name.as_str()).await?;
    if !is_dry_run {
        let set = place.set_tag(name.as_str(), &named.hash).await;
        set.map_err(|problem| match problem.code {
            Code::NotFound => what::missing(&named.hash),
            _ => problem,
        })?;
    }
    place.close().await?;
    let hash = named.hash.to_string();
    let moved = before.map(|tag| tag.hash).filter(|before| *before != hash);
    let document = json!({
        "ok": true,
        "name": name.as_str(),
        "hash": hash,
        "hash_before": moved,
        "dry_run": is_dry_run,
    });
    let verb = if is_dry_run { "would name" } else { "names" };
    let mut lines = vec![format!("{name} {verb} {hash}.")];
    if let Some(before) = &moved {
        lines.push(format!("Before, it named {before}."));
    }
    output.done(&document, &lines);
    Ok(())
}

async fn remove(name: &str, is_dry_run: bool, target: &BlobTarget, output: &Output) -> Outcome {
    let name = tag_name(name)?;
    let place = Place::open(target, &Progress::new(*output)).await?;
    let Some(before) = place.tag(name.as_str()).await? else {
        let detail = format!("there is no tag {name} that you may see");
        return Err(Problem::new(Code::NothingNamed, detail).into());
    };
    if !is_dry_run {
        place.remove_tag(name.as_str()).await?;
    }
    place.close().await?;
    let document = json!({
        "ok": true,
        "name": name.as_str(),
        "hash": before.hash,
        "dry_run": is_dry_run,
    });
    let line = if is_dry_run {
        format!("Would take {name} off {}.", before.hash)
    } else {
        format!(
            "{name} is gone. What it named is collected after a while, unless another tag names it."
        )
    };
    output.done(&document, &[line]);
    Ok(())
}
