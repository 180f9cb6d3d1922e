use lambda_runtime::Error;
use serde_json::Value;

use super::Function;

/// Runs a function that a schedule calls; what the event says is passed over.
pub async fn run_scheduled(function: Function, work: impl AsyncFn() -> Result<Value, Error> + 'static) -> Result<(), Error> {
    function.run(async move |_| work().await).await
}
