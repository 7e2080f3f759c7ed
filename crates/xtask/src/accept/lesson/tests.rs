//! A page is taken for what it is, and for nothing else.

use serde_json::json;

use super::*;

fn item(body: &str) -> Value {
    json!({ "content": { "body": body } })
}

fn shown(page: u32, version: u32) -> String {
    body(
        page,
        version,
        &format!("/store/{}", drawing_hash(page, version)),
    )
}

#[test]
fn the_version_of_an_item_is_read_when_every_byte_of_it_is_right() {
    let right = shown(3, 7);
    assert_eq!(
        version_of_item(3, &item(&right)).expect("it is version 7"),
        7
    );
    assert!(version_of_item(2, &item(&right)).is_err());
    assert!(version_of_item(3, &item(&right.replace("nothing", "something"))).is_err());
    let picture_of_another = right.replace(&drawing_hash(3, 7), &drawing_hash(3, 6));
    assert!(version_of_item(3, &item(&picture_of_another)).is_err());
}

#[test]
fn the_version_of_a_page_for_people_is_read_when_its_words_and_its_picture_are_right() {
    let html = |picture: &str| {
        let lines: String = body(3, 7, "")
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('!'))
            .map(|line| format!("<p>{line}</p>\n"))
            .collect();
        format!("<main><article id=\"text\"><img src=\"/store/{picture}\">{lines}</article></main>")
    };
    let right = html(&drawing_hash(3, 7));
    assert_eq!(version_of_html(3, &right).expect("it is version 7"), 7);
    assert!(version_of_html(4, &right).is_err());
    assert!(version_of_html(3, &html(&drawing_hash(3, 8))).is_err());
    assert!(version_of_html(3, &right.replace("The end", "An end")).is_err());
}
