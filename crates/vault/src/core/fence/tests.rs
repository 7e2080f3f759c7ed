//! The fence against a list of everything that was ever signed, through crashes of batches and doubts.

use proptest::prelude::*;

use super::*;

const AGENTS: [RawAgent; 2] = [[1; 32], [2; 32]];

/// What happens to a fence.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody asks for an action: how far behind the head, which of several contents, in which epoch.
    Action {
        agent: usize,
        seq: u32,
        content: u8,
        epoch: u64,
        links: bool,
        closes: bool,
    },
    Grant {
        agent: usize,
        epoch: u64,
        content: u8,
    },
    Settle(bool),
    /// The vault was restored.
    Doubt,
    /// Somebody tells a head: a content at a place.
    Tell {
        agent: usize,
        seq: u32,
        content: u8,
    },
}

/// Everything that was ever signed, in a list.
#[derive(Clone, Default)]
struct Reference {
    stable: Vec<(usize, u32, [u8; 32])>,
    batch: Vec<(usize, u32, [u8; 32])>,
}

impl Reference {
    fn signed(&self, agent: usize, seq: u32) -> Vec<[u8; 32]> {
        let all = self.stable.iter().chain(&self.batch);
        all.filter(|signed| (signed.0, signed.1) == (agent, seq))
            .map(|signed| signed.2)
            .collect()
    }

    fn head(&self, agent: usize) -> Option<(u32, [u8; 32])> {
        let all = self.stable.iter().chain(&self.batch);
        all.filter(|signed| signed.0 == agent)
            .map(|signed| (signed.1, signed.2))
            .max_by_key(|head| head.0)
    }
}

fn hash(agent: usize, seq: u32, content: u8) -> [u8; 32] {
    let mut hash = [content; 32];
    hash[0] = agent as u8;
    hash[1..5].copy_from_slice(&seq.to_le_bytes());
    hash
}

fn step() -> impl Strategy<Value = Step> {
    let mostly = |often: bool| prop_oneof![9 => Just(often), 1 => Just(!often)];
    prop_oneof![
        12 => (0..2_usize, 0..6_u32, prop_oneof![6 => Just(0_u8), 1 => Just(1_u8)],
               prop_oneof![6 => Just(3_u64), 1 => 0..5_u64], mostly(true), mostly(false))
            .prop_map(|(agent, seq, content, epoch, links, closes)| Step::Action {
                agent, seq, content, epoch, links, closes,
            }),
        2 => (0..2_usize, 0..4_u64, 0..2_u8)
            .prop_map(|(agent, epoch, content)| Step::Grant { agent, epoch, content }),
        4 => mostly(true).prop_map(Step::Settle),
        1 => Just(Step::Doubt),
        2 => (0..2_usize, 0..6_u32, prop_oneof![6 => Just(0_u8), 1 => Just(1_u8)])
            .prop_map(|(agent, seq, content)| Step::Tell { agent, seq, content }),
    ]
}

fn fence() -> Fence<u32> {
    let mut fence = Fence::new();
    for agent in AGENTS {
        fence.enroll(&agent, true, 0);
    }
    fence.settle(true);
    fence
}

fn action(seq: u32, hash: [u8; 32], previous: Option<[u8; 32]>) -> Ask {
    Ask::Action {
        epoch: 3,
        mark: Mark { seq, hash },
        previous,
        closes: false,
    }
}

/// Asks, and takes what is to be written.
fn sign(fence: &mut Fence<u32>, agent: &RawAgent, ask: &Ask) -> Result<Decision, Refusal> {
    let decision = fence.decide(agent, ask)?;
    if decision == Decision::Write {
        fence.take(agent, ask, 1);
    }
    Ok(decision)
}

/// Asks for an action and compares the answer with everything that was ever signed.
fn check_action(
    fence: &mut Fence<u32>,
    reference: &mut Reference,
    is_doubted: bool,
    step: &Step,
) -> Result<(), TestCaseError> {
    let Step::Action {
        agent,
        seq,
        content,
        epoch,
        links,
        closes,
    } = *step
    else {
        return Ok(());
    };
    let hash = hash(agent, seq, content);
    let head = reference.head(agent);
    let previous = if links {
        head.map(|head| head.1)
    } else {
        Some([9; 32])
    };
    let mark = Mark { seq, hash };
    let ask = Ask::Action {
        epoch,
        mark,
        previous,
        closes,
    };
    let known = reference.signed(agent, seq);
    match sign(fence, &AGENTS[agent], &ask) {
        Ok(Decision::Write) => {
            prop_assert!(known.is_empty(), "two actions of one place");
            prop_assert!(!is_doubted);
            prop_assert!(links || head.is_none());
            prop_assert_eq!(seq, head.map_or(0, |head| head.0 + 1));
            reference.batch.push((agent, seq, hash));
        }
        Ok(Decision::Again) => prop_assert!(known.contains(&hash)),
        // After a told head the fence does not know what is before it.
        Ok(Decision::LookUp) => prop_assert!(head.is_some_and(|head| seq < head.0)),
        Err(Refusal::Unconfirmed) => prop_assert!(is_doubted),
        Err(Refusal::Equivocation { .. }) => {
            prop_assert!(!known.is_empty() && !known.contains(&hash));
        }
        Err(Refusal::Gap { .. }) => prop_assert!(known.is_empty()),
        Err(_) => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn of_one_place_one_action_is_signed(steps in prop::collection::vec(step(), 1..60)) {
        let mut fence = fence();
        let mut reference = Reference::default();
        let mut doubted = [false; 2];
        let mut before_batch = doubted;
        for step in steps {
            match step {
                Step::Action { agent, .. } => {
                    check_action(&mut fence, &mut reference, doubted[agent], &step)?;
                }
                Step::Grant { agent, epoch, content } => {
                    let ask = Ask::Grant { epoch, hash: [content; 32] };
                    let answer = sign(&mut fence, &AGENTS[agent], &ask);
                    if answer.is_ok() {
                        prop_assert!(!doubted[agent]);
                        let other = Ask::Grant { epoch, hash: [content + 1; 32] };
                        let again = fence.decide(&AGENTS[agent], &other);
                        prop_assert_eq!(again, Err(Refusal::GrantEpoch { known: epoch }));
                    }
                }
                Step::Settle(is_stable) => {
                    fence.settle(is_stable);
                    let batch = std::mem::take(&mut reference.batch);
                    if is_stable {
                        reference.stable.extend(batch);
                        before_batch = doubted;
                    } else {
                        doubted = before_batch;
                    }
                }
                Step::Doubt => {
                    fence.doubt();
                    doubted = [true; 2];
                }
                Step::Tell { agent, seq, content } => {
                    let mark = Mark { seq, hash: hash(agent, seq, content) };
                    let told = Told { head: Some(mark), closes: false, grant_epoch: None };
                    let head = reference.head(agent);
                    if fence.check(&AGENTS[agent], &told).is_ok() {
                        prop_assert!(head.is_none_or(|head| head.0 <= seq));
                        prop_assert!(head.is_none_or(|head| head.0 < seq || head.1 == mark.hash));
                        fence.confirm(&AGENTS[agent], &told, 2);
                        doubted[agent] = false;
                        reference.batch.push((agent, seq, mark.hash));
                    }
                }
            }
        }
        // Once the faults are over, every chain goes on that is not closed.
        fence.settle(true);
        for (number, agent) in AGENTS.iter().enumerate() {
            let standing = fence.standing(agent).expect("it is enrolled").clone();
            let told = Told { head: standing.head(), closes: false, grant_epoch: None };
            prop_assert_eq!(fence.check(agent, &told), Ok(()));
            fence.confirm(agent, &told, 3);
            let seq = standing.head().map_or(0, |head| head.seq + 1);
            let next = Ask::Action {
                epoch: u64::MAX,
                mark: Mark { seq, hash: hash(number, seq, 7) },
                previous: standing.head().map(|head| head.hash),
                closes: false,
            };
            let expected = if standing.is_closed { Err(Refusal::Closed) } else { Ok(Decision::Write) };
            prop_assert_eq!(fence.decide(agent, &next), expected);
        }
    }
}

#[test]
fn the_same_action_is_signed_again_and_another_one_is_not() {
    let mut fence = fence();
    let [agent, _] = AGENTS;
    let hashes: Vec<_> = (0..20).map(|seq| hash(0, seq, 0)).collect();
    let ask = |seq: u32| {
        let previous = seq.checked_sub(1).map(|seq| hashes[seq as usize]);
        action(seq, hashes[seq as usize], previous)
    };
    for seq in 0..20 {
        assert_eq!(sign(&mut fence, &agent, &ask(seq)), Ok(Decision::Write));
        assert_eq!(sign(&mut fence, &agent, &ask(seq)), Ok(Decision::Again));
    }
    let oldest = 20 - RECENT_MAX as u32;
    assert_eq!(fence.decide(&agent, &ask(oldest)), Ok(Decision::Again));
    assert_eq!(fence.decide(&agent, &ask(oldest - 1)), Ok(Decision::LookUp));
    let other = action(19, [8; 32], Some(hashes[18]));
    let refused = Err(Refusal::Equivocation { seq: 19 });
    assert_eq!(fence.decide(&agent, &other), refused);
    let jump = action(21, [8; 32], Some(hashes[19]));
    let gap = Err(Refusal::Gap {
        wanted: 20,
        found: 21,
    });
    assert_eq!(fence.decide(&agent, &jump), gap);
    let fork = action(20, [8; 32], Some(hashes[18]));
    assert_eq!(fence.decide(&agent, &fork), Err(Refusal::Link { seq: 20 }));
    assert_eq!(fence.decide(&[7; 32], &ask(0)), Err(Refusal::Unknown));
}

#[test]
fn an_older_epoch_signs_nothing_any_more() {
    let mut fence = fence();
    let [agent, _] = AGENTS;
    let ask = |epoch, seq, previous| Ask::Action {
        epoch,
        mark: Mark {
            seq,
            hash: [seq as u8; 32],
        },
        previous,
        closes: false,
    };
    assert_eq!(
        sign(&mut fence, &agent, &ask(4, 0, None)),
        Ok(Decision::Write)
    );
    for (epoch, seq) in [(3, 1), (3, 0), (0, 0)] {
        let stale = ask(epoch, seq, Some([0; 32]));
        assert_eq!(
            fence.decide(&agent, &stale),
            Err(Refusal::StaleEpoch { known: 4 })
        );
    }
    let next = ask(5, 1, Some([0; 32]));
    assert_eq!(sign(&mut fence, &agent, &next), Ok(Decision::Write));
    assert_eq!(fence.standing(&agent).map(Standing::epoch), Some(5));
}

#[test]
fn a_batch_that_failed_leaves_nothing_behind() {
    let mut fence = fence();
    let [agent, _] = AGENTS;
    let first = action(0, [1; 32], None);
    sign(&mut fence, &agent, &first).expect("it is the first");
    fence.settle(true);
    let before = fence.standing(&agent).cloned();
    for seq in 1..12 {
        let ask = action(seq, [seq as u8 + 1; 32], Some([seq as u8; 32]));
        sign(&mut fence, &agent, &ask).expect("it continues");
    }
    fence.retire(&agent, 4);
    fence.enroll(&[5; 32], true, 5);
    fence.settle(false);
    assert_eq!(fence.standing(&agent).cloned(), before);
    assert_eq!(fence.standing(&[5; 32]), None);
    assert_eq!(fence.agents().count(), 2);
}

#[test]
fn who_left_signs_nothing_and_who_comes_back_is_remembered() {
    let mut fence = fence();
    let [agent, _] = AGENTS;
    sign(&mut fence, &agent, &action(0, [1; 32], None)).expect("it is the first");
    fence.retire(&agent, 1);
    let next = action(1, [2; 32], Some([1; 32]));
    assert_eq!(fence.decide(&agent, &next), Err(Refusal::Retired));
    let told = Told {
        head: Some(Mark {
            seq: 5,
            hash: [5; 32],
        }),
        closes: false,
        grant_epoch: Some(3),
    };
    assert_eq!(fence.check(&agent, &told), Err(Refusal::Retired));
    fence.enroll(&agent, true, 2);
    assert_eq!(fence.decide(&agent, &next), Err(Refusal::Unconfirmed));
    let empty = Told { head: None, ..told };
    let behind = Err(Refusal::Behind { known: 0 });
    assert_eq!(fence.check(&agent, &empty), behind);
    assert_eq!(fence.check(&agent, &told), Ok(()));
    fence.confirm(&agent, &told, 3);
    assert_eq!(
        fence.decide(&agent, &next),
        Ok(Decision::LookUp),
        "what lies before a told head is not known"
    );
    let grant = Ask::Grant {
        epoch: 3,
        hash: [0; 32],
    };
    let other = Ask::Grant {
        epoch: 3,
        hash: [1; 32],
    };
    assert_eq!(
        fence.decide(&agent, &other),
        Err(Refusal::GrantEpoch { known: 3 })
    );
    assert_eq!(
        fence.decide(&agent, &grant),
        Ok(Decision::Again),
        "nothing has this hash"
    );
}
