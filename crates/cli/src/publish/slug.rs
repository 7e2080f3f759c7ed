//! Makes addresses of names, titles of file names, and the order in which people expect numbered files.
//!
//! Invariant: what [`of`] returns satisfies `chain::kind::is_slug`. Letters of Latin scripts become their plain
//! neighbours (`ä` → `ae`, `é` → `e`); letters of other scripts are left out, and a name of which nothing is left
//! gets an address made from its hash, which is stable.

use std::cmp::Ordering;

use base::ContentHash;
use chain::kind::SLUG_CHARS_MAX;

/// Returns the address that `name` gets.
pub(crate) fn of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        push(&mut slug, letter);
    }
    slug.truncate(SLUG_CHARS_MAX);
    while slug.ends_with(is_joint) {
        slug.pop();
    }
    if slug.is_empty() {
        let hash = ContentHash::of(name.as_bytes()).to_string();
        slug = format!("page-{}", &hash[..8]);
    }
    slug
}

/// Returns a title for a file or folder that has none: without its number and with blanks, `01-first_loaf` → `First loaf`.
pub(crate) fn title_of(stem: &str) -> String {
    let is_number =
        |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '_' | '.' | ' ');
    let rest = stem.trim_start_matches(is_number);
    let rest = if rest.is_empty() { stem } else { rest };
    let spaced = rest.replace(['-', '_'], " ");
    let mut letters = spaced.trim().chars();
    let Some(first) = letters.next() else {
        return stem.to_owned();
    };
    first.to_uppercase().chain(letters).take(300).collect()
}

/// Compares names as people order them: runs of digits by their value, letters without regard to case.
pub(crate) fn natural_order(left: &str, right: &str) -> Ordering {
    let (mut one, mut two) = (left, right);
    while !one.is_empty() && !two.is_empty() {
        let (head, tail) = split_run(one);
        let (other_head, other_tail) = split_run(two);
        let order = match (is_run_of_digits(head), is_run_of_digits(other_head)) {
            (true, true) => compare_digits(head, other_head),
            _ => head.to_lowercase().cmp(&other_head.to_lowercase()),
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, two) = (tail, other_tail);
    }
    one.len().cmp(&two.len()).then_with(|| left.cmp(right))
}

/// Splits a run of digits, or one other character, from the front.
fn split_run(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let first = text.chars().next().map_or(0, char::len_utf8);
    text.split_at(digits.max(first))
}

fn is_run_of_digits(run: &str) -> bool {
    run.bytes().all(|byte| byte.is_ascii_digit())
}

fn compare_digits(left: &str, right: &str) -> Ordering {
    let (one, two) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    one.len().cmp(&two.len()).then_with(|| one.cmp(two))
}

const fn is_joint(letter: char) -> bool {
    matches!(letter, '-' | '.' | '_')
}

/// Adds a lower-case letter in its plain form; whatever is no letter or digit becomes one hyphen between words.
fn push(slug: &mut String, letter: char) {
    if letter.is_ascii_alphanumeric() {
        slug.push(letter);
    } else if let Some(plain) = plain(letter) {
        slug.push_str(plain);
    } else if !slug.is_empty() && !letter.is_alphanumeric() && !is_mark(letter) {
        let joint = if is_joint(letter) { letter } else { '-' };
        if !slug.ends_with(is_joint) {
            slug.push(joint);
        }
    }
}

/// Combining accents (U+0300 to U+036F): names that come from macOS carry them apart from their letters.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\'' | '’')
}

/// Returns the plain form of a lower-case Latin letter, German umlauts as German writes them without dots.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' | 'æ' => "ae",
        'ö' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'å' => "aa",
        'þ' => "th",
        'à' | 'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' | 'ĝ' | 'ġ' => "g",
        'ħ' | 'ĥ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ł' | 'ļ' | 'ľ' | 'ĺ' => "l",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ő' => "o",
        'ŕ' | 'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'ŝ' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' | 'ŭ' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ž' | 'ż' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
