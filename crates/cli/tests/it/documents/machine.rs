//! The machine of a reader who follows a document: a home, a folder to work in, and doorways that run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use testkit::servers::Postgres;
use testkit::{Binary, Process, http, wait_for, workspace_root};

use super::DEADLINE;

/// Where documents say that the doorway is.
const ADDRESS: &str = "http://127.0.0.1:8080";

/// Where documents say that its steward looks.
const ADMIN: &str = "http://127.0.0.1:9090";

/// Where documents say that a node which keeps files listens without another word.
const NODE: &str = "127.0.0.1:8090";

/// What documents call a database.
const DATABASE: &str = "postgres://commonhold:secret@127.0.0.1/commonhold";

/// Plain tools that documents may use; they are run as typed.
const TOOLS: [&str; 5] = ["curl", "echo", "mkdir", "tar", "cp"];

/// Tools that need root; they are not run.
const TOOLS_OF_ROOT: [&str; 4] = ["apt-get", "install", "useradd", "systemctl"];

/// Gives the program the test's address where a reader relies on the default.
const PROGRAM: &str = r#"#!/bin/sh
case "$1" in
publish | unpublish | member | profile | blob)
    case " $* " in
    *" --to "* | *" --help "* | "blob "*" --data "*) ;;
    *) set -- "$@" --to "$DOORWAY" ;;
    esac ;;
esac
exec "$COMMONHOLD_UNDER_TEST" "$@"
"#;

/// Makes an answer that is no success a failure of the command.
const CURL: &str = "#!/bin/sh\nexec \"$CURL_ITSELF\" --fail --silent --show-error \"$@\"\n";

/// A doorway that runs.
struct Running {
    process: Process,
    /// Where it is reached.
    url: String,
    /// Where its steward looks.
    admin: String,
}

/// A doorway beside the main one.
struct Beside {
    running: Running,
    data: String,
    /// Where the document says that it listens.
    typed: Option<String>,
}

/// A reader's machine: a home, a folder to work in, and a doorway that runs.
pub(super) struct Machine {
    binary: Binary,
    folder: tempfile::TempDir,
    doorway: Option<Process>,
    /// The words with which the doorway was started last.
    started: Vec<String>,
    pub(super) address: String,
    admin: String,
    beside: Vec<Beside>,
    /// What documents call [`DATABASE`], once one of them does.
    database: Option<String>,
    /// Addresses of doorways that could not be started, because a server is missing on this machine.
    left_out: Vec<String>,
    neighbour: String,
    curl: Option<PathBuf>,
}

impl Machine {
    /// Starts a doorway as `cargo xtask up` does, and puts a folder to publish beside it.
    pub(super) fn new() -> Self {
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
            admin: String::new(),
            beside: Vec::new(),
            database: None,
            left_out: Vec::new(),
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

    pub(super) fn run_shell(&self, line: &str) -> Output {
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

    /// Starts the program's `up` with these variables and words, on free ports.
    fn up(&self, variables: &[(String, String)], words: &[String]) -> Running {
        let mut command = self.dress(self.binary.command());
        command.envs(variables.iter().cloned());
        command.arg("up").args(on_free_port(words));
        let mut process = Process::spawn(command, &self.at("output")).unwrap();
        let said = |line: &str, sign: &str| line.split_once(sign).map(|(_, rest)| rest.to_owned());
        let mut wait_for = |sign: &str| {
            let line = process.wait_for_line(DEADLINE, |line| said(line, sign).is_some());
            said(&line.unwrap(), sign).unwrap()
        };
        let url = wait_for(" is open at ");
        let status = wait_for("Status and metrics: ");
        let admin = status.trim_end_matches("/status").to_owned();
        Running {
            process,
            url,
            admin,
        }
    }

    /// Starts a node that keeps files and nothing else, on a free port.
    fn node(&self, words: &[String]) -> Running {
        let mut command = self.dress(self.binary.command());
        command.arg("storage").args(on_free_port(words));
        let mut process = Process::spawn(command, &self.at("output")).unwrap();
        let mut wait_for = |sign: &str| {
            let line = process.wait_for_line(DEADLINE, |line| line.starts_with(sign));
            line.unwrap()[sign.len()..].to_owned()
        };
        let url = wait_for("Blobs are kept at ");
        let metrics = wait_for("Metrics: ");
        let admin = metrics.trim_end_matches("/metrics").to_owned();
        Running {
            process,
            url,
            admin,
        }
    }

    /// Starts the main doorway anew.
    fn start(&mut self, words: Vec<String>) {
        self.stop();
        let running = self.up(&[], &words);
        (self.address, self.admin) = (running.url, running.admin);
        (self.doorway, self.started) = (Some(running.process), words);
    }

    fn stop(&mut self) {
        if let Some(process) = self.doorway.take() {
            end(process);
        }
    }

    /// Ends everything that runs, copies first.
    pub(super) fn end(&mut self) {
        while let Some(beside) = self.beside.pop() {
            end(beside.running.process);
        }
        self.stop();
    }

    /// Puts in what a reader puts in.
    fn fill_in(&self, text: &str) -> String {
        let other = self.at("other").join("data").display().to_string();
        let invite = self.invite(text);
        let places = [
            ("ID", invite[0].as_str()),
            ("'INVITE'", &invite[1]),
            ("KEY", self.neighbour.as_str()),
            ("URL", &self.address),
            ("DIR", &other),
        ];
        let mut filled = text
            .replace(ADDRESS, &self.address)
            .replace(ADMIN, &self.admin);
        for beside in &self.beside {
            let (_, actual) = beside.running.url.split_once("://").unwrap();
            if let Some(typed) = &beside.typed {
                filled = filled.replace(&format!("://{typed}"), &format!("://{actual}"));
            }
        }
        if let Some(database) = &self.database {
            filled = filled.replace(DATABASE, database);
        }
        for (place, value) in places {
            let words: Vec<&str> = filled
                .split(' ')
                .map(|word| if word == place { value } else { word })
                .collect();
            filled = words.join(" ");
        }
        filled
    }

    /// Makes an invite for a command that names one; returns its id and its address in quotes.
    fn invite(&self, text: &str) -> [String; 2] {
        let is_named = |word: &str| matches!(word, "ID" | "'INVITE'");
        if !text.split(' ').any(is_named) {
            return [String::new(), String::new()];
        }
        let made = self.run_shell("commonhold member invite --json").stdout;
        let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
        let said = |name: &str| made[name].as_str().unwrap().to_owned();
        [said("id"), format!("'{}'", said("url"))]
    }

    /// Runs one command of a document; says what it did with it.
    pub(super) fn follow(&mut self, text: &str) -> Result<Followed, String> {
        if text.contains(DATABASE) && !self.has_database() {
            self.left_out.extend(listen_of(&self.words(text)));
        }
        let is_missing = |typed: &String| text.contains(typed.as_str());
        if self.left_out.iter().any(is_missing) {
            return Ok(Followed::LeftOut("PostgreSQL"));
        }
        let line = self.fill_in(text);
        let (variables, line) = assignments(&line);
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
            return Ok(self.follow_up(&variables, words));
        }
        if !variables.is_empty() {
            return Err("variables are set for commonhold up alone".to_owned());
        }
        if let Some(words) = line
            .strip_prefix(&format!("{program} storage"))
            .filter(|_| name == "commonhold")
        {
            return self.follow_storage(self.words(words));
        }
        if name == "sudo" || name == "apt-get" {
            return self.read_as_root(&line);
        }
        if name == "curl" && self.curl.is_none() {
            return Ok(Followed::LeftOut("curl"));
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
            return Ok(self.follow_up(&[], words));
        }
        Ok(Followed::Read)
    }

    /// A doorway with a folder of its own runs beside the main one; every other one takes its place.
    fn follow_up(&mut self, variables: &[(String, String)], words: Vec<String>) -> Followed {
        let Some(data) = word_behind(&words, "--data") else {
            self.start(words);
            return Followed::Run;
        };
        let typed = listen_of(&words);
        self.make_room(&data, typed.as_deref());
        let running = self.up(variables, &words);
        for path in ["/ready", "/courses/handbook/welcome"] {
            wait_for("what a reader sees", DEADLINE, || {
                Ok(self.shows(&running.url, path).then_some(()))
            })
            .unwrap_or_else(|error| panic!("{path}: {error}: {}", running.process.stderr()));
        }
        self.beside.push(Beside {
            running,
            data,
            typed,
        });
        Followed::Run
    }

    /// A node runs beside everything else, until another one takes its folder or its address.
    fn follow_storage(&mut self, words: Vec<String>) -> Result<Followed, String> {
        let data = word_behind(&words, "--data");
        let data = data.ok_or("a document names the folder of a node with --data")?;
        let typed = listen_of(&words).unwrap_or_else(|| NODE.to_owned());
        self.make_room(&data, Some(&typed));
        let running = self.node(&words);
        self.beside.push(Beside {
            running,
            data,
            typed: Some(typed),
        });
        Ok(Followed::Run)
    }

    /// Ends what runs beside the main doorway and has this folder or this address.
    fn make_room(&mut self, data: &str, typed: Option<&str>) {
        let is_replaced = |beside: &mut Beside| {
            beside.data == data || (typed.is_some() && beside.typed.as_deref() == typed)
        };
        for replaced in self.beside.extract_if(.., is_replaced) {
            end(replaced.running.process);
        }
    }

    /// Tells whether a doorway answers with success; over https only where there is curl.
    fn shows(&self, url: &str, path: &str) -> bool {
        match url.strip_prefix("http://") {
            Some(host) => http::status(host.parse().unwrap(), path, DEADLINE).unwrap() == 200,
            None if self.curl.is_none() => true,
            None => {
                let line = format!("curl --insecure {url}{path}");
                self.run_shell(&line).status.success()
            }
        }
    }

    /// Makes a database when there is none yet; tells whether there is one.
    fn has_database(&mut self) -> bool {
        if self.database.is_none()
            && let Some(postgres) = Postgres::shared().unwrap()
        {
            self.database = Some(postgres.database("documents").unwrap());
        }
        self.database.is_some()
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
pub(super) enum Followed {
    /// It was run.
    Run,
    /// It needs root or builds for minutes: its words were checked.
    Read,
    /// This is missing on this machine.
    LeftOut(&'static str),
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

/// Takes the variables off that stand before a command.
fn assignments(line: &str) -> (Vec<(String, String)>, String) {
    let mut variables = Vec::new();
    let mut rest = line;
    while let Some((word, behind)) = rest.split_once(' ')
        && let Some((name, value)) = word.split_once('=')
        && name
            .bytes()
            .all(|letter| letter.is_ascii_uppercase() || letter == b'_')
    {
        variables.push((name.to_owned(), value.to_owned()));
        rest = behind;
    }
    (variables, rest.to_owned())
}

/// Returns the word that follows a flag.
fn word_behind(words: &[String], flag: &str) -> Option<String> {
    let mut words = words.iter().skip_while(|word| *word != flag);
    words.nth(1).cloned()
}

/// Returns where a doorway is told to listen on this machine alone.
fn listen_of(words: &[String]) -> Option<String> {
    word_behind(words, "--listen").filter(|address| address.starts_with("127.0.0.1:"))
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
