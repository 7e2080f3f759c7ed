//! HTML that authors write themselves.

use super::super::links;
use super::super::media::{Exhibit, Medium};
use super::super::raw::{self, Fate, Piece, Tag};
use super::super::{DEPTH_MAX, escape, ids};
use super::inline::open_link;
use super::{What, Writer};

impl Writer<'_> {
    /// Writes a piece of HTML; its frames stay open until a tag or the enclosing block closes them.
    pub(super) fn raw(&mut self, html: &str) {
        for piece in raw::pieces(html) {
            if let Some(name) = &self.dropping {
                if matches!(&piece, Piece::Close(closing) if closing == name) {
                    self.dropping = None;
                }
                continue;
            }
            if self.player.is_some() {
                self.player_piece(&piece);
                continue;
            }
            match piece {
                Piece::Text(text) => self.raw_text(text),
                Piece::Literal(text) => self.text(text),
                Piece::Open(tag) => self.open_raw(&tag),
                Piece::Close(name) => self.close_raw(&name),
            }
        }
    }

    /// HTML text may hold entities, which a browser reads; it holds no tags.
    fn raw_text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.leave_table();
            self.mark_text();
        }
        self.out.push_str(text);
        self.plain.push_str(&escape::decode(text));
    }

    /// Whether only marks within a line may be opened here.
    fn is_in_line(&self) -> bool {
        self.paragraph.is_some() || self.heading.is_some() || self.exhibit.is_some()
    }

    /// Closes the frames of an author's table when something comes that is no part of one.
    pub(super) fn leave_table(&mut self) {
        while self.table_frame().is_some() {
            self.pop();
        }
    }

    /// The frame of a table that is open right here.
    fn table_frame(&self) -> Option<&str> {
        match &self.open.last()?.what {
            What::Raw(name) if raw::is_table_frame(name) => Some(name),
            _ => None,
        }
    }

    fn open_raw(&mut self, tag: &Tag) {
        if !raw::fits_table_frame(&tag.name, self.table_frame()) {
            return;
        }
        if raw::fits_table_frame(&tag.name, None) {
            self.leave_table();
        }
        let in_line = self.is_in_line();
        match raw::fate(&tag.name) {
            Fate::Block if in_line => {}
            Fate::Heading(_) if in_line => {}
            Fate::Inline | Fate::Block => {
                self.mark_text();
                let name = tag.name.clone();
                self.push_raw(tag, &name);
            }
            Fate::Heading(level) if self.has_headings() && self.frames < DEPTH_MAX => {
                let level = self.level(level, self.divs, false);
                self.push_raw(tag, &format!("h{level}"));
            }
            Fate::Void if tag.name == "hr" && in_line => {}
            Fate::Void => self.out.push_str(&format!("<{}>", tag.name)),
            Fate::Link => self.raw_link(tag),
            Fate::Exhibit => self.raw_exhibit(tag),
            Fate::Frame => self.raw_frame(tag),
            Fate::Heading(_) | Fate::Unwrap | Fate::Literal => {}
            Fate::Drop => self.dropping = raw::has_content(&tag.name).then(|| tag.name.clone()),
        }
    }

    /// Opens `<name>`; beyond the depth limit an author's tag is as if it were not there.
    fn push_raw(&mut self, tag: &Tag, name: &str) {
        if self.frames >= DEPTH_MAX {
            return;
        }
        let mut html = format!("<{name}");
        self.raw_attributes(tag, &mut html);
        html.push('>');
        self.push(What::Raw(tag.name.clone()), &html, format!("</{name}>"));
    }

    fn raw_attributes(&mut self, tag: &Tag, html: &mut String) {
        let own: &[&str] = match tag.name.as_str() {
            "ol" => &["start", "reversed", "type"],
            "li" => &["value"],
            "td" | "th" => &["colspan", "rowspan", "scope"],
            "details" => &["open"],
            _ => &[],
        };
        if let Some(id) = tag.value("id").and_then(ids::written) {
            escape::attribute(html, "id", &self.ids.claim(id));
        }
        for key in ["title", "lang", "dir"].iter().chain(own) {
            if let Some(value) = tag.value(key) {
                escape::attribute(html, key, value);
            }
        }
    }

    fn raw_link(&mut self, tag: &Tag) {
        self.mark_text();
        let address = tag.value("href").unwrap_or_default();
        let target = links::target(address).filter(|_| !address.is_empty() && self.links == 0);
        let id = tag
            .value("id")
            .or_else(|| tag.value("name"))
            .and_then(ids::written)
            .map(str::to_owned);
        if self.frames >= DEPTH_MAX || (target.is_none() && id.is_none()) {
            return;
        }
        let mut html = String::new();
        match target {
            Some(target) => open_link(&mut html, address, target),
            None => html.push_str("<span"),
        }
        if let Some(id) = id {
            escape::attribute(&mut html, "id", &self.ids.claim(&id));
        }
        if let Some(title) = tag.value("title") {
            escape::attribute(&mut html, "title", title);
        }
        html.push('>');
        let close = if target.is_some() { "</a>" } else { "</span>" };
        if self.push(What::Raw(tag.name.clone()), &html, close) && target.is_some() {
            self.links += 1;
        }
    }

    fn raw_exhibit(&mut self, tag: &Tag) {
        let take = |key: &str| tag.value(key).map(str::to_owned);
        let medium = match tag.name.as_str() {
            "video" => Medium::Video,
            "audio" => Medium::Sound,
            _ => Medium::Picture,
        };
        let exhibit = Exhibit {
            source: take("src").unwrap_or_default(),
            alt: take("alt")
                .or_else(|| take("aria-label"))
                .unwrap_or_default(),
            title: take("title"),
            width: take("width"),
            height: take("height"),
            poster: take("poster"),
            medium: Some(medium),
        };
        if medium == Medium::Picture {
            self.plain.push_str(&exhibit.alt);
            self.show(&exhibit, None);
        } else {
            self.player = Some(exhibit);
        }
    }

    fn player_piece(&mut self, piece: &Piece<'_>) {
        match piece {
            Piece::Open(tag) if tag.name == "source" => {
                if let Some(player) = self
                    .player
                    .as_mut()
                    .filter(|player| player.source.is_empty())
                {
                    player.source = tag.value("src").unwrap_or_default().to_owned();
                }
            }
            Piece::Close(name) if name == "video" || name == "audio" => self.flush_player(),
            _ => {}
        }
    }

    /// Writes a player whose closing tag has come, or whose block ends without one.
    pub(super) fn flush_player(&mut self) {
        if let Some(exhibit) = self.player.take() {
            self.show(&exhibit, None);
        }
    }

    /// Frames show other people's pages; a link says where they are.
    fn raw_frame(&mut self, tag: &Tag) {
        self.dropping = Some(tag.name.clone());
        let address = tag.value("src").unwrap_or_default();
        let Some(target) =
            links::target(address).filter(|_| !address.is_empty() && self.links == 0)
        else {
            return;
        };
        self.mark_text();
        let in_line = self.is_in_line();
        self.out.push_str(if in_line { "" } else { "<p>" });
        open_link(&mut self.out, address, target);
        self.out.push('>');
        let label = tag
            .value("title")
            .filter(|title| !title.is_empty())
            .unwrap_or(address)
            .to_owned();
        escape::text(&mut self.out, &label);
        self.plain.push_str(&label);
        self.out
            .push_str(if in_line { "</a>" } else { "</a></p>\n" });
    }

    /// Closes the innermost frame of this name within the enclosing block.
    fn close_raw(&mut self, name: &str) {
        let mut inner = self
            .open
            .iter()
            .rev()
            .take_while(|open| matches!(open.what, What::Raw(_)));
        let Some(at) =
            inner.position(|open| matches!(&open.what, What::Raw(opened) if opened == name))
        else {
            return;
        };
        for _ in 0..=at {
            self.pop();
        }
    }
}
