//! Refunds of orders: whatever comes back, and in whatever parts, adds up to what was paid.

mod shop;

use std::collections::BTreeMap;

use pricestream_promotion_engine::{OrderRefund, Quote, RefundError};
use proptest::prelude::*;
use shop::{line, now, rule_set, with_postage};

/// Tax of 21 % on goods of the class "high", of 9 % on the others and on postage; `prices` contain it or do not.
fn quote(prices: &str, promotions: &str, lines: &[(u32, i64)], postage: i64) -> Quote {
    let rules = rule_set(&format!(
        r#"{{"version":1,"policies":{{"tax":{{"prices":"{prices}","rates":{{"high":2100}},"default_rate":900,"postage_rate":900}}}},
            "promotions":[{promotions}]}}"#
    ));
    let class = |place: usize| if place == 0 { r#","tax_class":"high""# } else { "" };
    let lines = lines.iter().enumerate();
    let lines = lines.map(|(place, (units, price))| line(&format!("l{place}"), *units, *price, class(place))).collect();
    rules.quote(&with_postage(lines, postage), &now()).unwrap()
}

fn units(of: &[(&str, u32)]) -> BTreeMap<String, u32> {
    of.iter().map(|(line, units)| ((*line).to_owned(), *units)).collect()
}

fn refund(quote: &Quote, returned: &[(&str, u32)], lines: &[(&str, u32)]) -> Result<OrderRefund, RefundError> {
    quote.paid().refund(&units(returned), &units(lines))
}

#[test]
fn the_dearest_units_are_paid_back_first_and_postage_with_the_last() {
    // Three for 20.00 are 6.67, 6.67 and 6.66; 3.00 for the other line; 4.95 postage.
    let three = r#"{"id":"three","effect":{"n_for_price":{"units":3,"price":{"minor":2000,"currency":"EUR"}}},
        "items":{"include":[{"skus":["l0"]}]}}"#;
    for (prices, expected) in [
        // 21 % in 6.67 and then in 20.00, less what was given back before; 9 % in 3.00 and in 4.95.
        ("inclusive", [(667, 115), (1_333, 232), (300 + 495, 25 + 41)]),
        ("exclusive", [(667 + 140, 140), (1_333 + 280, 280), (300 + 27 + 495 + 45, 27 + 45)]),
    ] {
        let quote = quote(prices, three, &[(3, 1_000), (1, 300)], 495);
        let parts = [
            refund(&quote, &[], &[("l0", 1)]),
            refund(&quote, &[("l0", 1)], &[("l0", 2)]),
            refund(&quote, &[("l0", 3)], &[("l1", 1)]),
        ];
        let parts = parts.map(Result::unwrap);
        assert_eq!(parts.each_ref().map(|part| (part.total.minor, part.tax.minor)), expected, "{prices}");
        let postage = parts.each_ref().map(|part| part.postage.as_ref().map(|postage| postage.payable.minor));
        assert_eq!(postage, [None, None, Some(495)], "{prices}");
        assert_eq!(parts.iter().map(|part| part.total.minor).sum::<i64>(), quote.totals.payable, "{prices}");
        let at_once = refund(&quote, &[], &[("l0", 3), ("l1", 1)]).unwrap();
        assert_eq!((at_once.total.minor, at_once.tax.minor), (quote.totals.payable, quote.totals.tax), "{prices}");
    }
}

#[test]
fn what_cannot_come_back_is_refused() {
    let quote = quote("inclusive", "", &[(3, 1_000), (1, 300)], 495);
    let too_many = |line: &str, quantity, returned, asked| {
        Err(RefundError::TooManyUnits { line: line.to_owned(), quantity, returned, asked })
    };
    for (returned, lines, expected) in [
        (&[][..], &[][..], Err(RefundError::Nothing)),
        (&[("l0", 1)], &[("l0", 0)], Err(RefundError::Nothing)),
        (&[], &[("l2", 1)], Err(RefundError::UnknownLine("l2".to_owned()))),
        (&[("l2", 0)], &[("l0", 1)], Err(RefundError::UnknownLine("l2".to_owned()))),
        (&[], &[("l0", 4)], too_many("l0", 3, 0, 4)),
        (&[("l0", 2)], &[("l0", 2)], too_many("l0", 3, 2, 2)),
        (&[("l0", 4)], &[("l1", 1)], too_many("l0", 3, 4, 0)),
        (&[("l0", u32::MAX)], &[("l0", u32::MAX)], too_many("l0", 3, u32::MAX, u32::MAX)),
    ] {
        assert_eq!(refund(&quote, returned, lines), expected, "{returned:?} {lines:?}");
    }
    assert_eq!(refund(&quote, &[("l1", 1)], &[("l0", 1), ("l1", 0)]).unwrap().lines.len(), 1, "none of a line is no line");
}

fn some_promotions() -> impl Strategy<Value = String> {
    let percent = (1..10_000_u32).prop_map(|bp| format!(r#"{{"id":"percent","effect":{{"percent_off":{{"off_bp":{bp}}}}}}}"#));
    let money = |minor: i64| format!(r#"{{"minor":{minor},"currency":"EUR"}}"#);
    let amount = (1..5_000_i64).prop_map(move |minor| {
        format!(r#"{{"id":"amount","effect":{{"amount_off":{{"amount":{},"per":"order"}}}}}}"#, money(minor))
    });
    let for_price = (2..4_u32, 0..3_000_i64).prop_map(move |(units, minor)| {
        format!(r#"{{"id":"set","effect":{{"n_for_price":{{"units":{units},"price":{}}}}}}}"#, money(minor))
    });
    prop::collection::vec(prop_oneof![percent, amount, for_price], 0..3).prop_map(|mut all| {
        all.sort();
        all.dedup_by_key(|json| json[..12].to_owned());
        all.join(",")
    })
}

proptest! {
    #[test]
    fn all_refunds_of_an_order_add_up_to_what_was_paid_in_whatever_parts_it_comes_back(
        inclusive: bool,
        promotions in some_promotions(),
        lines in prop::collection::vec((1..6_u32, 1..20_000_i64), 1..5),
        postage in 0..2_000_i64,
        // Which unit of those that are out comes back next, and whether together with the one before.
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 30),
    ) {
        let quote = quote(if inclusive { "inclusive" } else { "exclusive" }, &promotions, &lines, postage);
        let paid = quote.paid();
        let mut out: Vec<String> =
            quote.lines.iter().flat_map(|line| std::iter::repeat_n(line.id.to_string(), line.quantity as usize)).collect();
        let (mut returned, mut now) = (BTreeMap::new(), BTreeMap::new());
        let (mut total, mut tax, mut postages) = (0, 0, 0);
        for (next, together) in order {
            if out.is_empty() {
                break;
            }
            *now.entry(out.swap_remove(next.index(out.len()))).or_insert(0) += 1;
            if together && !out.is_empty() {
                continue;
            }
            let refund = paid.refund(&returned, &now).unwrap();
            let of_lines: i64 = refund.lines.iter().map(|line| line.payable.minor).sum();
            prop_assert!(refund.lines.iter().all(|line| line.payable.minor >= 0 && line.tax.minor >= 0));
            prop_assert_eq!(refund.postage.is_some(), out.is_empty(), "with the last units, and with no others");
            let of_postage = refund.postage.as_ref().map_or(0, |postage| postage.payable.minor);
            let on_top = if inclusive { 0 } else { refund.tax.minor };
            prop_assert_eq!(refund.total.minor, of_lines + of_postage + on_top);
            total += refund.total.minor;
            tax += refund.tax.minor;
            postages += i64::from(refund.postage.is_some());
            for (line, units) in std::mem::take(&mut now) {
                *returned.entry(line).or_insert(0) += units;
            }
        }
        prop_assert!(out.is_empty(), "all of it came back");
        prop_assert_eq!((total, tax, postages), (quote.totals.payable, quote.totals.tax, 1));
        let every: BTreeMap<String, u32> = quote.lines.iter().map(|line| (line.id.to_string(), line.quantity)).collect();
        prop_assert_eq!(&returned, &every);
        prop_assert_eq!(paid.refund(&BTreeMap::new(), &every).unwrap().total.minor, quote.totals.payable, "at once");
    }
}
