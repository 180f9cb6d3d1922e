//! django-oscar. `tests/integration/offer` of django-oscar/django-oscar.
//!
//! Not matched: an offer there may be applied again with what it left, by a mix of units that depends on their order in the
//! basket; and a fixed price takes the cheapest units that make it up, here the dearest.

use crate::case::{Case, PLAIN, agree, eur, off_order};
use crate::shop::{now, taken};

/// Discounts and parts are rounded down, the last line takes the rest.
const OSCAR: &str = r#"{"odd_cents":"last_rounded_down","basket_rounding":{"mode":"down"}}"#;

#[test]
fn an_absolute_discount_is_shared() {
    // test_absolute_benefit.py
    let three = off_order("three", 300, r#","when":{"quantity":{"over":"order","at_least":2}}"#);
    let four = off_order("four", 400, "");
    agree(
        OSCAR,
        &[
            Case { what: "two of a line", promotions: &[&three], lines: &[("a", 2, 1_200)], off: &[300], ..PLAIN },
            Case {
                what: "two lines",
                promotions: &[&three],
                lines: &[("a", 1, 1_200), ("b", 1, 1_200)],
                off: &[150, 150],
                ..PLAIN
            },
            Case {
                what: "no more than they cost",
                promotions: &[&three],
                lines: &[("a", 1, 100), ("b", 1, 150)],
                off: &[100, 150],
                ..PLAIN
            },
            Case { what: "one is too few", promotions: &[&three], lines: &[("a", 1, 1_200)], off: &[0], ..PLAIN },
            Case {
                what: "4.00 by three",
                promotions: &[&four],
                lines: &[("a", 1, 200), ("b", 1, 200), ("c", 1, 200)],
                off: &[133, 133, 134],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn at_most_so_many_of_the_cheapest_are_affected() {
    // test_absolute_benefit.py, test_percentage_benefit.py: max_affected_items 1, two to be bought
    let cheapest =
        |off: &str| format!(r#"{{"id":"one","effect":{{"cheapest_units":{{"units":1,"off":{off},"of_at_least":2}}}}}}"#);
    let three = cheapest(&format!(r#"{{"amount":{}}}"#, eur(300)));
    let fifth = cheapest(r#"{"percent_bp":2000}"#);
    agree(
        OSCAR,
        &[
            Case { what: "3.00 off one of two", promotions: &[&three], lines: &[("a", 2, 1_200)], off: &[300], ..PLAIN },
            Case {
                what: "off one of four",
                promotions: &[&three],
                lines: &[("a", 2, 1_200), ("b", 2, 1_000)],
                off: &[0, 300],
                ..PLAIN
            },
            Case {
                what: "which costs 1.00",
                promotions: &[&three],
                lines: &[("a", 2, 200), ("b", 2, 100)],
                off: &[0, 100],
                ..PLAIN
            },
            Case { what: "20 % of one", promotions: &[&fifth], lines: &[("a", 2, 1_200)], off: &[240], ..PLAIN },
            Case {
                what: "of the cheapest",
                promotions: &[&fifth],
                lines: &[("a", 2, 1_200), ("b", 2, 2_000)],
                off: &[240, 0],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn so_many_for_a_fixed_price_once() {
    // test_fixed_price_benefit.py: three for 20.00
    let promotion = format!(r#"{{"id":"fixed","effect":{{"n_for_price":{{"units":3,"price":{},"max_times":1}}}}}}"#, eur(2_000));
    for (what, lines, off) in [
        ("18.00 is less", &[("a", 3, 600)][..], &[0][..]),
        ("15.00 of 20.00 too", &[("a", 4, 500)], &[0]),
        ("24.00 of 32.00", &[("a", 4, 800)], &[400]),
        ("1.00 by three", &[("a", 1, 700), ("b", 1, 700), ("c", 1, 700)], &[33, 33, 34]),
    ] {
        agree(OSCAR, &[Case { what, promotions: &[&promotion], lines, off, ..PLAIN }]);
    }
}

#[test]
fn the_cheapest_of_a_multibuy_is_free_and_uses_up_the_others() {
    // test_multibuy_benefit.py: one of three is free
    let promotion = r#"{"id":"free","effect":{"buy_x_get_y":{"buy":2,"get":1,"off":"free","max_times":1}}}"#;
    for (what, lines, off) in
        [("of three", &[("a", 3, 1_200)][..], &[1_200][..]), ("of eight", &[("a", 4, 400), ("b", 4, 200)], &[0, 200])]
    {
        agree(OSCAR, &[Case { what, promotions: &[promotion], lines, off, ..PLAIN }]);
    }
    // test_combination.py: three units are used up, so that of four a second such offer finds one, of six three.
    let second = r#"{"id":"second","priority":-1,"effect":{"buy_x_get_y":{"buy":2,"get":1,"off":"free","max_times":1}}}"#;
    let stacked = r#"[{"keep":"stack","units":[{"component":"buy_x_get_y","take":"stack"}]}]"#;
    for (quantity, expected) in [(3, 1), (4, 1), (6, 2)] {
        let lines = [("a", quantity, 100)];
        let case = Case { pipeline: stacked, promotions: &[promotion, second], lines: &lines, ..PLAIN };
        assert_eq!(taken(&case.quote(OSCAR, &now())).len(), expected, "{quantity} units");
    }
}

#[test]
fn shares_are_rounded_down() {
    // oscar/apps/offer: amounts are quantized to cents downwards
    let fifth = crate::case::percent_off("fifth", 2_000, "");
    agree(
        OSCAR,
        &[
            Case { what: "2 x 12.00", promotions: &[&fifth], lines: &[("a", 2, 1_200)], off: &[480], ..PLAIN },
            Case { what: "3 x 4.00", promotions: &[&fifth], lines: &[("a", 3, 400)], off: &[240], ..PLAIN },
            Case { what: "0.9 of a cent is none", promotions: &[&fifth], lines: &[("a", 1, 49)], off: &[9], ..PLAIN },
        ],
    );
}
