//! Nodes and units: the order in which components run, and what becomes of their snapshots.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nodes run in order. Written as a bare list of units, a node keeps the best of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NodeDocument {
    /// Units that compete.
    Units(Vec<UnitDocument>),
    /// In words.
    Node(Node),
}

/// A stage of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What becomes of the units' snapshots.
    #[serde(default)]
    pub keep: Keep,
    /// Whose prices these are: of one unit alone, or of the basket.
    #[serde(default)]
    pub stage: Stage,
    /// What is calculated.
    pub units: Vec<UnitDocument>,
}

/// What a node keeps of its units' snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// One: of the highest priority, of equal priority the lowest price. Per line where units work on lines, per order
    /// where they work on the order.
    #[default]
    Best,
    /// Each, one upon the other, in order of priority and then of the document.
    Stack,
}

/// What a node's prices are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The price of a unit, which the shop shows: rounded as such.
    Catalogue,
    /// What becomes of it together with others.
    #[default]
    Basket,
}

/// A calculation unit: a component with all its promotions in force. Either with the numbers of the original pipelines, or in
/// words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum UnitDocument {
    /// By the numbers of component types.
    Numbered(NumberedUnit),
    /// By name.
    Unit(Unit),
}

/// A unit by number: 1 flash sale, 2 special price, 3 N for a price, 4 spend and save, 5 postage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NumberedUnit {
    /// Number of the component.
    pub component_type: u32,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_name: Option<String>,
    /// Numbers of the components that do not apply where this one did, nor this one where they did.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub conflict_info: BTreeSet<String>,
    /// The higher goes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
}

/// A unit in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Name of the component, as promotions name it.
    pub component: String,
    /// Only the promotions with this label; one without takes all that no other unit names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Components that do not apply where this one did, nor this one where they did.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub conflicts: BTreeSet<String>,
    /// The higher goes first; units without one are equal.
    #[serde(default)]
    pub priority: i32,
    /// What becomes of its promotions.
    #[serde(default)]
    pub take: Take,
}

/// What a unit takes of its promotions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The best: per line where they work on lines, of equal worth the first by id.
    #[default]
    Best,
    /// Each, one upon the other, in order of priority and then of id.
    Stack,
}

/// Components by the numbers of the original pipelines.
pub const NUMBERED: [(u32, &str); 5] =
    [(1, "flash_sale"), (2, "special_price"), (3, "n_for_price"), (4, "spend_and_save"), (5, "postage")];

fn by_number(number: &str) -> Option<&'static str> {
    NUMBERED.iter().find(|(known, _)| number.parse() == Ok(*known)).map(|(_, name)| *name)
}

impl UnitDocument {
    /// In words. Errors: a number that stands for no component.
    pub fn in_words(self) -> Result<Unit, String> {
        let unit = match self {
            Self::Unit(unit) => return Ok(unit),
            Self::Numbered(unit) => unit,
        };
        let named = |number: &str| {
            by_number(number).map(str::to_owned).ok_or_else(|| format!("no component has the number {number:?}: 1 to 5 do"))
        };
        Ok(Unit {
            component: named(&unit.component_type.to_string())?,
            label: None,
            conflicts: unit.conflict_info.iter().map(|number| named(number)).collect::<Result<_, _>>()?,
            priority: unit.priority.unwrap_or(0),
            take: Take::Best,
        })
    }
}

impl NodeDocument {
    /// In words.
    pub fn in_words(self) -> Node {
        match self {
            Self::Node(node) => node,
            Self::Units(units) => Node { name: None, keep: Keep::Best, stage: Stage::Basket, units },
        }
    }
}
