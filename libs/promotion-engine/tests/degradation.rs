//! What a quote is without a component: one that is switched off, fails, or takes more steps than it may.

mod shop;

use std::collections::BTreeSet;

use pricestream_promotion_engine::{Context, Degraded, LeftOut, Quote, Reason, RuleSet, Scenario};
use shop::{Failing, assert_conserved, at, basket, declined, line, now, of_category, rule_set, rules, taken, with_postage};

const PERCENT: &str = r#"{"id":"tenth","effect":{"percent_off":{"off_bp":1000}}}"#;
const PER_UNIT: &str = r#"{"id":"fifty","effect":{"amount_off":{"amount":{"minor":50,"currency":"EUR"},"per":"unit"}}}"#;
const THIRD: &str = r#"{"id":"third","effect":{"percent_off":{"off_bp":3333}},"items":{"include":[{"categories":["toys"]}]}}"#;
const POSTAGE: &str = r#"{"id":"sent-free","effect":{"postage":{"off":"free"}}}"#;

const PIPELINES: [&str; 3] = [
    r#"[[{"component":"percent_off"}],[{"component":"amount_off"}],[{"component":"postage"}]]"#,
    r#"[[{"component":"percent_off","take":"stack"},{"component":"amount_off"}],[{"component":"postage"}]]"#,
    r#"[{"keep":"stack","units":[{"component":"percent_off","take":"stack"},{"component":"amount_off"},{"component":"postage"}]}]"#,
];

fn set(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

fn shop(pipeline: &str) -> (RuleSet, pricestream_promotion_engine::Basket) {
    let basket = with_postage(vec![of_category("A", 3, 1_999, "toys"), line("B", 1, 500, "")], 495);
    (rules(pipeline, &[PERCENT, PER_UNIT, THIRD, POSTAGE].join(",")), basket)
}

#[test]
fn a_component_that_fails_is_left_out_and_the_others_price_on() {
    for pipeline in PIPELINES {
        let (rules, basket) = shop(pipeline);
        for (fails, missing, expected) in [
            ("percent_off", ["tenth", "third"].as_slice(), vec![("fifty", 200), ("sent-free", 495)]),
            ("amount_off", &["fifty"], vec![]),
            ("postage", &["sent-free"], vec![]),
        ] {
            let edge = Failing(set(&[fails]));
            let quote = rules.at_edge(&edge).quote(&basket, &now()).unwrap();
            assert_conserved(&quote);
            assert_eq!(quote.degraded, [Degraded { component: known(fails), why: LeftOut::Failed }], "{pipeline}");
            for promotion in missing {
                assert_eq!(*declined(&quote, promotion), Reason::Failed, "{promotion} of {pipeline}");
            }
            if !expected.is_empty() {
                let expected: Vec<(String, i64)> = expected.into_iter().map(|(id, off)| (id.to_owned(), off)).collect();
                assert_eq!(taken(&quote), expected, "{pipeline}");
            }
            let off = rules.quote(&basket, &Context { switched_off: set(&[fails]), ..now() }).unwrap();
            assert_eq!((quote.totals, &quote.lines, &quote.shares), (off.totals, &off.lines, &off.shares), "{fails}: {pipeline}");
        }
        assert_eq!(rules.quote(&basket, &now()).unwrap().degraded, []);
        let all = Failing(set(&["percent_off", "amount_off", "postage"]));
        let quote = rules.at_edge(&all).quote(&basket, &now()).unwrap();
        assert_eq!((quote.totals.payable, quote.degraded.len()), (3 * 1_999 + 500 + 495, 3));
    }
}

/// As the engine spells it.
fn known(component: &str) -> &'static str {
    pricestream_promotion_engine::components::Effect::NAMES.iter().find(|name| **name == component).unwrap()
}

#[test]
fn what_a_component_gave_before_it_failed_does_not_stand() {
    /// Fails at one promotion alone.
    struct At(&'static str);
    impl pricestream_promotion_engine::Edge for At {
        fn call<T>(&self, _component: &'static str, promotion: &str, work: impl FnOnce() -> T) -> Option<T> {
            (promotion != self.0).then(work)
        }
    }
    let (rules, basket) = shop(PIPELINES[2]);
    let quote = rules.at_edge(&At("third")).quote(&basket, &now()).unwrap();
    assert_conserved(&quote);
    assert_eq!(*declined(&quote, "tenth"), Reason::Failed, "of the same component");
    assert_eq!(taken(&quote), [("fifty".to_owned(), 200), ("sent-free".to_owned(), 495)]);
}

#[test]
fn a_component_has_so_many_steps_in_a_quote_and_no_more() {
    let with = |policy: &str| {
        rule_set(&format!(
            r#"{{"version":1,"policies":{{"degradation":{policy}}},"pipeline":{},"promotions":[{PERCENT},{PER_UNIT},{THIRD}]}}"#,
            PIPELINES[2]
        ))
    };
    // Four units for the tenth, and three of them for the third.
    for (policy, degraded) in [
        ("{}", &[][..]),
        (r#"{"steps":7}"#, &[]),
        (r#"{"steps":6}"#, &[("percent_off", 6)]),
        (r#"{"steps":3}"#, &[("amount_off", 3), ("percent_off", 3)]),
        (r#"{"steps":3,"steps_of":{"percent_off":7}}"#, &[("amount_off", 3)]),
        (r#"{"steps_of":{"percent_off":6}}"#, &[("percent_off", 6)]),
    ] {
        let basket = basket(vec![of_category("A", 3, 1_999, "toys"), line("B", 1, 500, "")]);
        let quote = with(policy).quote(&basket, &now()).unwrap();
        assert_conserved(&quote);
        let named: Vec<(&str, LeftOut)> = quote.degraded.iter().map(|degraded| (degraded.component, degraded.why)).collect();
        let expected: Vec<(&str, LeftOut)> = degraded.iter().map(|(component, _)| (*component, LeftOut::TooCostly)).collect();
        assert_eq!(named, expected, "{policy}");
        for (component, steps) in degraded {
            for promotion in if *component == "percent_off" { &["tenth", "third"][..] } else { &["fifty"] } {
                assert_eq!(*declined(&quote, promotion), Reason::TooCostly { steps: *steps }, "{policy}");
            }
        }
        let switched_off = degraded.iter().map(|(component, _)| (*component).to_owned()).collect();
        let off = with("{}").quote(&basket, &Context { switched_off, ..now() }).unwrap();
        assert_eq!(quote.totals, off.totals, "{policy}: nothing of it is left");
    }
}

#[test]
fn who_is_not_missed_is_not_named() {
    let vip = r#"{"id":"vip","effect":{"percent_off":{"off_bp":1000}},"when":{"groups":["vip"]}}"#;
    let later = r#"{"id":"later","effect":{"postage":{"off":"free"}},"window":{"from":"2027-01-01T00:00:00Z"}}"#;
    let rules = rules(PIPELINES[0], &[vip, later, PER_UNIT].join(","));
    let basket = with_postage(vec![line("A", 1, 1_000, "")], 500);
    let context = Context { switched_off: set(&["percent_off", "postage", "amount_off", "no-such-thing"]), ..now() };
    let expected = [Degraded { component: "amount_off", why: LeftOut::SwitchedOff }];
    assert_eq!(rules.quote(&basket, &context).unwrap().degraded, expected);
    assert_eq!(rules.explain(&basket, &context).unwrap().degraded, expected, "nor when all are looked at");
}

#[test]
fn what_rests_is_left_out_like_what_is_switched_off_and_says_so() {
    let (rules, basket) = shop(PIPELINES[2]);
    for (switched_off, resting, why, reason) in [
        (&["percent_off"][..], &[][..], LeftOut::SwitchedOff, Reason::SwitchedOff),
        (&[], &["percent_off", "no-such-thing"], LeftOut::Resting, Reason::Resting),
        (&["percent_off"], &["percent_off"], LeftOut::SwitchedOff, Reason::SwitchedOff),
    ] {
        let context = Context { switched_off: set(switched_off), resting: set(resting), ..now() };
        let quote = rules.quote(&basket, &context).unwrap();
        assert_eq!(quote.degraded, [Degraded { component: "percent_off", why }]);
        assert_eq!(*declined(&quote, "tenth"), reason);
        assert_eq!(taken(&quote), [("fifty".to_owned(), 200), ("sent-free".to_owned(), 495)], "{why:?}");
    }
}

#[test]
fn a_price_without_a_component_is_sold_where_the_policy_says() {
    let with = |policy: &str| {
        rule_set(&format!(r#"{{"version":1,"policies":{{"degradation":{policy}}},"promotions":[{PERCENT},{PER_UNIT}]}}"#))
    };
    let sold = |rules: &RuleSet, context: &Context| {
        let quotes: Vec<Quote> = Scenario::ALL
            .into_iter()
            .map(|scenario| {
                rules.quote(&basket(vec![line("A", 1, 1_000, "")]), &Context { scenario, ..context.clone() }).unwrap()
            })
            .collect();
        assert!(quotes.iter().all(|quote| quote.totals == quotes[0].totals), "the price is the same");
        quotes.iter().filter(|quote| quote.sellable).map(|quote| quote.scenario).collect::<Vec<_>>()
    };
    let off = Context { switched_off: set(&["percent_off"]), ..now() };
    assert_eq!(sold(&with("{}"), &off), Scenario::ALL);
    let shown = with(r#"{"sold_in":["browsing","basket"]}"#);
    assert_eq!(sold(&shown, &off), [Scenario::Browsing, Scenario::Basket]);
    assert_eq!(sold(&shown, &now()), Scenario::ALL, "whole");
    assert_eq!(sold(&with(r#"{"sold_in":[]}"#), &off), []);
}

#[test]
fn a_lane_is_told_what_it_does_without() {
    let (rules, basket) = shop(PIPELINES[0]);
    let (from, until) = (at("2026-11-11T00:00:00Z"), at("2026-11-12T00:00:00Z"));
    let edge = Failing(set(&["percent_off"]));
    let lane = rules.at_edge(&edge).timeline(&basket, &now(), from, until, 10).unwrap();
    let quote = rules.at_edge(&edge).quote(&basket, &now()).unwrap();
    assert_eq!((lane.slices[0].payable(), lane.slices.len()), (quote.totals.payable, 1));
    assert_eq!(lane.degraded, [Degraded { component: "percent_off", why: LeftOut::Failed }]);
    assert_eq!(rules.timeline(&basket, &now(), from, until, 10).unwrap().degraded, []);
}

#[test]
fn a_policy_that_cannot_be_is_a_problem() {
    for (policy, path) in [
        (r#"{"steps":0}"#, "policies.degradation.steps"),
        (r#"{"steps_of":{"postage":0}}"#, "policies.degradation.steps_of.postage"),
        (r#"{"steps_of":{"stamps":5}}"#, "policies.degradation.steps_of.stamps"),
        (r#"{"sold_in":["moon"]}"#, "policies.degradation.sold_in[0]"),
        (r#"{"step":5}"#, "policies.degradation.step"),
    ] {
        let problems = RuleSet::from_json(&format!(r#"{{"version":1,"policies":{{"degradation":{policy}}}}}"#)).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{policy}");
    }
}
