//! How seeds are read.

use super::*;

#[test]
fn seeds_are_decimal_or_hexadecimal() {
    assert_eq!(parse("17").expect("decimal"), 17);
    assert_eq!(parse("0xff").expect("hexadecimal"), 255);
    assert!(
        parse("ff")
            .expect_err("no prefix")
            .to_string()
            .starts_with("\"ff\" is no seed")
    );
}
