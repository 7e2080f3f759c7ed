//! `commonhold publish` and `unpublish`: sign what the plan says, send it, and wait until it can be read.
//!
//! The own chain is the truth: what was signed and not sent is sent by the next run, so a run may end anywhere.

use std::collections::BTreeMap;

use base::{Code, Problem};
use chain::{ActionData, ActionHash, Record};
use conductor::Conductor as _;
use serde_json::{Value, json};

use crate::agent::{self, Agent};
use crate::args::{PublishArgs, ServerArgs, UnpublishArgs};
use crate::home;
use crate::output::{Outcome, Output, count};
use crate::publish::course::Course;
use crate::publish::plan::{self, Existing, Key, Plan, Step, Target};
use crate::publish::{self, BrokenLinks, Options};
use crate::session::Session;
use crate::upload;

/// Actions that are signed at once.
const STEPS_PER_WRITE: usize = 250;

/// What a run did, for programs and people.
struct Summary {
    title: String,
    url: String,
    plan: Plan,
    warnings: Vec<Problem>,
    sent: u64,
    is_dry_run: bool,
}

/// Runs `commonhold publish`.
pub(crate) async fn run(args: &PublishArgs, output: &Output) -> Outcome {
    let options = Options {
        broken_links: if args.allow_broken_links {
            BrokenLinks::Unlink
        } else {
            BrokenLinks::Refuse
        },
        ..Options::default()
    };
    let course = publish::understand(&args.folder, &options)?;
    for warning in &course.warnings {
        output.warn(warning);
    }
    let agent = Agent::open(&home::agent(args.agent.data.clone())?)?;
    let session = Session::open(&agent, &args.server, output).await?;
    let summary = course_to(&session, course, args.dry_run).await?;
    summary.tell(output);
    Ok(())
}

/// Publishes a course over a session.
async fn course_to(
    session: &Session<'_>,
    course: Course,
    is_dry_run: bool,
) -> Result<Summary, Problem> {
    // Somebody who may not write here learns it before anything is signed.
    let token = session.token().await?;
    refuse_taken(session, &course, &token).await?;
    let existing = existing(session, is_dry_run).await?;
    let plan = plan::diff(&existing, &course).map_err(unread)?;
    let path = if course.is_loose {
        format!("/pages/{}", course.slug)
    } else {
        format!("/courses/{}", course.slug)
    };
    let mut summary = Summary {
        title: course.title.clone(),
        url: session.doorway.join(&path)?.to_string(),
        plan,
        warnings: course.warnings.clone(),
        sent: 0,
        is_dry_run,
    };
    if is_dry_run {
        return Ok(summary);
    }
    upload::media(session, &course).await?;
    summary.sent = carry_out(session, &summary.plan).await?;
    Ok(summary)
}

/// An address belongs to whoever used it first at this doorway.
async fn refuse_taken(session: &Session<'_>, course: &Course, token: &str) -> Result<(), Problem> {
    let kind = if course.is_loose { "content" } else { "path" };
    let Some(holder) = session.doorway.author_of(kind, &course.slug, token).await? else {
        return Ok(());
    };
    if holder == session.agent.key().to_string() {
        return Ok(());
    }
    let detail = format!(
        "the address {:?} belongs to {holder}; give yours another slug in config.yaml or in its front matter",
        course.slug
    );
    Err(Problem::new(Code::SlugTaken, detail))
}

/// Publishes the handbook or any other folder on behalf of another command; says nothing.
pub(crate) async fn quietly(agent: &Agent, address: &str, course: Course) -> Result<(), Problem> {
    let server = ServerArgs {
        to: address.to_owned(),
        ca: None,
    };
    let session = Session::open(agent, &server, &Output::SILENT).await?;
    course_to(&session, course, false).await?;
    Ok(())
}

/// Runs `commonhold unpublish`.
pub(crate) async fn withdraw(args: &UnpublishArgs, output: &Output) -> Outcome {
    let agent = Agent::open(&home::agent(args.agent.data.clone())?)?;
    let session = Session::open(&agent, &args.server, output).await?;
    let existing = existing(&session, args.dry_run).await?;
    let target = if existing.courses().contains(&args.slug.as_str()) {
        Target::Course(args.slug.clone())
    } else {
        Target::Page(args.slug.clone())
    };
    let plan = plan::withdraw(&existing, &target).map_err(unread)?;
    if plan.is_empty() {
        let detail = format!("your chain holds no course and no page {:?}", args.slug);
        return Err(Problem::new(Code::NotFound, detail).into());
    }
    let pages = plan.counts().pages_withdrawn as u64;
    let pages = count(pages, "page", "pages");
    let (sent, line) = if args.dry_run {
        (
            0,
            format!(
                "“{}” would be withdrawn ({pages}). Nothing was sent.",
                args.slug
            ),
        )
    } else {
        let sent = carry_out(&session, &plan).await?;
        let records = count(sent, "signed record", "signed records");
        (
            sent,
            format!("“{}” is withdrawn ({pages}; {records}).", args.slug),
        )
    };
    let document = json!({
        "ok": true,
        "dry_run": args.dry_run,
        "slug": args.slug,
        "pages_withdrawn": plan.counts().pages_withdrawn,
        "records_sent": sent,
    });
    output.done(&document, &[line]);
    Ok(())
}

/// Returns what the own chain says, after taking it up. A dry run makes no chain where there is none.
async fn existing(session: &Session<'_>, is_dry_run: bool) -> Result<Existing, Problem> {
    if is_dry_run && !session.agent.has_chain(&session.cell).await? {
        return Ok(Existing::fold(std::iter::empty()));
    }
    session.join().await?;
    let records = session.agent.records(&session.cell, None).await?;
    let mut existing = Existing::fold(records.iter());
    for hash in existing.unread() {
        let body = match session.agent.body(&hash).await? {
            Some(body) => Some(body),
            None => session.doorway.blob(&hash, &session.token().await?).await?,
        };
        if let Some(body) = body {
            existing.supply(&body);
        }
    }
    Ok(existing)
}

fn unread(error: plan::Unread) -> Problem {
    let detail = format!("{error}; the doorway does not have them either");
    Problem::new(Code::BodyMissing, detail)
}

/// Signs the steps of a plan, sends all that is not sent, and waits until it can be read.
async fn carry_out(session: &Session<'_>, plan: &Plan) -> Result<u64, Problem> {
    let progress = &session.progress;
    let bar = progress.begin("signing", plan.steps().len() as u64, false);
    let mut created = BTreeMap::new();
    for steps in plan.steps().chunks(STEPS_PER_WRITE) {
        write(session, steps, &mut created).await?;
        bar.inc(steps.len() as u64);
    }
    bar.finish_and_clear();
    let last = plan.path(&created);
    let last = last.map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    if let Some(step) = last {
        write(session, &[step], &mut created).await?;
    }
    let waiting = session.unsent().await?;
    let bar = progress.begin("sending", waiting, false);
    let sent = session.send(|count| bar.inc(count)).await?;
    bar.finish_and_clear();
    if sent > 0 {
        session.wait_until_visible().await?;
    }
    Ok(sent)
}

/// Keeps the long bodies of steps, then signs the steps.
async fn write(
    session: &Session<'_>,
    steps: &[Step],
    created: &mut BTreeMap<String, ActionHash>,
) -> Result<(), Problem> {
    for body in steps.iter().filter_map(|step| step.spilled.as_deref()) {
        session.agent.keep_body(body).await?;
    }
    let writes = steps.iter().map(|step| step.write.clone()).collect();
    let engine = session.agent.engine();
    let records: Vec<Record> = engine
        .write(&session.cell, writes)
        .await
        .map_err(agent::problem)?;
    for (step, record) in steps.iter().zip(&records) {
        if let (Key::Page { slug, .. }, ActionData::Create(_)) = (&step.key, &record.action().data)
        {
            created.insert(slug.clone(), record.action_address().clone());
        }
    }
    Ok(())
}

impl Summary {
    fn tell(&self, output: &Output) {
        output.done(&self.document(), &self.lines());
    }

    fn document(&self) -> Value {
        let counts = self.plan.counts();
        json!({
            "ok": true,
            "dry_run": self.is_dry_run,
            "title": self.title,
            "url": self.url,
            "pages": {
                "new": counts.pages_new,
                "changed": counts.pages_changed,
                "withdrawn": counts.pages_withdrawn,
                "unchanged": counts.pages_unchanged,
            },
            "blobs": {
                "new": counts.blobs_new,
                "changed": counts.blobs_changed,
                "unchanged": counts.blobs_unchanged,
                "bytes_new": counts.blob_bytes_new,
            },
            "records_sent": self.sent,
            "warnings": self.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let counts = self.plan.counts();
        let pages = [
            (counts.pages_new, "new"),
            (counts.pages_changed, "changed"),
            (counts.pages_withdrawn, "withdrawn"),
            (counts.pages_unchanged, "unchanged"),
        ];
        let pages: Vec<String> = pages
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        let pages = if pages.is_empty() {
            "no pages".to_owned()
        } else {
            format!("pages: {}", pages.join(", "))
        };
        let blobs = count(counts.blobs_new as u64, "new file", "new files");
        if self.is_dry_run {
            let lines = format!(
                "“{}” would go to {} ({pages}; {blobs}).",
                self.title, self.url
            );
            return vec![lines, "Nothing was sent.".to_owned()];
        }
        if self.sent == 0 {
            return vec![format!(
                "“{}” is as it was: {} ({pages}).",
                self.title, self.url
            )];
        }
        let sent = count(self.sent, "signed record", "signed records");
        vec![format!(
            "“{}” is at {} ({pages}; {blobs}; {sent}).",
            self.title, self.url
        )]
    }
}
