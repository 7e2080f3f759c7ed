//! Which coding a reader gets, header by header; and that what is packed can be unpacked.

use std::io::Read as _;

use axum::http::{HeaderMap, HeaderValue};

use super::{ACCEPT_ENCODING, Coding, choose};

fn chosen(header: &str, offers: &[Coding]) -> &'static str {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(header).unwrap());
    choose(&headers, offers.iter().copied()).map_or("identity", |index| offers[index].name())
}

#[test]
fn reader_gets_what_it_likes_best() {
    let table = [
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP;Q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate, zstd", "zstd"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br ; q=0.999, zstd; q=1.000", "zstd"),
        ("br;q=0, *", "zstd"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("identity", "identity"),
        ("identity;q=0.5, gzip;q=0.4", "identity"),
        ("identity;q=0.5, gzip", "gzip"),
        ("identity, gzip", "gzip"),
        ("identity;q=0", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip;q=1.001", "identity"),
        ("gzip;q=0.0001", "identity"),
        ("gzip;q=x", "identity"),
        ("deflate, compress", "identity"),
        ("gzip;q=0.001", "gzip"),
    ];
    for (header, expect) in table {
        assert_eq!(chosen(header, &Coding::ALL), expect, "{header:?}");
    }
    assert_eq!(chosen("br, gzip", &[Coding::Gzip]), "gzip");
    assert_eq!(chosen("br", &[]), "identity");
    assert_eq!(choose(&HeaderMap::new(), Coding::ALL.into_iter()), None);
}

/// Unpacks a body again.
fn unpacked(coding: Coding, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        Coding::Gzip => flate2::read::GzDecoder::new(body)
            .read_to_end(&mut out)
            .unwrap(),
        Coding::Brotli => brotli::Decompressor::new(body, 4_096)
            .read_to_end(&mut out)
            .unwrap(),
        Coding::Zstd => zstd::Decoder::new(body)
            .unwrap()
            .read_to_end(&mut out)
            .unwrap(),
    };
    out
}

#[test]
fn what_is_packed_can_be_unpacked_and_what_is_not_worth_it_is_not() {
    let text = "Knead the dough for ten minutes. ".repeat(100).into_bytes();
    // A sequence that no packer knows.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(4_096)
    .collect();
    for coding in Coding::ALL {
        let packed = coding.pack(&text).expect("it repeats itself");
        assert!(packed.len() < text.len() / 10);
        assert_eq!(unpacked(coding, &packed), text);
        assert_eq!(coding.pack(&text[..511]), None, "too small");
        assert!(coding.pack(&text[..512]).is_some());
        assert_eq!(coding.pack(&noise), None, "nothing is gained");
    }
}
