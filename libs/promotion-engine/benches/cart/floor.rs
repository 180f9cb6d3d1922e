//! The least that pricing these carts can cost: plain integers, promotions found through hash indexes, discounts shared to lines
//! by largest remainder. No exclusions, no policies, no reasons.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::workload::{Cart, Kind, POSTAGE, Promotion};

type Index = HashMap<String, Vec<u32>, RandomState>;

#[derive(Default)]
pub(crate) struct Floor {
    promotions: Vec<Promotion>,
    by_category: Index,
    by_sku: Index,
    by_brand: Index,
    by_group: Index,
    by_code: Index,
    always: Vec<u32>,
}

/// What a promotion takes off a line; `None`: off the postage.
#[allow(dead_code, reason = "what is written is the work that is measured")]
pub(crate) struct Share {
    pub(crate) promotion: u32,
    pub(crate) line: Option<u16>,
    pub(crate) off: i64,
}

#[derive(Default)]
pub(crate) struct Scratch {
    candidates: Vec<u32>,
    lines: Vec<(u16, i64)>,
    remainders: Vec<(i64, usize)>,
    pub(crate) shares: Vec<Share>,
}

impl Floor {
    pub(crate) fn of(promotions: &[Promotion]) -> Self {
        let mut floor = Self { promotions: promotions.to_vec(), ..Self::default() };
        for (number, promotion) in (0..).zip(promotions) {
            let (index, key) = match &promotion.kind {
                Kind::CategoryPercent { category, .. }
                | Kind::BuyTwoGetOne { category }
                | Kind::ThreeForPrice { category, .. }
                | Kind::CategoryFixed { category, .. } => (&mut floor.by_category, category),
                Kind::SkuFixed { sku, .. } => (&mut floor.by_sku, sku),
                Kind::BrandPercent { brand, .. } => (&mut floor.by_brand, brand),
                Kind::CouponPercent { code, .. } => (&mut floor.by_code, code),
                Kind::OrderPercent { group, .. }
                | Kind::Tiers { group: Some(group), .. }
                | Kind::FreePostage { group: Some(group), .. } => (&mut floor.by_group, group),
                Kind::Tiers { group: None, .. } | Kind::FreePostage { group: None, .. } => {
                    floor.always.push(number);
                    continue;
                }
            };
            index.entry(key.clone()).or_default().push(number);
        }
        floor
    }

    /// What all promotions together want to take off, and which of it each.
    pub(crate) fn price(&self, cart: &Cart, scratch: &mut Scratch) -> (i64, Vec<(u32, i64)>) {
        let mut candidates = std::mem::take(&mut scratch.candidates);
        candidates.clear();
        candidates.extend_from_slice(&self.always);
        let mut found = |index: &Index, key: &str| candidates.extend(index.get(key).into_iter().flatten());
        for group in &cart.groups {
            found(&self.by_group, group);
        }
        for code in &cart.coupons {
            found(&self.by_code, code);
        }
        for line in &cart.lines {
            found(&self.by_category, &line.category);
            found(&self.by_sku, &line.sku);
            found(&self.by_brand, &line.brand);
        }
        candidates.sort_unstable();
        candidates.dedup();
        scratch.shares.clear();
        let spent = cart.lines.iter().map(|line| line.price * i64::from(line.quantity)).sum();
        let mut total = 0;
        let mut each = Vec::with_capacity(candidates.len());
        for number in &candidates {
            let off = self.apply(*number, cart, spent, scratch);
            total += off;
            each.push((*number, off));
        }
        scratch.candidates = candidates;
        (total, each)
    }

    fn apply(&self, number: u32, cart: &Cart, spent: i64, scratch: &mut Scratch) -> i64 {
        let in_group = |group: &str| cart.groups.iter().any(|mine| mine == group);
        let each_line = |of: &dyn Fn(usize) -> bool, scratch: &mut Scratch| {
            scratch.lines.clear();
            let lines = (0_u16..).zip(&cart.lines).filter(|(place, _)| of(usize::from(*place)));
            scratch.lines.extend(lines.map(|(place, line)| (place, line.price * i64::from(line.quantity))));
        };
        match &self.promotions[number as usize].kind {
            Kind::CategoryPercent { category, bp } => {
                percent(number, cart, scratch, *bp, |place| cart.lines[place].category == *category)
            }
            Kind::BrandPercent { group, brand, bp } if in_group(group) => {
                percent(number, cart, scratch, *bp, |place| cart.lines[place].brand == *brand)
            }
            Kind::SkuFixed { sku, off } => {
                let mut total = 0;
                for (place, line) in (0..).zip(&cart.lines).filter(|(_, line)| line.sku == *sku) {
                    let off = off * i64::from(line.quantity);
                    scratch.shares.push(Share { promotion: number, line: Some(place), off });
                    total += off;
                }
                total
            }
            Kind::Tiers { group, tiers } if group.as_deref().is_none_or(in_group) => {
                let Some((_, bp)) = tiers.iter().rev().find(|(from, _)| spent >= *from) else { return 0 };
                each_line(&|_| true, scratch);
                scratch.share(number, spent * bp / 10_000)
            }
            Kind::OrderPercent { bp, .. } => {
                each_line(&|_| true, scratch);
                scratch.share(number, spent * bp / 10_000)
            }
            Kind::CouponPercent { min, bp, .. } if spent >= *min => {
                each_line(&|_| true, scratch);
                scratch.share(number, spent * bp / 10_000)
            }
            Kind::FreePostage { group, min } if spent >= *min && group.as_deref().is_none_or(in_group) => {
                scratch.shares.push(Share { promotion: number, line: None, off: POSTAGE });
                POSTAGE
            }
            Kind::BuyTwoGetOne { category } | Kind::ThreeForPrice { category, .. } | Kind::CategoryFixed { category, .. } => {
                let (mut units, mut cheapest) = (0, i64::MAX);
                for line in cart.lines.iter().filter(|line| line.category == *category) {
                    units += i64::from(line.quantity);
                    cheapest = cheapest.min(line.price);
                }
                each_line(&|place| cart.lines[place].category == *category, scratch);
                let off = match &self.promotions[number as usize].kind {
                    Kind::BuyTwoGetOne { .. } => units / 3 * cheapest,
                    Kind::ThreeForPrice { price, .. } if units >= 3 => (3 * cheapest - price).max(0),
                    Kind::CategoryFixed { off, .. } => *off,
                    _ => 0,
                };
                scratch.share(number, off)
            }
            _ => 0,
        }
    }
}

fn percent(number: u32, cart: &Cart, scratch: &mut Scratch, bp: i64, of: impl Fn(usize) -> bool) -> i64 {
    let mut total = 0;
    for (place, line) in (0_u16..).zip(&cart.lines).filter(|(place, _)| of(usize::from(*place))) {
        let off = line.price * i64::from(line.quantity) * bp / 10_000;
        scratch.shares.push(Share { promotion: number, line: Some(place), off });
        total += off;
    }
    total
}

impl Scratch {
    /// By largest remainder among `lines`.
    fn share(&mut self, promotion: u32, total: i64) -> i64 {
        let weights: i64 = self.lines.iter().map(|(_, weight)| weight).sum();
        if total <= 0 || weights == 0 {
            return 0;
        }
        self.remainders.clear();
        let first = self.shares.len();
        let mut left = total;
        for (place, (line, weight)) in self.lines.iter().enumerate() {
            let exact = total * weight;
            left -= exact / weights;
            self.shares.push(Share { promotion, line: Some(*line), off: exact / weights });
            self.remainders.push((exact % weights, place));
        }
        self.remainders.sort_unstable_by(|(one, at), (other, bt)| other.cmp(one).then(at.cmp(bt)));
        for (_, place) in self.remainders.iter().take(usize::try_from(left).expect("fewer are left than there are lines")) {
            self.shares[first + place].off += 1;
        }
        total
    }
}
