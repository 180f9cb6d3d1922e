use serde_json::Value;

use super::compile::Comparison;
use super::{Matcher, Node, Pattern};

impl Pattern {
    /// Whether the whole event matches. `event` is the EventBridge-shaped body.
    pub fn matches(&self, event: &Value) -> bool {
        fields_match(&self.fields, Some(event))
    }

    /// Whether it reads more than `source` and `detail-type`; if not, [`matches_header`](Self::matches_header) decides.
    pub const fn needs_detail(&self) -> bool {
        self.needs_detail
    }

    /// Whether what it says of `source` and `detail-type` matches: all of it unless it needs the detail, and then a
    /// condition that saves reading most events.
    pub fn matches_header(&self, source: &str, detail_type: &str) -> bool {
        self.fields.iter().all(|(name, node)| {
            let text = match name.as_str() {
                "source" => source,
                "detail-type" => detail_type,
                _ => return true,
            };
            match node {
                Node::AnyOf(matchers) => matchers.iter().any(|matcher| text_matches(matcher, text)),
                Node::Fields(fields) => fields_match(fields, None),
            }
        })
    }
}

/// An absent or scalar parent is an object without fields: `exists: false` holds below it.
fn fields_match(fields: &[(String, Node)], value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(elements)) if !elements.is_empty() => {
            elements.iter().any(|element| fields_match(fields, Some(element)))
        }
        _ => fields.iter().all(|(name, node)| {
            let field = value.and_then(|value| value.get(name.as_str()));
            match node {
                Node::Fields(fields) => fields_match(fields, field),
                Node::AnyOf(matchers) => matchers.iter().any(|matcher| matches(matcher, field)),
            }
        }),
    }
}

fn matches(matcher: &Matcher, value: Option<&Value>) -> bool {
    match (matcher, value) {
        (Matcher::Exists(expected), value) => value.is_some_and(has_leaf) == *expected,
        (_, Some(Value::Array(elements))) => elements.iter().any(|element| matches(matcher, Some(element))),
        (_, Some(Value::String(text))) => text_matches(matcher, text),
        (Matcher::Number(expected), Some(Value::Number(number))) => expected == number,
        (Matcher::Numeric(bounds), Some(Value::Number(number))) => {
            number.as_f64().is_some_and(|number| bounds.iter().all(|(comparison, bound)| comparison.holds(number, *bound)))
        }
        (Matcher::Bool(expected), Some(Value::Bool(value))) => expected == value,
        (Matcher::Null, Some(Value::Null)) => true,
        (Matcher::AnythingBut(_), Some(value)) => has_leaf(value),
        _ => false,
    }
}

fn text_matches(matcher: &Matcher, text: &str) -> bool {
    match matcher {
        Matcher::Text(expected) => expected == text,
        Matcher::Prefix(prefix) => text.starts_with(prefix.as_str()),
        Matcher::AnythingBut(texts) => texts.iter().all(|other| other != text),
        Matcher::Exists(expected) => *expected,
        Matcher::Number(_) | Matcher::Bool(_) | Matcher::Null | Matcher::Numeric(_) => false,
    }
}

/// AWS asks for leaves: an object or an empty array is none.
fn has_leaf(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(elements) => elements.iter().any(has_leaf),
        _ => true,
    }
}

impl Comparison {
    /// Exact equality of floats is meant: EventBridge compares the numbers as written.
    #[expect(clippy::float_cmp)]
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::Greater => number > bound,
            Self::AtLeast => number >= bound,
        }
    }
}
