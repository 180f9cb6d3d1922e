//! A function's program by itself: its zip unpacked, its environment from here, and a stand-in for Lambda that it asks for work.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::support::repository;

/// Where the zips are. `None`, and a line that says so, where they were not built.
pub(crate) fn program_of(function: &str, folder: &Path) -> Option<PathBuf> {
    let zip = repository().join("target/lambda").join(function).join("bootstrap.zip");
    if !zip.exists() {
        println!("skipped: {} is not there (make cloud-up)", zip.display());
        return None;
    }
    let folder = folder.join(function);
    let unpacked = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(zip).arg(&folder).status().expect("there is Python");
    assert!(unpacked.success());
    let program = folder.join("bootstrap");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("the program is there");
    Some(program)
}

/// What Lambda does for a function: gives it one event, and takes the answer.
pub(crate) struct Lambda {
    pub(crate) address: String,
    asked: Receiver<(String, String)>,
}

impl Lambda {
    /// Gives `event` to whoever asks first, and nothing to whoever asks again.
    pub(crate) fn giving(event: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address").to_string();
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            let mut events = vec![event];
            for connection in listener.incoming().flatten() {
                // One function, one connection at a time: it asks, answers and asks again.
                let _it_left = serve(connection, &mut events, &sender);
            }
        });
        Self { address, asked }
    }

    /// What the function has asked and told so far, as "GET /path" and a body.
    pub(crate) fn so_far(&self) -> Vec<(String, String)> {
        self.asked.try_iter().collect()
    }

    /// Waits for the answer to the event.
    pub(crate) fn answer(&self) -> (String, String) {
        let mut requests = std::iter::from_fn(|| self.asked.recv_timeout(crate::support::PATIENCE).ok());
        requests.find(|(request, _)| request.starts_with("POST")).expect("a function answers")
    }
}

fn serve(connection: TcpStream, events: &mut Vec<String>, asked: &Sender<(String, String)>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let (mut length, mut chunked, mut header) = (0, false, String::new());
        while reader.read_line(&mut header)? > 2 {
            let name_and_value = header.trim().to_ascii_lowercase();
            if let Some(value) = name_and_value.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            chunked |= name_and_value == "transfer-encoding: chunked";
            header.clear();
        }
        let body = if chunked { read_chunks(&mut reader)? } else { read_exactly(&mut reader, length)? };
        let request = request.rsplit_once(" HTTP").map_or_else(String::new, |(request, _)| request.to_owned());
        let is_next = request.ends_with("/invocation/next");
        let _nobody_listens_any_more = asked.send((request, body));
        let answer = match events.pop() {
            Some(event) if is_next => event,
            // Nothing to do: as on Lambda, the function waits, here until the test ends it.
            None if is_next => loop {
                std::thread::park();
            },
            other => {
                events.extend(other);
                String::new()
            }
        };
        let (status, length) = (if is_next { "200 OK" } else { "202 Accepted" }, answer.len());
        let context = "Lambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n\
            Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:000000000000:function:f:live\r\n";
        write!(
            reader.get_mut(),
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{context}\r\n{answer}"
        )?;
    }
}

fn read_exactly(reader: &mut impl Read, length: usize) -> std::io::Result<String> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut body = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or_default();
        body += &read_exactly(reader, length)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _so_it_leaves_no_remains = self.0.wait();
    }
}

/// A command of the program with this environment and no other.
pub(crate) fn alone(program: &Path, lambda: &Lambda, variables: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs([
        ("AWS_LAMBDA_RUNTIME_API", lambda.address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "e2e"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "e2e"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "e2e"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}
