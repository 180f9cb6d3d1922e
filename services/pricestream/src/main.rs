//! pricestream: all services in one process, and the command line.

mod app;
mod cli;
mod client;
mod commands;
mod desk;
mod prior_model;
mod quote_key;
mod replay;
mod report;
mod sale;
mod server;
mod subscribers;
mod verify;
mod watch;
mod worker;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Every change makes many small allocations, which this makes faster than the C library does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if let Err(error) = start_telling(cli.default_log()) {
        eprintln!("pricestream: {error:#}");
        return ExitCode::from(2);
    }
    let json = cli.global.json;
    match commands::run(&cli) {
        Ok(commands::Found::Nothing) => ExitCode::SUCCESS,
        Ok(commands::Found::Something) => ExitCode::from(1),
        Err(error) => {
            if json {
                println!("{}", serde_json::json!({ "error": format!("{error:#}") }));
            }
            eprintln!("pricestream: {error:#}");
            ExitCode::from(if error.is::<commands::Usage>() { 2 } else { 1 })
        }
    }
}

/// Logs to standard error, and spans to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, if it names one.
fn start_telling(default_log: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("PRICESTREAM_LOG").unwrap_or_else(|_| default_log.into());
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
    let hops = Targets::new().with_target("pricestream_telemetry", tracing::Level::INFO);
    let spans =
        endpoint.map(|endpoint| pricestream_telemetry::collector(&endpoint)).transpose()?.map(|spans| spans.with_filter(hops));
    tracing_subscriber::registry().with(log).with(spans).init();
    Ok(())
}
