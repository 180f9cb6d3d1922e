use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use pricestream_documents::{ContentHash, Problem, Reader, Zone, parse};
use pricestream_domain::{Product, Sku};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Demand, Guardrails, Policy, Profile, Resolved, Strategy};

/// A SKU is to be priced by a strategy that the document does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue line names strategy {0:?}, which the strategies document does not have")]
pub struct UnknownStrategy(pub String);

/// The strategies document, checked and ready: which SKU is priced by what. Cheap to ask.
#[derive(Debug)]
pub struct Strategies {
    hash: ContentHash,
    by_name: BTreeMap<String, Strategy>,
    profiles: BTreeMap<String, Profile>,
    zone: Zone,
    default: Entry,
    by_category: HashMap<String, (Entry, Slot)>,
    anywhere: Slot,
    by_sku: HashMap<Sku, Entry>,
    /// Policies of the few SKUs with an entry of their own, by what else they depend on.
    of_skus: RwLock<HashMap<(Sku, String), Arc<Resolved>>>,
}

/// The policies of one category, or of all others: with its own strategy, and with each that a product may name.
#[derive(Debug)]
struct Slot {
    plain: Arc<Resolved>,
    named: HashMap<String, Arc<Resolved>>,
}

/// What an entry of the document says; what it leaves out is the next wider entry's to say.
#[derive(Clone, Debug, Default)]
struct Entry {
    strategy: Option<String>,
    floor_percent_of_list: Option<u32>,
    guardrails: Map<String, Value>,
    demand: Option<Demand>,
}

/// The document as JSON Schema has it; the checks of [`Strategies::from_json`] go further.
#[derive(JsonSchema)]
#[schemars(rename = "Strategies", deny_unknown_fields)]
#[allow(dead_code, reason = "its schema is what it is for")]
struct Document {
    /// Layout of the document: 1.
    version: u32,
    /// Where days and times of day are; UTC when absent.
    time_zone: Option<Zone>,
    /// Strategies by name.
    strategies: BTreeMap<String, Strategy>,
    /// How demand spreads over a sale, by the name of a kind of sale.
    profiles: Option<BTreeMap<String, Profile>>,
    /// For every SKU; must name a strategy.
    default: EntryDocument,
    /// For the SKUs of a category, over the default.
    categories: Option<BTreeMap<String, EntryDocument>>,
    /// For one SKU, over its category.
    skus: Option<BTreeMap<Sku, EntryDocument>>,
}

/// One entry; a catalogue line's own `strategy` stands between the SKU's entry and the category's.
#[derive(JsonSchema)]
#[schemars(rename = "Entry", deny_unknown_fields)]
#[allow(dead_code, reason = "its schema is what it is for")]
struct EntryDocument {
    /// Name of a strategy.
    strategy: Option<String>,
    /// The floor of a product that states none, 0..=100.
    floor_percent_of_list: Option<u32>,
    /// Those named replace those of the wider entry one by one; null takes one away.
    guardrails: Option<Guardrails>,
    /// What is expected of demand; strategies for sales need it.
    demand: Option<Demand>,
}

/// JSON Schema of the strategies document.
pub fn document_schema() -> Value {
    serde_json::to_value(schemars::schema_for!(Document)).expect("a schema is JSON")
}

impl Strategies {
    /// Reads and checks a document. Errors: every problem that it has, each with its path (whether a strategy makes sense is
    /// asked once it reads); then nothing of it counts.
    pub fn from_json(text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let value = parse(text, &mut problems);
        let Some(mut root) = value.as_ref().and_then(Value::as_object).cloned() else {
            if value.is_some() {
                problems.push(Problem { path: String::new(), message: "the document must be a JSON object".to_owned() });
            }
            return Err(problems);
        };
        let mut reader = Reader { problems };
        if root.remove("version") != Some(Value::from(1)) {
            reader.problem("version", "must be 1");
        }
        let zone = match root.remove("time_zone") {
            None => Zone::UTC,
            Some(name) => reader.read("time_zone", name).unwrap_or(Zone::UTC),
        };
        let mut strategies = BTreeMap::new();
        for (name, value) in reader.object("strategies", root.remove("strategies"), true) {
            let path = format!("strategies.{name}");
            let strategy = reader.strategy(&path, value);
            strategies.insert(name, strategy);
        }
        let mut profiles = BTreeMap::new();
        for (name, value) in reader.object("profiles", root.remove("profiles"), false) {
            let path = format!("profiles.{name}");
            let profile: Option<Profile> = reader.read(&path, value);
            reader.problems.extend(profile.iter().flat_map(|profile| profile.problems(&path)));
            profiles.insert(name, profile);
        }
        let known = Known { strategies: &|name| strategies.contains_key(name), profiles: &|name| profiles.contains_key(name) };
        let sale = strategies.iter().find(|(_, strategy)| strategy.as_ref().is_some_and(|strategy| strategy.sale().is_some()));
        // One that cannot be read has its own problem.
        let unnamed = root.get("default").is_none_or(|default| default.is_object() && default.get("strategy").is_none());
        let says_no_demand = root.get("default").is_some_and(|default| default.is_object() && default.get("demand").is_none());
        let default = match root.remove("default") {
            Some(value) => reader.entry("default", value, &known),
            None => Entry::default(),
        };
        if unnamed {
            reader.problem("default", "must name the strategy of every SKU that nothing else names one for");
        }
        if let Some((name, _)) = sale.filter(|_| says_no_demand) {
            reader.problem("default", format!("must say what is expected of demand (`demand`), which strategy {name:?} needs"));
        }
        let mut categories = Vec::new();
        for (category, value) in reader.object("categories", root.remove("categories"), false) {
            let entry = reader.entry(&format!("categories.{category}"), value, &known);
            categories.push((category, entry));
        }
        let mut by_sku = HashMap::new();
        for (sku, value) in reader.object("skus", root.remove("skus"), false) {
            let path = format!("skus.{sku}");
            let entry = reader.entry(&path, value, &known);
            match Sku::new(&sku) {
                Ok(sku) => drop(by_sku.insert(sku, entry)),
                Err(error) => reader.problem(&path, error.to_string()),
            }
        }
        for field in root.keys() {
            reader.problem(
                field,
                "is no field of the document: version, time_zone, strategies, profiles, default, categories, skus",
            );
        }
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let strategies = strategies.into_iter().filter_map(|(name, strategy)| Some((name, strategy?))).collect();
        let profiles = profiles.into_iter().filter_map(|(name, profile)| Some((name, profile?))).collect();
        let hash = ContentHash::of_json(&value);
        Ok(Self::compile(hash, strategies, profiles, zone, default, categories, by_sku))
    }

    fn compile(
        hash: ContentHash,
        strategies: BTreeMap<String, Strategy>,
        profiles: BTreeMap<String, Profile>,
        zone: Zone,
        default: Entry,
        categories: Vec<(String, Entry)>,
        by_sku: HashMap<Sku, Entry>,
    ) -> Self {
        let slot = |entry: &Entry| {
            let resolve = |named: Option<&str>| resolve((&strategies, &profiles), &zone, &[Some(entry), Some(&default)], named);
            Slot { plain: resolve(None), named: strategies.keys().map(|name| (name.clone(), resolve(Some(name)))).collect() }
        };
        let anywhere = slot(&Entry::default());
        let by_category = categories.into_iter().map(|(category, entry)| {
            let slot = slot(&entry);
            (category, (entry, slot))
        });
        let by_category = by_category.collect();
        Self { hash, by_category, anywhere, by_name: strategies, profiles, zone, default, by_sku, of_skus: RwLock::default() }
    }

    /// What `product` is priced by: its own entry, then its catalogue line, then its category's entry, then the default.
    ///
    /// Errors: the catalogue line names a strategy that there is none of; never silently replaced by another.
    pub fn policy_for(&self, product: &Product) -> Result<Arc<Resolved>, UnknownStrategy> {
        if !self.by_sku.is_empty()
            && let Some(entry) = self.by_sku.get(&product.sku)
        {
            return self.policy_of_sku(product, entry);
        }
        let category = product.category.as_deref().and_then(|category| self.by_category.get(category));
        let slot = category.map_or(&self.anywhere, |(_, slot)| slot);
        match &product.strategy {
            None => Ok(Arc::clone(&slot.plain)),
            Some(name) => slot.named.get(name).cloned().ok_or_else(|| UnknownStrategy(name.clone())),
        }
    }

    /// Of the document's content.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Names of its strategies.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    fn policy_of_sku(&self, product: &Product, entry: &Entry) -> Result<Arc<Resolved>, UnknownStrategy> {
        let named = product.strategy.as_deref().filter(|_| entry.strategy.is_none());
        if let Some(name) = named.filter(|name| !self.by_name.contains_key(*name)) {
            return Err(UnknownStrategy(name.to_owned()));
        }
        let category = product.category.as_deref().and_then(|category| self.by_category.get(category)).map(|(entry, _)| entry);
        let context = format!("{:?}/{named:?}", product.category.as_deref().filter(|_| category.is_some()));
        let key = (product.sku.clone(), context);
        if let Some(known) = self.of_skus.read().ok().and_then(|known| known.get(&key).cloned()) {
            return Ok(known);
        }
        let resolved = resolve((&self.by_name, &self.profiles), &self.zone, &[Some(entry), category, Some(&self.default)], named);
        if let Ok(mut known) = self.of_skus.write() {
            known.insert(key, Arc::clone(&resolved));
        }
        Ok(resolved)
    }
}

/// The policy of `entries`, the narrowest first; `named` is the catalogue line's strategy.
fn resolve(
    (strategies, profiles): (&BTreeMap<String, Strategy>, &BTreeMap<String, Profile>),
    zone: &Zone,
    entries: &[Option<&Entry>],
    named: Option<&str>,
) -> Arc<Resolved> {
    let entries = || entries.iter().copied().flatten();
    let own = named.or_else(|| entries().find_map(|entry| entry.strategy.as_deref()));
    let (name, strategy) = own.and_then(|name| strategies.get_key_value(name)).expect("names were checked");
    let mut guardrails = Map::new();
    for entry in entries().collect::<Vec<_>>().into_iter().rev() {
        guardrails.extend(entry.guardrails.clone());
    }
    // Of no concern to a strategy that does not look at it: a forecast that changes is to touch those that it prices alone.
    let demand = entries().find_map(|entry| entry.demand.clone()).filter(|_| strategy.sale().is_some());
    let profile = demand.as_ref().and_then(|demand| profiles.get(demand.profile.as_deref()?)).cloned();
    Arc::new(Resolved::new(Policy {
        strategy_name: name.as_str().into(),
        strategy: strategy.clone(),
        guardrails: Guardrails::deserialize(Value::Object(guardrails)).expect("each was checked"),
        floor_percent_of_list: entries().find_map(|entry| entry.floor_percent_of_list),
        demand,
        profile,
        time_zone: zone.clone(),
        trial: None,
    }))
}

/// Names that the document has.
#[derive(Clone, Copy)]
struct Known<'a> {
    strategies: &'a dyn Fn(&str) -> bool,
    profiles: &'a dyn Fn(&str) -> bool,
}

/// How the parts of this document are read.
trait ReadStrategies {
    fn strategy(&mut self, path: &str, value: Value) -> Option<Strategy>;
    fn entry(&mut self, path: &str, value: Value, known: &Known<'_>) -> Entry;
    fn guardrails(&mut self, path: &str, value: Value) -> Map<String, Value>;
}

impl ReadStrategies for Reader {
    fn strategy(&mut self, path: &str, value: Value) -> Option<Strategy> {
        let Value::Object(mut fields) = value else {
            self.problem(path, "must be an object");
            return None;
        };
        let Some(kind) = fields.remove("kind") else {
            self.problem(path, "missing field `kind`");
            return None;
        };
        let kind = self.read(&format!("{path}.kind"), kind)?;
        let strategy = Strategy::read(kind, self, path, Value::Object(fields))?;
        self.problems.extend(strategy.problems(path));
        Some(strategy)
    }

    fn entry(&mut self, path: &str, value: Value, known: &Known<'_>) -> Entry {
        let mut entry = Entry::default();
        for (field, value) in self.object(path, Some(value), false) {
            let at = format!("{path}.{field}");
            match field.as_str() {
                "strategy" => {
                    entry.strategy = self.read(&at, value);
                    if let Some(name) = entry.strategy.as_deref().filter(|name| !(known.strategies)(name)) {
                        self.problem(&at, format!("there is no strategy {name:?}"));
                    }
                }
                "floor_percent_of_list" => {
                    entry.floor_percent_of_list = self.read(&at, value);
                    self.range(&at, entry.floor_percent_of_list, 0, 100);
                }
                "guardrails" => entry.guardrails = self.guardrails(&at, value),
                "demand" => {
                    entry.demand = self.read(&at, value);
                    let problems = entry.demand.iter().flat_map(|demand| demand.problems(&at, known.profiles));
                    self.problems.extend(problems);
                }
                _ => self.problem(&at, "is no field of an entry: strategy, floor_percent_of_list, guardrails, demand"),
            }
        }
        entry
    }

    fn guardrails(&mut self, path: &str, value: Value) -> Map<String, Value> {
        let guardrails = self.object(path, Some(value), false);
        for (field, value) in &guardrails {
            let at = format!("{path}.{field}");
            let one = Map::from_iter([(field.clone(), value.clone())]);
            let Some(read): Option<Guardrails> = self.read(path, Value::Object(one)) else { continue };
            self.range(&format!("{at}.per_minutes"), read.max_step.map(|step| step.per_minutes), 1, 525_600);
            self.range(&format!("{at}.change_bp"), read.max_step.map(|step| u32::from(step.change_bp.get())), 1, 10_000);
            self.range(&at, read.cooldown_minutes, 0, 525_600);
            self.range(&at, read.changes_per_day, 1, 1_000_000);
            self.range(&at, read.ceiling_percent_of_list, 100, 100_000);
            if let Some(ending) = read.ending
                && !(ending.modulo > 0 && (0..ending.modulo).contains(&ending.remainder))
            {
                self.problem(&at, "modulo must be above 0, and remainder at least 0 and below modulo");
            }
        }
        guardrails
    }
}
