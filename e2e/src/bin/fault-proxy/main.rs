//! Passes on what the functions of the local cloud call, with the faults that tests ask for over HTTP. Started by localstack/cloud.

mod control;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use hyper::http::uri::Authority;
use pricestream_e2e::{Cable, Proxy, Rules, serve_calls, serve_valkey};
use tokio::net::TcpListener;

/// Where it listens, and what is behind it.
#[derive(Parser)]
struct Options {
    /// Where functions call AWS.
    #[arg(long)]
    calls: SocketAddr,
    /// The emulator, as host:port.
    #[arg(long)]
    emulator: Authority,
    /// Where functions call Valkey.
    #[arg(long)]
    cache: SocketAddr,
    /// Valkey, as host:port.
    #[arg(long)]
    valkey: String,
    /// Where tests ask for faults.
    #[arg(long)]
    control: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let (rules, cable) = (Arc::<Rules>::default(), Arc::<Cable>::default());
    let bind = async |address| TcpListener::bind(address).await.with_context(|| format!("listening on {address}"));
    let (calls, cache, control) = (bind(options.calls).await?, bind(options.cache).await?, bind(options.control).await?);
    tokio::select! {
        ended = serve_calls(calls, Proxy::new(options.emulator, Arc::clone(&rules))) => ended,
        ended = serve_valkey(cache, options.valkey, Arc::clone(&cable)) => ended,
        ended = async { Ok(axum::serve(control, control::router(rules, cable)).await?) } => ended,
    }
}
