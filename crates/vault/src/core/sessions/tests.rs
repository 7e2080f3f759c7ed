//! Unlocked keys against a plain list, with clocks that jump.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    sessions_max: 3,
    idle_secs_max: 10,
    life_secs_max: 25,
};

#[derive(Clone, Debug)]
enum Step {
    Open(u8),
    Find(u8),
    Close(u8),
    Expire,
}

/// Agent, when it was opened, when it was used last, how many uses came before.
type Plain = Vec<(u8, i64, i64, usize)>;

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        3 => (0..6_u8).prop_map(Step::Open),
        4 => (0..6_u8).prop_map(Step::Find),
        1 => (0..6_u8).prop_map(Step::Close),
        1 => Just(Step::Expire),
    ];
    let jump = prop_oneof![6 => 0..4_i64, 1 => -20..20_i64];
    prop::collection::vec((jump, step), 1..80)
}

proptest! {
    #[test]
    fn it_agrees_with_a_plain_list(steps in steps()) {
        let mut sessions = Sessions::new(LIMITS);
        let mut plain: Plain = Vec::new();
        let mut held: BTreeMap<Place, u8> = BTreeMap::new();
        let (mut clock, mut latest) = (1_000, i64::MIN);
        for (number, (jump, step)) in steps.into_iter().enumerate() {
            clock += jump;
            // Closing looks at no clock.
            if !matches!(step, Step::Close(_)) {
                latest = latest.max(clock);
            }
            let now = secs(clock);
            let is_over = |&(_, opened, used, _): &(u8, i64, i64, usize)| opened + 25 <= latest || used + 10 <= latest;
            match step {
                Step::Open(agent) => {
                    plain.retain(|session| session.0 != agent && !is_over(session));
                    if plain.len() >= 3 {
                        let oldest = plain.iter().map(|session| (session.2, session.3)).min();
                        plain.retain(|session| Some((session.2, session.3)) != oldest);
                    }
                    plain.push((agent, latest, latest, number));
                    let opened = sessions.open(now, [agent; 32]);
                    for place in opened.wipe {
                        prop_assert!(held.remove(&place).is_some(), "a place is given up once");
                    }
                    prop_assert!(held.insert(opened.place, agent).is_none());
                    prop_assert!(opened.place < 3);
                }
                Step::Find(agent) => {
                    let found = sessions.find(now, &[agent; 32]);
                    let expected = plain.iter_mut().find(|session| session.0 == agent);
                    let expected = expected.filter(|session| !is_over(session));
                    prop_assert_eq!(found.is_some(), expected.is_some());
                    if let Some(session) = expected {
                        (session.2, session.3) = (latest, number);
                        prop_assert_eq!(found.and_then(|place| held.get(&place)), Some(&agent));
                    }
                }
                Step::Close(agent) => {
                    plain.retain(|session| session.0 != agent);
                    if let Some(place) = sessions.close(&[agent; 32]) {
                        prop_assert_eq!(held.remove(&place), Some(agent));
                    }
                }
                Step::Expire => {
                    plain.retain(|session| !is_over(session));
                    for place in sessions.expire(now) {
                        prop_assert!(held.remove(&place).is_some());
                    }
                    prop_assert_eq!(sessions.len(), plain.len());
                }
            }
            prop_assert_eq!(sessions.len(), held.len());
            prop_assert!(sessions.len() <= 3);
        }
        // After the longest time nothing is left, however it was used.
        if let Some(deadline) = sessions.deadline() {
            prop_assert!(deadline <= secs(latest + 10));
        }
        for place in sessions.expire(secs(latest + 25)) {
            prop_assert!(held.remove(&place).is_some());
        }
        prop_assert!(sessions.is_empty() && held.is_empty());
        prop_assert_eq!(sessions.deadline(), None);
    }
}

#[test]
fn a_session_ends_at_its_limits_and_not_before() {
    let mut sessions = Sessions::new(Limits::default());
    let agent = [1; 32];
    sessions.open(secs(0), agent);
    assert_eq!(sessions.deadline(), Some(secs(900)));
    assert!(sessions.find(secs(899), &agent).is_some());
    assert!(sessions.find(secs(899 + 900), &agent).is_none(), "idle");
    sessions.open(secs(10_000), agent);
    for minute in 1..60 {
        assert!(sessions.find(secs(10_000 + minute * 60), &agent).is_some());
    }
    assert!(sessions.find(secs(13_599), &agent).is_some());
    assert!(sessions.find(secs(13_600), &agent).is_none(), "an hour");
    assert_eq!(sessions.expire(secs(13_600)), [0]);
}

#[test]
fn ten_thousand_are_unlocked_and_one_more_takes_the_place_of_the_one_used_longest_ago() {
    let mut sessions = Sessions::new(Limits::default());
    let agent = |number: u32| {
        let mut agent = [0; 32];
        agent[..4].copy_from_slice(&number.to_le_bytes());
        agent
    };
    for number in 0..10_000 {
        assert!(sessions.open(secs(1), agent(number)).wipe.is_empty());
    }
    assert!(sessions.find(secs(1), &agent(0)).is_some());
    let opened = sessions.open(secs(1), agent(10_000));
    assert_eq!((opened.place, opened.wipe), (1, vec![1]));
    assert!(sessions.find(secs(1), &agent(1)).is_none());
    assert_eq!(sessions.len(), 10_000);
}
