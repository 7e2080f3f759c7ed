//! Who is followed, and how places are shared.

use super::*;

#[test]
fn agent_that_left_is_forgotten_when_nothing_of_it_is_under_way() {
    let (mut shell, writer) = (Shell::new(), writer(6));
    let leave = || Input::Unfollow {
        agent: writer.agent(),
    };
    shell.catch_up(&writer);
    assert_eq!(shell.tell(leave()), []);
    assert_eq!(shell.projector.poll_timeout(), None);
    assert_eq!(shell.nudge(&writer, 9), []);
    // It leaves and comes back while a batch is under way: the completion tells where it stands.
    shell.follow(&writer);
    shell.page(&writer, None, 0..4);
    shell.tell(leave());
    assert_eq!(shell.follow(&writer), []);
    assert_eq!(shell.stored(&writer, 3), [Said::Fetch(Some(3))]);
    // It leaves while a page is under way.
    shell.tell(leave());
    assert_eq!(shell.page(&writer, Some(3), 4..6), []);
    assert_eq!(shell.projector.poll_timeout(), None);
}

#[test]
fn follow_with_another_cursor_while_a_page_is_under_way_fetches_from_there() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.follow(&writer);
    let cursor = Some(cursor_at(&writer, 5));
    assert_eq!(
        shell.tell(Input::Follow {
            agent: writer.agent(),
            cursor
        }),
        []
    );
    assert_eq!(shell.page(&writer, None, 0..4), [Said::Fetch(Some(5))]);
    assert_eq!(
        shell.page(&writer, Some(5), 6..8),
        [Said::Store {
            after: Some(5),
            seq: 7
        }]
    );
}

#[test]
fn places_are_few_and_handed_out_in_turn() {
    let limits = Limits {
        agents_in_flight_max: 2,
        page_records_max: 4,
        ..Limits::default()
    };
    let mut shell = Shell::with(limits);
    let writers: BTreeMap<u8, Writer> = (1..=4).map(|seed| (seed, Writer::new(seed))).collect();
    let mut fetches = |input| -> Vec<AgentPubKey> {
        let outputs = shell.raw(input).into_iter();
        outputs
            .filter_map(|output| {
                if let Output::Fetch { agent, .. } = output {
                    Some(agent)
                } else {
                    None
                }
            })
            .collect()
    };
    let agent = |seed: u8| writers[&seed].agent();
    for (seed, expect) in [
        (1, vec![agent(1)]),
        (2, vec![agent(2)]),
        (3, vec![]),
        (4, vec![]),
    ] {
        assert_eq!(
            fetches(Input::Follow {
                agent: agent(seed),
                cursor: None
            }),
            expect
        );
    }
    assert_eq!(
        fetches(page_of(&writers[&1], None, 0..4)),
        [],
        "a batch keeps the place"
    );
    assert_eq!(
        fetches(Input::Stored {
            agent: agent(1),
            seq: 3
        }),
        [agent(3)],
        "others come first"
    );
    assert_eq!(fetches(page_of(&writers[&2], None, 0..0)), [agent(4)]);
    assert_eq!(fetches(page_of(&writers[&3], None, 0..0)), [agent(1)]);
}

#[test]
fn one_agent_more_than_allowed_is_refused() {
    let mut shell = Shell::with(Limits {
        agents_max: 1,
        ..Limits::default()
    });
    assert_eq!(shell.follow(&Writer::new(1)), [Said::Fetch(None)]);
    let agent = Writer::new(2).agent();
    assert_eq!(
        shell.follow(&Writer::new(2)),
        [Said::Report(Report::Refused { agent })]
    );
    assert_eq!(
        shell.follow(&Writer::new(1)),
        [],
        "the one that is followed may be followed again"
    );
}
