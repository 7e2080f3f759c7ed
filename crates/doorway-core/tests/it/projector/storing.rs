//! Batches and their completions.

use super::*;

#[test]
fn chain_is_stored_page_by_page_until_it_has_no_more() {
    let (mut shell, writer) = (Shell::new(), writer(6));
    assert_eq!(shell.follow(&writer), [Said::Fetch(None)]);
    assert_eq!(
        shell.page(&writer, None, 0..4),
        [Said::Store {
            after: None,
            seq: 3
        }]
    );
    assert_eq!(shell.stored(&writer, 3), [Said::Fetch(Some(3))]);
    assert_eq!(
        shell.page(&writer, Some(3), 4..6),
        [Said::Store {
            after: Some(3),
            seq: 5
        }]
    );
    assert_eq!(shell.stored(&writer, 5), [Said::Fetch(Some(5))]);
    assert_eq!(shell.page(&writer, Some(5), 6..6), [caught_up(&writer, 5)]);
}

#[test]
fn closed_chain_takes_no_more_records() {
    let (mut shell, mut writer) = (Shell::new(), writer(4));
    writer.close();
    shell.follow(&writer);
    shell.page(&writer, None, 0..4);
    shell.stored(&writer, 3);
    let outputs = shell.raw(page_of(&writer, Some(3), 4..5));
    let [
        Output::Store(Batch {
            cursor, changes, ..
        }),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    assert!(cursor.is_closed && changes.is_empty());
    writer.create(&page("after the end"));
    assert_eq!(shell.stored(&writer, 4), [Said::Fetch(Some(4))]);
    let closed = quarantined(&writer, Some(4), Rejection::Closed { seq: 5 });
    assert_eq!(shell.page(&writer, Some(4), 5..6), [closed]);
}

#[test]
fn store_that_committed_and_could_not_say_so_is_believed() {
    let (mut shell, writer) = (Shell::new(), writer(6));
    shell.follow(&writer);
    shell.page(&writer, None, 0..4);
    let said = shell.tell(Input::StoreFailed {
        agent: writer.agent(),
        seq: 3,
        stored: Some(cursor_at(&writer, 3)),
    });
    assert_eq!(said, [Said::Fetch(Some(3))]);
}

#[test]
fn store_that_failed_is_resumed_from_where_it_really_is() {
    let (mut shell, writer) = (Shell::new(), writer(8));
    shell.follow(&writer);
    shell.page(&writer, None, 0..4);
    let failed = |stored| Input::StoreFailed {
        agent: writer.agent(),
        seq: 3,
        stored,
    };
    assert_eq!(
        shell.tell(failed(None)),
        [stalled(&writer, None, Stall::Store)]
    );
    assert_eq!(shell.wait().2, [Said::Fetch(None)]);
    shell.page(&writer, None, 0..4);
    let stored = cursor_at(&writer, 5);
    assert_eq!(
        shell.tell(failed(Some(stored))),
        [stalled(&writer, Some(5), Stall::Store)]
    );
    assert_eq!(shell.wait().2, [Said::Fetch(Some(5))]);
}

#[test]
fn completion_of_another_batch_changes_nothing() {
    let (mut shell, writer) = (Shell::new(), writer(6));
    shell.follow(&writer);
    assert_eq!(shell.stored(&writer, 3), []);
    shell.page(&writer, None, 0..4);
    assert_eq!(shell.stored(&writer, 2), []);
    assert_eq!(
        shell.tell(Input::StoreFailed {
            agent: writer.agent(),
            seq: 2,
            stored: None
        }),
        []
    );
    assert_eq!(shell.stored(&writer, 3), [Said::Fetch(Some(3))]);
    assert_eq!(shell.stored(&writer, 3), []);
}
