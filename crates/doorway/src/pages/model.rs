//! What each page shows, as plain values that the caller fills from the projection.
//!
//! Conventions: times are microseconds since 1970 in UTC; addresses (`href`) are relative to the
//! host (`/c/…`) unless a field says otherwise; texts are plain and escaped when they are written.
//! The only HTML a model carries is [`Article::html`], which `markdown::render` made.

use super::strings::Language;

/// What all pages of one answer share.
#[derive(Clone, Debug)]
pub struct Site {
    /// The community's name.
    pub name: String,
    /// The language of the frame, chosen from the reader's `Accept-Language`.
    pub language: Language,
    /// Version of Commonhold, such as `0.1.0`.
    pub version: String,
    /// Scheme, host and port without a trailing slash, for canonical addresses.
    pub origin: String,
}

/// Who wrote a thing and when, and where that is proven.
#[derive(Clone, Debug)]
pub struct Byline {
    /// The author's name, or a short form of the key where there is none.
    pub author: String,
    /// Address of the author's page.
    pub author_href: String,
    /// When the shown version was signed.
    pub signed_at: i64,
    /// Address of the proof page.
    pub proof_href: String,
    /// Address of the signed record as JSON.
    pub record_href: String,
    /// Address of the list of versions.
    pub history_href: String,
}

/// A licence and, where there is one, the address of its text.
#[derive(Clone, Debug)]
pub struct License {
    /// Name such as `CC-BY 4.0`.
    pub name: String,
    /// Absolute address of the text.
    pub href: Option<String>,
}

/// A course on a list.
#[derive(Clone, Debug)]
pub struct CourseCard {
    /// The course's title.
    pub title: String,
    /// Address of the course's page.
    pub href: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// How many pages it has.
    pub page_count: u64,
    /// Who published it.
    pub author: String,
    /// When it was last changed.
    pub changed_at: i64,
    /// Language tag of the content.
    pub language: String,
}

/// A page on a list.
#[derive(Clone, Debug)]
pub struct PageCard {
    /// The page's title.
    pub title: String,
    /// Its address.
    pub href: String,
    /// Its first words; may be empty.
    pub summary: String,
    /// Who published it.
    pub author: String,
    /// When it was last changed.
    pub changed_at: i64,
    /// Language tag of the content.
    pub language: String,
}

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was published for the first time.
    Created,
    /// A new version was signed.
    Changed,
    /// Its author withdrew it.
    Withdrawn,
}

/// One line of the latest changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// Title of what changed.
    pub title: String,
    /// Its address; a withdrawn thing may have none.
    pub href: Option<String>,
    /// Who did it.
    pub author: String,
    /// When.
    pub at: i64,
}

/// The home page.
#[derive(Clone, Debug)]
pub struct Home {
    /// What the community says about itself; may be empty.
    pub about: String,
    /// Courses, most important first.
    pub courses: Vec<CourseCard>,
    /// Pages that belong to no course.
    pub pages: Vec<PageCard>,
    /// Latest changes, newest first.
    pub changes: Vec<Change>,
}

/// One place in a course: a page, or a section with places below it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Title of the page or section.
    pub title: String,
    /// Address of the page; a section that is only a heading has none.
    pub href: Option<String>,
    /// Reading time in minutes, where known.
    pub minutes: Option<u32>,
    /// What stands below it, in order.
    pub children: Vec<Place>,
}

/// A course as the pages within it see it.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The course's title.
    pub title: String,
    /// Address of the course's page.
    pub href: String,
    /// Places, in order.
    pub places: Vec<Place>,
}

/// The page of a course.
#[derive(Clone, Debug)]
pub struct Course {
    /// Title, address and places.
    pub contents: Contents,
    /// One or two sentences; may be empty.
    pub description: String,
    /// Where it comes from and whom to thank; may be empty.
    pub attribution: String,
    /// Language tag of the content.
    pub language: String,
    /// Under which licence it may be used.
    pub license: Option<License>,
    /// Tags, in the author's order.
    pub tags: Vec<String>,
    /// Who published it and when.
    pub byline: Byline,
    /// How many pages it has.
    pub page_count: u64,
    /// Reading time of all pages in minutes; 0 where unknown.
    pub minutes: u32,
    /// Address of the first page.
    pub start_href: Option<String>,
    /// An introduction of its own, shown below the contents.
    pub introduction: Option<Article>,
}

/// A rendered text.
#[derive(Clone, Debug)]
pub struct Article {
    /// HTML as `markdown::render` made it; nothing is added between the `article` tags.
    pub html: String,
}

/// A neighbouring page.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its title.
    pub title: String,
    /// Its address.
    pub href: String,
}

/// A page of text.
#[derive(Clone, Debug)]
pub struct Page {
    /// The page's title.
    pub title: String,
    /// Its own address, for the canonical link.
    pub href: String,
    /// Its first words, for search engines and previews; may be empty.
    pub summary: String,
    /// The text.
    pub article: Article,
    /// Reading time in minutes; 0 where unknown.
    pub minutes: u32,
    /// Language tag of the content.
    pub language: String,
    /// Under which licence it may be used.
    pub license: Option<License>,
    /// Tags, in the author's order.
    pub tags: Vec<String>,
    /// Who wrote it and when.
    pub byline: Byline,
    /// The course it is read in, if any.
    pub course: Option<Contents>,
    /// The page before it in the course.
    pub previous: Option<Neighbour>,
    /// The page after it.
    pub next: Option<Neighbour>,
}

/// A piece of a search result's text.
#[derive(Clone, Debug)]
pub struct Snippet {
    /// The words.
    pub text: String,
    /// Whether they are what was looked for.
    pub is_match: bool,
}

/// One search result.
#[derive(Clone, Debug)]
pub struct Found {
    /// Title of the page or course.
    pub title: String,
    /// Its address.
    pub href: String,
    /// Words around what was found, in order.
    pub snippet: Vec<Snippet>,
    /// Who wrote it.
    pub author: String,
    /// The course it belongs to, if any.
    pub course: Option<String>,
    /// When it was last changed.
    pub changed_at: i64,
    /// Language tag of the content.
    pub language: String,
}

/// The search page; with an empty query it asks for one.
#[derive(Clone, Debug)]
pub struct Search {
    /// What the reader looks for.
    pub query: String,
    /// The results on this page.
    pub found: Vec<Found>,
    /// How many there are in all.
    pub total: u64,
    /// Number of the first result shown, from 1.
    pub from: u64,
    /// Address of the results before these.
    pub newer_href: Option<String>,
    /// Address of the results after these.
    pub older_href: Option<String>,
}

/// The page of an author.
#[derive(Clone, Debug)]
pub struct Author {
    /// The name, or a short form of the key.
    pub name: String,
    /// Address of this page.
    pub href: String,
    /// What they say about themselves, plain text; may be empty.
    pub about: String,
    /// The agent key as text (`uhCAk…`).
    pub key: String,
    /// Address of their signed profile as JSON, when they have one.
    pub record_href: Option<String>,
    /// Their courses.
    pub courses: Vec<CourseCard>,
    /// Their pages that belong to no course.
    pub pages: Vec<PageCard>,
}

/// The page that shows a signature and how to check it.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Title of the signed thing.
    pub title: String,
    /// Its address.
    pub href: String,
    /// The author's name.
    pub author: String,
    /// Address of the author's page.
    pub author_href: String,
    /// The author's key as text (`uhCAk…`).
    pub author_key: String,
    /// Kind of action, such as `Create` or `Update`.
    pub action_type: String,
    /// Hash of the action (`uhCkk…`).
    pub action_hash: String,
    /// Place in the author's chain, from 0.
    pub sequence: u32,
    /// When the author signed.
    pub signed_at: i64,
    /// The signature, base64.
    pub signature: String,
    /// Hash of the entry (`uhCEk…`), where the action has one.
    pub entry_hash: Option<String>,
    /// Hash of the community's DNA (`uhC0k…`).
    pub dna_hash: String,
    /// Absolute address that `commonhold verify` takes.
    pub verify_url: String,
    /// Address of the signed record as JSON.
    pub record_href: String,
}

/// One version of a page.
#[derive(Clone, Debug)]
pub struct Version {
    /// What its author did.
    pub kind: ChangeKind,
    /// When.
    pub at: i64,
    /// Who signed it.
    pub author: String,
    /// Hash of the action (`uhCkk…`).
    pub action_hash: String,
    /// Address of this version's text, where it is still readable.
    pub href: Option<String>,
    /// Address of its proof.
    pub proof_href: String,
    /// Whether readers see this one today.
    pub is_current: bool,
}

/// The versions of a page.
#[derive(Clone, Debug)]
pub struct History {
    /// Title of the page.
    pub title: String,
    /// Its address.
    pub href: String,
    /// Versions, newest first.
    pub versions: Vec<Version>,
}

/// Something that went wrong, as a person reads it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Code such as `CH-0142`.
    pub code: String,
    /// What happened, a sentence.
    pub happened: String,
    /// What it means for the reader, a sentence or two; may be empty.
    pub means: String,
    /// What the reader can do, a sentence or two; may be empty.
    pub todo: String,
}

/// A text that belongs to the doorway itself, such as the explanation of an error.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its title.
    pub title: String,
    /// Its address.
    pub href: String,
    /// Language tag of the text.
    pub language: String,
    /// The text.
    pub article: Article,
}
