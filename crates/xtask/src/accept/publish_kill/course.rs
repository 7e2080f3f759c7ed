//! A course that is made up: pages in sections, each with a drawing of its own and a link to the next.

use std::path::Path;

use anyhow::Context as _;

/// Pages in one section.
const SECTION: u32 = 20;

/// Writes the course into a new folder.
pub(super) fn write(folder: &Path, pages: u32) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder.join("images"))
        .with_context(|| format!("make {}", folder.display()))?;
    let mut config =
        "title: A made-up course\nslug: made-up\nlicence: CC0-1.0\norder:\n".to_owned();
    for page in 0..pages {
        if page % SECTION == 0 {
            let section = page / SECTION;
            config.push_str(&format!("  - title: Section {section}\n    pages:\n"));
        }
        config.push_str(&format!("      - page-{page:04}.md\n"));
        let file = folder.join(format!("page-{page:04}.md"));
        std::fs::write(&file, text(page, pages))
            .with_context(|| format!("write {}", file.display()))?;
        let file = folder.join(format!("images/drawing-{page:04}.svg"));
        std::fs::write(&file, drawing(page))
            .with_context(|| format!("write {}", file.display()))?;
    }
    std::fs::write(folder.join("config.yaml"), config).context("write config.yaml")
}

fn text(page: u32, pages: u32) -> String {
    let next = (page + 1) % pages;
    let mut text = format!(
        "# Page {page}\n\nA commonplace page with a drawing and a way on.\n\n\
         ![Drawing {page}](images/drawing-{page:04}.svg)\n\n[The next one](page-{next:04}.md)\n\n",
    );
    for line in 0..(page % 40) {
        text.push_str(&format!("Line {line} of page {page} says nothing new.\n"));
    }
    text
}

/// Draws some circles; no two drawings are the same.
fn drawing(page: u32) -> String {
    let mut drawing =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"100\" viewBox=\"0 0 200 100\">\n".to_owned();
    for circle in 0..(10 + page * 7 % 90) {
        let (x, y) = (
            (page * 13 + circle * 29) % 200,
            (page * 5 + circle * 17) % 100,
        );
        drawing.push_str(&format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\"/>\n",
            1 + circle % 9
        ));
    }
    drawing.push_str(&format!("<text x=\"4\" y=\"96\">{page}</text>\n</svg>\n"));
    drawing
}
