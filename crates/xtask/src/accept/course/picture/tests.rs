//! Pictures of two by two pixels, packed here.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

fn png(header: [u8; 5], lines: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(lines).expect("memory takes it");
    let packed = packer.finish().expect("memory takes it");
    let mut head = vec![0, 0, 0, 2, 0, 0, 0, 2];
    head.extend_from_slice(&header);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, body) in [(b"IHDR", &head), (b"IDAT", &packed), (b"IEND", &Vec::new())] {
        file.extend_from_slice(
            &u32::try_from(body.len())
                .expect("it is short")
                .to_be_bytes(),
        );
        file.extend_from_slice(kind);
        file.extend_from_slice(body);
        file.extend_from_slice(&[0; 4]);
    }
    file
}

#[test]
fn every_filter_is_undone() {
    let first = [0, 10, 20, 30, 40, 50, 60];
    let second = [
        [1, 1, 2, 3, 1, 1, 1],
        [2, 1, 2, 3, 1, 1, 1],
        [3, 1, 2, 3, 1, 1, 1],
        [4, 1, 2, 3, 1, 1, 1],
    ];
    let expect: [[u8; 6]; 4] = [
        [1, 2, 3, 2, 3, 4],
        [11, 22, 33, 41, 51, 61],
        [6, 12, 18, 24, 32, 40],
        [11, 22, 33, 41, 51, 61],
    ];
    for (second, expect) in second.iter().zip(expect) {
        let file = png([8, 2, 0, 0, 0], &[first.as_slice(), second].concat());
        let picture = Picture::decode(&file).expect("it is a PNG");
        assert_eq!((picture.width, picture.height), (2, 2));
        assert_eq!(picture.pixels[..6], [10, 20, 30, 40, 50, 60]);
        assert_eq!(picture.pixels[6..], expect, "filter {}", second[0]);
    }
}

#[test]
fn colours_are_counted_and_weighed() {
    let lines = [
        0, 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255,
    ];
    let picture = Picture::decode(&png([8, 6, 0, 0, 0], &lines)).expect("it is a PNG");
    assert_eq!((picture.colours(), picture.brightness()), (2, 127));
}

#[test]
fn what_cannot_be_read_is_told() {
    Picture::decode(b"GIF89a").expect_err("it is no PNG");
    Picture::decode(&png([16, 2, 0, 0, 0], &[0; 14])).expect_err("sixteen bits are not read");
    Picture::decode(&png([8, 2, 0, 0, 0], &[0; 13])).expect_err("a byte is missing");
}
