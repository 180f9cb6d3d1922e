//! What quotes use of limited promotions, and what limits do to them.

mod shop;

use pricestream_domain::{Currency, Money};
use pricestream_promotion_engine::{Context, Left, Limited, OnCancel, Outcome, Quote, Reason, RuleSet, Use};
use shop::{assert_conserved, basket, declined, eur, line, now, rule_set, taken, with_postage};

/// `promotions` and `more` fields of a rule set whose every component stacks.
fn shop_with(promotions: &[&str], more: &str) -> RuleSet {
    rule_set(&format!(r#"{{"version":1,"promotions":[{}]{more}}}"#, promotions.join(",")))
}

fn with_coupons(codes: &[&str]) -> Context {
    Context { coupons: codes.iter().map(|code| (*code).to_owned()).collect(), ..now() }
}

fn used(promotion: &str, units: u64, given: i64, coupons: &[&str]) -> Use {
    let coupons = coupons.iter().map(|code| (*code).to_owned()).collect();
    Use { promotion: promotion.into(), units, given: eur(given), coupons }
}

#[test]
fn beyond_its_units_a_promotion_is_dropped_or_goes_to_the_dearest() {
    let tenth = |policy: &str| {
        format!(r#"{{"id":"it","effect":{{"percent_off":{{"off_bp":1000}}}},"limit":{{"units":9,"beyond_units":"{policy}"}}}}"#)
    };
    let default = tenth("drop").replace(r#","beyond_units":"drop""#, "");
    let third_free =
        r#"{"id":"it","effect":{"buy_x_get_y":{"buy":2,"get":1,"off":"free"}},"limit":{"units":9,"beyond_units":"drop"}}"#;
    for (promotion, left, expected, why) in [
        (tenth("drop"), 4, Ok((160, 4)), "all of it is left"),
        (tenth("drop"), 3, Err(Limited::Units), "one unit too few"),
        (tenth("drop"), 0, Err(Limited::Units), "none"),
        (tenth("partial"), 3, Ok((150, 3)), "the three dearest of four"),
        (default.clone(), 1, Ok((100, 1)), "partial is the default"),
        (default, 0, Err(Limited::Units), "none"),
        (third_free.to_owned(), 1, Ok((100, 1)), "of four units only one gets something, the cheapest"),
    ] {
        let rules = shop_with(&[&promotion], "");
        let mut context = now();
        context.left.insert("it".to_owned(), Left { units: Some(left), ..Left::default() });
        let basket = basket(vec![line("A", 1, 300, ""), line("B", 1, 1_000, ""), line("C", 1, 200, ""), line("D", 1, 100, "")]);
        let quote = rules.quote(&basket, &context).unwrap();
        assert_conserved(&quote);
        match expected {
            Ok((off, units)) => assert_eq!(quote.uses(&rules, &context), [used("it", units, off, &[])], "{why}"),
            Err(limited) => {
                assert!(matches!(declined(&quote, "it"), Reason::UsedUp { what, .. } if *what == limited), "{why}");
                assert_eq!(quote.uses(&rules, &context), [], "{why}");
            }
        }
    }
}

#[test]
fn a_code_that_is_used_up_is_told() {
    let coupon = r#"{"id":"ten","effect":{"coupon":{"off":{"percent_bp":1000}}},"when":{"coupons":["SAVE10"]},"limit":{"uses_per_coupon":1}}"#;
    let rules = shop_with(&[coupon], "");
    for (left, expected) in [(None, true), (Some(1), true), (Some(0), false)] {
        let mut context = with_coupons(&["SAVE10"]);
        context.left.insert("ten".to_owned(), Left { coupons: left, ..Left::default() });
        let quote = rules.quote(&basket(vec![line("A", 1, 1_000, "")]), &context).unwrap();
        if expected {
            assert_eq!(taken(&quote), [("ten".to_owned(), 100)], "{left:?}");
        } else {
            assert_eq!(*declined(&quote, "ten"), Reason::UsedUp { what: Limited::Coupons, left: 0, needed: 1 });
            let answered = &quote.answer().promotions[0];
            assert_eq!(answered.declined, Some("limit"));
            assert_eq!(answered.why, "needs a code that is not used up: the codes given are");
        }
    }
}

#[test]
fn a_quote_uses_what_its_limited_promotions_gave_and_nothing_of_the_others() {
    let rules = shop_with(
        &[
            r#"{"id":"unlimited","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"skus":["A"]}]}}"#,
            r#"{"id":"flash","effect":{"flash_sale":{"off":{"percent_bp":5000}}},"items":{"include":[{"skus":["A","B"]}]},"limit":{"units":10}}"#,
            r#"{"id":"of-nothing-here","effect":{"special_price":{"price":{"minor":1,"currency":"EUR"}}},"items":{"include":[{"skus":["Z"]}]},"limit":{"uses":1}}"#,
            r#"{"id":"too-little","effect":{"special_price":{"price":{"minor":9999,"currency":"EUR"}}},"items":{"include":[{"skus":["A"]}]},"limit":{"uses":1}}"#,
            r#"{"id":"code","effect":{"coupon":{"off":{"amount":{"minor":150,"currency":"EUR"}}}},"when":{"any":[{"coupons":["ONE","Two"]},{"not":{"coupons":["NEVER"]}}]},"limit":{"uses_per_coupon":1}}"#,
            r#"{"id":"both","effect":{"goods_and_postage":{"off":{"amount":{"minor":100,"currency":"EUR"}}}},"limit":{"budget":{"minor":1000,"currency":"EUR"}}}"#,
            r#"{"id":"free-postage","effect":{"postage":{"off":"free"}},"limit":{"uses_per_customer":1}}"#,
        ],
        "",
    );
    let context = with_coupons(&[" two ", "NEVER", "one", "TWO", "other"]);
    let basket = with_postage(vec![line("A", 3, 1_000, ""), line("B", 1, 500, ""), line("C", 1, 2_000, "")], 500);
    let quote = rules.quote(&basket, &context).unwrap();
    assert_conserved(&quote);
    let off = |id: &str| taken(&quote).iter().find(|(promotion, _)| promotion == id).map(|(_, off)| *off).unwrap();
    // Of postage that costs nothing after another promotion nothing can be taken.
    assert_eq!(
        quote.uses(&rules, &context),
        [
            used("flash", 4, 3 * 500 + 250, &[]),
            used("code", 5, 150, &["two", "one"]),
            used("both", 5, 100, &[]),
            used("free-postage", 0, off("free-postage"), &[]),
        ]
    );
    assert!(matches!(declined(&quote, "too-little"), Reason::Component(_)), "applied, it would have raised the price");
    let sensitive = shop_with(
        &[
            r#"{"id":"code","effect":{"coupon":{"off":{"percent_bp":1000}}},"when":{"coupons":["ONE","Two"]},"limit":{"uses_per_coupon":1}}"#,
        ],
        r#","policies":{"coupon_case":"sensitive"}"#,
    );
    let context = with_coupons(&["one", "Two"]);
    let of_code = |quote: &Quote| quote.uses(&sensitive, &context)[0].coupons.clone();
    assert_eq!(of_code(&sensitive.quote(&basket, &context).unwrap()), ["Two"]);
}

#[test]
fn the_ledger_is_asked_for_what_concerns_the_basket() {
    let rules = shop_with(
        &[
            r#"{"id":"flash","effect":{"flash_sale":{"off":{"percent_bp":5000}}},"items":{"include":[{"skus":["A"]}]},"limit":{"units":10}}"#,
            r#"{"id":"elsewhere","effect":{"flash_sale":{"off":{"percent_bp":5000}}},"items":{"include":[{"skus":["Z"]}]},"limit":{"units":10}}"#,
            r#"{"id":"unlimited","effect":{"percent_off":{"off_bp":1000}}}"#,
            r#"{"id":"code","effect":{"coupon":{"off":{"percent_bp":1000}}},"when":{"coupons":["ONE"]},"limit":{"uses_per_coupon":2}}"#,
        ],
        "",
    );
    let mut context = with_coupons(&["one"]);
    context.customer.id = Some("c-1".to_owned());
    let basket = basket(vec![line("A", 1, 1_000, "")]);
    let asked = rules.limits_asked(&basket, &context).unwrap();
    let asked: Vec<_> = asked.iter().map(|asked| (&*asked.promotion, asked.customer.as_deref(), &asked.coupons[..])).collect();
    assert_eq!(asked, [("flash", Some("c-1"), &[][..]), ("code", Some("c-1"), &["one".to_owned()])]);
    assert_eq!(rules.limit_of("code").unwrap().uses_per_coupon, Some(2));
    assert_eq!((rules.limit_of("unlimited"), rules.limit_of("nothing")), (None, None));
    let none = shop_with(&[r#"{"id":"unlimited","effect":{"percent_off":{"off_bp":1000}}}"#], "");
    assert_eq!(none.limits_asked(&basket, &context), Ok(Vec::new()));
    assert_eq!(none.on_cancel(), OnCancel::GiveBack, "unless the rule set says otherwise");
    assert_eq!(shop_with(&[], r#","policies":{"on_cancel":"keep"}"#).on_cancel(), OnCancel::Keep);
}

#[test]
fn a_limit_of_codes_needs_codes() {
    for (when, expected) in [
        ("", true),
        (r#","when":{"not":{"coupons":["ONE"]}}"#, true),
        (r#","when":{"channels":["app"]}"#, true),
        (r#","when":{"all":[{"channels":["app"]},{"any":[{"coupons":["ONE"]}]}]}"#, false),
    ] {
        let json = format!(
            r#"{{"version":1,"promotions":[{{"id":"it","effect":{{"percent_off":{{"off_bp":1000}}}},"limit":{{"uses_per_coupon":1}}{when}}}]}}"#
        );
        let paths: Vec<String> = match RuleSet::from_json(&json) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.path).collect(),
        };
        let problem: &[&str] = if expected { &["promotions[0].limit.uses_per_coupon"] } else { &[] };
        assert_eq!(paths, problem, "{when}");
    }
}

#[test]
fn what_was_given_is_the_money_of_the_decision() {
    let rules = shop_with(
        &[
            r#"{"id":"it","effect":{"percent_off":{"off_bp":3333}},"limit":{"budget":{"minor":500,"currency":"EUR"},"beyond_budget":"partial"}}"#,
        ],
        "",
    );
    let mut context = now();
    context.left.insert("it".to_owned(), Left { budget: Some(500), ..Left::default() });
    let quote = rules.quote(&basket(vec![line("A", 3, 777, "")]), &context).unwrap();
    let Outcome::Applied { off, .. } = quote.decisions[0].outcome else { panic!("it applies") };
    assert_eq!(off, 500, "777 in all would be more than its budget");
    assert_eq!(quote.uses(&rules, &context), [Use { given: Money::new(500, Currency::EUR), ..used("it", 3, 0, &[]) }]);
}
