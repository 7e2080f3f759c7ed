//! Order and time.

use super::Queue;
use base::{Duration, Timestamp};

fn queue() -> Queue<&'static str> {
    let mut queue = Queue::new(Timestamp(100));
    queue.push(Timestamp(300), "late");
    queue.push(Timestamp(200), "first");
    queue.push(Timestamp(200), "second");
    queue
}

#[test]
fn events_come_by_time_then_by_the_order_of_pushing() {
    let mut queue = queue();
    let mut seen = Vec::new();
    while let Some(event) = queue.pop() {
        seen.push((queue.now().as_micros(), event));
    }
    assert_eq!(seen, [(200, "first"), (200, "second"), (300, "late")]);
    assert!(queue.is_empty());
}

#[test]
fn what_is_pushed_into_the_past_happens_now() {
    let mut queue = queue();
    queue.pop();
    queue.push(Timestamp(1), "past");
    queue.push_in(Duration::ZERO, "now");
    assert_eq!(queue.pop(), Some("second"));
    assert_eq!(queue.pop(), Some("past"));
    assert_eq!(queue.pop(), Some("now"));
    assert_eq!(queue.now(), Timestamp(200));
}

#[test]
fn deadline_comes_before_later_events_and_after_those_of_its_own_time() {
    let mut queue = queue();
    assert_eq!(queue.pop_until(Some(Timestamp(150))), None);
    assert_eq!(queue.now(), Timestamp(150));
    assert_eq!(queue.pop_until(Some(Timestamp(200))), Some("first"));
    assert_eq!(queue.pop_until(Some(Timestamp(200))), Some("second"));
    assert_eq!(queue.pop_until(Some(Timestamp(200))), None);
    assert_eq!(queue.pop_until(None), Some("late"));
    assert_eq!(queue.pop_until(None), None);
    assert_eq!(queue.pop_until(Some(Timestamp(1))), None);
    assert_eq!(queue.now(), Timestamp(300), "time never runs backwards");
}

#[test]
fn events_of_the_dead_are_forgotten() {
    let mut queue = queue();
    queue.retain(|event| *event != "first");
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.pop(), Some("second"));
}
