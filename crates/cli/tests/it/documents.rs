//! The documents are true: every command in the README and in the handbook is run as it is typed, in order.
//!
//! Each document gets a home of its own, a doorway, and a folder `my-course`. A command that nothing here knows how to
//! run fails the test, so a new one cannot stand in a document unchecked. What is replaced: addresses, and the words
//! in capitals that the reader replaces too. What needs root is read and not run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use base::Code;
use testkit::{Binary, Process, commands_of, http, workspace_root};

/// Where documents say that the doorway is.
const ADDRESS: &str = "http://127.0.0.1:8080";

/// Starting publishes the handbook first.
const DEADLINE: Duration = Duration::from_secs(60);

/// Plain tools that documents may use; they are run as typed.
const TOOLS: [&str; 5] = ["curl", "echo", "mkdir", "tar", "cp"];

/// Tools that need root; they are not run.
const TOOLS_OF_ROOT: [&str; 4] = ["apt-get", "install", "useradd", "systemctl"];

/// Gives the program the test's address where a reader relies on the default.
const PROGRAM: &str = r#"#!/bin/sh
case "$1" in
publish | unpublish | member | profile)
    case " $* " in
    *" --to "* | *" --help "*) ;;
    *) set -- "$@" --to "$DOORWAY" ;;
    esac ;;
esac
exec "$COMMONHOLD_UNDER_TEST" "$@"
"#;

/// Makes an answer that is no success a failure of the command.
const CURL: &str = "#!/bin/sh\nexec \"$CURL_ITSELF\" --fail --silent --show-error \"$@\"\n";

/// A reader's machine: a home, a folder to work in, and a doorway that runs.
struct Machine {
    binary: Binary,
    folder: tempfile::TempDir,
    doorway: Option<Process>,
    /// The words with which the doorway was started last.
    started: Vec<String>,
    address: String,
    neighbour: String,
    curl: Option<PathBuf>,
}

impl Machine {
    /// Starts a doorway as `cargo xtask up` does, and puts a folder to publish beside it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for made in ["home", "bin", "work/target/up", "other"] {
            fs::create_dir_all(folder.path().join(made)).unwrap();
        }
        let bread = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bread");
        copy(&bread, &folder.path().join("work/my-course"));
        let path = std::env::var("PATH").unwrap_or_default();
        let curl = std::env::split_paths(&path)
            .map(|folder| folder.join("curl"))
            .find(|file| file.is_file());
        let mut machine = Self {
            binary: Binary::commonhold().unwrap(),
            folder,
            doorway: None,
            started: Vec::new(),
            address: String::new(),
            neighbour: String::new(),
            curl,
        };
        machine.script("bin/commonhold", PROGRAM);
        machine.script("work/target/up/commonhold", PROGRAM);
        if machine.curl.is_some() {
            machine.script("bin/curl", CURL);
        }
        machine.start(Vec::new());
        let key = machine.run_shell("commonhold whoami --data ../neighbour");
        machine.neighbour = String::from_utf8(key.stdout).unwrap().trim().to_owned();
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, text: &str) {
        let file = self.at(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Prepares a program as a person in this home would start it.
    fn dress(&self, mut command: Command) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        for variable in [
            "COMMONHOLD_HOME",
            "XDG_DATA_HOME",
            "LISTEN",
            "LOG_LEVEL",
            "PUBLIC_URL",
        ] {
            command.env_remove(variable);
        }
        command
            .current_dir(self.at("work"))
            .env("HOME", self.at("home"))
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .env("DOORWAY", &self.address)
            .env("COMMONHOLD_UNDER_TEST", self.binary.path());
        if let Some(curl) = &self.curl {
            command.env("CURL_ITSELF", curl);
        }
        command
    }

    fn run_shell(&self, line: &str) -> Output {
        let mut command = self.dress(Command::new("sh"));
        command.args(["-c", line]).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Splits a line as a shell does.
    fn words(&self, line: &str) -> Vec<String> {
        let split = self.run_shell(&format!("for word in {line}; do echo \"$word\"; done"));
        assert!(split.status.success(), "{line}");
        String::from_utf8(split.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Starts the program's `up` with these words, on a free port.
    fn up(&self, words: &[String]) -> (Process, String) {
        let mut command = self.dress(self.binary.command());
        command.arg("up").args(on_free_port(words));
        let mut process = Process::spawn(command, &self.at("output")).unwrap();
        let address = process.wait_for_address(DEADLINE).unwrap();
        (process, format!("http://{address}"))
    }

    /// Starts the main doorway anew.
    fn start(&mut self, words: Vec<String>) {
        self.stop();
        let (process, address) = self.up(&words);
        (self.doorway, self.address, self.started) = (Some(process), address, words);
    }

    fn stop(&mut self) {
        if let Some(process) = self.doorway.take() {
            end(process);
        }
    }

    /// Puts in what a reader puts in.
    fn fill_in(&self, text: &str) -> String {
        let other = self.at("other").join("data").display().to_string();
        let places = [
            ("KEY", self.neighbour.as_str()),
            ("URL", &self.address),
            ("DIR", &other),
        ];
        let mut filled = text.replace(ADDRESS, &self.address);
        for (place, value) in places {
            let words: Vec<&str> = filled
                .split(' ')
                .map(|word| if word == place { value } else { word })
                .collect();
            filled = words.join(" ");
        }
        filled
    }

    /// Runs one command of a document; says what it did with it.
    fn follow(&mut self, text: &str) -> Result<Followed, String> {
        let line = self.fill_in(text);
        let program = line.split(' ').next().unwrap_or_default();
        let name = program.strip_prefix("target/up/").unwrap_or(program);
        if let Some(words) = line.strip_prefix("cargo xtask ") {
            return self.follow_task(words);
        }
        if let Some(words) = line
            .strip_prefix(&format!("{program} up"))
            .filter(|_| name == "commonhold")
        {
            let words = self.words(words);
            return Ok(self.follow_up(words));
        }
        if name == "sudo" || name == "apt-get" {
            return self.read_as_root(&line);
        }
        if name == "curl" && self.curl.is_none() {
            return Ok(Followed::LeftOut);
        }
        if name != "commonhold" && !TOOLS.contains(&name) {
            return Err(format!(
                "nothing runs {name}; teach the test, or mark the block as text"
            ));
        }
        // A copy is made of a doorway that is stopped, as the handbook says.
        let is_copy = name == "tar" && line.contains("share");
        if is_copy {
            self.stop();
        }
        let output = self.run_shell(&line);
        if is_copy {
            self.start(self.started.clone());
        }
        if output.status.success() {
            Ok(Followed::Run)
        } else {
            let said = [output.stdout, output.stderr].concat();
            Err(format!(
                "{}: {}",
                output.status,
                String::from_utf8_lossy(&said)
            ))
        }
    }

    fn follow_task(&mut self, words: &str) -> Result<Followed, String> {
        let task = words.split(' ').next().unwrap_or_default();
        if !tasks().iter().any(|known| known == task) {
            return Err(format!("cargo xtask knows no {task}"));
        }
        if task == "up" {
            let words = self.words(words.trim_start_matches("up"));
            return Ok(self.follow_up(words));
        }
        Ok(Followed::Read)
    }

    /// A doorway with a folder of its own runs beside the main one; every other one takes its place.
    fn follow_up(&mut self, words: Vec<String>) -> Followed {
        if words.iter().any(|word| word == "--data") {
            let (process, address) = self.up(&words);
            let host = address.trim_start_matches("http://").parse().unwrap();
            assert_eq!(
                http::status(host, "/courses/handbook/welcome", DEADLINE).unwrap(),
                200
            );
            end(process);
        } else {
            self.start(words);
        }
        Followed::Run
    }

    /// Reads a command that needs root: its tool is known, and our own program understands the rest.
    fn read_as_root(&self, line: &str) -> Result<Followed, String> {
        let line = line.strip_prefix("sudo ").unwrap_or(line);
        let line = line.strip_prefix("-u commonhold ").unwrap_or(line);
        let tool = line.split(' ').next().unwrap_or_default();
        if tool == "commonhold" {
            let output = self.run_shell(&format!("{line} --help"));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return output
                .status
                .success()
                .then_some(Followed::Read)
                .ok_or(said);
        }
        if tool == "apt-get" {
            let is_package = |word: &str| {
                word.bytes().all(|letter| {
                    letter.is_ascii_lowercase()
                        || letter.is_ascii_digit()
                        || b"+-.".contains(&letter)
                })
            };
            let packages = line
                .strip_prefix("apt-get install -y ")
                .ok_or("apt-get install -y PACKAGE…")?;
            return packages
                .split(' ')
                .all(is_package)
                .then_some(Followed::Read)
                .ok_or_else(|| packages.to_owned());
        }
        let is_known = TOOLS_OF_ROOT.contains(&tool);
        is_known
            .then_some(Followed::Read)
            .ok_or_else(|| format!("nothing reads {tool}"))
    }
}

/// What was done with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    /// It was run.
    Run,
    /// It needs root or builds for minutes: its words were checked.
    Read,
    /// A tool is missing on this machine.
    LeftOut,
}

/// Follows all commands of documents on one machine, in order; returns how many were run.
fn follow(documents: &[PathBuf]) -> usize {
    let mut machine = Machine::new();
    let mut run = 0;
    for document in documents {
        for command in commands_of(document).unwrap() {
            let place = format!("{}:{}: {}", document.display(), command.line, command.text);
            match machine.follow(&command.text) {
                Ok(Followed::Run) => run += 1,
                Ok(Followed::Read) => {}
                Ok(Followed::LeftOut) => {
                    eprintln!("left out, because curl is not installed: {place}")
                }
                Err(reason) => panic!("{place}\n{reason}"),
            }
        }
    }
    machine.stop();
    run
}

/// Ends a doorway as Ctrl-C does, and expects it to end well.
fn end(mut process: Process) {
    process.terminate().unwrap();
    assert!(
        process.wait(DEADLINE).unwrap().success(),
        "{}",
        process.stderr()
    );
}

/// Returns the words of `up` with a port that the system chooses.
fn on_free_port(words: &[String]) -> Vec<String> {
    let mut kept = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--listen" {
            rest.next();
        } else {
            kept.push(word.clone());
        }
    }
    kept
}

/// Returns the tasks that `cargo xtask --help` names.
fn tasks() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["xtask", "--help"])
        .current_dir(workspace_root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let help = String::from_utf8(output.stdout).unwrap();
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list = list.take_while(|line| line.starts_with("  "));
    list.filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

/// Copies a folder with everything below.
fn copy(source: &Path, target: &Path) {
    fs::create_dir_all(target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let below = target.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &below);
        } else {
            fs::copy(entry.path(), below).unwrap();
        }
    }
}

fn handbook() -> PathBuf {
    workspace_root().join("docs/handbook")
}

/// The pages of the handbook, in the order of its `config.yaml`.
fn chapters() -> Vec<PathBuf> {
    let config = fs::read_to_string(handbook().join("config.yaml")).unwrap();
    let listed = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    listed
        .filter(|name| name.ends_with(".md"))
        .map(|name| handbook().join(name))
        .collect()
}

#[test]
fn every_command_of_the_readme_works() {
    assert!(follow(&[workspace_root().join("README.md")]) >= 7);
}

#[test]
fn every_command_of_the_handbook_works() {
    let chapters = chapters();
    let files = fs::read_dir(handbook()).unwrap().filter_map(Result::ok);
    let files = files
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "md"))
        .count();
    assert_eq!(chapters.len(), files, "config.yaml names every page");
    assert!(follow(&chapters) >= 40);
}

#[test]
fn the_handbook_can_be_published_without_a_warning() {
    let machine = Machine::new();
    let line = format!(
        "commonhold publish {} --dry-run --json",
        handbook().display()
    );
    let output = machine.run_shell(&line);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["ok"], true, "{said}");
    assert_eq!(said["warnings"], serde_json::json!([]), "{said}");
    // The doorway published the same pages when it started.
    assert_eq!(said["pages"]["unchanged"], chapters().len(), "{said}");
}

#[test]
fn every_code_has_a_page_that_says_what_to_do() {
    let machine = Machine::new();
    let host = machine
        .address
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    for code in Code::ALL {
        let text =
            fs::read_to_string(workspace_root().join(format!("docs/errors/{code}.md"))).unwrap();
        let (first, rest) = code.title().split_at(1);
        let heading = format!("# {code}: {}{rest}", first.to_uppercase());
        assert_eq!(text.lines().next(), Some(heading.as_str()));
        let sections: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(
            sections,
            ["## What happened", "## What it means", "## What to do"],
            "{code}"
        );
        // A relative link would lead elsewhere on a doorway than beside this file.
        let prose = text.split("```").step_by(2);
        assert!(
            !prose.collect::<String>().contains("]("),
            "{code}: name other pages by their code"
        );
        let status = http::status(host, &format!("/errors/{code}"), DEADLINE).unwrap();
        assert_eq!(status, 200, "{code}");
    }
}

#[test]
fn every_decision_is_short_dated_and_listed() {
    let folder = workspace_root().join("docs/adr");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(
            text.starts_with("# ") && text.contains("\nDate: 20"),
            "{name}"
        );
        assert!(text.lines().count() < 40, "{name}");
        assert!(list.contains(&format!("]({name})")), "{name}");
        count += 1;
    }
    assert!(count >= 5);
}
