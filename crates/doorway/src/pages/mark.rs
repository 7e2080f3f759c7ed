//! The sign: one rounded doorway with two roof lines meeting above it.

use maud::{Markup, html};

/// The sign as one SVG path in a field of 32 by 32, drawn with a stroke of 3.
pub const PATH: &str = "M2.5 14.5 16 3.5l13.5 11M8.5 29V19.5a7.5 7.5 0 0 1 15 0V29";

/// Writes the sign for the header; it only repeats the name beside it.
pub(super) fn sign() -> Markup {
    html! {
        svg.sign viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false" {
            path d=(PATH) {}
        }
    }
}
