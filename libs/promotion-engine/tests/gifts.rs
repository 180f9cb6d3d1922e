//! Goods for nothing: how they meet other promotions, limits and each other, and what is told of them.

mod shop;

use std::collections::BTreeMap;
use std::sync::Arc;

use pricestream_domain::Sku;
use pricestream_promotion_engine::{
    Basket, BasketError, Context, Document, Found, Left, Limited, Quote, QuoteAnswer, QuoteRequest, Reason, RuleSet,
};
use shop::{assert_conserved, basket, declined, eur, line, now, of_category, rules, taken, with_postage};

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

/// A promotion that gives one of these, with more fields of the effect and of the promotion.
fn gift(id: &str, skus: &[&str], effect: &str, more: &str) -> String {
    let items: Vec<String> = skus.iter().map(|sku| format!(r#"{{"sku":"{sku}"}}"#)).collect();
    format!(r#"{{"id":"{id}","effect":{{"gift":{{"gifts":[{}]{effect}}}}}{more}}}"#, items.join(","))
}

const CHOICE: &str = r#","choose":"choice""#;
const HALF: &str = r#"{"id":"half","effect":{"percent_off":{"off_bp":5000}}}"#;

fn quote(rules: &RuleSet, basket: &Basket, context: &Context) -> Quote {
    let quote = rules.quote(basket, context).unwrap();
    assert_conserved(&quote);
    quote
}

fn choosing(promotion: &str, skus: &[&str]) -> Context {
    let chosen = skus.iter().map(|name| sku(name)).collect();
    Context { gift_choices: BTreeMap::from([(promotion.to_owned(), chosen)]), ..now() }
}

fn gifts(answer: &QuoteAnswer) -> Vec<(&str, &str, u64, bool)> {
    answer.gifts.iter().map(|gift| (gift.promotion.as_str(), gift.sku.as_str(), gift.quantity, gift.chosen)).collect()
}

fn why<'a>(answer: &'a QuoteAnswer, id: &str) -> &'a str {
    &answer.promotions.iter().find(|promotion| promotion.promotion == id).unwrap().why
}

#[test]
fn a_gift_is_told_and_nothing_else_changes() {
    let bag = gift("bag-for-50", &["bag"], "", r#","when":{"spend":{"at_least":{"minor":5000,"currency":"EUR"}}}"#);
    let (with, without) = (
        rules(r#"[[{"component":"percent_off"}],[{"component":"gift"}]]"#, &[&bag, HALF].map(String::from).join(",")),
        rules(r#"[[{"component":"percent_off"}]]"#, HALF),
    );
    let rich = with_postage(vec![line("A", 2, 6_000, "")], 500);
    let (with, without) = (quote(&with, &rich, &now()), quote(&without, &rich, &now()));
    assert_eq!(
        (with.totals, &with.lines, &with.taxes, &with.funding),
        (without.totals, &without.lines, &without.taxes, &without.funding)
    );
    let answer = with.answer();
    assert_eq!(gifts(&answer), [("bag-for-50", "bag", 1, false)]);
    assert_eq!((why(&answer, "bag-for-50"), answer.gift_offers.len()), ("gives bag", 0));
    assert_eq!(taken(&with), [("half".to_owned(), 6_000), ("bag-for-50".to_owned(), 0)]);
}

#[test]
fn what_is_given_counts_for_no_other_promotion() {
    // The bag that is given is no second bag, and adds nothing to what is spent.
    let promotions = [
        gift("bag", &["B"], "", ""),
        r#"{"id":"two","effect":{"n_for_price":{"units":2,"price":{"minor":1,"currency":"EUR"}}},"items":{"include":[{"skus":["B"]}]}}"#.to_owned(),
        r#"{"id":"rich","effect":{"percent_off":{"off_bp":1000}},"when":{"spend":{"at_least":{"minor":1001,"currency":"EUR"}}}}"#.to_owned(),
    ];
    let pipeline = r#"[[{"component":"gift"}],[{"component":"n_for_price"}],[{"component":"percent_off"}]]"#;
    let quote = quote(&rules(pipeline, &promotions.join(",")), &basket(vec![line("B", 1, 1_000, "")]), &now());
    assert_eq!(taken(&quote), [("bag".to_owned(), 0)]);
    assert_eq!(quote.gifts[0].worth, Some(1_000), "the price of the one in the basket");
}

#[test]
fn every_full_amount_or_so_many_units_earn_one_more() {
    let spend = gift("by-spend", &["mug"], r#","every":{"spend":{"minor":5000,"currency":"EUR"}},"max_times":3"#, "");
    let units = gift("by-units", &["pen"], r#","every":{"units":3}"#, r#","items":{"include":[{"categories":["toys"]}]}"#);
    let pipeline = r#"[{"units":[{"component":"percent_off"}]},{"units":[{"component":"gift","take":"stack"}]}]"#;
    let rules = rules(pipeline, &[&spend, &units, HALF].map(String::from).join(","));
    for (toys, price, expected) in [
        (2, 9_998, vec![("by-spend", "mug", 1, false)]), // 99.98 after half is off
        (3, 9_998, vec![("by-spend", "mug", 2, false), ("by-units", "pen", 1, false)]),
        (9, 10_000, vec![("by-spend", "mug", 3, false), ("by-units", "pen", 3, false)]), // 450.00: three at most
        (1, 1_000, vec![]),
    ] {
        let answer = quote(&rules, &basket(vec![of_category("A", toys, price, "toys")]), &now()).answer();
        assert_eq!(gifts(&answer), expected, "{toys} at {price}");
    }
    let hints: Vec<String> = {
        let answer = quote(&rules, &basket(vec![of_category("A", 1, 1_000, "toys")]), &now()).answer();
        answer.near_misses.into_iter().map(|miss| miss.promotion).collect()
    };
    assert_eq!(hints, ["by-units", "by-spend"], "two units at 10.00 are less than 45.00");
}

#[test]
fn a_customer_chooses() {
    let rules = rules(r#"[[{"component":"gift"}]]"#, &gift("treat", &["bag", "mug"], CHOICE, ""));
    let goods = basket(vec![line("A", 1, 1_000, "")]);
    for (chosen, given, offered, why_it_is) in [
        (&[][..], vec![], true, "choose one of bag, mug"),
        (&["mug"], vec![("treat", "mug", 1, true)], false, "gives mug, as chosen"),
        (&["cup"], vec![], true, "choose one of bag, mug; this cannot be chosen: cup"),
        (&["bag", "mug"], vec![("treat", "bag", 1, true)], false, "gives bag, as chosen; this cannot be chosen: mug"),
    ] {
        let answer = quote(&rules, &goods, &choosing("treat", chosen)).answer();
        assert_eq!((gifts(&answer), why(&answer, "treat")), (given, why_it_is), "{chosen:?}");
        assert_eq!(answer.promotions[0].declined, offered.then_some("not_chosen"), "{chosen:?}");
        let offers: Vec<(&str, u64, Vec<&str>)> = answer
            .gift_offers
            .iter()
            .map(|offer| {
                (offer.promotion.as_str(), offer.choose, offer.choices.iter().map(|choice| choice.sku.as_str()).collect())
            })
            .collect();
        assert_eq!(offers, if offered { vec![("treat", 1, vec!["bag", "mug"])] } else { vec![] }, "{chosen:?}");
    }
    let short = Context { gift_stock: BTreeMap::from([(sku("mug"), 0)]), ..choosing("treat", &["mug"]) };
    let answer = quote(&rules, &goods, &short).answer();
    assert_eq!(why(&answer, "treat"), "choose one of bag; too few are left of mug");
    let none = Context { gift_stock: BTreeMap::from([(sku("mug"), 0), (sku("bag"), 0)]), ..short };
    let answer = quote(&rules, &goods, &none).answer();
    assert_eq!((why(&answer, "treat"), answer.gift_offers.len()), ("has nothing left to give: too few are left of bag, mug", 0));
    let far_too_many = choosing("treat", &["mug"; 1_001]);
    assert_eq!(rules.quote(&goods, &far_too_many).unwrap_err(), BasketError::TooManyGiftChoices(1_001));
}

#[test]
fn two_promotions_do_not_give_the_same_unit() {
    let promotions = [gift("a", &["mug", "pen"], "", ""), gift("b", &["mug", "pen"], "", "")].join(",");
    let rules = rules(r#"[[{"component":"gift","take":"stack"}]]"#, &promotions);
    let goods = basket(vec![line("A", 1, 1_000, "")]);
    for (left, expected) in [(1, ["mug", "pen"]), (2, ["mug", "mug"])] {
        let context = Context { gift_stock: BTreeMap::from([(sku("mug"), left)]), ..now() };
        let answer = quote(&rules, &goods, &context).answer();
        assert_eq!(answer.gifts.iter().map(|gift| gift.sku.as_str()).collect::<Vec<_>>(), expected, "{left} mugs left");
    }
    let context = Context { gift_stock: BTreeMap::from([(sku("mug"), 1)]), ..now() };
    assert_eq!(why(&quote(&rules, &goods, &context).answer(), "b"), "gives pen; too few are left of mug");
}

#[test]
fn a_gift_takes_nothing_off_so_that_it_loses_unless_it_has_the_priority() {
    let bag = gift("bag", &["bag"], "", "");
    for (priority, expected) in [(0, vec![("half", 500)]), (1, vec![("bag", 0)])] {
        let pipeline = format!(r#"[[{{"component":"gift","priority":{priority}}},{{"component":"percent_off"}}]]"#);
        let quote =
            quote(&rules(&pipeline, &[&bag, HALF].map(String::from).join(",")), &basket(vec![line("A", 1, 1_000, "")]), &now());
        let expected: Vec<(String, i64)> = expected.into_iter().map(|(id, off)| (id.to_owned(), off)).collect();
        assert_eq!(taken(&quote), expected, "{priority}");
        let (loser, by, by_amount) = if priority == 0 { ("bag", "half", 500) } else { ("half", "bag", -500) };
        assert_eq!(*declined(&quote, loser), Reason::Beaten { by: by.into(), by_amount });
    }
}

#[test]
fn a_gift_is_offered_only_where_it_would_stand_if_it_were_chosen() {
    let treat = gift("treat", &["bag", "mug"], CHOICE, "");
    let goods = basket(vec![line("A", 1, 1_000, "")]);
    let unchosen = now();
    for (priority, keep, offered) in [(0, "best", false), (1, "best", true), (0, "stack", true)] {
        for take in ["best", "stack"] {
            let pipeline = format!(
                r#"[{{"keep":"{keep}","units":[{{"component":"gift","priority":{priority},"take":"{take}"}},{{"component":"percent_off"}}]}}]"#
            );
            let rules = rules(&pipeline, &[&treat, HALF].map(String::from).join(","));
            let open = quote(&rules, &goods, &unchosen);
            assert!(taken(&open).contains(&("half".to_owned(), 500)), "what nobody has chosen takes the place of nothing");
            assert_eq!(!open.answer().gift_offers.is_empty(), offered, "{priority} {keep} {take}");
            let chosen = quote(&rules, &goods, &choosing("treat", &["mug"]));
            assert_eq!(!chosen.gifts.is_empty(), offered, "the offer is kept: {priority} {keep} {take}");
            if !offered {
                assert_eq!(*declined(&open, "treat"), Reason::Beaten { by: "half".into(), by_amount: 500 });
            }
        }
    }
    // Of two gifts of which one stands, the earlier may be chosen instead of the later, and not the other way round.
    for (id, offered) in [("a-treat", true), ("z-treat", false)] {
        let promotions = [gift(id, &["mug"], CHOICE, ""), gift("bag", &["bag"], "", "")].join(",");
        let rules = rules(r#"[[{"component":"gift"}]]"#, &promotions);
        let open = quote(&rules, &goods, &unchosen).answer();
        assert_eq!((gifts(&open), open.gift_offers.len()), (vec![("bag", "bag", 1, false)], usize::from(offered)), "{id}");
        let given = quote(&rules, &goods, &choosing(id, &["mug"])).answer();
        let expected = if offered { (id, "mug", 1, true) } else { ("bag", "bag", 1, false) };
        assert_eq!(gifts(&given), [expected], "{id}");
    }
}

#[test]
fn exclusions_and_limits_hold_for_gifts() {
    let pipeline = r#"[[{"component":"gift"}],[{"component":"percent_off"}]]"#;
    let goods = basket(vec![line("A", 2, 1_000, "")]);
    for (exclusive, expected) in [("", 2), (r#","priority":1,"exclusive":"order""#, 1), (r#","exclusive":"line""#, 1)] {
        let bag = gift("bag", &["bag"], "", exclusive);
        let applied = taken(&quote(&rules(pipeline, &[&bag, HALF].map(String::from).join(",")), &goods, &now()));
        assert_eq!(applied.len(), expected, "{exclusive}: {applied:?}");
    }
    // What is excluded is not offered, and what is not chosen excludes nothing.
    let treat = gift("treat", &["bag"], CHOICE, r#","exclusive":"order""#);
    let open = quote(&rules(pipeline, &[&treat, HALF].map(String::from).join(",")), &goods, &now());
    assert_eq!((taken(&open), open.answer().gift_offers.len()), (vec![("half".to_owned(), 1_000)], 1));
    let late = r#"[[{"component":"percent_off"}],[{"component":"gift"}]]"#;
    let excluded = quote(&rules(late, &[&treat, HALF].map(String::from).join(",")), &goods, &now());
    assert_eq!((declined(&excluded, "treat"), excluded.answer().gift_offers.len()), (&Reason::Excluded { by: "half".into() }, 0));

    // A limit counts the units that are given, not those that earn them.
    let pair = gift("pair", &["mug"], r#","every":{"units":2}"#, r#","limit":{"units":10}"#);
    let one_left = Context { left: BTreeMap::from([("pair".to_owned(), Left { units: Some(1), ..Left::default() })]), ..now() };
    assert_eq!(quote(&rules(r#"[[{"component":"gift"}]]"#, &pair), &goods, &one_left).gifts.len(), 1);

    let mugs = gift("mugs", &["mug"], r#","every":{"units":1}"#, r#","limit":{"uses":10,"units":10}"#);
    let rules = rules(r#"[[{"component":"gift"}]]"#, &mugs);
    for (left, expected) in [
        (Left { units: Some(5), ..Left::default() }, Ok(2)),
        (Left { units: Some(1), ..Left::default() }, Ok(1)),
        (Left { units: Some(0), ..Left::default() }, Err(Limited::Units)),
        (Left { uses: Some(0), ..Left::default() }, Err(Limited::Uses)),
    ] {
        let context = Context { left: BTreeMap::from([("mugs".to_owned(), left)]), ..now() };
        let quote = quote(&rules, &goods, &context);
        match expected {
            Ok(units) => assert_eq!(quote.gifts[0].quantity, units, "{left:?}"),
            Err(limited) => {
                assert!(matches!(declined(&quote, "mugs"), Reason::UsedUp { what, .. } if *what == limited), "{left:?}");
            }
        }
    }
}

#[test]
fn a_gift_needs_its_condition_and_its_code() {
    let coded = gift("coded", &["bag"], "", r#","when":{"coupons":["BAG"]}"#);
    let rules = rules(r#"[[{"component":"gift"}]]"#, &coded);
    let goods = basket(vec![line("A", 1, 1_000, "")]);
    assert!(quote(&rules, &goods, &now()).decisions.is_empty());
    assert_eq!(quote(&rules, &goods, &Context { coupons: vec!["bag".to_owned()], ..now() }).gifts.len(), 1);
    let document = |more: &str| format!(r#"{{"version":1,"promotions":[{}]}}"#, gift("bag", &["bag"], "", more));
    let budget = r#","limit":{"budget":{"minor":1,"currency":"EUR"}}"#;
    let problems = Document::from_json(&document(budget)).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), ["promotions[0].limit.budget"]);
}

#[test]
fn stock_and_worth_are_found_in_the_catalogue() {
    let rules = rules(r#"[[{"component":"gift"}]]"#, &gift("treat", &["mug", "pen"], r#","every":{"units":1}"#, ""));
    assert_eq!(rules.gift_skus().map(Sku::as_str).collect::<Vec<_>>(), ["mug", "pen"]);
    let find = |wanted: &Sku| {
        let (price, stock_left) = if wanted.as_str() == "mug" { (700, Some(3)) } else { (100, None) };
        let product = line(wanted.as_str(), 1, price, "").product;
        Some(Found { product: Arc::clone(&product), unit_price: eur(price), stock_left, last_price: None })
    };
    let request: QuoteRequest =
        serde_json::from_str(r#"{"at":"2026-11-11T12:00:00Z","lines":[{"sku":"mug","quantity":2}],"gift_choices":{}}"#).unwrap();
    let (mugs, mut context) = request.resolve(now().at, find).unwrap();
    rules.find_gifts(&mugs, &mut context, find);
    let answer = quote(&rules, &mugs, &context).answer();
    // Three mugs, of which two are bought.
    assert_eq!(gifts(&answer), [("treat", "mug", 1, false), ("treat", "pen", 1, false)]);
    assert_eq!(answer.gifts.iter().map(|gift| gift.worth).collect::<Vec<_>>(), [Some(eur(700)), Some(eur(100))]);
    let request: QuoteRequest = serde_json::from_str(
        r#"{"at":"2026-11-11T12:00:00Z","lines":[{"sku":"mug","quantity":2}],"gift_stock":{"mug":0,"pen":7}}"#,
    )
    .unwrap();
    let (mugs, mut context) = request.resolve(now().at, find).unwrap();
    rules.find_gifts(&mugs, &mut context, find);
    assert_eq!(gifts(&quote(&rules, &mugs, &context).answer()), [("treat", "pen", 2, false)], "what the request says counts");
}
