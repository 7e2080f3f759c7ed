//! The log keeps the last lines and compares whole runs.

use super::Log;
use base::Timestamp;

#[test]
fn only_the_last_lines_are_kept_and_the_rest_is_counted() {
    let log = Log::new(2);
    for step in 0..5 {
        log.note(Timestamp(step * 1_500), "node", format_args!("step {step}"));
    }
    assert_eq!(
        log.to_string(),
        "(3 earlier lines left out)\n         4.500 node         step 3\n         6.000 node         step 4\n",
    );
    assert_eq!(log.count(), 5);
}

#[test]
fn digest_covers_lines_that_are_no_longer_kept() {
    let digest = |first: &str| {
        let log = Log::new(1);
        log.note(Timestamp(0), "node", first);
        log.note(Timestamp(1), "node", "last");
        log.digest()
    };
    assert_eq!(digest("a"), digest("a"));
    assert_ne!(digest("a"), digest("b"));
}
