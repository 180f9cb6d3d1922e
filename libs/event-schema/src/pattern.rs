mod compile;
mod matching;

pub use compile::PatternError;
use compile::{Matcher, Node};

/// An EventBridge event pattern, compiled. Of its operators those that our rules use: exact values, `prefix`, `exists`,
/// `numeric`, `anything-but` with texts, and nested objects. They mean what they mean at AWS; any other is refused, so
/// that no rule works here and fails there.
///
/// A value that is an array matches when one of its elements does; an empty array counts as absent. Exact numbers
/// compare as written: 300 is not 300.0.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    fields: Vec<(String, Node)>,
    needs_detail: bool,
}
