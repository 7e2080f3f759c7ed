//! A course that is made up: pages of exactly 4 KiB in sections.

use std::path::Path;

use anyhow::Context as _;

/// Pages of the course.
pub(crate) const PAGES: u32 = 2_000;

/// Length of a page, in bytes.
pub(crate) const PAGE_BYTES: usize = 4_096;

/// Pages of one section.
const SECTION: u32 = 50;

const WORDS: &[&str] = &[
    "oven",
    "flour",
    "water",
    "salt",
    "morning",
    "neighbour",
    "street",
    "garden",
    "bridge",
    "river",
    "letter",
    "school",
    "window",
    "winter",
    "summer",
    "harvest",
    "bread",
    "butter",
    "table",
    "evening",
    "music",
    "stone",
    "paper",
    "ink",
    "wood",
    "forest",
    "meadow",
    "market",
    "basket",
    "candle",
    "lantern",
    "village",
    "tower",
    "bell",
    "ladder",
    "rope",
    "boat",
    "harbour",
    "island",
    "cloud",
    "thunder",
    "rain",
    "shadow",
    "mirror",
    "thread",
    "needle",
    "wheel",
    "wagon",
];

/// Returns the text of a page: a heading, paragraphs, a list, code, and filling up to the length.
pub(crate) fn text(page: u32) -> String {
    let mut draw = Draw(u64::from(page) + 1);
    let mut text = format!("# Page {page} of the {} {}\n\n", draw.word(), draw.word());
    while text.len() < PAGE_BYTES - 200 {
        let start = text.len();
        match draw.next() % 6 {
            0 => text.push_str(&format!(
                "## The {} and the {}\n\n",
                draw.word(),
                draw.word()
            )),
            1 => {
                for _ in 0..3 {
                    text.push_str(&format!("- {} with *{}*\n", draw.word(), draw.word()));
                }
                text.push('\n');
            }
            2 => text.push_str(&format!(
                "```\n{} = {}\n```\n\n",
                draw.word(),
                draw.next() % 1_000
            )),
            _ => {
                while text.len() - start < 300 && text.len() < PAGE_BYTES - 200 {
                    text.push_str(draw.word());
                    text.push(' ');
                }
                text.push_str("\n\n");
            }
        }
    }
    while text.len() < PAGE_BYTES - 1 {
        text.push('z');
    }
    text.push('\n');
    text
}

/// Writes the course as a folder; returns it.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut config =
        "title: A course to measure with\nslug: measured\nlicence: CC0-1.0\norder:\n".to_owned();
    for page in 0..PAGES {
        if page % SECTION == 0 {
            config.push_str(&format!(
                "  - title: Section {}\n    pages:\n",
                page / SECTION
            ));
        }
        config.push_str(&format!("      - page-{page:04}.md\n"));
        let file = folder.join(format!("page-{page:04}.md"));
        std::fs::write(&file, text(page)).with_context(|| format!("write {}", file.display()))?;
    }
    std::fs::write(folder.join("config.yaml"), config).context("write config.yaml")
}

/// Draws from a fixed sequence (Knuth, The Art of Computer Programming 2, § 3.3.4), so that all runs have the same pages.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn word(&mut self) -> &'static str {
        let index = self.next() % WORDS.len() as u64;
        WORDS[usize::try_from(index).expect("there are few words")]
    }
}

#[cfg(test)]
mod tests {
    //! Every page has its length, and no two are the same.

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pages_are_4_kib_and_differ() {
        let pages: BTreeSet<String> = (0..PAGES).map(text).collect();
        assert_eq!(pages.len(), PAGES as usize);
        assert!(pages.iter().all(|page| page.len() == PAGE_BYTES));
    }
}
