//! What a newer schema breaks, for readers of the old messages and for old readers of the new ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Keywords that only narrow or move what a value may be.
const BOUNDS: [&str; 10] = [
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
];

/// One line for each thing in `new` that a reader or writer of `old` cannot live with; empty when it is additive.
pub(crate) fn incompatibilities(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", &Shape::of(old, old), &Shape::of(new, new), old, new, &mut found);
    found
}

/// A schema with references and alternatives resolved.
#[derive(Default)]
struct Shape<'a> {
    types: BTreeSet<String>,
    /// `const` and `enum`, as JSON.
    values: BTreeSet<String>,
    properties: BTreeMap<&'a str, &'a Value>,
    required: BTreeSet<&'a str>,
    closed: bool,
    items: Option<&'a Value>,
    bounds: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Shape<'a> {
    fn of(schema: &'a Value, root: &'a Value) -> Self {
        let mut shape = Self::default();
        shape.add(schema, root);
        shape
    }

    fn add(&mut self, schema: &'a Value, root: &'a Value) {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}"));
            self.add(target, root);
        }
        for alternatives in ["anyOf", "oneOf", "allOf"] {
            for schema in schema[alternatives].as_array().into_iter().flatten() {
                self.add(schema, root);
            }
        }
        match &schema["type"] {
            Value::String(name) => drop(self.types.insert(name.clone())),
            Value::Array(names) => self.types.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
        self.values.extend(schema.get("const").map(ToString::to_string));
        self.values.extend(schema["enum"].as_array().into_iter().flatten().map(ToString::to_string));
        self.properties
            .extend(schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)));
        self.required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
        self.closed |= schema["additionalProperties"] == false;
        self.items = self.items.or(schema.get("items"));
        self.bounds.extend(BOUNDS.iter().filter_map(|name| Some((*name, schema.get(name)?))));
    }
}

fn compare(path: &str, old: &Shape<'_>, new: &Shape<'_>, old_root: &Value, new_root: &Value, found: &mut Vec<String>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let here = if path.is_empty() { "." } else { path };
    if old.types != new.types {
        found.push(format!("{here}: type was {:?}, is {:?}", old.types, new.types));
    }
    if old.values.is_empty() && !new.values.is_empty() {
        found.push(format!("{here}: narrowed to {:?}", new.values));
    }
    found.extend(old.values.difference(&new.values).map(|value| format!("{here}: value {value} removed")));
    for bound in BOUNDS.iter().filter(|bound| old.bounds.get(*bound) != new.bounds.get(*bound)) {
        found.push(format!("{here}: {bound} was {:?}, is {:?}", old.bounds.get(bound), new.bounds.get(bound)));
    }
    if new.closed && !old.closed {
        found.push(format!("{here}: no longer takes unknown fields"));
    }
    for name in new.required.difference(&old.required) {
        found.push(format!("{}: newly required", at(name)));
    }
    for name in old.required.difference(&new.required) {
        found.push(format!("{}: no longer required, readers of the release need it", at(name)));
    }
    for name in new.properties.keys().filter(|name| old.closed && !old.properties.contains_key(*name)) {
        found.push(format!("{}: added where readers of the release refuse unknown fields", at(name)));
    }
    for (name, schema) in &old.properties {
        match new.properties.get(name) {
            None => found.push(format!("{}: removed", at(name))),
            Some(newer) => {
                compare(&at(name), &Shape::of(schema, old_root), &Shape::of(newer, new_root), old_root, new_root, found);
            }
        }
    }
    match (old.items, new.items) {
        (Some(old), Some(new)) => {
            compare(&format!("{here}[]"), &Shape::of(old, old_root), &Shape::of(new, new_root), old_root, new_root, found);
        }
        (None, Some(_)) => found.push(format!("{here}: items narrowed")),
        _ => {}
    }
}
