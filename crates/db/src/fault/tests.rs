//! Faults: how they are told apart.

use super::*;

fn failure(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
}

#[derive(Debug, Error)]
enum Outer {
    #[error("a statement")]
    Statement(#[from] rusqlite::Error),
    #[error("a rule")]
    Rule,
}

#[test]
fn full_disk_and_damage_are_told_apart() {
    let cases = [
        (
            rusqlite::ffi::SQLITE_FULL,
            Code::DiskFull,
            "the disk is full",
        ),
        (
            rusqlite::ffi::SQLITE_CORRUPT,
            Code::StoreFailed,
            "the database is damaged",
        ),
        (
            rusqlite::ffi::SQLITE_NOTADB,
            Code::StoreFailed,
            "the database is damaged",
        ),
        (
            rusqlite::ffi::SQLITE_IOERR_FSYNC,
            Code::StoreFailed,
            "the operating system could not read or write the database",
        ),
        (
            rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE,
            Code::StoreFailed,
            "the database refused a statement",
        ),
    ];
    for (number, code, text) in cases {
        let fault = Fault::from(failure(number));
        assert_eq!((fault.code(), fault.to_string()), (code, text.to_owned()));
    }
}

#[test]
fn fault_of_the_world_is_found_below_a_closures_own_error() {
    let full = Outer::from(failure(rusqlite::ffi::SQLITE_FULL));
    assert!(matches!(Fault::find(&full), Some(Fault::DiskFull)));
    let unique = Outer::from(failure(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE));
    assert!(Fault::find(&unique).is_none());
    assert!(Fault::find(&Outer::Rule).is_none());
}

#[test]
fn io_error_on_a_disk_with_space_stays_an_io_error() {
    let fault = Fault::from(failure(rusqlite::ffi::SQLITE_IOERR_SHMSIZE));
    assert!(matches!(fault.refine(Path::new("/")), Fault::Io(_)));
}
