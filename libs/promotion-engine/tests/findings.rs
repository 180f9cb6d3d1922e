//! Faults planted in the example sale are found, each alone; and what is called certain is.

mod shop;

use std::collections::BTreeSet;
use std::path::Path;

use pricestream_domain::Product;
use pricestream_promotion_engine::{
    Code, Document, Effect, Finding, Findings, Found, QuoteRequest, RuleSet, Severity, Witness, findings,
};
use serde_json::{Value, json};
use shop::at;

const CATALOGUE: &str = include_str!("../../../examples/catalogue.ndjson");
const SALE: &str = include_str!("../../../examples/promotions/sale.json");

fn catalogue() -> Vec<Product> {
    CATALOGUE.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn look_at(rules: &Value, catalogue: Option<&[Product]>) -> Findings {
    let document = Document::from_json(&rules.to_string()).unwrap_or_else(|problems| panic!("{problems:?}"));
    findings(&document, &RuleSet::compile(&document), catalogue)
}

fn sale() -> Value {
    serde_json::from_str(SALE).unwrap()
}

#[test]
fn the_examples_have_notes_at_most() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/promotions");
    let products = catalogue();
    // The groceries are of another catalogue.
    for (name, catalogue) in [("sale.json", Some(&products[..])), ("double-eleven.json", Some(&products)), ("grocery.json", None)]
    {
        let rules: Value = serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap();
        for catalogue in [None, catalogue] {
            let found = look_at(&rules, catalogue);
            assert!(found.gravest() <= Some(Severity::Note), "{name}: {found:#?}");
            assert!(found.cut.is_empty(), "{name}");
        }
    }
    for kind in Effect::NAMES {
        let rules = std::fs::read_to_string(folder.join(format!("kinds/{kind}.json"))).unwrap();
        let found = look_at(&serde_json::from_str(&rules).unwrap(), Some(&products));
        assert!(found.gravest() <= Some(Severity::Note), "{kind}: {found:#?}");
    }
}

fn eur(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "EUR" })
}

#[allow(clippy::needless_pass_by_value, reason = "so that JSON can be written in the call")]
fn promotion(id: &str, effect: Value, more: Value) -> Value {
    let mut promotion = serde_json::Map::from_iter([("id".to_owned(), id.into()), ("effect".to_owned(), effect)]);
    let Value::Object(more) = more else { panic!("{more} is no object") };
    promotion.extend(more);
    Value::Object(promotion)
}

/// Adds a promotion at the end, in place 9.
fn with(more: Value) -> Box<dyn Fn(&mut Value)> {
    Box::new(move |sale| sale["promotions"].as_array_mut().unwrap().push(more.clone()))
}

/// Adds promotions, and a node for them at the end.
fn in_a_node(node: Value, promotions: Vec<Value>) -> Box<dyn Fn(&mut Value)> {
    Box::new(move |sale| {
        sale["pipeline"].as_array_mut().unwrap().push(node.clone());
        sale["promotions"].as_array_mut().unwrap().extend(promotions.clone());
    })
}

fn change(path: &'static str, to: Value) -> Box<dyn Fn(&mut Value)> {
    Box::new(move |sale| *sale.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = to.clone())
}

type Fault = (&'static str, Box<dyn Fn(&mut Value)>, Code, Severity, &'static str);

fn faults() -> Vec<Fault> {
    use Severity::{Danger, Note, Warning};
    let percent = |bp: u32| json!({ "percent_off": { "off_bp": bp } });
    let percents = || json!([{ "component": "percent_off" }]);
    let stacked = || json!({ "units": [{ "component": "percent_off", "take": "stack" }] });
    let skus = |sku: &str| json!({ "include": [{ "skus": [sku] }] });
    let alone = |id: &str, effect: Value, more: Value| in_a_node(percents(), vec![promotion(id, effect, more)]);
    let tiers = |tiers: Value| json!({ "spend_and_save": { "steps": { "tiers": tiers } } });
    let avocado = || json!({ "items": { "include": [{ "skus": ["avocado"] }] } });
    let capped = |cap: i64| json!({ "percent_off": { "off_bp": 1000, "cap": eur(cap) } });
    let flash = |quota: u32, from: &str, until: &str| {
        promotion(
            quota.to_string().as_str(),
            json!({ "flash_sale": { "off": { "percent_bp": 1000 } } }),
            json!({ "items": { "include": [{ "skus": ["avocado"] }] }, "limit": { "units": quota },
                    "window": { "from": from, "until": until } }),
        )
    };
    vec![
        (
            "hours that its days have not",
            change(
                "/promotions/5/window",
                json!({ "from": "2026-11-11T11:00:00Z", "until": "2026-11-12T09:00:00Z", "hours": [{ "from": "10:00", "until": "12:00" }] }),
            ),
            Code::WindowNeverOpens,
            Warning,
            "promotions[5].window",
        ),
        (
            "members who are not",
            change(
                "/promotions/2/when",
                json!({ "all": [{ "groups": ["members"] }, { "not": { "groups": ["members", "staff"] } }] }),
            ),
            Code::ConditionNeverHolds,
            Warning,
            "promotions[2].when.all[0].groups",
        ),
        (
            "more spent than may be",
            change(
                "/promotions/8/when",
                json!({ "all": [
                    { "spend": { "over": "order", "at_least": eur(2500) } },
                    { "not": { "spend": { "over": "order", "at_least": eur(2000) } } }
                ] }),
            ),
            Code::ConditionNeverHolds,
            Warning,
            "promotions[8].when.all[0].spend",
        ),
        (
            "fewer units than the set has",
            change("/promotions/3", {
                let effect = json!({ "n_for_price": { "units": 3, "price": eur(500) } });
                promotion(
                    "any-three-pastries",
                    effect,
                    json!({ "when": { "quantity": { "at_least": 1, "at_most": 2 } },
                    "items": { "include": [{ "categories": ["PASTRY"] }] } }),
                )
            }),
            Code::ConditionNeverHolds,
            Warning,
            "promotions[3].when.quantity",
        ),
        (
            "an order before the first",
            change("/promotions/7/when/all/1", json!({ "order_number": { "at_most": 0 } })),
            Code::ConditionNeverHolds,
            Warning,
            "promotions[7].when.all[1].order_number",
        ),
        (
            "two channels at once",
            change(
                "/promotions/2/when",
                json!({ "all": [{ "channels": ["app"] }, { "any": [{ "channels": ["web"] }, { "channels": ["till"] }] }] }),
            ),
            Code::ConditionNeverHolds,
            Warning,
            "promotions[2].when.all[0].channels",
        ),
        (
            "a condition for another day than the window",
            Box::new(|sale| {
                let other_day = json!({ "window": { "from": "2026-11-12T23:00:00Z", "until": "2026-11-13T23:00:00Z" } });
                sale["promotions"][1]["when"] = other_day;
            }),
            Code::ConditionNeverHolds,
            Warning,
            "promotions[1].when.window",
        ),
        ("no units", change("/promotions/0/limit/units", json!(0)), Code::NothingLeft, Warning, "promotions[0].limit.units"),
        (
            "fewer units than a set needs",
            Box::new(|sale| sale["promotions"][3]["limit"] = json!({ "units_per_customer": 2 })),
            Code::QuotaTooSmall,
            Warning,
            "promotions[3].limit.units_per_customer",
        ),
        (
            "all excluded again",
            change("/promotions/3/items/exclude", json!([{ "categories": ["PASTRY", "DELI"] }])),
            Code::MatchesNothing,
            Warning,
            "promotions[3].items",
        ),
        (
            "a slot that nothing fills",
            Box::new(|sale| {
                let slot = &mut sale["promotions"][4]["effect"]["bundle"]["slots"][1]["items"];
                slot["exclude"] = slot["include"].clone();
            }),
            Code::MatchesNothing,
            Warning,
            "promotions[4].effect.bundle.slots[1].items",
        ),
        (
            "a tier beyond what may be spent",
            Box::new(|sale| {
                sale["promotions"][6]["when"] = json!({ "spend": { "over": "order", "at_least": eur(0), "below": eur(6000) } });
            }),
            Code::TierNeverReached,
            Warning,
            "promotions[6].effect.spend_and_save.steps.tiers[1].from",
        ),
        (
            "a tier that takes less",
            change(
                "/promotions/6/effect",
                tiers(
                    json!([{ "from": eur(3000), "off": { "percent_bp": 1500 } }, { "from": eur(6000), "off": { "amount": eur(800) } }]),
                ),
            ),
            Code::TierTakesLess,
            Warning,
            "promotions[6].effect.spend_and_save.steps.tiers[1].off",
        ),
        (
            "less for one of the members' groceries",
            with(promotion(
                "oil",
                json!({ "member_price": { "off_bp": 300 } }),
                json!({
                "items": { "include": [{ "categories": ["GROCERY"], "skus": ["espresso-500g"] }] },
                "when": { "all": [{ "groups": ["members"] }, { "channels": ["app"] }] } }),
            )),
            Code::AlwaysBeaten,
            Warning,
            "promotions[9]",
        ),
        (
            "less for members, and named before",
            with(promotion(
                "all-members",
                json!({ "member_price": { "off_bp": 300 } }),
                json!({
                "items": { "include": [{ "categories": ["GROCERY"] }] }, "when": { "groups": ["members"] } }),
            )),
            Code::NearlyAlwaysBeaten,
            Warning,
            "promotions[9]",
        ),
        (
            "a lower priority where all is taken",
            in_a_node(
                json!([{ "component": "amount_off", "priority": 2 }, { "component": "percent_off" }]),
                vec![
                    promotion("ten-cents", json!({ "amount_off": { "amount": eur(10), "per": "unit" } }), json!({})),
                    promotion("half", percent(5000), skus_of("avocado")),
                ],
            ),
            Code::AlwaysBeaten,
            Warning,
            "promotions[10]",
        ),
        (
            "a promotion on both sides",
            Box::new(|sale| {
                sale["exclusions"] = json!([{ "of": { "promotion": "members" }, "with": { "component": "member_price" } }]);
            }),
            Code::ExcludesItself,
            Warning,
            "exclusions[0]",
        ),
        (
            "an exclusion beside a conflict, at another scope",
            Box::new(|sale| {
                sale["exclusions"] = json!([
                    { "of": { "component": "coupon" }, "with": { "component": "flash_sale" }, "scope": "order" }
                ]);
            }),
            Code::ExclusionNamedTwice,
            Warning,
            "exclusions[0]",
        ),
        (
            "a conflict from both sides",
            Box::new(|sale| sale["pipeline"][3]["units"][0]["conflicts"] = json!(["flash_sale"])),
            Code::ExclusionNamedTwice,
            Note,
            "pipeline[0][0].conflicts",
        ),
        (
            "a cycle of conflicts",
            Box::new(|sale| {
                sale["pipeline"][3]["units"][0]["conflicts"] = json!(["spend_and_save"]);
                sale["pipeline"][2]["units"][0]["conflicts"] = json!(["flash_sale"]);
            }),
            Code::ExclusionCycle,
            Warning,
            "pipeline[0][0].conflicts",
        ),
        (
            "what is exclusive, and always there",
            Box::new(|sale| {
                let nodes = [json!([{ "component": "percent_off" }]), json!([{ "component": "amount_off" }])];
                sale["pipeline"].as_array_mut().unwrap().extend(nodes);
                let ten_cents = json!({ "amount_off": { "amount": eur(10), "per": "unit" } });
                let exclusive = json!({ "exclusive": "line", "items": { "include": [{ "skus": ["avocado", "brie-200g"] }] } });
                let promotions = [
                    promotion("two", json!({ "percent_off": { "off_bp": 200 } }), exclusive),
                    promotion("ten-cents", ten_cents, skus_of("avocado")),
                ];
                sale["promotions"].as_array_mut().unwrap().extend(promotions);
            }),
            Code::AlwaysShutOut,
            Warning,
            "promotions[10]",
        ),
        (
            "all of it off",
            alone("all", percent(10_000), avocado()),
            Code::GivesAllAway,
            Danger,
            "promotions[9].effect.percent_off",
        ),
        (
            "every second for nothing",
            in_a_node(
                json!([{ "component": "nth_unit" }]),
                vec![promotion("second", json!({ "nth_unit": { "nth": 2, "off": "free" } }), avocado())],
            ),
            Code::GivesAllAway,
            Note,
            "promotions[9].effect.nth_unit",
        ),
        (
            "more off than it costs",
            in_a_node(
                json!([{ "component": "amount_off" }]),
                vec![promotion(
                    "two-off",
                    json!({ "amount_off": { "amount": eur(200), "per": "unit" } }),
                    json!({
                    "items": { "include": [{ "categories": ["PRODUCE"] }] } }),
                )],
            ),
            Code::PriceReachesZero,
            Danger,
            "promotions[9]",
        ),
        (
            "two halves of the list price",
            in_a_node(
                stacked(),
                ["one", "two"]
                    .map(|id| {
                        promotion(
                            id,
                            percent(5000),
                            json!({ "stack_base": "list", "items": skus("tulips-10"),
                        "when": { "groups": [id] } }),
                        )
                    })
                    .into(),
            ),
            Code::PriceReachesZero,
            Danger,
            "promotions[9]",
        ),
        (
            "two caps at once",
            in_a_node(
                stacked(),
                vec![
                    promotion(
                        "early",
                        capped(500),
                        json!({ "window": { "from": "2026-11-11T00:00:00Z", "until": "2026-11-13T00:00:00Z" } }),
                    ),
                    promotion(
                        "late",
                        capped(700),
                        json!({ "items": skus("avocado"),
                        "window": { "from": "2026-11-12T00:00:00Z", "until": "2026-11-14T00:00:00Z" } }),
                    ),
                ],
            ),
            Code::CapsAddUp,
            Warning,
            "promotions[9].effect.percent_off.cap",
        ),
        (
            "budgets of two components",
            in_a_node(
                json!({ "keep": "stack", "units": [{ "component": "percent_off" }, { "component": "amount_off" }] }),
                vec![
                    promotion("a", percent(500), json!({ "items": skus("avocado"), "limit": { "budget": eur(9_000) } })),
                    promotion(
                        "b",
                        json!({ "amount_off": { "amount": eur(5), "per": "unit" } }),
                        json!({ "items": { "include": [{ "categories": ["PRODUCE"] }] }, "limit": { "budget": eur(8_000) } }),
                    ),
                ],
            ),
            Code::CapsAddUp,
            Warning,
            "promotions[9].limit.budget",
        ),
        (
            "a cap for a SKU and one for its category",
            in_a_node(
                stacked(),
                vec![
                    promotion("a", capped(500), json!({ "items": { "include": [{ "categories": ["PRODUCE"] }] } })),
                    promotion("b", capped(700), avocado()),
                ],
            ),
            Code::CapsAddUp,
            Warning,
            "promotions[9].effect.percent_off.cap",
        ),
        (
            "a quota for a SKU and one for its category",
            Box::new(|sale| {
                let flash = |id: &str, items: Value| {
                    let effect = json!({ "flash_sale": { "off": { "percent_bp": 1000 } } });
                    let window = json!({ "from": "2026-11-12T10:00:00Z", "until": "2026-11-12T12:00:00Z" });
                    promotion(
                        id,
                        effect,
                        json!({ "items": { "include": [items] }, "window": window, "limit": { "units_per_customer": 2 } }),
                    )
                };
                let sales = [flash("one", json!({ "skus": ["croissant"] })), flash("all", json!({ "categories": ["PASTRY"] }))];
                sale["promotions"].as_array_mut().unwrap().extend(sales);
            }),
            Code::QuotasAddUp,
            Warning,
            "promotions[9].limit.units_per_customer",
        ),
        (
            "less for a SKU than for its category",
            in_a_node(
                percents(),
                vec![
                    promotion("all", percent(2000), json!({ "items": { "include": [{ "categories": ["PRODUCE"] }] } })),
                    promotion("one", percent(1000), avocado()),
                ],
            ),
            Code::AlwaysBeaten,
            Warning,
            "promotions[10]",
        ),
        (
            "what is exclusive, and always there for its category",
            Box::new(|sale| {
                let nodes = [json!([{ "component": "percent_off" }]), json!([{ "component": "amount_off" }])];
                sale["pipeline"].as_array_mut().unwrap().extend(nodes);
                let exclusive = json!({ "exclusive": "line", "items": { "include": [{ "categories": ["PRODUCE"] }] } });
                let promotions = [
                    promotion("two", json!({ "percent_off": { "off_bp": 200 } }), exclusive),
                    promotion("ten-cents", json!({ "amount_off": { "amount": eur(10), "per": "unit" } }), skus_of("avocado")),
                ];
                sale["promotions"].as_array_mut().unwrap().extend(promotions);
            }),
            Code::AlwaysShutOut,
            Warning,
            "promotions[10]",
        ),
        (
            "a coupon without a code",
            with(promotion(
                "coupon",
                json!({ "coupon": { "off": { "percent_bp": 500 } } }),
                json!({ "when": { "spend": { "at_least": eur(5_000) } }, "items": skus("avocado") }),
            )),
            Code::ForEverybody,
            Warning,
            "promotions[9]",
        ),
        (
            "a coupon for a group",
            with(promotion(
                "coupon",
                json!({ "coupon": { "off": { "percent_bp": 500 } } }),
                json!({ "when": { "groups": ["vip"] } }),
            )),
            Code::ForEverybody,
            Note,
            "promotions[9]",
        ),
        (
            "members who are everybody",
            change("/promotions/2/when", json!({ "not": { "groups": ["staff"] } })),
            Code::ForEverybody,
            Warning,
            "promotions[2]",
        ),
        (
            "two quotas at once",
            Box::new(move |sale| {
                let sales = [
                    flash(100, "2026-11-12T10:00:00Z", "2026-11-12T12:00:00Z"),
                    flash(200, "2026-11-12T11:00:00Z", "2026-11-12T13:00:00Z"),
                ];
                sale["promotions"].as_array_mut().unwrap().extend(sales);
            }),
            Code::QuotasAddUp,
            Warning,
            "promotions[9].limit.units",
        ),
        (
            "an unknown SKU",
            change("/promotions/1/items/include/0/skus", json!(["pasta-500g", "pasta-1kg"])),
            Code::UnknownItem,
            Warning,
            "promotions[1].items.include[0].skus",
        ),
        (
            "an unknown gift",
            in_a_node(
                json!([{ "component": "gift" }]),
                vec![promotion("bag", json!({ "gift": { "gifts": [{ "sku": "tote-bag" }] } }), json!({}))],
            ),
            Code::UnknownItem,
            Warning,
            "promotions[9].effect.gift.gifts[0].sku",
        ),
        (
            "an unknown category",
            change("/promotions/2/items/include/0/categories", json!(["GROCERIES"])),
            Code::UnknownItem,
            Warning,
            "promotions[2].items.include[0].categories",
        ),
        (
            "what no product is",
            change("/promotions/2/items/include", json!([{ "categories": ["GROCERY"], "skus": ["avocado"] }])),
            Code::MatchesNoProduct,
            Warning,
            "promotions[2].items",
        ),
        (
            "another currency",
            change("/promotions/1/effect/special_price/price/currency", json!("USD")),
            Code::UnknownCurrency,
            Warning,
            "promotions[1]",
        ),
        (
            "one code twice",
            with(promotion(
                "again",
                json!({ "coupon": { "off": { "percent_bp": 500 } } }),
                json!({ "when": { "coupons": ["welcome "] } }),
            )),
            Code::CodeShared,
            Note,
            "promotions[7]",
        ),
        (
            "a code with a space",
            with(promotion(
                "again",
                json!({ "coupon": { "off": { "percent_bp": 500 } } }),
                json!({ "when": { "coupons": ["WEL COME"] } }),
            )),
            Code::CodesNearlyEqual,
            Warning,
            "promotions[9]",
        ),
        (
            "a lone label",
            Box::new(|sale| {
                sale["promotions"][1]["labels"] = json!(["pasta"]);
                sale["exclusions"] = json!([{ "of": { "label": "pasta" }, "with": { "promotion": "welcome" } }]);
            }),
            Code::LoneInExclusion,
            Note,
            "exclusions[0].of",
        ),
        ("a unit for nothing", in_a_node(json!([{ "component": "points" }]), vec![]), Code::UnitUnused, Note, "pipeline[5][0]"),
        (
            "a label that nobody has",
            in_a_node(json!([{ "component": "coupon", "label": "vip" }]), vec![]),
            Code::LabelUnused,
            Warning,
            "pipeline[5][0]",
        ),
    ]
}

fn skus_of(sku: &str) -> Value {
    json!({ "items": { "include": [{ "skus": [sku] }] } })
}

fn told(found: &Findings) -> BTreeSet<(Code, Severity, String)> {
    found.findings.iter().map(|finding| (finding.code, finding.severity, finding.paths[0].clone())).collect()
}

#[test]
fn each_planted_fault_is_found_and_nothing_else() {
    let products = catalogue();
    let before = told(&look_at(&sale(), Some(&products)));
    let mut codes = BTreeSet::new();
    for (name, plant, code, severity, path) in faults() {
        let mut rules = sale();
        plant(&mut rules);
        let found = look_at(&rules, Some(&products));
        let new: Vec<(Code, Severity, String)> = told(&found).difference(&before).cloned().collect();
        assert_eq!(new, [(code, severity, path.to_owned())], "{name}");
        assert!(found.cut.is_empty(), "{name}");
        codes.insert(code.name());
    }
    let all: BTreeSet<&str> = Code::NAMES.iter().copied().collect();
    let elsewhere = BTreeSet::from(["window_is_over", "price_below_cost"]);
    assert_eq!(all.difference(&codes).copied().collect::<BTreeSet<_>>(), elsewhere, "every code has a fault that shows it");
}

/// What two or three promotions of a document without catalogue are said to be.
fn of_two(pipeline: &Value, promotions: &[Value]) -> Vec<(Code, Vec<String>)> {
    let rules = json!({ "version": 1, "pipeline": pipeline, "promotions": promotions });
    look_at(&rules, None).findings.into_iter().map(|finding| (finding.code, finding.promotions)).collect()
}

#[test]
fn shares_of_the_whole_price_that_stack_reach_zero_without_a_catalogue_too() {
    let share = |id: &str, bp: u32, more: Value| promotion(id, json!({ "percent_off": { "off_bp": bp } }), more);
    let base = |base: &str| json!({ "stack_base": base });
    let on = |day: u8| {
        let window = json!({ "from": format!("2026-11-{day}T00:00:00Z"), "until": format!("2026-11-{}T00:00:00Z", day + 1) });
        json!({ "stack_base": "original", "window": window })
    };
    let of = |category: &str| json!({ "stack_base": "original", "items": { "include": [{ "categories": [category] }] } });
    let stack = json!([{ "units": [{ "component": "percent_off", "take": "stack" }] }]);
    let best = json!([{ "units": [{ "component": "percent_off" }] }]);
    let (half, third) = (|id: &str, more: Value| share(id, 5_000, more), |id: &str| share(id, 3_400, base("original")));
    for (pipeline, promotions, expected, why) in [
        (&stack, vec![half("a", base("original")), half("b", base("original"))], &["a", "b"][..], "half and half"),
        (&stack, vec![half("a", base("list")), half("b", base("original"))], &["a", "b"], "they cost their list price"),
        (&stack, vec![half("a", base("running")), half("b", base("running"))], &[], "a quarter is left"),
        (&stack, vec![half("a", base("running")), half("b", base("original"))], &["a", "b"], "half of all, of the half left"),
        (&stack, vec![half("a", base("original")), half("b", base("running"))], &[], "half of the half left"),
        (&stack, vec![half("a", base("original")), share("b", 4_999, base("original"))], &[], "something is left"),
        (&stack, vec![third("a"), third("b"), third("c")], &["a", "b", "c"], "three thirds"),
        (&stack, vec![share("x", 100, base("original")), third("a"), third("b"), third("c")], &["a", "b", "c"], "one needless"),
        (&best, vec![half("a", base("original")), half("b", base("original"))], &[], "the best is taken"),
        (&stack, vec![half("a", on(11)), half("b", on(12))], &[], "on different days"),
        (&stack, vec![half("a", of("x")), half("b", of("y"))], &[], "for different items"),
        (&stack, vec![half("a", of("x")), half("b", base("original"))], &["a", "b"], "for some of them"),
    ] {
        let expected: Vec<(Code, Vec<String>)> = Some(expected.iter().map(|id| (*id).to_owned()).collect())
            .filter(|ids: &Vec<String>| !ids.is_empty())
            .map(|ids| (Code::PriceReachesZero, ids))
            .into_iter()
            .collect();
        let zero = |(code, _): &(Code, Vec<String>)| *code == Code::PriceReachesZero;
        let found: Vec<_> = of_two(pipeline, &promotions).into_iter().filter(zero).collect();
        assert_eq!(found, expected, "{why}");
    }
    let units = json!([[{ "component": "percent_off" }], [{ "component": "coupon" }]]);
    let coupon = json!({ "coupon": { "off": { "percent_bp": 5_000 } } });
    let when = json!({ "stack_base": "original", "when": { "coupons": ["HALF"] } });
    let found = of_two(&units, &[half("a", base("original")), promotion("half", coupon, when)]);
    assert_eq!(found, [(Code::PriceReachesZero, vec!["a".to_owned(), "half".to_owned()])], "and of two components");
}

#[test]
fn without_a_catalogue_a_sku_and_a_category_have_nothing_to_do_with_each_other() {
    for (name, plant, ..) in faults() {
        if name.contains("its category") {
            let mut rules = sale();
            plant(&mut rules);
            let before = told(&look_at(&sale(), None));
            assert_eq!(told(&look_at(&rules, None)), before, "{name}");
        }
    }
}

fn only(found: &Findings, code: Code) -> &Finding {
    let of_it: Vec<&Finding> = found.findings.iter().filter(|finding| finding.code == code).collect();
    assert_eq!(of_it.len(), 1, "{found:#?}");
    of_it[0]
}

/// What the basket that shows a finding costs.
fn quoted(rules: &Value, finding: &Finding, products: &[Product]) -> (i64, Vec<String>) {
    let Some(Witness::Basket(request)) = &finding.witness else { panic!("{finding:?}") };
    // It goes through JSON, as a person would send it.
    let request: QuoteRequest = serde_json::from_value(serde_json::to_value(request).unwrap()).unwrap();
    let find = |sku: &pricestream_domain::Sku| {
        let product = products.iter().find(|product| product.sku == *sku)?;
        Some(Found { product: product.clone().into(), unit_price: product.list_price, stock_left: None, last_price: None })
    };
    let (basket, context) = request.resolve(at("2000-01-01T00:00:00Z"), find).unwrap();
    let quote = RuleSet::from_json(&rules.to_string()).unwrap().quote(&basket, &context).unwrap();
    let applied = shop::taken(&quote).into_iter().map(|(id, _)| id).collect();
    (quote.totals.payable, applied)
}

#[test]
fn a_price_of_nothing_or_below_cost_is_shown_by_a_basket() {
    let mut products = catalogue();
    for (name, plant, code, ..) in faults() {
        if !matches!(code, Code::PriceReachesZero | Code::GivesAllAway) || name == "every second for nothing" {
            continue;
        }
        let mut rules = sale();
        plant(&mut rules);
        let found = look_at(&rules, Some(&products));
        let gravest = found.findings.first().unwrap();
        assert_eq!(gravest.code, code, "{name}: the gravest comes first: {found:#?}");
        let (payable, applied) = quoted(&rules, gravest, &products);
        assert_eq!(payable, 0, "{name}");
        assert!(gravest.promotions.iter().all(|id| applied.contains(id)), "{name}: {applied:?}");
        // A floor is what the finding advises.
        for product in &mut products {
            product.promotion_floor = Some(shop::eur(1));
        }
        let found = look_at(&rules, Some(&products));
        assert!(found.gravest() <= Some(Severity::Note), "{name}: {found:#?}");
        products = catalogue();
    }
    let olive = products.iter_mut().find(|product| product.sku.as_str() == "olive-oil-1l").unwrap();
    olive.cost = Some(shop::eur(950));
    let found = look_at(&sale(), Some(&products));
    let below = only(&found, Code::PriceBelowCost);
    assert_eq!((below.severity, &below.promotions[..]), (Severity::Warning, &["midnight-oil".to_owned()][..]));
    assert_eq!(quoted(&sale(), below, &products).0, 909);
}

#[test]
fn an_overlap_is_told_in_the_time_zone_of_the_rule_set() {
    let (_, plant, ..) = faults().into_iter().find(|(name, ..)| *name == "two caps at once").unwrap();
    let mut rules = sale();
    plant(&mut rules);
    let found = look_at(&rules, None);
    let finding = only(&found, Code::CapsAddUp);
    let until = Some(at("2026-11-13T00:00:00Z"));
    assert_eq!(finding.witness, Some(Witness::Time { from: at("2026-11-12T00:00:00Z"), until }));
    assert!(
        finding.message.contains("from 2026-11-12T01:00:00 until 2026-11-13T01:00:00 Europe/Amsterdam"),
        "{}",
        finding.message
    );
    assert!(finding.message.contains("5.00 EUR and 7.00 EUR, together 12.00 EUR"), "{}", finding.message);
}

#[test]
fn windows_that_are_over_are_told_when_the_time_is_known() {
    let document = Document::from_json(SALE).unwrap();
    let over = |now: &str| {
        let found = findings(&document, &RuleSet::compile(&document), None).with_windows_over(&document, at(now));
        found
            .findings
            .iter()
            .filter(|finding| finding.code == Code::WindowIsOver)
            .map(|finding| finding.paths[0].clone())
            .collect::<Vec<_>>()
    };
    assert!(over("2026-11-10T23:59:59Z").is_empty());
    assert_eq!(over("2026-11-11T00:00:00Z"), ["promotions[0].window.until"]);
    assert_eq!(over("2027-01-01T00:00:00Z"), ["promotions[0].window.until", "promotions[1].window.until"]);
}

#[test]
fn the_order_of_a_cycle_says_what_stands() {
    let (_, plant, ..) = faults().into_iter().find(|(name, ..)| *name == "a cycle of conflicts").unwrap();
    let mut rules = sale();
    plant(&mut rules);
    let found = look_at(&rules, None);
    let message = &only(&found, Code::ExclusionCycle).message;
    assert!(message.contains("component flash_sale, component spend_and_save and component coupon"), "{message}");
    assert!(message.contains("decides, and component flash_sale stands"), "{message}");
}

#[test]
fn what_is_too_much_to_look_at_is_left_out_and_said() {
    // Each takes more off than all before it: none always loses, so that each has to be held against all others.
    let promotions: Vec<Value> = (1..=1_100)
        .map(|number| promotion(&format!("p{number:04}"), json!({ "percent_off": { "off_bp": number } }), json!({})))
        .collect();
    let rules = json!({ "version": 1, "pipeline": [[{ "component": "percent_off" }]], "promotions": promotions });
    let found = look_at(&rules, None);
    assert_eq!(
        found.cut,
        [
            "always_beaten: there are too many promotions for the same items to hold all against each other",
            "nearly_always_beaten: 709 more are not told",
        ]
    );
    assert_eq!(found.findings.len(), 200);
}
