//! Taking records that were signed elsewhere.

use chain::fork::ForkProof;
use chain::{Rejection, Signature, record};

use crate::conformance::member::{Device, Member, Mood, MoodySigner, bodies, note};
use crate::conformance::{Violation, World, ensure, ensure_refused};
use crate::{Custody, Fault, Origin};

pub(super) async fn records_signed_elsewhere_are_taken(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "graduate");
    member.follow(&conductor).await?;
    let mut device = Device::start(world, &member);
    device.write(world, note("one"));
    device.write(world, note("two"));
    let mut nudges = conductor.nudges();
    let head = conductor
        .append(&member.cell, device.records.clone())
        .await?;
    ensure!(head.seq == 5, "head is {}", head.seq);
    let nudge = nudges
        .try_recv()
        .map_err(|error| Violation(error.to_string()))?;
    ensure!(nudge.seq == 5, "nudge {}", nudge.seq);
    let chain = member.chain(&conductor).await?;
    ensure!(chain == device.records, "other records than were sent");
    ensure_refused!(
        conductor.write(&member.cell, vec![note("no key")]).await,
        Fault::NoSigner(_)
    );
    conductor.set_enabled(&member.app, false).await?;
    device.write(world, note("three"));
    let more = device.records[6..].to_vec();
    ensure_refused!(
        conductor.append(&member.cell, more).await,
        Fault::Disabled(_)
    );
    Ok(())
}

pub(super) async fn sending_again_changes_nothing(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "sends twice");
    member.follow(&conductor).await?;
    ensure_refused!(
        conductor.append(&member.cell, Vec::new()).await,
        Fault::Empty
    );
    let mut device = Device::start(world, &member);
    for index in 0..6 {
        device.write(world, note(&index.to_string()));
    }
    let records = &device.records;
    conductor
        .append(&member.cell, records[..7].to_vec())
        .await?;
    let mut nudges = conductor.nudges();
    for (first, last) in [(0, 7), (0, 1), (3, 6), (6, 7), (7, 7)] {
        let part = records[first..last].to_vec();
        let head = conductor.append(&member.cell, part).await?;
        ensure!(head.seq == 6, "head is {}", head.seq);
    }
    ensure!(nudges.try_recv().is_err(), "a nudge for nothing new");
    let head = conductor
        .append(&member.cell, records[2..].to_vec())
        .await?;
    ensure!(head.seq == 9, "head is {}", head.seq);
    let chain = member.chain(&conductor).await?;
    ensure!(&chain == records, "the chain changed");
    Ok(())
}

pub(super) async fn fork_is_refused_with_both_records(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "two devices");
    member.follow(&conductor).await?;
    let (mut one, mut two) = (Device::start(world, &member), Device::start(world, &member));
    one.write(world, note("on the phone"));
    one.write(world, note("on the phone again"));
    two.write(world, note("on the laptop"));
    two.write(world, note("on the laptop again"));
    conductor.append(&member.cell, one.records.clone()).await?;
    match conductor.append(&member.cell, two.records.clone()).await {
        Err(Fault::Fork { stored, offered }) => {
            ensure!(
                *stored.action() == *one.records[4].action(),
                "stored another"
            );
            ensure!(
                *offered.action() == *two.records[4].action(),
                "offered another"
            );
            ensure!(
                ForkProof::of(&stored, &offered).is_some(),
                "the two records prove nothing"
            );
        }
        Err(other) => return Err(other.into()),
        Ok(head) => return Err(Violation(format!("a fork was taken up to {}", head.seq))),
    }
    // What continues the other branch proves nothing by itself, but does not link.
    two.write(world, note("on the laptop, third"));
    for first in [5_u32, 6] {
        let rest = two.records[first as usize..].to_vec();
        ensure_refused!(
            conductor.append(&member.cell, rest).await,
            Fault::Rejected(Rejection::Link { seq }) if seq == first
        );
    }
    let chain = member.chain(&conductor).await?;
    ensure!(chain == one.records, "the chain changed");
    Ok(())
}

pub(super) async fn gap_names_the_place_to_send_from(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "gap");
    member.follow(&conductor).await?;
    let mut device = Device::start(world, &member);
    for index in 0..4 {
        device.write(world, note(&index.to_string()));
    }
    let records = &device.records;
    ensure_refused!(
        conductor.append(&member.cell, records[1..].to_vec()).await,
        Fault::Gap { wanted: 0 }
    );
    conductor
        .append(&member.cell, records[..5].to_vec())
        .await?;
    ensure_refused!(
        conductor.append(&member.cell, records[6..].to_vec()).await,
        Fault::Gap { wanted: 5 }
    );
    let with_hole = [&records[4..6], &records[7..]].concat();
    ensure_refused!(
        conductor.append(&member.cell, with_hole).await,
        Fault::Gap { wanted: 6 }
    );
    let twice = [&records[5..6], &records[5..6]].concat();
    ensure_refused!(
        conductor.append(&member.cell, twice).await,
        Fault::Gap { wanted: 6 }
    );
    let chain = member.chain(&conductor).await?;
    ensure!(chain == records[..5], "a part of a batch was taken");
    Ok(())
}

pub(super) async fn one_bad_record_refuses_the_whole_batch(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "one bad apple");
    member.follow(&conductor).await?;
    let mut device = Device::start(world, &member);
    for index in 0..4 {
        device.write(world, note(&index.to_string()));
    }
    let mut records = device.records.clone();
    let bad = &device.records[6];
    records[6] = record::assemble(
        bad.action().clone(),
        Signature([1; 64]),
        record::present(bad).cloned(),
    );
    ensure_refused!(
        conductor.append(&member.cell, records.clone()).await,
        Fault::Rejected(Rejection::Signature { seq: 6 })
    );
    let foreign_entry = record::present(&device.records[5]).cloned();
    records[6] = record::assemble(bad.action().clone(), bad.signature().clone(), foreign_entry);
    ensure_refused!(
        conductor.append(&member.cell, records).await,
        Fault::Rejected(Rejection::Entry { seq: 6 })
    );
    let page = conductor.chain(&member.cell, None, 10).await?;
    ensure!(page.records.is_empty(), "a part of the batch was taken");
    let head = conductor.append(&member.cell, device.records).await?;
    ensure!(head.seq == 7, "head is {}", head.seq);
    Ok(())
}

pub(super) async fn records_of_others_are_refused(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let (member, other) = (
        Member::new(world, "owner of a chain"),
        Member::new(world, "intruder"),
    );
    member.follow(&conductor).await?;
    let mut device = Device::start(world, &member);
    device.write(world, note("mine"));
    let mut intruder = Device::start(world, &other);
    intruder.write(world, note("theirs"));
    ensure_refused!(
        conductor
            .append(&member.cell, intruder.records.clone())
            .await,
        Fault::Rejected(Rejection::ForeignAuthor { seq: 0, .. })
    );
    conductor
        .append(&member.cell, device.records.clone())
        .await?;
    ensure_refused!(
        conductor
            .append(&member.cell, intruder.records.clone())
            .await,
        Fault::Rejected(Rejection::ForeignAuthor { seq: 0, .. })
    );
    ensure_refused!(
        conductor.append(&other.cell, intruder.records).await,
        Fault::UnknownCell(_)
    );
    let mut elsewhere = member.cell.clone();
    elsewhere.dna = chain::DnaHash::from_raw_32(vec![3; 32]);
    let mut request = member.request(Origin::Records(device.records), Custody::External);
    request.app_id = other.app.clone();
    request.cell = elsewhere;
    let result = conductor.provision(request).await;
    ensure!(
        matches!(
            result,
            Err(Fault::Rejected(Rejection::Dna { .. }) | Fault::Unsupported(_))
        ),
        "a chain of another community was taken"
    );
    Ok(())
}

pub(super) async fn missing_entry_is_filled_in_later(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "withholds");
    member.follow(&conductor).await?;
    let mut device = Device::start(world, &member);
    device.write(world, note("one"));
    device.write(world, note("two"));
    let mut records = device.records.clone();
    records[4] = record::withhold(&records[4]);
    conductor.append(&member.cell, records).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(bodies(&chain) == ["two"], "{:?}", bodies(&chain));
    let foreign = record::assemble(
        device.records[4].action().clone(),
        device.records[4].signature().clone(),
        record::present(&device.records[5]).cloned(),
    );
    ensure_refused!(
        conductor.append(&member.cell, vec![foreign]).await,
        Fault::Rejected(Rejection::Entry { seq: 4 })
    );
    for _ in 0..2 {
        conductor
            .append(&member.cell, device.records.clone())
            .await?;
        let chain = member.chain(&conductor).await?;
        ensure!(chain == device.records, "the entry was not filled in");
    }
    Ok(())
}

pub(super) async fn closed_chain_takes_nothing_more(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "closes");
    member.follow(&conductor).await?;
    let mut closed = Device::start(world, &member);
    closed.close()?;
    conductor
        .append(&member.cell, closed.records.clone())
        .await?;
    member.chain(&conductor).await?;
    closed.write(world, note("from the grave"));
    ensure_refused!(
        conductor.append(&member.cell, closed.records).await,
        Fault::Rejected(Rejection::Closed { seq: 5 })
    );
    let request = member.request(Origin::Genesis, Custody::Signer(member.signer.clone()));
    conductor.provision(request).await?;
    ensure_refused!(
        conductor
            .write(&member.cell, vec![note("from the grave")])
            .await,
        Fault::Closed
    );
    let page = conductor.chain(&member.cell, None, 10).await?;
    ensure!(page.is_closed, "the chain is open");
    ensure!(page.records.len() == 5, "{} records", page.records.len());
    Ok(())
}

pub(super) async fn action_that_waits_gives_way_to_its_author(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "takes over");
    let mut device = Device::start(world, &member);
    let signer = MoodySigner::new(&member, 0, Mood::Away);
    let request = member.request(
        Origin::Records(device.records.clone()),
        Custody::Signer(signer),
    );
    conductor.provision(request).await?;
    conductor.set_enabled(&member.app, true).await?;
    ensure_refused!(
        conductor
            .write(&member.cell, vec![note("by the host")])
            .await,
        Fault::Pending { seq: 4, .. }
    );
    conductor
        .provision(member.request(Origin::Genesis, Custody::External))
        .await?;
    device.write(world, note("by the person"));
    device.write(world, note("and more"));
    conductor
        .append(&member.cell, device.records.clone())
        .await?;
    let chain = member.chain(&conductor).await?;
    ensure!(chain == device.records, "{:?}", bodies(&chain));
    conductor
        .provision(member.request(Origin::Genesis, Custody::Signer(member.signer.clone())))
        .await?;
    conductor
        .write(&member.cell, vec![note("together")])
        .await?;
    let found = bodies(&member.chain(&conductor).await?);
    ensure!(
        found == ["by the person", "and more", "together"],
        "{found:?}"
    );
    Ok(())
}
