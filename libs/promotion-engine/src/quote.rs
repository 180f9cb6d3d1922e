use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{BasisPoints, Currency, Sku, shares};

use crate::basket::{Basket, BasketError, Context};
use crate::candidates::Candidates;
use crate::compile::RuleSet;
use crate::document::policies::{Prices, Tax};
use crate::evaluate::{Evaluated, evaluate};
use crate::record::Decision;
use crate::state::Sheet;

/// What a basket costs, and why. Amounts are minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The rule set that it was priced under.
    pub rule_set: ContentHash,
    /// The instant that it was priced at.
    pub at: Timestamp,
    /// Of every amount.
    pub currency: Currency,
    /// In the order of the basket.
    pub lines: Vec<QuotedLine>,
    /// `None` while nobody knows what postage costs.
    pub postage: Option<QuotedPostage>,
    /// Every promotion that was considered, once, in the order in which they run.
    pub decisions: Vec<Decision>,
    /// Sums over all lines and the postage.
    pub totals: Totals,
    /// What each party pays of the discounts; together all of them.
    pub funding: BTreeMap<Arc<str>, i64>,
    /// Taxes by rate.
    pub taxes: Vec<TaxTotal>,
    /// Components that were switched off although promotions of theirs concern the basket.
    pub degraded: Vec<&'static str>,
}

/// A line of the basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedLine {
    /// Its id.
    pub id: String,
    /// What it is of.
    pub sku: Sku,
    /// Units.
    pub quantity: u32,
    /// What its units cost together before promotions.
    pub original: i64,
    /// What they cost after them: the sum of `units`.
    pub payable: i64,
    /// What each promotion takes off; together `original - payable`.
    pub off: Vec<Share>,
    /// What each unit costs after promotions, in rising order of what is taken off: the unit that is returned is paid back so.
    pub units: Vec<UnitPrice>,
    /// What `payable` contains of tax, or what comes on top of it.
    pub tax: i64,
    /// Its rate.
    pub tax_rate: BasisPoints,
}

/// Units of a line that cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitPrice {
    /// How many.
    pub quantity: u32,
    /// Of one.
    pub payable: i64,
}

/// What a promotion takes off something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which.
    pub promotion: Arc<str>,
    /// Minor units, above zero.
    pub off: i64,
}

/// What sending costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedPostage {
    /// Before promotions.
    pub original: i64,
    /// After them.
    pub payable: i64,
    /// What each promotion takes off.
    pub off: Vec<Share>,
    /// What `payable` contains of tax, or what comes on top of it.
    pub tax: i64,
}

/// Sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Goods before promotions.
    pub goods: i64,
    /// Off the goods.
    pub goods_off: i64,
    /// Postage before promotions.
    pub postage: i64,
    /// Off the postage.
    pub postage_off: i64,
    /// Tax in all.
    pub tax: i64,
    /// What is paid: with the tax that comes on top, where prices do not contain it.
    pub payable: i64,
}

/// What is taxed at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxTotal {
    /// The rate.
    pub rate: BasisPoints,
    /// Without tax.
    pub net: i64,
    /// The tax.
    pub tax: i64,
}

/// Who pays for a promotion that names nobody.
pub const SHOP: &str = "shop";

impl RuleSet {
    /// What `basket` costs. The decision record holds every promotion that its items, its coupons or the customer concern.
    pub fn quote(&self, basket: &Basket, context: &Context) -> Result<Quote, BasketError> {
        self.price(basket, context, Candidates::of)
    }

    /// The same price, with a decision record of the whole rule set.
    pub fn explain(&self, basket: &Basket, context: &Context) -> Result<Quote, BasketError> {
        self.price(basket, context, Candidates::every)
    }

    fn price(
        &self,
        basket: &Basket,
        context: &Context,
        candidates: impl FnOnce(&Sheet<'_>) -> Candidates,
    ) -> Result<Quote, BasketError> {
        basket.check()?;
        let sheet = Sheet::of(self, basket, context);
        let ids = sheet.lines.windows(2).map(|pair| [&basket.lines[pair[0] as usize].id, &basket.lines[pair[1] as usize].id]);
        if let Some([id, _]) = ids.into_iter().find(|[one, other]| one == other) {
            return Err(BasketError::TwiceTheSameId(id.clone()));
        }
        let evaluated = evaluate(&sheet, &candidates(&sheet));
        Ok(self.write(&sheet, evaluated))
    }

    fn write(&self, sheet: &Sheet<'_>, evaluated: Evaluated) -> Quote {
        let Evaluated { state, applied, outcomes } = evaluated;
        let basket = sheet.basket;
        let tax = &self.policies.tax;
        let mut totals = Totals::default();
        let mut taxes: BTreeMap<BasisPoints, TaxTotal> = BTreeMap::new();
        let mut charge = |payable: i64, rate: BasisPoints| {
            let contained = tax.of(payable, rate);
            let total = taxes.entry(rate).or_insert(TaxTotal { rate, net: 0, tax: 0 });
            total.tax += contained;
            total.net += if tax.prices == Prices::Inclusive { payable - contained } else { payable };
            totals.tax += contained;
            totals.payable += if tax.prices == Prices::Inclusive { payable } else { payable + contained };
            contained
        };
        let mut lines: Vec<Option<QuotedLine>> = vec![None; basket.lines.len()];
        for (number, place) in (0..).zip(&sheet.lines) {
            let line = &basket.lines[*place as usize];
            let units = sheet.units_of(number);
            let original = sheet.original[units.clone()].iter().sum();
            let payable = state.running[units.clone()].iter().sum();
            let tax_rate = tax.rate(line.product.tax_class.as_deref());
            lines[*place as usize] = Some(QuotedLine {
                id: line.id.clone(),
                sku: line.product.sku.clone(),
                quantity: line.quantity,
                original,
                payable,
                off: Vec::new(),
                units: unit_prices(&state.running[units]),
                tax: charge(payable, tax_rate),
                tax_rate,
            });
        }
        let mut lines: Vec<QuotedLine> = lines.into_iter().map(|line| line.expect("every line has its place")).collect();
        let mut postage = basket.postage.as_ref().map(|postage| {
            let (original, payable) = (postage.amount.minor, state.postage.expect("it is known"));
            QuotedPostage { original, payable, off: Vec::new(), tax: charge(payable, tax.postage_rate) }
        });
        totals.goods = lines.iter().map(|line| line.original).sum();
        totals.goods_off = lines.iter().map(|line| line.original - line.payable).sum();
        totals.postage = postage.as_ref().map_or(0, |postage| postage.original);
        totals.postage_off = postage.as_ref().map_or(0, |postage| postage.original - postage.payable);
        let mut funding: BTreeMap<Arc<str>, i64> = BTreeMap::new();
        for application in &applied {
            let promotion = &self.promotions[application.promotion as usize];
            let mut fund = |off: i64| promotion.fund(off, &mut funding);
            let mut rest = application.off.as_slice();
            for line in &application.lines {
                let end = sheet.units_of(*line).end;
                let (of_line, others) = rest.split_at(rest.partition_point(|(unit, _)| (*unit as usize) < end));
                rest = others;
                let off = of_line.iter().map(|(_, off)| off).sum();
                if off > 0 {
                    let place = sheet.lines[usize::from(*line)] as usize;
                    lines[place].off.push(Share { promotion: Arc::clone(&promotion.id), off });
                    fund(off);
                }
            }
            if let Some(postage) = postage.as_mut().filter(|_| application.postage > 0) {
                postage.off.push(Share { promotion: Arc::clone(&promotion.id), off: application.postage });
                fund(application.postage);
            }
        }
        let decision = |(promotion, outcome)| {
            let promotion = &self.promotions[promotion as usize];
            Decision { promotion: Arc::clone(&promotion.id), component: promotion.document.effect.component(), outcome }
        };
        let decisions: Vec<Decision> =
            outcomes.into_iter().map(|(promotion, outcome): (u32, _)| decision((promotion, outcome))).collect();
        let degraded = if sheet.context.switched_off.is_empty() { Vec::new() } else { switched_off(&decisions) };
        Quote {
            rule_set: self.hash,
            at: sheet.context.at,
            currency: basket.currency,
            lines,
            postage,
            decisions,
            totals,
            funding,
            taxes: taxes.into_values().collect(),
            degraded,
        }
    }
}

impl crate::compile::Compiled {
    /// Adds to what each party pays its share of `off`.
    fn fund(&self, off: i64, funding: &mut BTreeMap<Arc<str>, i64>) {
        if let [(party, _)] = &self.funding[..] {
            *funding.entry(Arc::clone(party)).or_default() += off;
            return;
        }
        let weights: Vec<u64> = self.funding.iter().map(|(_, share)| u64::from(share.get())).collect();
        let parts = shares(off, &weights).expect("the shares add up to 100 %");
        for ((party, _), part) in self.funding.iter().zip(parts) {
            *funding.entry(Arc::clone(party)).or_default() += part;
        }
    }
}

impl Tax {
    /// The rate of a tax class.
    pub fn rate(&self, class: Option<&str>) -> BasisPoints {
        class.and_then(|class| self.rates.get(class)).copied().unwrap_or(self.default_rate)
    }

    /// What `payable` contains of tax, or what comes on top of it.
    fn of(&self, payable: i64, rate: BasisPoints) -> i64 {
        let rate = i128::from(rate.get());
        let of_whole = match self.prices {
            Prices::Inclusive => 10_000 + rate,
            Prices::Exclusive => 10_000,
        };
        if rate == 0 { 0 } else { self.rounding.ratio(i128::from(payable) * rate, of_whole) }
    }
}

fn unit_prices(running: &[i64]) -> Vec<UnitPrice> {
    let first = running[0];
    if running.iter().all(|price| *price == first) {
        return vec![UnitPrice { quantity: u32::try_from(running.len()).expect("the basket was checked"), payable: first }];
    }
    let mut prices = running.to_vec();
    prices.sort_unstable_by_key(|price| std::cmp::Reverse(*price));
    let same = prices.chunk_by(|one, other| one == other);
    same.map(|same| UnitPrice { quantity: u32::try_from(same.len()).expect("the basket was checked"), payable: same[0] })
        .collect()
}

fn switched_off(decisions: &[Decision]) -> Vec<&'static str> {
    let off = |decision: &&Decision| decision.outcome == crate::record::Outcome::Declined(crate::record::Reason::SwitchedOff);
    let mut components: Vec<&'static str> = decisions.iter().filter(off).map(|decision| decision.component).collect();
    components.sort_unstable();
    components.dedup();
    components
}
