//! The shipped examples, damaged some thousands of times: never a panic, never a wrong sum, and what is refused says where.
//! `fuzz/` holds targets for a fuzzer, which go further.

mod example_shop;
mod shop;

use std::path::{Path, PathBuf};

use example_shop::{examples, read};
use pricestream_promotion_engine::{Basket, Context, QuoteRequest, RuleSet};
use serde_json::{Value, json};
use shop::assert_conserved;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }
}

/// What nobody should write.
fn extremes() -> Vec<Value> {
    let mut nested = json!({ "groups": ["members"] });
    for _ in 0..60 {
        nested = json!({ "not": nested });
    }
    vec![
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(10_000),
        json!(10_001),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!("x".repeat(10_000)),
        json!("EUR"),
        json!("USD"),
        json!("-009999-01-02T01:59:59Z"),
        json!("9999-12-30T22:00:00Z"),
        json!("running"),
        json!("free"),
        json!("order"),
        json!("stack"),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        nested,
    ]
}

/// How many values a document holds, itself among them.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// The value in this place, counted from the outside in.
fn at_mut(value: &mut Value, place: usize) -> &mut Value {
    if place == 0 {
        return value;
    }
    let mut left = place - 1;
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for inner in inner {
        let inside = size(inner);
        if left < inside {
            return at_mut(inner, left);
        }
        left -= inside;
    }
    unreachable!("the place is inside")
}

/// Damages a document in one place: every other time so that it still has the right shape.
fn damage(document: &mut Value, extremes: &[Value], dice: &mut Dice) {
    let place = dice.roll(size(document));
    let elsewhere = at_mut(document, dice.roll(size(document))).clone();
    let target = at_mut(document, place);
    match (dice.roll(12), target) {
        (0..6, Value::Number(number)) => {
            let number = number.as_i64().unwrap_or(0);
            let other = [0, 1, 2, 3, 7, 99, 9_999, number.saturating_add(1), number.saturating_mul(2), i64::MAX / 4, i64::MAX]
                [dice.roll(11)];
            *at_mut(document, place) = json!(other);
        }
        (0..6, Value::String(text)) if elsewhere.is_string() => elsewhere.as_str().unwrap().clone_into(text),
        (0..4, Value::Array(items)) if items.len() > 1 => items.rotate_left(1),
        (4, Value::Array(items)) if !items.is_empty() => {
            items.remove(dice.roll(items.len()));
        }
        (0..6, Value::Object(fields)) if !fields.is_empty() => {
            let name = fields.keys().nth(dice.roll(fields.len())).unwrap().clone();
            fields.remove(&name);
        }
        (6, Value::Array(items)) if !items.is_empty() => {
            let again = items[dice.roll(items.len())].clone();
            items.push(again);
        }
        (7, Value::Object(fields)) => {
            fields.insert("colour".to_owned(), json!("red"));
        }
        (8, target) => *target = elsewhere,
        (9.., target) => *target = extremes[dice.roll(extremes.len())].clone(),
        _ => {}
    }
}

/// Files below a folder whose names end so, in the order of their names.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort_unstable();
    found
}

/// Three of everything, for a member who holds codes, points and a red packet.
fn everything() -> (Basket, Context) {
    let catalogue = example_shop::found(&read(&examples().join("catalogue.ndjson")));
    let lines: Vec<Value> = catalogue.keys().map(|sku| json!({ "sku": sku, "quantity": 3 })).collect();
    let eur = |minor: i64| json!({ "minor": minor, "currency": "EUR" });
    let request = json!({
        "at": "2026-11-11T20:30:00Z", "lines": lines, "postage": { "amount": eur(495), "method": "parcel" },
        "customer": { "id": "c-1", "groups": ["members"] }, "coupons": ["SAVE10", "WELCOME"], "points": 650,
        "red_packets": [{ "id": "p", "amount": eur(300) }]
    });
    example_shop::resolved(&request.to_string())
}

/// Every basket of the examples that can be priced.
fn baskets() -> Vec<(Basket, Context)> {
    let folders = [examples().join("promotions"), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")];
    let files = folders.iter().flat_map(|folder| files(folder, ".json"));
    let requests = files.map(|file| read(&file)).filter(|text| QuoteRequest::from_json(text).is_ok());
    requests.map(|text| example_shop::resolved(&text)).collect()
}

/// Prices a basket in every way.
fn price(rules: &RuleSet, basket: &Basket, context: &Context) {
    let Ok(quote) = rules.quote(basket, context) else { return };
    assert_conserved(&quote);
    assert_eq!(rules.explain(basket, context).unwrap().totals, quote.totals);
    assert!(serde_json::to_string(&quote.answer()).is_ok());
    let until = context.at.saturating_add(jiff::SignedDuration::from_hours(30)).unwrap();
    rules.timeline(basket, context, context.at, until, 8).unwrap();
}

/// The rule sets of the examples.
fn rule_sets() -> Vec<Value> {
    let folders = [examples().join("promotions"), examples().join("pipelines")];
    let files = folders.iter().flat_map(|folder| files(folder, ".json"));
    let documents = files.map(|file| serde_json::from_str::<Value>(&read(&file)).unwrap());
    documents.filter(|document| document.get("lines").is_none()).collect()
}

#[test]
fn every_number_of_every_example_may_be_extreme() {
    let (basket, context) = everything();
    let mut priced = 0;
    for document in rule_sets() {
        for place in 0..size(&document) {
            let mut changed = document.clone();
            if !at_mut(&mut changed, place).is_number() {
                continue;
            }
            for extreme in [i64::MIN, -1, 0, 1, 65_535, i64::from(u32::MAX), i64::MAX / 4, i64::MAX] {
                *at_mut(&mut changed, place) = json!(extreme);
                if let Ok(rules) = RuleSet::from_json(&changed.to_string()) {
                    assert_conserved(&rules.quote(&basket, &context).unwrap());
                    priced += 1;
                }
            }
        }
    }
    assert!(priced > 300, "{priced} priced");
}

#[test]
fn a_damaged_rule_set_is_refused_with_a_path_or_priced_rightly() {
    let (everything, baskets) = (everything(), baskets());
    let extremes = extremes();
    let mut dice = Dice(11);
    let (mut refused, mut priced) = (0, 0);
    let rule_sets = rule_sets();
    assert!(rule_sets.len() > 20, "{} rule sets", rule_sets.len());
    for round in 0..3_000 {
        let mut document = rule_sets[round % rule_sets.len()].clone();
        for _ in 0..=dice.roll(2) {
            damage(&mut document, &extremes, &mut dice);
        }
        let text = document.to_string();
        match RuleSet::from_json(&text) {
            Ok(rules) => {
                priced += 1;
                price(&rules, &everything.0, &everything.1);
                for _ in 0..2 {
                    let (basket, context) = &baskets[dice.roll(baskets.len())];
                    price(&rules, basket, context);
                }
            }
            Err(problems) => {
                refused += 1;
                assert!(!problems.is_empty(), "refused without a word: {text:.300}");
                for problem in &problems {
                    let of_the_whole = problem.path.is_empty()
                        && (problem.message.starts_with("is not JSON") || problem.message.starts_with("the document must be"));
                    assert!(!problem.path.is_empty() || of_the_whole, "{problem:?} has no path: {text:.300}");
                    assert!(!problem.message.is_empty() && problem.message.len() < 1_000, "{problem:.300?}");
                }
            }
        }
    }
    assert!(refused > 500 && priced > 500, "{refused} refused, {priced} priced: both must happen");
}

#[test]
fn a_damaged_basket_is_refused_with_a_path_or_priced_rightly() {
    let extremes = extremes();
    let mut dice = Dice(12);
    let rule_sets: Vec<RuleSet> =
        files(&examples().join("promotions"), ".json").iter().filter_map(|file| RuleSet::from_json(&read(file)).ok()).collect();
    let requests: Vec<Value> = files(&examples().join("promotions"), ".json")
        .iter()
        .map(|file| serde_json::from_str::<Value>(&read(file)).unwrap())
        .filter(|document| document.get("lines").is_some())
        .collect();
    let catalogue = example_shop::found(&read(&examples().join("catalogue.ndjson")));
    let (mut refused, mut priced) = (0, 0);
    for round in 0..6_000 {
        let mut request = requests[round % requests.len()].clone();
        for _ in 0..=dice.roll(2) {
            damage(&mut request, &extremes, &mut dice);
        }
        let text = request.to_string();
        let request = match QuoteRequest::from_json(&text) {
            Ok(request) => request,
            Err(problems) => {
                refused += 1;
                assert!(problems.iter().all(|problem| !problem.message.is_empty()) && !problems.is_empty(), "{text:.300}");
                continue;
            }
        };
        match request.resolve(jiff::Timestamp::UNIX_EPOCH, |sku| catalogue.get(sku).cloned()) {
            Ok((basket, context)) => {
                priced += 1;
                price(&rule_sets[dice.roll(rule_sets.len())], &basket, &context);
            }
            Err(error) => {
                refused += 1;
                assert!(!error.is_empty() && error.iter().all(|fault| !fault.path.is_empty()));
            }
        }
    }
    assert!(refused > 500 && priced > 500, "{refused} refused, {priced} priced: both must happen");
}

#[test]
fn damaged_bytes_are_refused_or_read() {
    let mut dice = Dice(13);
    let sale = read(&examples().join("promotions/sale.json")).into_bytes();
    let basket = read(&examples().join("promotions/basket.json")).into_bytes();
    for _ in 0..3_000 {
        let mut bytes = if dice.roll(2) == 0 { sale.clone() } else { basket.clone() };
        for _ in 0..=dice.roll(4) {
            let place = dice.roll(bytes.len());
            match dice.roll(3) {
                0 => bytes[place] = u8::try_from(dice.roll(256)).unwrap(),
                1 => bytes.truncate(place.max(1)),
                _ => {
                    let piece: Vec<u8> = bytes[place..(place + 20).min(bytes.len())].to_vec();
                    bytes.splice(place..place, piece);
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(RuleSet::from_json(&text).is_ok() || RuleSet::from_json(&text).is_err_and(|problems| !problems.is_empty()));
        assert!(
            QuoteRequest::from_json(&text).is_ok() || QuoteRequest::from_json(&text).is_err_and(|problems| !problems.is_empty())
        );
    }
}
