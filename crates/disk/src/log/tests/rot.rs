//! Every bit of a segment that rots is found and named, and never served.

use super::*;

/// Makes a log of three segments with several log records each.
fn grown() -> Bench {
    let mut bench = Bench::new(4);
    bench.open().expect("it opens");
    for len in [30, 61, 100, 5, 200, 130, 300, 17, 250, 33, 80] {
        bench.push(len).expect("it is small");
        bench.commit().expect("the disk is well");
    }
    bench
}

fn quarantine() -> LogConfig {
    LogConfig {
        on_corruption: OnCorruption::Quarantine,
        ..small()
    }
}

#[test]
fn every_flipped_byte_is_found_where_it_is() {
    let whole = grown();
    let stats = whole.log().segments();
    assert!(stats.len() >= 3);
    let last = whole.log().committed();
    let mut torn = 0;
    for stat in &stats {
        let name = format!("log/{:08}.seg", stat.number);
        for offset in 0..stat.used_bytes {
            let mask = 1 << (offset % 8);
            let disk = whole.disk.copy(0);
            assert!(disk.flip(&name, offset, mask));
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let opened = Log::open(shared, small(), 0, &mut |_, head, body| {
                assert_eq!(
                    whole.acked[&head.lsn].body, body,
                    "nothing wrong is replayed"
                );
            });
            match opened {
                Err(OpenLogError::Corrupt { corrupt, .. }) => {
                    assert_eq!(corrupt.segment, stat.number);
                    let hit = whole.acked.values().find(|known| {
                        known.at.segment == stat.number
                            && u64::from(known.at.offset) <= offset
                            && offset < known.at.end()
                    });
                    let start = hit.map_or(0, |known| u64::from(known.at.offset));
                    assert_eq!(corrupt.offset, start, "byte {offset} of {name}");
                }
                Ok(opened) if offset < 64 => {
                    let mended = &opened.recovery.mended;
                    assert_eq!(mended.len(), 1);
                    assert_eq!((mended[0].segment, mended[0].offset), (stat.number, 0));
                    assert_eq!(opened.recovery.last, last);
                }
                Ok(opened) => {
                    // Nothing proves that the very last batch was acknowledged.
                    let TailState::Torn {
                        segment, offset, ..
                    } = opened.recovery.tail
                    else {
                        panic!("byte {offset} of {name} is not found");
                    };
                    let at = whole.acked[&last].at;
                    assert_eq!((segment, offset), (at.segment, u64::from(at.offset)));
                    assert_eq!(opened.recovery.last, last - 1);
                    torn += 1;
                }
                Err(error) => panic!("{error}"),
            }
            // With an index that has everything, damage of the last batch is damage, too.
            let shared: Arc<dyn Disk> = Arc::new(disk);
            if let Ok(opened) = Log::open(shared, small(), last, &mut |_, _, _| {}) {
                assert_eq!(opened.recovery.last, last);
                for (lsn, known) in &whole.acked {
                    if let Ok((head, body)) = opened.log.read(&known.at) {
                        assert_eq!((head.lsn, &body[..]), (*lsn, &known.body[..]));
                    }
                }
            }
        }
    }
    assert_eq!(
        torn,
        wire::segment::span(80),
        "one for each byte of the last batch"
    );
}

#[test]
fn reading_a_rotten_log_record_names_it() {
    let bench = grown();
    for known in bench.acked.values() {
        let name = format!("log/{:08}.seg", known.at.segment);
        let start = u64::from(known.at.offset);
        for offset in start..start + 64 + u64::from(known.at.body_len) {
            assert!(bench.disk.flip(&name, offset, 0x80));
            match bench.log().read(&known.at) {
                Err(ReadLogError::Corrupt(corrupt)) => {
                    assert_eq!((corrupt.segment, corrupt.offset), (known.at.segment, start));
                }
                other => panic!("byte {offset}: {other:?}"),
            }
            assert!(bench.disk.flip(&name, offset, 0x80));
        }
    }
    bench.read_all();
}

#[test]
fn quarantine_goes_on_behind_the_damage_and_reports_it_each_time() {
    let whole = grown();
    let last = whole.log().committed();
    for (lsn, known) in &whole.acked {
        if *lsn == last {
            continue;
        }
        let disk = whole.disk.copy(*lsn);
        let name = format!("log/{:08}.seg", known.at.segment);
        assert!(disk.flip(&name, u64::from(known.at.offset) + 64, 1));
        let mut bench = Bench::with(disk, quarantine());
        bench.acked = whole.acked.clone();
        bench.acked.remove(lsn);
        bench.pushed = whole.pushed;
        for round in 0..2 {
            let recovery = bench.open().expect("it goes on");
            assert_eq!(recovery.quarantined.len(), 1, "round {round}");
            let corrupt = &recovery.quarantined[0];
            assert_eq!((corrupt.segment, corrupt.lsn), (known.at.segment, *lsn));
            assert_eq!(corrupt.offset, u64::from(known.at.offset));
            bench.push(100).expect("it is small");
            bench.commit().expect("the disk is well");
        }
        let is_there = |bench: &Bench| {
            bench
                .log()
                .segments()
                .into_iter()
                .find(|stat| stat.number == known.at.segment)
        };
        let stat = is_there(&bench).expect("it is kept");
        assert!(stat.is_quarantined && stat.is_sealed);
        bench
            .appender()
            .recycle(known.at.segment)
            .expect("the owner says so");
        bench
            .acked
            .retain(|_, other| other.at.segment != known.at.segment);
        assert!(is_there(&bench).is_none());
        let recovery = bench.open().expect("nothing is damaged any more");
        assert_eq!(recovery.quarantined, []);
        bench.live();
    }
}

#[test]
fn every_bit_of_the_head_of_a_segment_is_mended() {
    let whole = grown();
    for stat in &whole.log().segments() {
        let name = format!("log/{:08}.seg", stat.number);
        let before = whole.disk.dump(&name).expect("it is there");
        for bit in 0..512_u64 {
            for config in [small(), quarantine()] {
                let disk = whole.disk.copy(bit);
                assert!(disk.flip(&name, bit / 8, 1 << (bit % 8)));
                let mut bench = Bench::with(disk, config);
                bench.acked = whole.acked.clone();
                bench.pushed = whole.pushed;
                let recovery = bench.open().expect("it is mended");
                assert_eq!(recovery.quarantined, []);
                assert_eq!(recovery.mended.len(), 1, "bit {bit} of {name}");
                assert_eq!(recovery.mended[0].segment, stat.number);
                bench.read_all();
                // It is mended on the disk, too, whatever happens to the power.
                bench.opened = None;
                bench.disk.power_off();
                bench.disk.power_on();
                let after = bench.disk.dump(&name).expect("it is there");
                assert_eq!(before[..64], after[..64]);
                let recovery = bench.open().expect("it is whole");
                assert_eq!((recovery.mended, recovery.quarantined), (vec![], vec![]));
                bench.push(100).expect("it is small");
                bench.commit().expect("the disk is well");
                bench.read_all();
            }
        }
    }
}

#[test]
fn the_head_of_a_segment_without_log_records_is_mended() {
    // The last segment is named and nothing is in it yet.
    let mut bench = grown();
    let last = bench
        .log()
        .segments()
        .last()
        .expect("there are some")
        .number;
    bench.push(896).expect("it takes a segment of its own");
    let before = bench.disk.operations();
    let mut cut = None;
    for operation in before + 1..before + 20 {
        let disk = bench.disk.copy(operation);
        let mut other = Bench::with(disk, small());
        other.acked = bench.acked.clone();
        other.pushed = bench.pushed;
        other.open().expect("it is whole");
        other.push(896).expect("it takes a segment of its own");
        let at = other.disk.operations() + (operation - before);
        other.disk.fail_at(at, std::io::ErrorKind::StorageFull);
        // Syncs do not fail in this way.
        let is_cut = other.commit().is_err();
        let name = format!("log/{:08}.seg", last + 1);
        if is_cut && other.disk.dump(&name).is_some() {
            cut = Some((other, name));
            break;
        }
    }
    let (mut other, name) = cut.expect("it is named before it is written");
    other.disk.calm();
    assert!(other.disk.flip(&name, 20, 1));
    let recovery = other.open().expect("it is mended");
    assert_eq!(recovery.mended.len(), 1);
    other.push(10).expect("it is small");
    other.commit().expect("the disk is well");
    other.read_all();
}

#[test]
fn two_wrong_bits_in_the_head_of_a_segment_take_the_segment_and_no_other() {
    let whole = grown();
    let stats = whole.log().segments();
    for stat in &stats {
        for offset in 0..64 {
            let disk = whole.disk.copy(offset);
            let name = format!("log/{:08}.seg", stat.number);
            assert!(disk.flip(&name, offset, 4));
            assert!(disk.flip(&name, (offset + 17) % 64, 32));
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let error =
                Log::open(shared, small(), 0, &mut |_, _, _| {}).expect_err("it is damaged");
            let OpenLogError::Corrupt { corrupt, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!((corrupt.segment, corrupt.offset), (stat.number, 0));
            let mut bench = Bench::with(disk, quarantine());
            bench.acked = whole.acked.clone();
            bench
                .acked
                .retain(|_, known| known.at.segment != stat.number);
            bench.pushed = whole.pushed;
            let recovery = bench.open().expect("it goes on");
            assert_eq!(recovery.quarantined.len(), 1);
            bench.push(100).expect("it is small");
            bench.commit().expect("the disk is well");
            bench.read_all();
            let recovery = bench.open().expect("it goes on");
            assert_eq!(recovery.quarantined.len(), 1);
            bench
                .appender()
                .recycle(stat.number)
                .expect("the owner says so");
            let recovery = bench.open().expect("nothing is damaged any more");
            assert_eq!(recovery.quarantined, []);
            bench.live();
        }
    }
}

#[test]
fn a_body_that_looks_like_log_records_is_never_taken_for_one() {
    // A stranger knows the format, the number and the generation of the segment, and the next numbers.
    let mut bench = Bench::new(8);
    bench.open().expect("it opens");
    bench.push(40).expect("it is small");
    bench.commit().expect("the disk is well");
    let id = wire::segment::SegmentId {
        number: 1,
        generation: 1,
        salt: 0,
    };
    let mut forged = Vec::new();
    for lsn in 2..5 {
        let head = RecordHead {
            kind: 9,
            flags: 0,
            stream: 1,
            body_len: 0,
            since_sync: 1,
            lsn,
            body_crc: 0,
            key: [9; 32],
        };
        forged.extend_from_slice(&head.encode(&id));
    }
    bench
        .appender()
        .push(Record {
            stream: 1,
            kind: 1,
            key: [1; 32],
            body: &[Part::Slice(&forged)],
        })
        .expect("it is small");
    bench.appender().commit().expect("the disk is well");
    let at = 64 + 64 + 40;
    for config in [small(), quarantine()] {
        let disk = bench.disk.copy(1);
        assert!(disk.flip("log/00000001.seg", at, 1));
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let mut kinds = Vec::new();
        let opened = Log::open(disk, config, 0, &mut |_, head, _| kinds.push(head.kind));
        let recovery = opened.expect("it was the last batch").recovery;
        assert!(matches!(recovery.tail, TailState::Torn { .. }));
        assert_eq!(kinds, [1]);
    }
}
