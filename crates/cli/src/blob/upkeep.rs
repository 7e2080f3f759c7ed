//! `commonhold blob gc` and `scrub`: room given back, and every byte read again.

use api::{GcNamespaceView, GcRequest, GcView, SCHEMA_VERSION, ScrubRequest, ScrubView};
use base::{Code, Problem};
use client::Events;
use indicatif::{HumanBytes, ProgressBar};

use crate::blob::args::{BlobTarget, ScrubArgs};
use crate::blob::interrupt::{Interruptible, Moving};
use crate::blob::place::Place;
use crate::blob::tally::{Stop, Tally};
use crate::dial::Progress;
use crate::output::{Outcome, Output, count};

/// Runs `commonhold blob gc`.
pub(crate) async fn collect(is_dry_run: bool, target: &BlobTarget, output: &Output) -> Outcome {
    let place = Place::open(target, &Progress::new(*output)).await?;
    let how = GcRequest {
        schema_version: SCHEMA_VERSION,
        dry_run: is_dry_run,
        ..GcRequest::default()
    };
    let spinner = output.spinner("collecting");
    let collected = place.collect(&how).await;
    spinner.finish_and_clear();
    let view = collected?;
    place.close().await?;
    output.done(&view, &collected_lines(&view));
    Ok(())
}

/// Says what was collected, and which namespaces were left as they are.
fn collected_lines(view: &GcView) -> Vec<String> {
    let mut lines = vec![collected_line(view)];
    let is_left_out = |line: &&GcNamespaceView| !line.left_out.is_empty();
    let left_out = view.namespaces.iter().filter(is_left_out);
    lines.extend(
        left_out.map(|line| format!("Left as it is: {}, {}", line.namespace, line.left_out)),
    );
    lines
}

fn collected_line(view: &GcView) -> String {
    let blobs = |number: u64| count(number, "blob", "blobs");
    let (trashed, removed) = (blobs(view.trashed_blobs), blobs(view.removed_blobs));
    let (trash, gone) = (
        HumanBytes(view.trashed_bytes),
        HumanBytes(view.removed_bytes),
    );
    let kept = blobs(view.kept_blobs);
    if view.is_dry_run {
        format!(
            "Would put {trashed} into the trash, {trash}, and remove {removed} from it, {gone}; {kept} would stay."
        )
    } else {
        format!(
            "Put {trashed} into the trash, {trash}; removed {removed} from it for good, {gone}; {kept} stay."
        )
    }
}

/// Runs `commonhold blob scrub`.
pub(crate) async fn scrub(args: &ScrubArgs, output: &Output) -> Outcome {
    let place = Place::open(&args.target, &Progress::new(*output)).await?;
    if args.stop {
        place.stop_scrub().await?;
        let document = serde_json::json!({ "ok": true, "stopped": true });
        let line = "Stopped. The next scrub goes on from there.";
        output.done(&document, &[line.to_owned()]);
        return Ok(());
    }
    let how = ScrubRequest {
        schema_version: SCHEMA_VERSION,
        bytes_per_sec: args.bytes_per_sec,
        restart: args.restart,
    };
    let tally = Tally::default();
    let stop = Stop::default();
    let interruptible = Interruptible {
        output,
        place: &place,
        tally: &tally,
        stop: &stop,
        moving: if place.is_inside() {
            Moving::Inside
        } else {
            Moving::Scrub
        },
    };
    let work = async {
        let total = place.usage().await?;
        let total = total
            .store
            .map_or(total.live_bytes, |store| store.live_bytes);
        let bar = output.progress("reading", total, true);
        let watched = watch(place.scrub(&how).await?, &bar).await;
        bar.finish_and_clear();
        Ok(watched?)
    };
    let view = interruptible.run(work).await?;
    place.close().await?;
    tell(&view, output)
}

/// Watches a scrub to its end.
async fn watch(mut events: Events, bar: &ProgressBar) -> Result<ScrubView, Problem> {
    let mut last: Option<ScrubView> = None;
    while let Some(event) = events.next().await? {
        if event.name != "scrub" {
            continue;
        }
        let view: ScrubView = serde_json::from_str(&event.data)
            .map_err(|error| Problem::new(Code::ServerAnswer, format!("a scrub says {error}")))?;
        bar.set_position(view.checked_bytes);
        last = Some(view);
    }
    let ended = last.filter(|view| !view.is_running);
    ended.ok_or_else(|| {
        let detail =
            "the server stopped telling how the scrub goes; look again with the same command";
        Problem::new(Code::ServerUnreachable, detail)
    })
}

/// Says what a scrub found; damage is a fault.
fn tell(view: &ScrubView, output: &Output) -> Outcome {
    if !view.fault.is_empty() {
        let detail = format!("the scrub broke off: {}", view.fault);
        return Err(Problem::new(Code::StoreFailed, detail).into());
    }
    for mended in &view.mended {
        let detail = format!("{mended} was damaged, and was made again from what is sound");
        output.warn(&Problem::new(Code::BlobCorrupt, detail));
    }
    if view.damaged.is_empty() && view.faults.is_empty() {
        let blobs = count(view.checked_blobs, "blob", "blobs");
        let size = HumanBytes(view.checked_bytes);
        output.done(
            view,
            &[format!("Read {blobs}, {size}: all as they should be.")],
        );
        return Ok(());
    }
    let told = |hash: &String| {
        let detail =
            format!("the blob {hash} is damaged, and is not served until it is stored again");
        Problem::new(Code::BlobCorrupt, detail)
    };
    let mut problems: Vec<Problem> = view.damaged.iter().map(told).collect();
    problems.extend(view.faults.iter().map(|fault| {
        let detail = format!("damaged in the log, and needed: {fault}");
        Problem::new(Code::BlobCorrupt, detail)
    }));
    Err(problems.into())
}
