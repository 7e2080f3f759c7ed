//! Prints the OpenAPI document that is committed as `docs/openapi.json`.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

fn main() {
    let document = api::openapi::document(env!("CARGO_PKG_VERSION"));
    let text = serde_json::to_string_pretty(&document).expect("a document is JSON");
    println!("{text}");
}
