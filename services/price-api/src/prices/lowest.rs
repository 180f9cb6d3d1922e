use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Lane, RecordRev, Sku};
use pricestream_ports::{HistoryRow, RecordReads};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::withdrawn;
use crate::api::{Api, World};
use crate::extract::{PathSku, QueryOf, bounded};
use crate::lowest_price::{Lowest, PriceChange, lowest_price};
use crate::problem::Problem;
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
    let (window_days, progressive) = (bounded("window_days", window_days.unwrap_or(30), 1..=365)?, progressive.unwrap_or(true));
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
    let (mut changes, mut before, mut until) = (Vec::<PriceChange>::new(), None::<RecordRev>, now);
    // No window opens later than this.
    let opens = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
    loop {
        let rows = api.records.history(sku, before, PAGE).await?;
        for row in &rows {
            for change in paid_after(row, until) {
                match changes.last_mut() {
                    // Kept: it became that at the oldest of the decisions that say so.
                    Some(newer) if newer.price == change.price => newer.since = change.since,
                    _ => changes.push(change),
                }
            }
            until = row.inputs.decided_at;
        }
        let (first, last) = (before.is_none(), rows.len() < PAGE);
        before = rows.last().map(|row| row.record_rev);
        // Looked at only when it can be the answer: else each page would look again at all before it.
        if !first && !last && changes.last().is_some_and(|oldest| oldest.since > opens) {
            continue;
        }
        let answer = lowest_price(&changes, now, days, progressive);
        if last || answer.is_none() || answer.is_some_and(|answer| answer.settled) {
            return Ok(answer);
        }
    }
}

/// What a guest paid after a decision and before `until`, newest first: the slices of its lane that have begun, or the price that
/// stood.
fn paid_after(row: &HistoryRow, until: Timestamp) -> Vec<PriceChange> {
    let decided_at = row.inputs.decided_at;
    match (row.standing, row.lane.as_deref()) {
        (None, _) => vec![PriceChange { price: None, since: decided_at }],
        (Some(_), Some(lane)) => slices_between(lane, decided_at, until),
        // Kept since before the decision, unless a lane held then.
        (Some(standing), None) => {
            let since = if row.inputs.previous_lane.is_some() { decided_at } else { standing.since };
            vec![PriceChange { price: Some(standing.price), since }]
        }
    }
}

/// The slices that began before `until`, newest first, back to the one that holds at `from`.
fn slices_between(lane: &Lane, from: Timestamp, until: Timestamp) -> Vec<PriceChange> {
    let slices = lane.slices();
    let first = slices.partition_point(|slice| slice.from <= from).saturating_sub(1);
    let begun = slices[first..].iter().filter(|slice| slice.from < until || slice.from <= from);
    begun.map(|slice| PriceChange { price: Some(slice.payable), since: slice.from.max(from) }).rev().collect()
}

#[cfg(test)]
mod tests {
    use pricestream_domain::{Currency, LaneSlice, Money};

    use super::*;

    #[test]
    fn what_was_paid_after_a_decision_are_the_slices_that_have_begun() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let slice = |from, minor| LaneSlice { from: at(from), payable: Money::new(minor, Currency::USD) };
        let lane = Lane::new(vec![slice(100, 900), slice(200, 700), slice(300, 900)], None).unwrap();
        for (decided_at, until, expected, why) in [
            (100, 400, &[(900, 300), (700, 200), (900, 100)][..], "all of it"),
            (100, 250, &[(700, 200), (900, 100)], "what has begun"),
            (220, 250, &[(700, 220)], "the slice that it was decided in"),
            (220, 220, &[(700, 220)], "decided again at once"),
            (200, 300, &[(700, 200)], "a slice that begins when the next decision is taken has not held"),
        ] {
            let paid = slices_between(&lane, at(decided_at), at(until));
            let told: Vec<(i64, i64)> = paid.iter().map(|paid| (paid.price.unwrap().minor, paid.since.as_second())).collect();
            assert_eq!(told, expected, "{why}");
        }
    }
}
