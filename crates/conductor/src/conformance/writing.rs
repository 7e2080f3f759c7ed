//! Writing with a signer that the engine holds.

use std::sync::Arc;
use std::task::Poll;

use chain::{EntryVisibility, Envelope, Write, record};

use crate::conformance::member::{Member, Mood, MoodySigner, bodies, item, note, side_by_side};
use crate::conformance::{Violation, World, ensure, ensure_refused};
use crate::{Capabilities, Conductor, Fault};

pub(super) async fn disabled_cell_takes_no_writes_and_is_still_read(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "disabled");
    member.provision(&conductor, member.signer.clone()).await?;
    ensure_refused!(
        conductor.write(&member.cell, vec![note("too early")]).await,
        Fault::Disabled(_)
    );
    conductor.set_enabled(&member.app, true).await?;
    conductor.write(&member.cell, vec![note("in time")]).await?;
    conductor.set_enabled(&member.app, false).await?;
    ensure_refused!(
        conductor.write(&member.cell, vec![note("too late")]).await,
        Fault::Disabled(_)
    );
    let chain = member.chain(&conductor).await?;
    ensure!(bodies(&chain) == ["in time"], "{:?}", bodies(&chain));
    Ok(())
}

pub(super) async fn writes_come_out_in_order_and_verify(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "author");
    member.host(&conductor).await?;
    let written = conductor
        .write(&member.cell, vec![note("one"), note("two")])
        .await?;
    let Some((address, entry)) = written.first().and_then(|first| {
        let entry = first.action().entry_hash()?.clone();
        Some((first.action_address().clone(), entry))
    }) else {
        return Err(Violation("nothing was written".to_owned()));
    };
    let update = Write::Update {
        original: address.clone(),
        original_entry: entry.clone(),
        envelope: Envelope {
            kind: "note".to_owned(),
            version: 2,
            body: b"one again".to_vec(),
        },
        visibility: EntryVisibility::Public,
    };
    let delete = Write::Delete {
        original: address,
        original_entry: entry,
    };
    let more = conductor.write(&member.cell, vec![update, delete]).await?;
    let nothing = conductor.write(&member.cell, Vec::new()).await?;
    ensure!(nothing.is_empty(), "wrote something for nothing");
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 8, "the chain has {} records", chain.len());
    ensure!(
        chain[4..] == [written, more].concat(),
        "other records than those that were acknowledged"
    );
    ensure!(
        bodies(&chain) == ["one", "two", "one again"],
        "{:?}",
        bodies(&chain)
    );
    Ok(())
}

pub(super) async fn private_entries_come_out_with_the_chain(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    if !conductor
        .capabilities()
        .contains(Capabilities::PRIVATE_EXPORT)
    {
        return Ok(());
    }
    let member = Member::new(world, "diarist");
    member.host(&conductor).await?;
    let secret = item("dear diary", EntryVisibility::Private);
    conductor.write(&member.cell, vec![secret]).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(bodies(&chain) == ["dear diary"], "{:?}", bodies(&chain));
    Ok(())
}

pub(super) async fn batch_with_one_bad_envelope_writes_nothing(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "careless author");
    member.host(&conductor).await?;
    let too_long = Write::Create {
        envelope: Envelope {
            kind: "note".to_owned(),
            version: 1,
            body: vec![0; chain::envelope::BODY_BYTES_MAX + 1],
        },
        visibility: EntryVisibility::Public,
    };
    ensure_refused!(
        conductor
            .write(&member.cell, vec![note("one"), too_long, note("three")])
            .await,
        Fault::Rejected(_)
    );
    let longest = Write::Create {
        envelope: Envelope {
            kind: "note".to_owned(),
            version: 1,
            body: vec![b'x'; chain::envelope::BODY_BYTES_MAX],
        },
        visibility: EntryVisibility::Public,
    };
    conductor.write(&member.cell, vec![longest]).await?;
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 5, "the chain has {} records", chain.len());
    Ok(())
}

pub(super) async fn pages_join_up_to_the_whole_chain(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "reader");
    member.host(&conductor).await?;
    let notes = (0..23).map(|index| note(&index.to_string())).collect();
    conductor.write(&member.cell, notes).await?;
    let whole = member.chain(&conductor).await?;
    for limit in [1, 2, 7, 27, 1_000] {
        let mut joined = Vec::new();
        loop {
            let after = joined
                .last()
                .map(|record: &chain::Record| record.action().action_seq());
            let page = conductor.chain(&member.cell, after, limit).await?;
            ensure!(page.records.len() <= limit as usize, "a page is too long");
            if page.records.is_empty() {
                break;
            }
            joined.extend(page.records);
        }
        ensure!(joined == whole, "pages of {limit} differ from the chain");
    }
    let beyond = conductor.chain(&member.cell, Some(u32::MAX), 10).await?;
    ensure!(beyond.records.is_empty(), "records beyond the head");
    ensure!(
        beyond.head.map(|head| head.seq) == Some(26),
        "no head on an empty page"
    );
    Ok(())
}

pub(super) async fn record_is_found_by_its_hash(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let (member, other) = (Member::new(world, "finder"), Member::new(world, "stranger"));
    member.host(&conductor).await?;
    other.host(&conductor).await?;
    let written = conductor
        .write(&member.cell, vec![note("one"), note("two")])
        .await?;
    for record in &written {
        let hash = record.action_address();
        let found = conductor.find(&member.cell, hash).await?;
        ensure!(found.as_ref() == Some(record), "found {found:?}");
        let elsewhere = conductor.find(&other.cell, hash).await?;
        ensure!(elsewhere.is_none(), "found in another cell");
    }
    let unknown = chain::ActionHash::from_raw_32(vec![9; 32]);
    let found = conductor.find(&member.cell, &unknown).await?;
    ensure!(found.is_none(), "found what is not there");
    Ok(())
}

pub(super) async fn nudge_comes_after_its_record(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "nudged");
    member.host(&conductor).await?;
    let mut nudges = conductor.nudges();
    for batch in 1..=5_u32 {
        let mut write = conductor.write(&member.cell, vec![note("a"), note("b")]);
        let (nudge, page, written) = tokio::select! {
            biased;
            nudge = nudges.recv() => {
                let nudge = nudge.map_err(|error| Violation(error.to_string()))?;
                let page = conductor.chain(&nudge.cell, None, 1_000).await?;
                (nudge, page, write.await?)
            }
            // It may come together with the answer, but not after it.
            written = &mut write => {
                let written = written?;
                let nudge = nudges.try_recv().map_err(|error| Violation(error.to_string()))?;
                let page = conductor.chain(&nudge.cell, None, 1_000).await?;
                (nudge, page, written)
            }
        };
        let last = written.last().map(|record| record.action().action_seq());
        ensure!(nudge.cell == member.cell, "a nudge for {}", nudge.cell);
        ensure!(
            last == Some(nudge.seq),
            "nudge {}, wrote {last:?}",
            nudge.seq
        );
        ensure!(
            page.records.len() as u32 > nudge.seq,
            "the nudge of batch {batch} came before its records"
        );
    }
    ensure_refused!(
        conductor
            .write(&Member::new(world, "nobody").cell, vec![note("x")])
            .await,
        Fault::UnknownCell(_)
    );
    ensure!(nudges.try_recv().is_err(), "a nudge for nothing");
    Ok(())
}

pub(super) async fn signer_that_is_away_delays_a_batch_and_loses_nothing(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "lunch");
    let signer = MoodySigner::new(&member, 0, Mood::Away);
    ensure_refused!(
        member.provision(&conductor, signer.clone()).await,
        Fault::Pending { seq: 0, .. }
    );
    signer.calm(4 + 2);
    member.provision(&conductor, signer.clone()).await?;
    conductor.set_enabled(&member.app, true).await?;
    let batch = vec![note("one"), note("two"), note("three")];
    ensure_refused!(
        conductor.write(&member.cell, batch).await,
        Fault::Pending { seq: 6, .. }
    );
    let chain = member.chain(&conductor).await?;
    ensure!(chain.len() == 4, "a part of the batch is in the chain");
    ensure_refused!(
        conductor.write(&member.cell, vec![note("four")]).await,
        Fault::Pending { seq: 4, .. }
    );
    signer.calm(u32::MAX);
    conductor.write(&member.cell, vec![note("five")]).await?;
    let found = bodies(&member.chain(&conductor).await?);
    ensure!(found == ["one", "two", "three", "five"], "{found:?}");
    Ok(())
}

pub(super) async fn signer_that_refuses_keeps_what_it_signed(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "refused");
    let signer = MoodySigner::new(&member, 4 + 2, Mood::Refusing);
    member.provision(&conductor, signer.clone()).await?;
    conductor.set_enabled(&member.app, true).await?;
    let batch = vec![note("one"), note("two"), note("three")];
    ensure_refused!(
        conductor.write(&member.cell, batch).await,
        Fault::Refused { seq: 6, .. }
    );
    let found = bodies(&member.chain(&conductor).await?);
    ensure!(found == ["one", "two"], "{found:?}");
    signer.calm(u32::MAX);
    conductor.write(&member.cell, vec![note("four")]).await?;
    let found = bodies(&member.chain(&conductor).await?);
    ensure!(found == ["one", "two", "four"], "{found:?}");
    Ok(())
}

pub(super) async fn signer_that_signs_badly_writes_nothing(
    world: &dyn World,
) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "badly signed");
    let signer = MoodySigner::new(&member, 4, Mood::Careless);
    member.provision(&conductor, signer.clone()).await?;
    conductor.set_enabled(&member.app, true).await?;
    ensure_refused!(
        conductor.write(&member.cell, vec![note("one")]).await,
        Fault::Rejected(chain::Rejection::Signature { seq: 4 })
    );
    signer.calm(u32::MAX);
    conductor.write(&member.cell, vec![note("two")]).await?;
    let found = bodies(&member.chain(&conductor).await?);
    ensure!(found == ["two"], "{found:?}");
    Ok(())
}

pub(super) async fn writes_of_one_cell_queue_up(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "busy");
    member.host(&conductor).await?;
    let results = side_by_side((0..20).map(|index| {
        let (conductor, cell) = (conductor.clone(), member.cell.clone());
        async move {
            let text = index.to_string();
            conductor.write(&cell, vec![note(&text)]).await
        }
    }))
    .await;
    for result in results {
        result?;
    }
    let mut found = bodies(&member.chain(&conductor).await?);
    found.sort_by_key(|text| text.parse::<u32>().unwrap_or(u32::MAX));
    let wanted: Vec<_> = (0..20).map(|index| index.to_string()).collect();
    ensure!(found == wanted, "{found:?}");
    Ok(())
}

pub(super) async fn ten_cells_write_side_by_side(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let members: Vec<_> = (0..10)
        .map(|index| Member::new(world, &format!("parallel {index}")))
        .collect();
    for member in &members {
        member.host(&conductor).await?;
    }
    let results = side_by_side(members.iter().map(|member| async {
        for index in 0..10 {
            let text = format!("{} {index}", member.app);
            conductor.write(&member.cell, vec![note(&text)]).await?;
        }
        Ok::<_, Fault>(())
    }))
    .await;
    for result in results {
        result?;
    }
    for member in &members {
        let found = bodies(&member.chain(&conductor).await?);
        let wanted: Vec<_> = (0..10)
            .map(|index| format!("{} {index}", member.app))
            .collect();
        ensure!(found == wanted, "{found:?}");
    }
    Ok(())
}

pub(super) async fn dropped_write_is_whole_or_absent(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "impatient");
    member.host(&conductor).await?;
    // The first write lets the engine remember the chain; those that are dropped start from its memory.
    conductor.write(&member.cell, vec![note("kept")]).await?;
    for round in 1..=10_usize {
        for polls in 1..=3 {
            drop_after(&conductor, &member, polls).await;
            conductor.write(&member.cell, vec![note("kept")]).await?;
        }
        check_halves(&conductor, &member, 1 + 3 * round).await?;
    }
    Ok(())
}

pub(super) async fn dropped_finish_is_whole_or_absent(world: &dyn World) -> Result<(), Violation> {
    let conductor = world.conductor();
    let member = Member::new(world, "impatient after lunch");
    let signer = MoodySigner::new(&member, 4, Mood::Away);
    member.provision(&conductor, signer.clone()).await?;
    conductor.set_enabled(&member.app, true).await?;
    for round in 1..=10_usize {
        for polls in 1..=5 {
            signer.calm(0);
            let batch = vec![note("first"), note("second")];
            ensure_refused!(
                conductor.write(&member.cell, batch).await,
                Fault::Pending { .. }
            );
            signer.calm(u32::MAX);
            drop_after(&conductor, &member, polls).await;
            conductor.write(&member.cell, vec![note("kept")]).await?;
        }
        check_halves(&conductor, &member, 5 * round).await?;
    }
    Ok(())
}

/// Both halves of every dropped batch are there or neither, and nothing that was acknowledged is missing.
async fn check_halves(
    conductor: &Arc<dyn Conductor>,
    member: &Member,
    wanted: usize,
) -> Result<(), Violation> {
    let chain = member.chain(conductor).await?;
    let found = bodies(&chain);
    let kept = count(&found, "kept");
    let (first, second) = (count(&found, "first"), count(&found, "second"));
    ensure!(kept == wanted, "{kept} of {wanted} acknowledged writes");
    ensure!(
        first == second,
        "{first} first halves, {second} second ones"
    );
    let has_entries = chain
        .iter()
        .all(|record| record::present(record).is_some() || record.action().entry_hash().is_none());
    ensure!(has_entries, "an entry is missing");
    Ok(())
}

fn count(texts: &[String], wanted: &str) -> usize {
    texts.iter().filter(|text| *text == wanted).count()
}

/// Starts a write of two items and lets go of it after it was polled so many times.
async fn drop_after(conductor: &Arc<dyn Conductor>, member: &Member, polls: u32) {
    let mut write = conductor.write(&member.cell, vec![note("first"), note("second")]);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        if write.as_mut().poll(context).is_ready() || left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
