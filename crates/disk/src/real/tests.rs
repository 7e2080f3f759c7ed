//! A real folder: what the trait promises, and that nothing leads out of it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn disk() -> (tempfile::TempDir, RealDisk) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let disk = RealDisk::open(&folder.path().join("data")).expect("it can be made");
    (folder, disk)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn files_and_folders_belong_to_their_owner_alone() {
    let (_folder, disk) = disk();
    disk.make_folder("deep/deeper").expect("it can be made");
    disk.make_folder("deep/deeper")
        .expect("it is there already");
    disk.create("deep/deeper/file").expect("it can be made");
    assert_eq!(mode(&disk.path("")), 0o700);
    assert_eq!(mode(&disk.path("deep")), 0o700);
    assert_eq!(mode(&disk.path("deep/deeper/file")), 0o600);
    let error = disk.create("deep/deeper/file").expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = disk
        .make_folder("deep/deeper/file")
        .expect_err("it is a file");
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let (folder, disk) = disk();
    fs::write(folder.path().join("secret"), b"secret").expect("it can be made");
    for path in [
        "../secret",
        "/etc/passwd",
        "a/../../secret",
        "",
        ".",
        "..",
        "a//b",
        ".lock",
    ] {
        for kind in [
            disk.open(path).expect_err("it leads out").kind(),
            disk.create(path).expect_err("it leads out").kind(),
            disk.remove(path).expect_err("it leads out").kind(),
            disk.rename(path, "x").expect_err("it leads out").kind(),
            disk.rename("x", path).expect_err("it leads out").kind(),
            disk.file_len(path).expect_err("it leads out").kind(),
        ] {
            assert_eq!(kind, ErrorKind::InvalidInput, "{path}");
        }
    }
    for folder in ["..", "a/..", "/"] {
        assert!(disk.names(folder).is_err());
        assert!(disk.make_folder(folder).is_err());
        assert!(disk.sync_folder(folder).is_err());
    }
    std::os::unix::fs::symlink(folder.path().join("secret"), disk.path("link"))
        .expect("it can be made");
    disk.open("link").expect_err("it is a link");
    assert_eq!(disk.file_len("link").expect("it can be asked"), None);
}

#[test]
fn parts_are_written_one_after_the_other_however_many_there_are() {
    let (_folder, disk) = disk();
    let file = disk.create("file").expect("it can be made");
    let bytes: Vec<u8> = (0..5000_u32).flat_map(u32::to_le_bytes).collect();
    let parts: Vec<IoSlice<'_>> = bytes
        .chunks(4)
        .flat_map(|chunk| [IoSlice::new(chunk), IoSlice::new(&[])])
        .collect();
    file.write_at(7, &parts).expect("there is room");
    file.write_at(3, &[]).expect("nothing is written");
    file.write_at(3, &[IoSlice::new(&[]), IoSlice::new(&[9])])
        .expect("there is room");
    file.sync().expect("the disk is well");
    file.start_write_back(0, 4096).expect("it is a hint");
    assert_eq!(file.len().expect("it can be asked"), 7 + 20_000);
    let again = disk.open("file").expect("it opens").expect("it is there");
    let mut read = vec![0; 20_000];
    crate::read_exact_at(&*again, 7, &mut read).expect("it is long enough");
    assert_eq!(read, bytes);
    let mut start = [1; 7];
    assert_eq!(again.read_at(0, &mut start).expect("it can be read"), 7);
    assert_eq!(start, [0, 0, 0, 9, 0, 0, 0]);
    assert_eq!(
        again.read_at(20_007, &mut start).expect("it can be asked"),
        0
    );
    let error = crate::read_exact_at(&*again, 20_000, &mut [0; 8]).expect_err("it is too short");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

/// Writes a file in blocks and reads it again.
fn write_in_blocks(disk: &RealDisk, path: &str, bytes: &[u8], block: &mut Block) {
    let file = disk.create_direct(path).expect("it can be made");
    for (number, piece) in bytes.chunks(8 * BLOCK_ALIGN).enumerate() {
        let (first, second) = piece.split_at(piece.len() / 3);
        block.fill([first, second]);
        assert_eq!(&**block, piece);
        let offset = (number * 8 * BLOCK_ALIGN) as u64;
        file.write_block(offset, block).expect("there is room");
    }
    file.sync().expect("the disk is well");
    for file in [
        file,
        disk.open(path).expect("it opens").expect("it is there"),
    ] {
        assert_eq!(
            file.len().expect("it can be asked"),
            bytes.len() as u64,
            "{path}"
        );
        let mut read = vec![0; bytes.len()];
        crate::read_exact_at(&*file, 0, &mut read).expect("it is long enough");
        assert!(read == bytes, "{path}");
    }
}

#[test]
fn blocks_are_written_whatever_their_length() {
    let (_folder, disk) = disk();
    let mut block = Block::new(8 * BLOCK_ALIGN);
    for len in [
        0, 1, 511, 512, 4_095, 4_096, 4_097, 32_768, 32_769, 36_863, 36_864, 100_000,
    ] {
        let bytes: Vec<u8> = (0..len).map(|place: u32| (place % 251) as u8).collect();
        write_in_blocks(&disk, &format!("file-{len}"), &bytes, &mut block);
    }
    let file = disk.create_direct("misplaced").expect("it can be made");
    for offset in [1, 512, 4_095] {
        let error = file
            .write_block(offset, &block)
            .expect_err("it is misplaced");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let error = disk.create_direct("misplaced").expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn what_cannot_be_written_past_the_cache_is_written_through_it() {
    let (_folder, disk) = disk();
    let bytes: Vec<u8> = (0..100_000_u32).map(|place| (place % 251) as u8).collect();
    // Refused by every device; what refuses O_DIRECT as such is a file system in memory, on older kernels.
    let mut block = Block::misaligned(8 * BLOCK_ALIGN);
    write_in_blocks(&disk, "refused", &bytes, &mut block);
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        let folder = tempfile::tempdir_in(memory).expect("there is a temporary folder");
        let disk = RealDisk::open(&folder.path().join("data")).expect("it can be made");
        let mut block = Block::new(8 * BLOCK_ALIGN);
        write_in_blocks(&disk, "in-memory", &bytes, &mut block);
    }
}

#[test]
fn allocated_space_is_zero_and_never_shrinks_a_file() {
    let (_folder, disk) = disk();
    let file = disk.create("file").expect("it can be made");
    file.allocate(8192).expect("there is room");
    assert_eq!(disk.file_len("file").expect("it can be asked"), Some(8192));
    let mut bytes = vec![1; 8192];
    crate::read_exact_at(&*file, 0, &mut bytes).expect("it is long enough");
    assert!(bytes.iter().all(|byte| *byte == 0));
    file.allocate(100).expect("it is long enough");
    assert_eq!(file.len().expect("it can be asked"), 8192);
    file.set_len(10).expect("it can be cut");
    assert_eq!(file.len().expect("it can be asked"), 10);
    let error = file.allocate(1 << 60).expect_err("no disk is so large");
    assert_ne!(error.kind(), ErrorKind::NotFound);
    assert_eq!(file.len().expect("it can be asked"), 10);
}

#[test]
fn names_are_sorted_and_hidden_ones_are_left_out() {
    let (_folder, disk) = disk();
    let lock = disk.lock().expect("it is free");
    for name in ["b", "a", "c"] {
        disk.create(name).expect("it can be made");
    }
    disk.make_folder("d").expect("it can be made");
    disk.rename("b", "a").expect("it is there");
    disk.rename("c", "d/c").expect("it is there");
    disk.sync_folder("").expect("the disk is well");
    disk.sync_folder("d").expect("the disk is well");
    assert_eq!(disk.names("").expect("it can be listed"), ["a", "d"]);
    assert_eq!(disk.names("d").expect("it can be listed"), ["c"]);
    assert_eq!(disk.names("missing").expect("it can be asked"), [""; 0]);
    disk.remove("d/c").expect("it is there");
    assert_eq!(
        disk.remove("d/c").expect_err("it is gone").kind(),
        ErrorKind::NotFound
    );
    assert!(disk.open("d/c").expect("it can be asked").is_none());
    assert!(disk.free_bytes().expect("it can be asked") > 0);
    assert!(disk.lock().is_err(), "one folder has one owner");
    drop(lock);
    drop(disk.lock().expect("it is free again"));
}

#[test]
fn a_removed_file_stays_readable_where_it_is_open() {
    let (_folder, disk) = disk();
    let file = disk.create("file").expect("it can be made");
    file.write_at(0, &[IoSlice::new(b"still here")])
        .expect("there is room");
    disk.remove("file").expect("it is there");
    let mut bytes = [0; 10];
    crate::read_exact_at(&*file, 0, &mut bytes).expect("it is open");
    assert_eq!(&bytes, b"still here");
}

#[test]
fn a_log_works_on_it() {
    use crate::log::{Log, LogConfig, Part, Record};
    let (_folder, disk) = disk();
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let config = LogConfig {
        first_segment_bytes: 4096,
        segment_bytes: 8192,
        ..LogConfig::new("log", "tests")
    };
    let body = |number: u64| bytes::Bytes::from(vec![number as u8; 700]);
    let mut opened =
        Log::open(Arc::clone(&disk), config.clone(), 0, &mut |_, _, _| {}).expect("it opens");
    for number in 1..=40 {
        let record = Record {
            stream: 1,
            kind: 1,
            key: [0; 32],
            body: &[Part::Slice(&body(number))],
        };
        let (at, lsn) = opened.appender.push(record).expect("it is small");
        assert_eq!(lsn, number);
        opened.appender.commit().expect("there is room");
        assert_eq!(opened.log.read(&at).expect("it is there").1, body(number));
    }
    drop(opened);
    let mut replayed = Vec::new();
    Log::open(disk, config, 10, &mut |_, head, bytes| {
        assert_eq!(bytes, body(head.lsn));
        replayed.push(head.lsn);
    })
    .expect("it opens");
    assert_eq!(replayed, (11..=40).collect::<Vec<_>>());
}
