//! What the load falls on: a server of our own that ends with the run, or one that is named by its URL.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;

const TOKEN: &str = "load-test";

/// What is loaded.
pub struct Target {
    /// For requests.
    pub client: Client,
    /// Where it is.
    pub url: String,
    /// Its process, where it is one of this machine.
    pub process: Option<u32>,
    /// It has a live stream; functions on AWS have none.
    pub streams: bool,
    server: Option<Child>,
    /// Gone with the target.
    store: Option<tempfile::TempDir>,
}

/// Requests under way, at most.
const MOST: usize = 256;

impl Target {
    /// Starts a server on a store of its own; `program` is pricestream.
    pub async fn start(program: &Path, durability: &str) -> Result<Self> {
        let directory = tempfile::tempdir().context("a directory for the store")?;
        let mut target = Self::start_on(program, durability, directory.path()).await?;
        target.store = Some(directory);
        Ok(target)
    }

    /// Starts a server on the store in `directory`.
    pub async fn start_on(program: &Path, durability: &str, directory: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PRICESTREAM_")) {
            command.env_remove(name);
        }
        command.args(["up", "--json", "--listen", "127.0.0.1:0", "--durability", durability, "--data"]).arg(directory);
        command.env("PRICESTREAM_ADMIN_TOKEN", TOKEN).env("PRICESTREAM_LOG", "error");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut server =
            command.spawn().with_context(|| format!("starting {}: build it first (make build)", program.display()))?;
        let out = server.stdout.take().context("the server's output")?;
        let mut lines = BufReader::new(out).lines();
        let line = lines.next_line().await?.context("the server ended before it listened")?;
        let told: serde_json::Value = serde_json::from_str(&line).with_context(|| format!("the server said {line:?}"))?;
        let Some(address) = told.get("listening").and_then(serde_json::Value::as_str) else { bail!("the server said {line:?}") };
        let url = format!("http://{address}");
        let client = Client::new(&url, Some(TOKEN), MOST)?;
        let process = server.id();
        Ok(Self { client, url, process, streams: true, server: Some(server), store: None })
    }

    /// A target that runs already.
    pub async fn at(url: &str, token: Option<&str>) -> Result<Self> {
        let client = Client::new(url, token, MOST)?;
        let (status, _) =
            client.ask(hyper::Method::GET, "/healthz", "").await.with_context(|| format!("{url} does not answer"))?;
        if status != 200 {
            bail!("{url} answers {status} at /healthz");
        }
        let streams = client.stream("/v1/stream?skus=load-none", "").await.is_ok();
        Ok(Self { client, url: url.to_owned(), process: None, streams, server: None, store: None })
    }

    /// Whether it is a server of our own, with nothing else in it.
    pub fn is_own(&self) -> bool {
        self.server.is_some()
    }

    /// Ends a server of our own.
    pub async fn end(self) {
        if let Some(mut server) = self.server {
            let _ended = server.kill().await.is_ok();
        }
    }
}

/// The program beside this one.
pub fn beside() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    here.with_file_name("pricestream")
}
