//! What baskets cost: quotes, timelines, and prices of many SKUs for one customer.

mod browse;
mod circuit;
mod items;
mod quote;
mod release;
mod timeline;

use std::sync::{Arc, LazyLock};

use axum::http::Method;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use pricestream_domain::Sku;
use pricestream_ports::{Clock, Promotions, PublishedRules, ReservationKey, Settings, UsageReads};
use pricestream_promotion_engine::{
    Action, AnsweredRisk, AtEdge, Basket, Context, Degraded, Found, LimitAsked, MAX_LINES, Quote, QuoteRequest, RequestError,
    RequestFault, Scenario, TimelineAnswer,
};
use serde_json::json;

pub use circuit::{Circuit, CircuitEdge};
pub(crate) use items::AT_A_TIME;
pub use items::Items;

use crate::api::{Api, World};
use crate::desk::DocumentProblem;
use crate::openapi::Operation;
use crate::orders::{HOLD_PROBLEMS, IdempotencyKey};
use crate::problem::{Code, Problem};
use crate::routes::Routes;

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    const BASKET: [Code; 5] = [Code::BadBasket, Code::UnknownSku, Code::NoPrice, Code::Withdrawn, Code::Unavailable];
    let operation = Operation::new("quotes", "What a basket costs, and what became of every promotion that it concerns")
        .query::<quote::Asked>()
        .header(IdempotencyKey::DESCRIBED)
        .reads::<QuoteRequest>()
        .answers::<quote::Answer>(200, "The quote with its decision record; signed, if it was asked for")
        .fails(&BASKET)
        .fails(&[Code::Unauthorized, Code::NotSellable, Code::BadIdempotencyKey, Code::BadQuoteId])
        .fails(&HOLD_PROBLEMS);
    routes.add(&Method::POST, "/v1/quotes", quote::quote::<W>, operation);
    let operation = Operation::new("quotes", "Gives back what a signed quote holds: it cannot be ordered any more")
        .answers_any(204, "It holds nothing; the same when it never did", "")
        .fails(&[Code::BadQuoteId, Code::QuoteRedeemed, Code::Unauthorized, Code::Busy, Code::NotStored]);
    routes.add(&Method::DELETE, "/v1/quotes/{quote_id}", release::release::<W>, operation);
    let operation = Operation::new("quotes", "What a basket costs from one instant until another, and when that changes")
        .query::<timeline::Between>()
        .reads::<QuoteRequest>()
        .answers::<TimelineAnswer>(200, "The slices of its lane")
        .fails(&BASKET);
    routes.add(&Method::POST, "/v1/quotes:timeline", timeline::of_basket::<W>, operation);
    let operation = Operation::new("prices", "What a SKU costs a customer from one instant until another, and when that changes")
        .query::<timeline::Asked>()
        .answers::<TimelineAnswer>(200, "The slices of its lane")
        .fails(&BASKET);
    routes.add(&Method::GET, "/v1/prices/{sku}/timeline", timeline::of_sku::<W>, operation);
    let operation = Operation::new("prices", "What one unit of each of up to 1000 SKUs costs one customer")
        .reads::<browse::Asked>()
        .answers::<browse::Answer>(200, "What they pay, until when that holds, and from what it costs; and what has no price")
        .fails(&[Code::TooManySkus, Code::BadBasket, Code::Unavailable]);
    routes.add(&Method::POST, "/v1/prices:browse", browse::browse::<W>, operation);
}

/// A rule set without promotions: what is paid is the current price.
static NO_PROMOTIONS: LazyLock<Arc<PublishedRules>> =
    LazyLock::new(|| Arc::new(PublishedRules::read(r#"{"version":1}"#.into()).expect("it is a rule set")));

impl<W: World> Api<W> {
    /// The rule set in force: one for the whole of an answer. Errors: there is one, and it cannot be read.
    pub(crate) fn rules(&self) -> Result<Arc<PublishedRules>, Problem> {
        match &self.settings.current().promotions {
            Promotions::InForce { rules, .. } => Ok(Arc::clone(rules)),
            Promotions::None => Ok(Arc::clone(&NO_PROMOTIONS)),
            Promotions::Unreadable => Err(Problem::new(
                Code::Unavailable,
                "the rule set in force cannot be read by this version: publish it anew, or switch promotions off",
            )),
        }
    }

    /// The basket and its context, with what is known of each SKU. Errors: everything for which it cannot be priced, or a store
    /// that does not answer.
    pub(crate) async fn resolve(&self, request: QuoteRequest) -> Result<(Basket, Context), Problem> {
        // Of too many nothing is looked up.
        let lines = request.lines.iter().filter(|_| request.lines.len() <= MAX_LINES);
        let mut seen = HashSet::with_capacity(request.lines.len().min(MAX_LINES));
        let skus = lines.filter(|line| seen.insert(&line.sku)).map(|line| line.sku.clone()).collect();
        let mut found: HashMap<Sku, Result<Arc<Found>, Problem>> = HashMap::with_capacity(request.lines.len().min(MAX_LINES));
        for (sku, item) in self.items_of(skus).await {
            match item {
                Err(problem) if !NO_ITEM.contains(&problem.code()) => return Err(problem),
                item => found.insert(sku, item),
            };
        }
        let now = self.clock.now();
        let resolved = request.resolve(now, |sku| Some(Found::clone(found.get(sku)?.as_ref().ok()?)));
        resolved.map_err(|faults| all_of(&faults, |sku| found.get(sku)?.as_ref().err()))
    }
}

/// Why a SKU cannot be in a basket, where the basket is at fault.
pub(crate) const NO_ITEM: [Code; 3] = [Code::UnknownSku, Code::NoPrice, Code::Withdrawn];

/// All `faults` of a basket as one problem: of the kind of the first SKU that cannot be in it, if there is one. `why` tells what
/// is the matter with that.
fn all_of<'a>(faults: &[RequestFault], why: impl Fn(&Sku) -> Option<&'a Problem>) -> Problem {
    let no_item = |fault: &RequestFault| match &fault.error {
        RequestError::NoPrice { sku, .. } => why(sku).cloned().map(|problem| problem.with("sku", sku.as_str())),
        RequestError::Basket(_) => None,
    };
    let errors = faults.iter().map(|fault| DocumentProblem {
        path: fault.path.clone(),
        message: no_item(fault).map_or_else(|| fault.error.to_string(), |problem| problem.detail().to_owned()),
    });
    let errors: Vec<DocumentProblem> = errors.collect();
    let text = match &errors[..] {
        [error] => error.message.clone(),
        errors => format!("the basket has {} problems: see `errors`", errors.len()),
    };
    let first = faults.iter().find_map(no_item);
    let problem = first.map_or_else(|| Problem::new(Code::BadBasket, &*text), |first| first.saying(&*text));
    problem.with("errors", json!(errors))
}

pub(crate) fn bad_basket(error: &pricestream_promotion_engine::BasketError) -> Problem {
    Problem::new(Code::BadBasket, error.to_string())
}

/// What a customer asks for, ready to be priced: under one rule set, without what is left out of it now.
pub(crate) struct Asked<'a> {
    pub(crate) published: Arc<PublishedRules>,
    pub(crate) basket: Basket,
    pub(crate) context: Context,
    edge: CircuitEdge<'a>,
}

impl<W: World> Api<W> {
    /// Makes `request` ready, as if what the quotes of the names `freed` hold were given back. Errors: it cannot be priced.
    pub(crate) async fn asked(&self, request: QuoteRequest, freed: &[ReservationKey]) -> Result<Asked<'_>, Problem> {
        let published = self.rules()?;
        let (basket, mut context) = self.resolve(request).await?;
        self.find_gifts(&published, &basket, &mut context).await;
        let limits = published.rules.limits_asked(&basket, &context).map_err(|error| bad_basket(&error))?;
        self.find_left(&limits, freed, &mut context).await?;
        let edge = self.edge(&mut context);
        Ok(Asked { published, basket, context, edge })
    }

    /// Adds to `context` the stock and the price of every gift that the rule set may give.
    async fn find_gifts(&self, published: &PublishedRules, basket: &Basket, context: &mut Context) {
        let mut gifts: HashMap<Sku, Arc<Found>> = HashMap::new();
        for sku in published.rules.gift_skus() {
            // A gift that has no price is given all the same, as long as nothing says that none is left.
            if let Ok(found) = self.item(sku).await {
                gifts.insert(sku.clone(), found);
            }
        }
        published.rules.find_gifts(basket, context, |sku| gifts.get(sku).map(|found| Found::clone(found)));
    }

    /// Adds to `context` what is left of limited promotions. Errors: the ledger cannot tell.
    async fn find_left(&self, limits: &[LimitAsked], freed: &[ReservationKey], context: &mut Context) -> Result<(), Problem> {
        if !limits.is_empty() {
            context.left = self.usage.left(limits, freed, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Adds to `context` the components that are left out now; the others are called at the edge that it gives.
    fn edge(&self, context: &mut Context) -> CircuitEdge<'_> {
        let measured = self.clock.measured();
        if let Promotions::InForce { without, .. } = &self.settings.current().promotions {
            // What is used up is known exactly here.
            context.switched_off.extend(without.components.iter().cloned());
        }
        context.resting = self.circuit.resting(measured);
        self.circuit.edge(measured)
    }

    /// Counts a quote, what it does without, and the guards that it passed.
    pub(crate) fn count(&self, quote: &Quote) {
        let risks: Vec<AnsweredRisk> = quote.risks.iter().map(|risk| risk.answer(quote.currency)).collect();
        self.count_priced(quote.scenario, quote.sellable, &quote.degraded, &risks);
    }

    pub(crate) fn count_priced(&self, scenario: Scenario, sellable: bool, degraded: &[Degraded], risks: &[AnsweredRisk]) {
        let result = match (sellable, degraded) {
            (false, _) => "blocked",
            (true, []) => "sellable",
            (true, _) => "degraded",
        };
        self.metrics.quote(scenario.name(), result);
        for risk in risks {
            self.metrics.risk(risk.guard.name(), risk.action.name());
            if risk.action != Action::Flag {
                tracing::warn!(guard = risk.guard.name(), line = risk.line.as_deref().unwrap_or("the order"), "{}", risk.why);
            }
        }
        self.circuit.note_degraded(degraded);
    }
}

impl Asked<'_> {
    /// The rules, with components called where their failures are caught.
    pub(crate) fn rules(&self) -> AtEdge<'_, CircuitEdge<'_>> {
        self.published.rules.at_edge(&self.edge)
    }
}
