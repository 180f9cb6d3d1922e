//! The rule set as JSON: promotions, the pipeline that they run in, and the market's policies.

pub mod condition;
pub mod degradation;
pub mod guards;
pub mod items;
pub mod pipeline;
pub mod policies;
pub mod promotion;
pub mod window;

use std::collections::{BTreeMap, BTreeSet};

use pricestream_documents::{ContentHash, Problem, Reader, Zone, parse};
use schemars::JsonSchema;
use serde_json::{Map, Value};

use self::pipeline::{Keep, Node, NodeDocument, Stage, Unit, UnitDocument};
use self::policies::Policies;
use self::promotion::{Exclusion, Promotion, Side};
use crate::components::Effect;

/// A checked rule set in words; [`crate::RuleSet`] is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Of its content.
    pub hash: ContentHash,
    /// Of everything in it but its promotions.
    pub frame: ContentHash,
    /// Where days and hours are that name no zone of their own.
    pub time_zone: Zone,
    /// What the market decides.
    pub policies: Policies,
    /// Nodes in order, with their units in words.
    pub pipeline: Vec<(Node, Vec<Unit>)>,
    /// Each with an id of its own.
    pub promotions: Vec<Promotion>,
    /// What does not apply together, besides the conflicts of units and exclusive promotions.
    pub exclusions: Vec<Exclusion>,
}

/// The document as JSON Schema has it; the checks of [`Document::from_json`] go further.
#[derive(JsonSchema)]
#[schemars(rename = "RuleSet", deny_unknown_fields)]
#[allow(dead_code, reason = "its schema is what it is for")]
struct RuleSetSchema {
    /// Layout of the document: 1.
    version: u32,
    /// For people.
    name: Option<String>,
    /// Where days and hours are; UTC when absent.
    time_zone: Option<Zone>,
    /// What the market decides.
    policies: Option<Policies>,
    /// Nodes, run in order. When absent, every component in one node that stacks.
    pipeline: Option<Vec<NodeDocument>>,
    /// In any order.
    promotions: Option<Vec<Promotion>>,
    /// What does not apply together.
    exclusions: Option<Vec<Exclusion>>,
}

/// JSON Schema of the rule set.
pub fn document_schema() -> Value {
    serde_json::to_value(schemars::schema_for!(RuleSetSchema)).expect("a schema is JSON")
}

impl Document {
    /// Reads and checks a rule set; a bare list is a pipeline without promotions. Errors: every problem that it has, each with
    /// its path; then nothing of it counts.
    pub fn from_json(text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::default();
        let root = match parse(text, &mut reader.problems) {
            Some(Value::Object(root)) => root,
            Some(pipeline @ Value::Array(_)) => {
                Map::from_iter([("version".to_owned(), 1.into()), ("pipeline".to_owned(), pipeline)])
            }
            Some(_) => {
                reader.problem("", "the document must be an object, or a list of nodes");
                return Err(reader.problems);
            }
            None => return Err(reader.problems),
        };
        let hash = ContentHash::of_json(&root);
        let said_of_all = |(field, _): &(&String, &Value)| !["name", "promotions"].contains(&field.as_str());
        let frame = ContentHash::of_json(&root.iter().filter(said_of_all).collect::<std::collections::BTreeMap<_, _>>());
        let document = Document { frame, ..reader.rule_set(hash, root) };
        if reader.problems.is_empty() { Ok(document) } else { Err(reader.problems) }
    }
}

/// How the parts of this document are read.
trait ReadRuleSet {
    fn rule_set(&mut self, hash: ContentHash, root: Map<String, Value>) -> Document;
    fn list(&mut self, path: &str, value: Option<Value>) -> Vec<Value>;
    fn pipeline(&mut self, value: Value) -> Vec<(Node, Vec<Unit>)>;
    fn node(&mut self, path: &str, value: Value) -> Option<(Node, Vec<Unit>)>;
    fn units(&mut self, path: &str, values: Vec<Value>) -> Vec<Unit>;
    fn meetings(&mut self, document: &Document);
}

impl ReadRuleSet for Reader {
    fn rule_set(&mut self, hash: ContentHash, mut root: Map<String, Value>) -> Document {
        if root.remove("version") != Some(Value::from(1)) {
            self.problem("version", "must be 1");
        }
        if let Some(name) = root.remove("name")
            && !name.is_string()
        {
            self.problem("name", "must be text");
        }
        let time_zone = root.remove("time_zone").and_then(|name| self.read("time_zone", name)).unwrap_or(Zone::UTC);
        let policies: Policies = root.remove("policies").and_then(|policies| self.read("policies", policies)).unwrap_or_default();
        policies.check(self, "policies");
        let pipeline = match root.remove("pipeline") {
            Some(pipeline) => self.pipeline(pipeline),
            None => vec![everything_stacked()],
        };
        let mut promotions = Vec::new();
        for (position, value) in self.list("promotions", root.remove("promotions")).into_iter().enumerate() {
            let path = format!("promotions[{position}]");
            if let Some(promotion) = self.read::<Promotion>(&path, value) {
                promotion.check(self, &path);
                promotions.push(promotion);
            }
        }
        let mut exclusions = Vec::new();
        for (position, value) in self.list("exclusions", root.remove("exclusions")).into_iter().enumerate() {
            exclusions.extend(self.read::<Exclusion>(&format!("exclusions[{position}]"), value));
        }
        for field in root.keys() {
            self.problem(
                field,
                "is no field of a rule set: version, name, time_zone, policies, pipeline, promotions, exclusions",
            );
        }
        let document = Document { hash, frame: hash, time_zone, policies, pipeline, promotions, exclusions };
        if self.problems.is_empty() {
            self.meetings(&document);
        }
        document
    }

    fn list(&mut self, path: &str, value: Option<Value>) -> Vec<Value> {
        match value {
            Some(Value::Array(values)) => values,
            None => Vec::new(),
            Some(_) => {
                self.problem(path, "must be a list");
                Vec::new()
            }
        }
    }

    fn pipeline(&mut self, value: Value) -> Vec<(Node, Vec<Unit>)> {
        let nodes = self.list("pipeline", Some(value));
        nodes.into_iter().enumerate().filter_map(|(position, node)| self.node(&format!("pipeline[{position}]"), node)).collect()
    }

    fn node(&mut self, path: &str, value: Value) -> Option<(Node, Vec<Unit>)> {
        let mut fields = match value {
            Value::Array(units) => {
                let units = self.units(path, units);
                return Some((NodeDocument::Units(Vec::new()).in_words(), units));
            }
            Value::Object(fields) => fields,
            _ => {
                self.problem(path, "must be a list of units, or an object with `units`");
                return None;
            }
        };
        let units = self.list(&format!("{path}.units"), fields.insert("units".to_owned(), Value::Array(Vec::new())));
        let units = self.units(&format!("{path}.units"), units);
        self.read::<Node>(path, Value::Object(fields)).map(|node| (node, units))
    }

    fn units(&mut self, path: &str, values: Vec<Value>) -> Vec<Unit> {
        if values.is_empty() {
            self.problem(path, "must hold at least one unit");
        }
        let mut units = Vec::new();
        for (position, value) in values.into_iter().enumerate() {
            let path = format!("{path}[{position}]");
            let read = if value.get("componentType").is_some() {
                self.read(&path, value).map(UnitDocument::Numbered)
            } else {
                self.read(&path, value).map(UnitDocument::Unit)
            };
            match read.map(UnitDocument::in_words) {
                Some(Ok(unit)) => {
                    for name in std::iter::once(&unit.component).chain(&unit.conflicts) {
                        if !Effect::NAMES.contains(&name.as_str()) {
                            self.problem(&path, format!("there is no component {name:?}: {}", Effect::NAMES.join(", ")));
                        }
                    }
                    units.push(unit);
                }
                Some(Err(message)) => self.problem(&path, message),
                None => {}
            }
        }
        units
    }

    /// What concerns several parts of the document.
    fn meetings(&mut self, document: &Document) {
        let mut ids = BTreeSet::new();
        let mut units = BTreeSet::new();
        for (node, (_, in_node)) in document.pipeline.iter().enumerate() {
            for (place, unit) in in_node.iter().enumerate() {
                if !units.insert((&unit.component, &unit.label)) {
                    let of = unit.label.as_ref().map(|label| format!(" with the label {label:?}")).unwrap_or_default();
                    self.problem(
                        &format!("pipeline[{node}][{place}]"),
                        format!("component {:?}{of} has a unit already", unit.component),
                    );
                }
            }
        }
        for (position, promotion) in document.promotions.iter().enumerate() {
            let path = format!("promotions[{position}]");
            if !ids.insert(promotion.id.as_str()) {
                self.problem(&format!("{path}.id"), format!("{:?} is the id of another promotion too", promotion.id));
            }
            if document.unit_of(promotion).is_none() {
                let message = format!("no unit of the pipeline runs {:?}", promotion.effect.component());
                self.problem(&format!("{path}.effect"), message);
            }
        }
        let mut pairs = BTreeMap::new();
        for (position, exclusion) in document.exclusions.iter().enumerate() {
            let path = format!("exclusions[{position}]");
            // An exclusion works both ways.
            let pair = [&exclusion.of, &exclusion.with];
            let pair = if pair[0] <= pair[1] { pair } else { [pair[1], pair[0]] };
            if let [Side::Promotion(id), Side::Promotion(other)] = pair
                && id == other
            {
                self.problem(&path, format!("a promotion cannot exclude itself, as {id:?} would"));
            }
            if let Some(first) = pairs.insert(pair, position) {
                self.problem(&path, format!("is about the same two sides as exclusions[{first}], which works both ways"));
            }
            for (field, side) in [("of", &exclusion.of), ("with", &exclusion.with)] {
                let known = match side {
                    Side::Component(name) => Effect::NAMES.contains(&name.as_str()),
                    Side::Promotion(id) => ids.contains(id.as_str()),
                    Side::Group(_) | Side::Label(_) => document.promotions.iter().any(|promotion| side.holds(promotion)),
                };
                if !known {
                    self.problem(&format!("exclusions[{position}].{field}"), "names nothing of this rule set");
                }
            }
        }
    }
}

/// When a document says nothing of its pipeline: what does not compete.
fn everything_stacked() -> (Node, Vec<Unit>) {
    let unit = |component: &&str| Unit {
        component: (*component).to_owned(),
        label: None,
        conflicts: BTreeSet::new(),
        priority: 0,
        take: pipeline::Take::Stack,
    };
    let node = Node { name: None, keep: Keep::Stack, stage: Stage::Basket, units: Vec::new() };
    (node, Effect::NAMES.iter().map(unit).collect())
}

impl Document {
    /// Whether it says nothing of its pipeline, or just what that means.
    pub(crate) fn names_no_pipeline(&self) -> bool {
        self.pipeline == [everything_stacked()]
    }

    /// The unit that runs `promotion`, as node and place in it: one that names a label of it goes before one that names none.
    pub fn unit_of(&self, promotion: &Promotion) -> Option<(usize, usize)> {
        let units = || {
            let places = self.pipeline.iter().enumerate();
            places.flat_map(|(node, (_, units))| units.iter().enumerate().map(move |(place, unit)| (node, place, unit)))
        };
        let runs = |unit: &Unit| unit.component == promotion.effect.component();
        let labelled =
            units().find(|(.., unit)| runs(unit) && unit.label.as_ref().is_some_and(|label| promotion.labels.contains(label)));
        let found = labelled.or_else(|| units().find(|(.., unit)| runs(unit) && unit.label.is_none()));
        found.map(|(node, place, _)| (node, place))
    }
}

impl Side {
    /// Whether `promotion` is on this side.
    pub fn holds(&self, promotion: &Promotion) -> bool {
        match self {
            Self::Component(name) => promotion.effect.component() == name,
            Self::Promotion(id) => promotion.id == *id,
            Self::Group(group) => promotion.groups.contains(group),
            Self::Label(label) => promotion.labels.contains(label),
        }
    }
}
