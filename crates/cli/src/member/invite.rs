//! `commonhold member invite`, `invites`, `withdraw`: letting people in without asking for their keys.

use std::io::IsTerminal as _;
use std::path::Path;

use api::{InviteRequest, InviteView, SCHEMA_VERSION};
use base::{Code, Problem, Timestamp};
use disk::{Folder, Mode};
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};
use serde_json::json;

use super::args::{InviteArgs, MemberTarget};
use super::with_session;
use crate::output::{Outcome, Output, count};
use crate::time;

/// Side of the picture, in pixels.
const SVG_PIXELS_MIN: u32 = 480;

/// Runs `commonhold member invite`.
pub(super) async fn make(args: &InviteArgs, output: &Output) -> Outcome {
    let request = InviteRequest {
        schema_version: SCHEMA_VERSION,
        role: args.role.as_str().to_owned(),
        uses: args.uses,
        life_secs: args.life_secs,
        note: args.note.clone(),
    };
    let made = with_session(&args.target, output, async |session| {
        let token = session.token().await?;
        session.doorway.make_invite(&request, &token).await
    })
    .await?;
    let mut lines = Vec::new();
    if std::io::stdout().is_terminal() && !args.no_qr {
        let drawn = qr(&made.url)?.render::<unicode::Dense1x2>().build();
        lines.extend(drawn.lines().map(str::to_owned));
    }
    lines.push(made.url.clone());
    if let Some(file) = &args.svg {
        write_svg(file, &made.url)?;
        output.remark(&format!("The QR code is in {}.", file.display()));
    }
    let uses = count(args.uses.into(), "person", "people");
    let end = time::shown(Timestamp(made.expires_at_us));
    output.result(&made, &lines);
    output.remark(&format!(
        "It lets {uses} in, as {}, until {end}. It is shown only now.",
        args.role.as_str()
    ));
    Ok(())
}

/// Runs `commonhold member invites`.
pub(super) async fn list(target: &MemberTarget, output: &Output) -> Outcome {
    let view = with_session(target, output, async |session| {
        let token = session.token().await?;
        session.doorway.invites(&token).await
    })
    .await?;
    let mut lines: Vec<String> = view.invites.iter().map(line).collect();
    let good = view.invites.iter().filter(|invite| invite.is_good).count();
    lines.push(format!(
        "{}, {good} of them good",
        count(view.invites.len() as u64, "invite", "invites")
    ));
    output.result(&view, &lines);
    Ok(())
}

/// Runs `commonhold member withdraw`.
pub(super) async fn withdraw(id: &str, target: &MemberTarget, output: &Output) -> Outcome {
    with_session(target, output, async |session| {
        let token = session.token().await?;
        session.doorway.withdraw_invite(id, &token).await
    })
    .await?;
    let line = format!("The invite {id} lets nobody in any more. Those whom it let in stay.");
    output.done(&json!({ "ok": true, "id": id }), &[line]);
    Ok(())
}

fn line(invite: &InviteView) -> String {
    let state = if invite.is_good { "good" } else { "over" };
    let used = invite.uses.saturating_sub(invite.uses_left);
    let end = time::shown(Timestamp(invite.expires_at_us));
    let note = if invite.note.is_empty() {
        "—"
    } else {
        &invite.note
    };
    format!(
        "{}  {state}  {:<10} {used:>3} of {:<3} used  until {end}  {note}",
        invite.id, invite.role, invite.uses
    )
}

fn qr(text: &str) -> Result<QrCode, Problem> {
    QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| {
        let detail = format!("the address does not fit into a QR code: {error}");
        Problem::new(Code::Config, detail)
    })
}

fn write_svg(file: &Path, text: &str) -> Result<(), Problem> {
    let drawn = qr(text)?
        .render::<svg::Color<'_>>()
        .min_dimensions(SVG_PIXELS_MIN, SVG_PIXELS_MIN)
        .build();
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        let detail = format!("{} is no name of a file", file.display());
        Problem::new(Code::Config, detail)
    })?;
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    let folder = Folder::open(parent.unwrap_or(Path::new(".")));
    let folder = folder.map_err(|error| error.problem())?;
    let written = folder.write_derived(name, drawn.as_bytes(), Mode::Plain);
    written.map_err(|error| error.problem())
}
