//! Tests of addresses, titles and natural order.

use chain::kind::is_slug;
use proptest::prelude::*;

use super::*;

#[test]
fn names_become_addresses() {
    let cases = [
        ("01-basics", "01-basics"),
        ("Baking bread together", "baking-bread-together"),
        ("Häuser & Gärten", "haeuser-gaerten"),
        ("Café crème", "cafe-creme"),
        ("Straße", "strasse"),
        ("  --x--  ", "x"),
        ("a.b_c", "a.b_c"),
        ("a -._ b", "a-b"),
        ("L’été", "lete"),
        ("Łódź", "lodz"),
        ("u\u{308}ber", "uber"),
    ];
    for (name, expect) in cases {
        assert_eq!(of(name), expect, "{name}");
    }
    assert!(of("Привет").starts_with("page-"));
    assert_eq!(of("Привет"), of("Привет"));
    assert_ne!(of("Привет"), of("Пока"));
}

#[test]
fn file_names_become_titles() {
    let cases = [
        ("01-first_loaf", "First loaf"),
        ("2024", "2024"),
        ("über-uns", "Über uns"),
        ("setup", "Setup"),
        ("-", "-"),
    ];
    for (stem, expect) in cases {
        assert_eq!(title_of(stem), expect, "{stem}");
    }
}

#[test]
fn numbers_in_names_count_by_value() {
    let mut names = [
        "10-z.md", "9-a.md", "1-b.md", "01-a.md", "B.md", "a.md", "a10.md", "a9.md",
    ];
    names.sort_by(|left, right| natural_order(left, right));
    assert_eq!(
        names,
        [
            "01-a.md", "1-b.md", "9-a.md", "10-z.md", "a.md", "a9.md", "a10.md", "B.md"
        ]
    );
}

proptest! {
    #[test]
    fn every_name_gets_a_valid_address(name in ".{0,200}") {
        prop_assert!(is_slug(&of(&name)), "{:?} from {:?}", of(&name), name);
        prop_assert!(!title_of(&name).is_empty() || name.is_empty());
    }

    #[test]
    fn natural_order_is_an_order(mut names in prop::collection::vec("[0-2aAä-]{0,4}", 0..8)) {
        names.sort_by(|left, right| natural_order(left, right));
        for pair in names.windows(2) {
            prop_assert_ne!(natural_order(&pair[0], &pair[1]), Ordering::Greater);
            prop_assert_eq!(natural_order(&pair[1], &pair[0]), natural_order(&pair[0], &pair[1]).reverse());
        }
    }
}
