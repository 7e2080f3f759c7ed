//! Whatever a shell says, in whatever order: the projector does not break, keeps its bounds, and every batch that it
//! makes is a true piece of the chain.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;

/// One thing that a shell may say, true or not.
#[derive(Clone, Debug)]
enum Saying {
    Follow {
        who: u8,
        cursor: Option<u32>,
    },
    Unfollow {
        who: u8,
    },
    Nudge {
        who: u8,
        seq: u32,
    },
    Page {
        who: u8,
        after: Option<u32>,
        seqs: Vec<usize>,
        has_bodies: bool,
    },
    Failure {
        who: u8,
        after: Option<u32>,
    },
    Stored {
        who: u8,
        seq: u32,
    },
    StoreFailed {
        who: u8,
        seq: u32,
        stored: Option<u32>,
    },
    Blob,
    Time {
        millis: u64,
    },
    /// Answers the oldest request truly.
    Answer {
        count: usize,
    },
}

const LENGTH: usize = 12;

fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let place = || prop::option::of(0..LENGTH as u32);
    let seqs = prop::collection::vec(0..LENGTH, 0..6);
    let saying = prop_oneof![
        2 => (1_u8..4, place()).prop_map(|(who, cursor)| Saying::Follow { who, cursor }),
        1 => (1_u8..4).prop_map(|who| Saying::Unfollow { who }),
        2 => (1_u8..4, any::<u32>()).prop_map(|(who, seq)| Saying::Nudge { who, seq: seq % 20 }),
        3 => (1_u8..4, place(), seqs, any::<bool>())
            .prop_map(|(who, after, seqs, has_bodies)| Saying::Page { who, after, seqs, has_bodies }),
        1 => (1_u8..4, place()).prop_map(|(who, after)| Saying::Failure { who, after }),
        1 => (1_u8..4, 0..LENGTH as u32).prop_map(|(who, seq)| Saying::Stored { who, seq }),
        1 => (1_u8..4, 0..LENGTH as u32, place()).prop_map(|(who, seq, stored)| Saying::StoreFailed { who, seq, stored }),
        1 => Just(Saying::Blob),
        2 => (0_u64..100_000).prop_map(|millis| Saying::Time { millis }),
        8 => (0_usize..6).prop_map(|count| Saying::Answer { count }),
    ];
    prop::collection::vec(saying, 0..80)
}

fn writers() -> &'static [Writer] {
    static WRITERS: OnceLock<Vec<Writer>> = OnceLock::new();
    WRITERS.get_or_init(|| {
        (1..4)
            .map(|seed| {
                let mut writer = Writer::new(seed);
                writer.create(&long_page("long"));
                for number in 5..LENGTH {
                    writer.create(&page(&format!("page {number}")));
                }
                writer
            })
            .collect()
    })
}

fn writer_of(who: u8) -> &'static Writer {
    &writers()[usize::from(who) - 1]
}

fn fetched(
    writer: &Writer,
    seqs: impl IntoIterator<Item = usize>,
    has_bodies: bool,
) -> Vec<Fetched> {
    let body = writer.blobs.values().next().filter(|_| has_bodies);
    seqs.into_iter()
        .map(|seq| Fetched {
            record: writer.records[seq].clone(),
            body: body.filter(|_| seq == 4).cloned(),
        })
        .collect()
}

/// Turns a saying into an input; answers take the oldest request, if there is one.
fn input(saying: Saying, shell: &mut Shell, requests: &mut Vec<Output>) -> Option<Input> {
    let agent = |who| writer_of(who).agent();
    Some(match saying {
        Saying::Follow { who, cursor } => Input::Follow {
            agent: agent(who),
            cursor: cursor.map(|seq| cursor_at(writer_of(who), seq)),
        },
        Saying::Unfollow { who } => Input::Unfollow { agent: agent(who) },
        Saying::Nudge { who, seq } => Input::Nudge {
            agent: agent(who),
            seq,
        },
        Saying::Page {
            who,
            after,
            seqs,
            has_bodies,
        } => Input::Page {
            agent: agent(who),
            after,
            fetched: Ok(fetched(writer_of(who), seqs, has_bodies)),
        },
        Saying::Failure { who, after } => Input::Page {
            agent: agent(who),
            after,
            fetched: Err(FetchFault("no".to_owned())),
        },
        Saying::Stored { who, seq } => Input::Stored {
            agent: agent(who),
            seq,
        },
        Saying::StoreFailed { who, seq, stored } => Input::StoreFailed {
            agent: agent(who),
            seq,
            stored: stored.map(|seq| cursor_at(writer_of(who), seq)),
        },
        Saying::Blob => Input::BlobStored {
            hash: *writer_of(1).blobs.keys().next()?,
        },
        Saying::Time { millis } => {
            shell.now = shell.now + Duration::from_millis(millis);
            Input::Timeout
        }
        Saying::Answer { .. } if requests.is_empty() => return None,
        Saying::Answer { count } => match requests.remove(0) {
            Output::Fetch { agent, after, .. } => {
                let writer = writers().iter().find(|writer| writer.agent() == agent)?;
                let start = after.map_or(0, |seq| seq as usize + 1);
                let seqs = start..LENGTH.min(start + count);
                Input::Page {
                    agent,
                    after,
                    fetched: Ok(fetched(writer, seqs, count > 2)),
                }
            }
            Output::Store(batch) => Input::Stored {
                agent: batch.agent,
                seq: batch.cursor.seq,
            },
            Output::Report(_) => return None,
        },
    })
}

fn check_batch(batch: &Batch) -> Result<(), TestCaseError> {
    let writer = writers()
        .iter()
        .find(|writer| writer.agent() == batch.agent)
        .expect("one of the three");
    prop_assert_eq!(&batch.cursor, &cursor_at(writer, batch.cursor.seq));
    let first = batch.after.map_or(0, |seq| seq + 1);
    prop_assert!(first <= batch.cursor.seq);
    // From the fourth on every record of these chains is an item.
    let expect: Vec<u32> = (first.max(4)..=batch.cursor.seq).collect();
    prop_assert_eq!(
        batch.changes.iter().map(Change::seq).collect::<Vec<_>>(),
        expect
    );
    for change in &batch.changes {
        let Change::Put(version) = change else {
            panic!("{change:?}")
        };
        prop_assert_eq!(
            &version.action,
            writer.records[version.seq as usize].action_address()
        );
        prop_assert_eq!(
            &version.content,
            &writer.states[version.seq as usize].0[&version.item].content
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_a_shell_says_breaks_it(sayings in sayings(), places in 1_usize..3) {
        let limits = Limits { agents_in_flight_max: places, page_records_max: 4, agents_max: 2, ..Limits::default() };
        let mut shell = Shell::with(limits);
        let mut requests = Vec::new();
        for saying in sayings {
            let Some(input) = input(saying, &mut shell, &mut requests) else { continue };
            let is_alarm = matches!(input, Input::Timeout);
            for output in shell.raw(input) {
                match output {
                    Output::Store(batch) => {
                        check_batch(&batch)?;
                        requests.push(Output::Store(batch));
                    }
                    Output::Fetch { limit, .. } => {
                        prop_assert_eq!(limit, 4);
                        requests.push(output);
                    }
                    Output::Report(Report::Quarantined { reason, .. }) => {
                        // These chains are honest; only a gap or a cursor from elsewhere can look like a fault.
                        prop_assert!(matches!(reason, Rejection::Gap { .. }), "{}", reason);
                    }
                    Output::Report(_) => {}
                }
            }
            let alarm = shell.projector.poll_timeout();
            prop_assert!(!is_alarm || alarm.is_none_or(|(at, _)| at > shell.now));
        }
    }
}
