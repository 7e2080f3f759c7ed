//! The life of an app.

use chain::Signer as _;

use crate::conformance::member::{Device, Member, bodies, note};
use crate::conformance::{Violation, World, ensure, ensure_refused};
use crate::{AppId, Capabilities, Custody, Fault, Origin, Remnant, State};

pub(super) async fn provisioning_twice_makes_one_cell(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "provisioned twice");
    let first = member.provision(&conductor, member.signer.clone()).await?;
    let second = member.provision(&conductor, member.signer.clone()).await?;
    ensure!(first == second, "{first:?}, then {second:?}");
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 4, "the chain has {} records", chain.len());
    Ok(())
}

pub(super) async fn new_chain_starts_with_genesis_and_is_ready(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "new");
    let hosted = member.provision(&conductor, member.signer.clone()).await?;
    ensure!(hosted.state == State::Ready, "state is {:?}", hosted.state);
    ensure!(hosted.cell == member.cell, "another cell: {}", hosted.cell);
    let chain = member.chain(&conductor).await?;
    let types: Vec<_> = chain
        .iter()
        .map(|record| record.action().data.clone())
        .collect();
    let is_genesis = matches!(
        types.as_slice(),
        [
            chain::ActionData::Dna(_),
            chain::ActionData::AgentValidationPkg(_),
            chain::ActionData::Create(_),
            chain::ActionData::InitZomesComplete(_),
        ]
    );
    ensure!(is_genesis, "the chain starts with {types:?}");
    conductor.set_enabled(&member.app, true).await?;
    conductor.set_enabled(&member.app, true).await?;
    let again = member.provision(&conductor, member.signer.clone()).await?;
    ensure!(again.state == State::Enabled, "state is {:?}", again.state);
    Ok(())
}

pub(super) async fn app_and_cell_belong_to_each_other(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "owner");
    let other = Member::new(world, "other");
    member.host(&conductor).await?;
    let mut request = other.request(Origin::Genesis, Custody::External);
    request.app_id = member.app.clone();
    ensure_refused!(conductor.provision(request).await, Fault::AppTaken { .. });
    let mut request = member.request(Origin::Genesis, Custody::External);
    request.app_id = other.app.clone();
    ensure_refused!(conductor.provision(request).await, Fault::CellTaken { .. });
    conductor
        .write(&member.cell, vec![note("still mine")])
        .await?;
    ensure_refused!(
        conductor.chain(&other.cell, None, 1).await,
        Fault::UnknownCell(_)
    );
    Ok(())
}

pub(super) async fn foreign_signer_is_refused(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "person");
    let other = Member::new(world, "somebody else");
    ensure_refused!(
        member.provision(&conductor, other.signer.clone()).await,
        Fault::ForeignSigner
    );
    ensure_refused!(
        conductor.chain(&member.cell, None, 1).await,
        Fault::UnknownCell(_)
    );
    Ok(())
}

pub(super) async fn apps_are_listed_by_name_in_pages(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let before = list(world, 1_000).await?;
    let mut wanted = before;
    for index in 0..5 {
        let member = Member::new(world, &format!("listed {index}"));
        member.follow(&conductor).await?;
        wanted.push(member.app);
    }
    wanted.sort();
    let found = list(world, 2).await?;
    ensure!(found == wanted, "listed {found:?}");
    let health = conductor.health().await?;
    ensure!(health.is_ready, "not ready");
    ensure!(
        health.cells == wanted.len() as u64,
        "health counts {} cells",
        health.cells
    );
    Ok(())
}

/// Lists all apps in pages of this length.
async fn list(world: &dyn World, limit: u32) -> Result<Vec<AppId>, Violation> {
    let conductor = world.conductor();
    let mut apps = Vec::new();
    loop {
        let page = conductor.hosted(apps.last(), limit).await?;
        ensure!(page.len() <= limit as usize, "a page of {}", page.len());
        if page.is_empty() {
            return Ok(apps);
        }
        apps.extend(page.into_iter().map(|hosted| hosted.app_id));
    }
}

pub(super) async fn imported_chain_continues(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    if !conductor
        .capabilities()
        .contains(Capabilities::CHAIN_IMPORT)
    {
        return Ok(());
    }
    let member = Member::new(world, "newcomer");
    let mut device = Device::start(world, &member);
    for index in 0..40 {
        device.write(world, note(&format!("before {index}")));
    }
    let custody = Custody::Signer(member.signer.clone());
    let request = member.request(Origin::Records(device.records.clone()), custody);
    let hosted = conductor.provision(request.clone()).await?;
    ensure!(
        hosted.head.as_ref().map(|head| head.seq) == Some(43),
        "head is {:?}",
        hosted.head
    );
    conductor.provision(request).await?;
    conductor.set_enabled(&member.app, true).await?;
    conductor.write(&member.cell, vec![note("after")]).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 45, "the chain has {} records", chain.len());
    ensure!(
        chain[..44] == device.records,
        "the chain changed on its way"
    );
    ensure!(
        bodies(&chain).last().map(String::as_str) == Some("after"),
        "the last record is another"
    );
    Ok(())
}

pub(super) async fn import_is_all_or_none(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    if !conductor
        .capabilities()
        .contains(Capabilities::CHAIN_IMPORT)
    {
        return Ok(());
    }
    let member = Member::new(world, "broken newcomer");
    let mut device = Device::start(world, &member);
    device.write(world, note("one"));
    device.write(world, note("two"));
    let mut records = device.records;
    records.remove(4);
    let request = member.request(Origin::Records(records), Custody::External);
    ensure_refused!(conductor.provision(request).await, Fault::Gap { wanted: 4 });
    ensure_refused!(
        conductor.chain(&member.cell, None, 1).await,
        Fault::UnknownCell(_)
    );
    Ok(())
}

pub(super) async fn what_cannot_be_done_is_said(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "restored");
    ensure_refused!(
        conductor.set_enabled(&member.app, true).await,
        Fault::UnknownApp(_)
    );
    let can_restore = conductor
        .capabilities()
        .contains(Capabilities::NETWORK_RESTORE);
    if can_restore {
        return Ok(());
    }
    let request = member.request(Origin::Network { quorum: 2 }, Custody::External);
    ensure_refused!(conductor.provision(request).await, Fault::Unsupported(_));
    let is_listed = list(world, 100).await?.contains(&member.app);
    ensure!(!is_listed, "the app was entered all the same");
    Ok(())
}

pub(super) async fn retired_cell_is_gone_and_remnants_are_named(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let (member, neighbour) = (Member::new(world, "leaver"), Member::new(world, "stayer"));
    member.host(&conductor).await?;
    neighbour.host(&conductor).await?;
    conductor.write(&member.cell, vec![note("mine")]).await?;
    conductor
        .write(&neighbour.cell, vec![note("theirs")])
        .await?;
    let erasure = conductor.retire(&member.app).await?;
    ensure!(erasure.records == 5, "{} records erased", erasure.records);
    ensure!(
        erasure.remains.contains(&Remnant::Copies),
        "says that nothing remains anywhere"
    );
    ensure_refused!(
        conductor.chain(&member.cell, None, 1).await,
        Fault::UnknownCell(_)
    );
    ensure_refused!(
        conductor.write(&member.cell, vec![note("late")]).await,
        Fault::UnknownCell(_)
    );
    let again = conductor.retire(&member.app).await?;
    ensure!(again.records == 0, "{} records erased twice", again.records);
    let chain = neighbour.chain(&conductor).await?;
    ensure!(
        bodies(&chain) == ["theirs"],
        "the neighbour's chain changed"
    );
    world.restart().await;
    let conductor = world.conductor();
    ensure_refused!(
        conductor.chain(&member.cell, None, 1).await,
        Fault::UnknownCell(_)
    );
    member.host(&conductor).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 4, "the old chain came back");
    Ok(())
}

pub(super) async fn restart_keeps_chains_and_asks_for_signers(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "sleeper");
    member.host(&conductor).await?;
    conductor.write(&member.cell, vec![note("before")]).await?;
    let before = member.chain(&conductor).await?;
    drop(conductor);
    world.restart().await;
    let conductor = world.conductor();
    let after = member.chain(&conductor).await?;
    ensure!(before == after, "the chain changed");
    ensure_refused!(
        conductor.write(&member.cell, vec![note("no key")]).await,
        Fault::NoSigner(_)
    );
    let hosted = member.provision(&conductor, member.signer.clone()).await?;
    ensure!(
        hosted.state == State::Enabled,
        "state is {:?}",
        hosted.state
    );
    ensure!(
        member.signer.agent() == &hosted.cell.agent,
        "another agent's cell"
    );
    conductor.write(&member.cell, vec![note("after")]).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(
        bodies(&chain) == ["before", "after"],
        "{:?}",
        bodies(&chain)
    );
    Ok(())
}
