//! The walk through README.md, run as a reader would run it.
//!
//! A shell block is marked by the comment on the line before it: `<!-- test: server -->` is started and left running,
//! `<!-- test: walkthrough -->` runs beside it, `<!-- test: stopped -->` after it was asked to end. `# -> text` below a
//! command is what that command's output must contain. Port 8080 stands for a free one.
#![cfg(unix)]

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const README: &str = include_str!("../../../README.md");
const PATIENCE: Duration = Duration::from_secs(30);

/// Commands up to the next expectation, and what they must say.
#[derive(Debug, Default)]
struct Step {
    commands: String,
    expected: Vec<String>,
}

/// The shell blocks under `mark`, in their order.
fn blocks(mark: &str) -> Vec<String> {
    let mark = format!("<!-- test: {mark} -->");
    let mut found = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if line == mark {
            assert_eq!(lines.next(), Some("```sh"), "{mark} stands before a shell block");
            found.push(lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect());
        }
    }
    found
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps = vec![Step::default()];
    for line in block.lines() {
        let last = steps.last_mut().expect("there is one from the start");
        match line.strip_prefix("# -> ") {
            Some(expected) => last.expected.push(expected.to_owned()),
            None if last.expected.is_empty() => last.commands.extend([line, "\n"]),
            None => steps.push(Step { commands: format!("{line}\n"), expected: Vec::new() }),
        }
    }
    steps
}

/// A directory that looks like the repository to the commands, with the program on its path.
struct Place {
    directory: tempfile::TempDir,
    port: u16,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("target/release");
        std::fs::create_dir_all(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pricestream"), bin.join("pricestream")).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        std::os::unix::fs::symlink(examples, directory.path().join("examples")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { directory, port }
    }

    fn bash(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .arg("-c")
            .arg(script.replace("8080", &self.port.to_string()))
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PRICESTREAM_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs the steps of `block` in one shell, and looks at what each of them says.
    fn run(&self, block: &str) {
        let steps = steps(block);
        let script: String = steps.iter().flat_map(|step| [&step.commands, "echo; echo ", MARK, "\n"]).collect();
        let output = self.bash(&script).output().expect("bash is there");
        let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut said_by_step = said.split(MARK);
        for Step { commands, expected } in &steps {
            let said = said_by_step.next().unwrap_or_default();
            assert!(!expected.is_empty(), "nothing is expected of:\n{commands}");
            let mut rest = said;
            for expected in expected {
                let at = rest.find(expected);
                let at = at.unwrap_or_else(|| panic!("{commands}says\n{said}\nwithout (or too early)\n{expected}\n{complaints}"));
                rest = &rest[at + expected.len()..];
            }
        }
    }
}

const MARK: &str = "@@-the-next-step-@@";

/// A server in a process group of its own, which ends with the test.
struct Server(Child);

impl Server {
    fn start(place: &Place) -> Self {
        let script = blocks("server").concat();
        let mut server = Self(place.bash(&script).process_group(0).stdout(Stdio::null()).spawn().expect("bash is there"));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", place.port)).is_err() {
            assert_eq!(server.0.try_wait().unwrap(), None, "the server ended");
            assert!(began.elapsed() < PATIENCE, "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// As Ctrl-C does: every process of the group is told.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.0.id());
        let told = Command::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status();
        told.expect("kill is there");
    }

    fn stop(mut self) -> ExitStatus {
        self.signal("INT");
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal("KILL");
            let _reaped = self.0.wait();
        }
    }
}

/// `block` as it runs in the terminal in which the server ran before.
fn in_the_shell_of_the_server(block: &str) -> String {
    let server = blocks("server").concat();
    let exports = server.lines().filter(|line| line.starts_with("export ")).flat_map(|line| [line, "\n"]);
    exports.chain([block]).collect()
}

#[test]
fn every_command_of_the_walk_does_what_the_readme_says() {
    let place = Place::new();
    let server = Server::start(&place);
    place.run(&blocks("walkthrough").concat());
    let port_is_free = || TcpStream::connect(("127.0.0.1", place.port)).is_err();
    server.stop();
    assert!(port_is_free(), "the server ended with its shell");
    place.run(&in_the_shell_of_the_server(&blocks("stopped").concat()));
}

#[test]
fn every_shell_block_is_marked() {
    let marked = ["server", "walkthrough", "stopped"].map(|mark| blocks(mark).len());
    assert!(marked.iter().all(|count| *count > 0), "{marked:?}");
    assert_eq!(README.matches("```sh\n").count(), marked.iter().sum::<usize>());
}
