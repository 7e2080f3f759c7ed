//! Makes a course, or a loose page, of a folder that was read.
//!
//! Invariants: every page of a [`Course`] seals under `chain`'s rules; slugs are unique; every link in a page leads to
//! a page of the course, to media of the course, or elsewhere on the web; pages stand in reading order.
//! Does not know what the author's chain already holds.

mod attribution;
mod draft;
mod judge;

use std::collections::{BTreeMap, BTreeSet};

use base::{Code, ContentHash, Problem, Reach};
use chain::kind::{Content, Node, Path, ReachWord};
use chain::{ActionHash, Item};

use super::config::{self, Config};
use super::file_path::FilePath;
use super::front_matter::FrontMatter;
use super::layout::{Layout, Name, Place};
use super::links::{Target, index_file};
use super::media::{self, Media};
use super::source::Source;
use super::{Options, slug};
use draft::{Distorted, Draft, Web};

/// A folder as it will stand on the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// Its place in addresses: `/courses/<slug>`; for a loose page the slug of that page.
    pub(crate) slug: String,
    /// What it is called.
    pub(crate) title: String,
    /// What it is about.
    pub(crate) summary: String,
    /// The language it is written in.
    pub(crate) language: String,
    /// Under which licence it may be used; may be empty.
    pub(crate) licence: String,
    /// Where it comes from and whom to thank; may be empty.
    pub(crate) attribution: String,
    /// Words that describe it.
    pub(crate) tags: Vec<String>,
    /// Who may see its contents list.
    pub(crate) reach: Reach,
    /// Its pages in reading order.
    pub(crate) pages: Vec<Page>,
    /// The contents list.
    pub(crate) tree: Vec<Branch>,
    /// What its pages show, by hash.
    pub(crate) media: BTreeMap<ContentHash, Media>,
    /// Whether it is a single page without a course around it.
    pub(crate) is_loose: bool,
    /// What the author should look at, and what keeps nothing from being published.
    pub(crate) warnings: Vec<Problem>,
    /// What became of its links.
    pub(crate) links: LinkCounts,
}

/// A page with the file that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The file below the folder.
    pub(crate) file: FilePath,
    /// The page as it will be signed.
    pub(crate) content: Content,
}

/// A place in the contents list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    /// What the list shows.
    pub(crate) title: String,
    /// Which of [`Course::pages`] it is; `None` for a section without a page of its own.
    pub(crate) page: Option<usize>,
    /// What stands below it.
    pub(crate) children: Vec<Branch>,
}

/// What became of the links of all pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkCounts {
    /// Links to pages and media of the folder, which were rewritten.
    pub(crate) rewritten: u32,
    /// Links to other sites, to mail addresses and within a page, which stay as they are.
    pub(crate) kept: u32,
    /// Broken links, of which only the text stays.
    pub(crate) unlinked: u32,
}

/// Most characters of a title.
const TITLE_CHARS_MAX: usize = 300;

impl Course {
    /// Returns the course's entry for the chain; `pages` gives the first action of each page by its slug.
    ///
    /// # Errors
    /// The slug of the first page that `pages` does not know.
    pub(crate) fn path(&self, pages: impl Fn(&str) -> Option<ActionHash>) -> Result<Path, String> {
        Ok(Path {
            title: self.title.clone(),
            slug: self.slug.clone(),
            summary: self.summary.clone(),
            language: self.language.clone(),
            licence: self.licence.clone(),
            attribution: self.attribution.clone(),
            tags: self.tags.clone(),
            reach: ReachWord(self.reach),
            nodes: self.nodes(&self.tree, &pages)?,
        })
    }

    /// Returns the contents list as everybody may see it who may see the course: what is for fewer people is not even
    /// named there, and what stands below it moves up.
    fn nodes(
        &self,
        tree: &[Branch],
        pages: &dyn Fn(&str) -> Option<ActionHash>,
    ) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::with_capacity(tree.len());
        for branch in tree {
            let children = self.nodes(&branch.children, pages)?;
            let page = branch.page.map(|idx| &self.pages[idx].content);
            let is_empty_section = page.is_none() && children.is_empty();
            let is_narrower = page.is_some_and(|page| page.reach.0 < self.reach);
            if is_narrower || is_empty_section {
                nodes.extend(children);
                continue;
            }
            let hash = |slug: &String| pages(slug).ok_or_else(|| slug.clone());
            nodes.push(Node {
                title: branch.title.clone(),
                page: page.map(|page| hash(&page.slug)).transpose()?,
                children,
            });
        }
        Ok(nodes)
    }
}

/// Makes a course of a folder.
///
/// # Errors
/// Every problem that was found, sorted by file and line.
pub(crate) fn build(source: &Source, options: &Options) -> Result<Course, Vec<Problem>> {
    let config = match &source.config {
        Some((file, text)) => config::read(file, text)?,
        None => Config::default(),
    };
    let (mut layout, problems) = Layout::of(source, &config.order);
    let mut builder = Builder {
        source,
        options,
        problems,
        warnings: Vec::new(),
        links: LinkCounts::default(),
    };
    let drafts = builder.drafts(&mut layout);
    let mut outcome = builder.course(&config, &layout, drafts);
    super::sort(&mut builder.problems);
    super::sort(&mut builder.warnings);
    match outcome.take().filter(|_| builder.problems.is_empty()) {
        Some(mut course) => {
            course.warnings = builder.warnings;
            course.links = builder.links;
            Ok(course)
        }
        None => Err(builder.problems),
    }
}

/// Collects problems while the course takes shape.
struct Builder<'s> {
    source: &'s Source,
    options: &'s Options,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    links: LinkCounts,
}

impl<'s> Builder<'s> {
    /// Reads all pages that have a place, and those that they link to.
    fn drafts(&mut self, layout: &mut Layout) -> BTreeMap<FilePath, Draft<'s>> {
        let mut drafts = BTreeMap::new();
        let mut pending: Vec<FilePath> = layout.pages().into_iter().cloned().collect();
        // A page without a place is found by its links; found first, it stands first.
        let mut idx = 0;
        while let Some(file) = pending.get(idx).cloned() {
            idx += 1;
            let draft = match Draft::read(&file, self.source) {
                Ok(draft) => draft,
                Err(problems) => {
                    self.problems.extend(problems);
                    continue;
                }
            };
            for target in &draft.targets {
                if let Target::Page { file, .. } = target
                    && !layout.holds(file)
                {
                    layout.add(file);
                    pending.push(file.clone());
                }
            }
            drafts.insert(file, draft);
        }
        drafts
    }

    /// Joins everything; `None` when a problem keeps the course from being made.
    fn course(
        &mut self,
        config: &Config,
        layout: &Layout,
        drafts: BTreeMap<FilePath, Draft<'s>>,
    ) -> Option<Course> {
        let order: Vec<FilePath> = layout.pages().into_iter().cloned().collect();
        let is_loose = self.source.texts.len() == 1 && self.source.config.is_none();
        // What stands for the folder speaks for the course.
        let index = if is_loose {
            order.first()
        } else {
            index_file("", self.source)
        };
        let front = index
            .and_then(|index| drafts.get(index))
            .map(|draft| draft.front.clone())
            .unwrap_or_default();
        let mut course = self.frame(config, &front, is_loose);
        let titles = self.titles(&drafts, config);
        if course.title.is_empty() {
            let of_index = index.and_then(|index| titles.get(index)).cloned();
            course.title = of_index.unwrap_or_else(|| slug::title_of(&self.source.name));
        }
        let slugs = self.slugs(&drafts, &order, is_loose);
        if is_loose && let Some((_, slug)) = slugs.first_key_value() {
            course.slug.clone_from(slug);
        }
        self.judge_links(&drafts);
        let files = self.media(&mut course, &drafts, &order);
        if !self.problems.is_empty() {
            return None;
        }
        let web = Web {
            course: if is_loose { "" } else { &course.slug },
            slugs: &slugs,
            files: &files,
        };
        for file in &order {
            let page = self.page(&course, &web, &drafts[file], &titles[file]);
            course.pages.push(page);
        }
        let places: BTreeMap<&FilePath, usize> = order.iter().zip(0..).collect();
        course.tree = branches(&layout.places, &places, &titles, &course.language);
        self.widen(&mut course);
        self.check(&course);
        Some(course)
    }

    /// Fills in what the course says about itself: the configuration's words, else the introduction's.
    fn frame(&self, config: &Config, front: &FrontMatter, is_loose: bool) -> Course {
        let either =
            |one: &Option<String>, two: &Option<String>| one.clone().or_else(|| two.clone());
        let slug = either(&config.slug, &front.slug).unwrap_or_else(|| slug::of(&self.source.name));
        let tags = if config.tags.is_empty() {
            &front.tags
        } else {
            &config.tags
        };
        let licence = either(&config.licence, &front.licence).unwrap_or_default();
        Course {
            slug,
            title: config.title.clone().unwrap_or_default(),
            summary: either(&config.summary, &front.summary).unwrap_or_default(),
            language: either(&config.language, &front.language).unwrap_or_else(|| "en".to_owned()),
            attribution: if is_loose {
                String::new()
            } else {
                attribution::of(config, self.source, &licence)
            },
            licence,
            tags: tags.clone(),
            reach: config.reach.or(front.reach).unwrap_or(self.options.reach),
            pages: Vec::new(),
            tree: Vec::new(),
            media: BTreeMap::new(),
            is_loose,
            warnings: Vec::new(),
            links: LinkCounts::default(),
        }
    }

    /// Titles come from front matter, else from the first heading, else from the file's name; the introduction
    /// may have the course's.
    fn titles(
        &self,
        drafts: &BTreeMap<FilePath, Draft<'s>>,
        config: &Config,
    ) -> BTreeMap<FilePath, String> {
        let index = index_file("", self.source);
        let title = |file: &FilePath, draft: &Draft<'_>| {
            let own = draft.front.title.clone().or_else(|| draft.heading());
            let title = own.unwrap_or_else(|| match (Some(file) == index, &config.title) {
                (true, Some(title)) => title.clone(),
                (true, None) => "Introduction".to_owned(),
                (false, _) if file.is_index() && !file.folder().is_empty() => {
                    slug::title_of(file.folder().rsplit('/').next().unwrap_or_default())
                }
                (false, _) => slug::title_of(file.stem()),
            });
            title
                .chars()
                .filter(|letter| !letter.is_control())
                .take(TITLE_CHARS_MAX)
                .collect()
        };
        drafts
            .iter()
            .map(|(file, draft)| (file.clone(), title(file, draft)))
            .collect()
    }

    fn slugs(
        &mut self,
        drafts: &BTreeMap<FilePath, Draft<'s>>,
        order: &[FilePath],
        is_loose: bool,
    ) -> BTreeMap<FilePath, String> {
        let index = index_file("", self.source).filter(|_| !is_loose);
        let mut slugs = BTreeMap::new();
        let mut taken: BTreeMap<String, &FilePath> = BTreeMap::new();
        for file in order {
            let Some(draft) = drafts.get(file) else {
                continue;
            };
            let slug = if Some(file) == index {
                "index".to_owned()
            } else if let Some(slug) = &draft.front.slug {
                slug.clone()
            } else if file.is_index() && (is_loose || !file.folder().is_empty()) {
                let folder = file
                    .folder()
                    .rsplit('/')
                    .next()
                    .filter(|name| !name.is_empty());
                slug::of(folder.unwrap_or(&self.source.name))
            } else {
                slug::of(file.stem())
            };
            if let Some(other) = taken.insert(slug.clone(), file) {
                let detail = format!("{file} and {other} would both have the address {slug}");
                self.problems
                    .push(Problem::new(Code::SlugTaken, detail).at(file.as_str(), 1));
            }
            slugs.insert(file.clone(), slug);
        }
        slugs
    }

    /// Reads the files that pages show, in reading order; of two files with the same bytes the first names the blob.
    fn media(
        &mut self,
        course: &mut Course,
        drafts: &BTreeMap<FilePath, Draft<'s>>,
        order: &[FilePath],
    ) -> BTreeMap<FilePath, ContentHash> {
        let mut files = BTreeMap::new();
        let mut tried = BTreeSet::new();
        let targets = order
            .iter()
            .filter_map(|file| drafts.get(file))
            .flat_map(|draft| &draft.targets);
        for target in targets {
            let Target::Media { file, .. } = target else {
                continue;
            };
            if !tried.insert(file) {
                continue;
            }
            match media::read(&self.source.root, file, self.options.limits.media_bytes_max) {
                Ok(media) => {
                    files.insert(file.clone(), media.id());
                    course.media.entry(media.id()).or_insert(media);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        files
    }

    fn page(&mut self, course: &Course, web: &Web<'_>, draft: &Draft<'s>, title: &str) -> Page {
        let (body, counts) = draft.body(web, title).unwrap_or_else(|Distorted| {
            let detail =
                "a link cannot be rewritten; write addresses on one line and without backticks";
            let problem = Problem::new(Code::BrokenLink, detail).at(draft.file.as_str(), 0);
            self.problems.push(problem);
            Default::default()
        });
        self.links.rewritten += counts.rewritten;
        self.links.kept += counts.kept;
        self.links.unlinked += counts.unlinked;
        let front = &draft.front;
        let mut blobs: Vec<_> = Vec::new();
        for hash in draft.media(web) {
            let blob = course.media[&hash].blob_ref();
            if !blobs.contains(&blob) {
                blobs.push(blob);
            }
        }
        let content = Content {
            title: title.to_owned(),
            slug: web.slugs[&draft.file].clone(),
            course: web.course.to_owned(),
            summary: front.summary.clone().unwrap_or_default(),
            body,
            language: front
                .language
                .clone()
                .unwrap_or_else(|| course.language.clone()),
            licence: front
                .licence
                .clone()
                .unwrap_or_else(|| course.licence.clone()),
            tags: front.tags.clone(),
            reach: ReachWord(front.reach.unwrap_or(course.reach)),
            blobs,
        };
        Page {
            file: draft.file.clone(),
            content,
        }
    }

    /// A blob may be seen by everybody who may see a page that shows it.
    fn widen(&self, course: &mut Course) {
        for page in &course.pages {
            for blob in &page.content.blobs {
                if let Some(media) = course.media.get_mut(&blob.id()) {
                    media.manifest.reach.0 = media.manifest.reach.0.max(page.content.reach.0);
                }
            }
        }
    }

    /// Seals everything once, so that whoever writes the course meets no surprise.
    fn check(&mut self, course: &Course) {
        for page in &course.pages {
            if let Err(error) = Item::Content(page.content.clone()).seal() {
                let problem =
                    Problem::new(Code::FileTooLarge, error.to_string()).at(page.file.as_str(), 0);
                self.problems.push(problem);
            }
        }
        for media in course.media.values() {
            if let Err(error) = Item::BlobManifest(media.manifest.clone()).seal() {
                let problem = Problem::new(Code::SourceUnreadable, error.to_string())
                    .at(media.file.as_str(), 0);
                self.problems.push(problem);
            }
        }
        if course.is_loose {
            return;
        }
        let path = course.path(|_| Some(ActionHash::from_raw_32(vec![0; 32])));
        let sealed = path.map(|path| Item::Path(path).seal());
        if let Ok(Err(error)) = sealed {
            let file = self
                .source
                .config
                .as_ref()
                .map_or(".", |(file, _)| file.as_str());
            self.problems
                .push(Problem::new(Code::CourseConfig, error.to_string()).at(file, 0));
        }
    }
}

fn branches(
    places: &[Place],
    pages: &BTreeMap<&FilePath, usize>,
    titles: &BTreeMap<FilePath, String>,
    language: &str,
) -> Vec<Branch> {
    let branch = |place: &Place| match place {
        Place::Page(file) => Branch {
            title: titles[file].clone(),
            page: pages.get(file).copied(),
            children: Vec::new(),
        },
        Place::Section {
            name,
            index,
            places,
        } => {
            let title = match (name, index) {
                (Name::Title(title), _) => title.clone(),
                (Name::Part(part), _) => part.title(language).to_owned(),
                (Name::Folder(_), Some(index)) => titles[index].clone(),
                (Name::Folder(folder), None) => slug::title_of(folder),
            };
            Branch {
                title,
                page: index.as_ref().and_then(|index| pages.get(index).copied()),
                children: branches(places, pages, titles, language),
            }
        }
    };
    places.iter().map(branch).collect()
}

#[cfg(test)]
mod tests;
