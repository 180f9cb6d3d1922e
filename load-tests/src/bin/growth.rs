//! The command that measures how cost grows.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use mimalloc::MiMalloc;
use pricestream_load_tests::growth::Growth;
use pricestream_load_tests::{beside, machine_facts};

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures how the cost of pricestream grows: time and memory, and by which power of the size each grows from row to row.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What grows; everything when absent
    #[arg(value_enum)]
    of: Vec<Growth>,
    /// Leave out what is larger
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    most: usize,
    /// The program to start as a server; the one beside this one when absent
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
    /// Measure this size alone, and write its costs
    #[arg(long, value_name = "N", hide = true)]
    row: Option<usize>,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("growth: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let program = cli.server.unwrap_or_else(beside);
    if let Some(size) = cli.row {
        let [of] = cli.of[..] else { bail!("--row measures one thing that grows: name it") };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        println!("{}", serde_json::to_string(&runtime.block_on(of.measure(size, &program))?)?);
        return Ok(());
    }
    let all = if cli.of.is_empty() { Growth::value_variants().to_vec() } else { cli.of };
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let mut tables = Vec::new();
    for of in all {
        let table = of.table(cli.most, &program, |what| bar.set_message(what.to_owned()))?;
        if !cli.json {
            bar.suspend(|| println!("{}", table.text()));
        }
        tables.push(table);
    }
    bar.finish_and_clear();
    if cli.json {
        println!("{}", serde_json::json!({ "machine": machine_facts(), "tables": tables }));
    } else {
        println!(
            "CPU time of the program that is measured; import, ready and telling all are by the clock. {}.",
            machine_facts()
        );
    }
    Ok(())
}
