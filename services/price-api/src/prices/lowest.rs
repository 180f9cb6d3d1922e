use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use pricestream_domain::{RecordRev, Sku};
use pricestream_ports::RecordReads;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::withdrawn;
use crate::api::{Api, World};
use crate::extract::{PathSku, QueryOf};
use crate::lowest_price::{Lowest, PriceChange, lowest_price};
use crate::problem::{Code, Problem};
use crate::routes::ApiState;

/// How the lowest price is worked out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LowestAsked")]
pub(super) struct Asked {
    /// Days before the reduction: 1 to 365, 30 when absent.
    #[schemars(range(min = 1, max = 365))]
    window_days: Option<u16>,
    /// A reduction that grows without interruption counts as one; true when absent.
    progressive: Option<bool>,
}

/// The lowest price before the reduction that is on.
#[derive(Serialize, JsonSchema)]
pub(super) struct LowestPrice {
    /// Whose price.
    sku: Sku,
    /// Length of the window in days.
    window_days: u16,
    /// A reduction that grows without interruption counted as one.
    progressive: bool,
    /// Where the rule comes from.
    rule: &'static str,
    #[serde(flatten)]
    answer: Lowest,
}

/// Decisions read at a time.
const PAGE: usize = 500;

pub(super) async fn lowest<W: World>(
    State(api): ApiState<W>,
    PathSku(sku): PathSku,
    QueryOf(Asked { window_days, progressive }): QueryOf<Asked>,
) -> Result<Json<LowestPrice>, Problem> {
    let (window_days, progressive) = (window_days.unwrap_or(30), progressive.unwrap_or(true));
    if !(1..=365).contains(&window_days) {
        return Err(Problem::new(Code::BadQuery, format!("window_days must be 1 to 365, not {window_days}")));
    }
    let Some(answer) = look_back(&api, &sku, api.clock.now(), window_days, progressive).await? else {
        // Either problem says why there is no price.
        let entry = api.entry_of_record(&sku).await?;
        return Err(withdrawn(&entry));
    };
    let rule = "Directive 98/6/EC, article 6a; CJEU C-330/23";
    Ok(Json(LowestPrice { sku, window_days, progressive, rule, answer }))
}

/// Reads history until older decisions can change nothing.
async fn look_back<W: World>(
    api: &Api<W>,
    sku: &Sku,
    now: Timestamp,
    days: u16,
    progressive: bool,
) -> Result<Option<Lowest>, Problem> {
    let (mut changes, mut before) = (Vec::<PriceChange>::new(), None::<RecordRev>);
    loop {
        let rows = api.records.history(sku, before, PAGE).await?;
        for row in &rows {
            let change = match row.standing {
                Some(standing) => PriceChange { price: Some(standing.price), since: standing.since },
                None => PriceChange { price: None, since: row.inputs.decided_at },
            };
            match changes.last_mut() {
                // Kept: it became that at the oldest of the decisions that say so.
                Some(newer) if newer.price == change.price => newer.since = change.since,
                _ => changes.push(change),
            }
        }
        let answer = lowest_price(&changes, now, days, progressive);
        before = rows.last().map(|row| row.record_rev);
        if rows.len() < PAGE || answer.is_none() || answer.is_some_and(|answer| answer.settled) {
            return Ok(answer);
        }
    }
}
