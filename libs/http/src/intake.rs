//! The intake of stock changes.

use std::future::Future;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use pricestream_domain::{Sku, StockVersion};
use pricestream_event_schema::{MAX_LINE, StockChange, TraceContext, stock_changes};
use pricestream_ports::{PortError, chain};
use pricestream_telemetry::Metrics;
use schemars::JsonSchema;
use serde::Serialize;

use crate::extract::JsonBytes;
use crate::problem::{Code, Problem};
use crate::tokens::Tokens;

/// The name under which refused input is set aside.
pub const INTAKE: &str = "stock-changes";

/// Where stock changes go.
pub trait Intake: Send + Sync + 'static {
    /// Takes stock changes; one outcome for each, in order. Returns once each accepted one is durable.
    fn stock_changes(
        &self,
        changes: Vec<StockChange>,
        trace: Option<TraceContext>,
    ) -> impl Future<Output = Result<Vec<StockOutcome>, IntakeError>> + Send;

    /// Keeps input aside that could not be taken: its bytes, and why.
    fn quarantine(&self, items: Vec<(Vec<u8>, String)>) -> impl Future<Output = Result<(), IntakeError>> + Send;
}

/// What a stock change came to.
#[derive(Clone, Debug, PartialEq)]
pub enum StockOutcome {
    /// Accepted, and durable.
    Applied {
        /// Its place in the SKU's history.
        stock_version: StockVersion,
    },
    /// The last accepted change once more: no second effect.
    Repeated {
        /// The place of the first.
        stock_version: StockVersion,
    },
    /// Older than the last accepted change: no effect.
    Stale {
        /// The place of the last accepted one.
        stock_version: StockVersion,
    },
    /// The change is at fault: unknown-sku, other-origin, contradiction or other-time.
    Refused(Problem),
}

/// Why the desk or the intake did not do what it was asked. Of many things some may be done; doing all again changes nothing twice.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Too much is waiting: send it again, later.
    #[error("too much is waiting")]
    Busy,
    /// It could not be stored, for the reason given: send it again when that is mended.
    #[error("{0}")]
    Failed(String),
    /// The request is at fault.
    #[error("{}", .0.detail())]
    Refused(Problem),
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Busy => Self::new(Code::Busy, "nothing of it was kept: send it again in a second"),
            IntakeError::Failed(why) => {
                Self::new(Code::NotStored, format!("it was not done to its end, and sending it again is safe: {why}"))
            }
            IntakeError::Refused(problem) => problem,
        }
    }
}

impl From<PortError> for IntakeError {
    fn from(error: PortError) -> Self {
        Self::Failed(chain(&error))
    }
}

/// One change: its outcome. Several: how many came to what.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "StockAnswer")]
pub enum Answer {
    /// Of one.
    One(OneAnswer),
    /// Of several.
    Batch(BatchAnswer),
}

/// What became of one change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StockChangeTaken")]
pub struct OneAnswer {
    /// applied, repeated or stale.
    result: &'static str,
    /// Whose stock.
    sku: Sku,
    /// Place of the change in the SKU's history; of the last accepted one when it is stale.
    stock_version: StockVersion,
}

/// What became of several changes.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "StockChangesTaken")]
pub struct BatchAnswer {
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
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StockChangeProblem")]
pub struct LineProblem {
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

/// Answers `POST /v1/stock-changes`.
pub async fn take<I: Intake>(intake: &I, tokens: &Tokens, metrics: &Metrics, request: Request) -> Result<Response, Problem> {
    tokens.admit_ingest(request.headers())?;
    let trace = trace(request.headers());
    let JsonBytes(body) = JsonBytes::from_request(request, &()).await?;
    let many = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body).trim_ascii_start().first() == Some(&b'[');
    let mut items = stock_changes(&body);
    let first = items.next();
    let second = if many { None } else { items.next() };
    match (first, second) {
        (None, _) if !many => Err(Problem::new(Code::BadBody, "the body is empty: send a stock change")),
        (Some((_, change, _)), None) if !many => {
            let change = change.map_err(|error| {
                metrics.stock.rejected.inc();
                Problem::new(Code::BadStockChange, error.to_string())
            })?;
            one(intake, change, trace).await.map(|answer| Json(Answer::One(answer)).into_response())
        }
        (first, second) => {
            let items = first.into_iter().chain(second).chain(items);
            batch(intake, metrics, items, trace).await.map(|answer| Json(Answer::Batch(answer)).into_response())
        }
    }
}

async fn one<I: Intake>(intake: &I, change: StockChange, trace: Option<TraceContext>) -> Result<OneAnswer, Problem> {
    let sku = change.sku.clone();
    let outcomes = intake.stock_changes(vec![change], trace).await?;
    let (result, stock_version) = match outcomes.into_iter().next().expect("the desk answers for each change") {
        StockOutcome::Applied { stock_version } => ("applied", stock_version),
        StockOutcome::Repeated { stock_version } => ("repeated", stock_version),
        StockOutcome::Stale { stock_version } => ("stale", stock_version),
        StockOutcome::Refused(problem) => return Err(problem.with("sku", sku.as_str())),
    };
    Ok(OneAnswer { result, sku, stock_version })
}

type Item<'a> = (usize, Result<StockChange, pricestream_event_schema::StockChangeError>, &'a [u8]);

async fn batch<I: Intake>(
    intake: &I,
    metrics: &Metrics,
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
                metrics.stock.rejected.inc();
                answer.refused += 1;
                if aside.len() < MOST_PROBLEMS {
                    let problem = Problem::new(Code::BadStockChange, error.to_string());
                    aside.push((raw[..raw.len().min(MAX_LINE)].to_vec(), format!("line {line}: {error}")));
                    answer.problems.push(line_problem(line, &problem, None));
                }
            }
        }
    }
    let outcomes = if changes.is_empty() { Vec::new() } else { intake.stock_changes(changes, trace).await? };
    assert_eq!(outcomes.len(), lines.len(), "the desk answers for each change");
    // After the changes: if they fail, all of it is sent again, and nothing is aside twice.
    if !aside.is_empty() {
        intake.quarantine(aside).await?;
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
