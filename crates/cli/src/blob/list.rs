//! `commonhold blob ls`, `stat` and `usage`: what there is, how safe it is, and how much room it takes.

use api::{BlobLine, BlobStatusView, TagView, UsageView};
use base::{Code, ContentHash, Problem, Timestamp};
use indicatif::HumanBytes;
use storage_core::folder::is_manifest;

use crate::blob::args::{BlobTarget, LsArgs, UsageArgs, WindowArgs};
use crate::blob::get::FIRST_BYTES;
use crate::blob::place::Place;
use crate::blob::what::{self, What};
use crate::dial::Progress;
use crate::output::{Outcome, Output, count};
use crate::time::shown;

/// Blobs or tags that are asked for at once.
pub(crate) const PAGE_ITEMS: u32 = 1_000;

/// How much of a list is wanted.
pub(crate) struct Window<'a> {
    after: Option<&'a str>,
    /// How many lines, at most.
    left: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn of(args: &'a WindowArgs) -> Self {
        let limit = if args.all { u64::MAX } else { args.limit };
        Self {
            after: args.after.as_deref(),
            left: limit,
        }
    }

    /// Returns how many lines the next page may have; `None` when there are enough.
    fn page(&self) -> Option<u32> {
        let page = self.left.min(PAGE_ITEMS.into());
        (page > 0).then(|| u32::try_from(page).expect("it is a page"))
    }

    /// Says how to go on where a list was cut: to programs in a line of its own, so that they see that it is not all.
    fn tell_cut(after: &str, output: &Output) {
        if output.is_json() {
            output.result(&serde_json::json!({ "next": after }), &[]);
        }
        output.remark(&format!(
            "There are more; see all with --all, or the next ones with --after {after}"
        ));
    }
}

/// Runs `commonhold blob ls`.
pub(crate) async fn run(args: &LsArgs, output: &Output) -> Outcome {
    let place = Place::open(&args.target, &Progress::new(*output)).await?;
    let mut window = Window::of(&args.window);
    let mut after = window.after.map(str::to_owned);
    let (mut blobs, mut bytes) = (0_u64, 0_u64);
    let prefix = args.prefix.to_ascii_lowercase();
    let mut damaged = 0;
    let cut = loop {
        let Some(limit) = window.page() else {
            break after;
        };
        let page = match args.damaged {
            true => place.list_damaged(after.as_deref(), limit, &prefix).await?,
            false => place.list(after.as_deref(), limit, &prefix).await?,
        };
        damaged = page.damaged_blobs;
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
        window.left = window.left.saturating_sub(page.items.len() as u64);
        let Some(next) = page.next else {
            break None;
        };
        after = Some(next);
    };
    place.close().await?;
    output.remark(&format!(
        "{}, {}.",
        count(blobs, "blob", "blobs"),
        HumanBytes(bytes)
    ));
    if damaged > 0 && !args.damaged {
        tell_damaged(damaged, output);
    }
    if let Some(after) = cut {
        Window::tell_cut(&after, output);
    }
    Ok(())
}

/// Says that there are blobs which the list does not have: to programs in a line of its own.
fn tell_damaged(blobs: u64, output: &Output) {
    if output.is_json() {
        output.result(&serde_json::json!({ "damaged_blobs": blobs }), &[]);
    }
    let many = count(blobs, "blob is", "blobs are");
    output.remark(&format!(
        "{many} damaged and not in this list; see them with: commonhold blob ls --damaged"
    ));
}

fn long(item: &BlobLine) -> String {
    let accepted = shown(Timestamp(item.accepted_at_us));
    let size = HumanBytes(item.bytes).to_string();
    let tier = if item.is_damaged {
        "damaged"
    } else {
        &item.tier
    };
    format!("{}  {size:>12}  {tier:<8}  {accepted}", item.hash)
}

/// Runs `commonhold blob stat`.
pub(crate) async fn stat(what: &str, target: &BlobTarget, output: &Output) -> Outcome {
    let what = What::parse(what)?;
    let place = Place::open(target, &Progress::new(*output)).await?;
    let named = what.find(&place).await?;
    let status = place.status(&named.hash).await?;
    let status = status.ok_or_else(|| what::missing(&named.hash))?;
    let kind = kind_of(&place, &named.hash, &status).await;
    place.close().await?;
    let mut document = serde_json::to_value(&status)
        .map_err(|error| Problem::new(Code::Bug, format!("a status cannot be told: {error}")))?;
    document["kind"] = kind.into();
    output.result(&document, &described(&status, kind));
    Ok(())
}

/// Finds out by its first bytes whether a blob is the manifest of a folder; `None` where they cannot be read.
async fn kind_of(
    place: &Place,
    hash: &ContentHash,
    status: &BlobStatusView,
) -> Option<&'static str> {
    if status.is_trashed || status.is_damaged {
        return None;
    }
    let mut reading = place.read(hash, 0).await.ok()??;
    let mut first = Vec::new();
    while first.len() < FIRST_BYTES
        && let Some(piece) = reading.download.chunk().await.ok()?
    {
        first.extend_from_slice(&piece);
    }
    Some(if is_manifest(&first) {
        what::FOLDER
    } else {
        what::BLOB
    })
}

/// Says about a blob what a person wants to know.
fn described(status: &BlobStatusView, kind: Option<&str>) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<10} {value}");
    let accepted = shown(Timestamp(status.accepted_at_us));
    let mut lines = vec![line("hash", &status.hash)];
    if kind == Some(what::FOLDER) {
        let text = "a folder: this is its list of files, which are blobs of their own";
        lines.push(line("holds", text));
    }
    lines.extend([
        line("blake3", &status.blake3),
        line(
            "bytes",
            &format!("{} ({})", status.bytes, HumanBytes(status.bytes)),
        ),
        line("tier", &status.tier),
        line("accepted", &accepted),
    ]);
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
    if usage.damaged_blobs > 0 {
        lines.push(line("damaged", usage.damaged_blobs, usage.damaged_bytes));
    }
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

/// Runs `commonhold blob tag ls`.
pub(crate) async fn tags(
    prefix: &str,
    window: &WindowArgs,
    target: &BlobTarget,
    output: &Output,
) -> Outcome {
    let place = Place::open(target, &Progress::new(*output)).await?;
    let (tags, cut) = some_tags(&place, prefix, Window::of(window)).await?;
    place.close().await?;
    let width = tags.iter().map(|tag| tag.name.len()).max().unwrap_or(0);
    for tag in &tags {
        let at = shown(Timestamp(tag.set_at_us));
        let line = format!("{:<width$}  {}  {at}", tag.name, tag.hash);
        output.result(tag, &[line]);
    }
    output.remark(&format!("{}.", count(tags.len() as u64, "tag", "tags")));
    if let Some(after) = cut {
        Window::tell_cut(&after, output);
    }
    Ok(())
}

/// Reads all tags whose names start with a prefix.
pub(crate) async fn all_tags(place: &Place, prefix: &str) -> Result<Vec<TagView>, Problem> {
    let window = Window {
        after: None,
        left: u64::MAX,
    };
    Ok(some_tags(place, prefix, window).await?.0)
}

/// Reads some of them, and where the next ones begin when there are more.
async fn some_tags(
    place: &Place,
    prefix: &str,
    mut window: Window<'_>,
) -> Result<(Vec<TagView>, Option<String>), Problem> {
    let mut tags = Vec::new();
    let mut after = window.after.map(str::to_owned);
    while let Some(limit) = window.page() {
        let page = place.tags(after.as_deref(), limit, prefix).await?;
        window.left = window.left.saturating_sub(page.items.len() as u64);
        tags.extend(page.items);
        let Some(next) = page.next else {
            return Ok((tags, None));
        };
        after = Some(next);
    }
    Ok((tags, after))
}
