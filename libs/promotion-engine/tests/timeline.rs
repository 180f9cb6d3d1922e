//! The lane of a basket: where its price changes, and that it is the price that a quote gives at each instant.

mod shop;

use jiff::{SignedDuration, Timestamp};
use pricestream_promotion_engine::{Basket, Context, RuleSet};
use proptest::prelude::*;
use serde_json::{Value, json};
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

/// Zones, and days around which their clocks are put forward or back, by an hour or by half of one; and one of no change.
const CHANGES: [(&str, &str); 8] = [
    ("Europe/Amsterdam", "2026-03-27T00:00:00Z"),
    ("Europe/Amsterdam", "2026-10-23T00:00:00Z"),
    ("America/New_York", "2026-03-06T00:00:00Z"),
    ("America/New_York", "2026-10-30T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-03T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-02T00:00:00Z"),
    ("Asia/Shanghai", "2026-11-10T00:00:00Z"),
    ("UTC", "2026-11-10T00:00:00Z"),
];
const DAYS: i64 = 5;
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Hours of a day, often such as the clock skips or repeats; those that end before they begin reach into the next day.
fn some_hours() -> impl Strategy<Value = Value> {
    let clock = || prop_oneof![2 => 0..4 * 60_u32, 1 => 0..24 * 60_u32];
    (clock(), clock()).prop_filter("some time", |(from, until)| from != until).prop_map(|(from, until)| {
        let told = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        json!([{ "from": told(from), "until": told(until) }])
    })
}

/// A window within some days of `begin`.
fn some_window(begin: Timestamp) -> impl Strategy<Value = Value> {
    let span = prop::option::of((-24..DAYS * 24, 1..72_i64));
    let days = prop::option::of(prop::sample::subsequence(WEEKDAYS.to_vec(), 1..=5));
    let zone = prop::option::weighted(0.3, prop::sample::select(CHANGES.to_vec()).prop_map(|(zone, _)| zone));
    let some = (span, days, prop::option::of(some_hours()), zone);
    some.prop_map(move |(span, days, hours, zone)| {
        let mut window = json!({});
        if let Some((from, hours)) = span {
            let from = begin + SignedDuration::from_hours(from);
            window["from"] = from.to_string().into();
            window["until"] = (from + SignedDuration::from_hours(hours)).to_string().into();
        }
        let fields = [("weekdays", days.map(Value::from)), ("hours", hours), ("time_zone", zone.map(Value::from))];
        for (field, value) in fields {
            if let Some(value) = value {
                window[field] = value;
            }
        }
        window
    })
    .prop_filter("a window says something", |window| window.as_object().is_some_and(|fields| !fields.is_empty()))
}

/// A condition of windows, which hold and do not.
fn some_condition(begin: Timestamp) -> impl Strategy<Value = Value> {
    some_window(begin).prop_map(|window| json!({ "window": window })).prop_recursive(3, 8, 3, |part| {
        prop_oneof![
            part.clone().prop_map(|part| json!({ "not": part })),
            prop::collection::vec(part.clone(), 2..4).prop_map(|parts| json!({ "all": parts })),
            prop::collection::vec(part, 2..4).prop_map(|parts| json!({ "any": parts })),
        ]
    })
}

/// A rule set in a zone, and the instant at which it is looked at first.
fn some_rules() -> impl Strategy<Value = (String, Timestamp)> {
    prop::sample::select(CHANGES.to_vec()).prop_flat_map(|(zone, begin)| {
        let begin = at(begin);
        let effect = prop_oneof![
            2 => (1..60_u32).prop_map(|percent| json!({ "percent_off": { "off_bp": percent * 100 } })),
            1 => (1..200_i64).prop_map(|off| json!({ "amount_off": { "amount": shop::eur(off), "per": "unit" } })),
        ];
        let windows = (prop::option::of(some_window(begin)), prop::option::of(some_condition(begin)));
        prop::collection::vec((effect, windows), 1..8).prop_map(move |promotions| {
            let mut all: Vec<Value> = Vec::new();
            for (number, (effect, (window, when))) in promotions.into_iter().enumerate() {
                let mut promotion = json!({ "id": format!("p{number}"), "effect": effect });
                for (field, value) in [("window", window), ("when", when)] {
                    if let Some(value) = value {
                        promotion[field] = value;
                    }
                }
                all.push(promotion);
            }
            let pipeline = json!([[{ "component": "percent_off" }], [{ "component": "amount_off" }]]);
            let rules = json!({ "version": 1, "time_zone": zone, "pipeline": pipeline, "promotions": all });
            (rules.to_string(), begin)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn the_price_at_an_instant_is_that_of_its_slice(
        (rules, from) in some_rules(),
        minutes in prop::collection::vec(0..DAYS * 24 * 60, 40),
    ) {
        let rules = rule_set(&rules);
        let until = from + SignedDuration::from_hours(DAYS * 24);
        let basket = basket(vec![line("A", 3, 1_999, "")]);
        let timeline = rules.timeline(&basket, &now(), from, until, 10_000).unwrap();
        prop_assert!(!timeline.cut);
        let ends = timeline.slices.iter().flat_map(|slice| [slice.from, slice.until - SignedDuration::from_micros(1)]);
        let sampled: Vec<Timestamp> = minutes.iter().map(|minutes| from + SignedDuration::from_mins(*minutes)).collect();
        let slice_at = |instant: Timestamp| timeline.slices.iter().find(|slice| slice.from <= instant && instant < slice.until);
        for instant in ends.chain(sampled.iter().copied()) {
            prop_assert_eq!(price_at(&rules, &basket, instant), slice_at(instant).unwrap().payable(), "{}", instant);
        }
        prop_assert!(timeline.slices.windows(2).all(|pair| pair[0].until == pair[1].from));
        prop_assert_eq!((timeline.slices[0].from, timeline.slices.last().unwrap().until), (from, until));
        for instant in sampled.into_iter().take(5) {
            let answer = rules.browse(&[shop::item(line("A", 1, 1_999, ""))], &Context { at: instant, ..now() }, false);
            let browsed = answer.items[0].price().unwrap();
            let ends = browsed.until.unwrap_or(until).min(until);
            prop_assert!(instant < ends && ends <= slice_at(instant).unwrap().until, "what is browsed holds as long as it says: {ends}");
        }
    }
}
