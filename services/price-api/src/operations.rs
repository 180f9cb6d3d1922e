use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::IntoResponse;

use crate::api::World;
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    let alive = Operation::new("operations", "The process answers").answers_any(200, "It does", "text/plain");
    routes.add(&Method::GET, "/healthz", async || "ok\n", alive);
    let ready = Operation::new("operations", "The cache is warm: requests may come")
        .answers_any(200, "They may", "text/plain")
        .fails(&[Code::NotReady]);
    routes.add(&Method::GET, "/readyz", readyz::<W>, ready);
    let metrics = Operation::new("operations", "Metrics").answers_any(200, "OpenMetrics", OPEN_METRICS);
    routes.add(&Method::GET, "/metrics", render::<W>, metrics);
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

async fn readyz<W: World>(State(api): ApiState<W>) -> Result<&'static str, Problem> {
    if api.ready.load(Ordering::Acquire) {
        Ok("ready\n")
    } else {
        Err(Problem::new(Code::NotReady, "the cache is being filled: ask again in a second"))
    }
}

async fn render<W: World>(State(api): ApiState<W>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS))], api.metrics.render())
}
