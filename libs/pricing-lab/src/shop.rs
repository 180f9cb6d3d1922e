use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{FullLevel, Mode, Money, Product, Standing, Stock, StockVersion};
use pricestream_repricing_engine::market::Belief;
use pricestream_repricing_engine::{Decision, Inputs, Policy as EnginePolicy, Resolved, Strategies, decide};
use serde_json::{Value, json};

use crate::Policy;

/// A policy, as a shop would write it.
#[derive(Clone, Debug)]
pub struct Document {
    resolved: Arc<Resolved>,
    product: Arc<Product>,
    /// How long the sale is.
    length: SignedDuration,
}

/// List price of the goods that are priced here, in minor units: so fine that rounding to one costs nothing that shows.
const LIST: i64 = 100_000;

/// When the sales here begin.
const BEGIN: i64 = 1_790_000_000;

impl Document {
    /// Of a strategies document. Errors: what is wrong with it.
    pub fn new(document: &Value, length: SignedDuration) -> Result<Self, String> {
        let strategies = Strategies::from_json(&document.to_string())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let line = json!({ "sku": "LAB-1", "list_price": { "minor": LIST, "currency": "USD" } });
        let product: Product = serde_json::from_value(line).map_err(|error| error.to_string())?;
        let resolved = strategies.policy_for(&product).map_err(|unknown| unknown.to_string())?;
        Ok(Self { resolved, product: Arc::new(product), length })
    }

    /// Of one strategy over an hour's sale, free of guardrails but for a floor, in percent of list. `demand` is what the document expects.
    ///
    /// # Panics
    /// If that is no legal document: these are written here, not read.
    pub fn free(strategy: &Value, demand: &Value, floor_percent: u32) -> Self {
        let document = json!({
            "version": 1,
            "strategies": { "s": strategy },
            "profiles": { "level": [1.0] },
            "default": { "strategy": "s", "floor_percent_of_list": floor_percent, "demand": demand },
        });
        Self::new(&document, SignedDuration::from_hours(1)).expect("written here")
    }

    /// The goods.
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// What it says of the goods.
    pub fn policy(&self) -> &EnginePolicy {
        &self.resolved.policy
    }

    /// Its price is a function of units left and time alone: nothing is learned, and no guardrail looks at the price before.
    pub fn is_stateless(&self) -> bool {
        use pricestream_repricing_engine::Strategy;
        let policy = self.policy();
        let guardrails = &policy.guardrails;
        let learns = matches!(
            policy.strategy,
            Strategy::CeBayes(_) | Strategy::TemplateBayes(_) | Strategy::ParametricThompson(_) | Strategy::DpFiniteMenu(_)
        );
        let remembers = matches!(&policy.strategy, Strategy::ClearanceMarkdown(clearance) if clearance.markdown_only);
        let soft = guardrails.max_step.is_some() || guardrails.cooldown_minutes.is_some() || guardrails.changes_per_day.is_some();
        !(learns || remembers || soft)
    }

    /// What the strategy proposes with `units` left at `at` of the sale, as a ratio to list, before any guardrail and any rounding: a
    /// function of stock and time. `None` for strategies that propose no such ratio, or depend on more.
    pub fn ratio(&self, units: u64, at: f64) -> Option<f64> {
        use pricestream_repricing_engine::strategies::Situation;
        let begin = Timestamp::from_second(BEGIN).ok()?;
        let now = begin + self.length.mul_f64(at.clamp(0.0, 1.0 - 1e-9));
        let stock = replenished(units, begin);
        let policy = self.policy();
        let situation = Situation {
            demand: policy.demand.as_ref(),
            profile: policy.profile.as_ref(),
            ..Situation::plain(now, self.product.list_price, Some(&stock), &policy.time_zone)
        };
        policy.strategy.propose(&situation, None).ratio
    }
}

/// Stock that came in just now.
pub(crate) fn replenished(units: u64, at: Timestamp) -> Stock {
    let full = FullLevel { on_hand: units, at };
    Stock { on_hand: units, version: StockVersion(1), full, sold: 0, changed_at: Some(at) }
}

/// One sale at a shop that prices by a policy: what the services keep of a SKU, in memory.
#[derive(Clone, Debug)]
pub struct Shop<'a> {
    policy: &'a EnginePolicy,
    product: &'a Product,
    /// When the sale begins, and how long it is.
    span: (Timestamp, SignedDuration),
    stock: Stock,
    standing: Option<Standing>,
    belief: Option<Arc<Belief>>,
    /// How often the price moved.
    pub moves: u32,
    /// The last decision.
    last: Option<Decision>,
}

impl<'a> Shop<'a> {
    /// Opens with `units`.
    pub fn open(document: &'a Document, units: u64) -> Self {
        let at = Timestamp::from_second(BEGIN).expect("it is on the calendar");
        Self::midway(document.policy(), &document.product, (at, document.length), replenished(units, at), None, None)
    }

    /// In the midst of a sale that begins at `span.0` and lasts for `span.1`.
    pub fn midway(
        policy: &'a EnginePolicy,
        product: &'a Product,
        span: (Timestamp, SignedDuration),
        stock: Stock,
        standing: Option<Standing>,
        belief: Option<Arc<Belief>>,
    ) -> Self {
        Self { policy, product, span, stock, standing, belief, moves: 0, last: None }
    }

    /// What stands at a price `standing`, set at `since` of the sale: for programmes over states.
    pub fn put(&mut self, units: u64, standing: Option<f64>, since: f64) {
        self.stock.on_hand = units;
        let since = self.instant(since);
        let list = self.product.list_price;
        self.standing = standing.map(|ratio| {
            let price = Money { minor: (ratio * list.minor as f64).round() as i64, ..list };
            Standing { price, since, step_from: price, step_since: since, day: jiff::civil::date(2026, 9, 21), changes: 0 }
        });
        self.belief = None;
    }

    fn instant(&self, at: f64) -> Timestamp {
        let micros = (self.span.1.as_secs_f64() * 1e6 * at).round() as i64;
        Timestamp::from_microsecond(self.span.0.as_microsecond() + micros).unwrap_or(Timestamp::MAX)
    }

    /// What is left.
    pub fn stock(&self) -> &Stock {
        &self.stock
    }

    /// The last decision.
    pub fn last(&self) -> Option<&Decision> {
        self.last.as_ref()
    }

    /// Decides at `at` of the sale; the price as a ratio to list.
    pub fn decide(&mut self, at: f64) -> f64 {
        let decision = decide(&Inputs {
            now: self.instant(at),
            product: self.product,
            policy: Ok(self.policy),
            mode: Mode::Run,
            override_: None,
            stock: Some(&self.stock),
            previous: self.standing.as_ref(),
            belief: self.belief.as_ref(),
            trial: None,
        });
        let before = self.standing.map(|standing| standing.price);
        self.standing = decision.standing;
        self.belief.clone_from(&decision.belief);
        let list = self.product.list_price.minor;
        let price = self.standing.map_or(list, |standing| standing.price.minor);
        self.moves += u32::from(before.is_some_and(|before| before.minor != price));
        self.last = Some(decision);
        price as f64 / list as f64
    }
}

impl Policy for Shop<'_> {
    fn price(&mut self, at: f64) -> f64 {
        self.decide(at)
    }

    fn sold(&mut self, at: f64) {
        self.stock.on_hand -= 1;
        self.stock.sold += 1;
        self.stock.version = self.stock.version.next();
        self.stock.changed_at = Some(self.instant(at));
    }

    fn due(&self) -> Option<f64> {
        let due = self.last.as_ref()?.next_due?;
        Some(due.duration_since(self.span.0).as_secs_f64() / self.span.1.as_secs_f64())
    }
}
