//! Baskets and rule sets that the tests share.

#![allow(dead_code, reason = "no test needs all of it")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Currency, Money, Product};
use pricestream_promotion_engine::{
    Basket, Context, Decision, Edge, Found, Group, Line, Outcome, Postage, Quote, QuotedPostage, Reason, RuleSet,
};

pub(crate) fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// A line whose id is its SKU, with `more` fields of its catalogue line.
pub(crate) fn line(sku: &str, quantity: u32, price: i64, more: &str) -> Line {
    let product = format!(r#"{{"sku":"{sku}","list_price":{{"minor":{price},"currency":"EUR"}}{more}}}"#);
    let product: Product = serde_json::from_str(&product).unwrap();
    let product = Arc::new(product);
    Line { id: sku.into(), product, quantity, unit_price: eur(price), stock_left: None, last_price: None, delivery: None }
}

/// An item as it is browsed.
pub(crate) fn item(line: Line) -> Found {
    let Line { product, unit_price, stock_left, last_price, .. } = line;
    Found { product, unit_price, stock_left, last_price }
}

pub(crate) fn of_category(sku: &str, quantity: u32, price: i64, category: &str) -> Line {
    line(sku, quantity, price, &format!(r#","category":"{category}""#))
}

pub(crate) fn basket(lines: Vec<Line>) -> Basket {
    Basket { currency: Currency::EUR, lines, postage: None }
}

pub(crate) fn with_postage(lines: Vec<Line>, minor: i64) -> Basket {
    Basket { postage: Some(Postage { amount: eur(minor), method: Some("parcel".to_owned()) }), ..basket(lines) }
}

pub(crate) fn now() -> Context {
    Context { at: at("2026-11-11T12:00:00Z"), ..Context::default() }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A rule set of a pipeline and promotions, written as JSON.
pub(crate) fn rules(pipeline: &str, promotions: &str) -> RuleSet {
    rule_set(&format!(r#"{{"version":1,"pipeline":{pipeline},"promotions":[{promotions}]}}"#))
}

pub(crate) fn rule_set(json: &str) -> RuleSet {
    RuleSet::from_json(json).unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", problems.join("\n"))
    })
}

/// What each promotion took off, in the order in which they ran; nothing for those that were declined.
pub(crate) fn taken(quote: &Quote) -> Vec<(String, i64)> {
    let applied = quote.decisions.iter().filter_map(|decision| match decision.outcome {
        Outcome::Applied { off, .. } => Some((decision.promotion.to_string(), off)),
        Outcome::Declined(_) => None,
    });
    applied.collect()
}

/// Why a promotion was declined.
pub(crate) fn declined<'a>(quote: &'a Quote, promotion: &str) -> &'a Reason {
    let of_it = |decision: &&Decision| *decision.promotion == *promotion;
    match &quote.decisions.iter().find(of_it).unwrap_or_else(|| panic!("{promotion} was not considered")).outcome {
        Outcome::Declined(reason) => reason,
        applied @ Outcome::Applied { .. } => panic!("{promotion}: {applied:?}"),
    }
}

/// An edge at which some components fail, each after it has done its work.
#[derive(Default)]
pub(crate) struct Failing(pub(crate) BTreeSet<String>);

impl Edge for Failing {
    fn call<T>(&self, component: &'static str, _promotion: &str, work: impl FnOnce() -> T) -> Option<T> {
        let work = || {
            let made = work();
            // Without the message of a panic, of which a test would print thousands.
            if self.0.contains(component) { resume_unwind(Box::new("it fails")) } else { made }
        };
        catch_unwind(AssertUnwindSafe(work)).ok()
    }
}

/// Every sum of a quote agrees with every other; and its answer is written by hand as serde writes it.
pub(crate) fn assert_conserved(quote: &Quote) {
    let by_hand = quote.answer_json();
    let by_serde = serde_json::to_string(&quote.answer()).expect("an answer has text for keys");
    assert_eq!(String::from_utf8(by_hand).expect("it is text"), by_serde);
    let of_promotions: i64 = quote
        .decisions
        .iter()
        .map(|decision| match decision.outcome {
            Outcome::Applied { off, .. } => off,
            Outcome::Declined(_) => 0,
        })
        .sum();
    for (place, line) in quote.lines.iter().enumerate() {
        let shares: i64 = quote.shares_of(place).map(|(_, share)| share.off).sum();
        assert_eq!(shares, line.original - line.payable, "line {}", line.id);
        let mut off_units = vec![0; line.quantity as usize];
        for (decision, share) in quote.shares_of(place) {
            let runs = quote.unit_shares(share);
            let all: i64 = runs.iter().map(|run| run.off * i64::from(run.quantity)).sum();
            assert_eq!(all, share.off, "{} on the units of line {}", decision.promotion, line.id);
            assert_eq!(runs.iter().map(|run| run.quantity).sum::<u32>(), share.units);
            for run in runs {
                off_units[run.first as usize - 1..][..run.quantity as usize].iter_mut().for_each(|off| *off += run.off);
            }
        }
        let original = line.original / i64::from(line.quantity);
        let mut payable: Vec<i64> = off_units.iter().map(|off| original - off).collect();
        payable.sort_unstable_by_key(|price| std::cmp::Reverse(*price));
        let told = quote.units(place).iter().flat_map(|unit| vec![unit.payable; unit.quantity as usize]);
        assert_eq!(payable, told.collect::<Vec<_>>(), "unit by unit, line {}", line.id);
        let units: i64 = quote.units(place).iter().map(|unit| unit.payable * i64::from(unit.quantity)).sum();
        assert_eq!(units, line.payable, "units of line {}", line.id);
        assert_eq!(quote.units(place).iter().map(|unit| unit.quantity).sum::<u32>(), line.quantity);
        assert!(quote.units(place).iter().all(|unit| unit.payable >= 0), "line {}", line.id);
    }
    let goods_off: i64 = quote.lines.iter().map(|line| line.original - line.payable).sum();
    let postage_off = quote.postage.as_ref().map_or(0, |postage| postage.original - postage.payable);
    assert_eq!((quote.totals.goods_off, quote.totals.postage_off), (goods_off, postage_off));
    assert_eq!(of_promotions, goods_off + postage_off, "by promotion and by line");
    assert_eq!(quote.funding.iter().map(|(_, paid)| paid).sum::<i64>(), of_promotions, "by who pays it");
    let taxed: i64 = quote.taxes.iter().map(|total| total.net + total.tax).sum();
    assert_eq!(taxed, quote.totals.payable, "by rate of tax");
}

/// Every amount of the groups adds up to the quote's.
pub(crate) fn assert_groups_add_up(quote: &Quote) {
    let groups = &quote.groups;
    let sum = |of: &dyn Fn(&Group) -> i64| groups.iter().map(of).sum::<i64>();
    let totals = quote.totals;
    assert_eq!(
        (sum(&|group| group.goods), sum(&|group| group.goods_off), sum(&|group| group.tax), sum(&|group| group.payable)),
        (totals.goods, totals.goods_off, totals.tax, totals.payable)
    );
    let mut lines: Vec<u32> = groups.iter().flat_map(|group| group.lines.iter().copied()).collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), quote.lines.len());
    assert!(lines.iter().zip(0..).all(|(line, place)| *line == place), "every line once");
    assert!(groups.windows(2).all(|pair| pair[0].key < pair[1].key), "by their keys");
    let postage = |of: fn(&QuotedPostage) -> i64| {
        (sum(&|group| group.postage.as_ref().map_or(0, of)), quote.postage.as_ref().map_or(0, of))
    };
    for (found, expected) in
        [postage(|postage| postage.original), postage(|postage| postage.payable), postage(|postage| postage.tax)]
    {
        assert_eq!(found, expected, "postage");
    }
    for total in &quote.taxes {
        let of_rate = |group: &Group| group.taxes.iter().find(|of| of.rate == total.rate).copied();
        assert_eq!(sum(&|group| of_rate(group).map_or(0, |of| of.net)), total.net, "net at {}", total.rate);
        assert_eq!(sum(&|group| of_rate(group).map_or(0, |of| of.tax)), total.tax, "tax at {}", total.rate);
    }
    for (party, pays) in &quote.funding {
        let of_party = |group: &Group| group.funding.iter().find(|(of, _)| of == party).map_or(0, |(_, pays)| *pays);
        assert_eq!(sum(&of_party), *pays, "{party} pays");
    }
    for (decision, place) in quote.decisions.iter().zip(0..) {
        let off = if let Outcome::Applied { off, .. } = decision.outcome { off } else { 0 };
        let of_promotion = |group: &Group| group.promotions.iter().find(|(at, _)| *at == place).map_or(0, |(_, off)| *off);
        assert_eq!(sum(&of_promotion), off, "{} takes off", decision.promotion);
    }
    for group in groups {
        let postage_off = group.postage.as_ref().map_or(0, |postage| postage.original - postage.payable);
        let off = group.goods_off + postage_off;
        assert_eq!(group.promotions.iter().map(|(_, off)| off).sum::<i64>(), off, "by promotion within {:?}", group.key);
        assert_eq!(group.funding.iter().map(|(_, pays)| pays).sum::<i64>(), off, "by party within {:?}", group.key);
        assert_eq!(group.taxes.iter().map(|of| of.net + of.tax).sum::<i64>(), group.payable, "by rate within {:?}", group.key);
        assert_eq!(group.taxes.iter().map(|of| of.tax).sum::<i64>(), group.tax);
        assert!(group.taxes.iter().all(|of| of.net >= 0 && of.tax >= 0));
        assert!(
            group.postage.as_ref().is_none_or(|postage| postage.tax <= postage.payable && postage.payable <= postage.original)
        );
        assert!(group.promotions.iter().all(|(_, off)| *off > 0) && group.funding.iter().all(|(_, pays)| *pays > 0));
    }
}
