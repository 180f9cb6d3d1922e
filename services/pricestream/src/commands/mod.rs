mod backtest;
mod change;
mod check;
mod demo;
mod explain;
mod priors;
mod promotions;
mod quote;
mod refund;
mod replay;
mod simulate;
mod strategies;
mod up;
mod verify;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use pricestream_documents::Problem;
use pricestream_embedded::{Access, Store};
use pricestream_ports::SystemClock;
use pricestream_telemetry::Metrics;
use serde_json::json;

use crate::app::App;
use crate::cli::{Cli, Command, Durability, Global};
use crate::client::Client;

/// Whether a command found something that calls for attention: the exit status says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Something,
}

/// The command was given what it cannot use.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

pub(crate) fn run(cli: &Cli) -> Result<Found> {
    let global = &cli.global;
    match cli.command {
        Command::Up(ref options) => up::run(global, options),
        Command::Replay(ref options) => replay::run(global, options),
        Command::Verify => verify::run(global),
        Command::Explain(ref options) => explain::run(global, options),
        Command::Quote(ref options) => quote::run(global, options),
        Command::Timeline(ref options) => quote::timeline(global, options),
        Command::Refund(ref options) => refund::run(global, options),
        Command::Check(ref options) => check::run(global, options),
        Command::Catalogue(crate::cli::Catalogue::Import { ref file }) => change::import(global, file),
        Command::Catalogue(crate::cli::Catalogue::Features { ref known, ref targets }) => {
            priors::features_rows(known, targets.as_deref())
        }
        Command::Catalogue(crate::cli::Catalogue::Priors { ref known, ref model }) => priors::run(known, model),
        Command::Strategies(ref options) => strategies::run(global, options),
        Command::Promotions(ref promotions) => promotions::run(global, promotions),
        Command::Override(ref options) => change::set_override(global, options),
        Command::Mode { mode, ref audit } => change::mode(global, mode, audit),
        Command::Demo(ref options) => demo::run(global, options),
        Command::Simulate(ref options) => simulate::run(global, options),
        Command::Backtest(ref options) => backtest::run(global, options),
        Command::LearnProfiles(ref options) => backtest::learn_profiles(global, options),
    }
}

impl Global {
    /// The store's directory.
    pub(crate) fn directory(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from(".pricestream"))
    }

    /// What a commit survives.
    pub(crate) fn durability(&self) -> pricestream_embedded::Durability {
        match self.durability {
            Durability::Power => pricestream_embedded::Durability::Power,
            Durability::Process => pricestream_embedded::Durability::Process,
        }
    }

    /// The running server to ask, if one was named.
    pub(crate) fn client(&self) -> Result<Option<Client>> {
        self.target.as_deref().map(|target| Client::new(target, self.admin_token.as_deref())).transpose()
    }

    /// The store, opened to change something.
    fn open(&self) -> Result<Arc<App<SystemClock>>> {
        Store::open(&self.directory(), Access::Read)?; // says so when there is none, and makes none
        App::open(&self.directory(), self.durability(), SystemClock, None, Arc::new(Metrics::default()))
    }
}

/// Says everything that is wrong with a document.
fn report_problems(global: &Global, file: &Path, problems: &[Problem]) -> Found {
    if global.json {
        let told = problems.iter().map(|Problem { path, message }| json!({ "path": path, "message": message }));
        println!("{}", json!({ "problems": told.collect::<Vec<_>>() }));
    } else if problems.is_empty() {
        println!("{}: no problems", file.display());
    } else {
        println!("{}: {} problems", file.display(), problems.len());
        for problem in problems {
            println!("  {problem}");
        }
    }
    if problems.is_empty() { Found::Nothing } else { Found::Something }
}

/// A file, or standard input for `-`.
fn open_input(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 20, file)))
}

/// All of a file, or of standard input for `-`, as text.
fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    open_input(path)?.read_to_string(&mut text).with_context(|| format!("{} cannot be read as text", path.display()))?;
    Ok(text)
}

/// All of a file, or of standard input for `-`.
fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_input(path)?.read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(bytes)
}
