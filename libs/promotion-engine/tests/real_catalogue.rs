//! The grocery rule set over the catalogue of a real supermarket, which is not part of this project: docs/promotions-grocery.md
//! says how to get it. `PRICESTREAM_REAL_CATALOGUE` names its file.

mod example_shop;
mod shop;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use example_shop::{examples, found, read};
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Currency, Money, Product, Sku};
use pricestream_promotion_engine::{
    Basket, Context, Customer, Document, Effect, Found, Line, Outcome, Postage, Quote, RedPacket, RuleSet, Severity, findings,
};
use serde_json::Value;
use shop::assert_conserved;

fn rule_set() -> RuleSet {
    RuleSet::from_json(&read(&examples().join("promotions/grocery.json"))).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Every text in lists under this name, wherever it stands.
fn named(value: &Value, name: &str, to: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named(item, name, to)),
        Value::Object(fields) => {
            for (field, value) in fields {
                if field == name {
                    to.extend(value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
                }
                named(value, name, to);
            }
        }
        _ => {}
    }
}

fn named_in_rule_set(name: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    named(&serde_json::from_str(&read(&examples().join("promotions/grocery.json"))).unwrap(), name, &mut names);
    names
}

/// Tags and the words in names that stand for them.
fn tags() -> BTreeMap<String, Vec<String>> {
    serde_json::from_str(&read(&examples().join("grocery-tags.json"))).unwrap()
}

#[test]
fn the_grocery_rule_set_is_one_of_many_kinds_and_its_tags_have_words() {
    let rules = rule_set();
    assert!(rules.promotions().count() >= 40, "{} promotions", rules.promotions().count());
    let kinds: BTreeSet<&str> = rules.promotions().map(|promotion| promotion.effect.component()).collect();
    assert!(kinds.len() + 1 >= Effect::NAMES.len().min(21), "{kinds:?}");
    let known: BTreeSet<String> = tags().into_keys().collect();
    assert_eq!(named_in_rule_set("tags").difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "tags without words");
}

/// The products of the catalogue, tagged by words in their names where they have no tags.
fn catalogue(text: &str) -> HashMap<Sku, Found> {
    let tags = tags();
    let mut found = found(text);
    for found in found.values_mut() {
        let product = Arc::make_mut(&mut found.product);
        if product.tags.is_empty() {
            let stands_for = |words: &Vec<String>| words.iter().any(|word| product.name.contains(word.as_str()));
            product.tags = tags.iter().filter(|(_, words)| stands_for(words)).map(|(tag, _)| tag.clone()).collect();
        }
    }
    found
}

/// What the file named holds; nothing, and said so, where none is.
fn real_catalogue() -> Option<HashMap<Sku, Found>> {
    let file = std::env::var_os("PRICESTREAM_REAL_CATALOGUE");
    if file.is_none() {
        eprintln!("SKIPPED: set PRICESTREAM_REAL_CATALOGUE to a catalogue of the sales data (docs/promotions-grocery.md)");
    }
    Some(catalogue(&read(file?.as_ref())))
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// A shopper's basket: mostly a few things of many categories, sometimes much of one.
fn basket(shelves: &[Vec<&Found>], dice: &mut Dice) -> Basket {
    let mut lines: BTreeMap<Sku, Line> = BTreeMap::new();
    let one_shelf = dice.one_in(4).then(|| dice.roll(shelves.len()));
    for _ in 0..=dice.roll(20) {
        let shelf = &shelves[one_shelf.unwrap_or_else(|| dice.roll(shelves.len()))];
        let found = shelf[dice.roll(shelf.len())];
        let quantity = if dice.one_in(5) { 1 + dice.roll(8) } else { 1 + dice.roll(2) };
        let line = Line {
            id: found.product.sku.as_str().into(),
            product: Arc::clone(&found.product),
            quantity: u32::try_from(quantity).unwrap(),
            unit_price: found.unit_price,
            last_price: None,
            delivery: None,
            stock_left: None,
        };
        lines.insert(found.product.sku.clone(), line);
    }
    let postage = Postage { amount: Money::new(599, Currency::USD), method: Some("delivery".to_owned()) };
    let postage = (!dice.one_in(3)).then_some(postage);
    Basket { currency: Currency::USD, lines: lines.into_values().collect(), postage }
}

/// Who shops, and when in the week of the data.
fn context(dice: &mut Dice) -> Context {
    let week: Timestamp = "2017-11-20T05:00:00Z".parse().unwrap();
    let minutes = i64::try_from(dice.roll(7 * 24 * 60)).unwrap();
    let mut context = Context { at: week + SignedDuration::from_mins(minutes), ..Context::default() };
    context.customer =
        Customer { id: Some("c-1".to_owned()), orders_placed: u32::try_from(dice.roll(4)).unwrap(), ..Customer::default() };
    context.customer.groups.extend(dice.one_in(2).then(|| "members".to_owned()));
    context.customer.groups.extend(dice.one_in(5).then(|| "seniors".to_owned()));
    let codes = ["THANKS10", "first5", "CARE15", "GUESSED"];
    context.coupons.extend(dice.one_in(2).then(|| codes[dice.roll(codes.len())].to_owned()));
    context.points = if dice.one_in(3) { dice.roll(3_000) as u64 } else { 0 };
    if dice.one_in(5) {
        let minor = i64::try_from(dice.roll(900)).unwrap();
        context.red_packets.push(RedPacket { id: "p".to_owned(), amount: Money::new(minor, Currency::USD) });
    }
    context
}

fn applied(quote: &Quote) -> impl Iterator<Item = (&str, i64)> {
    quote.decisions.iter().filter_map(|decision| match decision.outcome {
        Outcome::Applied { off, .. } => Some((&*decision.promotion, off)),
        Outcome::Declined(_) => None,
    })
}

#[test]
fn a_check_against_the_real_catalogue_has_notes_at_most() {
    let Some(catalogue) = real_catalogue() else { return };
    let products: Vec<Product> = catalogue.values().map(|found| (*found.product).clone()).collect();
    let document = Document::from_json(&read(&examples().join("promotions/grocery.json"))).unwrap();
    let found = findings(&document, &RuleSet::compile(&document), Some(&products));
    assert!(found.gravest() <= Some(Severity::Note), "{found:#?}");
    assert!(found.cut.is_empty(), "{:?}", found.cut);
}

#[test]
fn random_baskets_of_the_real_catalogue_add_up_and_every_promotion_applies() {
    let Some(catalogue) = real_catalogue() else { return };
    let mut shelves: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for found in catalogue.values() {
        shelves.entry(found.product.category.as_deref().unwrap_or_default()).or_default().push(found);
    }
    for shelf in shelves.values_mut() {
        shelf.sort_by(|one, other| one.product.sku.cmp(&other.product.sku));
    }
    let categories = named_in_rule_set("categories");
    let missing: Vec<&String> = categories.iter().filter(|category| !shelves.contains_key(category.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new(), "categories that the catalogue does not have");
    let in_catalogue: BTreeSet<&String> = catalogue.values().flat_map(|found| &found.product.tags).collect();
    let tags = named_in_rule_set("tags");
    assert_eq!(
        tags.iter().filter(|tag| !in_catalogue.contains(tag)).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "tags of nothing"
    );

    let rules = rule_set();
    let shelves: Vec<Vec<&Found>> = shelves.into_values().collect();
    let mut dice = Dice(0x5EED);
    let mut times: BTreeMap<String, (u64, i64)> = rules.promotions().map(|promotion| (promotion.id.clone(), (0, 0))).collect();
    let (mut goods, mut off, mut lines) = (0, 0, 0);
    let baskets: Vec<(Basket, Context)> = (0..5_000).map(|_| (basket(&shelves, &mut dice), context(&mut dice))).collect();
    let begun = Instant::now();
    let quotes: Vec<Quote> = baskets.iter().map(|(basket, context)| rules.quote(basket, context).unwrap()).collect();
    let took = begun.elapsed();
    for (place, (quote, (basket, context))) in quotes.iter().zip(&baskets).enumerate() {
        assert_conserved(quote);
        for (id, off) in applied(quote) {
            let times = times.get_mut(id).unwrap();
            *times = (times.0 + 1, times.1 + off);
        }
        goods += quote.totals.goods;
        off += quote.totals.goods_off;
        lines += basket.lines.len();
        if place % 100 == 0 {
            assert_eq!(rules.explain(basket, context).unwrap().totals, quote.totals);
            let hour = context.at + SignedDuration::from_hours(1);
            let lane = rules.timeline(basket, context, context.at, hour, 10).unwrap();
            let postage = quote.postage.as_ref().map_or(0, |postage| postage.payable);
            assert_eq!(lane.slices[0].payable(), quote.totals.goods - quote.totals.goods_off + postage);
        }
    }
    println!(
        "{} SKUs, {} baskets of {} lines in all, {} off {} ({} %), {took:?} in all",
        catalogue.len(),
        quotes.len(),
        lines,
        example_shop::money(off),
        example_shop::money(goods),
        off * 100 / goods
    );
    for (id, (times, off)) in &times {
        println!("{id:>24} {times:>5} times {:>10}", example_shop::money(*off));
    }
    let never: Vec<&String> = times.iter().filter(|(_, (times, _))| *times == 0).map(|(id, _)| id).collect();
    assert_eq!(never, Vec::<&String>::new(), "promotions that no basket gets");
}
