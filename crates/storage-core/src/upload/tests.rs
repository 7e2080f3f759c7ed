//! The headers, the rules of one upload one by one, a naive upload, and clients that break off in a bad world.

mod headers;
mod reference;
mod simulation;

use base::{ContentHash, Duration};

use super::{
    Append, AppendError, Checksum, CreateError, Creation, EndError, Ended, Fenced, Finish, Length,
    Limits, Metadata, Phase, Progress, RestoreError, Snapshot, SnapshotPhase, TerminateError,
    TookError, Turn, Upload,
};
use crate::clock::SlowTime;

const LIMITS: Limits = Limits {
    bytes_max: 1_000,
    metadata_bytes_max: 100,
    metadata_keys_max: 3,
    expires_after: Duration::from_secs(100),
    turn_for: Duration::from_secs(10),
};

fn at(secs: u64) -> SlowTime {
    SlowTime::START + Duration::from_secs(secs)
}

fn create(length: Length) -> Upload {
    let metadata = Metadata::default();
    Upload::create(at(0), Creation { length, metadata }, &LIMITS).expect("not too long")
}

fn chunk(offset: u64, announced: Option<u64>) -> Append {
    Append {
        offset,
        announced,
        length: None,
        checksum: None,
    }
}

fn checksum(byte: u8) -> Checksum {
    let text = if byte == 1 {
        "sha1 AQEBAQEBAQEBAQEBAQEBAQEBAQE="
    } else {
        "sha1 AgICAgICAgICAgICAgICAgICAgI="
    };
    text.parse().expect("20 bytes")
}

fn begin(upload: &mut Upload, secs: u64, append: &Append) -> Turn {
    upload.begin(at(secs), append, &LIMITS).expect("it fits")
}

/// Sends a whole chunk.
fn send(upload: &mut Upload, secs: u64, bytes: u64) -> Progress {
    let append = chunk(upload.offset(), Some(bytes));
    let turn = begin(upload, secs, &append);
    upload.took(at(secs), &turn, bytes, &LIMITS).expect("room");
    let ended = Ended::Whole { digest: None };
    upload
        .end(at(secs), turn, bytes, ended, &LIMITS)
        .expect("it counts")
}

fn progress(offset: u64, is_complete: bool) -> Progress {
    Progress {
        offset,
        is_complete,
    }
}

#[test]
fn length_is_bounded_when_it_is_told() {
    for (bytes, is_ok) in [(0, true), (1_000, true), (1_001, false)] {
        let creation = Creation {
            length: Length::Known(bytes),
            metadata: Metadata::default(),
        };
        let found = Upload::create(at(0), creation, &LIMITS);
        let refused = CreateError::TooLong {
            bytes,
            bytes_max: 1_000,
        };
        assert_eq!(found.err(), (!is_ok).then_some(refused), "{bytes}");
    }
}

#[test]
fn upload_is_finished_once() {
    let mut upload = create(Length::Known(5));
    assert_eq!(send(&mut upload, 1, 2), progress(2, false));
    assert_eq!(upload.poll_finish(), None);
    assert_eq!(send(&mut upload, 2, 3), progress(5, true));
    assert_eq!(upload.poll_finish(), Some(5));
    assert_eq!(upload.poll_finish(), None);
    assert_eq!(upload.snapshot().phase, SnapshotPhase::Complete);
    upload.finished(at(3), Finish::Failed, &LIMITS);
    assert_eq!(upload.poll_finish(), Some(5), "once more after it failed");
    let hash = ContentHash::of(b"12345");
    upload.finished(at(4), Finish::Stored(hash), &LIMITS);
    upload.finished(at(5), Finish::Failed, &LIMITS);
    assert_eq!(upload.phase(), Phase::Stored(hash));
    assert_eq!(upload.poll_finish(), None);
    let more = upload.begin(at(6), &chunk(5, Some(0)), &LIMITS);
    assert_eq!(more, Err(AppendError::Complete));
}

#[test]
fn nothing_is_complete_at_once() {
    assert_eq!(create(Length::Known(0)).poll_finish(), Some(0));
    assert_eq!(create(Length::Deferred).poll_finish(), None);
}

#[test]
fn what_is_refused_is_over() {
    let mut upload = create(Length::Known(0));
    assert_eq!(upload.poll_finish(), Some(0));
    assert_eq!(upload.terminate(), Err(TerminateError));
    upload.finished(at(1), Finish::Refused, &LIMITS);
    let more = upload.begin(at(1), &chunk(0, None), &LIMITS);
    assert_eq!(more, Err(AppendError::Ended));
}

#[test]
fn chunk_must_begin_where_the_upload_is_and_end_within_it() {
    let mut upload = create(Length::Known(10));
    send(&mut upload, 0, 4);
    let cases = [
        (3, Some(1), AppendError::Conflict { offset: 4 }),
        (5, None, AppendError::Conflict { offset: 4 }),
        (
            4,
            Some(7),
            AppendError::TooLong {
                announced: 7,
                room: 6,
            },
        ),
    ];
    for (offset, announced, expect) in cases {
        let found = upload.begin(at(1), &chunk(offset, announced), &LIMITS);
        assert_eq!(found, Err(expect));
    }
    let turn = begin(&mut upload, 1, &chunk(4, None));
    assert_eq!(turn.from(), 4);
    upload.took(at(1), &turn, 6, &LIMITS).expect("room");
    let found = upload.took(at(1), &turn, 1, &LIMITS);
    assert_eq!(found, Err(TookError::TooLong { room: 0 }));
    let ended = upload.end(at(1), turn, 6, Ended::Broken, &LIMITS);
    assert_eq!(ended, Ok(progress(10, true)), "what was let in counts");
}

#[test]
fn more_than_announced_is_not_taken() {
    let mut upload = create(Length::Known(10));
    let turn = begin(&mut upload, 0, &chunk(0, Some(3)));
    upload.took(at(0), &turn, 2, &LIMITS).expect("room");
    let found = upload.took(at(0), &turn, 2, &LIMITS);
    assert_eq!(found, Err(TookError::TooLong { room: 1 }));
}

#[test]
fn of_a_broken_chunk_counts_what_is_on_stable_storage() {
    let mut upload = create(Length::Known(10));
    let turn = begin(&mut upload, 0, &chunk(0, Some(8)));
    upload.took(at(0), &turn, 6, &LIMITS).expect("room");
    let ended = upload.end(at(0), turn, 5, Ended::Broken, &LIMITS);
    assert_eq!(ended, Ok(progress(5, false)));
    let turn = begin(&mut upload, 0, &chunk(5, None));
    let ended = upload.end(at(0), turn, 5, Ended::Broken, &LIMITS);
    assert_eq!(ended, Ok(progress(5, false)), "not what was never let in");
}

#[test]
fn chunk_with_a_checksum_counts_whole_or_not_at_all() {
    let right = [1; 20];
    let cases: [(u64, u64, Ended<'_>, Result<Progress, EndError>); 5] = [
        (
            4,
            4,
            Ended::Whole {
                digest: Some(&right),
            },
            Ok(progress(4, false)),
        ),
        (
            4,
            4,
            Ended::Whole {
                digest: Some(&[2; 20]),
            },
            Err(EndError::Mismatch { offset: 0 }),
        ),
        (
            4,
            4,
            Ended::Whole { digest: None },
            Err(EndError::Mismatch { offset: 0 }),
        ),
        (
            4,
            3,
            Ended::Whole {
                digest: Some(&right),
            },
            Ok(progress(0, false)),
        ),
        (3, 3, Ended::Broken, Ok(progress(0, false))),
    ];
    for (taken, stored, ended, expect) in cases {
        let mut upload = create(Length::Known(10));
        let append = Append {
            checksum: Some(checksum(1)),
            ..chunk(0, Some(4))
        };
        let turn = begin(&mut upload, 0, &append);
        upload.took(at(0), &turn, taken, &LIMITS).expect("room");
        let found = upload.end(at(0), turn, stored, ended, &LIMITS);
        assert_eq!(found, expect, "{ended:?}");
        let next = chunk(upload.offset(), None);
        let again = begin(&mut upload, 0, &next);
        assert_eq!(again.from(), upload.offset(), "nobody is in the way");
    }
}

#[test]
fn deferred_length_is_told_once() {
    let tells = |offset, length| Append {
        length: Some(length),
        ..chunk(offset, Some(0))
    };
    let mut upload = create(Length::Deferred);
    send(&mut upload, 0, 4);
    let too_long = AppendError::LengthTooLong {
        bytes: 1_001,
        bytes_max: 1_000,
    };
    let cases = [
        (tells(4, 3), AppendError::LengthChanged { bytes: 3 }),
        (tells(4, 1_001), too_long),
        (
            chunk(4, Some(997)),
            AppendError::TooLong {
                announced: 997,
                room: 996,
            },
        ),
    ];
    for (append, expect) in cases {
        assert_eq!(upload.begin(at(0), &append, &LIMITS), Err(expect));
    }
    let turn = begin(&mut upload, 0, &tells(4, 6));
    let ended = Ended::Whole { digest: None };
    assert_eq!(
        upload.end(at(0), turn, 0, ended, &LIMITS),
        Ok(progress(4, false))
    );
    assert_eq!(upload.length(), Length::Known(6));
    let other = upload.begin(at(0), &tells(4, 7), &LIMITS);
    assert_eq!(other, Err(AppendError::LengthChanged { bytes: 7 }));
    let mut whole = create(Length::Deferred);
    send(&mut whole, 0, 4);
    let turn = begin(&mut whole, 0, &tells(4, 4));
    assert_eq!(
        whole.end(at(0), turn, 0, ended, &LIMITS),
        Ok(progress(4, true))
    );
}

#[test]
fn one_appends_at_a_time_and_silence_loses_the_turn() {
    let mut upload = create(Length::Known(10));
    let first = begin(&mut upload, 0, &chunk(0, None));
    upload.took(at(5), &first, 2, &LIMITS).expect("room");
    let busy = upload.begin(at(14), &chunk(0, None), &LIMITS);
    let retry_after = Duration::from_secs(1);
    assert_eq!(busy, Err(AppendError::Busy { retry_after }));
    upload
        .took(at(15), &first, 0, &LIMITS)
        .expect("nobody has taken over");
    let second = begin(&mut upload, 25, &chunk(0, None));
    assert_eq!(
        upload.took(at(25), &first, 1, &LIMITS),
        Err(TookError::Fenced(Fenced))
    );
    let ended = upload.end(at(25), first, 2, Ended::Broken, &LIMITS);
    assert_eq!(ended, Err(EndError::Fenced(Fenced)));
    upload.took(at(26), &second, 10, &LIMITS).expect("room");
    let ended = upload.end(at(26), second, 10, Ended::Broken, &LIMITS);
    assert_eq!(ended, Ok(progress(10, true)));
}

#[test]
fn upload_expires_when_nobody_appends() {
    let mut upload = create(Length::Known(10));
    assert!(!upload.is_expired(at(99)));
    assert!(upload.is_expired(at(100)));
    send(&mut upload, 50, 1);
    assert_eq!(upload.expires_in(at(60)), Duration::from_secs(90));
    let turn = begin(&mut upload, 149, &chunk(1, None));
    assert!(!upload.is_expired(at(158)), "somebody has a turn");
    assert!(upload.is_expired(at(159)));
    upload.took(at(155), &turn, 1, &LIMITS).expect("room");
    assert!(!upload.is_expired(at(164)));
    drop(turn);
    let late = upload.begin(at(165), &chunk(1, None), &LIMITS);
    assert_eq!(late, Err(AppendError::Expired));
    let mut finishing = create(Length::Known(0));
    finishing.poll_finish();
    assert!(!finishing.is_expired(at(1_000)), "it is being finished");
}

#[test]
fn whoever_appends_learns_that_it_was_ended() {
    let mut upload = create(Length::Known(10));
    let turn = begin(&mut upload, 0, &chunk(0, None));
    assert_eq!(upload.terminate(), Ok(()));
    let ended = upload.end(at(0), turn, 0, Ended::Broken, &LIMITS);
    assert_eq!(ended, Err(EndError::Fenced(Fenced)));
    assert_eq!(upload.phase(), Phase::Ended);
    assert_eq!(upload.terminate(), Ok(()));
}

#[test]
fn it_goes_on_after_a_restart() {
    let mut upload = create(Length::Known(10));
    send(&mut upload, 1, 4);
    let turn = begin(&mut upload, 2, &chunk(4, None));
    upload.took(at(2), &turn, 3, &LIMITS).expect("room");
    let snapshot = upload.snapshot();
    let lost = RestoreError::Lost {
        offset: 4,
        staged_bytes: 3,
    };
    assert_eq!(Upload::restore(snapshot.clone(), 3).err(), Some(lost));
    let mut again = Upload::restore(snapshot.clone(), 7).expect("it is all there");
    assert_eq!(again.snapshot(), snapshot);
    assert_eq!(begin(&mut again, 3, &chunk(4, None)).from(), 4);
    let cases = [
        (SnapshotPhase::Receiving, 11, false),
        (SnapshotPhase::Complete, 4, false),
        (SnapshotPhase::Complete, 10, true),
        (SnapshotPhase::Stored(ContentHash::of(b"")), 9, false),
        (SnapshotPhase::Ended, 9, true),
    ];
    for (phase, offset, is_ok) in cases {
        let snapshot = Snapshot {
            phase,
            offset,
            ..snapshot.clone()
        };
        let found = Upload::restore(snapshot, 100);
        let wrong = (!is_ok).then_some(RestoreError::Inconsistent);
        assert_eq!(found.err(), wrong, "{phase:?} {offset}");
    }
}
