//! A node whose disk is full: every command that stores says so, and goes on when there is room.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Shelf, noise, start};
use crate::home::Home;

/// A small file system in memory in the place of a node's data folder, taken off at the end.
struct Mount(PathBuf);

impl Mount {
    /// Mounts it; says why there is none.
    fn at(folder: PathBuf) -> Result<Self, String> {
        fs::create_dir_all(&folder).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs"])
            .arg(&folder)
            .output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self(folder)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn put_says_that_the_disk_of_the_node_is_full() {
    let home = Home::new();
    let mount = match Mount::at(home.at("data")) {
        Ok(mount) => mount,
        Err(why) => {
            eprintln!("left out: no file system can be mounted here: {why}");
            return;
        }
    };
    let node = start(&home, &[]);
    let shelf = Shelf { home, node };
    let kept = shelf.put("kept", &noise(1, 100_000));
    let filler = mount.0.join("filler");
    let mut length = 0;
    while fs::write(&filler, vec![1; length]).is_ok() {
        length += 1024 * 1024;
    }
    let mut refused = Vec::new();
    for (name, len) in [("large", 6_000_000), ("pieces", 20_000_000)] {
        shelf.home.write(name, noise(2, len));
        refused.push(shelf.run(&["put", name]));
    }
    shelf.home.write("stream", noise(3, 10_000_000));
    refused.push(
        shelf
            .home
            .end(shelf.shell("cat stream | blob put - --tag stream")),
    );
    // What is small is taken as long as the log has room for it.
    let small = (0..20).find_map(|seed| {
        shelf.home.write("small", noise(100 + seed, 900_000));
        let ran = shelf.run(&["put", "small"]);
        ran.stderr.contains("CH-0").then_some(ran)
    });
    refused.push(small.expect("the log is full at some time"));
    for ran in refused {
        assert!(ran.stderr.contains("CH-0401"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("the disk of the node is full"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("CH-0604"), "{}", ran.stderr);
    }
    shelf.run(&["get", &kept, "-o", "again"]).ok();
    assert!(fs::read(shelf.home.at("again")).unwrap() == noise(1, 100_000));
    fs::remove_file(&filler).unwrap();
    shelf.run(&["put", "large"]).ok();
    let Shelf { home, node } = shelf;
    node.stop();
    drop(mount);
    drop(home);
}
