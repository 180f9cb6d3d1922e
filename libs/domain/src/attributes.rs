use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a product has besides its named fields, by name: brand, colour. One piece of memory, as every quote goes over it and a
/// product has few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Box<[(Box<str>, Box<str>)]>);

impl Attributes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By name, in rising order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of one of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

impl FromIterator<(String, String)> for Attributes {
    /// Of a name that comes twice the last value counts.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        let all: BTreeMap<String, String> = all.into_iter().collect();
        Self(all.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(Self::from_iter)
    }
}

impl JsonSchema for Attributes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Attributes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_in_any_order_and_written_by_name() {
        let read: Attributes = serde_json::from_str(r#"{"colour":"red","brand":"b"}"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"brand":"b","colour":"red"}"#);
        assert_eq!((read.get("colour"), read.get("size"), read.iter().len()), (Some("red"), None, 2));
        assert!(Attributes::default().is_empty());
        let twice = [("brand", "a"), ("brand", "b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(twice.into_iter().collect::<Attributes>().get("brand"), Some("b"));
    }
}
