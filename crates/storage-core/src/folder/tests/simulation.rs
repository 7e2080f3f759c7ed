//! A folder is sent and written again by processes that die anywhere: nothing is sent again that was acknowledged, and in
//! calm the copy is the folder.

use std::collections::{BTreeMap, BTreeSet};

use base::{ContentHash, Timestamp};
use sim::{Dice, Log, Seed, check_repeatable, marked_runs};

use super::super::{Entry, Folder, Step, There, plan_export, plan_upload};
use super::{empty, file, folder};

struct World<'a> {
    log: &'a Log,
    dice: Dice,
    folder: Folder,
    store: BTreeSet<ContentHash>,
    sent: u64,
    /// Files and folders of the copy; a folder has no hash.
    copy: BTreeMap<String, Option<ContentHash>>,
    marks: BTreeMap<&'static str, u64>,
}

impl<'a> World<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("world").dice();
        let mut entries = Vec::new();
        for number in 0..dice.between(0, 20) {
            let depth = dice.below(3);
            let mut at = String::new();
            for _ in 0..depth {
                at += ["a/", "b/", "a-/"][dice.index(3)];
            }
            at += &format!("f{number}");
            let content = dice.below(12) as u8;
            entries.push(if dice.chance(150) {
                empty(&at)
            } else {
                file(&at, &[content])
            });
        }
        Self {
            log,
            folder: folder(entries),
            store: BTreeSet::new(),
            sent: 0,
            copy: BTreeMap::new(),
            marks: BTreeMap::new(),
            dice,
        }
    }

    fn run(&mut self) {
        let distinct = self.folder.blobs().len() as u64;
        while !self.send() {}
        assert_eq!(self.sent, distinct, "each blob is sent once");
        // What comes back from the manifest is what is written.
        let bytes = self.folder.encode();
        let again = Folder::decode(&bytes, &super::Limits::default());
        assert_eq!(again.as_ref(), Ok(&self.folder));
        while !self.write() {}
        let expect: BTreeMap<String, Option<ContentHash>> = self
            .folder
            .entries()
            .iter()
            .flat_map(|entry| {
                let above = entry
                    .path()
                    .folders()
                    .map(|folder| (folder.to_string(), None));
                let own = (entry.path().to_string(), entry.file().map(|file| file.hash));
                above.chain([own]).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(self.copy, expect);
        assert_eq!(self.plan().steps, [], "nothing is left to do");
    }

    fn mark(&mut self, what: &'static str) {
        self.log.note(Timestamp::EPOCH, "world", what);
        *self.marks.entry(what).or_default() += 1;
    }

    /// One process sends; returns whether it came to its end.
    fn send(&mut self) -> bool {
        let plan = plan_upload(&self.folder, |hash| self.store.contains(hash));
        let all = plan.missing_sum.blobs + plan.here.blobs;
        assert_eq!(all, self.folder.blobs().len() as u64);
        for piece in plan.missing {
            if self.dice.chance(100) {
                self.mark("died while it sent");
                return false;
            }
            assert!(self.store.insert(piece.hash), "sent again");
            self.sent += 1;
        }
        true
    }

    fn plan(&self) -> super::super::ExportPlan {
        plan_export(&self.folder, |entry| self.there(entry))
    }

    fn there(&self, entry: &Entry) -> There {
        match self.copy.get(entry.path().as_str()) {
            None => There::Nothing,
            Some(hash) if *hash == entry.file().map(|file| file.hash) => There::Same,
            Some(_) => There::Other,
        }
    }

    fn write(&mut self) -> bool {
        for step in self.plan().steps {
            if self.dice.chance(100) {
                self.mark("died while it wrote");
                return false;
            }
            let (path, hash) = match &step {
                Step::MakeFolder(path) => (path, None),
                Step::Write(file) => (&file.path, Some(file.hash)),
            };
            for above in path.folders() {
                assert_eq!(
                    self.copy.get(above.as_str()),
                    Some(&None),
                    "{above} is a folder"
                );
            }
            let before = self.copy.insert(path.to_string(), hash);
            assert!(before.is_none() || (before, hash) == (Some(None), None));
        }
        true
    }
}

#[test]
fn folder_comes_back_as_it_went() {
    marked_runs(
        1_000,
        &["died while it sent", "died while it wrote"],
        |seed, log| {
            let mut world = World::new(seed, log);
            world.run();
            world.marks
        },
    );
}

#[test]
fn same_seed_gives_the_same_run() {
    check_repeatable(|seed, log| World::new(seed, log).run());
}
