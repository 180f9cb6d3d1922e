//! Codes that were given, told apart: what each did, or why it did nothing.

mod shop;

use pricestream_promotion_engine::{AnsweredCoupon, BasketError, Context, Document, Left, MAX_CODE_LENGTH, MAX_COUPONS, RuleSet};
use shop::{at, basket, now, of_category, rule_set};

/// Promotions for codes in every state at noon of the 11th of November; `more` fields of the rule set.
fn codes(more: &str) -> RuleSet {
    let promotion = |id: &str, code: &str, more: &str, when: &str| {
        format!(
            r#"{{"id":"{id}","effect":{{"coupon":{{"off":{{"percent_bp":1000}}}}}},"when":{{"all":[{{"coupons":["{code}"]}}{when}]}}{more}}}"#
        )
    };
    let rich = r#",{"spend":{"at_least":{"minor":5000,"currency":"EUR"}}}"#;
    let promotions = [
        promotion("tenth", "TENTH", "", ""),
        promotion("rich", "RICH", "", rich),
        promotion("books", "BOOKS", r#","items":{"include":[{"categories":["books"]}]}"#, ""),
        promotion("soon", "SOON", r#","window":{"from":"2026-11-12T00:00:00Z"}"#, ""),
        promotion("later", "SOON", r#","window":{"from":"2026-12-01T00:00:00Z"}"#, ""),
        promotion("evening", "EVENING", "", r#",{"window":{"hours":[{"from":"20:00","until":"22:00"}]}}"#),
        promotion("old", "OLD", r#","window":{"until":"2026-11-11T12:00:00Z"}"#, ""),
        promotion("old-soon", "AGAIN", r#","window":{"until":"2026-01-01T00:00:00Z"}"#, ""),
        promotion("new-soon", "AGAIN", r#","window":{"from":"2027-01-01T00:00:00Z"}"#, ""),
        promotion("on-again", "AGAIN-ON", r#","window":{"until":"2026-01-01T00:00:00Z"}"#, ""),
        promotion("rich-again", "AGAIN-ON", "", rich),
        // Not an offer for codes alone: the effect is of another kind, and the code is one of two ways.
        r#"{"id":"club","effect":{"percent_off":{"off_bp":500}},"items":{"include":[{"categories":["books"]}]},
            "when":{"any":[{"coupons":["CLUB"]},{"groups":["members"]}]}}"#
            .to_owned(),
        r#"{"id":"not-for","effect":{"percent_off":{"off_bp":100}},"when":{"not":{"coupons":["STAFF"]}}}"#.to_owned(),
    ];
    rule_set(&format!(r#"{{"version":1{more},"promotions":[{}]}}"#, promotions.join(",")))
}

fn told(rules: &RuleSet, category: &str, given: &[&str]) -> Vec<AnsweredCoupon> {
    let context = Context { coupons: given.iter().map(ToString::to_string).collect(), ..now() };
    let quote = rules.quote(&basket(vec![of_category("A", 1, 1_000, category)]), &context).unwrap();
    let explained = rules.explain(&basket(vec![of_category("A", 1, 1_000, category)]), &context).unwrap();
    assert_eq!(quote.answer().coupons, explained.answer().coupons, "the whole record says the same of codes");
    quote.answer().coupons
}

#[test]
fn every_code_is_told_with_what_became_of_it() {
    let rules = codes("");
    for (code, status, from, promotions, why) in [
        ("TENTH", "applied", None, &["tenth"][..], "tenth takes 0.99 EUR off"),
        ("RICH", "no_effect", None, &["rich"], "rich needs 50.00 EUR to be spent, and 9.90 EUR is: 40.10 EUR more"),
        ("BOOKS", "no_effect", None, &["books"], "books is for nothing in this basket"),
        ("CLUB", "no_effect", None, &["club"], "club is for nothing in this basket"),
        (
            "SOON",
            "not_yet",
            Some("2026-11-12T00:00:00Z"),
            &["later", "soon"],
            "later is not on now: it is from 2026-12-01T00:00:00Z; soon is not on now: it is from 2026-11-12T00:00:00Z",
        ),
        (
            "EVENING",
            "not_yet",
            Some("2026-11-11T20:00:00Z"),
            &["evening"],
            "evening is not on now: it is from 2026-11-11T20:00:00Z",
        ),
        ("OLD", "expired", None, &["old"], "old is over"),
        (
            "AGAIN",
            "not_yet",
            Some("2027-01-01T00:00:00Z"),
            &["new-soon"],
            "new-soon is not on now: it is from 2027-01-01T00:00:00Z",
        ),
        (
            "AGAIN-ON",
            "no_effect",
            None,
            &["rich-again"],
            "rich-again needs 50.00 EUR to be spent, and 9.90 EUR is: 40.10 EUR more",
        ),
        ("STAFF", "no_effect", None, &[], "promotions name this code only to be left out by it"),
        ("NEVER-HEARD-OF", "unknown", None, &[], "no promotion knows this code"),
        ("", "unknown", None, &[], "no promotion knows this code"),
    ] {
        // Without STAFF one percent is off everything first.
        let coupons = told(&rules, "toys", &[code]);
        assert_eq!(coupons.len(), 1, "{code}");
        let coupon = &coupons[0];
        assert_eq!((coupon.code.as_str(), coupon.status, coupon.from), (code, status, from.map(at)), "{code}: {}", coupon.why);
        assert_eq!(
            (&coupon.promotions[..], coupon.why.as_str()),
            (&promotions.iter().map(ToString::to_string).collect::<Vec<_>>()[..], why),
            "{code}"
        );
    }
    let with_books = told(&rules, "books", &["CLUB", "BOOKS"]);
    assert_eq!(with_books.iter().map(|coupon| coupon.status).collect::<Vec<_>>(), ["applied", "applied"]);
}

#[test]
fn a_code_that_is_used_up_is_told_so_beside_one_that_is_not() {
    let rules = rule_set(
        r#"{"version":1,"promotions":[
        {"id":"ten","effect":{"coupon":{"off":{"percent_bp":1000}}},"when":{"coupons":["A1","A2","A3"]},"limit":{"uses_per_coupon":1}},
        {"id":"free","effect":{"coupon":{"off":{"percent_bp":100}}},"when":{"coupons":["A3"]}}]}"#,
    );
    for (given, spent, expected) in [
        (&["a1", "A2"][..], 0b01, &["used_up", "applied"][..]),
        (&["A2", "a1"], 0b10, &["applied", "used_up"]),
        (&["a1", "A2"], 0b11, &["used_up", "used_up"]),
        (&["a1", "A2"], 0, &["applied", "applied"]),
        (&["A3", "A1"], 0b11, &["applied", "used_up"]), // it is good for another promotion
        (&["what", "A1"], 0b1, &["unknown", "used_up"]), // the places are those of its own codes
    ] {
        let mut context = Context { coupons: given.iter().map(ToString::to_string).collect(), ..now() };
        let good = given.iter().filter(|code| **code != "what").count() as u64 - u64::from(u128::count_ones(spent));
        context.left.insert("ten".to_owned(), Left { coupons: Some(good), spent_coupons: spent, ..Left::default() });
        let quote = rules.quote(&basket(vec![of_category("A", 1, 1_000, "toys")]), &context).unwrap();
        let coupons = quote.answer().coupons;
        assert_eq!(coupons.iter().map(|coupon| coupon.status).collect::<Vec<_>>(), expected, "{given:?} {spent:b}");
        for coupon in coupons.iter().filter(|coupon| coupon.status == "used_up") {
            assert_eq!(coupon.why, "this code has been used as often as it may");
        }
    }
}

#[test]
fn a_code_is_told_once_however_it_is_spelled() {
    let spellings = ["tenth", " TENTH ", "Tenth", "never", "NEVER"];
    let statuses = |coupons: Vec<AnsweredCoupon>| -> Vec<(String, &'static str)> {
        coupons.into_iter().map(|coupon| (coupon.code, coupon.status)).collect()
    };
    let of = |of: &[(&str, &'static str)]| of.iter().map(|(code, status)| ((*code).to_owned(), *status)).collect::<Vec<_>>();
    assert_eq!(statuses(told(&codes(""), "toys", &spellings)), of(&[("tenth", "applied"), ("never", "unknown")]));
    let sensitive = codes(r#","policies":{"coupon_case":"sensitive"}"#);
    let expected =
        [("tenth", "unknown"), (" TENTH ", "unknown"), ("Tenth", "unknown"), ("never", "unknown"), ("NEVER", "unknown")];
    assert_eq!(statuses(told(&sensitive, "toys", &spellings)), of(&expected));
    assert_eq!(statuses(told(&sensitive, "toys", &["TENTH", "TENTH"])), of(&[("TENTH", "applied")]));
}

#[test]
fn too_many_or_too_long_codes_are_refused() {
    let goods = basket(vec![of_category("A", 1, 1_000, "toys")]);
    let quote = |coupons: Vec<String>| codes("").quote(&goods, &Context { coupons, ..now() }).map(|quote| quote.coupons.len());
    let numbered = |count: usize| (0..count).map(|number| format!("c{number}")).collect::<Vec<_>>();
    assert_eq!(quote(numbered(MAX_COUPONS)), Ok(MAX_COUPONS));
    assert_eq!(quote(numbered(MAX_COUPONS + 1)), Err(BasketError::TooManyCoupons(101)));
    assert_eq!(quote(vec!["é".repeat(MAX_CODE_LENGTH)]), Ok(1), "characters count, not bytes");
    let long = quote(vec!["é".repeat(100_000)]).unwrap_err();
    assert_eq!(long, BasketError::LongCoupon("é".repeat(64)), "and the error is not as long as the code");
    assert!(long.to_string().starts_with("a coupon code has more than 64 characters"));
    for code in [String::new(), "  ".to_owned(), "x".repeat(65)] {
        let set = format!(
            r#"{{"version":1,"promotions":[{{"id":"a","effect":{{"percent_off":{{"off_bp":1}}}},"when":{{"coupons":["{code}"]}}}}]}}"#
        );
        let problems = Document::from_json(&set).unwrap_err();
        assert_eq!(problems[0].path, "promotions[0].when.coupons", "nobody could give {code:?}");
    }
}
