use pricestream_promotion_engine::{Basket, Context, Left, Line, Quote};

use crate::shop::{assert_conserved, basket, line, now, rule_set, with_postage};

/// What a peer does with a basket.
pub(crate) struct Case<'a> {
    /// What it shows.
    pub(crate) what: &'a str,
    /// The rule set's `pipeline`; when empty, every component stacks.
    pub(crate) pipeline: &'a str,
    /// The rule set's `promotions`.
    pub(crate) promotions: &'a [&'a str],
    /// SKU, units, price of one; more fields of the catalogue line after a space in the SKU.
    pub(crate) lines: &'a [(&'a str, u32, i64)],
    /// Zero where the case is not about it.
    pub(crate) postage: i64,
    /// What the peer takes off each line, and off the postage where there is any.
    pub(crate) off: &'a [i64],
}

/// A case without a pipeline of its own and without postage.
pub(crate) const PLAIN: Case<'_> = Case { what: "", pipeline: "", promotions: &[], lines: &[], postage: 0, off: &[] };

/// Prices every case under the peer's policies.
pub(crate) fn agree(policies: &str, cases: &[Case<'_>]) {
    for case in cases {
        let quote = case.quote(policies, &now());
        assert_eq!(off(&quote), case.off, "{}", case.what);
    }
}

/// What is taken off each line, and off the postage where there is any.
pub(crate) fn off(quote: &Quote) -> Vec<i64> {
    let lines = quote.lines.iter().map(|line| line.original - line.payable);
    lines.chain(quote.postage.iter().map(|postage| postage.original - postage.payable)).collect()
}

/// What was taken off each unit of a line, the least first.
pub(crate) fn off_units(quote: &Quote, line: usize, price: i64) -> Vec<i64> {
    quote.units(line).iter().flat_map(|units| vec![price - units.payable; units.quantity as usize]).collect()
}

/// Nothing is left of a budget but this much.
pub(crate) fn with_budget(promotion: &str, budget: i64) -> Context {
    let left = Left { budget: Some(budget), ..Left::default() };
    Context { left: [(promotion.to_owned(), left)].into(), ..now() }
}

pub(crate) fn with_coupons(codes: &[&str]) -> Context {
    Context { coupons: codes.iter().map(|code| (*code).to_owned()).collect(), ..now() }
}

impl Case<'_> {
    pub(crate) fn quote(&self, policies: &str, context: &Context) -> Quote {
        let pipeline = if self.pipeline.is_empty() { String::new() } else { format!(r#""pipeline":{},"#, self.pipeline) };
        let promotions = self.promotions.join(",");
        let json = format!(r#"{{"version":1,"policies":{policies},{pipeline}"promotions":[{promotions}]}}"#);
        let quote = rule_set(&json).quote(&self.basket(), context).unwrap();
        assert_conserved(&quote);
        quote
    }

    fn basket(&self) -> Basket {
        let line = |(place, (sku, quantity, price)): (usize, &(&str, u32, i64))| -> Line {
            let (sku, more) = sku.split_once(' ').unwrap_or((sku, ""));
            let mut line = line(sku, *quantity, *price, more);
            // The order of the lines is that of their ids.
            line.id = format!("{place:02}").into();
            line
        };
        let lines = self.lines.iter().enumerate().map(line).collect();
        if self.postage > 0 { with_postage(lines, self.postage) } else { basket(lines) }
    }
}

/// `n` cents, as JSON.
pub(crate) fn eur(n: i64) -> String {
    format!(r#"{{"minor":{n},"currency":"EUR"}}"#)
}

/// So much off the order, shared by what its lines cost.
pub(crate) fn off_order(id: &str, amount: i64, more: &str) -> String {
    format!(r#"{{"id":"{id}","effect":{{"amount_off":{{"amount":{},"per":"order"}}}}{more}}}"#, eur(amount))
}

/// So much off each unit, line or the matching items.
pub(crate) fn amount_off(id: &str, amount: i64, per: &str, more: &str) -> String {
    format!(r#"{{"id":"{id}","effect":{{"amount_off":{{"amount":{},"per":"{per}"}}}}{more}}}"#, eur(amount))
}

/// A share off each line.
pub(crate) fn percent_off(id: &str, off_bp: u32, more: &str) -> String {
    format!(r#"{{"id":"{id}","effect":{{"percent_off":{{"off_bp":{off_bp}}}}}{more}}}"#)
}

/// A share off the order as a whole, shared among its lines.
pub(crate) fn percent_off_order(id: &str, off_bp: u32, more: &str) -> String {
    let tier = format!(r#"{{"from":{},"off":{{"percent_bp":{off_bp}}}}}"#, eur(0));
    format!(r#"{{"id":"{id}","effect":{{"spend_and_save":{{"steps":{{"tiers":[{tier}]}}}}}}{more}}}"#)
}

/// The items with this tag.
pub(crate) fn tagged(tag: &str) -> String {
    format!(r#","items":{{"include":[{{"tags":["{tag}"]}}]}}"#)
}

/// The items with this SKU.
pub(crate) fn of(sku: &str) -> String {
    format!(r#","items":{{"include":[{{"skus":["{sku}"]}}]}}"#)
}
