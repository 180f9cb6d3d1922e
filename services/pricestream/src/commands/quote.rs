//! What baskets cost under a rule set of promotions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use pricestream_domain::{Money, Sku};
use pricestream_embedded::{Access, Store, ready};
use pricestream_ports::RecordReads;
use pricestream_price_api::catalogue_lines;
use pricestream_promotion_engine::{Basket, Context as Asked, Found as Item, QuoteAnswer, QuoteRequest, RuleSet};
use serde_json::json;

use super::{Found, Usage, read_bytes, read_text};
use crate::cli::{Global, Priced, Quote, Timeline};
use crate::report::{Lines, table};

pub(crate) fn run(global: &Global, options: &Quote) -> Result<Found> {
    let (rules, basket, asked) = read(global, &options.priced)?;
    let quote = if options.all { rules.explain(&basket, &asked) } else { rules.quote(&basket, &asked) };
    let answer = quote.context("pricing the basket")?.answer();
    if global.json {
        println!("{}", serde_json::to_string(&answer)?);
    } else {
        show(&answer);
    }
    Ok(Found::Nothing)
}

pub(crate) fn timeline(global: &Global, options: &Timeline) -> Result<Found> {
    if options.until <= options.from {
        return Err(Usage("--until must come after --from".to_owned()).into());
    }
    let (rules, basket, asked) = read(global, &options.priced)?;
    let timeline = rules.timeline(&basket, &asked, options.from, options.until, options.most).context("pricing the basket")?;
    let money = |minor: i64| Money::new(minor, basket.currency);
    let lowest = timeline.lowest();
    if global.json {
        let slices = timeline.slices.iter().map(|slice| {
            let promotions: Vec<&str> = slice.promotions.iter().map(|id| &**id).collect();
            json!({ "from": slice.from, "until": slice.until, "payable": money(slice.payable()), "promotions": promotions })
        });
        let lowest = lowest.map(|slice| json!({ "from": slice.from, "payable": money(slice.payable()) }));
        println!("{}", json!({ "slices": slices.collect::<Vec<_>>(), "lowest": lowest, "cut": timeline.cut }));
        return Ok(Found::Nothing);
    }
    let rows: Vec<Vec<String>> = timeline
        .slices
        .iter()
        .map(|slice| {
            vec![slice.from.to_string(), slice.until.to_string(), money(slice.payable()).to_string(), slice.promotions.join(", ")]
        })
        .collect();
    print!("{}", table(&["from", "until", "payable", "promotions"], &rows));
    if let Some(slice) = lowest {
        println!("lowest: {} from {}", money(slice.payable()), slice.from);
    }
    if timeline.cut {
        println!("there is more: --most says how many slices are told");
    }
    Ok(Found::Nothing)
}

fn read(global: &Global, priced: &Priced) -> Result<(RuleSet, Basket, Asked)> {
    if global.target.is_some() {
        return Err(
            Usage("a basket is priced with a store (--data) or a catalogue (--catalogue), not at a --target".to_owned()).into()
        );
    }
    let rules = RuleSet::from_json(&read_text(&priced.rules)?).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        anyhow::anyhow!("{} has {} problems:\n{}", priced.rules.display(), problems.len(), told.join("\n"))
    })?;
    let request: QuoteRequest = serde_json::from_str(&read_text(&priced.basket)?)
        .with_context(|| format!("{} is no basket: see `pricestream quote --help`", priced.basket.display()))?;
    let (basket, asked) = match &priced.catalogue {
        Some(catalogue) => {
            let items = from_catalogue(catalogue)?;
            request.resolve(Timestamp::now(), |sku| items.get(sku).cloned())
        }
        None => {
            let store = Store::open(&global.directory(), Access::Read)?;
            request.resolve(Timestamp::now(), |sku| from_store(&store, sku))
        }
    }
    .context("the basket cannot be priced")?;
    Ok((rules, basket, asked))
}

/// The products of a catalogue.
pub(super) fn products(file: &Path) -> Result<Vec<pricestream_domain::Product>> {
    let lines = catalogue_lines(&read_bytes(file)?);
    if let Some(problem) = lines.problems.first() {
        bail!("{}, line {}: {}", file.display(), problem.line, problem.errors.join("; "));
    }
    Ok(lines.products)
}

/// Products at their list prices.
fn from_catalogue(file: &Path) -> Result<HashMap<Sku, Item>> {
    let item = |product: pricestream_domain::Product| {
        let unit_price = product.list_price;
        (product.sku.clone(), Item { product: Arc::new(product), unit_price, stock_left: None })
    };
    Ok(products(file)?.into_iter().map(item).collect())
}

/// A product at its current price.
fn from_store(store: &Store, sku: &Sku) -> Option<Item> {
    let unit_price = ready(store.price(sku)).ok()??.standing?.price;
    let inputs = ready(store.inputs(sku)).ok()?;
    let product = Arc::new(inputs.product?.product.clone());
    Some(Item { product, unit_price, stock_left: inputs.inventory.map(|inventory| inventory.on_hand) })
}

fn show(answer: &QuoteAnswer) {
    let lines: Vec<Vec<String>> = answer
        .lines
        .iter()
        .map(|line| {
            let off: Vec<&str> = line.off.iter().map(|share| share.promotion.as_str()).collect();
            vec![line.id.clone(), line.quantity.to_string(), line.original.to_string(), line.payable.to_string(), off.join(", ")]
        })
        .collect();
    print!("{}", table(&["line", "units", "before", "payable", "promotions"], &lines));
    let mut sums = Lines::default();
    sums.add("goods", answer.goods).add("off", answer.goods_off);
    if let Some(postage) = &answer.postage {
        sums.add("postage", format!("{} (before promotions {})", postage.payable, postage.original));
    }
    for tax in &answer.taxes {
        sums.add(format!("tax at {}", tax.rate_bp), tax.tax);
    }
    for funding in &answer.funding {
        sums.add(format!("{} pays", funding.party), funding.pays);
    }
    for packet in &answer.red_packets {
        sums.add(format!("red packet {} pays", packet.id), packet.used);
    }
    if answer.points > 0 {
        sums.count("points spent", answer.points);
    }
    sums.add("payable", answer.payable);
    print!("\n{sums}\n");
    let promotions: Vec<Vec<String>> =
        answer.promotions.iter().map(|promotion| vec![promotion.promotion.clone(), promotion.why.clone()]).collect();
    print!("{}", table(&["promotion", "what became of it"], &promotions));
    if !answer.near_misses.is_empty() {
        println!();
        for miss in &answer.near_misses {
            println!("hint: {}", miss.hint);
        }
    }
    if !answer.degraded.is_empty() {
        println!("degraded: {} switched off", answer.degraded.join(", "));
    }
}
