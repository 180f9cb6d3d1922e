use axum::Router;
use lambda_http::Adapter;
use lambda_runtime::{Error, Runtime};

use super::Function;

/// Runs a function that answers requests of an HTTP API.
pub async fn run_router(function: Function, router: Router) -> Result<(), Error> {
    Runtime::new(Adapter::from(router)).layer(function.told()).run().await
}
