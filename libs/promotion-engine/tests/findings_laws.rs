//! What findings call certain holds of every basket: what never applies does not, and what is always beaten is not applied.

mod shop;

use std::collections::{BTreeMap, BTreeSet};

use pricestream_domain::Product;
use pricestream_promotion_engine::{Basket, Code, Context, Customer, Document, Left, Line, Outcome, RuleSet, findings};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use shop::{at, eur, line, with_postage};

/// Few values of everything, so that promotions meet, contradict and beat each other often.
const COMPONENTS: [&str; 14] = [
    "special_price",
    "member_price",
    "flash_sale",
    "quantity_tiers",
    "percent_off",
    "amount_off",
    "n_for_price",
    "buy_x_get_y",
    "cheapest_units",
    "spend_and_save",
    "coupon",
    "postage",
    "quantity_groups",
    "gift",
];
const DAYS: [&str; 4] = ["2026-11-09T00:00:00Z", "2026-11-10T00:00:00Z", "2026-11-11T00:00:00Z", "2026-11-12T00:00:00Z"];

fn money() -> impl Strategy<Value = Value> {
    select(vec![1, 100, 250, 5_000]).prop_map(|minor| json!({ "minor": minor, "currency": "EUR" }))
}

fn share() -> impl Strategy<Value = u32> {
    select(vec![500, 3_333, 5_000, 10_000])
}

fn off() -> impl Strategy<Value = Value> {
    prop_oneof![
        share().prop_map(|share| json!({ "percent_bp": share })),
        money().prop_map(|amount| json!({ "amount": amount })),
        money().prop_map(|price| json!({ "price": price })),
        Just(json!("free")),
    ]
}

fn effect() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => share().prop_map(|share| json!({ "percent_off": { "off_bp": share } })),
        2 => (money(), select(vec!["unit", "line", "matching", "order"])).prop_map(|(amount, per)| json!({ "amount_off": { "amount": amount, "per": per } })),
        2 => money().prop_map(|price| json!({ "special_price": { "price": price } })),
        1 => share().prop_map(|share| json!({ "member_price": { "off_bp": share } })),
        2 => off().prop_map(|off| json!({ "flash_sale": { "off": off } })),
        1 => (off(), off(), 1..4_u32).prop_map(|(low, high, from)| json!({ "quantity_tiers": { "per": "line", "tiers": [
            { "from": from, "off": low }, { "from": from + 2, "off": high }] } })),
        1 => (money(), 1..4_u32).prop_map(|(price, units)| json!({ "n_for_price": { "units": units, "price": price } })),
        2 => (off(), 1..3_u32, 1..3_u32, prop::bool::ANY, select(vec!["line", "matching"]), select(vec!["cheapest", "dearest", "dearest_left"]))
            .prop_map(|(off, buy, get, partly, per, pick)| json!({ "buy_x_get_y": {
                "buy": buy, "get": get, "off": off, "partly": partly, "per": per, "pick": pick } })),
        1 => (off(), 1..4_u32, select(vec!["dearest", "by_line"])).prop_map(|(off, units, filled)| json!({ "quantity_groups": {
            "units": units, "off": off, "filled": filled } })),
        1 => (1..3_u32, select(vec!["automatic", "choice"]), prop::option::of(1..4_u32)).prop_map(|(quantity, choose, units)| {
            let mut gift = json!({ "gifts": [{ "sku": "bag", "quantity": quantity }, { "sku": "cup" }], "choose": choose });
            if let Some(units) = units {
                gift["every"] = json!({ "units": units });
            }
            json!({ "gift": gift })
        }),
        1 => (off(), 1..3_u32).prop_map(|(off, units)| json!({ "cheapest_units": { "units": units, "off": off } })),
        2 => (select(vec![0, 300, 4_000]), share(), share()).prop_map(|(from, low, high)| json!({ "spend_and_save": { "steps": { "tiers": [
            { "from": { "minor": from, "currency": "EUR" }, "off": { "percent_bp": low } },
            { "from": { "minor": from + 500, "currency": "EUR" }, "off": { "percent_bp": high } }] } } })),
        2 => prop_oneof![share().prop_map(|share| json!({ "percent_bp": share })), money().prop_map(|amount| json!({ "amount": amount }))]
            .prop_map(|off| json!({ "coupon": { "off": off } })),
        1 => off().prop_map(|off| json!({ "postage": { "off": off } })),
    ]
}

fn selector() -> impl Strategy<Value = Value> {
    prop_oneof![
        subsequence(vec!["a", "b"], 1..=2).prop_map(|categories| json!({ "categories": categories })),
        subsequence(vec!["t", "u"], 1..=2).prop_map(|tags| json!({ "tags": tags })),
        subsequence(vec!["L0", "L1", "L2"], 1..=2).prop_map(|skus| json!({ "skus": skus })),
        (select(vec!["a", "b"]), select(vec!["t", "u"]))
            .prop_map(|(category, tag)| json!({ "categories": [category], "tags": [tag] })),
    ]
}

fn items() -> impl Strategy<Value = Value> {
    let include = prop_oneof![2 => Just(vec![]), 3 => prop::collection::vec(selector(), 1..3)];
    let exclude = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(selector(), 1..3)];
    (include, exclude).prop_map(|(include, exclude)| json!({ "include": include, "exclude": exclude }))
}

fn window() -> impl Strategy<Value = Value> {
    let span =
        (0..3_usize, 1..3_usize).prop_map(|(from, days)| json!({ "from": DAYS[from], "until": DAYS[(from + days).min(3)] }));
    let hours = select(vec![("09:00", "12:00"), ("11:00", "14:00"), ("22:00", "02:00")]);
    let hours = hours.prop_map(|(from, until)| json!({ "hours": [{ "from": from, "until": until }] }));
    let days = subsequence(vec!["monday", "tuesday", "wednesday"], 1..=2).prop_map(|days| json!({ "weekdays": days }));
    let both = |one: Value, other: &Value| {
        let mut both = one;
        both.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        both
    };
    prop_oneof![
        2 => span.clone(),
        1 => hours.clone(),
        1 => days.clone(),
        1 => (span, prop_oneof![hours, days]).prop_map(move |(one, other)| both(one, &other)),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let over = prop_oneof![Just(json!("matching")), Just(json!("order")), items().prop_map(|items| json!({ "items": items }))];
    let leaf = prop_oneof![
        subsequence(vec!["g", "h"], 1..=2).prop_map(|groups| json!({ "groups": groups })),
        subsequence(vec!["c", "d"], 1..=2).prop_map(|customers| json!({ "customers": customers })),
        subsequence(vec!["X", "x ", "Y"], 1..=2).prop_map(|codes| json!({ "coupons": codes })),
        subsequence(vec!["app", "web"], 1..=2).prop_map(|channels| json!({ "channels": channels })),
        (0..4_u64, 0..2_u64).prop_map(|(least, more)| json!({ "order_number": { "at_least": least, "at_most": least + more } })),
        (0..4_u64, 0..3_u64).prop_map(|(least, more)| json!({ "stock_left": { "at_least": least, "at_most": least + more } })),
        (over.clone(), 0..6_u32, prop::option::of(0..3_u32)).prop_map(|(over, least, more)| {
            let mut quantity = json!({ "over": over, "at_least": least });
            if let Some(more) = more {
                quantity["at_most"] = json!(least + more);
            }
            json!({ "quantity": quantity })
        }),
        (over, select(vec!["running", "original", "list"]), select(vec![0, 200, 900]), prop::option::of(select(vec![100, 600])))
            .prop_map(|(over, basis, least, more)| {
                let mut spend = json!({ "over": over, "basis": basis, "at_least": eur(least) });
                if let Some(more) = more {
                    spend["below"] = json!(eur(least + more));
                }
                json!({ "spend": spend })
            }),
        window().prop_map(|window| json!({ "window": window })),
    ];
    leaf.prop_recursive(2, 6, 3, |part| {
        prop_oneof![
            3 => prop::collection::vec(part.clone(), 2..4).prop_map(|parts| json!({ "all": parts })),
            1 => prop::collection::vec(part.clone(), 1..3).prop_map(|parts| json!({ "any": parts })),
            2 => part.prop_map(|part| json!({ "not": part })),
        ]
    })
}

fn limit() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3_u64, select(vec!["drop", "partial"])).prop_map(|(units, beyond)| json!({ "units": units, "beyond_units": beyond })),
        (0..2_u64).prop_map(|uses| json!({ "uses_per_customer": uses })),
        select(vec![0, 50]).prop_map(|budget| json!({ "budget": eur(budget), "beyond_budget": "partial" })),
    ]
}

fn promotion() -> impl Strategy<Value = Value> {
    let maybe = |of: BoxedStrategy<Value>, weight: u32| prop_oneof![weight => of.prop_map(Some), 4 => Just(None)];
    let exclusive = prop_oneof![12 => Just(Value::Null), 1 => select(vec!["unit", "line", "order"]).prop_map(Value::from)];
    let label = prop_oneof![2 => Just(vec![]), 1 => subsequence(vec!["l", "m"], 1..=2)];
    let base = prop_oneof![6 => Just("running"), 1 => Just("original"), 1 => Just("list")];
    (
        (effect(), items(), maybe(condition().boxed(), 5), maybe(window().boxed(), 2)),
        (maybe(limit().boxed(), 2), exclusive, label, base, 0..2_i32),
    )
        .prop_map(|((effect, items, when, window), (limit, exclusive, labels, base, priority))| {
            // A gift has no budget.
            let limit = limit.filter(|limit| effect.get("gift").is_none() || limit.get("budget").is_none());
            let mut promotion =
                json!({ "effect": effect, "items": items, "labels": labels, "stack_base": base, "priority": priority });
            for (field, value) in [("when", when), ("window", window), ("limit", limit), ("exclusive", Some(exclusive))] {
                if let Some(value) = value.filter(|value| !value.is_null()) {
                    promotion[field] = value;
                }
            }
            promotion
        })
}

/// Every component once, in up to three nodes.
fn pipeline() -> impl Strategy<Value = Value> {
    let unit = (prop_oneof![3 => Just("best"), 1 => Just("stack")], 0..2_i32);
    let keep = prop_oneof![2 => Just("best"), 1 => Just("stack")];
    let nodes = prop::collection::vec((keep, prop::bool::ANY), 3);
    let order = Just(COMPONENTS.to_vec()).prop_shuffle();
    (nodes, prop::collection::vec((unit, 0..3_usize), COMPONENTS.len()), order).prop_map(|(nodes, units, order)| {
        let mut pipeline: Vec<Value> = Vec::new();
        for (number, (keep, catalogue)) in nodes.iter().enumerate() {
            let units = units.iter().zip(&order).filter(|((_, node), _)| *node == number);
            let units: Vec<Value> = units
                .map(|(((take, priority), _), component)| json!({ "component": component, "take": take, "priority": priority }))
                .collect();
            if !units.is_empty() {
                pipeline.push(json!({ "keep": keep, "units": units, "stage": if *catalogue { "catalogue" } else { "basket" } }));
            }
        }
        json!(pipeline)
    })
}

fn rule_set() -> impl Strategy<Value = Value> {
    let side = || {
        prop_oneof![
            (0..6_usize).prop_map(|number| json!({ "promotion": format!("p{number}") })),
            select(vec!["percent_off", "coupon", "flash_sale"]).prop_map(|name| json!({ "component": name })),
        ]
    };
    let exclusion = (side(), side(), select(vec!["unit", "line", "order"]));
    let exclusion = exclusion.prop_map(|(of, with, scope)| json!({ "of": of, "with": with, "scope": scope }));
    let exclusions = prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(exclusion, 1..3)];
    let rounding = (select(vec!["unit", "line", "order"]), select(vec!["half_up", "down", "up"]));
    let odd = select(vec!["largest_remainder", "first", "last", "last_rounded_down", "carried", "carried_from_last"]);
    let policies = (odd, select(vec!["turn", "first", "priority", "value"]), select(vec!["never", "free"]));
    (pipeline(), prop::collection::vec(promotion(), 6), exclusions, rounding, policies).prop_map(
        |(pipeline, mut promotions, exclusions, (level, mode), (odd, by, reuse))| {
            for (number, promotion) in promotions.iter_mut().enumerate() {
                promotion["id"] = json!(format!("p{number}"));
            }
            // Two sides are named once, and differ.
            let mut named = BTreeSet::new();
            let sides = |of: &Value| BTreeSet::from([of["of"].to_string(), of["with"].to_string()]);
            let exclusions: Vec<Value> = exclusions
                .into_iter()
                .filter(|of| of["of"].get("promotion").is_none() || of["of"] != of["with"])
                .filter(|of| named.insert(sides(of)))
                .collect();
            json!({
                "version": 1, "pipeline": pipeline, "promotions": promotions, "exclusions": exclusions,
                "policies": {
                    "basket_rounding": { "level": level, "mode": mode }, "exclusive_by": by, "odd_cents": odd, "unit_reuse": reuse,
                },
            })
        },
    )
}

/// Promotions for much the same under few conditions: they compete.
fn rivals() -> impl Strategy<Value = Value> {
    let items = prop_oneof![
        3 => Just(json!({})),
        2 => subsequence(vec!["a", "b"], 1..=2).prop_map(|categories| json!({ "include": [{ "categories": categories }] })),
        1 => Just(json!({ "exclude": [{ "skus": ["L1"] }] })),
    ];
    let groups = prop_oneof![3 => Just(None), 1 => subsequence(vec!["g", "h"], 1..=2).prop_map(|groups| Some(json!({ "groups": groups })))];
    let rival = (effect(), items, groups, 0..2_i32);
    (rule_set(), prop::collection::vec(rival, 6)).prop_map(|(mut rules, rivals)| {
        let rival = |(number, (effect, items, when, priority)): (usize, (Value, Value, Option<Value>, i32))| {
            let mut promotion = json!({ "id": format!("p{number}"), "effect": effect, "items": items, "priority": priority });
            if let Some(when) = when {
                promotion["when"] = when;
            }
            promotion
        };
        rules["promotions"] = rivals.into_iter().enumerate().map(rival).collect();
        rules
    })
}

fn some_line(number: usize) -> impl Strategy<Value = Line> {
    let price = prop_oneof![1..10_i64, 10..900_i64, 900..9_000_i64];
    let tags = subsequence(vec!["t", "u"], 0..=2);
    (price.clone(), price, 1..5_u32, prop::option::of(select(vec!["a", "b"])), tags, 0..3_i64, prop::option::of(0..7_u64))
        .prop_map(move |(list, current, quantity, category, tags, floor, stock)| {
            let category = category.map_or_else(String::new, |category| format!(r#","category":"{category}""#));
            let floor = eur(current * floor / 3);
            let more = format!(r#"{category},"tags":{},"promotion_floor":{}"#, json!(tags), json!(floor));
            let mut made = line(&format!("L{number}"), quantity, list, &more);
            made.unit_price = eur(current);
            made.stock_left = stock;
            made
        })
}

fn basket() -> impl Strategy<Value = Basket> {
    let lines = (some_line(0), some_line(1), some_line(2), some_line(3), 1..=4_usize);
    (lines, 0..700_i64).prop_map(|((one, two, three, four, count), postage)| {
        let mut lines = vec![one, two, three, four];
        lines.truncate(count);
        with_postage(lines, postage)
    })
}

fn context() -> impl Strategy<Value = Context> {
    let coupons = subsequence(vec!["X", "y"], 0..=2);
    let customer = (prop::option::of(select(vec!["c", "d", "e"])), subsequence(vec!["g", "h", "i"], 0..=3), 0..4_u32);
    let instant = (0..4_usize, select(vec![0, 9, 11, 13, 23]));
    (instant, customer, prop::option::of(select(vec!["app", "web", "till"])), coupons).prop_map(
        |((day, hour), (id, groups, orders_placed), channel, coupons)| Context {
            at: at(DAYS[day]) + jiff::SignedDuration::from_hours(hour),
            customer: Customer {
                id: id.map(str::to_owned),
                groups: groups.into_iter().map(str::to_owned).collect(),
                orders_placed,
            },
            channel: channel.map(str::to_owned),
            coupons: coupons.into_iter().map(str::to_owned).collect(),
            ..Context::default()
        },
    )
}

/// What the usage ledger says while nothing was used.
#[allow(clippy::needless_update, reason = "there may be limits of other kinds")]
fn left(document: &Document) -> BTreeMap<String, Left> {
    let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
    let of = document.promotions.iter().filter_map(|promotion| {
        let limit = promotion.limit.as_ref()?;
        let left = Left {
            uses: least(limit.uses, limit.uses_per_customer),
            units: least(limit.units, limit.units_per_customer),
            budget: limit.budget.map(|budget| budget.minor),
            ..Left::default()
        };
        Some((promotion.id.clone(), left))
    });
    of.collect()
}

const CERTAIN: [Code; 6] = [
    Code::WindowNeverOpens,
    Code::NothingLeft,
    Code::QuotaTooSmall,
    Code::MatchesNothing,
    Code::ConditionNeverHolds,
    Code::AlwaysBeaten,
];

/// What is said to never apply, with why, where all that is sold is `catalogue`; it is held against baskets. Errors: one that
/// applied.
fn check(rules: &Value, catalogue: Option<&[Product]>, baskets: &[(Basket, Context)]) -> Result<Vec<(Code, String)>, String> {
    let document = Document::from_json(&rules.to_string()).unwrap_or_else(|problems| panic!("{problems:?}\n{rules}"));
    let compiled = RuleSet::compile(&document);
    let found = findings(&document, &compiled, catalogue).findings;
    let never = found.iter().filter(|finding| CERTAIN.contains(&finding.code));
    let never: Vec<(Code, String)> = never.map(|finding| (finding.code, finding.promotions[0].clone())).collect();
    let left = left(&document);
    for (basket, context) in baskets {
        let context = Context { left: left.clone(), ..context.clone() };
        for decision in compiled.quote(basket, &context).unwrap().decisions {
            let applied = matches!(decision.outcome, Outcome::Applied { .. });
            if let Some((code, id)) = never.iter().find(|(_, id)| applied && **id == *decision.promotion) {
                let said = found.iter().find(|finding| finding.code == *code && finding.promotions[0] == *id);
                return Err(format!("{id} applied to {basket:?} in {context:?}\nalthough {said:?}\nin {rules:#}"));
            }
        }
    }
    Ok(never)
}

fn baskets() -> impl Strategy<Value = Vec<(Basket, Context)>> {
    prop::collection::vec((basket(), context()), 12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_is_said_to_never_apply_never_does(rules in prop_oneof![rule_set(), rivals()], baskets in baskets()) {
        check(&rules, None, &baskets).map_err(TestCaseError::fail)?;
    }
}

/// Baskets of some products, all of which they are of.
fn catalogue_and_baskets() -> impl Strategy<Value = (Vec<Product>, Vec<(Basket, Context)>)> {
    let some = (subsequence(vec![0, 1, 2, 3], 1..=4), prop::collection::vec(1..5_u32, 4), context());
    (some_line(0), some_line(1), some_line(2), some_line(3), prop::collection::vec(some, 12)).prop_map(
        |(one, two, three, four, orders)| {
            let lines = [one, two, three, four];
            let basket = |places: &[usize], quantities: &[u32]| {
                let line = |place: &usize| Line { quantity: quantities[*place], ..lines[*place].clone() };
                with_postage(places.iter().map(line).collect(), 300)
            };
            let baskets = orders.iter().map(|(places, quantities, context)| (basket(places, quantities), context.clone()));
            (lines.iter().map(|line| (*line.product).clone()).collect(), baskets.collect())
        },
    )
}

/// Promotions for SKUs beside such for categories and tags, under few conditions, often all in one node.
fn rivals_by_sku() -> impl Strategy<Value = Value> {
    let priorities = prop::option::weighted(0.7, prop::collection::vec(0..2_i32, COMPONENTS.len()));
    (rivals(), prop::collection::vec(prop::option::of(selector()), 6), priorities).prop_map(
        |(mut rules, selectors, priorities)| {
            if let Some(priorities) = priorities {
                let unit = |(component, priority)| json!({ "component": component, "priority": priority });
                rules["pipeline"] = json!([COMPONENTS.iter().zip(priorities).map(unit).collect::<Vec<_>>()]);
            }
            for (promotion, selector) in rules["promotions"].as_array_mut().unwrap().iter_mut().zip(selectors) {
                if let Some(selector) = selector {
                    promotion["items"] = json!({ "include": [selector] });
                }
            }
            rules
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_is_said_to_never_apply_to_a_catalogue_never_does(
        rules in prop_oneof![1 => rule_set(), 3 => rivals_by_sku()], (products, baskets) in catalogue_and_baskets(),
    ) {
        check(&rules, Some(&products), &baskets).map_err(TestCaseError::fail)?;
    }
}

/// The law says nothing if nothing is found: here is how much is, of which kinds.
#[test]
fn of_random_rule_sets_all_kinds_of_certain_findings_are_held_against_baskets() {
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..500 {
        let rules = prop_oneof![rule_set(), rivals()].new_tree(&mut runner).unwrap().current();
        let baskets = baskets().new_tree(&mut runner).unwrap().current();
        for (code, _) in check(&rules, None, &baskets).unwrap_or_else(|problem| panic!("{problem}")) {
            *counts.entry(code.name()).or_default() += 1;
        }
    }
    for code in CERTAIN {
        let count = counts.get(code.name()).copied().unwrap_or(0);
        assert!(count >= 3, "{} was found {count} times: {counts:?}", code.name());
    }
}

/// And of the law for a catalogue: how much is found that names alone do not tell.
#[test]
fn a_catalogue_tells_more_of_who_is_always_beaten() {
    let mut runner = TestRunner::deterministic();
    let mut more = 0;
    for _ in 0..300 {
        let rules = rivals_by_sku().new_tree(&mut runner).unwrap().current();
        let (products, baskets) = catalogue_and_baskets().new_tree(&mut runner).unwrap().current();
        let beaten = |catalogue: Option<&[Product]>| {
            let certain = check(&rules, catalogue, &baskets).unwrap_or_else(|problem| panic!("{problem}"));
            certain.into_iter().filter(|(code, _)| *code == Code::AlwaysBeaten).count()
        };
        more += beaten(Some(&products)).saturating_sub(beaten(None));
    }
    assert!(more >= 20, "{more}");
}
