//! How the code map is read.

use super::*;

#[test]
fn crates_and_invariants_are_read_from_the_map_alone() {
    let text = "# A\n### `outside`\n## Code map\n### `base`\ntext\n**Invariant:** one.\n* **Invariant:** two.\n### `db` (kit)\n## Next\n### `later`\n";
    let expected = [
        Described {
            name: "base".into(),
            line: 4,
            invariants: 2,
        },
        Described {
            name: "db".into(),
            line: 8,
            invariants: 0,
        },
    ];
    assert_eq!(read(text), expected);
}
