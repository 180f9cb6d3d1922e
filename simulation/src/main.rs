//! Runs seeds of the simulation from the command line.

use std::process::ExitCode;

use clap::Parser;
use pricestream_simulation::{Fault, Mix, Plan, Summary, Weaken, campaign, mix_of, run};

/// Runs the shipped handlers under a seeded scheduler with faults, and checks what must hold.
#[derive(Parser)]
struct Options {
    /// Runs this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Faults: calm, duplicates, crashes, loss, failover or all. Each seed its own when absent.
    #[arg(long)]
    mix: Option<Mix>,
    /// The cache hears of prices by events alone.
    #[arg(long)]
    events_only: bool,
    /// Only inputs that an event announces.
    #[arg(long)]
    announced_only: bool,
    /// Goes without a defence: cache-compare, conditional-writes, re-emit, record-first, reconciler or absent-read.
    #[arg(long)]
    weaken: Option<Weaken>,
    /// Prints every step of a single seed.
    #[arg(long)]
    trace: bool,
}

impl Options {
    fn plan(&self, seed: u64) -> Plan {
        let usual = self.weaken.filter(|_| self.mix.is_none()).map_or(Plan::of(mix_of(seed)), Plan::against);
        Plan {
            mix: self.mix.unwrap_or(usual.mix),
            events_only: self.events_only || usual.events_only,
            announced_only: self.announced_only || usual.announced_only,
            weaken: self.weaken,
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let failed = match options.seed {
        Some(seed) => one(&options, seed),
        None => many(&options),
    };
    ExitCode::from(u8::from(failed))
}

fn one(options: &Options, seed: u64) -> bool {
    let report = run(seed, options.plan(seed), options.trace);
    for line in &report.trace {
        println!("{line}");
    }
    match report.failure() {
        Some(failure) => println!("{failure}"),
        None => println!("seed {seed} {}: every invariant held in {} steps", report.plan, report.steps),
    }
    report.broken.is_some()
}

fn many(options: &Options) -> bool {
    let began = std::time::Instant::now();
    let seeds = options.from..options.from.saturating_add(options.seeds);
    let summary = campaign(
        seeds,
        |seed| options.plan(seed),
        |done| {
            if done.is_multiple_of(100) {
                eprint!("\r{done} of {} seeds", options.seeds);
            }
        },
    );
    eprintln!("\r{} of {} seeds in {:.1} s", summary.seeds, options.seeds, began.elapsed().as_secs_f64());
    print(&summary);
    let Some(failed) = &summary.failed else {
        println!("every invariant held");
        return false;
    };
    for line in run(failed.seed, failed.plan, true).trace {
        println!("{line}");
    }
    println!("{}", failed.failure().unwrap_or_default());
    true
}

fn print(summary: &Summary) {
    let row = |name: &str, value: u64| println!("{name:<16}{value:>12}");
    row("seeds", summary.seeds);
    row("steps", summary.steps);
    row("longest", summary.longest.1);
    row("decisions", summary.rows);
    row("cache writes", summary.cache_writes);
    row("messages", summary.messages);
    row("alerts", summary.alerts);
    for fault in Fault::ALL {
        row(fault.name(), summary.faults.of(fault));
    }
}
