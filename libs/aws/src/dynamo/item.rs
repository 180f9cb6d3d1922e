//! Between records and items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use pricestream_ports::{PortError, PriceRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A key, or some attributes.
pub(super) fn item<const N: usize>(of: [(&str, AttributeValue); N]) -> Item {
    of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A record as an item, its fields as attributes.
pub(super) fn to_item(record: &impl Serialize) -> Result<Item, PortError> {
    serde_dynamo::to_item(record).map_err(|error| PortError::corrupt("records", error))
}

/// What [`to_item`] made; attributes that it does not know are passed over.
pub(super) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, PortError> {
    serde_dynamo::from_item(item).map_err(|error| PortError::corrupt("records", error))
}

/// The price record of which a stream tells the new image.
pub fn image_of_price(image: HashMap<String, AttributeValue>) -> Result<PriceRecord, PortError> {
    from_item(image)
}

/// A text attribute.
pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, PortError> {
    let text = item.get(name).and_then(|value| value.as_s().ok());
    text.map(String::as_str).ok_or_else(|| missing(name))
}

/// A number attribute.
pub(super) fn number_of<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T, PortError> {
    let number = item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    number.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> PortError {
    PortError::corrupt("records", format!("an item has no readable {name:?}"))
}
