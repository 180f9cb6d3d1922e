//! Whether one condition holds wherever another does.

use std::collections::BTreeSet;

use pricestream_documents::Zone;

use super::sets::covers;
use crate::document::condition::{Condition, Numbers, Over, Quantity, Spend};
use crate::document::policies::CouponCase;
use crate::document::window::Window;
use crate::keys::spelled;

/// Holds conditions of two promotions against each other, of which the second is for at least the items of the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Implication<'a> {
    /// They are for the same items.
    pub(super) same_items: bool,
    pub(super) case: CouponCase,
    pub(super) zone: &'a Zone,
}

impl Implication<'_> {
    /// Whether `then`, of the promotion for more, certainly holds wherever `when` does.
    pub(super) fn holds(&self, when: Option<&Condition>, then: Option<&Condition>) -> bool {
        match (when, then) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(when), Some(then)) => self.implies(when, then),
        }
    }

    fn implies(&self, when: &Condition, then: &Condition) -> bool {
        match (when, then) {
            (_, Condition::All(parts)) => parts.iter().all(|part| self.implies(when, part)),
            (Condition::Any(parts), _) => parts.iter().all(|part| self.implies(part, then)),
            (Condition::All(parts), _) if parts.iter().any(|part| self.implies(part, then)) => true,
            (_, Condition::Any(parts)) => parts.iter().any(|part| self.implies(when, part)),
            (Condition::Not(when), Condition::Not(then)) => self.same_items && self.implies(then, when),
            (Condition::Spend(when), Condition::Spend(then)) => self.spend(when, then),
            (Condition::Quantity(when), Condition::Quantity(then)) => self.quantity(when, then),
            (Condition::Groups(when), Condition::Groups(then))
            | (Condition::Customers(when), Condition::Customers(then))
            | (Condition::Channels(when), Condition::Channels(then))
            | (Condition::Regions(when), Condition::Regions(then))
            | (Condition::PaymentMethods(when), Condition::PaymentMethods(then))
            | (Condition::PostageMethods(when), Condition::PostageMethods(then)) => when.is_subset(then),
            (Condition::Coupons(when), Condition::Coupons(then)) => {
                let codes = |of: &BTreeSet<String>| of.iter().map(|code| spelled(code, self.case)).collect::<BTreeSet<String>>();
                codes(when).is_subset(&codes(then))
            }
            (Condition::OrderNumber(when), Condition::OrderNumber(then)) => within(when, then),
            (Condition::StockLeft(when), Condition::StockLeft(then)) => self.same_items && within(when, then),
            (Condition::Window(when), Condition::Window(then)) => window_covers(then, when, self.zone),
            _ => false,
        }
    }

    fn spend(&self, when: &Spend, then: &Spend) -> bool {
        let least = when.at_least.minor >= then.at_least.minor;
        let below = then.below.is_none_or(|then| when.below.is_some_and(|when| when.minor <= then.minor));
        when.basis == then.basis && least && below && self.counts(&when.over, &then.over, then.below.is_some())
    }

    fn quantity(&self, when: &Quantity, then: &Quantity) -> bool {
        let least = when.at_least >= then.at_least;
        let most = then.at_most.is_none_or(|then| when.at_most.is_some_and(|when| when <= then));
        least && most && self.counts(&when.over, &then.over, then.at_most.is_some())
    }

    /// Whether as much counts over `then` as over `when`, and, if it must be the same, no more.
    fn counts(&self, when: &Over, then: &Over, the_same: bool) -> bool {
        match (when, then) {
            (Over::Order, Over::Order) => true,
            (Over::Matching, Over::Matching) => self.same_items || !the_same,
            (Over::Items(when), Over::Items(then)) => when == then || (!the_same && covers(then, when)),
            (_, Over::Order) => !the_same,
            _ => false,
        }
    }
}

/// Whether `big` is open whenever `small` is; `None` is always open.
pub(super) fn covers_window(big: Option<&Window>, small: Option<&Window>, zone: &Zone) -> bool {
    match (big, small) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(big), Some(small)) => window_covers(big, small, zone),
    }
}

fn window_covers(big: &Window, small: &Window, zone: &Zone) -> bool {
    let begins = big.from.is_none_or(|from| small.from.is_some_and(|other| from <= other));
    let ends = big.until.is_none_or(|until| small.until.is_some_and(|other| other <= until));
    let always = big.weekdays.is_empty() && big.hours.is_empty();
    let zone_of = |window: &Window| window.time_zone.clone().unwrap_or_else(|| zone.clone());
    let days = big.weekdays.is_empty() || (!small.weekdays.is_empty() && small.weekdays.is_subset(&big.weekdays));
    let hours = if big.hours.is_empty() {
        small.hours.is_empty()
    } else {
        !small.hours.is_empty() && small.hours.iter().all(|hours| big.hours.contains(hours))
    };
    begins && ends && (always || (zone_of(big) == zone_of(small) && days && hours))
}

fn within(small: &Numbers, big: &Numbers) -> bool {
    let least = big.at_least.is_none_or(|least| small.at_least.is_some_and(|other| other >= least));
    let most = big.at_most.is_none_or(|most| small.at_most.is_some_and(|other| other <= most));
    least && most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(json: &str) -> Window {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_window_covers_another_only_where_that_is_certain() {
        for (big, small, expected) in [
            (r#"{"until":"2026-12-01T00:00:00Z"}"#, r#"{"from":"2026-11-01T00:00:00Z","until":"2026-12-01T00:00:00Z"}"#, true),
            (r#"{"until":"2026-12-01T00:00:00Z"}"#, r#"{"from":"2026-11-01T00:00:00Z"}"#, false),
            (r#"{"weekdays":["monday","friday"]}"#, r#"{"weekdays":["friday"]}"#, true),
            (r#"{"weekdays":["friday"]}"#, r#"{"weekdays":["monday","friday"]}"#, false),
            (r#"{"weekdays":["friday"]}"#, r#"{"hours":[{"from":"10:00","until":"11:00"}]}"#, false),
            // Friday night reaches into Saturday.
            (r#"{"weekdays":["friday"]}"#, r#"{"weekdays":["friday"],"hours":[{"from":"22:00","until":"02:00"}]}"#, false),
            (
                r#"{"hours":[{"from":"10:00","until":"11:00"}]}"#,
                r#"{"hours":[{"from":"10:00","until":"11:00"}],"time_zone":"Asia/Tokyo"}"#,
                false,
            ),
        ] {
            assert_eq!(window_covers(&window(big), &window(small), &Zone::UTC), expected, "{big} over {small}");
        }
    }

    #[test]
    fn a_condition_implies_another_only_where_that_is_certain() {
        let spend = |least: u32, over: &str| {
            format!(r#"{{"spend":{{"at_least":{{"minor":{least},"currency":"EUR"}},"over":"{over}"}}}}"#)
        };
        let (members, staff) = (r#"{"groups":["members"]}"#, r#"{"groups":["members","staff"]}"#);
        for (when, then, same_items, expected) in [
            (members, staff, false, true),
            (staff, members, false, false),
            (r#"{"coupons":["A"]}"#, r#"{"coupons":["a"]}"#, false, true),
            (&spend(200, "order"), &spend(100, "order"), false, true),
            (&spend(100, "order"), &spend(200, "order"), false, false),
            (&spend(200, "matching"), &spend(100, "matching"), false, true), // for more items, more is spent
            (&spend(200, "matching"), &spend(100, "order"), false, true),
            (&spend(200, "order"), &spend(100, "matching"), false, false),
            (r#"{"quantity":{"at_least":1,"at_most":3}}"#, r#"{"quantity":{"at_least":1,"at_most":3}}"#, false, false),
            (r#"{"quantity":{"at_least":1,"at_most":3}}"#, r#"{"quantity":{"at_least":1,"at_most":3}}"#, true, true),
            (&format!(r#"{{"all":[{members},{{"order_number":{{"at_most":1}}}}]}}"#), staff, false, true),
            (&format!(r#"{{"any":[{members},{{"order_number":{{"at_most":1}}}}]}}"#), staff, false, false),
            (&format!(r#"{{"not":{staff}}}"#), &format!(r#"{{"not":{members}}}"#), true, true),
            (&format!(r#"{{"not":{members}}}"#), &format!(r#"{{"not":{staff}}}"#), true, false),
            (r#"{"stock_left":{"at_least":5}}"#, r#"{"stock_left":{"at_least":3}}"#, true, true),
            (r#"{"stock_left":{"at_least":5}}"#, r#"{"stock_left":{"at_least":3}}"#, false, false), // of more lines
        ] {
            let read = |json: &str| serde_json::from_str::<Condition>(json).unwrap();
            let implication = Implication { same_items, case: CouponCase::Insensitive, zone: &Zone::UTC };
            assert_eq!(implication.holds(Some(&read(when)), Some(&read(then))), expected, "{when} implies {then}");
        }
    }
}
