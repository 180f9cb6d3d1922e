use axum::Json;
use axum::extract::State;
use pricestream_domain::{PriceVersion, Sku};
use pricestream_ports::{HistoryRow, RecordReads};
use pricestream_promotion_engine::Context;
use pricestream_repricing_engine::{Decision, Outcome, Reason};
use schemars::JsonSchema;
use serde::Serialize;

use super::{GuestPrice, HistoryEntry, Outlook};
use crate::api::{Api, World};
use crate::extract::PathSku;
use crate::problem::{Code, Problem};
use crate::quotes::{NO_ITEM, bad_basket};
use crate::routes::ApiState;

/// Why the price is what it is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Whose price.
    pub sku: Sku,
    /// The version of the price.
    pub price_version: PriceVersion,
    /// What the decision came to: changed, kept or refused.
    pub outcome: &'static str,
    /// Why, in a sentence.
    pub sentence: String,
    /// Why, for programs: what the strategy said, and what each guardrail made of it.
    pub reason: Reason,
    /// The decision, with what it saw.
    pub decision: HistoryEntry,
    /// What one unit costs a guest now, and from the next change of the lane on, each with what became of the promotions that
    /// concern it; absent when none does, or nothing is sold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guest: Vec<GuestPrice>,
    /// How much of the best possible the rest of the sale is expected to earn; absent while no sale is on, and on AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// What is stored differs from what its inputs give: absent unless something is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<String>,
}

impl Explanation {
    /// Takes the decision of `row` again. What a guest pays follows from promotions, and is added.
    pub fn of(row: &HistoryRow) -> Self {
        let decision = row.inputs.decide();
        let outcome = match &decision.outcome {
            Outcome::Changed => "changed",
            Outcome::Kept => "kept",
            Outcome::Refused(_) => "refused",
        };
        Self {
            sku: row.sku.clone(),
            price_version: row.price_version,
            outcome,
            sentence: sentence(&decision),
            reason: decision.reason,
            decision: HistoryEntry::of(row),
            guest: Vec::new(),
            outlook: None,
            disagreement: row.disagreement().map(|disagreement| disagreement.to_string()),
        }
    }
}

/// Why a decision came out as it did; of a refusal, what to mend.
pub(super) fn sentence(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Refused(refusal) => refusal.to_string(),
        Outcome::Changed | Outcome::Kept => decision.reason.sentence(),
    }
}

/// As quotes have it.
async fn guest<W: World>(api: &Api<W>, newest: &HistoryRow) -> Result<Vec<GuestPrice>, Problem> {
    let asked = match api.asked(GuestPrice::request(&newest.sku), &[]).await {
        Ok(asked) => asked,
        Err(problem) if NO_ITEM.contains(&problem.code()) => return Ok(Vec::new()),
        Err(problem) => return Err(problem),
    };
    let quote = |at| asked.rules().quote(&asked.basket, &Context { at, ..asked.context.clone() });
    GuestPrice::now_and_next(newest.lane.as_deref(), asked.context.at, quote).map_err(|error| bad_basket(&error))
}

pub(super) async fn explanation<W: World>(State(api): ApiState<W>, PathSku(sku): PathSku) -> Result<Json<Explanation>, Problem> {
    if let Some(newest) = api.records.history(&sku, None, 1).await?.pop() {
        let guest = guest(&api, &newest).await?;
        let explanation = Explanation::of(&newest);
        // A thread of its own: no reader of prices waits for it.
        let outlook = tokio::task::spawn_blocking(move || Outlook::of(&newest)).await.ok().flatten();
        return Ok(Json(Explanation { guest, outlook, ..explanation }));
    }
    api.known(&sku).await?;
    Err(Problem::new(Code::NoDecision, format!("{sku} is being priced for the first time: ask again in a second")))
}
