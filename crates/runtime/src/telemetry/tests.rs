//! Formats and levels that can and cannot be used.

use super::*;

#[test]
fn formats_have_names() {
    assert_eq!("text".parse(), Ok(Format::Text));
    assert_eq!("json".parse(), Ok(Format::Json));
    let error = "xml".parse::<Format>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"xml\" is no log format: give text or json"
    );
}

#[test]
fn a_level_that_cannot_be_read_is_refused_and_a_second_start_too() {
    let error = init(Format::Text, "doorway=loud").unwrap_err();
    assert!(matches!(error, InitError::Level { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("log level \"doorway=loud\": "),
        "{error}"
    );
    init(Format::Json, "off,runtime=off").unwrap();
    assert!(matches!(init(Format::Text, "info"), Err(InitError::Again)));
}
