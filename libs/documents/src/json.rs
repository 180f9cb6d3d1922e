use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Problem;

/// Longest document, in bytes: ten thousand promotions are half of that, and finding every problem of it takes no noticeable time.
const LONGEST: usize = 1 << 22;

/// Parses a document of at most 4 MiB. `None`: it is no JSON, and `problems` says why. A key that stands twice in one object
/// is a problem too, since the writer could mean either.
pub fn parse(text: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    if text.len() > LONGEST {
        let message = format!("{} bytes are more than a document may have, {LONGEST}", text.len());
        problems.push(Problem { path: String::new(), message });
        return None;
    }
    let twice = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = Node { path: String::new(), twice: &twice }.deserialize(&mut deserializer);
    let parsed = parsed.and_then(|value| deserializer.end().map(|()| value));
    problems.extend(twice.into_inner());
    match parsed {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(Problem { path: String::new(), message: format!("is not JSON: {error}") });
            None
        }
    }
}

struct Node<'a> {
    path: String,
    twice: &'a RefCell<Vec<Problem>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) =
            items.next_element_seed(Node { path: format!("{}[{}]", self.path, values.len()), twice: self.twice })?
        {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if object.contains_key(&key) {
                let message = "stands here twice: keep one".to_owned();
                self.twice.borrow_mut().push(Problem { path: path.clone(), message });
            }
            let value = entries.next_value_seed(Node { path, twice: self.twice })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
