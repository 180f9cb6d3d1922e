use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::Problem;

/// Reads piece by piece, so that one problem does not hide the next.
#[derive(Debug, Default)]
pub struct Reader {
    /// What was found so far.
    pub problems: Vec<Problem>,
}

impl Reader {
    /// Notes a problem. What is very long is shortened in its middle: a message may quote what was written.
    pub fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem { path: shortened(path.to_owned()), message: shortened(message.into()) });
    }

    /// Reads `value`, which stands at `path`. What cannot be read is noted and cut out, until the rest reads or too
    /// little is left: so each misspelt field and each wrong type is told, not the first alone.
    pub fn read<T: DeserializeOwned + Serialize>(&mut self, path: &str, value: Value) -> Option<T> {
        let mut rest = Rest { value, path, cut: HashSet::new(), skipped: HashMap::new() };
        loop {
            let error = match serde_path_to_error::deserialize::<_, T>(&rest.value) {
                Ok(read) => return self.faithful(path, &rest, read),
                Err(error) => error,
            };
            let segments: Vec<&Segment> = error.path().iter().filter(|segment| !matches!(segment, Segment::Unknown)).collect();
            let message = error.inner().to_string();
            let at = rest.path_of(&segments);
            // A field that was cut out because of its own problem is not missing.
            let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            if !missing.is_some_and(|field| rest.cut.contains(&format!("{at}.{field}"))) {
                self.problem(&at, message);
            }
            if !rest.cut_out(&segments) {
                return None;
            }
        }
    }

    /// Serde takes a list for an object, in the order of its fields; here nobody means that.
    fn faithful<T: Serialize>(&mut self, path: &str, rest: &Rest<'_>, read: T) -> Option<T> {
        if !rest.cut.is_empty() {
            return None;
        }
        let before = self.problems.len();
        let canonical = serde_json::to_value(&read).expect("our own documents have text for keys");
        self.objects(path, &rest.value, &canonical);
        (self.problems.len() == before).then_some(read)
    }

    fn objects(&mut self, path: &str, written: &Value, read: &Value) {
        match (written, read) {
            (Value::Object(written), Value::Object(read)) => {
                for (field, written) in written {
                    self.objects(&format!("{path}.{field}"), written, read.get(field).unwrap_or(&Value::Null));
                }
            }
            (Value::Array(written), Value::Array(read)) => {
                for (position, (written, read)) in written.iter().zip(read).enumerate() {
                    self.objects(&format!("{path}[{position}]"), written, read);
                }
            }
            (Value::Array(_), Value::Object(_)) => self.problem(path, "must be an object"),
            _ => {}
        }
    }

    /// The fields of an object; `needed`: there must be at least one.
    pub fn object(&mut self, path: &str, value: Option<Value>, needed: bool) -> Map<String, Value> {
        match value {
            Some(Value::Object(object)) if !(needed && object.is_empty()) => return object,
            None if !needed => {}
            Some(Value::Object(_)) | None => self.problem(path, "must name at least one"),
            Some(_) => self.problem(path, "must be an object"),
        }
        Map::new()
    }

    /// A number must be in `least..=most`; an absent one is nobody's problem.
    pub fn range(&mut self, path: &str, value: Option<u32>, least: u32, most: u32) {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            self.problem(path, format!("{value} is outside {least}..={most}"));
        }
    }
}

fn shortened(text: String) -> String {
    const LONGEST: usize = 400;
    if text.len() <= LONGEST {
        return text;
    }
    let (begin, end) = (text.floor_char_boundary(LONGEST / 2), text.ceil_char_boundary(text.len() - LONGEST / 2));
    format!("{}…{}", &text[..begin], &text[end..])
}

/// What is left of a value once its unreadable parts are cut out.
struct Rest<'a> {
    value: Value,
    path: &'a str,
    /// Paths of what was cut out.
    cut: HashSet<String>,
    /// How many items were cut off the front of each list, so that positions stay those of the document.
    skipped: HashMap<String, usize>,
}

impl Rest<'_> {
    fn path_of(&self, segments: &[&Segment]) -> String {
        let mut path = self.path.to_owned();
        for segment in segments {
            path = match segment {
                Segment::Seq { index } => format!("{path}[{}]", index + self.skipped.get(&path).unwrap_or(&0)),
                Segment::Map { key } | Segment::Enum { variant: key } => format!("{path}.{key}"),
                Segment::Unknown => path,
            };
        }
        path
    }

    /// Cuts out what stands at `segments`; false when that is everything.
    fn cut_out(&mut self, mut segments: &[&Segment]) -> bool {
        // Without its content an enum is nothing.
        while let [outer @ .., Segment::Enum { .. }] = segments {
            segments = outer;
        }
        let [outer @ .., last] = segments else { return false };
        let (parent_path, cut) = (self.path_of(outer), self.path_of(segments));
        let mut parent = &mut self.value;
        for segment in outer {
            let inner = match segment {
                Segment::Seq { index } => parent.get_mut(*index),
                Segment::Map { key } | Segment::Enum { variant: key } => parent.get_mut(key),
                Segment::Unknown => None,
            };
            let Some(inner) = inner else { return false };
            parent = inner;
        }
        let found = match (parent, last) {
            (Value::Object(object), Segment::Map { key }) => object.remove(key).is_some(),
            (Value::Array(items), Segment::Seq { index }) if *index < items.len() => {
                items.drain(..=*index);
                *self.skipped.entry(parent_path).or_default() += index + 1;
                true
            }
            _ => false,
        };
        self.cut.insert(cut);
        found
    }
}
