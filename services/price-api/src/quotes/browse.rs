use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use pricestream_domain::{Currency, Sku};
use pricestream_promotion_engine::{Basket, Browsed, BrowsedPrice, Context, Customer, RequestedCustomer, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::World;
use crate::extract::JsonOf;
use crate::prices::batch::{Missing, check_number};
use crate::problem::{Code, Problem};
use crate::routes::ApiState;

/// Which prices are asked for, and for whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BrowseAsked")]
pub(super) struct Asked {
    /// Up to 1000 SKUs.
    #[schemars(length(max = 1_000))]
    skus: Vec<Sku>,
    /// The instant to price; now when absent.
    at: Option<Timestamp>,
    /// Who looks; a guest when absent.
    customer: Option<RequestedCustomer>,
    /// Where the shop is seen.
    channel: Option<String>,
    /// Where it would be sent to.
    region: Option<String>,
    /// How it would be paid.
    payment_method: Option<String>,
    /// Codes that the customer gave.
    #[serde(default)]
    coupons: Vec<String>,
    /// Also tell what each costs from, when more units are cheaper; false when absent.
    #[serde(default)]
    with_from: bool,
}

/// What SKUs cost one customer, all under the same rule set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BrowseAnswered")]
pub(super) struct Answer {
    /// Hash of the rule set.
    rule_set: String,
    /// The instant that they are priced at.
    at: Timestamp,
    /// In the order asked for.
    items: Vec<BrowsedPrice>,
    /// What has none.
    missing: Vec<Missing>,
}

pub(super) async fn browse<W: World>(State(api): ApiState<W>, JsonOf(asked): JsonOf<Asked>) -> Result<Json<Answer>, Problem> {
    check_number(&asked.skus)?;
    let published = api.rules()?;
    let (mut found, mut missing) = (Vec::with_capacity(asked.skus.len()), Vec::new());
    for (sku, item) in api.items_of(asked.skus).await {
        match item {
            Ok(item) => found.push(item.as_ref().clone()),
            Err(problem) => missing.push(Missing::of(sku, problem)?),
        }
    }
    let RequestedCustomer { id, groups, orders_placed } = asked.customer.unwrap_or_default();
    let mut context = Context {
        at: asked.at.unwrap_or_else(|| api.clock.now()),
        customer: Customer { id, groups, orders_placed },
        channel: asked.channel,
        region: asked.region,
        payment_method: asked.payment_method,
        coupons: asked.coupons,
        ..Context::default()
    };
    let nothing = Basket { currency: Currency::EUR, lines: Vec::new(), postage: None };
    api.find_gifts(&published, &nothing, &mut context).await;
    let limits = published.rules.limits_browsed(&found, &context);
    api.find_left(&limits, &[], &mut context).await?;
    let edge = api.edge(&mut context);
    let browsed = published.rules.at_edge(&edge).browse(&found, &context, asked.with_from);
    let mut items = Vec::with_capacity(browsed.items.len());
    for item in browsed.items {
        match item {
            Browsed::Priced(price) => {
                api.count_priced(Scenario::Browsing, price.sellable, &price.degraded, &price.risks);
                items.push(*price);
            }
            Browsed::Refused(refused) => {
                missing.push(Missing::of(refused.sku, Problem::new(Code::BadBasket, refused.error.to_string()))?);
            }
        }
    }
    Ok(Json(Answer { rule_set: browsed.rule_set.to_string(), at: browsed.at, items, missing }))
}
