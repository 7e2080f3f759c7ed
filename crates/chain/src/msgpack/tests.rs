//! The limit of nesting, from both sides.

use serde::de::IgnoredAny;

use super::*;

#[test]
fn nesting_is_limited() {
    for (depth, expect) in [(0, true), (DEPTH_MAX, true), (DEPTH_MAX + 1, false)] {
        for open in [&[0x91_u8][..], &[0x81, 0xc0]] {
            let bytes = [open.repeat(depth), vec![0xc0]].concat();
            assert_eq!(decode::<IgnoredAny>(&bytes).is_some(), expect, "{depth}");
        }
    }
}

#[test]
fn wide_is_not_deep() {
    let bytes = [vec![0xdc, 0xff, 0xff], vec![0x90; 0xffff]].concat();
    assert!(decode::<IgnoredAny>(&bytes).is_some());
}
