//! What an interrupted command says.

use super::*;

#[test]
fn a_command_can_be_typed_again_as_it_was() {
    for (word, expect) in [
        ("photos/2026", "photos/2026"),
        ("--tag=a@b", "--tag=a@b"),
        ("my photos", "'my photos'"),
        ("it's", r"'it'\''s'"),
        ("", "''"),
        ("$HOME", "'$HOME'"),
    ] {
        assert_eq!(quoted(word), expect);
    }
}

#[test]
fn what_was_done_is_said_with_how_to_go_on() {
    let counted = Counted {
        blobs: 1,
        bytes: 3 * 1024 * 1024,
        ..Counted::default()
    };
    let said = |moving| lines(moving, counted, "commonhold blob x").join("\n");
    insta::assert_snapshot!(said(Moving::There), @r"
    Interrupted. This time 3.00 MiB were accepted, 1 whole blob among them; they are not sent again.
    Go on with: commonhold blob x
    ");
    insta::assert_snapshot!(said(Moving::Here), @r"
    Interrupted. This time 3.00 MiB came, 1 whole blob among them; they are not fetched again.
    Go on with: commonhold blob x
    ");
    let nothing = lines(Moving::Here, Counted::default(), "commonhold blob x").join("\n");
    insta::assert_snapshot!(nothing, @r"
    Interrupted. Nothing had come that could be kept.
    Begin again with: commonhold blob x
    ");
    insta::assert_snapshot!(said(Moving::Stream), @"Interrupted. Nothing was kept: what comes on standard input cannot be sent again.");
}
