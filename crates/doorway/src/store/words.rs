//! The words of a Markdown text, for searching. Quick: nothing is rendered or highlighted.

use pulldown_cmark::{Event, Options, Parser, TagEnd};

/// Most bytes of words that are kept of one text.
const WORDS_BYTES_MAX: usize = 512 * 1_024;

/// Returns the words a reader would see, in order, without marks, addresses and HTML.
pub(crate) fn words(markdown: &str) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
    let mut words = String::with_capacity(markdown.len().min(WORDS_BYTES_MAX));
    let mut is_behind_link = false;
    for event in Parser::new_ext(markdown, options) {
        let was_behind_link = std::mem::replace(
            &mut is_behind_link,
            matches!(&event, Event::End(TagEnd::Image | TagEnd::Link)),
        );
        match event {
            Event::Text(text) | Event::Code(text) => {
                let text = if was_behind_link {
                    without_attributes(&text)
                } else {
                    &text
                };
                let is_fence = text.trim_start().starts_with(":::");
                if !is_fence && words.len() + text.len() < WORDS_BYTES_MAX {
                    words.push_str(text);
                }
            }
            Event::SoftBreak | Event::HardBreak | Event::Rule => words.push(' '),
            Event::End(
                TagEnd::Emphasis
                | TagEnd::Strong
                | TagEnd::Strikethrough
                | TagEnd::Link
                | TagEnd::Image,
            ) => {}
            Event::End(_) => words.push('\n'),
            _ => {}
        }
    }
    words
}

/// Takes off a block such as `{alt='A loaf' .wide}` that stands right behind an image or a link.
fn without_attributes(text: &str) -> &str {
    text.strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn attributes_of_images_are_no_words() {
        let found = words("![a loaf](loaf.png){alt='A round loaf' .wide} and {braces} stay.\n");
        assert!(found.contains("a loaf and {braces} stay."), "{found:?}");
    }

    #[test]
    fn keeps_what_is_read_and_drops_what_marks_it() {
        let text = "# Title\n\n::: challenge\n\nSome **bold** [link](https://example.org/hidden) `code`.\n\n:::\n\n<script>alert(1)</script>\n\n| a | b |\n|---|---|\n| c | d |\n";
        let found = words(text);
        for word in ["Title", "Some bold link code.", "a", "d"] {
            assert!(found.contains(word), "{word:?} in {found:?}");
        }
        for word in ["challenge", "hidden", "script", "**", ":::"] {
            assert!(!found.contains(word), "{word:?} in {found:?}");
        }
    }
}
