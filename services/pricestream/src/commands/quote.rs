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

use super::{Found, Usage, read_bytes, read_text, report_problems};
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

pub(crate) fn check(global: &Global, file: &Path) -> Result<Found> {
    Ok(report_problems(global, file, &RuleSet::from_json(&read_text(file)?).err().unwrap_or_default()))
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
            let find = |sku: &Sku| items.get(sku).cloned();
            request.resolve(Timestamp::now(), find).map(|(basket, asked)| with_gifts(&rules, basket, asked, find))
        }
        None => {
            let store = Store::open(&global.directory(), Access::Read)?;
            let find = |sku: &Sku| from_store(&store, sku);
            request.resolve(Timestamp::now(), find).map(|(basket, asked)| with_gifts(&rules, basket, asked, find))
        }
    }
    .context("the basket cannot be priced")?;
    Ok((rules, basket, asked))
}

fn with_gifts(rules: &RuleSet, basket: Basket, mut asked: Asked, find: impl FnMut(&Sku) -> Option<Item>) -> (Basket, Asked) {
    rules.find_gifts(&basket, &mut asked, find);
    (basket, asked)
}

/// Products at their list prices.
fn from_catalogue(file: &Path) -> Result<HashMap<Sku, Item>> {
    let lines = catalogue_lines(&read_bytes(file)?);
    if let Some(problem) = lines.problems.first() {
        bail!("{}, line {}: {}", file.display(), problem.line, problem.errors.join("; "));
    }
    let item = |product: pricestream_domain::Product| {
        let unit_price = product.list_price;
        (product.sku.clone(), Item { product: Arc::new(product), unit_price, stock_left: None })
    };
    Ok(lines.products.into_iter().map(item).collect())
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
    if !answer.groups.is_empty() {
        let groups: Vec<Vec<String>> = answer
            .groups
            .iter()
            .map(|group| {
                let postage = group.postage.as_ref().map_or_else(String::new, |postage| postage.payable.to_string());
                let goods = group.goods.minor - group.goods_off.minor;
                let goods = Money::new(goods, group.goods.currency).to_string();
                vec![group.key.clone().unwrap_or_default(), group.lines.join(", "), goods, postage, group.payable.to_string()]
            })
            .collect();
        print!("\n{}", table(&["order", "lines", "goods", "postage", "payable"], &groups));
    }
    if !answer.coupons.is_empty() {
        let coupons: Vec<Vec<String>> = answer
            .coupons
            .iter()
            .map(|coupon| vec![coupon.code.clone(), coupon.status.replace('_', " "), coupon.why.clone()])
            .collect();
        print!("\n{}", table(&["code", "status", "why"], &coupons));
    }
    if !answer.gifts.is_empty() {
        let gifts: Vec<Vec<String>> = answer
            .gifts
            .iter()
            .map(|gift| {
                let worth = gift.worth.map_or_else(String::new, |worth| worth.to_string());
                vec![gift.sku.to_string(), gift.quantity.to_string(), worth, gift.promotion.clone()]
            })
            .collect();
        print!("\n{}", table(&["gift", "units", "worth", "promotion"], &gifts));
    }
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
