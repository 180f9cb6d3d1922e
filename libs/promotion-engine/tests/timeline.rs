//! The lane of a basket: where its price changes, and that it is the price that a quote gives at each instant.

mod shop;

use jiff::{SignedDuration, Timestamp};
use pricestream_promotion_engine::{Basket, Context, RuleSet};
use proptest::prelude::*;
use shop::{at, basket, line, now, rule_set};

const FROM: &str = "2026-11-10T00:00:00Z";
const UNTIL: &str = "2026-11-13T00:00:00Z";

fn sale() -> RuleSet {
    rule_set(
        r#"{"version":1,"time_zone":"Europe/Amsterdam","promotions":[
        {"id":"sale","effect":{"percent_off":{"off_bp":2000}},"window":{"from":"2026-11-11T00:00:00Z","until":"2026-11-12T00:00:00Z"}},
        {"id":"happy","effect":{"percent_off":{"off_bp":1000}},"window":{"hours":[{"from":"10:00","until":"12:00"}]}},
        {"id":"morning","effect":{"amount_off":{"amount":{"minor":50,"currency":"EUR"},"per":"unit"}},
         "when":{"not":{"window":{"hours":[{"from":"12:00","until":"00:00"}]}}}},
        {"id":"over","effect":{"percent_off":{"off_bp":9000}},"window":{"until":"2026-11-01T00:00:00Z"}}]}"#,
    )
}

#[test]
fn a_lane_changes_where_a_window_opens_or_closes_and_nowhere_else() {
    let timeline = sale().timeline(&basket(vec![line("A", 1, 1_000, "")]), &now(), at(FROM), at(UNTIL), 100).unwrap();
    let slices: Vec<(String, i64)> = timeline.slices.iter().map(|slice| (slice.from.to_string(), slice.payable())).collect();
    let expected = [
        ("2026-11-10T00:00:00Z", 950),
        ("2026-11-10T09:00:00Z", 850), // ten o'clock in Amsterdam; amounts go first, being of another component
        ("2026-11-10T11:00:00Z", 1_000),
        ("2026-11-10T23:00:00Z", 950),
        ("2026-11-11T00:00:00Z", 750),
        ("2026-11-11T09:00:00Z", 670),
        ("2026-11-11T11:00:00Z", 800),
        ("2026-11-11T23:00:00Z", 750),
        ("2026-11-12T00:00:00Z", 950),
        ("2026-11-12T09:00:00Z", 850),
        ("2026-11-12T11:00:00Z", 1_000),
        ("2026-11-12T23:00:00Z", 950),
    ];
    assert_eq!(slices.len(), expected.len(), "{slices:?}");
    for ((from, _), (expected, _)) in slices.iter().zip(expected) {
        assert_eq!(from, expected);
    }
    assert!(timeline.slices.windows(2).all(|pair| pair[0].until == pair[1].from), "no gap, no overlap");
    assert_eq!((timeline.slices[0].from, timeline.slices.last().unwrap().until), (at(FROM), at(UNTIL)));
    let lowest = timeline.lowest().unwrap();
    assert_eq!(lowest.from, at("2026-11-11T09:00:00Z"));
    assert_eq!(lowest.promotions.iter().map(|id| &**id).collect::<Vec<_>>(), ["happy", "sale", "morning"]);
}

#[test]
fn a_lane_of_too_many_slices_is_cut_and_says_so() {
    let timeline = sale().timeline(&basket(vec![line("A", 1, 1_000, "")]), &now(), at(FROM), at(UNTIL), 4).unwrap();
    assert!(timeline.cut);
    assert_eq!(timeline.slices.len(), 4);
    assert_eq!(timeline.slices[3].until, at("2026-11-11T00:00:00Z"));
}

/// What the real-time driver says of an instant.
fn price_at(rules: &RuleSet, basket: &Basket, instant: Timestamp) -> i64 {
    let quote = rules.quote(basket, &Context { at: instant, ..now() }).unwrap();
    quote.totals.goods - quote.totals.goods_off
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_price_at_an_instant_is_that_of_its_slice(
        windows in prop::collection::vec((0..72_i64, 1..48_i64, 1..60_u32, 0..24_u8, 1..24_u8, any::<bool>()), 1..12),
        minutes in prop::collection::vec(0..72 * 60_i64, 40),
    ) {
        let promotions: Vec<String> = windows.iter().enumerate().map(|(number, (from, hours, percent, hour, length, daily))| {
            let from = at(FROM) + SignedDuration::from_hours(*from);
            let until = from + SignedDuration::from_hours(*hours);
            let daily = if *daily {
                format!(r#","hours":[{{"from":"{hour:02}:00","until":"{:02}:30"}}]"#, (hour + length) % 24)
            } else {
                String::new()
            };
            format!(r#"{{"id":"p{number}","effect":{{"percent_off":{{"off_bp":{}}}}},"window":{{"from":"{from}","until":"{until}"{daily}}}}}"#, percent * 100)
        }).collect();
        let rules = rule_set(&format!(r#"{{"version":1,"time_zone":"Asia/Shanghai","pipeline":[[{{"component":"percent_off"}}]],"promotions":[{}]}}"#, promotions.join(",")));
        let basket = basket(vec![line("A", 3, 1_999, "")]);
        let timeline = rules.timeline(&basket, &now(), at(FROM), at(UNTIL), 10_000).unwrap();
        let ends = timeline.slices.iter().flat_map(|slice| [slice.from, slice.until - SignedDuration::from_micros(1)]);
        let sampled = minutes.iter().map(|minutes| at(FROM) + SignedDuration::from_mins(*minutes));
        for instant in ends.chain(sampled) {
            let slice = timeline.slices.iter().find(|slice| slice.from <= instant && instant < slice.until).unwrap();
            prop_assert_eq!(price_at(&rules, &basket, instant), slice.payable(), "{}", instant);
        }
        prop_assert!(timeline.slices.windows(2).all(|pair| pair[0].until == pair[1].from));
        for minutes in minutes.iter().take(5) {
            let instant = at(FROM) + SignedDuration::from_mins(*minutes);
            let answer = rules.browse(&[shop::item(line("A", 1, 1_999, ""))], &Context { at: instant, ..now() }, false);
            let browsed = answer.items[0].price().unwrap();
            let slice = timeline.slices.iter().find(|slice| slice.from <= instant && instant < slice.until).unwrap();
            let until = browsed.until.unwrap_or(at(UNTIL)).min(at(UNTIL));
            prop_assert!(instant < until && until <= slice.until, "what is browsed holds as long as it says: {until}");
        }
    }
}
