//! Writes code blocks: highlighted by classes, output and errors told apart from input.
//!
//! Invariants: no inline style; a language that is not known is plain text; the work is bounded by
//! [`BLOCK_LEN_MAX`], [`LINE_LEN_MAX`] and [`PAGE_LEN_MAX`], beyond which code stays plain.
//! Does not know colours: the style sheet gives each class one for light and one for dark.

use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::escape;
use crate::pages::strings::CalloutWords;

/// Longest code block that is highlighted, in bytes.
pub(super) const BLOCK_LEN_MAX: usize = 32 * 1024;
/// Longest line that is highlighted, in bytes.
pub(super) const LINE_LEN_MAX: usize = 512;
/// Most code that is highlighted in one page, in bytes.
pub(super) const PAGE_LEN_MAX: usize = 128 * 1024;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// Which class a scope of the syntax definitions gets; the innermost scope that is listed wins.
static CLASSES: LazyLock<Vec<(Scope, Option<&'static str>)>> = LazyLock::new(|| {
    let table: [(&str, Option<&'static str>); 21] = [
        ("comment", Some("hl-c")),
        ("string", Some("hl-s")),
        ("constant.character", Some("hl-n")),
        ("constant.numeric", Some("hl-n")),
        ("constant.language", Some("hl-n")),
        ("keyword.operator", None),
        ("keyword", Some("hl-k")),
        ("storage", Some("hl-k")),
        ("entity.name.function", Some("hl-f")),
        ("support.function", Some("hl-f")),
        ("variable.function", Some("hl-f")),
        ("variable.parameter.option", Some("hl-a")),
        ("entity.name.tag", Some("hl-k")),
        ("entity.other.attribute-name", Some("hl-a")),
        ("entity.name", Some("hl-t")),
        ("support.type", Some("hl-t")),
        ("support.constant", Some("hl-n")),
        ("markup.inserted", Some("hl-i")),
        ("markup.deleted", Some("hl-d")),
        ("meta.diff.range", Some("hl-h")),
        ("meta.diff.header", Some("hl-h")),
    ];
    table
        .iter()
        .filter_map(|(name, class)| Scope::new(name).ok().map(|scope| (scope, *class)))
        .collect()
});

/// What a block's first word makes of it.
enum Role {
    Input,
    Output,
    Error,
}

/// How much code the page may still highlight.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: PAGE_LEN_MAX }
    }

    fn take(&mut self, len: usize) -> bool {
        let fits = len <= BLOCK_LEN_MAX && len <= self.left;
        if fits {
            self.left -= len;
        }
        fits
    }
}

/// Appends one code block; `info` is what stands behind the opening fence.
pub(super) fn write(
    out: &mut String,
    info: &str,
    source: &str,
    budget: &mut Budget,
    words: &CalloutWords,
) {
    let language = language_of(info);
    let role = match language.as_str() {
        "output" => Role::Output,
        "error" => Role::Error,
        _ => Role::Input,
    };
    match role {
        Role::Input => out.push_str("<pre class=\"code\"><code>"),
        Role::Output => open_labelled(out, "output", words.output),
        Role::Error => open_labelled(out, "error", words.error),
    }
    match syntax_of(&language, source) {
        Some(syntax) if budget.take(source.len()) => highlight(out, syntax, &language, source),
        _ => escape::text(out, source.strip_suffix('\n').unwrap_or(source)),
    }
    out.push_str(match role {
        Role::Input => "</code></pre>\n",
        Role::Output | Role::Error => "</code></pre></div>\n",
    });
}

fn open_labelled(out: &mut String, class: &str, word: &str) {
    out.push_str("<div class=\"");
    out.push_str(class);
    out.push_str("\"><p class=\"label\">");
    escape::text(out, word);
    out.push_str("</p><pre><code>");
}

/// The first word: ```` ```python ````, ```` ```{python} ````, ```` ```{.python .numberLines} ````.
fn language_of(info: &str) -> String {
    let word = info.trim().trim_start_matches(['{', '.']);
    let end = word
        .find(|c: char| c.is_whitespace() || matches!(c, '}' | '{' | ','))
        .unwrap_or(word.len());
    word[..end].to_ascii_lowercase()
}

/// Output is plain, but a difference shown as output reads better in colour.
fn syntax_of(language: &str, source: &str) -> Option<&'static SyntaxReference> {
    let token = match language {
        "" | "text" | "plain" | "plaintext" | "txt" | "source" | "error" => return None,
        "output" if looks_like_diff(source) => "diff",
        "output" => return None,
        "shell" | "console" | "sh" | "zsh" | "shell-session" => "bash",
        "py" | "python3" | "pycon" => "python",
        "jsonc" | "json5" => "json",
        "js" | "ts" | "typescript" | "jsx" => "javascript",
        "yml" => "yaml",
        other => other,
    };
    SYNTAXES.find_syntax_by_token(token)
}

fn looks_like_diff(source: &str) -> bool {
    source
        .lines()
        .next()
        .is_some_and(|line| line.starts_with("diff --") || line.starts_with("--- "))
}

fn highlight(out: &mut String, syntax: &SyntaxReference, language: &str, source: &str) {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let has_prompt = syntax.name.contains("Bourne") && language != "sh";
    let source = source.strip_suffix('\n').unwrap_or(source);
    let mut writer = Spans { out, open: None };
    let line_count = source.split('\n').count();
    for (idx, bare) in source.split('\n').enumerate() {
        let is_last = idx + 1 == line_count;
        let rest = match bare.strip_prefix("$ ") {
            Some(rest) if has_prompt => {
                writer.push("$ ", Some("hl-p"));
                rest
            }
            _ => bare,
        };
        let line = format!("{rest}\n");
        let shown = if is_last { rest.len() } else { line.len() };
        if rest.len() > LINE_LEN_MAX
            || !write_line(&mut writer, &mut state, &mut stack, &line, shown)
        {
            writer.push(&line[..shown], None);
        }
    }
    writer.close();
}

/// Returns false without having written when the syntax definition fails on the line.
fn write_line(
    writer: &mut Spans<'_>,
    state: &mut ParseState,
    stack: &mut ScopeStack,
    line: &str,
    shown: usize,
) -> bool {
    let Ok(operations) = state.parse_line(line, &SYNTAXES) else {
        return false;
    };
    let mut start = 0;
    for (at, operation) in &operations {
        let end = (*at).min(shown);
        if end > start {
            writer.push(&line[start..end], class_of(stack));
            start = end;
        }
        if stack.apply(operation).is_err() {
            break;
        }
    }
    if shown > start {
        writer.push(&line[start..shown], class_of(stack));
    }
    true
}

fn class_of(stack: &ScopeStack) -> Option<&'static str> {
    stack.as_slice().iter().rev().find_map(|scope| {
        CLASSES
            .iter()
            .find(|(prefix, _)| prefix.is_prefix_of(*scope))
            .map(|(_, class)| *class)
    })?
}

/// Merges neighbours of one class, so that a page stays small.
struct Spans<'o> {
    out: &'o mut String,
    open: Option<&'static str>,
}

impl Spans<'_> {
    fn push(&mut self, text: &str, class: Option<&'static str>) {
        if text.is_empty() {
            return;
        }
        // Blanks look the same in every class.
        let is_blank = text.chars().all(char::is_whitespace);
        if !is_blank && class != self.open {
            self.close();
            if let Some(class) = class {
                self.out.push_str("<span class=\"");
                self.out.push_str(class);
                self.out.push_str("\">");
                self.open = Some(class);
            }
        }
        escape::text(self.out, text);
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.out.push_str("</span>");
        }
    }
}
