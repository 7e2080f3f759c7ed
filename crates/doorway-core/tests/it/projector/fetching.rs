//! When a chain is looked at, and what becomes of pages that are late, wrong or never come.

use super::*;

#[test]
fn nudge_is_followed_by_one_fetch_and_old_nudges_by_none() {
    let (mut shell, mut writer) = (Shell::new(), writer(5));
    shell.catch_up(&writer);
    assert_eq!(shell.nudge(&writer, 4), []);
    writer.create(&page("new"));
    assert_eq!(shell.nudge(&writer, 5), [Said::Fetch(Some(4))]);
    assert_eq!(shell.nudge(&writer, 5), []);
}

#[test]
fn lost_nudge_is_made_good_by_the_next_look() {
    let (mut shell, writer) = (Shell::new(), writer(5));
    shell.catch_up(&writer);
    let (span, reason, said) = shell.wait();
    assert_eq!(
        (span, reason),
        (Duration::from_secs(30), "look for lost nudges")
    );
    assert_eq!(said, [Said::Fetch(Some(4))]);
    assert_eq!(
        shell.page(&writer, Some(4), 5..5),
        [],
        "what was said before is not said again"
    );
}

#[test]
fn nudge_during_a_fetch_that_finds_nothing_is_looked_at_at_once() {
    let (mut shell, writer) = (Shell::new(), writer(5));
    shell.catch_up(&writer);
    shell.wait();
    assert_eq!(shell.nudge(&writer, 5), []);
    assert_eq!(shell.page(&writer, Some(4), 5..5), [Said::Fetch(Some(4))]);
    assert_eq!(
        shell.page(&writer, Some(4), 5..5),
        [stalled(&writer, Some(4), Stall::Promise(5))]
    );
}

#[test]
fn promise_that_is_never_kept_is_forgotten_in_the_end() {
    let (mut shell, writer) = (Shell::new(), writer(5));
    shell.catch_up(&writer);
    assert_eq!(shell.nudge(&writer, 9), [Said::Fetch(Some(4))]);
    let mut spans = Vec::new();
    loop {
        let said = shell.page(&writer, Some(4), 5..5);
        if said == [caught_up(&writer, 4)] {
            break;
        }
        let (span, reason, said) = shell.wait();
        assert_eq!((reason, said), ("try again", vec![Said::Fetch(Some(4))]));
        spans.push(span.as_micros() / 1_000);
    }
    assert_eq!(
        spans,
        [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600]
    );
    assert_eq!(shell.wait().1, "look for lost nudges");
}

#[test]
fn source_that_fails_is_asked_again_ever_more_rarely() {
    let (mut shell, writer) = (Shell::new(), writer(5));
    shell.follow(&writer);
    let fault = FetchFault("no route".to_owned());
    let failed = || Input::Page {
        agent: writer.agent(),
        after: None,
        fetched: Err(fault.clone()),
    };
    assert_eq!(
        shell.tell(failed()),
        [stalled(&writer, None, Stall::Source(fault.clone()))]
    );
    for expect in [50, 100, 200] {
        let (span, _, said) = shell.wait();
        assert_eq!(
            (span, said),
            (Duration::from_millis(expect), vec![Said::Fetch(None)])
        );
        assert_eq!(shell.tell(failed()), [], "the same reason is said once");
    }
    for _ in 0..100 {
        let (span, _, _) = shell.wait();
        assert!(span <= Duration::from_secs(30));
        shell.tell(failed());
    }
    assert_eq!(shell.wait().0, Duration::from_secs(30));
    assert_eq!(
        shell.page(&writer, None, 0..4),
        [Said::Store {
            after: None,
            seq: 3
        }]
    );
}

#[test]
fn fetch_without_an_answer_is_given_up_and_its_late_page_does_no_harm() {
    let (mut shell, writer) = (Shell::new(), writer(5));
    shell.follow(&writer);
    let (span, reason, said) = shell.wait();
    assert_eq!((span, reason), (Duration::from_secs(60), "give up a fetch"));
    let fault = FetchFault("no answer in time".to_owned());
    assert_eq!(said, [stalled(&writer, None, Stall::Source(fault))]);
    assert_eq!(shell.page(&writer, None, 0..4), [], "nobody waits for it");
    shell.wait();
    assert_eq!(
        shell.page(&writer, None, 0..4),
        [Said::Store {
            after: None,
            seq: 3
        }]
    );
    assert_eq!(
        shell.page(&writer, None, 0..4),
        [],
        "a second page is not stored twice"
    );
}

#[test]
fn page_for_another_place_is_not_used() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.catch_up(&writer);
    assert_eq!(shell.nudge(&writer, 9), [Said::Fetch(Some(7))]);
    assert_eq!(shell.page(&writer, Some(3), 4..8), []);
    assert_eq!(shell.page(&writer, None, 0..4), []);
}

#[test]
fn page_longer_than_asked_for_is_cut() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.follow(&writer);
    assert_eq!(
        shell.page(&writer, None, 0..8),
        [Said::Store {
            after: None,
            seq: 3
        }]
    );
}
