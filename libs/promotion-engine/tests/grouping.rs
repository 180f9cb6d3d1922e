//! The orders that a shop makes of one basket: what each of them costs.

mod shop;

use std::sync::Arc;

use pricestream_promotion_engine::{Context, Found, Group, GroupBy, Line, Quote, QuoteRequest, RuleSet};
use shop::{assert_conserved, assert_groups_add_up, basket, eur, line, now, rule_set, with_postage};

fn of(seller: &str, id: &str, quantity: u32, price: i64) -> Line {
    line(id, quantity, price, &format!(r#","seller":"{seller}","warehouse":"w-{seller}","tax_class":"{seller}""#))
}

/// A fifth off everything, paid by two, and half of the postage; taxes by seller.
fn sale(prices: &str) -> RuleSet {
    let funding = r#","funding":[{"party":"brand","share_bp":5000},{"party":"shop","share_bp":5000}]"#;
    rule_set(&format!(
        r#"{{"version":1,"policies":{{"tax":{{"prices":"{prices}","rates":{{"a":900,"b":2100}},"postage_rate":2100}}}},"promotions":[
            {{"id":"fifth","effect":{{"percent_off":{{"off_bp":2000}}}}{funding}}},
            {{"id":"half-postage","effect":{{"postage":{{"off":{{"percent_bp":5000}}}}}}{funding}}}]}}"#
    ))
}

fn split(rules: &RuleSet, lines: Vec<Line>, postage: i64, by: GroupBy) -> Quote {
    let quote = rules.quote(&with_postage(lines, postage), &Context { group_by: Some(by), ..now() }).unwrap();
    assert_conserved(&quote);
    assert_groups_add_up(&quote);
    quote
}

fn sums(group: &Group) -> (Option<&str>, i64, i64, i64, i64) {
    let postage = group.postage.as_ref().unwrap();
    (group.key.as_deref(), group.goods - group.goods_off, postage.original, postage.payable, group.payable)
}

#[test]
fn a_basket_becomes_an_order_for_each_seller() {
    let lines = || vec![of("b", "B", 1, 2_000), of("a", "A", 3, 500), line("own", 1, 100, "")];
    for by in [GroupBy::Seller, GroupBy::Warehouse] {
        let quote = split(&sale("inclusive"), lines(), 501, by);
        let keys = if by == GroupBy::Seller { ["a", "b"] } else { ["w-a", "w-b"] };
        // 251 are off the postage, 250 are paid, by 80 : 1200 : 1600: 6.94, 104.17, 138.89; of what is off 6.97, 104.58, 139.44.
        let expected = [(None, 80, 14, 7, 87), (Some(keys[0]), 1_200, 209, 104, 1_304), (Some(keys[1]), 1_600, 278, 139, 1_739)];
        assert_eq!(quote.groups.iter().map(sums).collect::<Vec<_>>(), expected);
        assert_eq!(quote.groups[1].lines, [1]);
        let taxes: Vec<(u16, i64, i64)> = quote.groups[1].taxes.iter().map(|of| (of.rate.get(), of.net, of.tax)).collect();
        // 1200 holds 99.08 at 9 %; of the 43 in the postage 17.89.
        assert_eq!(taxes, [(900, 1_101, 99), (2_100, 86, 18)]);
        assert_eq!(quote.groups[1].promotions.iter().map(|(_, off)| *off).collect::<Vec<_>>(), [300, 105]);
        let funding: Vec<(&str, i64)> = quote.groups[1].funding.iter().map(|(party, pays)| (&**party, *pays)).collect();
        assert_eq!(funding, [("brand", 203), ("shop", 202)]);
    }
}

#[test]
fn tax_on_top_is_split_too() {
    let quote = split(&sale("exclusive"), vec![of("a", "A", 3, 500), of("b", "B", 1, 2_000)], 501, GroupBy::Seller);
    // 1200 and 108 of it, 107 of postage and 23 of the 53 on 250.
    let found: Vec<(i64, i64)> = quote.groups.iter().map(|group| (group.payable, group.tax)).collect();
    assert_eq!(found, [(1_200 + 108 + 107 + 23, 131), (1_600 + 336 + 143 + 30, 366)]);
}

#[test]
fn no_group_pays_more_tax_on_postage_than_postage() {
    let rules = rule_set(r#"{"version":1,"policies":{"tax":{"prices":"exclusive","postage_rate":9091}}}"#);
    // 11 by 6 : 6 : 2 are 5, 5 and 1. The tax of 10 would be 4, 4 and 2 by the same weights.
    let quote = split(&rules, vec![of("a", "A", 1, 600), of("b", "B", 1, 600), of("c", "C", 1, 200)], 11, GroupBy::Seller);
    let shares: Vec<(i64, i64)> =
        quote.groups.iter().filter_map(|group| group.postage.as_ref()).map(|postage| (postage.payable, postage.tax)).collect();
    assert_eq!(shares, [(5, 5), (5, 4), (1, 1)]);
}

#[test]
fn postage_goes_by_what_goods_cost_and_to_the_first_where_all_are_free() {
    let rules = |off: u32| {
        rule_set(&format!(r#"{{"version":1,"promotions":[{{"id":"off","effect":{{"percent_off":{{"off_bp":{off}}}}}}}]}}"#))
    };
    for (off, prices, postage, expected, why) in [
        (1, [300, 300], 501, [251, 250], "of equal remainders to the earlier key"),
        (1, [900, 300], 500, [375, 125], "in proportion"),
        (10_000, [900, 300], 500, [500, 0], "all goods are free"),
        (10_000, [900, 300], 0, [0, 0], "and postage too"),
    ] {
        let lines = vec![of("b", "B", 1, prices[1]), of("a", "A", 1, prices[0])];
        let quote = split(&rules(off), lines, postage, GroupBy::Seller);
        let shares: Vec<i64> = quote.groups.iter().map(|group| group.postage.as_ref().unwrap().payable).collect();
        assert_eq!(shares, expected, "{why}");
    }
    let unknown =
        rules(1).quote(&basket(vec![of("a", "A", 1, 300)]), &Context { group_by: Some(GroupBy::Seller), ..now() }).unwrap();
    assert_eq!((unknown.groups[0].postage.as_ref(), unknown.groups[0].payable), (None, 300));
}

#[test]
fn deliveries_are_labels_of_the_request() {
    let find = |sku: &pricestream_domain::Sku| {
        let product = line(sku, 1, 1_000, "").product;
        Some(Found { product: Arc::clone(&product), unit_price: eur(1_000), stock_left: None, last_price: None })
    };
    let answer = |more: &str| {
        let request = format!(
            r#"{{"at":"2026-11-11T12:00:00Z","lines":[{{"sku":"A","delivery":"today"}},{{"sku":"B"}},{{"sku":"C","delivery":"monday"}},
                {{"id":"A2","sku":"A","delivery":"monday"}}],"postage":{{"amount":{{"minor":100,"currency":"EUR"}}}}{more}}}"#
        );
        let request: QuoteRequest = serde_json::from_str(&request).unwrap();
        let (basket, context) = request.resolve(now().at, find).unwrap();
        sale("inclusive").quote(&basket, &context).unwrap().answer()
    };
    let grouped = answer(r#","group_by":"delivery""#);
    let groups: Vec<(Option<&str>, Vec<&str>)> =
        grouped.groups.iter().map(|group| (group.key.as_deref(), group.lines.iter().map(String::as_str).collect())).collect();
    assert_eq!(groups, [(None, vec!["B"]), (Some("monday"), vec!["C", "A2"]), (Some("today"), vec!["A"])]);
    assert_eq!(grouped.groups.iter().map(|group| group.payable.minor).collect::<Vec<_>>(), [813, 1_625, 812]);
    let plain = answer("");
    assert_eq!((plain.payable, plain.groups.len()), (grouped.payable, 0));
    assert!(serde_json::from_str::<QuoteRequest>(r#"{"lines":[],"group_by":"colour"}"#).is_err());
}
