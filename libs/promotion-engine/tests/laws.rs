//! What holds for every basket and every rule set.

mod shop;

use std::collections::{BTreeMap, BTreeSet};

use pricestream_promotion_engine::{Basket, Context, Effect, GroupBy, Guard, Line, Outcome, RedPacket, RuleSet, Scenario};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use shop::{Failing, assert_conserved, assert_groups_add_up, line, rule_set, with_postage};

const CATEGORIES: [&str; 3] = ["toys", "books", "tea"];

#[derive(Clone, Debug)]
struct SomeLine {
    quantity: u32,
    price: i64,
    category: usize,
    floor: i64,
}

fn some_line() -> impl Strategy<Value = SomeLine> {
    let price = prop_oneof![Just(0), 1..50_i64, 50..20_000_i64];
    (1..6_u32, price, 0..3_usize, 0..3_i64).prop_map(|(quantity, price, category, floor)| SomeLine {
        quantity,
        price,
        category,
        floor: price * floor / 3,
    })
}

fn lines_of(lines: &[SomeLine]) -> Vec<Line> {
    let made = lines.iter().enumerate().map(|(number, of)| {
        let floor = format!(r#","promotion_floor":{{"minor":{},"currency":"EUR"}}"#, of.floor);
        let mut made = line(
            &format!("L{number:02}"),
            of.quantity,
            of.price.max(1),
            &format!(r#","category":"{}"{floor}"#, CATEGORIES[of.category]),
        );
        made.unit_price.minor = of.price;
        made
    });
    made.collect()
}

fn money() -> impl Strategy<Value = Value> {
    prop_oneof![1..300_i64, 300..6_000_i64].prop_map(|minor| json!(shop::eur(minor)))
}

fn share() -> impl Strategy<Value = Value> {
    prop_oneof![1..=10_000_u32, prop::sample::select(vec![500, 3_333, 5_000, 10_000])].prop_map(Value::from)
}

fn some_off() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => share().prop_map(|share| json!({ "percent_bp": share })),
        2 => money().prop_map(|amount| json!({ "amount": amount })),
        1 => money().prop_map(|price| json!({ "price": price })),
        1 => Just(json!("free")),
    ]
}

/// `fields` and, where there is one, `value` under `name`.
fn with(mut fields: Value, name: &str, value: Option<impl Into<Value>>) -> Value {
    if let Some(value) = value {
        fields[name] = value.into();
    }
    fields
}

/// An effect of the kinds that most often work on lines.
fn of_lines() -> impl Strategy<Value = Value> {
    let tiers = (some_off(), some_off(), 1..4_u32, prop::sample::select(vec!["line", "matching"]));
    prop_oneof![
        money().prop_map(|price| json!({ "special_price": { "price": price } })),
        prop_oneof![share().prop_map(|share| json!({ "off_bp": share })), money().prop_map(|price| json!({ "price": price }))]
            .prop_map(|member| json!({ "member_price": member })),
        (some_off(), prop::option::of(1..4_u32))
            .prop_map(|(off, most)| json!({ "flash_sale": with(json!({ "off": off }), "units_per_order", most) })),
        tiers.prop_map(|(low, high, from, per)| {
            json!({ "quantity_tiers": { "tiers": [{ "from": from, "off": low }, { "from": from + 2, "off": high }], "per": per } })
        }),
        (share(), prop::option::of(money()))
            .prop_map(|(share, cap)| json!({ "percent_off": with(json!({ "off_bp": share }), "cap", cap) })),
        (money(), prop::sample::select(vec!["unit", "line", "matching", "order"]))
            .prop_map(|(amount, per)| json!({ "amount_off": { "amount": amount, "per": per } })),
    ]
}

/// An effect of the kinds that work on sets.
fn of_sets() -> impl Strategy<Value = Value> {
    let slot = |(category, quantity): (usize, u32)| json!({ "items": { "include": [{ "categories": [CATEGORIES[category]] }] }, "quantity": quantity });
    let slots = prop::collection::vec((0..3_usize, 1..3_u32).prop_map(slot), 1..4);
    let times = || prop::option::of(1..3_u32);
    prop_oneof![
        (1..5_u32, money(), times(), prop::sample::select(vec!["own", "cheapest"])).prop_map(|(units, price, times, valued)| {
            json!({ "n_for_price": with(json!({ "units": units, "price": price, "valued": valued }), "max_times", times) })
        }),
        (slots, some_off(), times()).prop_map(|(mut slots, off, times)| {
            for (slot, number) in slots.iter_mut().zip(0..) {
                slot["name"] = format!("slot {number}").into();
            }
            json!({ "bundle": with(json!({ "slots": slots, "off": off }), "max_times", times) })
        }),
        (1..4_u32, 1..3_u32, some_off(), prop::sample::select(vec!["cheapest", "dearest", "dearest_left"]), any::<bool>())
            .prop_map(|(buy, get, off, pick, partly)| {
                json!({ "buy_x_get_y": { "buy": buy, "get": get, "off": off, "pick": pick, "partly": partly } })
            }),
        (1..5_u32, some_off(), prop::sample::select(vec!["dearest", "by_line"]))
            .prop_map(|(units, off, filled)| json!({ "quantity_groups": { "units": units, "off": off, "filled": filled } })),
        (2..5_u32, some_off(), times())
            .prop_map(|(nth, off, times)| json!({ "nth_unit": with(json!({ "nth": nth, "off": off }), "max_times", times) })),
        (2..5_u32, 1..3_u32)
            .prop_map(|(units, free)| { json!({ "cheapest_free_in_group": { "units": units, "free": free.min(units - 1) } }) }),
        (1..4_u32, some_off(), prop::option::of(0..3_u32)).prop_map(|(units, off, more)| {
            json!({ "cheapest_units": with(json!({ "units": units, "off": off }), "of_at_least", more.map(|more| units + more)) })
        }),
        (some_off(), prop::option::of(some_off()), prop::option::of(2..5_u32)).prop_map(|(additional, first, most)| {
            let of = with(json!({ "additional": additional }), "first", first);
            json!({ "first_and_additional": with(of, "max_units", most) })
        }),
    ]
}

/// An effect of the kinds that work on the order.
fn of_the_order() -> impl Strategy<Value = Value> {
    let coupon = prop_oneof![
        share().prop_map(|share| json!({ "percent_bp": share })),
        money().prop_map(|amount| json!({ "amount": amount }))
    ];
    prop_oneof![
        (0..9_000_i64, some_off(), prop::sample::select(vec!["running", "original", "list"])).prop_map(|(from, off, basis)| {
            json!({ "spend_and_save": { "basis": basis, "steps": { "tiers": [{ "from": shop::eur(from), "off": off }] } } })
        }),
        (100..9_000_i64, 1..900_i64).prop_map(|(spend, off)| {
            json!({ "spend_and_save": { "steps": { "every_full": { "spend": shop::eur(spend), "off": shop::eur(off) } } } })
        }),
        money().prop_map(|price| json!({ "order_fixed_price": { "price": price } })),
        (coupon, prop::option::of(money())).prop_map(|(off, cap)| json!({ "coupon": with(json!({ "off": off }), "cap", cap) })),
        some_off().prop_map(|off| json!({ "goods_and_postage": { "off": off } })),
        (1..6_u32, any::<bool>()).prop_map(|(units, choice)| {
            let choose = if choice { "choice" } else { "automatic" };
            let gifts = json!([{ "sku": "L00" }, { "sku": "mug", "quantity": 2 }]);
            json!({ "gift": { "gifts": gifts, "choose": choose, "every": { "units": units } } })
        }),
        some_off().prop_map(|off| json!({ "postage": { "off": off } })),
        (1..300_u32, 1..300_i64, prop::option::of(share())).prop_map(|(points, worth, share)| {
            json!({ "points": with(json!({ "points": points, "worth": shop::eur(worth) }), "max_share_bp", share) })
        }),
        prop::option::of(share()).prop_map(|share| json!({ "red_packet": with(json!({}), "max_share_bp", share) })),
    ]
}

/// An effect of any kind, written as JSON.
fn some_effect() -> impl Strategy<Value = String> {
    prop_oneof![of_lines(), of_sets(), of_the_order()].prop_map(|effect| effect.to_string())
}

/// Somebody who has points and red packets.
fn now() -> Context {
    let packet = |(id, minor): (&str, i64)| RedPacket { id: id.to_owned(), amount: shop::eur(minor) };
    Context { points: 700, red_packets: [("p", 150), ("q", 900)].map(packet).into(), ..shop::now() }
}

/// A promotion without its id.
fn some_promotion() -> impl Strategy<Value = String> {
    let items = prop_oneof![
        Just(String::new()),
        (0..3_usize).prop_map(|category| format!(r#","items":{{"include":[{{"categories":["{}"]}}]}}"#, CATEGORIES[category]))
    ];
    let base = prop_oneof![Just("running"), Just("original"), Just("list")];
    let exclusive = prop_oneof![6 => Just(""), 1 => Just(r#","exclusive":"unit""#), 1 => Just(r#","exclusive":"line""#), 1 => Just(r#","exclusive":"order""#)];
    let funding =
        prop_oneof![Just(""), Just(r#","funding":[{"party":"brand","share_bp":3333},{"party":"shop","share_bp":6667}]"#)];
    (some_effect(), items, base, -1..2_i32, exclusive, funding).prop_map(|(effect, items, base, priority, exclusive, funding)| {
        format!(r#""effect":{effect}{items},"stack_base":"{base}","priority":{priority}{exclusive}{funding}"#)
    })
}

/// Some of all components.
fn some_components() -> impl Strategy<Value = BTreeSet<String>> {
    prop::sample::subsequence(Effect::NAMES, 0..=Effect::NAMES.len())
        .prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

/// Pipelines of different kinds, each with every component.
fn some_pipeline() -> impl Strategy<Value = String> {
    let unit = |component: &str, take: &str| format!(r#"{{"component":"{component}","take":"{take}"}}"#);
    let take = prop_oneof![Just("best"), Just("stack")];
    let keep = prop_oneof![Just("best"), Just("stack")];
    (take, keep, any::<bool>()).prop_map(move |(take, keep, one_node)| {
        let units: Vec<String> = Effect::NAMES.iter().map(|component| unit(component, take)).collect();
        let node = |units: &[String]| format!(r#"{{"keep":"{keep}","units":[{}]}}"#, units.join(","));
        if one_node {
            format!("[{}]", node(&units))
        } else {
            // Prices of lines, sets, the order, gifts, and what is paid besides.
            let nodes = [&units[..6], &units[6..14], &units[14..18], &units[18..19], &units[19..]];
            format!("[{}]", nodes.map(node).join(","))
        }
    })
}

fn some_rules() -> impl Strategy<Value = RuleSet> {
    some_document("").prop_map(|json| rule_set(&json))
}

/// A rule set with more policies.
fn some_document(policies: &'static str) -> impl Strategy<Value = String> {
    let rounding = prop_oneof![Just("half_up"), Just("half_even"), Just("down")];
    let level = prop_oneof![Just("unit"), Just("line"), Just("order")];
    let odd = ["largest_remainder", "first", "last", "last_rounded_down", "carried", "carried_from_last"];
    let choices = (prop::sample::select(odd.to_vec()), prop::sample::select(vec!["turn", "first", "priority", "value"]));
    (some_pipeline(), prop::collection::vec(some_promotion(), 1..8), rounding, level, choices).prop_map(
        move |(pipeline, promotions, mode, level, (odd, exclusive))| {
            let promotions: Vec<String> =
                promotions.iter().enumerate().map(|(number, promotion)| format!(r#"{{"id":"p{number}",{promotion}}}"#)).collect();
            format!(
                r#"{{"version":1,"policies":{{"basket_rounding":{{"mode":"{mode}","level":"{level}"}},
            "odd_cents":"{odd}","exclusive_by":"{exclusive}",
            "tax":{{"default_rate":2100,"postage_rate":2100}}{policies}}},"pipeline":{pipeline},"promotions":[{}]}}"#,
                promotions.join(",")
            )
        },
    )
}

fn some_basket() -> impl Strategy<Value = Basket> {
    (prop::collection::vec(some_line(), 1..7), 0..900_i64).prop_map(|(lines, postage)| with_postage(lines_of(&lines), postage))
}

proptest! {
    #[test]
    fn every_sum_agrees_and_no_price_goes_below_its_floor(rules in some_rules(), basket in some_basket()) {
        let quote = rules.quote(&basket, &now()).unwrap();
        assert_conserved(&quote);
        for (place, line) in basket.lines.iter().enumerate() {
            let floor = line.product.promotion_floor.map_or(0, |floor| floor.minor).min(line.unit_price.minor);
            for unit in quote.units(place) {
                prop_assert!((floor..=line.unit_price.minor).contains(&unit.payable), "line {}", line.id);
            }
        }
        prop_assert!(quote.postage.as_ref().is_some_and(|postage| (0..=postage.original).contains(&postage.payable)));
    }

    #[test]
    fn the_order_of_the_lines_makes_no_difference(rules in some_rules(), basket in some_basket(), turn in 0..7_usize) {
        let quote = rules.quote(&basket, &now()).unwrap();
        let mut turned = basket.clone();
        turned.lines.rotate_left(turn % basket.lines.len());
        turned.lines.reverse();
        let other = rules.quote(&turned, &now()).unwrap();
        prop_assert_eq!((quote.totals, &quote.decisions), (other.totals, &other.decisions));
        for line in &quote.lines {
            let there = other.lines.iter().find(|there| there.id == line.id).unwrap();
            prop_assert_eq!(line.payable, there.payable);
        }
    }

    #[test]
    fn the_same_input_gives_the_same_bytes_and_the_same_price_when_explained(document in some_document(""), basket in some_basket()) {
        let rules = rule_set(&document);
        let quote = rules.quote(&basket, &now()).unwrap();
        prop_assert_eq!(&quote, &rules.quote(&basket, &now()).unwrap());
        let bytes = || serde_json::to_vec(&rules.quote(&basket, &now()).unwrap().answer()).unwrap();
        let here = bytes();
        prop_assert!(here == bytes(), "the same bytes");
        std::thread::scope(|scope| {
            let elsewhere: Vec<_> = (0..2).map(|_| scope.spawn(bytes)).collect();
            for thread in elsewhere {
                assert_eq!(here, thread.join().unwrap(), "the same bytes in every thread");
            }
        });
        // The same document read again: neither its maps nor its promotions are in another order.
        let again = rule_set(&document);
        prop_assert_eq!(here, serde_json::to_vec(&again.quote(&basket, &now()).unwrap().answer()).unwrap());
        let explained = rules.explain(&basket, &now()).unwrap();
        prop_assert_eq!((quote.totals, &quote.lines), (explained.totals, &explained.lines));
        prop_assert_eq!(explained.decisions.len(), rules.promotions().count(), "every promotion once");
    }

    #[test]
    fn refunds_add_up_to_what_was_paid(rules in some_rules(), basket in some_basket(), parts in prop::collection::vec(1..4_u32, 1..6)) {
        let quote = rules.quote(&basket, &now()).unwrap();
        for (place, line) in quote.lines.iter().enumerate() {
            let mut returned = 0;
            let mut sums = (0, 0);
            for part in parts.iter().cycle() {
                let part = (*part).min(line.quantity - returned);
                let refund = quote.refund(place, returned, part).unwrap();
                prop_assert!(refund.payable >= 0 && refund.tax >= 0);
                sums = (sums.0 + refund.payable, sums.1 + refund.tax);
                returned += part;
                if returned == line.quantity {
                    break;
                }
            }
            prop_assert_eq!(sums, (line.payable, line.tax));
            prop_assert_eq!(quote.refund(place, line.quantity, 1), None);
        }
        prop_assert_eq!(quote.refund(quote.lines.len(), 0, 1), None);
    }

    #[test]
    fn who_beats_whom_is_told_by_how_much(rules in some_rules(), basket in some_basket()) {
        let quote = rules.quote(&basket, &now()).unwrap();
        let known: Vec<&str> = quote.decisions.iter().map(|decision| &*decision.promotion).collect();
        for decision in &quote.decisions {
            if let Outcome::Declined(pricestream_promotion_engine::Reason::Beaten { by, by_amount }) = &decision.outcome {
                prop_assert!(known.contains(&&**by) && *by != decision.promotion);
                let exclusive = rules.promotions().any(|promotion| promotion.id == *decision.promotion && promotion.exclusive.is_some());
                prop_assert!(exclusive || *by_amount >= 0, "no unit has a priority here: {by_amount}");
            }
        }
    }

    #[test]
    fn of_promotions_that_compete_one_more_never_raises_the_price(
        lines in prop::collection::vec(some_line(), 1..6),
        effects in prop::collection::vec(some_effect(), 1..6),
    ) {
        let set = |effects: &[String]| {
            let promotions: Vec<String> = effects.iter().enumerate().map(|(number, effect)| format!(r#"{{"id":"p{number}","effect":{effect}}}"#)).collect();
            let units: Vec<String> = Effect::NAMES.iter().map(|component| format!(r#"{{"component":"{component}"}}"#)).collect();
            rule_set(&format!(r#"{{"version":1,"pipeline":[[{}]],"promotions":[{}]}}"#, units.join(","), promotions.join(",")))
        };
        let basket = with_postage(lines_of(&lines), 500);
        let pay = |rules: &RuleSet| rules.quote(&basket, &Context { ..now() }).unwrap().totals.payable;
        let (fewer, more) = (pay(&set(&effects[..effects.len() - 1])), pay(&set(&effects)));
        prop_assert!(more <= fewer, "{fewer} became {more}");
    }
    #[test]
    fn what_is_given_for_nothing_moves_no_price(
        basket in some_basket(),
        effects in prop::collection::vec(some_effect(), 1..6),
        every in 1..4_u32,
        choice: bool,
        stock in 0..5_u64,
        chosen in prop::collection::vec(0..3_usize, 0..4),
    ) {
        let discounts = effects.iter().filter(|effect| !effect.contains("gift")).enumerate();
        let discounts: Vec<String> = discounts.map(|(number, effect)| format!(r#"{{"id":"p{number}","effect":{effect}}}"#)).collect();
        let choose = if choice { "choice" } else { "automatic" };
        let gift = format!(
            r#"{{"id":"gift","effect":{{"gift":{{"gifts":[{{"sku":"L00"}},{{"sku":"mug","quantity":2}}],"choose":"{choose}","every":{{"units":{every}}}}}}}}}"#
        );
        let with: Vec<String> = std::iter::once(gift).chain(discounts.iter().cloned()).collect();
        // Without a pipeline, what is there stacks.
        let rules = |promotions: &[String]| rule_set(&format!(r#"{{"version":1,"promotions":[{}]}}"#, promotions.join(",")));
        let sku = |text: &str| pricestream_domain::Sku::new(text).unwrap();
        let mut context = now();
        context.gift_stock = [(sku("L00"), stock), (sku("mug"), stock)].into();
        context.gift_choices.insert("gift".to_owned(), chosen.iter().map(|of| sku(["L00", "mug", "cup"][*of])).collect());
        let (plain, quote) = (rules(&discounts).quote(&basket, &now()).unwrap(), rules(&with).quote(&basket, &context).unwrap());
        prop_assert_eq!((plain.totals, &plain.lines, &plain.taxes, &plain.funding), (quote.totals, &quote.lines, &quote.taxes, &quote.funding));
        let units: u64 = basket.lines.iter().map(|line| u64::from(line.quantity)).sum();
        let given = |of: &str| quote.gifts.iter().filter(|gift| gift.sku.as_str() == of).map(|gift| gift.quantity).sum::<u64>();
        prop_assert!(given("L00") <= stock && given("mug") <= stock, "no more than are left");
        let open = quote.answer().gift_offers.first().map_or(0, |offer| offer.choose);
        prop_assert!(given("L00") + given("mug") / 2 + open <= units / u64::from(every), "no more often than it is earned");
    }
    #[test]
    fn the_orders_that_a_basket_becomes_add_up_to_it(
        rules in some_rules(),
        basket in some_basket(),
        sellers in prop::collection::vec(0..4_usize, 6),
        on_top: bool,
        rate in prop::sample::select(vec![0, 900, 2_100, 10_000]),
    ) {
        let mut basket = basket;
        for (line, seller) in basket.lines.iter_mut().zip(&sellers) {
            let name = ["", "a", "b", "c"][*seller];
            let named = (!name.is_empty()).then(|| name.to_owned());
            let product = std::sync::Arc::make_mut(&mut line.product);
            (product.seller, product.warehouse, line.delivery) = (named.clone(), named.clone(), named.map(Into::into));
        }
        // The rule sets above have their tax in the prices; this one may have it on top.
        let taxed = rule_set(&format!(
            r#"{{"version":1,"policies":{{"tax":{{"prices":"exclusive","default_rate":{rate},"postage_rate":2100}}}},"promotions":[
                {{"id":"a","effect":{{"percent_off":{{"off_bp":3333}}}},"funding":[{{"party":"x","share_bp":3334}},{{"party":"y","share_bp":6666}}]}},
                {{"id":"b","effect":{{"postage":{{"off":{{"percent_bp":3333}}}}}},"funding":[{{"party":"x","share_bp":3334}},{{"party":"y","share_bp":6666}}]}}]}}"#
        ));
        let rules = if on_top { taxed } else { rules };
        let plain = rules.quote(&basket, &now()).unwrap();
        for by in [GroupBy::Seller, GroupBy::Warehouse, GroupBy::Delivery] {
            let split = rules.quote(&basket, &Context { group_by: Some(by), ..now() }).unwrap();
            prop_assert_eq!(&split.groups, &plain.grouped(&basket, by), "the same however it is asked for");
            assert_groups_add_up(&split);
            let mut unsplit = split;
            unsplit.groups.clear();
            prop_assert_eq!(&unsplit, &plain, "a split moves no price");
        }
        for line in &mut basket.lines {
            line.delivery = None;
        }
        let together = rules.quote(&basket, &now()).unwrap();
        prop_assert_eq!((together.totals, &together.decisions), (plain.totals, &plain.decisions), "nor does a label");
    }
}

proptest! {
    #[test]
    fn a_component_that_is_missing_is_as_if_its_promotions_were_not_there(
        document in some_document(""), basket in some_basket(), missing in some_components(),
    ) {
        let rules = rule_set(&document);
        let off = rules.quote(&basket, &Context { switched_off: missing.clone(), ..now() }).unwrap();
        assert_conserved(&off);
        let edge = Failing(missing.clone());
        let failed = rules.at_edge(&edge).quote(&basket, &now()).unwrap();
        prop_assert_eq!((failed.totals, &failed.lines, &failed.shares), (off.totals, &off.lines, &off.shares));
        let named = |degraded: &[pricestream_promotion_engine::Degraded]| degraded.iter().map(|of| of.component).collect::<Vec<_>>();
        prop_assert_eq!(named(&failed.degraded), named(&off.degraded));
        prop_assert!(off.degraded.iter().all(|of| missing.contains(of.component)));

        let mut fewer: serde_json::Value = serde_json::from_str(&document).unwrap();
        let there = |promotion: &serde_json::Value| promotion["effect"].as_object().unwrap().keys().all(|name| !missing.contains(name));
        fewer["promotions"].as_array_mut().unwrap().retain(there);
        let fewer = rule_set(&fewer.to_string()).quote(&basket, &now()).unwrap();
        prop_assert_eq!((off.totals, off.lines), (fewer.totals, fewer.lines));
        prop_assert!(fewer.degraded.is_empty() && fewer.sellable);

        let whole = rules.at_edge(&Failing::default()).quote(&basket, &now()).unwrap();
        prop_assert_eq!(&whole, &rules.quote(&basket, &now()).unwrap(), "an edge at which nothing fails");
        prop_assert!(whole.degraded.is_empty());
    }

    #[test]
    fn a_component_gives_all_or_nothing_however_few_steps_it_may_take(
        document in some_document(r#","degradation":{"steps":1000000}"#), basket in some_basket(), steps in 1..40_u64,
    ) {
        let few = rule_set(&document.replace("1000000", &steps.to_string())).quote(&basket, &now()).unwrap();
        assert_conserved(&few);
        let switched_off = few.degraded.iter().map(|of| of.component.to_owned()).collect();
        let off = rule_set(&document).quote(&basket, &Context { switched_off, ..now() }).unwrap();
        prop_assert_eq!((few.totals, few.lines, few.shares), (off.totals, off.lines, off.shares));
    }

    #[test]
    fn a_guard_tells_what_is_so_and_neither_it_nor_the_scenario_changes_a_price(
        document in some_document(r#","guards":{}"#),
        mut basket in some_basket(),
        (share, depth, jump) in (0..10_000_i64, 0..4_i64, 0..20_000_i64),
        (costs, shown) in (prop::collection::vec(prop::option::of(0..9_000_i64), 7), prop::collection::vec(prop::option::of(0..9_000_i64), 7)),
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
    ) {
        let money = |minor: Option<i64>| minor.map(shop::eur);
        for (line, (cost, shown)) in basket.lines.iter_mut().zip(costs.into_iter().zip(shown)) {
            std::sync::Arc::make_mut(&mut line.product).cost = money(cost);
            line.last_price = money(shown);
        }
        let guards = format!(
            r#""guards":{{"below_cost":{{"action":"flag"}},"discount_share":{{"most_bp":{share},"action":"alert"}},
            "stack_depth":{{"most":{depth},"action":"block"}},"price_jump":{{"most_bp":{jump},"action":"flag"}}}}"#
        );
        let plain = rule_set(&document).quote(&basket, &now()).unwrap();
        let quote = rule_set(&document.replace(r#""guards":{}"#, &guards)).quote(&basket, &Context { scenario, ..now() }).unwrap();
        prop_assert_eq!((plain.totals, &plain.lines, &plain.decisions), (quote.totals, &quote.lines, &quote.decisions));
        prop_assert!(plain.risks.is_empty() && plain.sellable);
        let told = |guard: Guard, line: Option<&str>| quote.risks.iter().any(|risk| risk.guard == guard && risk.line.as_deref() == line);
        for (place, line) in basket.lines.iter().enumerate() {
            let id = Some(&*line.id);
            let below = line.product.cost.is_some_and(|cost| quote.units(place).iter().any(|units| units.payable < cost.minor));
            prop_assert_eq!(told(Guard::BelowCost, id), below);
            prop_assert_eq!(told(Guard::StackDepth, id), i64::try_from(quote.shares_of(place).count()).unwrap() > depth);
            let far = line.last_price.is_some_and(|last| {
                let before = last.minor * i64::from(line.quantity);
                let moved = (quote.lines[place].payable - before).abs();
                moved * 10_000 > before.max(i64::from(line.quantity)) * jump
            });
            prop_assert_eq!(told(Guard::PriceJump, id), far);
        }
        prop_assert_eq!(told(Guard::DiscountShare, None), quote.totals.goods_off * 10_000 > quote.totals.goods * share);
        prop_assert!(quote.risks.iter().all(|risk| (risk.actual.abs() > risk.limit) != (risk.guard == Guard::BelowCost)));
        prop_assert_eq!(quote.sellable, !quote.risks.iter().any(|risk| risk.guard == Guard::StackDepth));
    }

    #[test]
    fn an_item_is_browsed_for_what_a_quote_of_it_says(
        rules in some_rules(),
        lines in prop::collection::vec(some_line(), 1..4),
        missing in some_components(),
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
        left in prop::option::of(0..12_u64),
    ) {
        let mut lines = lines_of(&lines);
        for line in &mut lines {
            line.quantity = 1;
            line.stock_left = left;
        }
        let context = Context { switched_off: missing, scenario, ..now() };
        let answer = rules.browse(&lines.iter().cloned().map(shop::item).collect::<Vec<_>>(), &context, true);
        prop_assert_eq!(answer.items.len(), lines.len());
        for (item, line) in answer.items.iter().zip(&lines) {
            let priced = item.price().unwrap();
            let quoted = |quantity: u32| {
                let alone = shop::basket(vec![Line { quantity, ..line.clone() }]);
                let answer = rules.quote(&alone, &context).unwrap().answer();
                prop_assert!(quantity > 1 || (&answer.degraded, answer.sellable) == (&priced.degraded, priced.sellable));
                Ok(answer)
            };
            let one = quoted(1)?;
            let of_line = &one.lines[0];
            prop_assert_eq!((priced.original, priced.payable, priced.tax), (of_line.original, of_line.payable, of_line.tax));
            let applied = one.promotions.iter().filter(|promotion| promotion.declined.is_none());
            prop_assert_eq!(
                priced.promotions.iter().map(|id| &**id).collect::<Vec<_>>(),
                applied.map(|promotion| promotion.promotion.as_str()).collect::<Vec<_>>()
            );
            prop_assert_eq!(priced.until, None, "there are no windows here");
            if let Some(from) = priced.from {
                prop_assert_eq!(from.payable, quoted(from.quantity)?.lines[0].payable);
                let quantity = i64::from(from.quantity);
                prop_assert_eq!(from.each.minor, (2 * from.payable.minor + quantity) / (2 * quantity), "half up");
                prop_assert!(from.each.minor < priced.payable.minor && left.is_none_or(|left| u64::from(from.quantity) <= left));
            }
        }
    }
}

/// The laws say nothing of a kind that never applies: here is how often each does.
#[test]
fn every_kind_applies_to_many_of_the_baskets() {
    let mut runner = TestRunner::deterministic();
    let mut times: BTreeMap<String, u32> = Effect::NAMES.iter().map(|kind| ((*kind).to_owned(), 0)).collect();
    for _ in 0..1_000 {
        let (rules, basket) = (some_rules(), some_basket()).new_tree(&mut runner).unwrap().current();
        for decision in rules.quote(&basket, &now()).unwrap().decisions {
            if let Outcome::Applied { off, gifts, .. } = &decision.outcome
                && (*off > 0 || gifts.is_some())
            {
                let promotion = rules.promotions().find(|promotion| *promotion.id == *decision.promotion).unwrap();
                *times.get_mut(promotion.effect.component()).unwrap() += 1;
            }
        }
    }
    assert!(times.values().all(|times| *times >= 10), "{times:?}");
}
