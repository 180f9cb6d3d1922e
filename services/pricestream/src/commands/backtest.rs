//! Recorded sales under a policy, and what they say of how demand spreads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pricestream_domain::{Currency, Money, Product, Sku};
use pricestream_event_schema::parse_stock_change;
use pricestream_pricing_lab::backtest::{Goods, Settings, backtest};
use pricestream_pricing_lab::recorded::{Change, Recorded, profile, sales};
use pricestream_repricing_engine::Strategies;
use pricestream_repricing_engine::market::Family;
use serde_json::{Map, json};

use super::{Found, Usage, open_input, quote, read_text, report_problems};
use crate::cli::{Backtest as Options, Global, LearnProfiles, Recording};
use crate::report::{table, thousands};

pub(crate) fn run(global: &Global, options: &Options) -> Result<Found> {
    let strategies = match Strategies::from_json(&read_text(&options.strategies)?) {
        Ok(strategies) => strategies,
        Err(problems) => return Ok(report_problems(global, &options.strategies, &problems)),
    };
    let (recorded, products, unreadable) = read(&options.recording)?;
    let mut goods: BTreeMap<Sku, Goods> = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for product in products.values() {
        match strategies.policy_for(product) {
            Ok(resolved) => {
                let goods_of = Goods { product: Arc::new(product.clone()), policy: Arc::new(resolved.policy.clone()) };
                goods.insert(product.sku.clone(), goods_of);
            }
            Err(problem) => drop(unknown.insert(problem.to_string())),
        }
    }
    let settings = Settings {
        minutes: options.recording.minutes,
        plays: options.plays,
        seed: options.seed,
        family: Family::Exponential { sensitivity: 2.0 },
        profile_parts: options.recording.parts as usize,
    };
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} sales {per_sec}").expect("the template is valid");
    let bar = ProgressBar::new(recorded.len() as u64).with_style(style);
    let found = backtest(&recorded, &goods, &settings, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    if found.tested == 0 {
        return Err(Usage(
            "there is nothing to test on: a recording of two days or more is needed, the first only teaches".to_owned(),
        )
        .into());
    }
    let list = &found.outcomes[0].1;
    if global.json {
        let outcomes: Vec<_> = found
            .outcomes
            .iter()
            .map(|(name, outcome)| {
                let against = outcome.against(list);
                json!({ "policy": name, "revenue_minor": outcome.revenue.round(), "units": outcome.units, "leftover": outcome.leftover,
                    "price_moves": outcome.moves, "percent_of_list_price": 100.0 * against.mean, "plus_minus": 100.0 * against.half })
            })
            .collect();
        println!(
            "{}",
            json!({ "tested": found.tested, "taught_only": found.taught_only, "sold_out": found.sold_out, "unknown": found.unknown,
                "unreadable_lines": unreadable, "outcomes": outcomes })
        );
        return Ok(Found::Nothing);
    }
    let currency = products.values().next().map_or(Currency::USD, |product| product.list_price.currency);
    #[allow(clippy::cast_possible_truncation, reason = "an amount of a recording fits")]
    let money = |minor: f64| Money::new(minor.round() as i64, currency).to_string();
    println!(
        "{} sales tested, each with what those teach that were over before it; {} began before any was over and only teach{}{}",
        thousands(found.tested as u64),
        thousands(found.taught_only as u64),
        if found.unknown > 0 { format!("; {} of SKUs that the catalogue does not know", found.unknown) } else { String::new() },
        if unreadable > 0 { format!("; {unreadable} lines cannot be read") } else { String::new() },
    );
    let rows: Vec<Vec<String>> = found
        .outcomes
        .iter()
        .map(|(name, outcome)| {
            let against = outcome.against(list);
            vec![
                (*name).to_owned(),
                money(outcome.revenue),
                format!("{:+.2} % ± {:.2}", 100.0 * (against.mean - 1.0), 100.0 * against.half),
                format!("{:.0}", outcome.units),
                format!("{:.0}", outcome.leftover),
                format!("{:.0}", outcome.moves),
            ]
        })
        .collect();
    print!("\n{}", table(&["policy", "revenue", "against list", "units", "left over", "price moves"], &rows));
    println!(
        "\nWhat this assumes: each recorded unit is a buyer who would have paid at least what he paid; how many also pay more, or would have\n\
         come for less, follows the demand family of the document (exponential, sensitivity 2, where it says nothing). What it cannot\n\
         know: who would have bought after {} of these sales had sold out, so a policy that keeps units for later earns too little here;\n\
         whether the family is right; what buyers of other goods, competitors and those who wait for a lower price would have done.\n\
         Opening stock is the recording's: where that was made up, so is what is left over.",
        thousands(found.sold_out as u64)
    );
    for problem in unknown {
        println!("not tested: {problem}");
    }
    Ok(Found::Nothing)
}

pub(crate) fn learn_profiles(global: &Global, options: &LearnProfiles) -> Result<Found> {
    let recording = &options.recording;
    if recording.parts == 0 {
        return Err(Usage("a profile has at least one part: give --parts 1 or more".to_owned()).into());
    }
    let (recorded, products, unreadable) = read(recording)?;
    let mut by_category: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for sale in &recorded {
        let category = products.get(&sale.sku).and_then(|product| product.category.as_deref());
        by_category.entry(category.unwrap_or("everything-else")).or_default().push(sale);
    }
    let mut profiles = Map::new();
    let mut rows = Vec::new();
    for (category, sales) in by_category {
        let units: u64 = sales.iter().flat_map(|sale| &sale.sold).map(|sold| sold.units).sum();
        let count = sales.len() as u64;
        let Some(found) = profile(sales, recording.minutes, recording.parts as usize) else { continue };
        // Three digits are more than is known.
        let rounded: Vec<f64> = found.iter().map(|part| (part * 1_000.0).round() / 1_000.0).collect();
        let peak = rounded.iter().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other));
        let peak = peak.map_or(String::new(), |(part, height)| {
            format!("{height:.1} times the mean, at {} %", (2 * part + 1) * 50 / rounded.len())
        });
        rows.push(vec![category.to_owned(), thousands(count), thousands(units), peak]);
        profiles.insert(category.to_owned(), json!(rounded));
    }
    if !global.json {
        eprint!("{}", table(&["profile", "sales", "units", "peak"], &rows));
        if unreadable > 0 {
            eprintln!("{unreadable} lines cannot be read");
        }
    }
    println!("{}", serde_json::to_string_pretty(&json!({ "profiles": profiles }))?);
    Ok(Found::Nothing)
}

/// The sales of a recording, its catalogue, and how many lines cannot be read.
fn read(recording: &Recording) -> Result<(Vec<Recorded>, BTreeMap<Sku, Product>, u64)> {
    let products = quote::products(&recording.catalogue)?;
    let products: BTreeMap<Sku, Product> = products.into_iter().map(|product| (product.sku.clone(), product)).collect();
    let (recorded, unreadable) = recorded(&recording.file)?;
    Ok((recorded, products, unreadable))
}

/// The sales of recorded stock changes, and how many lines cannot be read.
pub(super) fn recorded(file: &Path) -> Result<(Vec<Recorded>, u64)> {
    let mut text = Vec::new();
    open_input(file)?.read_to_end(&mut text).with_context(|| format!("reading {}", file.display()))?;
    let mut unreadable = 0;
    let mut changes = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let Ok(change) = parse_stock_change(line) else {
            unreadable += 1;
            continue;
        };
        let cause = change.cause.as_deref();
        changes.push(Change {
            at: change.occurred_at,
            on_hand: change.on_hand,
            restock: cause == Some("restock"),
            sale: matches!(cause, None | Some("sale" | "order")),
            unit_price: change.unit_price.map(|price| price.minor),
            sku: change.sku,
        });
    }
    changes.sort_by_key(|change| change.at);
    Ok((sales(changes), unreadable))
}
