//! Texts as the server takes them.

use std::borrow::Cow;

/// Returns a text without the character NUL, which the server cannot hold; another one stands in its place.
///
/// What is stored and what is asked for go through this alike. Signed records are bytes and stay as they are.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}
