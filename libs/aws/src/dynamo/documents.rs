//! Documents by hash, kept once for good: what decisions were made on. One that is longer than an item may be is kept in parts.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use moka::sync::Cache;
use pricestream_documents::ContentHash;
use pricestream_ports::PortError;
use serde::Serialize;

use super::item::{item, number, number_of, text, text_of};
use super::{DynamoStore, unavailable};

/// Bytes of a part; an item has 400 KB at most.
const PART: usize = 300 * 1024;

/// Documents remembered: each is asked for again and again while what it says is in force.
const REMEMBERED: u64 = 10_000;

/// Documents that are known to be there.
#[derive(Clone, Debug)]
pub(super) struct Kept(Cache<ContentHash, Arc<str>>);

impl Default for Kept {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

/// Where `text` is cut, so that no part is longer than `most` bytes and no character is cut.
fn parts(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > most {
        let (part, more) = rest.split_at(rest.floor_char_boundary(most));
        parts.push(part);
        rest = more;
    }
    parts.push(rest);
    parts
}

impl DynamoStore {
    /// Keeps a document under its hash, if it is not known to be there.
    pub(super) async fn keep(&self, hash: ContentHash, body: Arc<str>) -> Result<(), PortError> {
        if self.kept.0.contains_key(&hash) {
            return Ok(());
        }
        let table = &self.tables.documents;
        let name = || text(hash.to_string());
        let all = parts(&body, PART);
        let count = all.len();
        if self.get(table, item([("name", name()), ("part", number(0))])).await?.is_none() {
            // The first part comes last: where it is, the others are.
            for (place, part) in all.into_iter().enumerate().rev() {
                let of_part = [("name", name()), ("part", number(place)), ("parts", number(count)), ("body", text(part))];
                let call = self.client.put_item().table_name(table).set_item(Some(item(of_part)));
                call.send().await.map_err(unavailable)?;
            }
        }
        self.kept.0.insert(hash, body);
        Ok(())
    }

    /// Keeps the JSON of a value under its hash.
    pub(super) async fn keep_json(&self, hash: ContentHash, value: &impl Serialize) -> Result<(), PortError> {
        if self.kept.0.contains_key(&hash) {
            return Ok(());
        }
        let body = serde_json::to_string(value).map_err(|error| PortError::corrupt("documents", error))?;
        self.keep(hash, body.into()).await
    }

    /// The document of that hash.
    pub(super) async fn document(&self, hash: ContentHash) -> Result<Arc<str>, PortError> {
        if let Some(body) = self.kept.0.get(&hash) {
            return Ok(body);
        }
        let call = self
            .client
            .query()
            .table_name(&self.tables.documents)
            .key_condition_expression("#name = :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", AttributeValue::S(hash.to_string()))
            .consistent_read(true);
        let pages: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        let found = pages.map_err(unavailable)?;
        let missing = || PortError::corrupt("documents", format!("document {hash} is not there"));
        let parts: usize = number_of(found.first().ok_or_else(missing)?, "parts")?;
        if found.len() != parts {
            return Err(missing());
        }
        let mut body = String::new();
        for part in &found {
            body.push_str(text_of(part, "body")?);
        }
        let body: Arc<str> = body.into();
        self.kept.0.insert(hash, Arc::clone(&body));
        Ok(body)
    }

    /// The same, read as JSON.
    pub(super) async fn document_of<T: serde::de::DeserializeOwned>(&self, hash: ContentHash) -> Result<T, PortError> {
        let body = self.document(hash).await?;
        serde_json::from_str(&body).map_err(|error| PortError::corrupt("documents", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_short_enough_and_cut_no_character() {
        for (text, most, expected) in [
            ("", 3, &[""][..]),
            ("abc", 3, &["abc"]),
            ("abcd", 3, &["abc", "d"]),
            ("abä", 3, &["ab", "ä"]),
            ("ääää", 4, &["ää", "ää"]),
        ] {
            assert_eq!(parts(text, most), expected, "{text:?}");
        }
    }
}
