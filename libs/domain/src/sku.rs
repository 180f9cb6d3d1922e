use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Stock keeping unit: 1 to 64 of `[A-Za-z0-9._-]`, checked when made or read. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(Arc<str>);

/// The text cannot be a SKU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a SKU: 1 to 64 characters of A-Z a-z 0-9 . _ -")]
pub struct InvalidSku {
    shown: String,
}

impl Sku {
    /// Checks length and alphabet.
    pub fn new(text: &str) -> Result<Self, InvalidSku> {
        Self::check(text).map(|text| Self(text.into()))
    }

    /// Checks length and alphabet without making a copy.
    pub fn check(text: &str) -> Result<&str, InvalidSku> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(text)
        } else {
            Err(InvalidSku { shown: text.chars().take(80).collect() })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sku {
    type Err = InvalidSku;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl Deref for Sku {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Sku {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Sku {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Sku;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SKU")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sku, E> {
                Sku::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Sku {
    fn schema_name() -> Cow<'static, str> {
        "Sku".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Stock keeping unit", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabet_and_length_are_checked() {
        let longest = "x".repeat(64);
        for text in ["a", "CJ-819518", "A.b_c-9", longest.as_str()] {
            assert_eq!(Sku::new(text).unwrap().as_str(), text);
        }
        let too_long = "x".repeat(65);
        for text in ["", "a b", "{tag}", "a:b", "a\nb", "é", "a/b", too_long.as_str()] {
            assert!(Sku::new(text).is_err(), "{text:?}");
            assert!(serde_json::from_value::<Sku>(text.into()).is_err(), "{text:?}");
        }
    }
}
