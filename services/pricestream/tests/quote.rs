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
    for (page, least) in [("promotions-kinds.md", 1), ("promotions.md", 4)] {
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
