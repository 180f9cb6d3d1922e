//! The public lane of a SKU: what a guest pays for one unit, and what makes it be worked out anew.

mod shop;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Lane, Product};
use pricestream_promotion_engine::{Context, RuleSet, Without};
use proptest::prelude::*;
use shop::{at, basket, eur, line, of_category, rule_set};

const FROM: &str = "2026-11-10T00:00:00Z";

fn all_of_it() -> Without {
    Without::default()
}

fn product(json: &str) -> Arc<Product> {
    line("A", 1, 1_000, json).product
}

fn lane(rules: &RuleSet, product: &Arc<Product>) -> Option<Lane> {
    rules.public_lane(product, eur(1_000), None, &all_of_it(), at(FROM)).unwrap()
}

fn of_toys(more: &str) -> RuleSet {
    rule_set(&format!(
        r#"{{"version":1,"promotions":[{{"id":"toys","effect":{{"percent_off":{{"off_bp":2000}}}},
        "items":{{"include":[{{"categories":["toys"]}}]}}{more}}}]}}"#
    ))
}

fn told(lane: &Lane) -> Vec<(String, i64)> {
    lane.slices().iter().map(|slice| (slice.from.to_string(), slice.payable.minor)).collect()
}

#[test]
fn a_lane_says_what_a_guest_pays_and_when_that_changes() {
    let sale = of_toys(r#","window":{"from":"2026-11-11T00:00:00Z","until":"2026-11-12T00:00:00Z"}"#);
    let found = lane(&sale, &product(r#","category":"toys""#)).unwrap();
    let expected = [(FROM, 1_000), ("2026-11-11T00:00:00Z", 800), ("2026-11-12T00:00:00Z", 1_000)];
    assert_eq!(told(&found), expected.map(|(from, payable)| (from.to_owned(), payable)));
    assert_eq!(found.until(), None, "the window is over for good: nothing changes any more");
    assert_eq!(lane(&sale, &product(r#","category":"books""#)), None, "what no promotion concerns has no lane");
    let over = of_toys(r#","window":{"until":"2026-11-01T00:00:00Z"}"#);
    assert_eq!(lane(&over, &product(r#","category":"toys""#)), None, "it costs its price, and always will");
}

#[test]
fn a_lane_is_a_guests_and_without_codes() {
    for (condition, expected) in [
        (r#","when":{"coupons":["TOYS"]}"#, 1_000),
        (r#","when":{"groups":["members"]}"#, 1_000),
        (r#","when":{"customers":["c-1"]}"#, 1_000),
        (r#","when":{"channels":["app"]}"#, 1_000),
        (r#","when":{"order_number":{"at_least":1}}"#, 800),
        (r#","when":{"not":{"groups":["staff"]}}"#, 800),
        ("", 800),
    ] {
        let found = lane(&of_toys(condition), &product(r#","category":"toys""#));
        assert_eq!(found.map_or(1_000, |lane| lane.slices()[0].payable.minor), expected, "{condition}");
    }
}

#[test]
fn a_lane_ends_with_its_horizon_or_after_64_slices() {
    let happy_hour = of_toys(r#","window":{"hours":[{"from":"10:00","until":"12:00"}]}"#);
    let toys = product(r#","category":"toys""#);
    let found = lane(&happy_hour, &toys).unwrap();
    assert_eq!((found.slices().len(), found.until()), (61, Some(at("2026-12-10T00:00:00Z"))), "thirty days of two changes");
    let often = of_toys(r#","window":{"hours":[{"from":"10:00","until":"11:00"},{"from":"12:00","until":"13:00"}]}"#);
    let found = lane(&often, &toys).unwrap();
    assert_eq!((found.slices().len(), found.until()), (64, Some(at("2026-11-25T13:00:00Z"))), "the 65th slice would begin there");
}

#[test]
fn what_is_used_up_or_switched_off_is_not_in_the_lane() {
    let toys = product(r#","category":"toys""#);
    let rules = of_toys(r#","limit":{"units":5}"#);
    let used_up = Without { used_up: BTreeSet::from([Arc::from("toys")]), ..Without::default() };
    let switched_off = Without { components: BTreeSet::from(["percent_off".to_owned()]), ..Without::default() };
    assert!(rules.public_lane(&toys, eur(1_000), None, &all_of_it(), at(FROM)).unwrap().is_some());
    assert_eq!(rules.public_lane(&toys, eur(1_000), None, &used_up, at(FROM)).unwrap(), None);
    assert_eq!(rules.public_lane(&toys, eur(1_000), None, &switched_off, at(FROM)).unwrap(), None);
    for without in [used_up, switched_off] {
        assert_ne!(rules.says_of(&toys, &without), rules.says_of(&toys, &all_of_it()), "so it is worked out anew");
    }
}

#[test]
fn a_rule_set_says_something_new_of_the_products_that_its_change_touches_alone() {
    let [toys, books] = ["toys", "books"].map(|category| of_category("A", 1, 1_000, category).product);
    let rules = |toys_off: u32, more: &str| {
        rule_set(&format!(
            r#"{{"version":1{more},"promotions":[
            {{"id":"toys","effect":{{"percent_off":{{"off_bp":{toys_off}}}}},"items":{{"include":[{{"categories":["toys"]}}]}}}},
            {{"id":"books","effect":{{"percent_off":{{"off_bp":500}}}},"items":{{"include":[{{"categories":["books"]}}]}}}},
            {{"id":"code","effect":{{"coupon":{{"off":{{"percent_bp":{toys_off}}}}}}},"when":{{"coupons":["X"]}}}}]}}"#
        ))
    };
    let says = |rules: &RuleSet, product: &Product| rules.says_of(product, &all_of_it());
    let before = rules(1_000, "");
    let after = rules(2_000, "");
    assert_ne!(says(&before, &toys), says(&after, &toys));
    assert_eq!(says(&before, &books), says(&after, &books));
    let renamed = rules(1_000, r#","name":"autumn""#);
    assert_eq!(says(&before, &toys), says(&renamed, &toys), "a name decides nothing");
    let taxed = rules(1_000, r#","policies":{"basket_rounding":{"mode":"down"}}"#);
    assert_ne!(says(&before, &books), says(&taxed, &books), "a policy is for all");
    assert_eq!(says(&before, &of_category("A", 1, 1_000, "tea").product), None, "nobody says anything of tea");
}

proptest! {
    #[test]
    fn a_lane_is_what_a_guest_is_quoted_at_each_instant(
        windows in prop::collection::vec((0..900_i64, 1..600_i64, 100..9_000_u32, any::<bool>()), 1..8),
        asked in prop::collection::vec(0..1_500_i64, 1..12),
    ) {
        let hour = |hours: i64| at(FROM).checked_add(SignedDuration::from_hours(hours)).unwrap();
        let promotions: Vec<String> = windows.iter().enumerate().map(|(id, (from, length, off, toys))| {
            let items = if *toys { r#","items":{"include":[{"categories":["toys"]}]}"# } else { "" };
            format!(r#"{{"id":"p{id}","effect":{{"percent_off":{{"off_bp":{off}}}}},
                "window":{{"from":"{}","until":"{}"}}{items}}}"#, hour(*from), hour(from + length))
        }).collect();
        let rules = rule_set(&format!(
            r#"{{"version":1,"pipeline":[[{{"component":"percent_off"}}]],"promotions":[{}]}}"#, promotions.join(",")
        ));
        let toys = product(r#","category":"toys""#);
        let found = lane(&rules, &toys);
        for instant in asked.into_iter().map(hour) {
            let quote = rules.quote(&basket(vec![line("A", 1, 1_000, r#","category":"toys""#)]), &Context { at: instant, ..Context::default() });
            let payable = quote.unwrap().totals.payable;
            match &found {
                None => prop_assert_eq!(payable, 1_000),
                Some(lane) => match lane.at(instant) {
                    Some(slice) => prop_assert_eq!(slice.payable.minor, payable, "{}", instant),
                    None => prop_assert!(lane.until().is_some_and(|until: Timestamp| instant >= until)),
                },
            }
        }
    }
}
