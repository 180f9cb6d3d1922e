//! Sales as they were recorded: from one replenishment of a SKU until its sale ends.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pricestream_domain::Sku;

/// A stock change of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whose.
    pub sku: Sku,
    /// When.
    pub at: Timestamp,
    /// Units afterwards.
    pub on_hand: u64,
    /// It brought goods in.
    pub restock: bool,
    /// It is a sale: what went out was bought.
    pub sale: bool,
    /// What a unit sold for, in minor units, where that was recorded.
    pub unit_price: Option<i64>,
}

/// Units sold at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sold {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub units: u64,
    /// For how much each, in minor units, where that was recorded.
    pub unit_price: Option<i64>,
}

/// One replenishment, and what was sold of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Of what.
    pub sku: Sku,
    /// When it came in.
    pub begin: Timestamp,
    /// Units there were then.
    pub units: u64,
    /// What was sold, in order of time.
    pub sold: Vec<Sold>,
    /// When the last unit went, if it did: what would have been sold after it nobody knows.
    pub sold_out: Option<Timestamp>,
    /// When the next replenishment came, if one did: what was sold after it belongs to that.
    pub ended: Option<Timestamp>,
}

impl Recorded {
    /// Until when what was sold says what was wanted: `minutes` after the begin at the latest.
    pub fn known_until(&self, minutes: u32) -> Timestamp {
        let end = self.begin + jiff::SignedDuration::from_mins(i64::from(minutes));
        [self.sold_out, self.ended].into_iter().flatten().fold(end, Timestamp::min)
    }
}

/// Splits a recording, in order of time, into its sales. A rise above what a sale began with is a replenishment too, as for the inventory;
/// changes before a SKU's first replenishment belong to none.
pub fn sales(changes: impl IntoIterator<Item = Change>) -> Vec<Recorded> {
    let mut sales: Vec<Recorded> = Vec::new();
    // Its sale, and the units before.
    let mut open: BTreeMap<Sku, (usize, u64)> = BTreeMap::new();
    for change in changes {
        let known = open.get(&change.sku).copied();
        let rise = known.is_some_and(|(place, _)| change.on_hand > sales[place].units);
        if change.restock || rise {
            if let Some((place, _)) = known {
                sales[place].ended = Some(change.at);
            }
            open.insert(change.sku.clone(), (sales.len(), change.on_hand));
            let (sku, begin, units) = (change.sku, change.at, change.on_hand);
            sales.push(Recorded { sku, begin, units, sold: Vec::new(), sold_out: None, ended: None });
            continue;
        }
        let Some((place, before)) = open.get_mut(&change.sku) else { continue };
        let units = before.saturating_sub(change.on_hand);
        *before = change.on_hand;
        let sale = &mut sales[*place];
        if change.sale && units > 0 {
            sale.sold.push(Sold { at: change.at, units, unit_price: change.unit_price });
        }
        if change.on_hand == 0 {
            sale.sold_out = sale.sold_out.or(Some(change.at));
        }
    }
    sales.sort_by_key(|sale| sale.begin);
    sales
}

/// How the sales of a kind spread over their time: a profile of `parts` equal parts, `minutes` in all, 1 on average. Each part has one
/// sale more than was seen, spread over all, so that no part is impossible. `None` when nothing was sold.
pub fn profile<'a>(sales: impl IntoIterator<Item = &'a Recorded>, minutes: u32, parts: usize) -> Option<Vec<f64>> {
    let mut seen = vec![0.0; parts];
    // In a part in which some were sold out, fewer could sell.
    let mut open = vec![0.0; parts];
    let length = f64::from(minutes) * 60.0;
    for sale in sales {
        let place = |at: Timestamp| (at.duration_since(sale.begin).as_secs_f64() / length * parts as f64).max(0.0);
        // The part in which the last unit went counts in full: it was sold in it.
        let sold_out = sale.sold_out.map_or(parts as f64, |at| place(at).floor() + 1.0);
        let until = sale.ended.map_or(sold_out, |at| place(at).min(sold_out));
        for (part, open) in open.iter_mut().enumerate() {
            *open += (until - part as f64).clamp(0.0, 1.0);
        }
        for sold in &sale.sold {
            if let Some(seen) = seen.get_mut(place(sold.at) as usize) {
                *seen += sold.units as f64;
            }
        }
    }
    let total: f64 = seen.iter().sum();
    if total == 0.0 {
        return None;
    }
    let mean = total / open.iter().sum::<f64>();
    // Of a part in which nothing was ever in stock nothing is known: the mean.
    let rates: Vec<f64> = seen.iter().zip(&open).map(|(seen, open)| (seen + 1.0) / (open + 1.0 / mean)).collect();
    let average = rates.iter().sum::<f64>() / parts as f64;
    Some(rates.iter().map(|rate| rate / average).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(minute: i64, on_hand: u64, restock: bool) -> Change {
        let at = Timestamp::from_second(1_000_000 + 60 * minute).unwrap();
        Change { sku: Sku::new("A").unwrap(), at, on_hand, restock, sale: !restock, unit_price: Some(100) }
    }

    #[test]
    fn a_replenishment_begins_a_sale_and_what_leaves_is_sold() {
        let found = sales([
            change(0, 5, false),
            change(1, 10, true),
            change(5, 8, false),
            change(9, 0, false),
            change(20, 4, true),
            change(21, 3, false),
            change(22, 4, false),
            change(23, 2, false),
            change(30, 9, false),
        ]);
        assert_eq!(found.len(), 3, "a rise above what a sale began with is a replenishment");
        assert_eq!((found[0].ended, found[2].ended), (Some(change(20, 0, false).at), None));
        assert_eq!(found[0].sold.iter().map(|sold| sold.units).collect::<Vec<_>>(), [2, 8]);
        assert_eq!(found[0].sold_out, Some(change(9, 0, false).at));
        assert_eq!(found[1].sold.iter().map(|sold| sold.units).collect::<Vec<_>>(), [1, 2], "a return is no sale");
        assert_eq!(found[1].sold_out, None);
    }

    #[test]
    fn a_profile_is_where_sales_were_not_where_stock_was() {
        // Sold out at half time: nothing is known of the second half but the mean.
        let sale = sales([change(0, 40, true), change(10, 10, false), change(49, 0, false)]);
        let profile = profile(&sale, 100, 4).unwrap();
        assert!((profile.iter().sum::<f64>() - 4.0).abs() < 1e-9);
        assert!(profile[0] > profile[1] && profile[2] > 0.0 && (profile[2] - profile[3]).abs() < 1e-12, "{profile:?}");
    }
}
