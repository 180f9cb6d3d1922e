use std::collections::{BTreeMap, BTreeSet};

use pricestream_documents::Reader;
use pricestream_domain::{Money, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, WorksOn, check_at_least, check_positive};
use crate::document::condition::Basis;

/// Goods for nothing: one entry of a list, or one for every so much that is bought. The shop adds them to the order at the price
/// zero. No line of the basket is touched, nothing is taken off, and what is given counts for no other promotion.
///
/// Of an entry of which too few are left the next one is given, or it is not offered. To give several things together, make a
/// promotion for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gift {
    /// 1 to 100 entries of different SKUs, the preferred first.
    pub gifts: Vec<GiftItem>,
    /// Who says which.
    #[serde(default)]
    pub choose: Choose,
    /// Given as often as this goes, instead of once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Every>,
    /// How often in one order, at most; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

/// So many units of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GiftItem {
    /// Which.
    pub sku: Sku,
    /// Units, at least 1.
    #[serde(default = "GiftItem::one")]
    pub quantity: u32,
}

/// Who says which of several gifts it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choose {
    /// The first of which enough are left.
    #[default]
    Automatic,
    /// The customer.
    Choice,
}

/// What earns a gift once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Every full amount that the matching items cost, at the promotion's stack base; above zero.
    Spend(Money),
    /// Every so many matching units, at least 1. They are not used up.
    Units(u32),
}

/// What a gift promotion gives to an order, and what it leaves to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gifts {
    /// In the order of the promotion's list.
    pub given: Vec<GivenGift>,
    /// `None`: nothing more can be chosen.
    pub open: Option<OpenChoice>,
    /// Of these too few are left.
    pub out_of_stock: Vec<Sku>,
    /// These were chosen, and are no gifts of this promotion or one too many.
    pub refused: Vec<Sku>,
}

/// A gift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenGift {
    /// Of what.
    pub sku: Sku,
    /// Units in all.
    pub quantity: u64,
    /// The customer chose it.
    pub chosen: bool,
}

impl Gifts {
    /// Units given, of all SKUs.
    pub fn units(&self) -> u64 {
        self.given.iter().map(|gift| gift.quantity).sum()
    }
}

/// What a customer may still choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChoice {
    /// How often; the same entry may be chosen again as long as enough are left.
    pub choose: u64,
    /// Among these.
    pub among: Vec<GiftItem>,
}

/// What gifts are taken from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shelf<'a> {
    /// What the customer chose for this promotion.
    pub(crate) chosen: &'a [Sku],
    /// Units that are left of each SKU; of one that is not named nobody knows, and there are enough.
    pub(crate) stock: Option<&'a BTreeMap<Sku, u64>>,
    /// Units that other promotions have given.
    pub(crate) given: &'a [(Sku, u64)],
    /// Units that this promotion may still give.
    pub(crate) quota: Option<u64>,
}

impl GiftItem {
    const fn one() -> u32 {
        1
    }
}

/// Entries, at most.
const MOST_GIFTS: usize = 100;

impl Component for Gift {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn gifts(&self) -> &[GiftItem] {
        &self.gifts
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if !(1..=MOST_GIFTS).contains(&self.gifts.len()) {
            reader.problem(&format!("{path}.gifts"), format!("must hold 1 to {MOST_GIFTS}"));
        }
        let mut skus = BTreeSet::new();
        for (position, gift) in self.gifts.iter().enumerate() {
            let at = format!("{path}.gifts[{position}]");
            if !skus.insert(&gift.sku) {
                reader.problem(&format!("{at}.sku"), "is in another entry too");
            }
            check_at_least(reader, &format!("{at}.quantity"), gift.quantity, 1);
        }
        match self.every {
            Some(Every::Spend(amount)) => check_positive(reader, &format!("{path}.every.spend"), amount),
            Some(Every::Units(units)) => check_at_least(reader, &format!("{path}.every.units"), units, 1),
            None => {}
        }
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
        if self.max_times.is_some() && self.every.is_none() {
            reader.problem(&format!("{path}.max_times"), "needs `every`: without it a gift is given once");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        if let Some(Every::Spend(amount)) = self.every { vec![amount] } else { Vec::new() }
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let times = self.times(given)?;
        let gifts = match self.choose {
            Choose::Automatic => self.first_left(given.shelf, times),
            Choose::Choice => self.chosen(given.shelf, times),
        };
        if gifts.given.is_empty() && gifts.open.is_none() {
            return Err(Declined::NoneLeft { of: gifts.out_of_stock });
        }
        draft.gifts = Some(Box::new(gifts));
        Ok(())
    }
}

impl Foreseen for Gift {
    fn units_needed(&self) -> u64 {
        if let Some(Every::Units(units)) = self.every { units.into() } else { 1 }
    }

    fn spend_needed(&self, base: Basis) -> Option<(Basis, i64)> {
        if let Some(Every::Spend(every)) = self.every { Some((base, every.minor)) } else { None }
    }
}

impl Gift {
    /// How often it is earned; at least once.
    fn times(&self, given: &Given<'_>) -> Result<u64, Declined> {
        let earned = match self.every {
            None => 1,
            Some(Every::Spend(every)) => {
                let spent = given.total();
                if spent < every.minor {
                    return Err(Declined::TooLittleSpent { actual: spent, needed: every.minor });
                }
                (spent / every.minor).unsigned_abs()
            }
            Some(Every::Units(every)) => {
                let (units, every) = (given.units.len() as u64, u64::from(every));
                if units < every {
                    return Err(Declined::TooFewUnits { actual: units, needed: every });
                }
                units / every
            }
        };
        Ok(earned.min(self.max_times.unwrap_or(u32::MAX).into()))
    }

    /// The first of which enough are left, and for the rest the next.
    fn first_left(&self, shelf: Shelf<'_>, times: u64) -> Gifts {
        let mut taken = Taken::new(self, shelf, times);
        for place in 0..self.gifts.len() {
            if taken.left_to_give == 0 {
                break;
            }
            taken.take(place, taken.left_to_give);
            if taken.left_to_give > 0 {
                taken.out_of_stock.push(place);
            }
        }
        taken.gifts(false)
    }

    /// What the customer chose, as far as that can be had; then the rest is open.
    fn chosen(&self, shelf: Shelf<'_>, times: u64) -> Gifts {
        let mut taken = Taken::new(self, shelf, times);
        let mut refused = BTreeSet::new();
        for sku in shelf.chosen {
            match self.gifts.iter().position(|gift| gift.sku == *sku) {
                Some(place) if taken.left_to_give > 0 => {
                    if taken.take(place, 1) == 0 {
                        taken.out_of_stock.push(place);
                    }
                }
                _ => {
                    refused.insert(sku.clone());
                }
            }
        }
        let (left, short): (Vec<usize>, Vec<usize>) = (0..self.gifts.len()).partition(|place| taken.can_take(*place) > 0);
        let choose = left.iter().map(|place| taken.can_take(*place)).fold(0, u64::saturating_add).min(taken.left_to_give);
        if taken.left_to_give > 0 {
            taken.out_of_stock.extend(short);
        }
        let among = || left.iter().map(|place| self.gifts[*place].clone()).collect();
        let open = (choose > 0).then(|| OpenChoice { choose, among: among() });
        Gifts { open, refused: refused.into_iter().collect(), ..taken.gifts(true) }
    }
}

/// What has been taken from the shelf so far.
struct Taken<'a> {
    gift: &'a Gift,
    shelf: Shelf<'a>,
    /// Of each entry, how often.
    times: Vec<u64>,
    /// How often something is still to be given.
    left_to_give: u64,
    /// Units in all.
    units: u64,
    out_of_stock: Vec<usize>,
}

impl<'a> Taken<'a> {
    fn new(gift: &'a Gift, shelf: Shelf<'a>, times: u64) -> Self {
        Self { gift, shelf, times: vec![0; gift.gifts.len()], left_to_give: times, units: 0, out_of_stock: Vec::new() }
    }

    /// How often the entry at `place` can still be given.
    fn can_take(&self, place: usize) -> u64 {
        let GiftItem { sku, quantity } = &self.gift.gifts[place];
        let quantity = u64::from((*quantity).max(1));
        let of_sku = self.shelf.given.iter().filter(|(given, _)| given == sku);
        let of_others = of_sku.fold(0, |sum: u64, (_, units)| sum.saturating_add(*units));
        let of_this = self.times[place].saturating_mul(quantity);
        let in_stock = self.shelf.stock.and_then(|stock| stock.get(sku)).copied().unwrap_or(u64::MAX);
        let in_stock = in_stock.saturating_sub(of_others).saturating_sub(of_this);
        in_stock.min(self.shelf.quota.unwrap_or(u64::MAX).saturating_sub(self.units)) / quantity
    }

    /// Takes the entry at `place` up to so often; gives how often it did.
    fn take(&mut self, place: usize, times: u64) -> u64 {
        let times = times.min(self.can_take(place));
        self.times[place] += times;
        self.left_to_give -= times;
        self.units += times * u64::from(self.gift.gifts[place].quantity);
        times
    }

    fn gifts(self, chosen: bool) -> Gifts {
        let given = self.gift.gifts.iter().zip(&self.times).filter(|(_, times)| **times > 0);
        let given =
            given.map(|(gift, times)| GivenGift { sku: gift.sku.clone(), quantity: times * u64::from(gift.quantity), chosen });
        let out_of_stock: BTreeSet<usize> = self.out_of_stock.into_iter().collect();
        Gifts {
            given: given.collect(),
            open: None,
            out_of_stock: out_of_stock.into_iter().map(|place| self.gift.gifts[place].sku.clone()).collect(),
            refused: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wallet;
    use super::super::samples::{draft_given, problems_of, units};
    use super::*;
    use crate::rounding::Rounding;

    fn sku(text: &str) -> Sku {
        Sku::new(text).unwrap()
    }

    /// What it gives for units of these prices, where so many are left and these were chosen.
    fn gifts(json: &str, prices: &[i64], stock: &[(&str, u64)], chosen: &[&str], quota: Option<u64>) -> Result<Gifts, Declined> {
        let of: Vec<(u16, i64)> = prices.iter().map(|price| (0, *price)).collect();
        let stock: BTreeMap<Sku, u64> = stock.iter().map(|(name, left)| (sku(name), *left)).collect();
        let chosen: Vec<Sku> = chosen.iter().map(|name| sku(name)).collect();
        let shelf = Shelf { chosen: &chosen, stock: Some(&stock), given: &[], quota };
        let given = Given {
            units: &units(&of),
            rounding: Rounding::BASKET,
            postage: None,
            postage_room: 0,
            wallet: Wallet::default(),
            shelf,
            running: prices,
            original: prices,
            list: prices,
        };
        draft_given(json, &given).map(|draft| {
            assert_eq!((draft.total(), draft.unfit, draft.used.len()), (0, 0, 0), "it takes nothing off and uses nothing up");
            *draft.gifts.unwrap()
        })
    }

    fn given(gifts: &Gifts) -> Vec<(&str, u64)> {
        gifts.given.iter().map(|gift| (gift.sku.as_str(), gift.quantity)).collect()
    }

    const ONCE: &str = r#"{"gift":{"gifts":[{"sku":"bag","quantity":2},{"sku":"mug"}]}}"#;
    const BY_UNITS: &str = r#"{"gift":{"gifts":[{"sku":"bag","quantity":2},{"sku":"mug"}],"every":{"units":3},"max_times":4}}"#;
    const BY_SPEND: &str = r#"{"gift":{"gifts":[{"sku":"mug"}],"every":{"spend":{"minor":5000,"currency":"USD"}}}}"#;
    const CHOICE: &str = r#"{"gift":{"gifts":[{"sku":"bag","quantity":2},{"sku":"mug"}],"choose":"choice","every":{"units":3}}}"#;

    #[test]
    fn a_gift_is_given_as_often_as_it_is_earned() {
        let few = |actual, needed| Err(Declined::TooFewUnits { actual, needed });
        let little = |actual, needed| Err(Declined::TooLittleSpent { actual, needed });
        for (json, prices, expected, why) in [
            (ONCE, &[100][..], Ok(vec![("bag", 2)]), "once, the first of the list"),
            (ONCE, &[100; 50], Ok(vec![("bag", 2)]), "however many are bought"),
            (BY_UNITS, &[100; 2], few(2, 3), "two are too few"),
            (BY_UNITS, &[100; 3], Ok(vec![("bag", 2)]), "three of three"),
            (BY_UNITS, &[100; 8], Ok(vec![("bag", 4)]), "two full threes"),
            (BY_UNITS, &[100; 99], Ok(vec![("bag", 8)]), "four times at most"),
            (BY_SPEND, &[4_999], little(4_999, 5_000), "a cent too little"),
            (BY_SPEND, &[2_500, 2_500], Ok(vec![("mug", 1)]), "50.00 in full"),
            (BY_SPEND, &[9_999], Ok(vec![("mug", 1)]), "99.99 is one full 50.00"),
            (BY_SPEND, &[10_000, 5_001], Ok(vec![("mug", 3)]), "150.01 is three"),
        ] {
            let found = gifts(json, prices, &[], &[], None);
            assert_eq!(found.as_ref().map(given).map_err(Clone::clone), expected, "{why}: {json}");
        }
    }

    #[test]
    fn where_too_few_are_left_the_next_is_given() {
        for (stock, quota, expected, out, why) in [
            (&[("bag", 4)][..], None, &[("bag", 4)][..], &[][..], "just enough"),
            (&[("bag", 3)], None, &[("bag", 2), ("mug", 1)], &["bag"], "one pair, and a mug for the second"),
            (&[("bag", 1)], None, &[("mug", 2)], &["bag"], "half a pair is none"),
            (&[("bag", 0), ("mug", 1)], None, &[("mug", 1)], &["bag", "mug"], "less than is earned, and it says so"),
            (&[], Some(3), &[("bag", 2), ("mug", 1)], &["bag"], "a limit on units counts what is given"),
        ] {
            let found = gifts(BY_UNITS, &[100; 6], stock, &[], quota).unwrap();
            assert_eq!(given(&found), expected, "{why}");
            assert_eq!(found.out_of_stock.iter().map(Sku::as_str).collect::<Vec<_>>(), out, "{why}");
            assert!(found.open.is_none() && found.given.iter().all(|gift| !gift.chosen));
        }
        let limited = gifts(BY_UNITS, &[100; 9], &[], &[], Some(3)).unwrap();
        assert_eq!(given(&limited), [("bag", 2), ("mug", 1)], "of three that are earned two fit into the limit");
        let none = gifts(BY_UNITS, &[100; 6], &[("bag", 1), ("mug", 0)], &[], None);
        assert_eq!(none, Err(Declined::NoneLeft { of: vec![sku("bag"), sku("mug")] }));
    }

    #[test]
    fn a_customer_chooses_each_time_among_what_is_left() {
        let open = |choose, among: &[(&str, u32)]| {
            let item = |(name, quantity): &(&str, u32)| GiftItem { sku: sku(name), quantity: *quantity };
            Some(OpenChoice { choose, among: among.iter().map(item).collect() })
        };
        let both: &[(&str, u32)] = &[("bag", 2), ("mug", 1)];
        for (chosen, stock, expected, left, refused, why) in [
            (&[][..], &[][..], &[][..], open(2, both), &[][..], "nothing yet"),
            (&["mug"], &[], &[("mug", 1)], open(1, both), &[], "one of two"),
            (&["mug", "bag"], &[], &[("bag", 2), ("mug", 1)], None, &[], "one of each"),
            (&["bag", "bag"], &[], &[("bag", 4)], None, &[], "twice the same"),
            (&["bag", "bag", "mug"], &[], &[("bag", 4)], None, &["mug"], "one too many"),
            (&["cup", "mug"], &[], &[("mug", 1)], open(1, both), &["cup"], "what is no gift"),
            (&["bag"], &[("bag", 1)], &[], open(2, &[("mug", 1)]), &[], "what is not left is not offered"),
            (&["mug"], &[("bag", 0), ("mug", 1)], &[("mug", 1)], None, &[], "the last one"),
            (&[], &[("bag", 0), ("mug", 1)], &[], open(1, &[("mug", 1)]), &[], "no more than are left"),
        ] {
            let found = gifts(CHOICE, &[100; 6], stock, chosen, None).unwrap();
            assert_eq!((given(&found), &found.open), (expected.to_vec(), &left), "{why}");
            assert_eq!(found.refused.iter().map(Sku::as_str).collect::<Vec<_>>(), refused, "{why}");
            assert!(found.given.iter().all(|gift| gift.chosen));
        }
        let none = gifts(CHOICE, &[100; 6], &[("bag", 0), ("mug", 0)], &["mug"], None);
        assert_eq!(none, Err(Declined::NoneLeft { of: vec![sku("bag"), sku("mug")] }));
    }

    #[test]
    fn no_number_is_too_large() {
        let json = format!(r#"{{"gift":{{"gifts":[{{"sku":"bag","quantity":{0}}}],"every":{{"units":1}}}}}}"#, u32::MAX);
        let found = gifts(&json, &[1; 3], &[], &[], None).unwrap();
        assert_eq!(given(&found), [("bag", 3 * u64::from(u32::MAX))]);
        let cent = r#"{"gift":{"gifts":[{"sku":"bag"}],"choose":"choice","every":{"spend":{"minor":1,"currency":"USD"}}}}"#;
        let found = gifts(cent, &[i64::MAX], &[], &[], None).unwrap();
        assert_eq!(found.open.map(|open| open.choose), Some(u32::MAX.into()), "no more often than a limit could say");
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"gift":{"gifts":[{"sku":"bag","quantity":0},{"sku":"bag"}],"every":{"units":0},"max_times":0}}"#;
        let paths = ["effect.gifts[0].quantity", "effect.gifts[1].sku", "effect.every.units", "effect.max_times"];
        assert_eq!(problems_of(json), paths);
        assert_eq!(problems_of(r#"{"gift":{"gifts":[]}}"#), ["effect.gifts"]);
        assert_eq!(problems_of(r#"{"gift":{"gifts":[{"sku":"bag"}],"max_times":2}}"#), ["effect.max_times"]);
        let spend = r#"{"gift":{"gifts":[{"sku":"bag"}],"every":{"spend":{"minor":0,"currency":"USD"}}}}"#;
        assert_eq!(problems_of(spend), ["effect.every.spend"]);
    }
}
