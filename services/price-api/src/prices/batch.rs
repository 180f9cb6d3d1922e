use axum::Json;
use axum::extract::State;
use futures_util::stream::{StreamExt, iter};
use pricestream_domain::Sku;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PriceView, withdrawn};
use crate::api::World;
use crate::extract::JsonOf;
use crate::problem::{Code, Problem};
use crate::quotes::AT_A_TIME;
use crate::routes::ApiState;

/// Most SKUs of one request.
pub(crate) const MOST: usize = 1_000;

/// Which prices are asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PricesAsked")]
pub(super) struct Asked {
    /// Up to 1000 SKUs.
    #[schemars(length(max = 1_000))]
    skus: Vec<Sku>,
}

/// The prices of several SKUs, each for itself: there is no instant at which all of them held.
#[derive(Serialize, JsonSchema)]
pub(super) struct Prices {
    /// In the order asked for.
    prices: Vec<PriceView>,
    /// What has none.
    missing: Vec<Missing>,
}

/// Why a SKU has no price.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MissingPrice")]
pub(crate) struct Missing {
    /// Which.
    sku: Sku,
    /// The type of the problem that a read of this SKU alone answers.
    r#type: &'static str,
    /// What to do next.
    detail: String,
}

impl Missing {
    /// Errors: `problem` is not of the SKU but of what would have to answer.
    pub(crate) fn of(sku: Sku, problem: Problem) -> Result<Self, Problem> {
        if problem.code().status().is_server_error() {
            return Err(problem);
        }
        Ok(Self { sku, r#type: problem.code().uri(), detail: problem.detail().to_owned() })
    }
}

/// Errors: there are more than one request may have.
pub(crate) fn check_number(skus: &[Sku]) -> Result<(), Problem> {
    if skus.len() > MOST {
        return Err(Problem::new(Code::TooManySkus, format!("{} SKUs are more than {MOST}: ask in parts", skus.len())));
    }
    Ok(())
}

pub(super) async fn prices<W: World>(
    State(api): ApiState<W>,
    JsonOf(Asked { skus }): JsonOf<Asked>,
) -> Result<Json<Prices>, Problem> {
    check_number(&skus)?;
    let mut answer = Prices { prices: Vec::with_capacity(skus.len()), missing: Vec::new() };
    let looks: Vec<_> = skus
        .into_iter()
        .map(|sku| async {
            let entry = api.entry(&sku).await;
            (sku, entry)
        })
        .collect();
    let mut entries = iter(looks).buffered(AT_A_TIME);
    while let Some((sku, entry)) = entries.next().await {
        let problem = match entry {
            Ok(entry) => match PriceView::of(&entry) {
                Some(price) => {
                    answer.prices.push(price);
                    continue;
                }
                None => withdrawn(&entry),
            },
            Err(problem) => problem,
        };
        answer.missing.push(Missing::of(sku, problem)?);
    }
    Ok(Json(answer))
}
