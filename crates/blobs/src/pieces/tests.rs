//! Pieces that are written by threads: in their places, all of them, and told when they are not.

use std::io::IoSlice;
use std::sync::Barrier;

use disk::{Disk, Faults, FaultyDisk};

use super::*;
use crate::groups::Groups;

fn made(len: usize) -> Bytes {
    (0..len).map(|place| (place % 249) as u8).collect()
}

fn file(disk: &FaultyDisk, path: &str) -> Writing {
    Writing::new(Some(disk.create_direct(path).unwrap()))
}

/// Gives all pieces of a file on.
fn give(pieces: &Pieces, writing: &Writing, bytes: &Bytes) {
    for start in (0..bytes.len()).step_by(PIECE_BYTES) {
        let piece = bytes.slice(start..bytes.len().min(start + PIECE_BYTES));
        let middle = piece.len() / 3;
        let chunks = vec![piece.slice(..middle), piece.slice(middle..)];
        pieces.add(writing.piece(start as u64, chunks));
    }
}

#[test]
fn pieces_of_several_files_are_written_and_their_groups_are_those_of_the_whole() {
    let (disk, pieces) = (FaultyDisk::new(1), Pieces::default());
    let lengths = [
        PIECE_BYTES + 1,
        2 * PIECE_BYTES,
        3 * PIECE_BYTES - 1,
        9 * PIECE_BYTES + 16_384,
        9 * PIECE_BYTES + 16_385,
    ];
    let begun = Barrier::new(lengths.len());
    thread::scope(|scope| {
        for len in lengths {
            let (disk, pieces, begun) = (&disk, &pieces, &begun);
            scope.spawn(move || {
                let (bytes, path) = (made(len), len.to_string());
                let writing = file(disk, &path);
                begun.wait();
                give(pieces, &writing, &bytes);
                let (groups, root) = Groups::of_list(writing.wait().unwrap());
                assert_eq!((groups, root), Groups::of(&bytes), "{len}");
                assert!(disk.dump(&path).unwrap() == bytes, "{len}");
                // The groups of what is there are the same, and nothing is written.
                let writing = Writing::new(None);
                give(pieces, &writing, &bytes);
                assert_eq!(Groups::of_list(writing.wait().unwrap()).1, root, "{len}");
            });
        }
    });
}

#[test]
fn a_piece_that_cannot_be_written_is_told() {
    for operation in 2..6 {
        let (disk, pieces) = (FaultyDisk::new(operation), Pieces::default());
        disk.fail_at(operation, io::ErrorKind::StorageFull);
        let writing = file(&disk, "file");
        give(&pieces, &writing, &made(4 * PIECE_BYTES));
        let error = writing.wait().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{operation}");
    }
    let (disk, pieces) = (FaultyDisk::new(1), Pieces::default());
    let writing = file(&disk, "file");
    disk.set_faults(Faults {
        write_permille: 1_000,
        ..Faults::default()
    });
    give(&pieces, &writing, &made(20 * PIECE_BYTES));
    assert!(
        writing.check().is_err(),
        "it is told before all was given on"
    );
    assert!(
        disk.operations() < 10,
        "the rest of a file that failed is not written"
    );
    // The others go on.
    disk.calm();
    let writing = file(&disk, "other");
    give(&pieces, &writing, &made(2 * PIECE_BYTES));
    assert_eq!(writing.wait().unwrap().len(), 128);
}

#[test]
fn what_was_given_up_is_not_written() {
    let (disk, pieces) = (FaultyDisk::new(1), Pieces::default());
    let writing = file(&disk, "file");
    let late = writing.piece(0, vec![made(PIECE_BYTES)]);
    drop(writing);
    let before = disk.operations();
    pieces.add(late);
    // Whatever waited is done with when the threads have ended.
    drop(pieces);
    assert_eq!(disk.operations(), before);
    let file = disk.open("file").unwrap().unwrap();
    file.write_at(0, &[IoSlice::new(b"still works")]).unwrap();
}
