//! Faults happen as often as a link says, and not at all in calm.

use super::{Link, Network, Tally};
use crate::Seed;
use base::{Duration, Timestamp};

const SOUND: Link = Link::sound(Duration::from_millis(1), Duration::from_millis(50));

const POOR: Link = Link {
    loss_permille: 200,
    duplication_permille: 100,
    reordering_permille: 300,
    ..SOUND
};

/// Sends 1,000 messages, one per millisecond, and returns all arrivals.
fn arrivals(network: &mut Network<u8>) -> Vec<Vec<Timestamp>> {
    (0..1_000)
        .map(|step| network.send(Timestamp(step * 1_000), &1, &2))
        .collect()
}

fn is_in_order(arrivals: &[Vec<Timestamp>]) -> bool {
    arrivals.iter().flatten().is_sorted()
}

#[test]
fn same_seed_gives_the_same_trace() {
    let trace = |seed| arrivals(&mut Network::new(Seed(seed), POOR));
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn poor_link_loses_repeats_and_reorders() {
    let mut network = Network::new(Seed(1), POOR);
    let arrivals = arrivals(&mut network);
    let count = |len| arrivals.iter().filter(|times| times.len() == len).count() as u64;
    let tally = network.tally();
    assert!((120..280).contains(&tally.lost), "{tally:?}");
    assert!((40..160).contains(&tally.duplicated), "{tally:?}");
    assert!(tally.reordered > 150, "{tally:?}");
    assert_eq!((count(0), count(2)), (tally.lost, tally.duplicated));
    assert!(!is_in_order(&arrivals));
}

#[test]
fn sound_link_delivers_all_in_order_and_in_time() {
    let mut network = Network::new(Seed(1), SOUND);
    let arrivals = arrivals(&mut network);
    assert_eq!(
        network.tally(),
        Tally {
            sent: 1_000,
            ..Tally::default()
        }
    );
    assert!(is_in_order(&arrivals));
    for (step, times) in (0..).zip(&arrivals) {
        let delay = times[0].since(Timestamp(step * 1_000));
        assert_eq!(times.len(), 1);
        assert!(
            SOUND.delay_min <= delay && delay <= SOUND.delay_max,
            "{delay:?}"
        );
    }
}

#[test]
fn calm_switches_all_faults_off() {
    let mut network = Network::new(Seed(1), POOR);
    network.set_link(&1, &2, POOR);
    network.split(&[vec![1], vec![2]]);
    network.calm();
    let arrivals = arrivals(&mut network);
    assert_eq!(
        network.tally(),
        Tally {
            sent: 1_000,
            ..Tally::default()
        }
    );
    assert!(is_in_order(&arrivals));
}

#[test]
fn split_cuts_across_and_not_within_until_it_heals() {
    let mut network = Network::new(Seed(1), SOUND);
    network.split(&[vec![], vec![2, 3]]);
    let mut reaches = |source, target| !network.send(Timestamp(0), &source, &target).is_empty();
    assert!(!reaches(1, 2) && !reaches(2, 1));
    assert!(reaches(2, 3) && reaches(1, 4));
    network.heal();
    assert!(!network.send(Timestamp(0), &1, &2).is_empty());
    assert_eq!(network.tally().cut, 2);
}

#[test]
fn one_direction_may_be_worse_than_the_other() {
    let mut network = Network::new(Seed(1), SOUND);
    network.set_link(
        &1,
        &2,
        Link {
            loss_permille: 1_000,
            ..SOUND
        },
    );
    assert!(network.send(Timestamp(0), &1, &2).is_empty());
    assert!(!network.send(Timestamp(0), &2, &1).is_empty());
}
