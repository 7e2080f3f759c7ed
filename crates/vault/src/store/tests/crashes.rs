//! The power fails, or a sync does, in the middle of every operation; and whole lives at random.

use disk::log::Appender;
use disk::log::group::{Answer, Owner as _};
use disk::{Disk as _, Faults, FaultyDisk};

use super::*;
use crate::core::fence::Ask;
use crate::keeper::Keeper;
use crate::store::open::read;

/// What a host wants of a vault, in batches.
#[derive(Clone, Debug)]
enum Want {
    Enroll(u8),
    /// An action: whose, where, and which of several contents.
    Action(u8, u32, u8),
    Grant(u8, u64),
    AddSlot(u8, u16),
    Retire(u8),
}

/// A vault without threads, so that the same seed gives the same operations.
struct Life {
    keeper: Keeper,
    appender: Appender,
    shared: Arc<Shared>,
}

/// What the world outside has seen, over all lives of a vault.
#[derive(Default)]
struct World {
    /// Everything for which somebody got a signature.
    signed: Vec<(u8, u32, [u8; 32])>,
    granted: Vec<(u8, u64)>,
}

fn agent(of: u8) -> RawAgent {
    Keypair::from_seed(&[of; 32]).public()
}

fn hash(of: u8, seq: u32, content: u8) -> [u8; 32] {
    let mut hash = [content; 32];
    hash[0] = of;
    hash[1..5].copy_from_slice(&seq.to_le_bytes());
    hash
}

fn small(disk: &FaultyDisk) -> Config {
    Config {
        first_segment_bytes: 4_096,
        segment_bytes: 4_096,
        ..config(disk)
    }
}

fn envelope(of: u8) -> Envelope {
    let owner = Owner {
        agent: agent(of),
        person: [of; 32],
    };
    Envelope::seal(&server(), owner, &secret(of), &slots(), &mut |bytes| {
        bytes.fill(of);
    })
}

impl Life {
    fn start(disk: &FaultyDisk) -> Result<Self, OpenError> {
        let ready = read(&small(disk), &server())?;
        Ok(Self {
            keeper: ready.keeper,
            appender: ready.appender,
            shared: ready.shared,
        })
    }

    fn keeps(&self, of: u8) -> bool {
        self.shared.envelope(&agent(of)).is_some()
    }

    /// Asks for a batch and returns which of it was done.
    fn batch(&mut self, wants: &[Want], previous: &World) -> Vec<bool> {
        let mut head_of = |of, seq: u32| {
            let known = previous.signed.iter().rev();
            let before = seq.checked_sub(1)?;
            let mut found = known.filter(|signed| (signed.0, signed.1) == (of, before));
            Some(
                found
                    .next()
                    .map_or_else(|| hash(of, before, 0), |signed| signed.2),
            )
        };
        let answers: Vec<_> = wants
            .iter()
            .map(|want| self.ask(want, &mut head_of))
            .collect();
        let result = self.appender.commit();
        self.keeper.committed(result.as_ref().copied());
        answers
            .into_iter()
            .map(|answer| match answer {
                Either::Sign(answer) => answer.wait().is_some_and(|answer| answer.is_ok()),
                Either::Change(answer) => answer
                    .wait()
                    .is_some_and(|answer| matches!(answer, Ok(()) | Err(ChangeError::Kept))),
            })
            .collect()
    }

    fn ask(&mut self, want: &Want, head_of: &mut dyn FnMut(u8, u32) -> Option<[u8; 32]>) -> Either {
        let (of, ask, what) = match *want {
            Want::Action(of, seq, content) => {
                let mark = Mark {
                    seq,
                    hash: hash(of, seq, content),
                };
                let previous = head_of(of, seq);
                let ask = Ask::Action {
                    epoch: 1,
                    mark,
                    previous,
                    closes: false,
                };
                (of, ask, What::Create)
            }
            Want::Grant(of, epoch) => {
                let hash = hash(of, 0, epoch as u8);
                (of, Ask::Grant { epoch, hash }, What::Grant)
            }
            Want::Enroll(of) => {
                let change = Change::Enroll {
                    envelope: envelope(of),
                    is_new_key: true,
                    inception: None,
                };
                return self.change(of, change);
            }
            Want::AddSlot(of, number) => {
                let new = new_slot(SlotKind::Password, 9);
                let draw: &mut dyn FnMut(&mut [u8]) = &mut |bytes: &mut [u8]| bytes.fill(of);
                let slot = envelope(of).add(&server(), (1, &secret(7)), number, &new, draw);
                return self.change(of, Change::AddSlot(slot.expect("the key fits")));
            }
            Want::Retire(of) => return self.change(of, Change::Retire),
        };
        let (epoch, seq, hash) = match ask {
            Ask::Action { epoch, mark, .. } => (epoch, mark.seq, mark.hash),
            Ask::Grant { epoch, hash } => (epoch, 0, hash),
            Ask::Statement { hash } => (0, 0, hash),
        };
        let order = Order {
            agent: agent(of),
            ask,
            signed: Signed {
                what,
                epoch,
                seq,
                hash,
                at: NOW,
                detail: String::new(),
                before: None,
            },
        };
        let (promise, answer) = group::answer();
        self.keeper
            .stage(Command::Sign(order, promise), &mut self.appender);
        Either::Sign(answer)
    }

    fn change(&mut self, of: u8, change: Change) -> Either {
        let (promise, answer) = group::answer();
        let command = Command::Change(agent(of), NOW, Box::new(change), promise);
        self.keeper.stage(command, &mut self.appender);
        Either::Change(answer)
    }
}

enum Either {
    Sign(Answer<Result<(), SignError>>),
    Change(Answer<Result<(), ChangeError>>),
}

impl World {
    /// Hears what was done, and checks that nothing was signed twice.
    fn hear(&mut self, wants: &[Want], done: &[bool]) {
        for (want, is_done) in wants.iter().zip(done) {
            if !is_done {
                continue;
            }
            match *want {
                Want::Action(of, seq, content) => {
                    let hash = hash(of, seq, content);
                    for signed in &self.signed {
                        let is_same_place = (signed.0, signed.1) == (of, seq);
                        assert!(!is_same_place || signed.2 == hash, "two of place {seq}");
                    }
                    self.signed.push((of, seq, hash));
                }
                Want::Grant(of, epoch) => self.granted.push((of, epoch)),
                Want::Enroll(_) | Want::AddSlot(..) | Want::Retire(_) => {}
            }
        }
    }
}

fn trace() -> Vec<Vec<Want>> {
    use Want::{Action, AddSlot, Enroll, Grant, Retire};
    let mut trace = vec![
        vec![Enroll(1)],
        vec![Action(1, 0, 0), Action(1, 1, 0), Action(1, 2, 0)],
        vec![Enroll(2), Action(1, 3, 0), Grant(1, 1)],
        vec![Action(2, 0, 0)],
        vec![AddSlot(1, 3), Action(1, 4, 0), Action(2, 1, 0)],
        vec![Grant(1, 2), Grant(2, 5)],
    ];
    trace.extend((5..30).map(|seq| vec![Action(1, seq, 0)]));
    trace.push(vec![Retire(2)]);
    trace
}

/// Runs batches from `from` on, each until it was done, and returns how far it came before a fault.
fn run(disk: &FaultyDisk, trace: &[Vec<Want>], from: usize, world: &mut World) -> usize {
    let Ok(mut life) = Life::start(disk) else {
        return from;
    };
    for (number, batch) in trace.iter().enumerate().skip(from) {
        let done = life.batch(batch, world);
        world.hear(batch, &done);
        if done.contains(&false) {
            return number;
        }
    }
    trace.len()
}

/// After the faults: what was signed is signed again, nothing else in its place, and the rest of the trace goes on.
fn live(disk: &FaultyDisk, trace: &[Vec<Want>], from: usize, world: &mut World) {
    let mut life = Life::start(disk).expect("a crash is no damage");
    for (of, seq, hash) in world.signed.clone() {
        let again = Want::Action(of, seq, hash[31]);
        let other = Want::Action(of, seq, hash[31] + 1);
        let done = life.batch(&[again, other], world);
        // Who has gone signs nothing at all.
        assert_eq!(done, [life.keeps(of), false], "place {seq}");
    }
    for (of, epoch) in world.granted.clone() {
        let newest = world.granted.iter().filter(|granted| granted.0 == of);
        let is_newest = newest.map(|granted| granted.1).max() == Some(epoch);
        let done = life.batch(&[Want::Grant(of, epoch)], world);
        // A newer one may have been written down although nobody heard of it; an older one never comes back.
        assert!(is_newest || done == [false], "grant {epoch}");
    }
    drop(life);
    // The batch that broke off is asked for again, item by item: what it had done is done again.
    let mut rest: Vec<_> = trace[from..].to_vec();
    if let Some(broken) = rest.first().cloned() {
        rest.splice(0..1, broken.into_iter().map(|want| vec![want]));
    }
    let mut life = Life::start(disk).expect("nothing is wrong");
    for batch in rest {
        let done = life.batch(&batch, world);
        world.hear(&batch, &done);
        for (want, is_done) in batch.iter().zip(done) {
            // A slot that was added, and a key that has gone, cannot be again.
            let once = matches!(want, Want::AddSlot(..) | Want::Retire(_));
            assert!(is_done || once, "{want:?}");
        }
    }
}

fn operations(trace: &[Vec<Want>]) -> u64 {
    let disk = FaultyDisk::new(0);
    let mut world = World::default();
    assert_eq!(run(&disk, trace, 0, &mut world), trace.len());
    live(&disk, trace, trace.len(), &mut world);
    let disk = FaultyDisk::new(0);
    run(&disk, trace, 0, &mut World::default());
    disk.operations()
}

#[test]
fn a_crash_at_any_operation_makes_no_second_signature_of_a_place() {
    let trace = trace();
    let last = operations(&trace);
    assert!(last > 60, "there is something to crash: {last}");
    let mut crashes = 0;
    for operation in 1..=last {
        for seed in 0..4 {
            let disk = FaultyDisk::new(seed * 7_919 + operation);
            disk.crash_at(operation);
            let mut world = World::default();
            let from = run(&disk, &trace, 0, &mut world);
            crashes += u64::from(disk.is_off());
            disk.power_on();
            live(&disk, &trace, from, &mut world);
        }
    }
    assert_eq!(crashes, last * 4);
}

#[test]
fn a_sync_that_fails_at_any_operation_makes_no_second_signature_either() {
    let trace = trace();
    let last = operations(&trace);
    for operation in 1..=last {
        for loses_power in [false, true] {
            let disk = FaultyDisk::new(104_729 + operation);
            disk.fail_sync_at(operation);
            let mut world = World::default();
            let from = run(&disk, &trace, 0, &mut world);
            if loses_power {
                disk.power_on();
            }
            live(&disk, &trace, from, &mut world);
        }
    }
}

#[test]
fn a_disk_that_fills_up_refuses_and_goes_on_when_there_is_room() {
    let trace = trace();
    for capacity in [2_000, 3_000, 5_000] {
        let disk = FaultyDisk::new(capacity);
        disk.set_faults(Faults {
            capacity_bytes: Some(capacity),
            ..Faults::default()
        });
        let mut world = World::default();
        let from = run(&disk, &trace, 0, &mut world);
        assert!(from < trace.len(), "it fills up at {capacity}");
        disk.calm();
        live(&disk, &trace, from, &mut world);
    }
}

/// One life after the other with faults by chance, hosts that ask twice, and hosts that ask for something else.
fn simulate(seed: u64) {
    let mut dice = seed;
    let mut roll = |bound: u64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % bound
    };
    let disk = FaultyDisk::new(seed);
    let mut world = World::default();
    let mut contents = 0_u8;
    for _ in 0..6 {
        disk.set_faults(Faults {
            write_permille: roll(40) as u16,
            sync_permille: roll(40) as u16,
            ..Faults::default()
        });
        if roll(3) == 0 {
            disk.crash_at(disk.operations() + 1 + roll(30));
        }
        if let Ok(mut life) = Life::start(&disk) {
            life.batch(&[Want::Enroll(1)], &world);
            for _ in 0..roll(12) {
                let head = world.signed.iter().map(|signed| signed.1 + 1).max();
                let next = head.unwrap_or(0);
                contents = (contents + roll(2) as u8) % 200;
                // What is not known to have been signed is asked for again with another content, now and then.
                let wants: Vec<_> = (0..1 + roll(3) as u32)
                    .map(|more| Want::Action(1, next + more, contents))
                    .collect();
                let done = life.batch(&wants[..1], &world);
                world.hear(&wants[..1], &done);
            }
        }
        disk.calm();
        disk.power_on();
    }
    // Once everything is calm: a host that learns what the vault signed last goes on behind it.
    let mut life = Life::start(&disk).expect("it opens");
    life.batch(&[Want::Enroll(1)], &world);
    let head = life
        .shared
        .standing(&agent(1))
        .and_then(|known| known.head());
    if let Some(head) = head {
        let place = (1, head.seq, head.hash);
        let known = world.signed.iter().filter(|signed| signed.1 == head.seq);
        assert!(known.clone().all(|signed| *signed == place));
        world.signed.push(place);
    }
    let next = Want::Action(1, head.map_or(0, |head| head.seq + 1), 201);
    assert_eq!(life.batch(&[next], &world), [true], "seed {seed}");
}

#[test]
fn lives_at_random_never_sign_twice_and_go_on_when_it_is_calm() {
    for seed in 0..400 {
        simulate(seed);
    }
}

#[test]
fn the_disk_shows_no_seed() {
    let disk = FaultyDisk::new(1);
    let mut world = World::default();
    run(&disk, &trace(), 0, &mut world);
    for name in disk.names("log").expect("there is a log") {
        let bytes = disk.dump(&format!("log/{name}")).unwrap_or_default();
        // Seeds of these tests are one byte 32 times.
        for of in [1_u8, 2, 7, 8, 100] {
            assert!(!bytes.windows(32).any(|window| window == [of; 32] && of > 2));
        }
    }
}
