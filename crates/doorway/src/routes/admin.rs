//! The list of members.

use api::{MemberPut, MemberView, MembersView, SCHEMA_VERSION};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base::{Code, Problem};
use doorway_core::session::Action;
use http_kit::{Json, Path, ProblemResponse};

use super::sign_up;
use crate::community::Member;
use crate::service::Doorway;
use crate::store::{Sight, Wanted};

pub(super) async fn list(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
) -> Result<Json<MembersView>, ProblemResponse> {
    doorway.permit(&headers, Action::ListMembers).await?;
    let mut members = Vec::new();
    for member in doorway.home()?.community.members().await? {
        members.push(view(&doorway, &member).await?);
    }
    Ok(Json(MembersView {
        schema_version: SCHEMA_VERSION,
        members,
    }))
}

pub(super) async fn admit(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Path(agent): Path<String>,
    Json(put): Json<MemberPut>,
) -> Result<Json<MemberView>, ProblemResponse> {
    doorway.permit(&headers, Action::ManageMembers).await?;
    let agent = super::chains::agent(&agent)?;
    let role = sign_up::role(&put.role)?;
    let member = Member {
        agent,
        role,
        added_at: doorway.now(),
        inviter: String::new(),
    };
    doorway.admit(&member).await?;
    Ok(Json(view(&doorway, &member).await?))
}

pub(super) async fn dismiss(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Path(agent): Path<String>,
) -> Result<StatusCode, ProblemResponse> {
    doorway.permit(&headers, Action::ManageMembers).await?;
    let agent = super::chains::agent(&agent)?;
    if doorway.dismiss(&agent).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let detail = format!("{agent} is not on the list of members");
        Err(Problem::new(Code::NotFound, detail).into())
    }
}

async fn view(doorway: &Doorway, member: &Member) -> Result<MemberView, Problem> {
    let agent = member.agent.to_string();
    let profile = Wanted::Profile(agent.clone());
    let profile = doorway.store().find(profile, &Sight::ANONYMOUS).await?;
    Ok(MemberView {
        schema_version: SCHEMA_VERSION,
        agent,
        role: member.role.as_str().to_owned(),
        added_at_us: member.added_at.as_micros(),
        name: profile.map(|row| row.title).unwrap_or_default(),
        inviter: member.inviter.clone(),
    })
}
