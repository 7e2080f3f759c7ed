//! Calls that the cell's own agent signed.

use base::Duration;
use bytes::Bytes;
use chain::{EntryVisibility, Record};
use serde_bytes::ByteBuf;

use crate::conformance::member::{Member, bodies, item};
use crate::conformance::{Violation, World, ensure, ensure_refused};
use crate::wire::{self, CallParams, HeadView, Visibility, WriteRequest};
use crate::{CallFault, Fault, SignedCall};

/// A call that writes one public note, valid for a minute.
fn params(world: &dyn World, member: &Member, nonce: u8) -> CallParams {
    let payload = WriteRequest::Create {
        kind: "note".to_owned(),
        version: 1,
        body: ByteBuf::from(*b"by call"),
        visibility: Visibility::Public,
    };
    CallParams {
        provenance: ByteBuf::from(member.cell.agent.get_raw_39()),
        cell_id: (
            ByteBuf::from(member.cell.dna.get_raw_39()),
            ByteBuf::from(member.cell.agent.get_raw_39()),
        ),
        zome_name: wire::ZOME.to_owned(),
        fn_name: wire::FN_WRITE.to_owned(),
        cap_secret: None,
        payload: encode(&payload),
        nonce: ByteBuf::from([nonce; wire::NONCE_BYTES]),
        expires_at: (world.now() + Duration::from_secs(60)).as_micros(),
    }
}

fn encode<T: serde::Serialize>(value: &T) -> ByteBuf {
    ByteBuf::from(rmp_serde::to_vec_named(value).expect("a request is plain fields"))
}

fn sign(params: &CallParams, member: &Member) -> SignedCall {
    let bytes = params.encode();
    let signature = member.pair().sign(&wire::signed_digest(&bytes));
    SignedCall {
        bytes: Bytes::from(bytes),
        signature,
    }
}

fn decode<'a, T: serde::Deserialize<'a>>(answer: &'a [u8]) -> Result<T, Violation> {
    rmp_serde::from_slice(answer).map_err(|error| Violation(format!("answer: {error}")))
}

pub(super) async fn signed_call_writes_and_answers_with_the_record(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "caller");
    member.host(&conductor).await?;
    let answer = conductor
        .call(sign(&params(world, &member, 1), &member))
        .await?;
    let created: Record = decode(&answer)?;
    let Some(entry) = created.action().entry_hash() else {
        return Err(Violation("the answer names no entry".to_owned()));
    };
    let original = ByteBuf::from(created.action_address().get_raw_39());
    let original_entry = ByteBuf::from(entry.get_raw_39());
    let mut update = params(world, &member, 2);
    update.payload = encode(&WriteRequest::Update {
        original: original.clone(),
        original_entry: original_entry.clone(),
        kind: "note".to_owned(),
        version: 1,
        body: ByteBuf::from(*b"better"),
        visibility: Visibility::Private,
    });
    conductor.call(sign(&update, &member)).await?;
    let mut delete = params(world, &member, 3);
    delete.payload = encode(&WriteRequest::Delete {
        original,
        original_entry,
    });
    conductor.call(sign(&delete, &member)).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 7, "the chain has {} records", chain.len());
    ensure!(chain[4] == created, "the answer is another record");
    ensure!(bodies(&chain)[0] == "by call", "{:?}", bodies(&chain));
    Ok(())
}

pub(super) async fn head_of_a_chain_can_be_asked_for(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "asks for the head");
    member.host(&conductor).await?;
    let written = conductor
        .write(&member.cell, vec![item("secret", EntryVisibility::Private)])
        .await?;
    let mut call = params(world, &member, 1);
    call.fn_name = wire::FN_HEAD.to_owned();
    call.payload = ByteBuf::from([0xc0]);
    let answer = conductor.call(sign(&call, &member)).await?;
    let head: Option<HeadView> = decode(&answer)?;
    let hash = written[0].action_address().get_raw_39();
    ensure!(
        head.as_ref()
            .is_some_and(|head| head.seq == 4 && head.hash.as_slice() == hash),
        "head is {head:?}"
    );
    Ok(())
}

pub(super) async fn call_is_taken_once_even_after_a_restart(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "calls twice");
    member.host(&conductor).await?;
    let call = sign(&params(world, &member, 1), &member);
    conductor.call(call.clone()).await?;
    ensure_refused!(
        conductor.call(call.clone()).await,
        Fault::Call(CallFault::NonceDuplicate)
    );
    drop(conductor);
    world.restart().await;
    let conductor = world.conductor();
    member.host(&conductor).await?;
    ensure_refused!(
        conductor.call(call.clone()).await,
        Fault::Call(CallFault::NonceDuplicate)
    );
    let mut other = params(world, &member, 1);
    other.expires_at += 1;
    ensure_refused!(
        conductor.call(sign(&other, &member)).await,
        Fault::Call(CallFault::NonceDuplicate)
    );
    if world.pass(Duration::from_secs(61)) {
        ensure_refused!(
            conductor.call(call).await,
            Fault::Call(CallFault::NonceExpired)
        );
        // The nonce is forgotten with its call; a new call may use it.
        let again = params(world, &member, 1);
        conductor.call(sign(&again, &member)).await?;
    }
    Ok(())
}

pub(super) async fn call_outside_of_its_time_is_refused(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "untimely");
    member.host(&conductor).await?;
    // A clock that stands still lets both edges be seen; a running one moves past them.
    let has_edges = world.pass(Duration::from_secs(1));
    let now = world.now();
    let five_minutes = Duration::from_secs(5 * 60);
    let mut call = params(world, &member, 1);
    call.expires_at = now.as_micros();
    ensure_refused!(
        conductor.call(sign(&call, &member)).await,
        Fault::Call(CallFault::NonceExpired)
    );
    let far = five_minutes.as_micros() as i64 + if has_edges { 1 } else { 60_000_000 };
    call.expires_at = now.as_micros() + far;
    ensure_refused!(
        conductor.call(sign(&call, &member)).await,
        Fault::Call(CallFault::NonceFuture)
    );
    if has_edges {
        call.expires_at = (now + five_minutes).as_micros();
        conductor.call(sign(&call, &member)).await?;
        call.nonce = ByteBuf::from([2; wire::NONCE_BYTES]);
        call.expires_at = now.as_micros() + 1;
        conductor.call(sign(&call, &member)).await?;
    }
    Ok(())
}

pub(super) async fn call_that_somebody_else_signed_is_refused(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let (member, other) = (Member::new(world, "victim"), Member::new(world, "thief"));
    member.host(&conductor).await?;
    other.host(&conductor).await?;
    let call = params(world, &member, 1);
    ensure_refused!(
        conductor.call(sign(&call, &other)).await,
        Fault::Call(CallFault::AuthenticationFailed)
    );
    let mut foreign = call.clone();
    foreign.provenance = ByteBuf::from(other.cell.agent.get_raw_39());
    ensure_refused!(
        conductor.call(sign(&foreign, &other)).await,
        Fault::Call(CallFault::BadCapGrant)
    );
    let mut changed = sign(&call, &member);
    let mut bytes = changed.bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    changed.bytes = Bytes::from(bytes);
    ensure_refused!(
        conductor.call(changed).await,
        Fault::Call(CallFault::AuthenticationFailed | CallFault::Malformed)
    );
    ensure_refused!(
        conductor
            .call(SignedCall {
                bytes: Bytes::from_static(b"no call"),
                signature: [0; 64],
            })
            .await,
        Fault::Call(CallFault::Malformed)
    );
    for cell in [&member, &other] {
        let chain = cell.chain(&conductor).await?;
        ensure!(chain.len() == 4, "something was written");
    }
    conductor.call(sign(&call, &member)).await?;
    Ok(())
}

pub(super) async fn call_of_what_is_not_there_is_refused(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "lost");
    let call = params(world, &member, 1);
    ensure_refused!(
        conductor.call(sign(&call, &member)).await,
        Fault::UnknownCell(_)
    );
    member.provision(&conductor, member.signer.clone()).await?;
    ensure_refused!(
        conductor.call(sign(&call, &member)).await,
        Fault::Disabled(_)
    );
    conductor.set_enabled(&member.app, true).await?;
    let mut other = params(world, &member, 2);
    other.zome_name = "elsewhere".to_owned();
    ensure_refused!(
        conductor.call(sign(&other, &member)).await,
        Fault::Call(CallFault::UnknownZome(_))
    );
    let mut other = params(world, &member, 3);
    other.fn_name = "erase_everything".to_owned();
    ensure_refused!(
        conductor.call(sign(&other, &member)).await,
        Fault::Call(CallFault::UnknownFunction(_))
    );
    let mut other = params(world, &member, 4);
    other.payload = ByteBuf::from([0xc0]);
    ensure_refused!(
        conductor.call(sign(&other, &member)).await,
        Fault::Call(CallFault::Payload(_))
    );
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 4, "something was written");
    Ok(())
}

pub(super) async fn location_bytes_of_a_caller_do_not_matter(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "browser");
    member.host(&conductor).await?;
    let mut call = params(world, &member, 1);
    call.provenance.truncate(35);
    call.provenance.extend([0; 4]);
    conductor.call(sign(&call, &member)).await?;
    let mut short = params(world, &member, 2);
    short.provenance.truncate(35);
    ensure_refused!(
        conductor.call(sign(&short, &member)).await,
        Fault::Call(CallFault::Malformed)
    );
    let mut wrong = params(world, &member, 3);
    wrong.provenance = ByteBuf::from(member.cell.dna.get_raw_39());
    ensure_refused!(
        conductor.call(sign(&wrong, &member)).await,
        Fault::Call(CallFault::Malformed)
    );
    Ok(())
}
