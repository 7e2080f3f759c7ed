//! What the scanner takes for code.

use super::*;

fn check(text: &str, code: &str) {
    assert_eq!(Source::new("x.rs", text).code, code);
}

#[test]
fn comments_and_literals_are_blanked() {
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ d */ e", "a                   e");
    check(
        r#"f("todo!()", 'x', '\n', b"y")"#,
        "f(         ,    ,     ,     )",
    );
    check(r###"r#"a " b"# + 1"###, "           + 1");
}

#[test]
fn lifetimes_labels_and_raw_identifiers_stay() {
    check(
        "fn f<'a>(x: &'a str) { 'outer: loop {} }",
        "fn f<'a>(x: &'a str) { 'outer: loop {} }",
    );
    check("r#type", "r#type");
    check("bar(\"x\")", "bar(   )");
}

#[test]
fn text_outside_of_ascii_keeps_its_length() {
    let source = Source::new("x.rs", "let x = \"ä…\"; // ö\ny");
    assert_eq!(source.code.len(), source.text.len());
    assert_eq!(source.line_of(source.code.len() - 1), 2);
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "trait T { fn no_body(&self); }\nfn long(\n    a: [u8; 2],\n) -> u8 {\n    let b = \"}\";\n    fn inner() {}\n    0\n}\n";
    let found = Source::new("x.rs", text).functions();
    let seen: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.line, one.lines))
        .collect();
    assert_eq!(seen, [("long", 2, 7), ("inner", 6, 1)]);
}

#[test]
fn only_unrestricted_types_are_public() {
    let text = "pub struct A;\npub(crate) struct B;\nstruct C;\npub enum D {}\n// pub struct E;\npub trait F {}\npub type G = u8;";
    let found = Source::new("x.rs", text).public_types();
    let seen: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.line))
        .collect();
    assert_eq!(seen, [("A", 1), ("D", 4), ("F", 6), ("G", 7)]);
}

#[test]
fn an_inline_test_module_ends_the_product_code() {
    let inline = Source::new("x.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }");
    assert_eq!(inline.product_code(), "fn a() {}\n");
    let sibling = Source::new("x.rs", "#[cfg(test)]\nmod tests;\nfn a() {}");
    assert_eq!(sibling.product_code(), sibling.code);
}
