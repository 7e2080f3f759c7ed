//! A lie changes what it is about, and nothing else.

use serde_json::json;

use super::*;

const PATH: &str = "/api/v1/chains/somebody?limit=256&after=9";

fn page() -> Value {
    let record = |number: u64| {
        let text = format!("{number}");
        json!({ "action": text, "signature": "QUJD", "entry": text })
    };
    json!({ "records": (10..14).map(record).collect::<Vec<_>>() })
}

fn forged(lie: &Lie) -> Option<Value> {
    let body = page().to_string();
    let message = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = Answer::read(&mut message.as_bytes(), "GET").expect("it is well-formed");
    let mut answer = answer.expect("it is there");
    let is_forged = lie.forge(PATH, &mut answer).expect("it can be forged");
    is_forged.then(|| answer.json().expect("it is still JSON"))
}

fn actions(page: &Value) -> Vec<&str> {
    let records = page["records"].as_array().expect("it has records");
    records
        .iter()
        .filter_map(|record| record["action"].as_str())
        .collect()
}

#[test]
fn records_are_left_out_and_swapped_by_their_numbers() {
    let left_out = forged(&Lie::LeftOut { seq: 11 }).expect("the page has it");
    assert_eq!(actions(&left_out), ["10", "12", "13"]);
    let swapped = forged(&Lie::Swapped { seq: 12 }).expect("the page has both");
    assert_eq!(actions(&swapped), ["10", "11", "13", "12"]);
    assert_eq!(forged(&Lie::LeftOut { seq: 9 }), None);
    assert_eq!(forged(&Lie::LeftOut { seq: 14 }), None);
}

#[test]
fn one_bit_of_one_signature_is_turned_over() {
    let found = forged(&Lie::Signature { seq: 10 }).expect("the page has it");
    let mut wanted = page();
    wanted["records"][0]["signature"] = json!("RUJD");
    assert_eq!(found, wanted);
}

#[test]
fn an_entry_comes_from_the_next_record() {
    let found = forged(&Lie::Entry { seq: 11 }).expect("the page has both");
    let mut wanted = page();
    wanted["records"][1]["entry"] = json!("12");
    assert_eq!(found, wanted);
}
