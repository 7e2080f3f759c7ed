//! Chains: read by everybody, appended to by members whose records prove themselves.

use api::{
    ChainPut, ChainPutView, HeadView, SCHEMA_HEADER, SCHEMA_VERSION, SUPPORTED, SUPPORTED_HEADER,
};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use base::{Code, Problem, Reach};
use chain::{AgentPubKey, Head, Record};
use doorway_core::intake::{self, Claim, Known};
use doorway_core::list;
use http_kit::{Json, Path, ProblemResponse, Query};
use serde::Deserialize;

use super::respond;
use crate::projection::spilled_of;
use crate::reads;
use crate::service::{Doorway, conductor_problem};

#[derive(Deserialize)]
pub(super) struct Parameters {
    after: Option<u32>,
    limit: Option<u32>,
}

/// Reads an agent key in an address.
pub(super) fn agent(text: &str) -> Result<AgentPubKey, Problem> {
    AgentPubKey::try_from(text)
        .map_err(|error| Problem::new(Code::MalformedHash, format!("agent key: {error}")))
}

pub(super) async fn read(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, ProblemResponse> {
    let agent = agent(&name)?;
    let sight = doorway.sight(&headers).await?;
    let limit = list::clamp(parameters.limit);
    let view = doorway
        .chain(&agent, parameters.after, limit, &sight)
        .await?;
    let made = reads::json(&view, Reach::Commons, vec![])?;
    Ok(respond::send(&headers, &made, &sight))
}

pub(super) async fn append(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let home = doorway.home()?;
    let author = agent(&name)?;
    check_schema(&headers).map_err(|refusal| *refusal)?;
    let is_member = home.community.member(&name).await?.is_some();
    if !is_member {
        return Err(Problem::from(intake::Refusal::NotAMember(author)).into());
    }
    let limit = doorway.limits().chain_bytes_max;
    let bytes = http_kit::read_body(&headers, body, limit).await?;
    let Json(put) = Json::<ChainPut>::from_bytes(&bytes)?;
    if !SUPPORTED.contains(&put.schema_version) {
        return Err(unsupported(&put.schema_version.to_string()));
    }
    let records = decode(&put)?;
    let view = doorway.take(&author, records).await?;
    let mut response = Json(view).into_response();
    let name = HeaderName::from_static(SUPPORTED_HEADER);
    response.headers_mut().insert(name, supported());
    Ok(response)
}

/// A bulk write names the schema of its body; without a name it is the first.
fn check_schema(headers: &HeaderMap) -> Result<(), Box<ProblemResponse>> {
    let Some(value) = headers.get(SCHEMA_HEADER) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or("?");
    match text.parse::<u32>() {
        Ok(version) if SUPPORTED.contains(&version) => Ok(()),
        Ok(_) | Err(_) => Err(Box::new(unsupported(text))),
    }
}

fn unsupported(version: &str) -> ProblemResponse {
    let detail = format!("version {version} was sent; supported: {}", versions());
    ProblemResponse::of(Code::UnsupportedSchema, detail)
        .with_header(HeaderName::from_static(SUPPORTED_HEADER), supported())
}

/// The versions of a bulk write that are read, as every answer to one tells them.
fn supported() -> HeaderValue {
    HeaderValue::from_str(&versions()).expect("digits and commas are ASCII")
}

fn versions() -> String {
    let versions: Vec<String> = SUPPORTED.iter().map(ToString::to_string).collect();
    versions.join(", ")
}

fn decode(put: &ChainPut) -> Result<Vec<Record>, Problem> {
    let mut records = Vec::with_capacity(put.records.len());
    for (index, view) in put.records.iter().enumerate() {
        let record = view.decode().map_err(|error| {
            Problem::new(Code::MalformedRecord, format!("records[{index}]: {error}"))
        })?;
        records.push(record);
    }
    Ok(records)
}

impl Doorway {
    /// Takes the records that continue a member's chain.
    async fn take(
        &self,
        author: &AgentPubKey,
        records: Vec<Record>,
    ) -> Result<ChainPutView, Problem> {
        let home = self.home()?;
        // What another process projects must not be continued here.
        if let Some(writing) = self.writing() {
            writing.epoch()?;
        }
        let page = home.chain(author, None, 1).await?;
        let overlap = self.overlap(author, page.head.as_ref(), &records).await?;
        let claim = Claim {
            author,
            dna: &self.identity().dna,
            is_member: true,
        };
        let known = Known {
            head: page.head.as_ref(),
            is_closed: page.is_closed,
            overlap: &overlap,
        };
        let plan = intake::plan(claim, known, &records, &self.intake_limits())?;
        let fresh = records[plan.fresh].to_vec();
        self.touch_named(&fresh).await?;
        self.check_bodies(&fresh).await?;
        let accepted = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
        let head = if fresh.is_empty() {
            plan.head
        } else {
            let appended = home.conductor.append(&home.cell(author), fresh).await;
            Some(appended.map_err(conductor_problem)?)
        };
        let head = head.ok_or_else(|| Problem::new(Code::MalformedBody, "no records were sent"))?;
        if let Some(projection) = self.projection() {
            projection.committed(author, head.seq);
        }
        Ok(ChainPutView {
            schema_version: SCHEMA_VERSION,
            accepted,
            head: HeadView {
                seq: head.seq,
                action_hash: head.hash.to_string(),
            },
        })
    }

    /// Reads the known records at the places of the sent ones.
    async fn overlap(
        &self,
        author: &AgentPubKey,
        head: Option<&Head>,
        records: &[Record],
    ) -> Result<Vec<Record>, Problem> {
        let Some(places) = intake::overlap(head, records) else {
            return Ok(Vec::new());
        };
        let (first, last) = (*places.start(), *places.end());
        let mut known = Vec::new();
        let mut after = first.checked_sub(1);
        while known.len() < (last - first + 1) as usize {
            let limit = last - after.map_or(0, |after| after + 1) + 1;
            let page = self.home()?.chain(author, after, limit).await?;
            if page.records.is_empty() {
                break;
            }
            known.extend(page.records);
            after = known
                .last()
                .map(|record: &Record| record.action().action_seq());
        }
        Ok(known)
    }

    /// A record whose body is a blob is taken only when the blob is here.
    async fn check_bodies(&self, records: &[Record]) -> Result<(), Problem> {
        for record in records {
            let Some(hash) = spilled_of(record) else {
                continue;
            };
            let is_here = self.blobs().contains(&hash).await;
            if !is_here.map_err(|error| error.problem())? {
                let seq = record.action().action_seq();
                let detail = format!("record {seq} needs blob {hash}");
                return Err(Problem::new(Code::BodyMissing, detail));
            }
        }
        Ok(())
    }
}
