//! The backend against a vector of bytes, and every flipped byte.

use disk::{Disk as _, FaultyDisk};
use proptest::prelude::*;

use super::*;

fn made(disk: &FaultyDisk) -> Backend {
    let file = match disk.open("index").unwrap() {
        Some(file) => file,
        None => disk.create("index").unwrap(),
    };
    Backend::new(file, Arc::default())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn behaves_like_bytes(
        steps in prop::collection::vec((0..3_u8, 0..1_100_u64, 0..9_000_usize, any::<u8>()), 1..12),
    ) {
        let disk = FaultyDisk::new(1);
        let mut backend = made(&disk);
        let mut model = vec![0; 1_030 * 4_096];
        backend.set_len(model.len() as u64).unwrap();
        for (kind, page, len, byte) in steps {
            let offset = usize::try_from(page).unwrap() * 4_000;
            match kind {
                0 => {
                    let end = (offset + len).min(model.len());
                    if offset < end {
                        model[offset..end].fill(byte);
                        backend.write(offset as u64, &model[offset..end]).unwrap();
                    }
                }
                1 => {
                    let pages = usize::try_from(page).unwrap() + 1;
                    model.resize(pages * 4_096, 0);
                    backend.set_len(model.len() as u64).unwrap();
                }
                _ => {
                    backend.sync_data().unwrap();
                    backend = made(&disk);
                }
            }
            prop_assert_eq!(backend.len().unwrap(), model.len() as u64);
            let mut read = vec![0; model.len()];
            backend.read(0, &mut read).unwrap();
            prop_assert!(read == model);
        }
    }
}

#[test]
fn a_flipped_bit_of_any_page_but_the_first_is_an_error() {
    let disk = FaultyDisk::new(1);
    let backend = made(&disk);
    backend.set_len(5 * 4_096).unwrap();
    for page in 0..4_u8 {
        backend
            .write(u64::from(page) * 4_096, &[page + 1; 4_096])
            .unwrap();
    }
    backend.sync_data().unwrap();
    let len = disk.dump("index").unwrap().len() as u64;
    for place in (0..len).step_by(97) {
        let disk = disk.copy(1);
        assert!(disk.flip("index", place, 2));
        let backend = made(&disk);
        let mut read = vec![0; 5 * 4_096];
        let first = 4_096..2 * 4_096;
        let is_used = place >= 4_096 || (4..5 * 4).contains(&place);
        let read = backend.read(0, &mut read);
        assert_eq!(read.is_err(), is_used && !first.contains(&place), "{place}");
        assert_eq!(backend.is_damaged.load(Ordering::SeqCst), read.is_err());
    }
}
