//! The pages about error codes, embedded from `docs/errors`.

use base::Code;
use include_dir::{Dir, include_dir};

static PAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");

/// Returns the Markdown of the page about a code.
#[must_use]
pub fn page(code: Code) -> Option<&'static str> {
    PAGES.get_file(format!("{code}.md"))?.contents_utf8()
}
