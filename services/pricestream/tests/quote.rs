//! Baskets priced from the command line, on the rule set, the catalogue and the basket of `examples/`.

mod program;

use std::process::{Command, Output};

use program::{EXAMPLES, run};
use serde_json::{Value, json};

fn example(name: &str) -> String {
    format!("{EXAMPLES}/{name}")
}

fn priced<'a>(command: &'a str, rules: &'a str, catalogue: &'a str) -> Vec<&'a str> {
    vec![command, "-", "--rules", rules, "--catalogue", catalogue]
}

fn quote(basket: &Value) -> Output {
    let (rules, catalogue) = (example("promotions/sale.json"), example("catalogue.ndjson"));
    run(&[&priced("quote", &rules, &catalogue)[..], &["--json"]].concat(), &basket.to_string())
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_example_basket_is_priced_and_every_promotion_is_explained() {
    let basket = std::fs::read_to_string(example("promotions/basket.json")).unwrap();
    let answer = answer(&quote(&serde_json::from_str(&basket).unwrap()));
    assert_eq!(answer["payable"], json!({ "minor": 2341, "currency": "EUR" }));
    let why = |id: &str| {
        let promotions = answer["promotions"].as_array().unwrap();
        let of_it: Vec<&Value> = promotions.iter().filter(|promotion| promotion["promotion"] == id).collect();
        assert_eq!(of_it.len(), 1, "{id} is in the record once");
        (of_it[0]["off"]["minor"].as_i64().unwrap(), of_it[0]["why"].as_str().unwrap().to_owned())
    };
    assert_eq!(why("midnight-oil"), (390, "takes 3.90 EUR off".to_owned()));
    assert_eq!(why("welcome"), (0, "does not apply together with midnight-oil".to_owned()));
    assert_eq!(answer["near_misses"][0]["hint"], "add 6.54 EUR for free-postage");
    let off: i64 = answer["funding"].as_array().unwrap().iter().map(|funding| funding["pays"]["minor"].as_i64().unwrap()).sum();
    assert_eq!(off, answer["goods_off"]["minor"].as_i64().unwrap(), "who pays for it pays for all of it");
}

#[test]
fn a_lane_from_the_command_line_has_the_price_of_each_quote() {
    let (rules, catalogue) = (example("promotions/sale.json"), example("catalogue.ndjson"));
    let basket = json!({ "lines": [{ "sku": "olive-oil-1l", "quantity": 3 }] });
    let span = ["--from", "2026-11-10T22:00:00Z", "--until", "2026-11-11T01:00:00Z", "--json"];
    let timeline = answer(&run(&[&priced("timeline", &rules, &catalogue)[..], &span].concat(), &basket.to_string()));
    let slices = timeline["slices"].as_array().unwrap();
    assert_eq!(slices.len(), 3, "before, during and after the first hour: {timeline}");
    for slice in slices {
        let at = json!({ "at": slice["from"], "lines": basket["lines"] });
        assert_eq!(answer(&quote(&at))["payable"], slice["payable"]);
    }
    assert_eq!(timeline["lowest"]["from"], "2026-11-10T23:00:00Z");
}

#[test]
fn limits_bind_within_the_one_order_where_there_is_no_store() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let line = r#"{"sku":"A","list_price":{"minor":1000,"currency":"EUR"}}"#;
    let catalogue = file("catalogue.ndjson", line.to_owned());
    let half = r#"{"flash_sale":{"off":{"percent_bp":5000}}}"#;
    let code = r#"{"coupon":{"off":{"percent_bp":5000}}}"#;
    let span = ["--from", "2026-11-10T22:00:00Z", "--until", "2026-11-11T01:00:00Z"];
    for (effect, limit, payable) in [
        (half, json!({}), 2_500),
        (half, json!({ "units": 3 }), 3_500),
        (half, json!({ "units": 3, "units_per_customer": 1 }), 4_500),
        (half, json!({ "units": 0 }), 5_000),
        (half, json!({ "uses": 1, "uses_per_customer": 1 }), 2_500),
        (half, json!({ "uses_per_customer": 0 }), 5_000),
        (half, json!({ "budget": { "minor": 2_500, "currency": "EUR" } }), 2_500),
        (half, json!({ "budget": { "minor": 2_499, "currency": "EUR" } }), 5_000),
        (half, json!({ "budget": { "minor": 700, "currency": "EUR" }, "beyond_budget": "partial" }), 4_300),
        (code, json!({ "uses_per_coupon": 1 }), 2_500),
        (code, json!({ "uses_per_coupon": 0 }), 5_000),
    ] {
        let mut promotion = json!({ "id": "p", "effect": serde_json::from_str::<Value>(effect).unwrap(), "limit": limit });
        if effect == code {
            promotion["when"] = json!({ "coupons": ["HALF"] });
        }
        let rules = file("rules.json", json!({ "version": 1, "promotions": [promotion] }).to_string());
        let basket = json!({ "lines": [{ "sku": "A", "quantity": 5 }], "customer": { "id": "c-1" }, "coupons": ["half"] });
        let basket = basket.to_string();
        let quoted = answer(&run(&[&priced("quote", &rules, &catalogue)[..], &["--json"]].concat(), &basket));
        assert_eq!(quoted["payable"]["minor"], payable, "{limit}: {quoted}");
        let timeline = [&priced("timeline", &rules, &catalogue)[..], &span, &["--json"]].concat();
        let timeline = answer(&run(&timeline, &basket));
        assert_eq!(timeline["slices"][0]["payable"]["minor"], payable, "{limit}: {timeline}");
    }
}

#[test]
fn a_basket_is_explained_as_it_is_quoted_with_every_promotion() {
    let (rules, catalogue) = (example("promotions/sale.json"), example("catalogue.ndjson"));
    let basket = example("promotions/basket.json");
    let with = ["--rules", &*rules, "--catalogue", &*catalogue];
    for json in [&[][..], &["--json"]] {
        let explained = run(&[&["explain", "--basket", &*basket], &with[..], json].concat(), "");
        let quoted = run(&[&["quote", &*basket, "--all"], &with[..], json].concat(), "");
        assert!(explained.status.success(), "{}", String::from_utf8_lossy(&explained.stderr));
        assert_eq!(String::from_utf8_lossy(&explained.stdout), String::from_utf8_lossy(&quoted.stdout));
    }
    let told = run(&[&["explain", "--basket", "-"], &with[..]].concat(), &std::fs::read_to_string(&basket).unwrap());
    assert!(String::from_utf8_lossy(&told.stdout).contains("does not apply together with midnight-oil"));
    for arguments in [
        &["explain"][..],
        &["explain", "avocado", "--basket", &*basket],
        &["explain", "avocado", "--rules", &*rules],
        &["explain", "--basket", &*basket, "--last", "3"],
        &["explain", "--rules", &*rules],
    ] {
        assert_eq!(run(arguments, "").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn refunds_from_the_command_line_add_up_to_what_the_basket_cost() {
    let (rules, catalogue) = (example("promotions/sale.json"), example("catalogue.ndjson"));
    let basket = example("promotions/basket.json");
    let refund =
        |more: &[&str]| run(&[&["refund", &*basket, "--rules", &*rules, "--catalogue", &*catalogue][..], more].concat(), "");
    let whole = "pasta-500g=2,olive-oil-1l=1,strawberries-500g=1,croissant=2,baguette=1";
    let mut total = 0;
    for (returned, lines, postage) in [
        ("", "croissant=1", None),
        ("croissant=1", "croissant=1,olive-oil-1l=1", None),
        ("croissant=2,olive-oil-1l=1", "pasta-500g=2,strawberries-500g=1,baguette=1", Some(495)),
    ] {
        let returned = if returned.is_empty() { vec![] } else { vec!["--returned", returned] };
        let refunded = answer(&refund(&[&["--lines", lines, "--json"], &returned[..]].concat()));
        assert_eq!(refunded.pointer("/postage/payable/minor").and_then(Value::as_i64), postage, "{refunded}");
        total += refunded["total"]["minor"].as_i64().unwrap();
    }
    assert_eq!(total, 2_341, "what the basket cost");
    let told = String::from_utf8(refund(&["--lines", whole]).stdout).unwrap();
    for expected in ["olive-oil-1l", "postage", "refund", "23.41 EUR"] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
    for (arguments, status, expected) in [
        (&["--lines", "croissant=3"][..], 1, "has 2 units"),
        (&["--lines", "butter=1"], 1, "there is no line \"butter\""),
        (&["--lines", "croissant=0"], 1, "no units come back"),
        (&["--lines", "croissant"], 2, "LINE=UNITS"),
        (&["--lines", "croissant=x"], 2, "no number of units"),
        (&["--lines", "croissant=1,croissant=1"], 2, "named twice"),
        (&[], 2, "--lines"),
        (&["--lines", "croissant=1", "--target", "http://127.0.0.1:9"], 2, "/refunds"),
    ] {
        let output = refund(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn a_basket_that_cannot_be_priced_says_what_to_do() {
    let packet = json!({ "id": "p", "amount": { "minor": 300, "currency": "EUR" } });
    for (basket, expected) in [
        (json!({ "lines": [] }), "a basket needs a line"),
        (json!({ "lines": [{ "sku": "avocado" }], "red_packets": [packet, packet] }), "two red packets have the id \"p\""),
        (json!({ "lines": [{ "sku": "unheard-of" }] }), "unheard-of has no price: import it into the catalogue"),
        (json!({ "lines": [{ "sku": "avocado", "quantity": 0 }] }), "has the quantity 0"),
        (json!({ "lines": [{ "sku": "avocado", "quantity": 1_000_000_000 }] }), "1000000000 units are more than"),
        (json!({ "lines": [{ "sku": "avocado" }, { "sku": "avocado" }] }), "two lines have the id \"avocado\""),
        (json!({ "lines": [{ "sku": "avocado", "colour": "green" }] }), "unknown field `colour`"),
        (
            json!({ "lines": [{ "sku": "avocado" }], "postage": { "amount": { "minor": 1, "currency": "USD" } } }),
            "a basket has one currency",
        ),
    ] {
        let output = quote(&basket);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{basket}: {error}");
        assert!(error.contains(expected), "{basket}: {error}");
    }
    let output = quote(&json!({ "lines": [{ "sku": "nobody" }, { "sku": "avocado", "quantity": 0 }, { "sku": "unheard-of" }] }));
    let error = String::from_utf8_lossy(&output.stderr);
    for path in ["lines[0].sku: ", "lines[1].quantity: ", "lines[2].sku: "] {
        assert!(error.contains(path), "all of them at once, each with its path: {error}");
    }
}

#[test]
fn a_rule_set_is_checked_whole() {
    let checked = run(&["check", &example("promotions/sale.json")], "");
    assert!(checked.status.success());
    let money = |minor: i64| json!({ "minor": minor, "currency": "EUR" });
    let bad = json!({
        "version": 1, "colour": "red",
        "pipeline": [[{ "component": "percentoff" }], [{ "component": "percent_off", "conflicts": ["amount_off"] }]],
        "promotions": [
            { "id": "a", "effect": { "percent_off": { "off_bp": 10_001 } } },
            { "id": "b", "effect": { "percent_off": { "off_bp": 100 } }, "window": { "from": "2026-11-12T00:00:00Z", "until": "2026-11-11T00:00:00Z" } },
            { "id": "b", "effect": { "n_for_price": { "units": 0, "price": money(100) } } },
            { "id": "c", "effect": { "percent_of": {} } }
        ]
    });
    let output = run(&["check", "-", "--json"], &bad.to_string());
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths: Vec<&str> =
        found["problems"].as_array().unwrap().iter().map(|problem| problem["path"].as_str().unwrap()).collect();
    for path in [
        "colour",
        "pipeline[0][0]",
        "promotions[0].effect.percent_off.off_bp",
        "promotions[1].window.until",
        "promotions[2].effect.n_for_price.units",
        "promotions[3].effect",
    ] {
        assert!(paths.iter().any(|found| found.starts_with(path)), "{path} is not among {paths:?}");
    }
}

#[test]
fn every_kind_of_promotion_is_quoted_with_its_example() {
    let mut kinds = 0;
    for file in std::fs::read_dir(example("promotions/kinds")).unwrap() {
        let rules = file.unwrap().path().display().to_string();
        if rules.ends_with(".basket.json") {
            continue;
        }
        let basket = rules.replace(".json", ".basket.json");
        let catalogue = example("catalogue.ndjson");
        let command = ["quote", &basket, "--rules", &rules, "--catalogue", &catalogue];
        let priced = answer(&run(&[&command[..], &["--json"]].concat(), ""));
        let promotions = priced["promotions"].as_array().unwrap();
        let gives = |promotion: &Value| promotion["off"]["minor"].as_i64() > Some(0) || promotion["component"] == "gift";
        assert!(!promotions.is_empty() && promotions.iter().all(gives), "{rules}: {priced}");
        assert!(promotions.iter().all(|promotion| promotion.get("declined").is_none()), "{rules}: {priced}");
        let told = run(&command, "");
        assert!(String::from_utf8_lossy(&told.stdout).contains(promotions[0]["why"].as_str().unwrap()), "{rules}");
        assert!(run(&["check", &rules], "").status.success(), "{rules}");
        kinds += 1;
    }
    assert!(kinds >= 22, "{kinds} kinds");
}

/// Lines of shell blocks under `<!-- test: quotes -->` on a page, as arguments.
fn commands(page: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(format!("{EXAMPLES}/../docs/{page}")).unwrap();
    let blocks = text.split("<!-- test: quotes -->\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned());
    let lines: Vec<String> = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().map(|line| line.split('#').next().unwrap().split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn the_commands_of_the_pages_run_as_they_are_written() {
    for (page, least) in [("orders.md", 2), ("promotions-kinds.md", 1), ("promotions.md", 5)] {
        let commands = commands(page);
        assert!(commands.len() >= least, "{page}: {} commands", commands.len());
        for command in commands {
            assert_eq!(command[0], "pricestream", "{page}: {command:?}");
            let output = Command::new(env!("CARGO_BIN_EXE_pricestream"))
                .args(&command[1..])
                .current_dir(format!("{EXAMPLES}/.."))
                .output()
                .unwrap();
            assert!(output.status.success(), "{page}: {command:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(!output.stdout.is_empty(), "{page}: {command:?}");
        }
    }
}
