//! `commonhold blob ls`, `stat` and `usage`: what there is, how safe it is, and how much room it takes.

use api::{BlobLine, BlobStatusView, UsageView};
use base::{Problem, Timestamp};
use indicatif::HumanBytes;

use crate::blob::args::{BlobTarget, LsArgs, UsageArgs};
use crate::blob::place::Place;
use crate::blob::what::{self, What};
use crate::dial::Progress;
use crate::output::{Outcome, Output, count};
use crate::time::shown;

/// Blobs or tags that are asked for at once.
pub(crate) const PAGE_ITEMS: u32 = 1_000;

/// Runs `commonhold blob ls`.
pub(crate) async fn run(args: &LsArgs, output: &Output) -> Outcome {
    let place = Place::open(&args.target, &Progress::new(*output)).await?;
    let mut after = args.after.clone();
    let (mut blobs, mut bytes) = (0_u64, 0_u64);
    let left = |blobs: u64| {
        args.limit
            .map_or(u64::MAX, |limit| limit.saturating_sub(blobs))
    };
    let prefix = args.prefix.to_ascii_lowercase();
    let mut is_cut = false;
    while left(blobs) > 0 {
        let limit = u32::try_from(left(blobs).min(PAGE_ITEMS.into())).expect("it is a page");
        let page = place.list(after.as_deref(), limit, &prefix).await?;
        for item in &page.items {
            blobs += 1;
            bytes += item.bytes;
            let text = if args.long {
                long(item)
            } else {
                item.hash.clone()
            };
            output.result(item, &[text]);
        }
        let Some(next) = page.next else {
            break;
        };
        is_cut = left(blobs) == 0;
        after = Some(next);
    }
    place.close().await?;
    output.remark(&format!(
        "{}, {}.",
        count(blobs, "blob", "blobs"),
        HumanBytes(bytes)
    ));
    if let Some(after) = after.filter(|_| is_cut) {
        output.remark(&format!("There are more; see them with --after {after}"));
    }
    Ok(())
}

fn long(item: &BlobLine) -> String {
    let accepted = shown(Timestamp(item.accepted_at_us));
    let size = HumanBytes(item.bytes).to_string();
    format!("{}  {size:>12}  {:<8}  {accepted}", item.hash, item.tier)
}

/// Runs `commonhold blob stat`.
pub(crate) async fn stat(what: &str, target: &BlobTarget, output: &Output) -> Outcome {
    let what = What::parse(what)?;
    let place = Place::open(target, &Progress::new(*output)).await?;
    let named = what.find(&place).await?;
    let status = place.status(&named.hash).await?;
    let status = status.ok_or_else(|| what::missing(&named.hash))?;
    place.close().await?;
    output.result(&status, &described(&status));
    Ok(())
}

/// Says about a blob what a person wants to know.
fn described(status: &BlobStatusView) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<10} {value}");
    let accepted = shown(Timestamp(status.accepted_at_us));
    let mut lines = vec![
        line("hash", &status.hash),
        line("blake3", &status.blake3),
        line(
            "bytes",
            &format!("{} ({})", status.bytes, HumanBytes(status.bytes)),
        ),
        line("tier", &status.tier),
        line("accepted", &accepted),
    ];
    lines.extend(status.waits_for.iter().map(|lack| line("waits for", lack)));
    lines.extend(status.tags.iter().map(|tag| line("tag", tag)));
    lines.extend(status.lease_until_us.map(|until| {
        let until = shown(Timestamp(until));
        line("lease", &format!("until {until}"))
    }));
    if status.is_damaged {
        lines.push(line("damaged", "not served until it is stored again"));
    }
    if status.is_trashed {
        lines.push(line(
            "trash",
            "it comes back when it is stored or tagged again",
        ));
    } else if status.tags.is_empty() && status.lease_until_us.is_none() {
        lines.push(line("kept by", "no tag and no lease of its own"));
    }
    lines
}

/// Runs `commonhold blob usage`.
pub(crate) async fn usage(args: &UsageArgs, output: &Output) -> Outcome {
    let place = Place::open(&args.target, &Progress::new(*output)).await?;
    let usage = match (args.quota, args.no_quota) {
        (Some(bytes_max), _) => place.set_quota(Some(bytes_max)).await?,
        (None, true) => place.set_quota(None).await?,
        (None, false) => place.usage().await?,
    };
    place.close().await?;
    output.result(&usage, &taken(&usage));
    Ok(())
}

fn taken(usage: &UsageView) -> Vec<String> {
    let line = |name: &str, blobs: u64, bytes: u64| {
        let blobs = count(blobs, "blob", "blobs");
        format!("{name:<10} {:>12}  {blobs}", HumanBytes(bytes).to_string())
    };
    let mut lines = vec![
        format!("{:<10} {}", "namespace", usage.namespace),
        line("live", usage.live_blobs, usage.live_bytes),
        line("trash", usage.trash_blobs, usage.trash_bytes),
    ];
    if usage.upload_bytes > 0 {
        let size = HumanBytes(usage.upload_bytes).to_string();
        lines.push(format!("{:<10} {size:>12}  not finished", "uploads"));
    }
    lines.push(match usage.quota_bytes {
        Some(quota) => format!("{:<10} {:>12}", "quota", HumanBytes(quota).to_string()),
        None => format!("{:<10} {:>12}", "quota", "none"),
    });
    lines
}

/// Reads all tags whose names start with a prefix.
pub(crate) async fn all_tags(place: &Place, prefix: &str) -> Result<Vec<api::TagView>, Problem> {
    let (mut tags, mut after) = (Vec::new(), None);
    loop {
        let page = place.tags(after.as_deref(), PAGE_ITEMS, prefix).await?;
        tags.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(tags),
        }
    }
}
