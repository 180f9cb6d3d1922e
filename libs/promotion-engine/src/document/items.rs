//! Sets of items.

use std::collections::{BTreeMap, BTreeSet};

use pricestream_documents::Reader;
use pricestream_domain::Sku;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of items: everything that one of `include` picks and none of `exclude` does. Without `include`, everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Items {
    /// Any of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Selector>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Selector>,
}

/// Picks the items that agree with every field given; a field agrees with any of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selector {
    /// The item is one of these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub skus: BTreeSet<Sku>,
    /// Its category is one of these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub categories: BTreeSet<String>,
    /// It has one of these tags.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Each of these attributes has one of its values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, BTreeSet<String>>,
    /// One of these sells it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub sellers: BTreeSet<String>,
}

impl Items {
    /// Every item.
    pub fn everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    pub(crate) fn check(&self, reader: &mut Reader, path: &str) {
        for (field, selectors) in [("include", &self.include), ("exclude", &self.exclude)] {
            for (position, selector) in selectors.iter().enumerate() {
                let at = format!("{path}.{field}[{position}]");
                if *selector == Selector::default() {
                    reader.problem(&at, "picks nothing in particular: name skus, categories, tags, attributes or sellers");
                }
                for (attribute, values) in &selector.attributes {
                    if values.is_empty() {
                        reader.problem(&format!("{at}.attributes.{attribute}"), "must name at least one value");
                    }
                }
            }
        }
    }
}
