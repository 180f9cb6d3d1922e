//! Bad rule sets and bad baskets: each is refused with its path and with what to do, and nothing of it counts.

mod shop;

use pricestream_domain::{Currency, Money};
use pricestream_promotion_engine::{BasketError, Code, Document, Found, QuoteRequest, RedPacket, RuleSet, findings};
use shop::{at, basket, line, now, rule_set, with_postage};

/// Paths and messages of what is wrong with a rule set.
fn problems(json: &str) -> Vec<String> {
    match RuleSet::from_json(json) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a word: {json}");
            problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
        }
    }
}

/// A rule set with these promotions.
fn of(promotions: &str) -> String {
    format!(r#"{{"version":1,"promotions":[{promotions}]}}"#)
}

fn promotion(id: &str, effect: &str, more: &str) -> String {
    format!(r#"{{"id":"{id}","effect":{effect}{more}}}"#)
}

const TENTH: &str = r#"{"percent_off":{"off_bp":1000}}"#;

#[track_caller]
fn assert_refused(json: &str, expected: &[&str]) {
    let found = problems(json);
    assert_eq!(found.len(), expected.len(), "{json}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}: {json}");
    }
}

#[test]
fn a_rule_set_that_cannot_be_is_refused_with_every_path() {
    let eur = |minor: &str| format!(r#"{{"minor":{minor},"currency":"EUR"}}"#);
    let amount = |minor: &str| format!(r#"{{"amount_off":{{"amount":{},"per":"unit"}}}}"#, eur(minor));
    let one = |effect: &str, more: &str| of(&promotion("a", effect, more));
    for (json, expected) in [
        // What is no rule set at all.
        (String::new(), &[": is not JSON"][..]),
        ("7".to_owned(), &[": the document must be an object"]),
        ("{".to_owned(), &[": is not JSON"]),
        (r#"{"version":2}"#.to_owned(), &["version: must be 1"]),
        (r#"{"version":1,"promotions":{}}"#.to_owned(), &["promotions: must be a list"]),
        (r#"{"version":1,"version":1}"#.to_owned(), &["version: "]),
        // What is unknown.
        (r#"{"version":1,"colour":"red"}"#.to_owned(), &["colour: is no field of a rule set"]),
        (one(TENTH, r#","colour":"red""#), &["promotions[0].colour: unknown field"]),
        (one(r#"{"percentoff":{"off_bp":1000}}"#, ""), &["promotions[0].effect"]),
        (one(r#"{"percent_off":{"off_bp":1000,"of":1}}"#, ""), &["promotions[0].effect.percent_off.of: unknown field"]),
        (
            r#"{"version":1,"pipeline":[[{"component":"percentoff"}]]}"#.to_owned(),
            &[r#"pipeline[0][0]: there is no component "percentoff""#],
        ),
        (r#"{"version":1,"pipeline":[[{"componentType":6}]]}"#.to_owned(), &["pipeline[0][0]: no component has the number"]),
        (r#"{"version":1,"pipeline":[[]]}"#.to_owned(), &["pipeline[0]: must hold at least one unit"]),
        (r#"{"version":1,"policies":{"odd_cents":"mine"}}"#.to_owned(), &["policies.odd_cents"]),
        (r#"{"version":1,"time_zone":"Europe/Nowhere"}"#.to_owned(), &["time_zone: "]),
        // Numbers beyond what they may be.
        (one(r#"{"percent_off":{"off_bp":10001}}"#, ""), &["promotions[0].effect.percent_off.off_bp: "]),
        (one(r#"{"percent_off":{"off_bp":0}}"#, ""), &["promotions[0].effect.percent_off.off_bp: must be above zero"]),
        (one(r#"{"percent_off":{"off_bp":-1}}"#, ""), &["promotions[0].effect.percent_off.off_bp: "]),
        (one(r#"{"percent_off":{"off_bp":12.5}}"#, ""), &["promotions[0].effect.percent_off.off_bp: "]),
        (one(&amount("0"), ""), &["promotions[0].effect.amount_off.amount: must be above zero"]),
        (one(&amount("-5"), ""), &["promotions[0].effect.amount_off.amount: must be above zero"]),
        (one(&amount("9223372036854775808"), ""), &["promotions[0].effect.amount_off.amount.minor: "]),
        (one(&amount("1e308"), ""), &["promotions[0].effect.amount_off.amount.minor: "]),
        (one(&amount("1e999"), ""), &[": is not JSON: number out of range"]),
        (one(&amount("null"), ""), &["promotions[0].effect.amount_off.amount.minor: "]),
        (
            one(r#"{"amount_off":{"amount":{"minor":1,"currency":"EURO"},"per":"unit"}}"#, ""),
            &["promotions[0].effect.amount_off.amount.currency: "],
        ),
        (
            one(r#"{"n_for_price":{"units":0,"price":{"minor":1,"currency":"EUR"}}}"#, ""),
            &["promotions[0].effect.n_for_price.units: must be at least 1"],
        ),
        (
            one(r#"{"n_for_price":{"units":4294967296,"price":{"minor":1,"currency":"EUR"}}}"#, ""),
            &["promotions[0].effect.n_for_price.units: "],
        ),
        // Money of two currencies.
        (
            one(&amount("100"), r#","when":{"spend":{"at_least":{"minor":5,"currency":"USD"}}}"#),
            &["promotions[0]: its amounts are in EUR and USD"],
        ),
        (
            one(TENTH, r#","when":{"spend":{"at_least":{"minor":5,"currency":"USD"},"below":{"minor":9,"currency":"EUR"}}}"#),
            &["promotions[0].when.spend.below: must be above at_least, in its currency", "promotions[0]: its amounts are in"],
        ),
        // Windows.
        (
            one(TENTH, r#","window":{"from":"2026-11-12T00:00:00Z","until":"2026-11-11T00:00:00Z"}"#),
            &["promotions[0].window.until: 2026-11-11T00:00:00Z does not come after from"],
        ),
        (
            one(TENTH, r#","window":{"from":"2026-11-11T00:00:00Z","until":"2026-11-11T00:00:00Z"}"#),
            &["promotions[0].window.until: "],
        ),
        (one(TENTH, r#","window":{}"#), &["promotions[0].window: is always open"]),
        (one(TENTH, r#","window":{"hours":[{"from":"10:00","until":"10:00"}]}"#), &["promotions[0].window.hours[0].until: "]),
        (one(TENTH, r#","window":{"from":"tomorrow"}"#), &["promotions[0].window.from: "]),
        (
            one(TENTH, r#","when":{"not":{"window":{"until":"2026-11-11T00:00:00Z","from":"2026-11-12T00:00:00Z"}}}"#),
            &["promotions[0].when.not.window.until: "],
        ),
        // Ids, funding, conditions.
        (
            of(&[promotion("a", TENTH, ""), promotion("a", TENTH, "")].join(",")),
            &[r#"promotions[1].id: "a" is the id of another promotion too"#],
        ),
        (of(&promotion("", TENTH, "")), &["promotions[0].id: must have 1 to 64 characters"]),
        (of(&promotion(&"x".repeat(10_000), TENTH, "")), &["promotions[0].id: must have 1 to 64 characters"]),
        (one(TENTH, r#","funding":[{"party":"brand","share_bp":5000}]"#), &["promotions[0].funding: the shares add up to 5000"]),
        (
            one(TENTH, r#","funding":[{"party":"brand","share_bp":5000},{"party":"brand","share_bp":5000}]"#),
            &["promotions[0].funding: names a party twice"],
        ),
        (one(TENTH, r#","when":{"all":[]}"#), &["promotions[0].when.all: must hold at least one condition"]),
        (one(TENTH, r#","when":{"groups":[]}"#), &["promotions[0].when.groups: must name at least one"]),
        (
            one(TENTH, r#","when":{"quantity":{"at_least":5,"at_most":2}}"#),
            &["promotions[0].when.quantity.at_most: must not be below at_least"],
        ),
        (one(TENTH, r#","items":{"include":[{}]}"#), &["promotions[0].items.include[0]: picks nothing in particular"]),
        (one(TENTH, r#","items":{"include":[{"skus":[""]}]}"#), &["promotions[0].items.include[0].skus"]),
        // Several problems are told at once.
        (
            of(&[promotion("a", r#"{"percent_off":{"off_bp":0}}"#, r#","window":{}"#), promotion("", TENTH, "")].join(",")),
            &["promotions[0].window", "promotions[0].effect.percent_off.off_bp", "promotions[1].id"],
        ),
    ] {
        assert_refused(&json, expected);
    }
}

#[test]
fn exclusions_that_contradict_themselves_are_told_with_their_paths_and_stop_nothing() {
    let with = |exclusions: &str| {
        let promotions = [promotion("a", TENTH, ""), promotion("b", TENTH, ""), promotion("c", TENTH, r#","groups":["g"]"#)];
        let pipeline = r#"[{"keep":"stack","units":[{"component":"percent_off","take":"stack"}]}]"#;
        format!(r#"{{"version":1,"pipeline":{pipeline},"promotions":[{}],"exclusions":[{exclusions}]}}"#, promotions.join(","))
    };
    let pair = |of: &str, with: &str| format!(r#"{{"of":{{"promotion":"{of}"}},"with":{{"promotion":"{with}"}}}}"#);
    for (exclusions, expected) in [
        (pair("a", "z"), &["exclusions[0].with: names nothing of this rule set"][..]),
        (
            r#"{"of":{"label":"l"},"with":{"component":"coupons"}}"#.to_owned(),
            &["exclusions[0].of: names nothing", "exclusions[0].with: names nothing"],
        ),
        (r#"{"of":{"promotion":"a"}}"#.to_owned(), &["exclusions[0]: missing field"]),
    ] {
        assert_refused(&with(&exclusions), expected);
    }
    // What can be read decides by turn: so these are findings and not problems.
    for (exclusions, code, path) in [
        (pair("a", "a"), Code::ExcludesItself, "exclusions[0]"),
        ([pair("a", "b"), pair("b", "a")].join(","), Code::ExclusionNamedTwice, "exclusions[1]"),
        ([pair("a", "b"), pair("b", "c"), pair("c", "a")].join(","), Code::ExclusionCycle, "exclusions[2]"),
    ] {
        let document = Document::from_json(&with(&exclusions)).unwrap();
        let rules = RuleSet::compile(&document);
        let found = findings(&document, &rules, None);
        let of_it = found.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("{code:?}: {found:#?}"));
        assert!(of_it.paths.iter().any(|found| found == path) && !of_it.message.is_empty(), "{of_it:?}");
        let quote = rules.quote(&basket(vec![line("A", 1, 1_000, "")]), &now()).unwrap();
        assert!(!shop::taken(&quote).is_empty());
    }
}

#[test]
fn conditions_and_documents_are_only_so_deep_and_so_long() {
    let nested = |depth: usize| format!("{}{}{}", r#"{"not":"#.repeat(depth), r#"{"groups":["g"]}"#, "}".repeat(depth));
    let with = |condition: &str| of(&promotion("a", TENTH, &format!(r#","when":{condition}"#)));
    assert_eq!(problems(&with(&nested(15))), Vec::<String>::new(), "sixteen levels are");
    let found = problems(&with(&nested(16)));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("promotions[0].when.not.not"), "{found:?}");
    assert!(found[0].ends_with("is more than 16 levels deep"), "{found:?}");
    for open in ["[", r#"{"a":"#] {
        let found = problems(&open.repeat(100_000));
        assert!(found.len() == 1 && found[0].contains("recursion limit"), "{found:?}");
    }
    let long = problems(&format!(r#"{{"version":1,"name":"{}"}}"#, "x".repeat(5 << 20)));
    assert!(long.len() == 1 && long[0].contains("more than a document may have"), "{:.100}", long[0]);
}

/// What is wrong with a request, by path; or the basket's own error.
fn refused(json: &str) -> String {
    let price = |sku: &str| match sku {
        "gone" | "lost" => None,
        "dollar" => Some(Money::new(100, "USD".parse().unwrap())),
        "dear" => Some(Money::new(i64::MAX, Currency::EUR)),
        _ => Some(Money::new(100, Currency::EUR)),
    };
    let request = match QuoteRequest::from_json(json) {
        Ok(request) => request,
        Err(problems) => {
            return problems
                .iter()
                .map(|problem| format!("{}: {}", problem.path, problem.message))
                .collect::<Vec<_>>()
                .join("; ");
        }
    };
    let find = |sku: &pricestream_domain::Sku| {
        let unit_price = price(sku)?;
        let mut product = (*line(sku, 1, 100, "").product).clone();
        product.list_price = unit_price;
        Some(Found { product: product.into(), unit_price, stock_left: None, last_price: None })
    };
    let resolved = request.resolve(at("2026-11-11T12:00:00Z"), find);
    match resolved {
        Ok((basket, context)) => {
            rule_set(&of("")).quote(&basket, &context).expect("what is resolved can be priced");
            String::new()
        }
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

#[test]
fn a_basket_that_cannot_be_is_refused_with_what_to_do() {
    let lines = |number: usize| {
        let lines: Vec<String> = (0..number).map(|line| format!(r#"{{"id":"{line}","sku":"a"}}"#)).collect();
        format!(r#"{{"lines":[{}]}}"#, lines.join(","))
    };
    for (json, expected) in [
        (r#"{"lines":[]}"#.to_owned(), "a basket needs a line"),
        ("{}".to_owned(), ": missing field `lines`"),
        ("[]".to_owned(), "a request must be an object with `lines`"),
        (r#"{"lines":[{"sku":"a","quantity":0}]}"#.to_owned(), r#"line "a" has the quantity 0: leave it out"#),
        (
            r#"{"lines":[{"sku":"a","quantity":1000000000}]}"#.to_owned(),
            "1000000000 units are more than 100000: price the basket in parts",
        ),
        (r#"{"lines":[{"sku":"a","quantity":5000000000}]}"#.to_owned(), "lines[0].quantity: "),
        (r#"{"lines":[{"sku":"a","quantity":-1}]}"#.to_owned(), "lines[0].quantity: "),
        (r#"{"lines":[{"sku":"a","quantity":1.5}]}"#.to_owned(), "lines[0].quantity: "),
        (r#"{"lines":[{"sku":"a"},{"sku":"b","colour":"red"}]}"#.to_owned(), "lines[1].colour: unknown field"),
        (r#"{"lines":[{"sku":""}]}"#.to_owned(), "lines[0].sku: "),
        (r#"{"lines":[{"sku":"a"}],"at":"now"}"#.to_owned(), "at: "),
        (r#"{"lines":[{"sku":"a"}],"points":-1}"#.to_owned(), "points: "),
        (lines(1_000), ""),
        (lines(1_001), "1001 lines are more than 1000: price the basket in parts"),
        (lines(10_000), "10000 lines are more than 1000: price the basket in parts"),
        (r#"{"lines":[{"sku":"a"},{"sku":"a"}]}"#.to_owned(), r#"two lines have the id "a": give each its own"#),
        (
            r#"{"lines":[{"sku":"a"},{"sku":"gone"}]}"#.to_owned(),
            r#"line "gone": gone has no price: import it into the catalogue, or leave the line out"#,
        ),
        (
            r#"{"lines":[{"sku":"a"},{"id":"2","sku":"dollar"}]}"#.to_owned(),
            r#"line "2" is in USD, the basket in EUR: a basket has one currency"#,
        ),
        (
            r#"{"lines":[{"sku":"a"}],"postage":{"amount":{"minor":1,"currency":"USD"}}}"#.to_owned(),
            r#"line "postage" is in USD, the basket in EUR"#,
        ),
        (
            r#"{"lines":[{"sku":"a"}],"postage":{"amount":{"minor":-1,"currency":"EUR"}}}"#.to_owned(),
            r#"line "postage" has a price below zero"#,
        ),
        (r#"{"lines":[{"sku":"dear","quantity":2}]}"#.to_owned(), "the basket is worth more than 64 bits"),
        (r#"{"lines":[{"sku":"dear"},{"sku":"a"}]}"#.to_owned(), "the basket is worth more than 64 bits"),
        (
            r#"{"lines":[{"sku":"a"}],"red_packets":[{"id":"p","amount":{"minor":1,"currency":"USD"}}]}"#.to_owned(),
            r#"red packet "p" holds no amount of the basket's currency"#,
        ),
        (
            r#"{"lines":[{"sku":"a"}],"red_packets":[{"id":"p","amount":{"minor":-1,"currency":"EUR"}}]}"#.to_owned(),
            r#"red packet "p" holds no amount"#,
        ),
    ] {
        let told = refused(&json);
        let agrees = if expected.is_empty() { told.is_empty() } else { told.contains(expected) };
        assert!(agrees, "{told:?} does not say {expected:?}: {json:.200}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_basket_is_told_at_once_each_with_its_path() {
    let long = "x".repeat(65);
    let eur = |minor: i64| format!(r#"{{"minor":{minor},"currency":"EUR"}}"#);
    let lines = r#"{"sku":"a"},{"sku":"gone"},{"sku":"b","quantity":0,"last_price":{"minor":1,"currency":"USD"}},{"id":"a","sku":"c"},
        {"sku":"dollar"},{"sku":"lost"}"#;
    let packets = format!(
        r#"{{"id":"p","amount":{}}},{{"id":"q","amount":{}}},{{"id":"p","amount":{}}}"#,
        eur(1),
        eur(-1),
        r#"{"minor":1,"currency":"USD"}"#
    );
    let request = format!(
        r#"{{"lines":[{lines}],"postage":{{"amount":{}}},"red_packets":[{packets}],"coupons":["fine","{long}"]}}"#,
        eur(-1)
    );
    let told = refused(&request);
    let told: Vec<(&str, &str)> = told.split("; ").map(|fault| fault.split_once(": ").unwrap()).collect();
    let expected = [
        ("lines[1].sku", "gone has no price"),
        ("lines[5].sku", "lost has no price"),
        ("lines[2].last_price", "line \"b\" is in USD"),
        ("lines[2].quantity", "line \"b\" has the quantity 0"),
        ("lines[4].sku", "line \"dollar\" is in USD"),
        ("postage.amount", "has a price below zero"),
        ("lines[3].id", "two lines have the id \"a\""),
        ("red_packets[1].amount", "red packet \"q\" holds no amount"),
        ("red_packets[2].amount", "red packet \"p\" holds no amount"),
        ("red_packets[2].id", "two red packets have the id \"p\""),
        ("coupons[1]", "more than 64 characters"),
    ];
    assert_eq!(told.iter().map(|(path, _)| *path).collect::<Vec<_>>(), expected.map(|(path, _)| path), "{told:?}");
    for ((_, message), (path, expected)) in told.iter().zip(expected) {
        assert!(message.contains(expected), "{path}: {message:?} does not say {expected:?}");
    }
    assert_eq!(refused(r#"{"lines":[{"sku":"gone"}]}"#).matches("; ").count(), 0, "not that it is empty besides");
}

#[test]
fn amounts_at_the_edge_of_64_bits_are_priced_or_refused() {
    let most = format!(r#"{{"minor":{},"currency":"EUR"}}"#, i64::MAX);
    let promotions = [
        promotion("half", r#"{"percent_off":{"off_bp":5000}}"#, ""),
        promotion("unit", &format!(r#"{{"amount_off":{{"amount":{most},"per":"unit"}}}}"#), r#","stack_base":"list""#),
        promotion("line", &format!(r#"{{"amount_off":{{"amount":{most},"per":"line"}}}}"#), ""),
        promotion("order", &format!(r#"{{"amount_off":{{"amount":{most},"per":"order"}}}}"#), ""),
        promotion(
            "every",
            &format!(
                r#"{{"spend_and_save":{{"steps":{{"every_full":{{"spend":{{"minor":1,"currency":"EUR"}},"off":{most}}}}}}}}}"#
            ),
            "",
        ),
        promotion("points", &format!(r#"{{"points":{{"points":1,"worth":{most}}}}}"#), ""),
        promotion("packets", r#"{"red_packet":{}}"#, ""),
        promotion("postage", &format!(r#"{{"postage":{{"off":{{"amount":{most}}}}}}}"#), ""),
    ];
    let tax = r#""policies":{"tax":{"prices":"exclusive","default_rate":10000,"postage_rate":10000}}"#;
    let mut sets: Vec<RuleSet> = promotions.iter().map(|one| rule_set(&of(one))).collect();
    sets.push(rule_set(&of(&promotions.join(","))));
    sets.push(rule_set(&format!(r#"{{"version":1,{tax},"promotions":[]}}"#)));
    let mut context = now();
    context.points = u64::MAX;
    context.red_packets = vec![RedPacket { id: "p".to_owned(), amount: Money::new(i64::MAX, Currency::EUR) }];
    // Two lines of three units, at the most that a basket may be worth.
    let most = (i64::MAX / 2 - 700) / 6;
    for rules in &sets {
        for price in [most, most / 2, 100, 1, 0] {
            let of_price = |sku| {
                let mut line = line(sku, 3, 100, "");
                line.unit_price.minor = price;
                line
            };
            let quote = rules.quote(&with_postage(vec![of_price("A"), of_price("B")], 100), &context).unwrap();
            shop::assert_conserved(&quote);
        }
    }
    let mut dear = line("A", 1, 100, "");
    for (price, postage) in [(i64::MAX, 0), (i64::MAX / 2, 0), (i64::MAX / 2 - 100, 1)] {
        dear.unit_price.minor = price;
        let told = sets[0].quote(&with_postage(vec![dear.clone()], postage), &now()).unwrap_err();
        assert_eq!(told, BasketError::Overflow, "{price} and {postage}");
    }
    context.red_packets.push(RedPacket { id: "q".to_owned(), amount: Money::new(1, Currency::EUR) });
    assert_eq!(sets[0].quote(&basket(vec![line("A", 1, 100, "")]), &context).unwrap_err(), BasketError::Overflow);
}
