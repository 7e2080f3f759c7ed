//! The ways to read give the same bytes.

use super::*;

const TEXT: &[u8] = b"0123456789";

/// Gives two bytes at a time, and none behind the eighth.
struct Short;

impl ReadAt for Short {
    fn len(&self) -> u64 {
        10
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(2);
        Ok(copy(&TEXT[..8], offset, &mut buffer[..count]))
    }
}

#[tokio::test]
async fn every_way_gives_the_same_bytes() {
    let files = Blocking::new(1);
    let (shared, owned) = (Bytes::from_static(TEXT), TEXT.to_vec());
    for first in 0..12_u64 {
        for count in 0..12_usize {
            let from = usize::try_from(first).unwrap().min(10);
            let expect = &TEXT[from..(from + count).min(10)];
            let cached = shared.cached(first, count);
            assert_eq!(
                cached.as_deref(),
                Some(expect).filter(|bytes| !bytes.is_empty())
            );
            assert_eq!(owned.cached(first, count), None);
            let sources: [Arc<dyn ReadAt>; 2] = [Arc::new(shared.clone()), Arc::new(owned.clone())];
            for source in sources {
                let mut buffer = vec![0; count];
                let read = source.read_at(first, &mut buffer).unwrap();
                assert_eq!(&buffer[..read], expect);
                let fetched = source.fetch(first, count, files.clone()).await.unwrap();
                assert_eq!(fetched, expect);
            }
        }
    }
    assert_eq!(shared.cached(u64::MAX, 1), None);
}

#[tokio::test]
async fn short_reads_are_put_together_and_an_early_end_is_seen() {
    let files = Blocking::new(1);
    let source: Arc<dyn ReadAt> = Arc::new(Short);
    let fetched = Arc::clone(&source).fetch(1, 5, files.clone()).await;
    assert_eq!(fetched.unwrap(), "12345");
    let fetched = Arc::clone(&source).fetch(6, 4, files.clone()).await;
    assert_eq!(fetched.unwrap(), "67");
    assert!(source.fetch(8, 2, files).await.unwrap().is_empty());
}
