//! What baskets cost under a rule set of promotions.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use pricestream_documents::Problem;
use pricestream_domain::Sku;
use pricestream_embedded::{Access, Store, ready};
use pricestream_ports::{Documents, Promotions, RecordReads, SettingsSnapshot, Taken, UsageReads};
use pricestream_price_api::catalogue_lines;
use pricestream_promotion_engine::{Basket, Context as Asked, Found as Item, LimitAsked, QuoteRequest, RequestFault, RuleSet};
use serde_json::Value;
use ureq::http::Method;

use super::{Found, Usage, read_bytes, read_text};
use crate::cli::{Global, PricedWith, Quote, Timeline};
use crate::report::{Lines, shown, table};

pub(crate) fn run(global: &Global, options: &Quote) -> Result<Found> {
    price(global, &options.priced.basket, &options.priced.with, options.all)
}

/// Says what a basket costs and why; `all`: told of every promotion of the rule set, not only of those that concern it.
pub(super) fn price(global: &Global, basket: &Path, with: &PricedWith, all: bool) -> Result<Found> {
    let answer = match asked_of_server(global, basket, with)? {
        Some((client, request)) => {
            client.ask(&Method::POST, &format!("/v1/quotes?all={all}"), "application/json", request.as_bytes())?
        }
        None => {
            let (rules, basket, asked) = read(global, basket, with)?;
            let quote = if all { rules.explain(&basket, &asked) } else { rules.quote(&basket, &asked) };
            serde_json::to_value(quote.context("pricing the basket")?.answer())?
        }
    };
    if global.json {
        println!("{answer}");
    } else {
        show(&answer);
    }
    Ok(Found::Nothing)
}

pub(crate) fn timeline(global: &Global, options: &Timeline) -> Result<Found> {
    let Timeline { from, until, most, .. } = *options;
    if until <= from {
        return Err(Usage("--until must come after --from".to_owned()).into());
    }
    let answer = match asked_of_server(global, &options.priced.basket, &options.priced.with)? {
        Some((client, request)) => {
            let path = format!("/v1/quotes:timeline?from={from}&until={until}&most={most}");
            client.ask(&Method::POST, &path, "application/json", request.as_bytes())?
        }
        None => {
            let (rules, basket, asked) = read(global, &options.priced.basket, &options.priced.with)?;
            let timeline = rules.timeline(&basket, &asked, from, until, most).context("pricing the basket")?;
            serde_json::to_value(timeline.answer(basket.currency))?
        }
    };
    if global.json {
        println!("{answer}");
        return Ok(Found::Nothing);
    }
    let rows = list(&answer, "slices")
        .map(|slice| vec![text(slice, "from"), text(slice, "until"), text(slice, "payable"), names(slice, "promotions", None)]);
    print!("{}", table(&["from", "until", "payable", "promotions"], &rows.collect::<Vec<_>>()));
    if let Some(slice) = answer.get("lowest") {
        println!("lowest: {} from {}", text(slice, "payable"), text(slice, "from"));
    }
    if answer["cut"] == true {
        println!("there is more: --most says how many slices are told");
    }
    show_degraded(&answer);
    Ok(Found::Nothing)
}

/// The server to ask and what to ask it, if one was named: it has its own rule set and products.
fn asked_of_server(global: &Global, basket: &Path, with: &PricedWith) -> Result<Option<(crate::client::Client, String)>> {
    let Some(client) = global.client()? else { return Ok(None) };
    if with.rules.is_some() || with.catalogue.is_some() {
        let text = "a --target prices with its own rule set and catalogue: leave --rules and --catalogue out";
        return Err(Usage(text.to_owned()).into());
    }
    Ok(Some((client, read_text(basket)?)))
}

/// What a basket is priced under and with, what is left of limited promotions included.
pub(super) fn read(global: &Global, basket_file: &Path, with: &PricedWith) -> Result<(RuleSet, Basket, Asked)> {
    let told = |file: &Path, problems: Vec<Problem>| {
        let told: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        anyhow::anyhow!("{} has {} problems:\n{}", file.display(), problems.len(), told.join("\n"))
    };
    let given = match &with.rules {
        Some(file) => Some(RuleSet::from_json(&read_text(file)?).map_err(|problems| told(file, problems))?),
        None => None,
    };
    let request = QuoteRequest::from_json(&read_text(basket_file)?).map_err(|problems| told(basket_file, problems))?;
    let now = Timestamp::now();
    let unresolved = |faults: Vec<RequestFault>| {
        let problem = |fault: RequestFault| Problem { path: fault.path, message: fault.error.to_string() };
        told(basket_file, faults.into_iter().map(problem).collect())
    };
    let (rules, (basket, mut asked), store) = match &with.catalogue {
        Some(catalogue) => {
            let needed = || Usage("with --catalogue name the --rules too: there is no store to take them from".to_owned());
            let rules = given.ok_or_else(needed)?;
            let items = from_catalogue(catalogue)?;
            let resolved = resolve(request, &rules, now, |sku| items.get(sku).cloned()).map_err(unresolved)?;
            (rules, resolved, None)
        }
        None => {
            let store = Store::open(&global.directory(), Access::Read)?;
            let (rules, components_off) = match given {
                Some(rules) => (rules, BTreeSet::new()),
                None => in_force(&store)?,
            };
            let (basket, mut asked) = resolve(request, &rules, now, |sku| from_store(&store, sku)).map_err(unresolved)?;
            asked.switched_off.extend(components_off);
            (rules, (basket, asked), Some(store))
        }
    };
    let limits = rules.limits_asked(&basket, &asked).context("the basket cannot be priced")?;
    asked.left = match store {
        Some(store) => ready(store.left(&limits, &[], now)).context("reading what is left of limited promotions")?,
        // Nobody has bought anything: limits bind within this one order.
        None => limits.iter().map(|of| (of.promotion.to_string(), nothing_taken(of).left(&of.limit))).collect(),
    };
    Ok((rules, basket, asked))
}

fn nothing_taken(asked: &LimitAsked) -> Taken {
    Taken { coupons: vec![0; asked.coupons.len()], ..Taken::default() }
}

pub(super) fn resolve(
    request: QuoteRequest,
    rules: &RuleSet,
    now: Timestamp,
    find: impl Fn(&Sku) -> Option<Item>,
) -> Result<(Basket, Asked), Vec<RequestFault>> {
    let (basket, mut asked) = request.resolve(now, &find)?;
    rules.find_gifts(&basket, &mut asked, &find);
    Ok((basket, asked))
}

/// The rule set that a store has in force, and the components that are switched off in it; none without promotions.
fn in_force(store: &Store) -> Result<(RuleSet, BTreeSet<String>)> {
    let rules = |text: &str| {
        RuleSet::from_json(text).map_err(|problems| anyhow::anyhow!("the rule set in force has {} problems", problems.len()))
    };
    let none = || Ok((rules(r#"{"version":1}"#)?, BTreeSet::new()));
    let Some(stored) = ready(store.settings()).context("reading the settings")? else { return none() };
    match SettingsSnapshot::of(&stored, &SettingsSnapshot::frozen()).0.promotions {
        Promotions::InForce { rules: published, without } => Ok((rules(&published.text)?, without.components.clone())),
        Promotions::Unreadable => bail!("the rule set in force cannot be read by this version: publish it anew"),
        Promotions::None => none(),
    }
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
        (product.sku.clone(), Item { product: Arc::new(product), unit_price, stock_left: None, last_price: None })
    };
    Ok(products(file)?.into_iter().map(item).collect())
}

/// A product at its current price.
pub(super) fn from_store(store: &Store, sku: &Sku) -> Option<Item> {
    let unit_price = ready(store.price(sku)).ok()??.standing?.price;
    let inputs = ready(store.inputs(sku)).ok()?;
    let product = Arc::new(inputs.product?.product.clone());
    Some(Item { product, unit_price, stock_left: inputs.inventory.map(|inventory| inventory.on_hand), last_price: None })
}

pub(super) fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    of.get(field).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn text(of: &Value, field: &str) -> String {
    of.get(field).and_then(shown).unwrap_or_default()
}

/// A list of names, or of things by one of their fields.
fn names(of: &Value, field: &str, by: Option<&str>) -> String {
    let name = |one: &Value| by.map_or_else(|| shown(one).unwrap_or_default(), |by| text(one, by));
    list(of, field).map(name).collect::<Vec<_>>().join(", ")
}

fn show_degraded(answer: &Value) {
    for of in list(answer, "degraded") {
        println!("degraded: {} is left out ({})", text(of, "component"), text(of, "why"));
    }
}

fn show(answer: &Value) {
    let rows = |field: &str, cells: &dyn Fn(&Value) -> Vec<String>| list(answer, field).map(cells).collect::<Vec<_>>();
    let lines = rows("lines", &|line| {
        let mut cells: Vec<String> = ["id", "quantity", "original", "payable"].map(|field| text(line, field)).into();
        cells.push(names(line, "off", Some("promotion")));
        cells
    });
    print!("{}", table(&["line", "units", "before", "payable", "promotions"], &lines));
    let mut sums = Lines::default();
    sums.add("goods", text(answer, "goods")).add("off", text(answer, "goods_off"));
    if let Some(postage) = answer.get("postage").filter(|postage| !postage.is_null()) {
        sums.add("postage", format!("{} (before promotions {})", text(postage, "payable"), text(postage, "original")));
    }
    for tax in list(answer, "taxes") {
        let rate = tax.get("rate_bp").and_then(Value::as_u64).unwrap_or(0);
        sums.add(format!("tax at {}.{:02} %", rate / 100, rate % 100), text(tax, "tax"));
    }
    for funding in list(answer, "funding") {
        sums.add(format!("{} pays", text(funding, "party")), text(funding, "pays"));
    }
    for packet in list(answer, "red_packets") {
        sums.add(format!("red packet {} pays", text(packet, "id")), text(packet, "used"));
    }
    if answer.get("points").and_then(Value::as_u64).is_some_and(|points| points > 0) {
        sums.add("points spent", text(answer, "points"));
    }
    sums.add("payable", text(answer, "payable"));
    print!("\n{sums}\n");
    let of = |fields: &'static [&'static str]| move |one: &Value| fields.iter().map(|field| text(one, field)).collect();
    print!("{}", table(&["promotion", "what became of it"], &rows("promotions", &of(&["promotion", "why"]))));
    for (field, titles, fields) in [
        ("coupons", &["code", "status", "why"][..], &["code", "status", "why"][..]),
        ("gifts", &["gift", "units", "worth", "promotion"], &["sku", "quantity", "worth", "promotion"]),
        (
            "groups",
            &["order", "lines", "goods", "off", "postage", "payable"],
            &["key", "lines", "goods", "goods_off", "postage", "payable"],
        ),
    ] {
        let rows = rows(field, &of(fields));
        if !rows.is_empty() {
            print!("\n{}", table(titles, &rows));
        }
    }
    let groups = rows("groups", &|group| {
        let postage = group.get("postage").map(|postage| text(postage, "payable")).unwrap_or_default();
        vec![
            text(group, "key"),
            names(group, "lines", None),
            text(group, "goods"),
            text(group, "goods_off"),
            postage,
            text(group, "payable"),
        ]
    });
    if !groups.is_empty() {
        print!("\n{}", table(&["order", "lines", "goods", "off", "postage", "payable"], &groups));
    }
    for miss in list(answer, "near_misses") {
        println!("hint: {}", text(miss, "hint"));
    }
    show_degraded(answer);
    for risk in list(answer, "risks") {
        let line = risk.get("line").and_then(Value::as_str).map(|line| format!("line {line}: ")).unwrap_or_default();
        println!("risk: {line}{} ({}: {})", text(risk, "why"), text(risk, "guard"), text(risk, "action"));
    }
    if answer["sellable"] == false {
        println!("not for sale: the rule set's policies forbid it");
    }
}
