use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use pricestream_domain::{Cause, Lane, Mode, Money, Override, PriceVersion, RecordRev, Sku, StockVersion};
use pricestream_ports::{HistoryRow, RecordReads};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::explanation::sentence;
use crate::api::World;
use crate::extract::{PathSku, QueryOf, bounded};
use crate::problem::Problem;
use crate::routes::ApiState;

/// Which decisions are asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those before this `record_rev`: the `next` of the page before.
    before: Option<RecordRev>,
    /// At most so many: 1 to 500, 50 when absent.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
}

/// A page of decisions.
#[derive(Serialize, JsonSchema)]
pub(super) struct History {
    /// Whose price.
    sku: Sku,
    /// Newest first.
    decisions: Vec<HistoryEntry>,
    /// `before` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<RecordRev>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HistoryEntry {
    /// Its number within the SKU.
    pub record_rev: RecordRev,
    /// The version of the price after it.
    pub price_version: PriceVersion,
    /// When it was taken.
    pub decided_at: Timestamp,
    /// What made it be taken.
    pub cause: Cause,
    /// Why the price is that, in a sentence.
    pub reason: String,
    /// The price after it.
    pub price: Option<Money>,
    /// Since when the price is that.
    pub since: Option<Timestamp>,
    /// The price before it.
    pub previous_price: Option<Money>,
    /// What the merchant had set.
    pub list_price: Money,
    /// What the strategy would have set, in shadow mode; while a rollout is on, what the side that does not set the price would have.
    pub shadow_price: Option<Money>,
    /// Why the SKU was refused a price.
    pub refusal: Option<String>,
    /// What a guest paid for one unit from then on, slice by slice; absent where that was the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<Arc<Lane>>,
    /// The kill switch.
    pub mode: Mode,
    /// The price that a person had set, in force or not: who and why.
    pub r#override: Option<Override>,
    /// Sellable units.
    pub on_hand: Option<u64>,
    /// The stock change that it saw.
    pub stock_version: Option<StockVersion>,
    /// The change of the catalogue line that it saw.
    pub product_rev: u64,
    /// Of that line, in hex.
    pub product_hash: String,
    /// Of what the strategies document said of the SKU, in hex.
    pub policy_hash: Option<String>,
    /// Of the rule set of promotions, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_set_hash: Option<String>,
    /// The settings that were in force.
    pub settings_rev: u64,
    /// When it had to be decided again.
    pub next_due: Option<Timestamp>,
}

impl HistoryEntry {
    /// What a row says. Its reason is not stored: the decision is taken again.
    pub fn of(row: &HistoryRow) -> Self {
        let inputs = &row.inputs;
        Self {
            record_rev: row.record_rev,
            price_version: row.price_version,
            decided_at: inputs.decided_at,
            cause: row.cause,
            reason: sentence(&inputs.decide()),
            price: row.standing.map(|standing| standing.price),
            since: row.standing.map(|standing| standing.since),
            previous_price: inputs.previous.map(|standing| standing.price),
            list_price: inputs.product.product.list_price,
            shadow_price: row.shadow_price,
            refusal: row.refusal.clone(),
            lane: row.lane.clone(),
            mode: inputs.mode,
            r#override: inputs.override_.clone(),
            on_hand: inputs.stock.map(|stock| stock.on_hand),
            stock_version: inputs.stock.map(|stock| stock.version),
            product_rev: inputs.product.rev,
            product_hash: inputs.product.hash.to_string(),
            policy_hash: inputs.policy.as_ref().ok().map(|policy| policy.hash.to_string()),
            rule_set_hash: inputs.promotions.rules().map(|rules| rules.hash().to_string()),
            settings_rev: inputs.settings_rev,
            next_due: row.next_due,
        }
    }
}

pub(super) async fn history<W: World>(
    State(api): ApiState<W>,
    PathSku(sku): PathSku,
    QueryOf(Page { before, limit }): QueryOf<Page>,
) -> Result<Json<History>, Problem> {
    let most = bounded("limit", limit.unwrap_or(50), 1..=500)?;
    let rows = api.records.history(&sku, before, most).await?;
    if rows.is_empty() {
        api.known(&sku).await?;
    }
    let next = rows.last().filter(|oldest| rows.len() == most && oldest.record_rev > RecordRev(1)).map(|row| row.record_rev);
    Ok(Json(History { sku, decisions: rows.iter().map(HistoryEntry::of).collect(), next }))
}
