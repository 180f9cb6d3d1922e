//! One example of every kind of promotion: it loads, it applies to its basket, the golden answer holds it, and the page that
//! works it out by hand says the same to the cent.

mod example_shop;

use std::path::PathBuf;

use example_shop::{examples, money, quoted, read};
use pricestream_promotion_engine::{Effect, Outcome, Quote, RuleSet};

const PAGE: &str = "../docs/promotions-kinds.md";

fn kinds() -> PathBuf {
    examples().join("promotions/kinds")
}

/// The example of a kind: its rule set, and its basket priced under it.
fn example(kind: &str) -> (RuleSet, Quote) {
    let document = read(&kinds().join(format!("{kind}.json")));
    let rules = RuleSet::from_json(&document).unwrap_or_else(|problems| panic!("{kind}: {problems:?}"));
    let quote = quoted(&rules, &read(&kinds().join(format!("{kind}.basket.json"))));
    (rules, quote)
}

#[test]
fn every_kind_has_an_example_and_nothing_else_does() {
    let mut expected: Vec<String> =
        Effect::NAMES.iter().flat_map(|kind| [format!("{kind}.basket.json"), format!("{kind}.json")]).collect();
    let files = std::fs::read_dir(kinds()).unwrap();
    let mut found: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "a kind of promotion needs NAME.json and NAME.basket.json in examples/promotions/kinds");
}

#[test]
fn every_example_applies_to_its_basket_and_no_other_promotion_is_in_it() {
    for kind in Effect::NAMES {
        let (rules, quote) = example(kind);
        assert!(rules.promotions().all(|promotion| promotion.effect.component() == *kind), "{kind} shows another kind");
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { off, gifts, .. } if *off > 0 || gifts.is_some());
        assert!(
            !quote.decisions.is_empty() && quote.decisions.iter().all(|decision| applied(&decision.outcome)),
            "{kind}: {:?}",
            quote.decisions
        );
        insta::assert_json_snapshot!(format!("kind-{kind}"), quote.answer(), { ".rule_set" => "[hash]" });
    }
}

#[test]
fn the_page_works_every_example_out() {
    let page = read(&examples().join(PAGE));
    let sections: Vec<(&str, &str)> = page.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let titles: Vec<&str> = sections.iter().map(|(title, _)| *title).collect();
    let mut names: Vec<String> = Effect::NAMES.iter().map(|kind| format!("`{kind}`")).collect();
    names.sort_unstable();
    assert_eq!(titles, names, "a section for every kind, in the order of the alphabet");
    for (title, text) in sections {
        let kind = title.trim_matches('`');
        let (_, quote) = example(kind);
        assert!(text.contains(&format!("kinds/{kind}.json")), "{kind} names its file");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
        assert_eq!(rows, table(&quote), "the table of {kind} is what the engine says");
        let steps: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        for step in &steps {
            let (sum, result) = step.rsplit_once(" = ").unwrap_or_else(|| panic!("{kind}: {step:?} is no step"));
            assert_eq!(worked_out(sum), cents(result), "{kind}: {step}");
        }
        let payable = money(quote.totals.payable);
        let last = steps.last().and_then(|step| step.rsplit_once(" = ")).map(|(_, result)| result);
        assert_eq!(last, Some(payable.as_str()), "the steps of {kind} end with what is paid");
        let off: i64 = quote.decisions.iter().map(|decision| off(&decision.outcome)).sum();
        let results = steps.iter().filter_map(|step| step.rsplit_once(" = ")).map(|(_, result)| cents(result));
        assert!(results.into_iter().any(|result| result == off), "a step of {kind} is what is taken off, {}", money(off));
    }
}

fn off(outcome: &Outcome) -> i64 {
    if let Outcome::Applied { off, .. } = outcome { *off } else { 0 }
}

/// The rows of a quote, as the page has them.
fn table(quote: &Quote) -> Vec<String> {
    let row = |name: &str, before: i64, after: i64| {
        format!("| {name} | {} | {} | {} |", money(before), money(before - after), money(after))
    };
    let lines = quote.lines.iter().map(|line| row(&format!("{} x {}", line.quantity, line.sku), line.original, line.payable));
    let postage = quote.postage.iter().map(|postage| row("postage", postage.original, postage.payable));
    let totals = &quote.totals;
    lines.chain(postage).chain([row("together", totals.goods + totals.postage, totals.payable)]).collect()
}

/// `2 x 1.49 + 3.00`, from left to right; `x 15 %` takes a share, `rounded down` says that it is. In cents, half up.
fn worked_out(sum: &str) -> i64 {
    let (sum, down) = sum.strip_suffix(", rounded down").map_or((sum, false), |sum| (sum, true));
    let words: Vec<&str> = sum.split(' ').collect();
    // Hundredths of a cent, times what has been divided by.
    let (mut value, mut divisor) = (i128::from(cents(words[0])), 1_i128);
    let mut at = 1;
    while at < words.len() {
        let operand = i128::from(cents(words[at + 1]));
        let percent = words.get(at + 2) == Some(&"%");
        match words[at] {
            "+" => value += operand * divisor,
            "-" => value -= operand * divisor,
            "x" => {
                value *= operand;
                divisor *= if percent { 10_000 } else { 100 };
            }
            "/" => {
                value *= 100;
                divisor *= operand;
            }
            other => panic!("{other:?} is no sign that is known: {sum}"),
        }
        at += if percent { 3 } else { 2 };
    }
    let rest = value.rem_euclid(divisor);
    let up = i128::from(!down && rest * 2 >= divisor);
    i64::try_from(value.div_euclid(divisor) + up).unwrap()
}

/// `1.49` and `3` in hundredths.
fn cents(number: &str) -> i64 {
    let (whole, rest) = number.split_once('.').unwrap_or((number, "00"));
    assert_eq!(rest.len(), 2, "{number:?} has two places");
    whole.parse::<i64>().unwrap() * 100 + rest.parse::<i64>().unwrap()
}

#[test]
fn sums_are_worked_out_so() {
    for (sum, expected) in [
        ("2 x 1.49", 298),
        ("4.47 - 0.90", 357),
        ("8.99 x 5 %", 45), // 44.95
        ("5.95 x 50 %, rounded down", 297),
        ("3.99 x 50 %", 200), // 199.5
        ("1.30 x 2.20 / 6.30", 45),
        ("3.00 + 2 x 1.00", 500), // from left to right
    ] {
        assert_eq!(worked_out(sum), expected, "{sum}");
    }
}
