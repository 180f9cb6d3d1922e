//! How nodes, units and promotions compete, stack and exclude each other.

mod shop;

use pricestream_domain::{Currency, Money};
use pricestream_promotion_engine::{BasketError, Context, Declined, Left, Limited, Quote, Reason, RedPacket, RuleSet, Unmet};
use shop::{assert_conserved, basket, declined, line, now, of_category, rule_set, rules, taken, with_postage};

/// A promotion that takes a share off everything, or off one category.
fn percent(id: &str, off_bp: u32, more: &str) -> String {
    format!(r#"{{"id":"{id}","effect":{{"percent_off":{{"off_bp":{off_bp}}}}}{more}}}"#)
}

fn amount(id: &str, minor: i64, more: &str) -> String {
    let amount = format!(r#"{{"minor":{minor},"currency":"EUR"}}"#);
    format!(r#"{{"id":"{id}","effect":{{"amount_off":{{"amount":{amount},"per":"unit"}}}}{more}}}"#)
}

const FREE_POSTAGE: &str = r#"{"id":"free-postage","effect":{"postage":{"off":"free"}}}"#;

fn of(category: &str) -> String {
    format!(r#","items":{{"include":[{{"categories":["{category}"]}}]}}"#)
}

fn quote(rules: &RuleSet, lines: Vec<pricestream_promotion_engine::Line>) -> Quote {
    let quote = rules.quote(&with_postage(lines, 500), &now()).unwrap();
    assert_conserved(&quote);
    quote
}

#[test]
fn the_original_pipeline_is_read_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/pipelines/numbered.json");
    let pipeline = std::fs::read_to_string(path).unwrap();
    assert!(RuleSet::from_json(&pipeline).is_ok(), "by itself");
    let promotions = [
        r#"{"id":"flash","effect":{"flash_sale":{"off":{"percent_bp":2000}}},"items":{"include":[{"skus":["A"]}]}}"#,
        r#"{"id":"special","effect":{"special_price":{"price":{"minor":900,"currency":"EUR"}}}}"#,
        FREE_POSTAGE,
    ];
    let rules = rules(&pipeline, &promotions.join(","));
    let both = quote(&rules, vec![line("A", 1, 1_000, ""), line("B", 1, 1_000, "")]);
    // Flash sale and special price compete line by line; where a flash sale applied, postage (5) does not.
    assert_eq!(taken(&both), [("flash".to_owned(), 200), ("special".to_owned(), 100)]);
    assert_eq!(*declined(&both, "free-postage"), Reason::Excluded { by: "flash".into() });
    let without = quote(&rules, vec![line("B", 1, 1_000, "")]);
    assert_eq!(taken(&without), [("special".to_owned(), 100), ("free-postage".to_owned(), 500)]);
}

#[test]
fn of_equal_priority_the_lowest_price_stands_else_the_highest_priority() {
    let units =
        |priority: i32| format!(r#"[[{{"component":"percent_off"}},{{"component":"amount_off","priority":{priority}}}]]"#);
    for (priority, price, winner, loser, by_amount) in [
        (0, 1_000, "tenth", "fifty", 50),
        (0, 300, "fifty", "tenth", 20),
        (0, 500, "tenth", "fifty", 0), // equally good: the one that the pipeline names first
        (1, 1_000, "fifty", "tenth", -50),
        (-1, 300, "tenth", "fifty", -20),
    ] {
        let rules = rules(&units(priority), &[percent("tenth", 1_000, ""), amount("fifty", 50, "")].join(","));
        let quote = quote(&rules, vec![line("A", 1, price, "")]);
        assert_eq!(taken(&quote).iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), [winner], "{priority} {price}");
        assert_eq!(*declined(&quote, loser), Reason::Beaten { by: winner.into(), by_amount }, "{priority} {price}");
    }
}

#[test]
fn units_compete_for_each_line_alone() {
    let rules = rules(
        r#"[[{"component":"percent_off"},{"component":"amount_off"}]]"#,
        &[percent("tenth", 1_000, ""), amount("fifty", 50, "")].join(","),
    );
    let quote = quote(&rules, vec![line("A", 1, 1_000, ""), line("B", 2, 300, "")]);
    assert_eq!(taken(&quote), [("tenth".to_owned(), 100), ("fifty".to_owned(), 100)]);
    assert_eq!(quote.lines.iter().map(|line| line.payable).collect::<Vec<_>>(), [900, 500]);
}

#[test]
fn what_is_beaten_on_every_line_that_it_takes_something_off_is_not_applied() {
    let pair = r#"{"id":"pair","effect":{"buy_x_get_y":{"buy":1,"get":1,"off":"free","per":"line"}}}"#;
    let rules = rules(
        r#"[[{"component":"buy_x_get_y"},{"component":"percent_off"}]]"#,
        &[pair.to_owned(), percent("most", 6_000, r#","items":{"include":[{"skus":["A"]}]}"#)].join(","),
    );
    // Of B the pair may take nothing: it would only use its units up.
    let floor = r#","promotion_floor":{"minor":100,"currency":"EUR"}"#;
    let quote = quote(&rules, vec![line("A", 2, 100, ""), line("B", 2, 100, floor)]);
    assert_eq!(taken(&quote), [("most".to_owned(), 120)]);
    assert!(matches!(declined(&quote, "pair"), Reason::Beaten { by, by_amount: 20 } if **by == *"most"), "{:?}", quote.decisions);
}

#[test]
fn a_set_of_lines_stands_if_it_saves_more_than_what_it_displaces() {
    let three = r#"{"id":"three","effect":{"n_for_price":{"units":3,"price":{"minor":2000,"currency":"EUR"}}}}"#;
    for (tenth, expected) in [(3_000, vec![("three", 1_000)]), (4_000, vec![("percent", 1_200)])] {
        let rules = rules(
            r#"[[{"component":"n_for_price"},{"component":"percent_off"}]]"#,
            &[three.to_owned(), percent("percent", tenth, "")].join(","),
        );
        let quote = quote(&rules, vec![line("A", 1, 1_000, ""), line("B", 1, 1_000, ""), line("C", 1, 1_000, "")]);
        let expected: Vec<(String, i64)> = expected.into_iter().map(|(id, off)| (id.to_owned(), off)).collect();
        assert_eq!(taken(&quote), expected);
    }
}

#[test]
fn what_takes_the_most_off_together_stands() {
    let matching = |id: &str, minor: i64, more: &str| {
        format!(
            r#"{{"id":"{id}","effect":{{"amount_off":{{"amount":{{"minor":{minor},"currency":"EUR"}},"per":"matching"}}}}{more}}}"#
        )
    };
    let lines = || {
        vec![
            of_category("A", 1, 900, "toys"),
            of_category("B", 1, 900, "toys"),
            of_category("C", 1, 900, "books"),
            of_category("D", 1, 900, "books"),
        ]
    };
    let sku_a = r#","items":{"include":[{"skus":["A"]}]}"#;
    let amounts = r#"[[{"component":"amount_off"},{"component":"percent_off"}]]"#;
    for (promotions, expected, why) in [
        (
            [matching("all", 100, ""), matching("toys", 60, &of("toys")), matching("books", 60, &of("books"))],
            vec![("books", 60), ("toys", 60)],
            "two of 60 rather than one of 100",
        ),
        (
            [matching("all", 120, ""), matching("toys", 60, &of("toys")), matching("books", 60, &of("books"))],
            vec![("all", 120)],
            "of equal prices the one that came first",
        ),
        (
            [
                matching("toys", 100, &of("toys")),
                amount("a", 60, sku_a),
                percent("books-and-b", 889, r#","items":{"exclude":[{"skus":["A"]}]}"#),
            ],
            vec![("a", 60), ("books-and-b", 240)],
            "80 off B leaves A to the second best of its unit",
        ),
    ] {
        let quote = quote(&rules(amounts, &promotions.join(",")), lines());
        let expected: Vec<(String, i64)> = expected.into_iter().map(|(id, off)| (id.to_owned(), off)).collect();
        assert_eq!(taken(&quote), expected, "{why}");
    }
}

#[test]
fn promotions_of_a_unit_give_their_best_or_stack() {
    let promotions = [percent("a", 1_000, ""), percent("b", 2_000, ""), percent("c", 5_000, r#","priority":1"#)].join(",");
    let best = rules(r#"[[{"component":"percent_off"}]]"#, &promotions);
    assert_eq!(taken(&quote(&best, vec![line("A", 1, 1_000, "")])), [("c".to_owned(), 500)]);
    let stack = rules(r#"[[{"component":"percent_off","take":"stack"}]]"#, &promotions);
    let running = quote(&stack, vec![line("A", 1, 1_000, "")]);
    // By priority, then by id; each upon what the others left.
    assert_eq!(taken(&running), [("c".to_owned(), 500), ("a".to_owned(), 50), ("b".to_owned(), 90)]);
    let original = promotions.replace("}}", r#"}},"stack_base":"original""#);
    let stack = rules(r#"[[{"component":"percent_off","take":"stack"}]]"#, &original);
    let added = quote(&stack, vec![line("A", 1, 1_000, "")]);
    assert_eq!(taken(&added), [("c".to_owned(), 500), ("a".to_owned(), 100), ("b".to_owned(), 200)]);
}

#[test]
fn a_node_that_stacks_keeps_every_unit() {
    let pipeline =
        r#"[{"name":"all","keep":"stack","units":[{"component":"percent_off"},{"component":"amount_off","priority":1}]}]"#;
    let rules = rules(pipeline, &[percent("tenth", 1_000, ""), amount("fifty", 50, "")].join(","));
    assert_eq!(taken(&quote(&rules, vec![line("A", 1, 1_050, "")])), [("tenth".to_owned(), 100), ("fifty".to_owned(), 50)]);
}

#[test]
fn conflicts_work_both_ways_and_the_earlier_stands() {
    for (first, second) in [(r#","conflicts":["amount_off"]"#, ""), ("", r#","conflicts":["percent_off"]"#)] {
        let pipeline = format!(r#"[[{{"component":"percent_off"{first}}}],[{{"component":"amount_off"{second}}}]]"#);
        let rules = rules(&pipeline, &[percent("tenth", 1_000, &of("toys")), amount("fifty", 50, "")].join(","));
        let quote = quote(&rules, vec![of_category("A", 1, 1_000, "toys"), line("B", 1, 1_000, "")]);
        assert_eq!(taken(&quote), [("tenth".to_owned(), 100), ("fifty".to_owned(), 50)], "only on the same line");
        assert_eq!(quote.shares_of(0).count(), 1);
        let alone = rules.quote(&basket(vec![of_category("A", 1, 1_000, "toys")]), &now()).unwrap();
        assert_eq!(*declined(&alone, "fifty"), Reason::Excluded { by: "tenth".into() });
    }
}

#[test]
fn exclusions_are_between_components_promotions_groups_and_labels() {
    let promotions = [
        percent("tenth", 1_000, &format!(r#"{},"groups":["sale"]"#, of("toys"))),
        amount("fifty", 50, r#","labels":["loyalty"]"#),
    ];
    let sides = [
        (r#"{"component":"percent_off"}"#, r#"{"component":"amount_off"}"#),
        (r#"{"promotion":"tenth"}"#, r#"{"label":"loyalty"}"#),
        (r#"{"label":"loyalty"}"#, r#"{"group":"sale"}"#),
    ];
    for (one, other) in sides {
        for (scope, expected) in [("line", 50), ("order", 0), ("unit", 50)] {
            let rules = rule_set(&format!(
                r#"{{"version":1,"pipeline":[[{{"component":"percent_off"}}],[{{"component":"amount_off"}}]],
                "promotions":[{}],"exclusions":[{{"of":{one},"with":{other},"scope":"{scope}"}}]}}"#,
                promotions.join(",")
            ));
            let quote = quote(&rules, vec![of_category("A", 1, 1_000, "toys"), line("B", 1, 1_000, "")]);
            let fifty: i64 = taken(&quote).iter().filter(|(id, _)| id == "fifty").map(|(_, off)| off).sum();
            assert_eq!(fifty, expected, "{one} {other} {scope}");
        }
    }
}

#[test]
fn an_exclusive_promotion_stands_alone() {
    let pipeline = r#"[[{"component":"percent_off"}],[{"component":"amount_off"}],[{"component":"postage"}]]"#;
    for (exclusive, expected) in [
        ("", vec![("tenth", 100), ("fifty", 100), ("free-postage", 500)]),
        (r#","exclusive":"line""#, vec![("tenth", 100), ("fifty", 50)]), // free postage works on the order, and so on that line
        (r#","priority":1,"exclusive":"order""#, vec![("tenth", 100)]),
        (r#","exclusive":"order""#, vec![("fifty", 100), ("free-postage", 500)]), // at equal priority they take more off
    ] {
        let promotions =
            [percent("tenth", 1_000, &format!("{}{exclusive}", of("toys"))), amount("fifty", 50, ""), FREE_POSTAGE.to_owned()];
        let quote =
            quote(&rules(pipeline, &promotions.join(",")), vec![of_category("A", 1, 1_000, "toys"), line("B", 1, 1_000, "")]);
        let expected: Vec<(String, i64)> = expected.into_iter().map(|(id, off)| (id.to_owned(), off)).collect();
        assert_eq!(taken(&quote), expected, "{exclusive}");
    }
}

#[test]
fn a_unit_is_used_up_once() {
    let three = |id: &str| {
        format!(r#"{{"id":"{id}","effect":{{"n_for_price":{{"units":3,"price":{{"minor":2000,"currency":"EUR"}}}}}}}}"#)
    };
    let two = r#"{"id":"two","effect":{"buy_x_get_y":{"buy":1,"get":1,"off":"free"}}}"#;
    let pipeline = r#"[[{"component":"n_for_price"}],[{"component":"buy_x_get_y"}]]"#;
    let rules = rules(pipeline, &[three("three"), two.to_owned()].join(","));
    let quote = quote(&rules, vec![line("A", 4, 1_000, "")]);
    assert_eq!(taken(&quote), [("three".to_owned(), 1_000)]);
    let declined_of = Box::new(Declined::TooFewUnits { actual: 1, needed: 2 });
    assert_eq!(*declined(&quote, "two"), Reason::UnitsTaken { by: "three".into(), declined: declined_of });
    let told = &quote.answer().promotions[1];
    assert_eq!((told.declined, &*told.why), (Some("units_taken"), "needs 2 units, and there are 1: three has used up others"));
}

#[test]
fn nothing_goes_below_a_floor_and_what_does_not_fit_is_shared_again() {
    let off = r#"{"id":"off","effect":{"amount_off":{"amount":{"minor":600,"currency":"EUR"},"per":"matching"}}}"#;
    let rules = rules(r#"[[{"component":"amount_off"}]]"#, off);
    let floor = r#","promotion_floor":{"minor":900,"currency":"EUR"}"#;
    let shared = quote(&rules, vec![line("A", 1, 1_000, floor), line("B", 1, 1_000, "")]);
    assert_eq!(shared.lines.iter().map(|line| line.payable).collect::<Vec<_>>(), [900, 500]);
    let stuck = quote(&rules, vec![line("A", 1, 900, floor)]);
    assert_eq!(*declined(&stuck, "off"), Reason::Floor { unfit: 600 });
}

#[test]
fn a_bundle_concerns_the_baskets_that_hold_a_part_of_it() {
    let slot = |category: &str| format!(r#"{{"name":"{category}","items":{{"include":[{{"categories":["{category}"]}}]}}}}"#);
    let bundle = format!(
        r#"{{"id":"set","effect":{{"bundle":{{"slots":[{},{}],"off":{{"amount":{{"minor":300,"currency":"EUR"}}}}}}}}}}"#,
        slot("toys"),
        slot("books")
    );
    let rules = rules(r#"[[{"component":"bundle"}]]"#, &bundle);
    let with_both =
        quote(&rules, vec![of_category("A", 1, 1_000, "toys"), of_category("B", 1, 2_000, "books"), line("C", 1, 5_000, "")]);
    assert_eq!(taken(&with_both), [("set".to_owned(), 300)]);
    assert_eq!(with_both.lines.iter().map(|line| line.payable).collect::<Vec<_>>(), [900, 1_800, 5_000]);
    let with_one = quote(&rules, vec![of_category("A", 2, 1_000, "toys")]);
    assert!(matches!(declined(&with_one, "set"), Reason::Component(Declined::Incomplete { actual: 1, needed: 2, .. })));
    assert!(quote(&rules, vec![line("C", 1, 5_000, "")]).decisions.is_empty());
}

#[test]
fn a_quota_goes_to_the_dearest_units_and_a_budget_is_kept() {
    let flash = r#"{"id":"flash","effect":{"percent_off":{"off_bp":1000}},"limit":{"units":100,"budget":{"minor":1000,"currency":"EUR"}}}"#;
    let partial = flash.replace(r#""currency":"EUR"}}"#, r#""currency":"EUR"},"beyond_budget":"partial"}"#);
    let pipeline = r#"[[{"component":"percent_off"}]]"#;
    for (json, left, expected) in [
        (flash, Left { units: Some(2), ..Left::default() }, Ok(130)),
        (flash, Left { units: Some(0), ..Left::default() }, Err(Limited::Units)),
        (flash, Left { uses: Some(0), ..Left::default() }, Err(Limited::Uses)),
        (flash, Left { budget: Some(160), ..Left::default() }, Ok(160)),
        (flash, Left { budget: Some(159), ..Left::default() }, Err(Limited::Budget)),
        (partial.as_str(), Left { budget: Some(77), ..Left::default() }, Ok(77)),
        (partial.as_str(), Left { budget: Some(0), ..Left::default() }, Err(Limited::Budget)),
    ] {
        let mut context = now();
        context.left.insert("flash".to_owned(), left);
        let basket = basket(vec![line("A", 1, 300, ""), line("B", 1, 1_000, ""), line("C", 1, 300, "")]);
        let quote = rules(pipeline, json).quote(&basket, &context).unwrap();
        assert_conserved(&quote);
        match expected {
            Ok(off) => assert_eq!(taken(&quote), [("flash".to_owned(), off)], "{left:?}"),
            Err(limited) => {
                assert!(matches!(declined(&quote, "flash"), Reason::UsedUp { what, .. } if *what == limited), "{left:?}");
            }
        }
    }
}

#[test]
fn a_red_packet_and_points_are_spent_once() {
    let promotions = [
        r#"{"id":"first","effect":{"red_packet":{"max_share_bp":5000}}}"#,
        r#"{"id":"points","effect":{"points":{"points":100,"worth":{"minor":100,"currency":"EUR"}}}}"#,
        r#"{"id":"second","effect":{"red_packet":{}}}"#,
    ];
    let pipeline = r#"[[{"component":"red_packet","take":"stack"}],[{"component":"points"}]]"#;
    let rules = rules(pipeline, &promotions.join(","));
    let packet = |id: &str, minor| RedPacket { id: id.to_owned(), amount: shop::eur(minor) };
    let context = Context { red_packets: vec![packet("a", 300), packet("b", 900)], points: 350, ..now() };
    let quote = rules.quote(&basket(vec![line("A", 1, 1_000, ""), line("B", 1, 500, "")]), &context).unwrap();
    assert_conserved(&quote);
    // Half of 1500 first, then what is left of the packets, then points in whole steps.
    assert_eq!(taken(&quote), [("first".to_owned(), 750), ("second".to_owned(), 450), ("points".to_owned(), 300)]);
    assert_eq!(quote.red_packets, [("a".to_owned(), 300), ("b".to_owned(), 900)]);
    assert_eq!((quote.points, quote.totals.payable), (300, 0));
    let foreign = Context { red_packets: vec![RedPacket { id: "c".to_owned(), amount: Money::new(1, Currency::USD) }], ..now() };
    let refused = rules.quote(&basket(vec![line("A", 1, 1_000, "")]), &foreign);
    assert_eq!(refused.unwrap_err(), BasketError::RedPacket("c".to_owned()));
    let twice = Context { red_packets: vec![packet("a", 300), packet("b", 900), packet("a", 300)], ..now() };
    let refused = rules.quote(&basket(vec![line("A", 1, 1_000, "")]), &twice);
    assert_eq!(refused.unwrap_err(), BasketError::TwiceTheSamePacket("a".to_owned()), "it would pay twice");
}

#[test]
fn every_promotion_that_is_concerned_is_in_the_record_once_with_its_reason() {
    let spend = r#","when":{"spend":{"at_least":{"minor":5000,"currency":"EUR"}}}"#;
    let promotions = [
        percent("for-toys", 1_000, &of("toys")),
        percent("for-books", 1_000, &of("books")),
        percent("later", 1_000, r#","window":{"from":"2026-11-12T00:00:00Z"}"#),
        percent("rich", 1_000, spend),
        percent("vip", 1_000, r#","when":{"groups":["vip"]}"#),
        percent("code", 1_000, r#","when":{"coupons":["SAVE10"]}"#),
        percent("yours", 1_000, &format!("{},\"when\":{{\"customers\":[\"ann\"]}}", of("books"))),
        percent("dollars", 1_000, r#","when":{"spend":{"at_least":{"minor":1,"currency":"USD"}}}"#),
    ];
    let rules = rules(r#"[[{"component":"percent_off","take":"stack"}]]"#, &promotions.join(","));
    let lines = || vec![of_category("A", 1, 1_000, "toys")];
    let concerned = |quote: &Quote| quote.decisions.iter().map(|decision| decision.promotion.to_string()).collect::<Vec<_>>();
    let quote = rules.quote(&basket(lines()), &now()).unwrap();
    assert_eq!(concerned(&quote), ["dollars", "for-toys", "later", "rich"]);
    assert_eq!(*declined(&quote, "later"), Reason::Window { opens: Some(shop::at("2026-11-12T00:00:00Z")) });
    assert_eq!(*declined(&quote, "rich"), Reason::Unmet(Unmet::Spend { actual: 900, needed: 5_000 }));
    let mut context = now();
    context.coupons = vec![" save10 ".to_owned()];
    context.customer.groups.insert("vip".to_owned());
    context.customer.id = Some("ann".to_owned());
    let known = rules.quote(&basket(lines()), &context).unwrap();
    assert_eq!(concerned(&known), ["code", "dollars", "for-toys", "later", "rich", "vip", "yours"]);
    assert_eq!(*declined(&known, "yours"), Reason::NoItems);
    let whole = rules.explain(&basket(lines()), &now()).unwrap();
    assert_eq!(concerned(&whole), ["code", "dollars", "for-books", "for-toys", "later", "rich", "vip", "yours"]);
    assert_eq!(*declined(&whole, "for-books"), Reason::NoItems);
    assert_eq!(*declined(&whole, "code"), Reason::Unmet(Unmet::Coupons));
    assert_eq!((whole.totals, &whole.lines), (quote.totals, &quote.lines), "the same price");
}

/// Each reason with its values, in words and for machines.
#[test]
fn a_reason_names_what_was_found_and_what_was_needed() {
    let when = |json: &str| percent("it", 1_000, &format!(r#","when":{json}"#));
    let eur = |minor: i64| serde_json::json!({ "minor": minor, "currency": "EUR" });
    for (promotion, because, why) in [
        (
            when(r#"{"groups":["vip","staff"]}"#),
            serde_json::json!({ "kind": "groups", "needed": ["staff", "vip"] }),
            "is for one of the groups staff, vip, to which the customer does not belong",
        ),
        (
            when(r#"{"channels":["app"]}"#),
            serde_json::json!({ "kind": "field", "field": "channel", "needed": ["app"] }),
            r#"needs a channel, which was not named: "app""#,
        ),
        (
            when(r#"{"order_number":{"at_least":2,"at_most":3}}"#),
            serde_json::json!({ "kind": "order_number", "actual": 1, "needed": { "at_least": 2, "at_most": 3 } }),
            "is for order number 2 to 3 of a customer, and this is number 1",
        ),
        (
            when(r#"{"stock_left":{"at_most":5}}"#),
            serde_json::json!({ "kind": "stock_left", "needed": { "at_most": 5 } }),
            "is for items of which 5 or fewer are left, and of one that is not known",
        ),
        (
            when(r#"{"spend":{"at_least":{"minor":5000,"currency":"EUR"}}}"#),
            serde_json::json!({ "kind": "spend", "actual": eur(2_000), "needed": eur(5_000) }),
            "needs 50.00 EUR to be spent, and 20.00 EUR is: 30.00 EUR more",
        ),
        (
            when(r#"{"not":{"all":[{"order_number":{"at_most":1}},{"quantity":{"at_least":2}}]}}"#),
            serde_json::json!({
                "kind": "not",
                "holds": "it is order number 1 or fewer of the customer and 2 or more units are bought of what the promotion is for"
            }),
            "is not for this basket: it must not hold that it is order number 1 or fewer of the customer and 2 or more units are bought of what the promotion is for",
        ),
        (when(r#"{"customers":["ann"]}"#), serde_json::json!({ "kind": "customers" }), "is for other customers"),
    ] {
        let rules = rules(r#"[[{"component":"percent_off"}]]"#, &promotion);
        let quote = rules.explain(&basket(vec![line("A", 2, 1_000, "")]), &now()).unwrap();
        let told = &quote.answer().promotions[0];
        assert_eq!(serde_json::to_value(&told.because).unwrap(), because, "{promotion}");
        assert_eq!(told.why, why, "{promotion}");
    }
    let limited = r#"{"id":"it","effect":{"percent_off":{"off_bp":1000}},"limit":{"units":9,"beyond_units":"drop","budget":{"minor":900,"currency":"EUR"}}}"#;
    for (left, because, why) in [
        (
            Left { units: Some(1), ..Left::default() },
            serde_json::json!({ "kind": "limit", "what": "units", "left": 1, "needed": 2 }),
            "has 1 unit left, and this basket would take 2",
        ),
        (
            Left { budget: Some(50), ..Left::default() },
            serde_json::json!({ "kind": "budget", "left": eur(50), "needed": eur(200) }),
            "has 0.50 EUR of its budget left, and would take 2.00 EUR off",
        ),
    ] {
        let mut context = now();
        context.left.insert("it".to_owned(), left);
        let rules = rules(r#"[[{"component":"percent_off"}]]"#, limited);
        let quote = rules.quote(&basket(vec![line("A", 2, 1_000, "")]), &context).unwrap();
        let told = &quote.answer().promotions[0];
        assert_eq!((serde_json::to_value(&told.because).unwrap(), &*told.why), (because, why), "{left:?}");
    }
}

#[test]
fn a_share_says_which_units_get_how_much() {
    let flash = r#"{"id":"flash","effect":{"flash_sale":{"off":{"price":{"minor":800,"currency":"EUR"}},"units_per_order":1}}}"#;
    let third = r#"{"id":"third","effect":{"buy_x_get_y":{"buy":1,"get":1,"max_times":1,"off":{"amount":{"minor":100,"currency":"EUR"}}}}}"#;
    let all = percent("all", 1_000, "");
    let pipeline = r#"[[{"component":"flash_sale"}],[{"component":"buy_x_get_y"}],[{"component":"percent_off"}]]"#;
    let quote = quote(&rules(pipeline, &[flash, third, &all].join(",")), vec![line("A", 4, 1_000, "")]);
    let units = |decision: &str| {
        let answer = quote.answer();
        let share = answer.lines[0].off.iter().find(|share| share.promotion == decision).unwrap().clone();
        share.units.iter().map(|run| (run.first, run.quantity, run.off.minor)).collect::<Vec<_>>()
    };
    assert_eq!(units("flash"), [(1, 1, 200)]);
    assert_eq!(units("third").iter().map(|(_, quantity, off)| i64::from(*quantity) * off).sum::<i64>(), 100);
    assert_eq!(units("third").len(), 1, "one unit");
}
