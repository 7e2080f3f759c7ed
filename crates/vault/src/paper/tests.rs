//! Codes on paper: read as they are written by hand, and slips are seen.

use super::*;

#[test]
fn a_code_is_read_however_it_was_copied() {
    let code: [u8; CODE_BYTES] = std::array::from_fn(|place| place as u8 * 13);
    let text = write(&code);
    assert_eq!(text.len(), 42 + 6);
    for copied in [
        text.to_string(),
        text.to_uppercase(),
        text.replace('-', ""),
        text.replace('-', "  \n"),
    ] {
        assert_eq!(read::<CODE_BYTES>(&copied).as_deref(), Some(&code));
    }
    assert_eq!(read::<32>(&text), None);
    assert_eq!(read::<CODE_BYTES>(&format!("{}0", *text)), None);
    assert_eq!(read::<CODE_BYTES>(&text[..47]), None);
    assert_eq!(read::<CODE_BYTES>(""), None);
    assert_eq!(read::<CODE_BYTES>(&text.replace('d', "x")), None);
}

#[test]
fn nearly_every_slip_is_seen() {
    let code = [0x5a; CODE_BYTES];
    let text = write(&code);
    let mut missed = 0;
    for (place, letter) in text.char_indices().filter(|(_, letter)| *letter != '-') {
        let other = if letter == '0' { "1" } else { "0" };
        let mut slip = text.to_string();
        slip.replace_range(place..=place, other);
        missed += usize::from(read::<CODE_BYTES>(&slip).is_some());
    }
    assert!(missed <= 1, "{missed} of 42");
    assert_ne!(slot_key(&code), slot_key(&[0x5b; CODE_BYTES]));
}
