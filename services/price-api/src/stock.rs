//! The intake of stock changes.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use pricestream_domain::{Sku, StockVersion};
use pricestream_event_schema::{MAX_LINE, StockChange, TraceContext, stock_changes};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{Api, World};
use crate::desk::{Desk, StockOutcome};
use crate::extract::JsonBytes;
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    let operation = Operation::new("stock", "Takes stock changes: one object, an array, or lines of JSON")
        .reads_lines::<StockChange>()
        .answers::<Answer>(200, "What became of the one change, or of all of them")
        .fails(&[Code::BadStockChange, Code::UnknownSku, Code::OtherOrigin, Code::Contradiction, Code::OtherTime])
        .fails(&[Code::BadBody, Code::Unauthorized, Code::Busy, Code::NotStored]);
    routes.add(&Method::POST, "/v1/stock-changes", take::<W>, operation);
}

/// One change: its outcome. Several: how many came to what.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "StockAnswer")]
enum Answer {
    One(OneAnswer),
    Batch(BatchAnswer),
}

/// What became of one change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StockChangeTaken")]
struct OneAnswer {
    /// applied, repeated or stale.
    result: &'static str,
    /// Whose stock.
    sku: Sku,
    /// Place of the change in the SKU's history; of the last accepted one when it is stale.
    stock_version: StockVersion,
}

/// What became of several changes.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "StockChangesTaken")]
struct BatchAnswer {
    /// How many there were.
    received: usize,
    /// Accepted, and durable.
    applied: usize,
    /// The same as the last accepted change of their SKU.
    repeated: usize,
    /// Older than the last accepted change of their SKU.
    stale: usize,
    /// Malformed (those are kept aside, up to 1000 of them), or at fault.
    refused: usize,
    /// Why, for the first 1000, in the order of their lines.
    problems: Vec<LineProblem>,
}

/// Why one change of several was refused.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StockChangeProblem")]
struct LineProblem {
    /// Its line, or its place in the array, from 1.
    line: usize,
    /// The type of the problem that this change alone would be answered with.
    r#type: &'static str,
    /// The type in words.
    title: &'static str,
    /// What was wrong.
    detail: String,
    /// Whose stock, where that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Sku>,
}

/// Most problems told, and most bad lines kept aside, of one request.
const MOST_PROBLEMS: usize = 1_000;

async fn take<W: World>(State(api): ApiState<W>, request: Request) -> Result<Response, Problem> {
    api.tokens.admit_ingest(request.headers())?;
    let trace = trace(request.headers());
    let JsonBytes(body) = JsonBytes::from_request(request, &api).await?;
    let many = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body).trim_ascii_start().first() == Some(&b'[');
    let mut items = stock_changes(&body);
    let first = items.next();
    let second = if many { None } else { items.next() };
    match (first, second) {
        (None, _) if !many => Err(Problem::new(Code::BadBody, "the body is empty: send a stock change")),
        (Some((_, change, _)), None) if !many => {
            let change = change.map_err(|error| {
                api.metrics.stock.rejected.inc();
                Problem::new(Code::BadStockChange, error.to_string())
            })?;
            one(&api, change, trace).await.map(|answer| Json(Answer::One(answer)).into_response())
        }
        (first, second) => {
            let items = first.into_iter().chain(second).chain(items);
            batch(&api, items, trace).await.map(|answer| Json(Answer::Batch(answer)).into_response())
        }
    }
}

async fn one<W: World>(api: &Api<W>, change: StockChange, trace: Option<TraceContext>) -> Result<OneAnswer, Problem> {
    let sku = change.sku.clone();
    let outcomes = api.desk.stock_changes(vec![change], trace).await?;
    let (result, stock_version) = match outcomes.into_iter().next().expect("the desk answers for each change") {
        StockOutcome::Applied { stock_version } => ("applied", stock_version),
        StockOutcome::Repeated { stock_version } => ("repeated", stock_version),
        StockOutcome::Stale { stock_version } => ("stale", stock_version),
        StockOutcome::Refused(problem) => return Err(problem.with("sku", sku.as_str())),
    };
    Ok(OneAnswer { result, sku, stock_version })
}

type Item<'a> = (usize, Result<StockChange, pricestream_event_schema::StockChangeError>, &'a [u8]);

async fn batch<W: World>(
    api: &Api<W>,
    items: impl Iterator<Item = Item<'_>> + Send,
    trace: Option<TraceContext>,
) -> Result<BatchAnswer, Problem> {
    let mut answer = BatchAnswer::default();
    let (mut changes, mut lines, mut aside) = (Vec::new(), Vec::new(), Vec::new());
    for (line, item, raw) in items {
        answer.received += 1;
        match item {
            Ok(change) => {
                lines.push((line, change.sku.clone()));
                changes.push(change);
            }
            Err(error) => {
                api.metrics.stock.rejected.inc();
                answer.refused += 1;
                if aside.len() < MOST_PROBLEMS {
                    let problem = Problem::new(Code::BadStockChange, error.to_string());
                    aside.push((raw[..raw.len().min(MAX_LINE)].to_vec(), format!("line {line}: {error}")));
                    answer.problems.push(line_problem(line, &problem, None));
                }
            }
        }
    }
    let outcomes = if changes.is_empty() { Vec::new() } else { api.desk.stock_changes(changes, trace).await? };
    assert_eq!(outcomes.len(), lines.len(), "the desk answers for each change");
    // After the changes: if they fail, all of it is sent again, and nothing is aside twice.
    if !aside.is_empty() {
        api.desk.quarantine(aside).await?;
    }
    for (outcome, (line, sku)) in outcomes.into_iter().zip(lines) {
        match outcome {
            StockOutcome::Applied { .. } => answer.applied += 1,
            StockOutcome::Repeated { .. } => answer.repeated += 1,
            StockOutcome::Stale { .. } => answer.stale += 1,
            StockOutcome::Refused(problem) => {
                answer.refused += 1;
                if answer.problems.len() < 2 * MOST_PROBLEMS {
                    answer.problems.push(line_problem(line, &problem, Some(sku)));
                }
            }
        }
    }
    answer.problems.sort_by_key(|problem| problem.line);
    answer.problems.truncate(MOST_PROBLEMS);
    Ok(answer)
}

fn line_problem(line: usize, problem: &Problem, sku: Option<Sku>) -> LineProblem {
    let code = problem.code();
    LineProblem { line, r#type: code.uri(), title: code.title(), detail: problem.detail().to_owned(), sku }
}

/// The caller's place in its trace, if it names one.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    TraceContext::parse(text("traceparent")?, text("tracestate"))
}
