use std::sync::Arc;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use pricestream_documents::ContentHash;
use pricestream_ports::{Conditional, Documents, ModeSetting, PortError, PromotionsSetting, SettingsRecord};
use serde::{Deserialize, Serialize};

use super::item::{Item, from_item, item, number, text, to_item};
use super::{DynamoStore, seen};

/// Name of the settings among the documents; part 0 is in force, the others are the audit, by their numbers.
const SETTINGS: &str = "settings";

/// The settings as stored: documents by their hashes.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    rev: u64,
    mode: ModeSetting,
    strategies: ContentHash,
    strategies_by: String,
    rule_set: Option<ContentHash>,
    /// Without the rule set itself.
    promotions: PromotionsSetting,
}

impl DynamoStore {
    fn settings_item(stored: &Stored, part: u64) -> Result<Item, PortError> {
        let mut item = to_item(stored)?;
        item.insert("name".to_owned(), text(SETTINGS));
        item.insert("part".to_owned(), number(part));
        Ok(item)
    }
}

impl Documents for DynamoStore {
    async fn settings(&self) -> Result<Option<SettingsRecord>, PortError> {
        let key = item([("name", text(SETTINGS)), ("part", number(0))]);
        let Some(found) = self.get(&self.tables.documents, key).await? else { return Ok(None) };
        let stored: Stored = from_item(found)?;
        let strategies = self.document(stored.strategies).await?;
        let rule_set = match stored.rule_set {
            Some(hash) => Some(self.document(hash).await?),
            None => None,
        };
        let promotions = PromotionsSetting { rule_set, ..stored.promotions };
        let Stored { rev, mode, strategies_by, .. } = stored;
        Ok(Some(SettingsRecord { rev, mode, strategies, strategies_by, promotions }))
    }

    async fn put_settings(&self, settings: &SettingsRecord) -> Result<Conditional, PortError> {
        let hash = |text: &Arc<str>| ContentHash::of(text.as_bytes());
        let rule_set = settings.promotions.rule_set.as_ref();
        for text in rule_set.into_iter().chain([&settings.strategies]) {
            self.keep(hash(text), Arc::clone(text)).await?;
        }
        let stored = Stored {
            rev: settings.rev,
            mode: settings.mode.clone(),
            strategies: hash(&settings.strategies),
            strategies_by: settings.strategies_by.clone(),
            rule_set: rule_set.map(hash),
            promotions: PromotionsSetting { rule_set: None, ..settings.promotions.clone() },
        };
        let put = |part: u64| {
            Ok::<_, PortError>(
                Put::builder().table_name(&self.tables.documents).set_item(Some(Self::settings_item(&stored, part)?)),
            )
        };
        let (condition, values) = seen("rev", settings.rev.saturating_sub(1));
        let mut in_force = put(0)?.condition_expression(condition);
        for (name, value) in values {
            in_force = in_force.expression_attribute_values(name, value);
        }
        self.transact([in_force, put(settings.rev)?].into_iter().map(|put| {
            let put = put.build().map_err(|error| PortError::corrupt("settings", error))?;
            Ok(TransactWriteItem::builder().put(put).build())
        }))
        .await
    }
}
