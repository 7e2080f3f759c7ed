//! Decides which files are pages of a course and in which order they stand.
//!
//! Three ways: the lists of a Carpentries lesson, our own list, or the names of the files. What no list names is left
//! out, unless a page links to it; [`Layout::add`] then puts it where it belongs.
//! Invariant: a file stands at one place at most. Does not know titles, links or what is in the files.

use std::collections::BTreeSet;

use base::{Code, Problem};

use super::config::{Entry, Lesson, Order};
use super::file_path::FilePath;
use super::links::index_file;
use super::slug;
use super::source::Source;
use super::yaml::Lined;

/// Files in reading order, in sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The places, in reading order.
    pub(crate) places: Vec<Place>,
    seen: BTreeSet<FilePath>,
    is_lesson: bool,
}

/// One place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A page.
    Page(FilePath),
    /// A section.
    Section {
        /// What it is called.
        name: Name,
        /// The page that stands for the section itself.
        index: Option<FilePath>,
        /// What stands in it.
        places: Vec<Place>,
    },
}

/// What a section is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// As its author says.
    Title(String),
    /// As the folder of its files, when no page stands for the section.
    Folder(String),
    /// As this part of a lesson is called in the course's language.
    Part(Part),
}

/// The parts of a Carpentries lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The lesson proper.
    Episodes,
    /// Set-up, references and the like.
    Learners,
    /// Notes for those who teach it.
    Instructors,
    /// For whom it was made.
    Profiles,
    /// Licence, conduct and other pages at the root.
    About,
}

impl Part {
    const ALL: [Self; 5] = [
        Self::Episodes,
        Self::Learners,
        Self::Instructors,
        Self::Profiles,
        Self::About,
    ];

    /// Returns the folder that holds the part's files; empty for the root.
    const fn folder(self) -> &'static str {
        match self {
            Self::Episodes => "episodes",
            Self::Learners => "learners",
            Self::Instructors => "instructors",
            Self::Profiles => "profiles",
            Self::About => "",
        }
    }

    /// Returns what the part is called in a language; English where no other words are known.
    pub(crate) fn title(self, language: &str) -> &'static str {
        let primary = language.split('-').next().unwrap_or_default();
        let words: [&'static str; 5] = match primary.to_ascii_lowercase().as_str() {
            "de" => [
                "Lektionen",
                "Für Lernende",
                "Für Lehrende",
                "Für wen",
                "Über diesen Kurs",
            ],
            "es" => [
                "Episodios",
                "Para estudiantes",
                "Para docentes",
                "Perfiles",
                "Acerca del curso",
            ],
            "fr" => [
                "Épisodes",
                "Pour les apprenants",
                "Pour les formateurs",
                "Profils",
                "À propos",
            ],
            _ => [
                "Episodes",
                "For learners",
                "For instructors",
                "Learner profiles",
                "About this course",
            ],
        };
        words[self as usize]
    }
}

impl Layout {
    /// Puts the files of a folder in order. Files that the configuration names and that are no pages are problems
    /// ([`Code::CourseConfig`], [`Code::OutsideFolder`]) and have no place.
    pub(crate) fn of(source: &Source, order: &Order) -> (Self, Vec<Problem>) {
        let mut layout = Self::default();
        let mut lookup = Lookup {
            source,
            problems: Vec::new(),
        };
        let index = index_file("", source);
        match order {
            Order::Lesson(lesson) => {
                layout.is_lesson = true;
                layout.push_root(index);
                layout.lesson(lesson, &mut lookup);
            }
            Order::Listed(entries) => {
                layout.places = layout.listed(entries, &mut lookup);
                // An introduction is one, whether the list names it or not.
                if let Some(index) = index.filter(|index| layout.seen.insert((*index).clone())) {
                    layout.places.insert(0, Place::Page(index.clone()));
                }
            }
            Order::Names => {
                layout.push_root(index);
                let places = layout.by_name("", source);
                layout.places.extend(places);
            }
        }
        (layout, lookup.problems)
    }

    /// Returns whether a file has its place.
    pub(crate) fn holds(&self, file: &FilePath) -> bool {
        self.seen.contains(file)
    }

    /// Gives a file that a page links to a place; does nothing when it has one.
    pub(crate) fn add(&mut self, file: &FilePath) {
        if !self.seen.insert(file.clone()) {
            return;
        }
        if !self.is_lesson {
            return self.places.push(Place::Page(file.clone()));
        }
        let top = file.as_str().split('/').next().unwrap_or_default();
        let part = Part::ALL
            .into_iter()
            .find(|part| part.folder() == top)
            .unwrap_or(Part::About);
        self.part(part).push(Place::Page(file.clone()));
    }

    /// Returns all pages in reading order.
    pub(crate) fn pages(&self) -> Vec<&FilePath> {
        let mut pages = Vec::new();
        collect(&self.places, &mut pages);
        pages
    }

    fn push_root(&mut self, index: Option<&FilePath>) {
        if let Some(index) = index {
            self.seen.insert(index.clone());
            self.places.push(Place::Page(index.clone()));
        }
    }

    fn lesson(&mut self, lesson: &Lesson, lookup: &mut Lookup<'_>) {
        let lists = [
            &lesson.episodes,
            &lesson.learners,
            &lesson.instructors,
            &lesson.profiles,
        ];
        for (part, list) in Part::ALL.into_iter().zip(lists) {
            let files = if list.is_empty() {
                lookup.folder(part.folder())
            } else {
                list.iter()
                    .filter_map(|listed| lookup.file(part.folder(), &listed.value, listed.line))
                    .collect()
            };
            for file in files {
                self.add(&file);
            }
        }
        // Who may use a lesson and how belongs to it, whether a page links there or not.
        if let Some(licence) =
            FilePath::new("LICENSE.md").filter(|file| lookup.source.texts.contains_key(file))
        {
            self.add(&licence);
        }
    }

    /// Returns the places of a part's section, which is made when it is not there yet.
    fn part(&mut self, part: Part) -> &mut Vec<Place> {
        let rank = |place: &Place| match place {
            Place::Section {
                name: Name::Part(part),
                ..
            } => Some(*part),
            Place::Section { .. } | Place::Page(_) => None,
        };
        let at = self
            .places
            .partition_point(|place| rank(place) < Some(part));
        if self.places.get(at).and_then(rank) != Some(part) {
            let section = Place::Section {
                name: Name::Part(part),
                index: None,
                places: Vec::new(),
            };
            self.places.insert(at, section);
        }
        match &mut self.places[at] {
            Place::Section { places, .. } => places,
            Place::Page(_) => unreachable!("a section stands here"),
        }
    }

    fn listed(&mut self, entries: &[Lined<Entry>], lookup: &mut Lookup<'_>) -> Vec<Place> {
        let mut places = Vec::new();
        for Lined { value, line } in entries {
            match value {
                Entry::Page(name) => {
                    let Some(file) = lookup.file("", name, *line) else {
                        continue;
                    };
                    if self.seen.insert(file.clone()) {
                        places.push(Place::Page(file));
                    } else {
                        lookup.fault(Code::CourseConfig, *line, format!("{file} is listed twice"));
                    }
                }
                Entry::Section { title, pages } => places.push(Place::Section {
                    name: Name::Title(title.clone()),
                    index: None,
                    places: self.listed(pages, lookup),
                }),
            }
        }
        places
    }

    /// Files and folders together in the order of their names; a folder without pages is left out.
    fn by_name(&mut self, folder: &str, source: &Source) -> Vec<Place> {
        let files = source
            .texts
            .keys()
            .filter(|file| file.folder() == folder)
            .map(|file| (file, false));
        let folders = source
            .folders
            .iter()
            .filter(|below| below.folder() == folder)
            .map(|below| (below, true));
        let mut entries: Vec<(&FilePath, bool)> = files.chain(folders).collect();
        entries.sort_by(|(left, _), (right, _)| slug::natural_order(left.name(), right.name()));
        let mut places = Vec::new();
        for (entry, is_folder) in entries {
            if !is_folder {
                if self.seen.insert(entry.clone()) {
                    places.push(Place::Page(entry.clone()));
                }
                continue;
            }
            let index = index_file(entry.as_str(), source)
                .filter(|index| self.seen.insert((*index).clone()));
            let inside = self.by_name(entry.as_str(), source);
            if index.is_some() || !inside.is_empty() {
                places.push(Place::Section {
                    name: Name::Folder(entry.name().to_owned()),
                    index: index.cloned(),
                    places: inside,
                });
            }
        }
        places
    }
}

fn collect<'p>(places: &'p [Place], pages: &mut Vec<&'p FilePath>) {
    for place in places {
        match place {
            Place::Page(file) => pages.push(file),
            Place::Section { index, places, .. } => {
                pages.extend(index);
                collect(places, pages);
            }
        }
    }
}

/// Finds the files that a configuration names.
struct Lookup<'s> {
    source: &'s Source,
    problems: Vec<Problem>,
}

impl Lookup<'_> {
    fn file(&mut self, folder: &str, name: &str, line: u32) -> Option<FilePath> {
        let joined = super::file_path::join(folder, name);
        let Ok(joined) = joined else {
            self.fault(
                Code::OutsideFolder,
                line,
                format!("{name} leads out of the folder"),
            );
            return None;
        };
        let file = FilePath::new(&joined);
        let found = file
            .clone()
            .filter(|file| self.source.texts.contains_key(file));
        if found.is_none() {
            let is_there = file.is_some_and(|file| self.source.files.contains_key(&file));
            let detail = if is_there {
                format!("{joined} is not a Markdown file")
            } else {
                format!("there is no file {joined}")
            };
            self.fault(Code::CourseConfig, line, detail);
        }
        found
    }

    /// Returns the Markdown files right in a folder, in the order of their names.
    fn folder(&self, folder: &str) -> Vec<FilePath> {
        let inside = self
            .source
            .texts
            .keys()
            .filter(|file| file.folder() == folder);
        let mut files: Vec<FilePath> = inside.cloned().collect();
        files.sort_by(|left, right| slug::natural_order(left.name(), right.name()));
        files
    }

    fn fault(&mut self, code: Code, line: u32, detail: String) {
        let file = self
            .source
            .config
            .as_ref()
            .map_or("config.yaml", |(file, _)| file.as_str());
        self.problems
            .push(Problem::new(code, detail).at(file, line));
    }
}

#[cfg(test)]
mod tests;
