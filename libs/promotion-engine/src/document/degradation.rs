//! What components may cost, and what is sold without them.

use std::collections::{BTreeMap, BTreeSet};

use pricestream_documents::Reader;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::components::Effect;
use crate::scenario::Scenario;

/// How a quote does without a component that is switched off, fails or costs too much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Degradation {
    /// Steps that each component may take in one quote, all its promotions together, at least 1; ten million when absent. A step
    /// is a unit that is looked at, each time that it is. A component that takes more is left out of that quote.
    pub steps: u64,
    /// Steps of components that may take more or fewer, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub steps_of: BTreeMap<String, u64>,
    /// Where a price is sold that some component is missing from; everywhere when absent.
    pub sold_in: BTreeSet<Scenario>,
}

impl Default for Degradation {
    fn default() -> Self {
        Self { steps: 10_000_000, steps_of: BTreeMap::new(), sold_in: Scenario::ALL.into() }
    }
}

impl Degradation {
    /// Steps that a component may take in one quote.
    pub fn steps_of(&self, component: &str) -> u64 {
        self.steps_of.get(component).copied().unwrap_or(self.steps)
    }

    pub(crate) fn check(&self, reader: &mut Reader, path: &str) {
        if self.steps == 0 {
            reader.problem(&format!("{path}.steps"), "must be at least 1");
        }
        for (component, steps) in &self.steps_of {
            let at = format!("{path}.steps_of.{component}");
            if !Effect::NAMES.contains(&component.as_str()) {
                reader.problem(&at, format!("there is no component {component:?}: {}", Effect::NAMES.join(", ")));
            }
            if *steps == 0 {
                reader.problem(&at, "must be at least 1");
            }
        }
    }
}
