//! How the glossary is read and applied.

use super::*;

const TABLE: &str = "\
| Word | Means | Never | Where |
|---|---|---|---|
| person | a human | `User`, `=Account` | `*`, `!settlement*`, routes |
| cell | one agent in one DNA | | |
| node | a machine | `NodePeer` | `hub*` |

| other | table |
|---|---|
| `Data` | x |
";

fn faults(folder: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    check_types(
        &read(TABLE),
        folder,
        &Source::new("x.rs", text),
        &mut faults,
    );
    faults.into_iter().map(|fault| fault.to_string()).collect()
}

#[test]
fn rows_without_a_ban_and_other_tables_are_skipped() {
    let rules = read(TABLE);
    let words: Vec<_> = rules
        .iter()
        .map(|rule| (rule.word.as_str(), rule.line))
        .collect();
    assert_eq!(words, [("person", 3), ("node", 5)]);
    assert_eq!(rules[0].never, ["User", "=Account"]);
}

#[test]
fn a_banned_word_is_found_inside_a_name() {
    let found = faults("doorway", "pub struct HostedUser;");
    assert_eq!(
        found,
        [
            "x.rs:1: the type `HostedUser` uses `User`\n    the glossary's word is \"person\" (GLOSSARY.md:3)"
        ]
    );
    assert_eq!(
        faults("doorway", "pub struct Userland;"),
        Vec::<String>::new()
    );
    assert_eq!(faults("doorway", "pub struct Account;").len(), 1);
    assert_eq!(faults("doorway", "pub struct AccountBook;").len(), 0);
    assert_eq!(
        faults("doorway", "pub(crate) struct User; struct User2;").len(),
        0
    );
}

#[test]
fn a_rule_holds_only_where_it_says() {
    assert_eq!(faults("settlement-core", "pub struct User;").len(), 0);
    assert_eq!(faults("hub-core", "pub struct NodePeer;").len(), 1);
    assert_eq!(faults("net", "pub struct NodePeer;").len(), 0);
}

#[test]
fn routes_are_matched_by_whole_segments() {
    let document =
        r#"{"paths": {"/admin/hosted-users": {}, "/users/{id}": {}, "/api/{user}": {}}}"#;
    let mut faults = Vec::new();
    check_routes(&read(TABLE), document, &mut faults).expect("the document is JSON");
    let seen: Vec<_> = faults.iter().map(|fault| fault.wrong.as_str()).collect();
    assert_eq!(seen, ["the route /users/{id} uses `users`"]);
}

#[test]
fn names_fall_into_words() {
    assert_eq!(camel("HTTPServer2"), ["HTTP", "Server2"]);
    assert_eq!(camel("AgentPubKey"), ["Agent", "Pub", "Key"]);
    assert_eq!(kebab("HostedUser"), "hosted-user");
}
