//! pricestream: all services in one process, and the command line.

mod app;
mod cli;
mod commands;
mod client;
mod desk;
mod replay;
mod report;
mod sale;
mod server;
mod subscribers;
mod verify;
mod worker;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("PRICESTREAM_LOG").unwrap_or_else(|_| cli.default_log().into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let json = cli.global.json;
    match commands::run(cli) {
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
