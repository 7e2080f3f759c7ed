//! Joining, and letting people in.

use api::{
    InviteRequest, InviteView, InvitesView, NewInviteView, RegisterRequest, RegisterView,
    SCHEMA_VERSION, WaitingListView, WaitingView,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base::{Code, Duration, Problem, Timestamp};
use doorway_core::session::{Action, Role};
use doorway_core::sign_up::{self, Decision, InviteCode, Terms};
use http_kit::{Json, Path, ProblemResponse};

use super::auth;
use crate::community::{Asking, KeptInvite, NewInvite, nobody_waits};
use crate::service::Doorway;

pub(super) async fn register(
    State(doorway): State<Doorway>,
    Json(request): Json<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterView>), ProblemResponse> {
    let home = doorway.home()?;
    let agent = auth::answered(&doorway, &request.challenge, &request.signature)?;
    let (policy, limits) = (doorway.limits().sign_up_policy, doorway.limits().sign_up);
    let asking = Asking {
        agent: agent.clone(),
        name: words(&doorway, &request.name)?,
        code: code(&request.code)?,
    };
    let decided = home.community.ask(asking, policy, doorway.now(), limits);
    let (status, role) = match decided.await? {
        Decision::Admit { role, .. } => (StatusCode::CREATED, Some(role)),
        Decision::Member(role) => (StatusCode::OK, Some(role)),
        Decision::Wait | Decision::StillWaiting => (StatusCode::ACCEPTED, None),
    };
    if role.is_some() {
        // Somebody who asks again may have been let in just before a crash.
        doorway.welcome(&agent).await?;
    }
    let state = if role.is_some() { "member" } else { "waiting" };
    let view = RegisterView {
        schema_version: SCHEMA_VERSION,
        agent: agent.to_string(),
        state: state.to_owned(),
        role: role.map(Role::as_str).unwrap_or_default().to_owned(),
    };
    Ok((status, Json(view)))
}

pub(super) async fn invite(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Json(request): Json<InviteRequest>,
) -> Result<(StatusCode, Json<NewInviteView>), ProblemResponse> {
    let inviter = doorway.permit(&headers, Action::Invite).await?;
    let code = InviteCode::from_random(&auth::random()?);
    let id = u64::from_be_bytes(auth::random()?);
    let new = NewInvite {
        id: format!("{id:016x}"),
        digest: code.digest(),
        inviter,
        terms: Terms {
            role: role(&request.role)?,
            uses: request.uses,
            life: life(request.life_secs),
        },
        note: words(&doorway, &request.note)?,
    };
    let id = new.id.clone();
    let community = &doorway.home()?.community;
    let offered = community.offer(new, doorway.now(), doorway.limits().sign_up);
    let view = NewInviteView {
        schema_version: SCHEMA_VERSION,
        id,
        expires_at_us: offered.await?.as_micros(),
        url: format!("{}/join#{code}", doorway.origin()),
        code: code.to_string(),
    };
    Ok((StatusCode::CREATED, Json(view)))
}

pub(super) async fn invites(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
) -> Result<Json<InvitesView>, ProblemResponse> {
    doorway.permit(&headers, Action::Invite).await?;
    let now = doorway.now();
    let kept = doorway.home()?.community.invites().await?;
    Ok(Json(InvitesView {
        schema_version: SCHEMA_VERSION,
        invites: kept.into_iter().map(|kept| view(kept, now)).collect(),
    }))
}

pub(super) async fn withdraw(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, ProblemResponse> {
    let agent = doorway.permit(&headers, Action::Invite).await?;
    if doorway.home()?.community.withdraw(&id, &agent).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("there is no invite {id:?}");
    Err(Problem::new(Code::NotFound, detail).into())
}

pub(super) async fn waiting(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
) -> Result<Json<WaitingListView>, ProblemResponse> {
    doorway.permit(&headers, Action::ListMembers).await?;
    let community = &doorway.home()?.community;
    let waiting = community.waiting(doorway.now(), &doorway.limits().sign_up);
    let view = |waiting: crate::community::Waiting| WaitingView {
        agent: waiting.agent,
        name: waiting.name,
        asked_at_us: waiting.asked_at.as_micros(),
    };
    Ok(Json(WaitingListView {
        schema_version: SCHEMA_VERSION,
        waiting: waiting.await?.into_iter().map(view).collect(),
    }))
}

pub(super) async fn decline(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Path(agent): Path<String>,
) -> Result<StatusCode, ProblemResponse> {
    doorway.permit(&headers, Action::ManageMembers).await?;
    let agent = super::chains::agent(&agent)?;
    if doorway.home()?.community.decline(&agent).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(nobody_waits(&agent).into())
    }
}

fn view(kept: KeptInvite, now: Timestamp) -> InviteView {
    InviteView {
        is_good: kept.invite.is_good(now),
        id: kept.id,
        role: kept.invite.role.as_str().to_owned(),
        inviter: kept.inviter,
        note: kept.note,
        uses: kept.uses,
        uses_left: kept.invite.uses_left,
        made_at_us: kept.made_at.as_micros(),
        expires_at_us: kept.invite.expires.as_micros(),
    }
}

/// Reads the code of an invite; an empty text is none.
fn code(text: &str) -> Result<Option<InviteCode>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let code = InviteCode::parse(text);
    let code = code.map_err(|error| Problem::new(Code::InviteInvalid, error.to_string()))?;
    Ok(Some(code))
}

fn words(doorway: &Doorway, text: &str) -> Result<String, Problem> {
    let words = sign_up::words(text, &doorway.limits().sign_up);
    Ok(words?.to_owned())
}

/// Reads the word for a role.
pub(super) fn role(word: &str) -> Result<Role, Problem> {
    Role::find(word).ok_or_else(|| {
        let detail = "role: steward, moderator, editor or member";
        Problem::new(Code::MalformedBody, detail)
    })
}

/// Takes a time in seconds; what no time can hold is as long as any.
fn life(secs: u64) -> Duration {
    Duration::from_micros(secs.saturating_mul(1_000_000))
}
