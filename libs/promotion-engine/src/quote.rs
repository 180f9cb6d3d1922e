use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{BasisPoints, Currency, Sku, shares};

use crate::application::Made;
use crate::basket::{Basket, BasketError, Context};
use crate::candidates::Candidates;
use crate::compile::{Funders, RuleSet};
use crate::coupons::QuotedCoupon;
use crate::degraded::{Degraded, degraded};
use crate::document::guards::Action;
use crate::document::policies::{Prices, Tax};
use crate::edge::{AtEdge, Edge};
use crate::evaluate::{Evaluated, evaluate};
use crate::gifts::{QuotedGift, given};
use crate::grouping::Group;
use crate::guard::{Risk, risks};
use crate::record::Decision;
use crate::scenario::Scenario;
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
    /// What each promotion takes off each line, and off the postage, in the order in which they were applied.
    pub shares: Vec<Share>,
    /// What the units of each line cost, by line.
    unit_prices: Vec<UnitPrice>,
    /// What the shares take off single units, which are numbered through all lines.
    unit_offs: Vec<(u32, i64)>,
    /// `None` while nobody knows what postage costs.
    pub postage: Option<QuotedPostage>,
    /// Every promotion that was considered, once, in the order in which they run.
    pub decisions: Vec<Decision>,
    /// Sums over all lines and the postage.
    pub totals: Totals,
    /// What each party pays of the discounts, in the order of their names; together all of them.
    pub funding: Vec<(Arc<str>, i64)>,
    /// Taxes by rate.
    pub taxes: Vec<TaxTotal>,
    /// What was paid out of each red packet, by their ids; those that were not used are not named.
    pub red_packets: Vec<(String, i64)>,
    /// Points that were spent.
    pub points: u64,
    /// What became of each code that was given, once.
    pub coupons: Vec<QuotedCoupon>,
    /// Goods that the shop adds for nothing: they are no lines, and no sum counts them.
    pub gifts: Vec<QuotedGift>,
    /// The orders that the shop makes of the basket, where the context says by what.
    pub groups: Vec<Group>,
    /// The rate of the tax on postage.
    pub(crate) postage_tax_rate: BasisPoints,
    /// Everybody who pays for some promotion of the rule set.
    parties: Arc<[Arc<str>]>,
    /// Of what was applied, by places in the decisions, who pays which share of it.
    funders: Vec<(u32, Funders)>,
    /// Components that it does without although promotions of theirs would have been tried, in the order of their names.
    pub degraded: Vec<Degraded>,
    /// Guards that it passed.
    pub risks: Vec<Risk>,
    /// What it was asked for.
    pub scenario: Scenario,
    /// Whether it may be sold, in that scenario: no guard blocks it, and no component is missing that may not be.
    pub sellable: bool,
}

/// A line of the basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedLine {
    /// Its id.
    pub id: Arc<str>,
    /// What it is of.
    pub sku: Sku,
    /// Units.
    pub quantity: u32,
    /// What its units cost together before promotions.
    pub original: i64,
    /// What they cost after them; what its shares are together is `original - payable`.
    pub payable: i64,
    /// Where its units' prices are.
    first_unit: u32,
    last_unit: u32,
    /// The number of its first unit.
    first_number: u32,
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

/// What a promotion takes off a line, or off the postage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its place in the decisions.
    pub decision: u32,
    /// The line's place in the basket; `None`: the postage.
    pub line: Option<u32>,
    /// Minor units, above zero.
    pub off: i64,
    /// Units of the line that get something of it; 0 for the postage.
    pub units: u32,
    /// Where they are.
    first: u32,
}

/// Units of a line, one after the other, that get the same of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitShare {
    /// The first of them, counted from 1 within the line.
    pub first: u32,
    /// How many.
    pub quantity: u32,
    /// What is taken off each, in minor units, above zero.
    pub off: i64,
}

impl Quote {
    /// What the units of the line in this place cost after promotions, the dearest first: a unit that is returned is paid back so.
    pub fn units(&self, line: usize) -> &[UnitPrice] {
        let line = &self.lines[line];
        &self.unit_prices[line.first_unit as usize..line.last_unit as usize]
    }

    /// What each party pays of a share.
    pub(crate) fn paid_by(&self, share: &Share) -> Vec<(&Arc<str>, i64)> {
        let at = self.funders.binary_search_by_key(&share.decision, |(decision, _)| *decision);
        let funding = at.map_or(&[][..], |at| &self.funders[at].1);
        let parties = funding.iter().map(|(party, _)| &self.parties[*party as usize]);
        parties.zip(funded(share.off, funding)).collect()
    }

    /// What each promotion takes off the line in this place.
    pub fn shares_of(&self, line: usize) -> impl Iterator<Item = (&Decision, &Share)> {
        let of_line = move |share: &&Share| share.line.is_some_and(|place| place as usize == line);
        self.shares.iter().filter(of_line).map(|share| (&self.decisions[share.decision as usize], share))
    }

    /// The shares of each line, by one walk over all.
    pub(crate) fn shares_by_line(&self) -> SharesByLine {
        let mut ends = vec![0_u32; self.lines.len() + 1];
        let of_lines = || (0_u32..).zip(&self.shares).filter_map(|(at, share)| Some((at, share.line? as usize)));
        for (_, line) in of_lines() {
            ends[line + 1] += 1;
        }
        for line in 1..ends.len() {
            ends[line] += ends[line - 1];
        }
        let mut places = vec![0; ends.last().map_or(0, |all| *all as usize)];
        // While they are filled in, each line's begin moves to its end.
        for (at, line) in of_lines() {
            places[ends[line] as usize] = at;
            ends[line] += 1;
        }
        SharesByLine { places, ends }
    }

    /// Which units of its line get how much of a share of this quote; of a share of the postage none.
    pub fn unit_shares(&self, share: &Share) -> Vec<UnitShare> {
        self.unit_runs(share).collect()
    }

    /// The same, one after the other.
    pub(crate) fn unit_runs(&self, share: &Share) -> impl Iterator<Item = UnitShare> {
        let first_number = share.line.map_or(0, |line| self.lines[line as usize].first_number);
        let of_share = &self.unit_offs[share.first as usize..(share.first + share.units) as usize];
        let runs = of_share.chunk_by(|(number, off), (next, next_off)| number + 1 == *next && off == next_off);
        runs.map(move |run| {
            let (number, off) = run[0];
            UnitShare {
                first: number - first_number + 1,
                quantity: u32::try_from(run.len()).expect("the basket was checked"),
                off,
            }
        })
    }

    /// Whether each unit of the line, which has so many, gets the same of a share.
    pub(crate) fn is_alike(&self, share: &Share, quantity: u32) -> bool {
        let of_share = &self.unit_offs[share.first as usize..(share.first + share.units) as usize];
        share.units == quantity && of_share.windows(2).all(|pair| pair[0].1 == pair[1].1)
    }
}

/// Which shares each line has, in the order in which they were applied.
pub(crate) struct SharesByLine {
    /// Places in the quote's shares, those of a line beside each other.
    places: Vec<u32>,
    /// Where those of each line end; those of the next begin there.
    ends: Vec<u32>,
}

impl SharesByLine {
    /// Those of a line of the quote that they are from.
    pub(crate) fn of<'a>(&self, quote: &'a Quote, line: usize) -> impl Iterator<Item = &'a Share> {
        let begin = if line == 0 { 0 } else { self.ends[line - 1] as usize };
        self.places[begin..self.ends[line] as usize].iter().map(|at| &quote.shares[*at as usize])
    }
}

/// What sending costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedPostage {
    /// Before promotions.
    pub original: i64,
    /// After them.
    pub payable: i64,
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
        self.bare().quote(basket, context)
    }

    /// The same price, with a decision record of the whole rule set.
    pub fn explain(&self, basket: &Basket, context: &Context) -> Result<Quote, BasketError> {
        self.bare().explain(basket, context)
    }

    /// A basket that can be priced, ready to be.
    pub(crate) fn sheet<'a>(&'a self, basket: &'a Basket, context: &'a Context) -> Result<Sheet<'a>, BasketError> {
        basket.check()?;
        basket.check_context(context)?;
        Sheet::of(self, basket, context)
    }

    pub(crate) fn write(&self, sheet: &Sheet<'_>, evaluated: Evaluated) -> Quote {
        let Evaluated { state, applied, made, outcomes, missing, out } = evaluated;
        let basket = sheet.basket;
        let tax = &self.policies.tax;
        let mut totals = Totals::default();
        let mut taxes: Vec<TaxTotal> = Vec::new();
        let mut charge = |payable: i64, rate: BasisPoints| {
            let contained = tax.of(payable, rate);
            let place = taxes.iter().position(|total| total.rate == rate).unwrap_or_else(|| {
                taxes.push(TaxTotal { rate, net: 0, tax: 0 });
                taxes.len() - 1
            });
            taxes[place].tax += contained;
            taxes[place].net += if tax.prices == Prices::Inclusive { payable - contained } else { payable };
            totals.tax += contained;
            totals.payable += if tax.prices == Prices::Inclusive { payable } else { payable + contained };
            contained
        };
        let mut unit_prices = Vec::with_capacity(basket.lines.len() * 2);
        let mut lines = Vec::with_capacity(basket.lines.len());
        for (line, number) in basket.lines.iter().zip(sheet.numbers()) {
            let units = sheet.units_of(number);
            let running = &state.running[units.clone()];
            let (original, payable) = (sheet.original[units].iter().sum::<i64>(), running.iter().sum::<i64>());
            totals.goods += original;
            totals.goods_off += original - payable;
            let tax_rate = tax.rate(line.product.tax_class.as_deref());
            let first_unit = length(&unit_prices);
            let first_number = sheet.first_unit[usize::from(number)];
            add_unit_prices(running, &mut unit_prices);
            lines.push(QuotedLine {
                id: Arc::clone(&line.id),
                sku: line.product.sku.clone(),
                quantity: line.quantity,
                original,
                payable,
                first_unit,
                last_unit: length(&unit_prices),
                first_number,
                tax: charge(payable, tax_rate),
                tax_rate,
            });
        }
        let postage = basket.postage.as_ref().map(|postage| {
            let (original, payable) = (postage.amount.minor, state.postage.expect("it is known"));
            QuotedPostage { original, payable, tax: charge(payable, tax.postage_rate) }
        });
        totals.postage = postage.as_ref().map_or(0, |postage| postage.original);
        totals.postage_off = postage.as_ref().map_or(0, |postage| postage.original - postage.payable);
        taxes.sort_by_key(|total| total.rate);
        let mut shares = Vec::with_capacity(applied.iter().map(|(_, application)| made.lines(application).len() + 1).sum());
        let mut paid = vec![0; self.parties.len()];
        let mut funders = Vec::with_capacity(applied.len());
        for (decision, application) in &applied {
            let promotion = &self.promotions[application.promotion as usize];
            funders.push((*decision, Arc::clone(&promotion.funding)));
            let mut first = Made::first_off(application);
            let mut give = |line: Option<u32>, off: i64, units: u32| {
                shares.push(Share { decision: *decision, line, off, units, first });
                first += units;
                promotion.fund(off, &mut paid);
            };
            for (line, off, units) in made.shares(application).filter(|(_, off, _)| *off > 0) {
                give(Some(sheet.lines[usize::from(line)]), off, units);
            }
            if application.postage > 0 {
                give(None, application.postage, 0);
            }
        }
        let coupons = self.coupons(sheet, &outcomes);
        funders.sort_unstable_by_key(|(decision, _)| *decision);
        let decision = |(promotion, outcome): (u32, _)| {
            let promotion = &self.promotions[promotion as usize];
            let component = promotion.document.effect.component();
            Decision { promotion: Arc::clone(&promotion.id), component, outcome, missing: None }
        };
        let mut decisions: Vec<Decision> = outcomes.into_iter().map(decision).collect();
        for (place, missing) in missing {
            decisions[place].missing = Some(missing);
        }
        let gifts = if state.given.is_empty() { Vec::new() } else { given(&decisions, basket, sheet.context) };
        let degraded = degraded(&out, decisions.iter().map(|decision| (decision.component, &decision.outcome)));
        let scenario = sheet.context.scenario;
        let packets = sheet.context.red_packets.iter().zip(&state.packets);
        let used = packets.map(|(packet, left)| (packet.id.clone(), packet.amount.minor - left)).filter(|(_, used)| *used > 0);
        let funding = self.parties.iter().zip(paid).filter(|(_, paid)| *paid > 0);
        let mut quote = Quote {
            rule_set: self.hash,
            at: sheet.at,
            currency: basket.currency,
            lines,
            shares,
            unit_prices,
            unit_offs: made.into_off(),
            postage,
            decisions,
            totals,
            funding: funding.map(|(party, paid)| (Arc::clone(party), paid)).collect(),
            taxes,
            red_packets: used.collect(),
            points: sheet.context.points - state.points,
            coupons,
            gifts,
            groups: Vec::new(),
            postage_tax_rate: tax.postage_rate,
            parties: Arc::clone(&self.parties),
            funders,
            sellable: degraded.is_empty() || self.policies.degradation.sold_in.contains(&scenario),
            degraded,
            risks: Vec::new(),
            scenario,
        };
        quote.risks = risks(&self.policies.guards, basket, &quote);
        if let Some(by) = sheet.context.group_by {
            quote.groups = quote.grouped(basket, by);
        }
        quote.sellable &= quote.risks.iter().all(|risk| risk.action != Action::Block);
        quote
    }
}

impl<E: Edge> AtEdge<'_, E> {
    /// As [`RuleSet::quote`].
    pub fn quote(self, basket: &Basket, context: &Context) -> Result<Quote, BasketError> {
        self.price(basket, context, Candidates::of)
    }

    /// As [`RuleSet::explain`].
    pub fn explain(self, basket: &Basket, context: &Context) -> Result<Quote, BasketError> {
        self.price(basket, context, Candidates::every)
    }

    fn price(
        self,
        basket: &Basket,
        context: &Context,
        candidates: impl FnOnce(&Sheet<'_>) -> Candidates,
    ) -> Result<Quote, BasketError> {
        let sheet = self.rules.sheet(basket, context)?;
        let candidates = candidates(&sheet);
        let evaluated = evaluate(&sheet, &candidates, &candidates.all, self.edge);
        Ok(self.rules.write(&sheet, evaluated))
    }
}

impl crate::compile::Compiled {
    /// Adds to what each party pays its share of `off`.
    fn fund(&self, off: i64, paid: &mut [i64]) {
        if let [(party, _)] = &self.funding[..] {
            paid[*party as usize] += off;
            return;
        }
        for ((party, _), part) in self.funding.iter().zip(funded(off, &self.funding)) {
            paid[*party as usize] += part;
        }
    }
}

/// What each party pays of `off`.
fn funded(off: i64, funding: &[(u32, BasisPoints)]) -> Vec<i64> {
    let weights: Vec<u64> = funding.iter().map(|(_, share)| u64::from(share.get())).collect();
    shares(off, &weights).expect("the shares add up to 100 %")
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

fn add_unit_prices(running: &[i64], to: &mut Vec<UnitPrice>) {
    let begin = to.len();
    let mut sorted;
    let mut prices = running;
    if !running.is_sorted_by(|one, other| one >= other) {
        sorted = running.to_vec();
        sorted.sort_unstable_by_key(|price| Reverse(*price));
        prices = &sorted;
    }
    for price in prices {
        match to[begin..].last_mut() {
            Some(last) if last.payable == *price => last.quantity += 1,
            _ => to.push(UnitPrice { quantity: 1, payable: *price }),
        }
    }
}

fn length(of: &[UnitPrice]) -> u32 {
    u32::try_from(of.len()).expect("the basket was checked")
}
