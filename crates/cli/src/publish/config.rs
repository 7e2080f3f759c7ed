//! Reads `config.yaml` at the root of a course: what the course is called and in which order its pages stand.
//!
//! Two forms are known. The Carpentries': `title`, `license`, `keywords`, `source`, `lang`, and lists `episodes`,
//! `learners`, `instructors`, `profiles` with the files of those folders; an empty list means all files.
//! Our own: `title`, `slug`, `summary`, `language`, `licence`, `tags`, `reach`, `attribution`, `source`, and `order`,
//! a list of files and of sections `{title, pages}`. Unknown keys are left alone.
//!
//! Does not know whether the files exist.

use std::fmt;

use base::{Code, Problem, Reach};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::fields::Fields;
use super::file_path::FilePath;
use super::yaml::{self, Lined, Words};

/// What a course says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// What the course is called.
    pub(crate) title: Option<String>,
    /// Its place in addresses.
    pub(crate) slug: Option<String>,
    /// What it is about.
    pub(crate) summary: Option<String>,
    /// The language that its pages are written in.
    pub(crate) language: Option<String>,
    /// Under which licence it may be used.
    pub(crate) licence: Option<String>,
    /// Whom to thank, in its own words.
    pub(crate) attribution: Option<String>,
    /// Where it comes from, usually an address.
    pub(crate) source: Option<String>,
    /// Words that describe it.
    pub(crate) tags: Vec<String>,
    /// Who may see it.
    pub(crate) reach: Option<Reach>,
    /// In which order its pages stand.
    pub(crate) order: Order,
}

/// In which order the pages of a course stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// As their files are named.
    #[default]
    Names,
    /// As the lists of a Carpentries lesson say.
    Lesson(Lesson),
    /// As our own list says.
    Listed(Vec<Lined<Entry>>),
}

/// The lists of a Carpentries lesson; an empty one means all files of the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lesson {
    pub(crate) episodes: Vec<Lined<String>>,
    pub(crate) learners: Vec<Lined<String>>,
    pub(crate) instructors: Vec<Lined<String>>,
    pub(crate) profiles: Vec<Lined<String>>,
}

/// One item of our own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A file, from the root.
    Page(String),
    /// A section with what stands in it.
    Section {
        /// What the contents list shows.
        title: String,
        /// What stands in it.
        pages: Vec<Lined<Entry>>,
    },
}

type List = Option<Vec<Lined<String>>>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Keys {
    title: Option<Lined<String>>,
    slug: Option<Lined<String>>,
    summary: Option<Lined<String>>,
    description: Option<Lined<String>>,
    language: Option<Lined<String>>,
    lang: Option<Lined<String>>,
    licence: Option<Lined<String>>,
    license: Option<Lined<String>>,
    tags: Option<Lined<Words>>,
    keywords: Option<Lined<Words>>,
    reach: Option<Lined<String>>,
    attribution: Option<Lined<String>>,
    source: Option<Lined<String>>,
    order: Option<Lined<Vec<Lined<Entry>>>>,
    carpentry: Option<IgnoredAny>,
    episodes: List,
    learners: List,
    instructors: List,
    profiles: List,
}

/// Reads the configuration `text` of `file`.
///
/// # Errors
/// [`Code::CourseConfig`] for each thing that is wrong, with its line.
pub(crate) fn read(file: &FilePath, text: &str) -> Result<Config, Vec<Problem>> {
    let mut keys: Keys = yaml::parse(text, 1).map_err(|fault| {
        vec![Problem::new(Code::CourseConfig, fault.detail).at(file.as_str(), fault.line)]
    })?;
    let mut fields = Fields::new(file, Code::CourseConfig, 1);
    let order = order(&mut keys, &mut fields);
    let config = Config {
        title: fields.line("title", keys.title, 300),
        slug: fields.slug(keys.slug),
        summary: fields.line("summary", keys.summary.or(keys.description), 500),
        language: fields.language(keys.language.or(keys.lang)),
        licence: fields.line("licence", keys.licence.or(keys.license), 100),
        attribution: fields.line("attribution", keys.attribution, 1_000),
        source: fields.line("source", keys.source, 500),
        tags: fields.tags(keys.tags.or(keys.keywords)),
        reach: fields.reach(keys.reach),
        order,
    };
    let problems = fields.finish();
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

fn order(keys: &mut Keys, fields: &mut Fields<'_>) -> Order {
    let lists = [
        &keys.episodes,
        &keys.learners,
        &keys.instructors,
        &keys.profiles,
    ];
    let has_list = lists.iter().any(|list| list.is_some());
    match keys.order.take() {
        Some(Lined { line, .. }) if has_list => {
            let detail = "order and the lists of a Carpentries lesson exclude each other";
            fields.fault(Code::CourseConfig, line, detail);
            Order::Names
        }
        Some(Lined { value, .. }) => Order::Listed(value),
        None if has_list || keys.carpentry.is_some() => Order::Lesson(Lesson {
            episodes: keys.episodes.take().unwrap_or_default(),
            learners: keys.learners.take().unwrap_or_default(),
            instructors: keys.instructors.take().unwrap_or_default(),
            profiles: keys.profiles.take().unwrap_or_default(),
        }),
        None => Order::Names,
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FileOrSection;
        impl<'de> Visitor<'de> for FileOrSection {
            type Value = Entry;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a file's name, or a section with title and pages")
            }

            fn visit_str<E>(self, file: &str) -> Result<Entry, E> {
                Ok(Entry::Page(file.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let (mut title, mut pages) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "title" => title = Some(map.next_value::<String>()?),
                        "pages" => pages = map.next_value::<Option<Vec<Lined<Entry>>>>()?,
                        _ => return Err(A::Error::unknown_field(&key, &["title", "pages"])),
                    }
                }
                let title = title.ok_or_else(|| A::Error::missing_field("title"))?;
                if !(1..=300).contains(&title.chars().count())
                    || title.chars().any(char::is_control)
                {
                    return Err(A::Error::custom("title of a section: 1 to 300 characters"));
                }
                Ok(Entry::Section {
                    title,
                    pages: pages.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_any(FileOrSection)
    }
}

#[cfg(test)]
mod tests;
