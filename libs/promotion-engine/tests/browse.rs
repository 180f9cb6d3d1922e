//! Prices of lists: what a unit costs, until when, and from which price more units go.

mod shop;

use std::collections::BTreeSet;

use pricestream_domain::{Currency, Money};
use pricestream_promotion_engine::{
    BasketError, BrowseError, Browsed, BrowsedPrice, Context, Found, FromPrice, LeftOut, Line, MAX_BROWSED, RuleSet, Scenario,
};
use shop::{Failing, at, basket, eur, item, line, now, of_category, rule_set};

fn browse_one(rules: &RuleSet, found: Found) -> BrowsedPrice {
    let answer = rules.browse(&[found], &now(), true);
    answer.items[0].price().unwrap().clone()
}

#[test]
fn it_goes_from_the_lowest_average_of_few_units() {
    let coupled = r#"{"id":"three","effect":{"n_for_price":{"units":3,"price":{"minor":500,"currency":"EUR"}}}}"#;
    let none = None;
    for (promotions, price, stock, expected, why) in [
        (coupled, 200, None, Some((3, 500, 167)), "three for 5.00 are 1.67 each"),
        (coupled, 200, Some(2), none, "two are left"),
        (coupled, 200, Some(3), Some((3, 500, 167)), "three are"),
        (coupled, 100, None, none, "a set would cost more"),
        (
            r#"{"id":"tiers","effect":{"quantity_tiers":{"tiers":[{"from":2,"off":{"percent_bp":500}},{"from":6,"off":{"percent_bp":1000}},{"from":120,"off":"free"}]}}}"#,
            1_000,
            None,
            Some((6, 5_400, 900)),
            "the best tier up to 100 units",
        ),
        (
            r#"{"id":"get","effect":{"buy_x_get_y":{"buy":2,"get":1,"off":"free"}}}"#,
            1_000,
            None,
            Some((3, 2_000, 667)),
            "half up",
        ),
        (
            r#"{"id":"groups","effect":{"quantity_groups":{"units":4,"off":{"percent_bp":2500}}}}"#,
            100,
            None,
            Some((4, 300, 75)),
            "a group",
        ),
        (r#"{"id":"second","effect":{"nth_unit":{"nth":2,"off":{"percent_bp":5000}}}}"#, 100, None, Some((2, 150, 75)), "a pair"),
        (r#"{"id":"free","effect":{"cheapest_free_in_group":{"units":5}}}"#, 100, None, Some((5, 400, 80)), "a group"),
        (
            r#"{"id":"one","effect":{"cheapest_units":{"units":1,"off":"free","of_at_least":4}}}"#,
            100,
            None,
            Some((4, 300, 75)),
            "as many as have to be bought",
        ),
        (
            r#"{"id":"more","effect":{"first_and_additional":{"additional":{"percent_bp":1000}}}}"#,
            100,
            None,
            Some((2, 190, 95)),
            "from the second on",
        ),
        (
            r#"{"id":"pair","effect":{"bundle":{"slots":[{"name":"a","items":{"include":[{"skus":["A"]}]}},{"name":"b","items":{"include":[{"skus":["A"]}]}}],"off":{"percent_bp":1000}}}}"#,
            100,
            None,
            Some((2, 180, 90)),
            "both slots are this item",
        ),
        (
            r#"{"id":"save","effect":{"spend_and_save":{"steps":{"tiers":[{"from":{"minor":5000,"currency":"EUR"},"off":{"percent_bp":2000}}]}}}}"#,
            1_999,
            None,
            Some((3, 4_798, 1_599)),
            "three reach 50.00",
        ),
        (
            r#"{"id":"full","effect":{"spend_and_save":{"steps":{"every_full":{"spend":{"minor":100,"currency":"EUR"},"off":{"minor":10,"currency":"EUR"}}}}}}"#,
            30,
            None,
            Some((7, 190, 27)),
            "seven make two full hundreds; ten make three, and are 0.14 cheaper each, which nobody is shown",
        ),
        (
            r#"{"id":"when","effect":{"percent_off":{"off_bp":1000}},"when":{"any":[{"quantity":{"at_least":7}},{"spend":{"at_least":{"minor":450,"currency":"EUR"}}}]}}"#,
            100,
            None,
            Some((5, 450, 90)),
            "what a condition asks for, the fewest units of equal averages",
        ),
        (r#"{"id":"all","effect":{"percent_off":{"off_bp":1000}}}"#, 100, None, none, "one unit is as cheap"),
        (
            r#"{"id":"later","effect":{"n_for_price":{"units":3,"price":{"minor":1,"currency":"EUR"}}},"window":{"from":"2026-11-12T00:00:00Z"}}"#,
            100,
            None,
            none,
            "not yet",
        ),
        (
            r#"{"id":"cent","effect":{"amount_off":{"amount":{"minor":1,"currency":"EUR"},"per":"matching"}},"when":{"quantity":{"at_least":3}}}"#,
            100,
            None,
            none,
            "99.67 each are 1.00",
        ),
    ] {
        let rules = rule_set(&format!(r#"{{"version":1,"promotions":[{promotions}]}}"#));
        let mut found = item(line("A", 1, price, ""));
        found.stock_left = stock;
        let from = browse_one(&rules, found.clone()).from;
        let expected = expected.map(|(quantity, payable, each)| FromPrice { quantity, payable: eur(payable), each: eur(each) });
        assert_eq!(from, expected, "{why}: {promotions}");
        let plain = rules.browse(&[found], &now(), false);
        assert_eq!(plain.items[0].price().unwrap().from, None, "nobody asked");
    }
}

#[test]
fn what_it_goes_from_is_the_lowest_average_of_all_quantities_where_units_and_amounts_to_spend_meet() {
    let tier = |from: u32, off_bp: u32| format!(r#"{{"from":{from},"off":{{"percent_bp":{off_bp}}}}}"#);
    let tiers = |tiers: &[String]| format!(r#"{{"id":"tiers","effect":{{"quantity_tiers":{{"tiers":[{}]}}}}}}"#, tiers.join(","));
    let spend = |id: &str, minor: i64, off_bp: u32| {
        format!(
            r#"{{"id":"{id}","effect":{{"percent_off":{{"off_bp":{off_bp}}}}},"when":{{"spend":{{"at_least":{{"minor":{minor},"currency":"EUR"}}}}}}}}"#
        )
    };
    let pipeline = r#"[[{"component":"quantity_tiers"}],[{"component":"percent_off","take":"stack"}]]"#;
    for (promotions, price, expected) in [
        // Six units cost 45.00, seven 52.50: 50.00 are not reached where they would be at 10.00 each.
        (vec![tiers(&[tier(6, 2_500)]), spend("rich", 5_000, 1_000)], 1_000, 7),
        (vec![tiers(&[tier(6, 2_500)]), spend("rich", 5_000, 1_000)], 830, 9),
        (vec![tiers(&[tier(3, 1_000), tier(6, 5_000)]), spend("rich", 5_000, 1_000)], 1_000, 10),
        // One amount after the other.
        (vec![tiers(&[tier(4, 5_000)]), spend("rich", 4_000, 1_000), spend("richer", 6_000, 2_000)], 1_000, 14),
        (vec![spend("rich", 5_000, 1_000)], 1_000, 5),
        (vec![tiers(&[tier(6, 2_500)])], 1_000, 6),
    ] {
        let rules = rule_set(&format!(r#"{{"version":1,"pipeline":{pipeline},"promotions":[{}]}}"#, promotions.join(",")));
        let from = browse_one(&rules, item(line("A", 1, price, ""))).from.unwrap();
        let all = (1..=100).map(|quantity| {
            let quote = rules.quote(&basket(vec![line("A", quantity, price, "")]), &now()).unwrap();
            (quantity, quote.lines[0].payable)
        });
        let each = |payable: i64, quantity: u32| (payable * 2 + i64::from(quantity)) / (i64::from(quantity) * 2);
        let best = all.map(|(quantity, payable)| (each(payable, quantity), quantity)).min().unwrap();
        assert_eq!((from.each.minor, from.quantity), best, "{promotions:?}");
        assert_eq!(from.quantity, expected, "{promotions:?}");
    }
}

#[test]
fn what_may_not_be_sold_is_not_what_it_goes_from() {
    let promotions = r#"
        {"id":"two","effect":{"nth_unit":{"nth":2,"off":{"percent_bp":2000}}}},
        {"id":"five","effect":{"n_for_price":{"units":5,"price":{"minor":100,"currency":"EUR"}}}}"#;
    let with =
        |guards: &str| rule_set(&format!(r#"{{"version":1,"policies":{{"guards":{guards}}},"promotions":[{promotions}]}}"#));
    let from =
        |rules: &RuleSet| browse_one(rules, item(line("A", 1, 100, ""))).from.map(|from| (from.quantity, from.payable.minor));
    assert_eq!(from(&with("{}")), Some((5, 100)));
    assert_eq!(from(&with(r#"{"discount_share":{"most_bp":5000,"action":"alert"}}"#)), Some((5, 100)));
    assert_eq!(from(&with(r#"{"discount_share":{"most_bp":5000,"action":"block"}}"#)), Some((2, 180)));
}

#[test]
fn an_item_that_cannot_be_priced_leaves_the_others_alone() {
    let rules = rule_set(r#"{"version":1,"promotions":[{"id":"p","effect":{"percent_off":{"off_bp":1000}}}]}"#);
    let mut foreign = item(line("B", 1, 1_000, ""));
    foreign.unit_price = Money::new(1_000, Currency::USD);
    let mut negative = item(line("C", 1, 1_000, ""));
    negative.unit_price.minor = -1;
    let answer = rules.browse(&[item(line("A", 1, 1_000, "")), foreign, negative, item(line("D", 1, 5, ""))], &now(), true);
    let errors: Vec<Option<&BrowseError>> =
        answer.items.iter().map(|item| item.price().err().map(|refused| &refused.error)).collect();
    let mixed = BasketError::MixedCurrencies { line: "B".to_owned(), found: Currency::EUR, currency: Currency::USD }.into();
    assert_eq!(errors, [None, Some(&mixed), Some(&BasketError::Negative("C".to_owned()).into()), None]);
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["items"][0]["payable"], serde_json::json!({ "minor": 900, "currency": "EUR" }));
    assert_eq!(json["items"][1], serde_json::json!({ "sku": "B", "error": mixed.to_string() }));

    let many: Vec<Found> = (0..=MAX_BROWSED).map(|_| item(line("A", 1, 1_000, ""))).collect();
    let answer = rules.browse(&many, &now(), false);
    let refused: Vec<&Browsed> = answer.items.iter().filter(|item| item.price().is_err()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(answer.items[MAX_BROWSED].price().unwrap_err().error, BrowseError::TooManyItems(MAX_BROWSED + 1));
}

#[test]
fn an_item_of_any_worth_is_priced_or_refused() {
    let rules = rule_set(
        r#"{"version":1,"promotions":[
        {"id":"tiers","effect":{"quantity_tiers":{"tiers":[{"from":100,"off":{"percent_bp":100}}]}}},
        {"id":"rich","effect":{"percent_off":{"off_bp":1}},"when":{"spend":{"at_least":{"minor":9223372036854775807,"currency":"EUR"}}}}]}"#,
    );
    // Half of 64 bits hold a basket at its prices and at list prices together: one unit of up to a quarter, a hundred of a hundredth of it.
    let most = i64::MAX / 4;
    for price in [1, most / 100, most / 100 + 1, most, most + 1, i64::MAX] {
        let answer = rules.browse(&[item(line("A", 1, price, ""))], &now(), true);
        match answer.items[0].price() {
            Ok(priced) => assert_eq!((priced.payable.minor, priced.from.is_some()), (price, price == most / 100)),
            Err(refused) => assert_eq!((price > most, &refused.error), (true, &BasketError::Overflow.into())),
        }
    }
}

#[test]
fn it_holds_until_a_window_opens_or_closes_that_concerns_it() {
    let rules = rule_set(
        r#"{"version":1,"promotions":[
        {"id":"toys","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"categories":["toys"]}]},
         "window":{"from":"2026-11-11T00:00:00Z","until":"2026-11-12T00:00:00Z"}},
        {"id":"books","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"categories":["books"]}]},
         "when":{"window":{"hours":[{"from":"18:00","until":"20:00"}]}}},
        {"id":"dear","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"categories":["books"]}]},
         "window":{"from":"2026-12-01T00:00:00Z"}}]}"#,
    );
    let items: Vec<Found> = ["toys", "books", "tea"].map(|category| item(of_category("A", 1, 1_000, category))).into();
    let answer = rules.browse(&items, &now(), false);
    let until: Vec<_> = answer.items.iter().map(|item| item.price().unwrap().until).collect();
    assert_eq!(until, [Some(at("2026-11-12T00:00:00Z")), Some(at("2026-11-11T18:00:00Z")), None]);
}

#[test]
fn an_item_is_told_what_it_does_without_and_whether_it_is_for_sale() {
    let rules = rule_set(
        r#"{"version":1,"policies":{"degradation":{"sold_in":["order"]},"guards":{"price_jump":{"most_bp":100,"action":"alert"}}},
        "promotions":[{"id":"toys","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"categories":["toys"]}]}}]}"#,
    );
    let edge = Failing(BTreeSet::from(["percent_off".to_owned()]));
    let mut seen: Line = of_category("A", 1, 1_000, "toys");
    seen.last_price = Some(eur(900));
    let items = [item(seen), item(line("B", 1, 1_000, ""))];
    let order = Context { scenario: Scenario::Order, ..now() };
    let answer = rules.at_edge(&edge).browse(&items, &order, false);
    let [toy, other] = [0, 1].map(|place| answer.items[place].price().unwrap());
    assert_eq!(
        (toy.payable, toy.degraded[0].why, toy.sellable),
        (eur(1_000), LeftOut::Failed, false),
        "browsing it is, not ordering"
    );
    assert_eq!(toy.risks[0].why, "a unit costs 11.12 % above what was shown last, more than 1 %");
    assert!(other.degraded.is_empty() && other.risks.is_empty() && other.sellable);
    assert_eq!(rules.browse(&items, &order, false).items[0].price().unwrap().promotions, ["toys".into()]);
}
