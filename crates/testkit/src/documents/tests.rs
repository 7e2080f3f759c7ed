//! How commands are read.

use super::*;

fn check(text: &str) -> Vec<(usize, String)> {
    extract(text)
        .expect("all blocks are closed")
        .into_iter()
        .map(|command| (command.line, command.text))
        .collect()
}

#[test]
fn only_blocks_marked_sh_hold_commands() {
    let text = "a\n```sh\ncargo xtask up\n\n# a comment\n$ commonhold publish DIR \\\n    --to URL\n```\n```text\nnot this\n```\n";
    let expected = [
        (3, "cargo xtask up".to_owned()),
        (6, "commonhold publish DIR --to URL".to_owned()),
    ];
    assert_eq!(check(text), expected);
}

#[test]
fn an_open_block_is_a_fault() {
    assert!(
        extract("```sh\nx\n")
            .expect_err("it is open")
            .to_string()
            .contains("line 1")
    );
}
