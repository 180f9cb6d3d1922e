use serde_json::{Map, Number, Value};

use super::Pattern;

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event pattern, {path}: {problem}")]
pub struct PatternError {
    /// Where: `detail.data.on_hand[0].numeric`, or `.` for the whole.
    pub path: String,
    /// What is wrong there, and what is allowed.
    pub problem: String,
}

/// What a field has to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// An object whose fields all match.
    Fields(Vec<(String, Node)>),
    /// A value that one of them matches.
    AnyOf(Vec<Matcher>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Matcher {
    Text(String),
    Number(Number),
    Bool(bool),
    Null,
    Prefix(String),
    Exists(bool),
    AnythingBut(Vec<String>),
    /// All of them hold.
    Numeric(Vec<(Comparison, f64)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// EventBridge compares numbers within these bounds only.
const LARGEST: f64 = 5e9;

impl Pattern {
    /// Compiles a pattern document. Errors: no JSON object, an operator or value that is not supported, an empty list
    /// (which nothing could match).
    pub fn from_json(text: &str) -> Result<Self, PatternError> {
        let value: Value = serde_json::from_str(text).map_err(|error| problem(".", &error.to_string()))?;
        let Value::Object(object) = value else { return Err(problem(".", "expected an object")) };
        let fields = fields(&object, "")?;
        let header =
            |(name, node): &(String, Node)| matches!(name.as_str(), "source" | "detail-type") && matches!(node, Node::AnyOf(_));
        let needs_detail = !fields.iter().all(header);
        Ok(Self { fields, needs_detail })
    }
}

fn fields(object: &Map<String, Value>, path: &str) -> Result<Vec<(String, Node)>, PatternError> {
    if object.is_empty() {
        return Err(problem(if path.is_empty() { "." } else { path }, "an empty object matches nothing: name a field"));
    }
    let field = |(name, value): (&String, &Value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let node = match value {
            _ if name.starts_with('$') => return Err(problem(&path, "this operator is not supported")),
            Value::Object(object) => Node::Fields(fields(object, &path)?),
            Value::Array(values) if !values.is_empty() => {
                let matcher = |(place, value)| matcher(value, &format!("{path}[{place}]"));
                Node::AnyOf(values.iter().enumerate().map(matcher).collect::<Result<_, _>>()?)
            }
            Value::Array(_) => return Err(problem(&path, "an empty list matches nothing")),
            _ => return Err(problem(&path, "expected a list of values, or an object")),
        };
        Ok((name.clone(), node))
    };
    object.iter().map(field).collect()
}

fn matcher(value: &Value, path: &str) -> Result<Matcher, PatternError> {
    let object = match value {
        Value::String(text) => return Ok(Matcher::Text(text.clone())),
        Value::Number(number) => return Ok(Matcher::Number(number.clone())),
        Value::Bool(value) => return Ok(Matcher::Bool(*value)),
        Value::Null => return Ok(Matcher::Null),
        Value::Array(_) => return Err(problem(path, "a list inside a list is not supported")),
        Value::Object(object) => object,
    };
    let mut operators = object.iter();
    let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
        return Err(problem(path, "expected one operator: prefix, exists, numeric or anything-but"));
    };
    let path = format!("{path}.{operator}");
    match operator.as_str() {
        "prefix" => operand.as_str().map(|text| Matcher::Prefix(text.to_owned())).ok_or_else(|| problem(&path, "expected a text")),
        "exists" => operand.as_bool().map(Matcher::Exists).ok_or_else(|| problem(&path, "expected true or false")),
        "anything-but" => anything_but(operand).ok_or_else(|| problem(&path, "expected a text or a list of texts")),
        "numeric" => numeric(operand).ok_or_else(|| {
            problem(&path, "expected [operator, number] of = < <= > >=, or [\">\" or \">=\", low, \"<\" or \"<=\", high], within -5e9 to 5e9")
        }),
        _ => Err(problem(&path, "this operator is not supported: prefix, exists, numeric and anything-but are")),
    }
}

fn anything_but(operand: &Value) -> Option<Matcher> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = match operand {
        Value::Array(values) if !values.is_empty() => values.iter().map(text).collect::<Option<_>>()?,
        single => vec![text(single)?],
    };
    Some(Matcher::AnythingBut(texts))
}

fn numeric(operand: &Value) -> Option<Matcher> {
    let bound = |pair: &[Value]| {
        let comparison = match pair.first()?.as_str()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            _ => return None,
        };
        pair.get(1)?.as_f64().filter(|number| number.abs() <= LARGEST).map(|number| (comparison, number))
    };
    let bounds = operand.as_array()?.chunks(2).map(bound).collect::<Option<Vec<_>>>()?;
    let range = match bounds[..] {
        [_] => true,
        [(low, from), (high, to)] => {
            matches!(low, Comparison::Greater | Comparison::AtLeast)
                && matches!(high, Comparison::Less | Comparison::AtMost)
                && from < to
        }
        _ => false,
    };
    range.then_some(Matcher::Numeric(bounds))
}

fn problem(path: &str, problem: &str) -> PatternError {
    PatternError { path: path.to_owned(), problem: problem.to_owned() }
}
