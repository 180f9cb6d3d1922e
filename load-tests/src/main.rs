//! The command.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use pricestream_load_tests::{Outcome, Plan, Recorded, Scenario, Target, beside, capacity, read_recording, report, run};

/// Puts a load on pricestream, and says what came of it.
#[derive(Debug, Parser)]
#[command(version, after_help = "Exit status: 0 everything holds in the end, 1 something does not or it failed, 2 wrong usage.")]
struct Cli {
    /// Scenarios (TOML), each on a fresh store
    #[arg(required = true, value_name = "FILE")]
    scenarios: Vec<PathBuf>,
    /// A target that runs already, in place of a server of our own: settings are replaced, and SKUs are added
    #[arg(long, value_name = "URL", requires = "replace_settings")]
    target: Option<String>,
    /// Yes, replace strategies and promotions of the target
    #[arg(long)]
    replace_settings: bool,
    /// The target's admin token
    #[arg(long, env = "PRICESTREAM_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// The program to start as a server of our own; the one beside this one when absent
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// What a commit of that server survives
    #[arg(long, value_enum, default_value_t = Durability::Power)]
    durability: Durability,
    /// Recorded stock changes (NDJSON), for scenarios that play some
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// How many times faster than they were, in place of what the scenario says: 1 to 10000
    #[arg(long, value_name = "TIMES")]
    speed: Option<f64>,
    /// Seconds that each scenario lasts at most; everything in it comes sooner in proportion
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// Directory for report.html and report.json
    #[arg(long, default_value = "target/load", value_name = "DIR")]
    out: PathBuf,
    /// Equal seeds give equal loads
    #[arg(long, default_value_t = 11, value_name = "N")]
    seed: u64,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Durability {
    /// The loss of power
    Power,
    /// The end of the process alone
    Process,
}

impl Cli {
    async fn open(&self) -> Result<Target> {
        match &self.target {
            Some(url) => Target::at(url, self.admin_token.as_deref()).await,
            None => {
                let program = self.server.clone().unwrap_or_else(beside);
                let durability = match self.durability {
                    Durability::Power => "power",
                    Durability::Process => "process",
                };
                Target::start(&program, durability).await
            }
        }
    }
}

/// How long the target is asked what it can take.
const PROBE: f64 = 4.0;

async fn all(cli: &Cli, bar: &ProgressBar) -> Result<Vec<Outcome>> {
    let recorded: Option<Vec<Recorded>> = cli.recording.as_deref().map(read_recording).transpose()?;
    let mut known = None;
    let mut outcomes = Vec::new();
    for file in &cli.scenarios {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or("scenario");
        let mut scenario = Scenario::read(file)?;
        if scenario.recording_speed.is_some() {
            if recorded.is_none() {
                bar.suspend(|| eprintln!("SKIPPED: {name} plays recorded stock changes; name some with --recording"));
                continue;
            }
            scenario.recording_speed = cli.speed.or(scenario.recording_speed);
        }
        if let Some(seconds) = cli.seconds.filter(|seconds| *seconds < scenario.seconds) {
            scenario = scenario.shortened(seconds);
        }
        if scenario.needs_capacity() && known.is_none() {
            bar.set_message("how much the target can take");
            let target = cli.open().await?;
            known = Some(capacity(&target, PROBE).await.context("measuring what the target can take")?);
            target.end().await;
        }
        let target = cli.open().await?;
        let recorded = scenario.recording_speed.and(recorded.as_deref());
        let plan = Plan { name, scenario: &scenario, capacity: known.unwrap_or(0.0), recorded, seed: cli.seed };
        let outcome = run(plan, &target, bar).await.with_context(|| format!("scenario {name}"));
        target.end().await;
        outcomes.push(outcome?);
        bar.inc(1);
    }
    if outcomes.is_empty() {
        bail!("no scenario was run");
    }
    Ok(outcomes)
}

/// Each stream is a socket, here and at the server, which inherits the limit.
fn allow_many_sockets() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _as_it_was = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_ok();
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    allow_many_sockets();
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {msg}").context("the template")?;
    let bar = ProgressBar::new(cli.scenarios.len() as u64).with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcomes = runtime.block_on(all(&cli, &bar))?;
    bar.finish_and_clear();
    std::fs::create_dir_all(&cli.out).with_context(|| format!("{} cannot be made", cli.out.display()))?;
    std::fs::write(cli.out.join("report.html"), report::page(&outcomes)?)?;
    std::fs::write(cli.out.join("report.json"), serde_json::to_vec_pretty(&outcomes)?)?;
    if cli.json {
        println!("{}", serde_json::to_string(&outcomes)?);
    } else {
        print!("{}", report::table(&outcomes));
        for outcome in &outcomes {
            println!("{}: limited by {}", outcome.scenario, outcome.limits.join("; "));
            if let Some(drift) = &outcome.memory {
                println!("{}: {}", outcome.scenario, drift.sentence());
            }
            for check in outcome.checks.iter().filter(|check| check.wrong > 0) {
                println!("{}: BROKEN: {} ({} times) {}", outcome.scenario, check.what, check.wrong, check.detail);
            }
        }
        println!("{}", outcomes[0].machine);
        println!("{}", cli.out.join("report.html").display());
    }
    Ok(if outcomes.iter().all(Outcome::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
