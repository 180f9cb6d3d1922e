use std::collections::BTreeMap;
use std::sync::Arc;

use pricestream_domain::{BasisPoints, shares};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::basket::{Basket, Line};
use crate::quote::{Quote, QuotedPostage, TaxTotal};

/// What a shop makes several orders of one basket by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Who sells the goods.
    Seller,
    /// Where they ship from.
    Warehouse,
    /// The label that the lines carry.
    Delivery,
}

/// One of the orders that a basket becomes. Amounts are minor units of the quote's currency; those of all groups add up to the
/// quote's, each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The seller, warehouse or label; `None` for lines that have none.
    pub key: Option<String>,
    /// Places of its lines in the basket.
    pub lines: Vec<u32>,
    /// Goods before promotions.
    pub goods: i64,
    /// Off the goods.
    pub goods_off: i64,
    /// Its share of the postage: in proportion to what its goods cost after promotions.
    pub postage: Option<QuotedPostage>,
    /// Tax in all.
    pub tax: i64,
    /// What is paid.
    pub payable: i64,
    /// Taxes by rate.
    pub taxes: Vec<TaxTotal>,
    /// What each party pays of the discounts, in the order of their names.
    pub funding: Vec<(Arc<str>, i64)>,
    /// What each promotion takes off its goods and its share of the postage, above zero, by places in the decisions.
    pub promotions: Vec<(u32, i64)>,
}

impl Quote {
    /// The orders that this quote becomes, by their keys, lines without one first. `basket` is the one that was priced. Nothing is
    /// priced anew: what is shared out is shared by largest remainder, of equal remainders to the earlier key; postage goes to
    /// the first group where all goods are free.
    pub fn grouped(&self, basket: &Basket, by: GroupBy) -> Vec<Group> {
        let mut by_key: BTreeMap<Option<&str>, Vec<u32>> = BTreeMap::new();
        for (line, place) in basket.lines.iter().zip(0..) {
            by_key.entry(by.key(line)).or_default().push(place);
        }
        let mut group_of = vec![0; self.lines.len()];
        for (group, lines) in by_key.values().enumerate() {
            for line in lines {
                group_of[*line as usize] = group;
            }
        }
        let mut groups: Vec<Group> = by_key.into_iter().map(|(key, lines)| self.group(key, lines)).collect();
        let weights = weights(&groups);
        self.share_postage(&weights, &mut groups);
        self.share_discounts(&group_of, &weights, &mut groups);
        groups
    }

    /// Goods and their taxes.
    fn group(&self, key: Option<&str>, places: Vec<u32>) -> Group {
        let mut group = Group {
            key: key.map(str::to_owned),
            lines: Vec::new(),
            goods: 0,
            goods_off: 0,
            postage: None,
            tax: 0,
            payable: 0,
            taxes: Vec::new(),
            funding: Vec::new(),
            promotions: Vec::new(),
        };
        for line in places.iter().map(|place| &self.lines[*place as usize]) {
            group.goods += line.original;
            group.goods_off += line.original - line.payable;
            group.charge(line.payable, line.tax, line.tax_rate, self.tax_on_top());
        }
        group.lines = places;
        group
    }

    /// Whether tax comes on top of prices.
    fn tax_on_top(&self) -> bool {
        let totals = self.totals;
        totals.payable != totals.goods - totals.goods_off + totals.postage - totals.postage_off
    }

    fn share_postage(&self, weights: &[u64], groups: &mut [Group]) {
        let Some(postage) = &self.postage else { return };
        let payable = shared(postage.payable, weights);
        let of_payable: Vec<u64> = payable.iter().map(|part| part.unsigned_abs()).collect();
        // By what each group pays of it, so that no share of the tax is more than that.
        let taxes = shared(postage.tax, if postage.payable > 0 { &of_payable } else { weights });
        for ((group, payable), tax) in groups.iter_mut().zip(payable).zip(taxes) {
            group.charge(payable, tax, self.postage_tax_rate, self.tax_on_top());
            group.postage = Some(QuotedPostage { original: payable, payable, tax });
        }
    }

    /// What promotions take off, and who pays it.
    fn share_discounts(&self, group_of: &[usize], weights: &[u64], groups: &mut [Group]) {
        let mut off: BTreeMap<(usize, u32), i64> = BTreeMap::new();
        let mut paid: BTreeMap<(usize, &Arc<str>), i64> = BTreeMap::new();
        for share in &self.shares {
            let mut left = self.paid_by(share);
            let parts = match share.line {
                Some(line) => vec![(group_of[line as usize], share.off)],
                None => (0..).zip(shared(share.off, weights)).collect(),
            };
            for (group, part) in parts {
                if share.line.is_none()
                    && let Some(postage) = &mut groups[group].postage
                {
                    postage.original += part;
                }
                *off.entry((group, share.decision)).or_default() += part;
                // Of what the parties still have to pay: so that nobody pays more or less in all.
                let rest: Vec<u64> = left.iter().map(|(_, left)| left.unsigned_abs()).collect();
                for ((party, left), pays) in left.iter_mut().zip(shared(part, &rest)) {
                    *left -= pays;
                    *paid.entry((group, party)).or_default() += pays;
                }
            }
        }
        for ((group, decision), off) in off.into_iter().filter(|(_, off)| *off > 0) {
            groups[group].promotions.push((decision, off));
        }
        for ((group, party), pays) in paid.into_iter().filter(|(_, pays)| *pays > 0) {
            groups[group].funding.push((Arc::clone(party), pays));
        }
    }
}

impl GroupBy {
    fn key(self, line: &Line) -> Option<&str> {
        match self {
            Self::Seller => line.product.seller.as_deref(),
            Self::Warehouse => line.product.warehouse.as_deref(),
            Self::Delivery => line.delivery.as_deref(),
        }
    }
}

impl Group {
    /// Adds what is paid for something, and its tax.
    fn charge(&mut self, payable: i64, tax: i64, rate: BasisPoints, on_top: bool) {
        let at = self.taxes.binary_search_by_key(&rate, |total| total.rate).unwrap_or_else(|at| {
            self.taxes.insert(at, TaxTotal { rate, net: 0, tax: 0 });
            at
        });
        self.taxes[at].tax += tax;
        self.taxes[at].net += if on_top { payable } else { payable - tax };
        self.tax += tax;
        self.payable += if on_top { payable + tax } else { payable };
    }
}

/// What each group's goods cost; all on the first where none costs anything.
fn weights(groups: &[Group]) -> Vec<u64> {
    let mut weights: Vec<u64> = groups.iter().map(|group| (group.goods - group.goods_off).unsigned_abs()).collect();
    if let Some(first) = weights.first_mut().filter(|_| groups.iter().all(|group| group.goods == group.goods_off)) {
        *first = 1;
    }
    weights
}

fn shared(total: i64, weights: &[u64]) -> Vec<i64> {
    shares(total, weights).expect("something weighs")
}
