use std::sync::Arc;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_ports::{
    Conditional, Documents, ModeSetting, PortError, PromotionsSetting, RolloutSetting, SettingsRecord, SettingsVersion,
};
use serde::{Deserialize, Serialize};

use super::item::{Item, from_item, item, number, text, to_item};
use super::{DynamoStore, seen, unavailable};

/// Name of the settings among the documents; part 0 is in force, the others are the audit, by their numbers.
const SETTINGS: &str = "settings";

/// The settings as stored: documents by their hashes.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    rev: u64,
    mode: ModeSetting,
    strategies: ContentHash,
    strategies_by: String,
    #[serde(default)]
    strategies_note: String,
    #[serde(default)]
    strategies_at: Timestamp,
    #[serde(default)]
    candidate: Option<ContentHash>,
    /// Without the candidate itself.
    #[serde(default)]
    rollout: Option<RolloutSetting>,
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

    async fn settings_in(&self, part: u64) -> Result<Option<SettingsRecord>, PortError> {
        let key = item([("name", text(SETTINGS)), ("part", number(part))]);
        let Some(found) = self.get(&self.tables.documents, key).await? else { return Ok(None) };
        let Stored {
            rev,
            mode,
            strategies,
            strategies_by,
            strategies_note,
            strategies_at,
            candidate,
            rollout,
            rule_set,
            promotions,
        } = from_item(found)?;
        let rule_set = match rule_set {
            Some(hash) => Some(self.document(hash).await?),
            None => None,
        };
        let rollout = match (rollout, candidate) {
            (Some(rollout), Some(hash)) => Some(RolloutSetting { candidate: self.document(hash).await?, ..rollout }),
            _ => None,
        };
        Ok(Some(SettingsRecord {
            rev,
            mode,
            strategies: self.document(strategies).await?,
            strategies_by,
            strategies_note,
            strategies_at,
            rollout,
            promotions: PromotionsSetting { rule_set, ..promotions },
        }))
    }
}

impl Documents for DynamoStore {
    async fn settings(&self) -> Result<Option<SettingsRecord>, PortError> {
        self.settings_in(0).await
    }

    async fn settings_at(&self, rev: u64) -> Result<Option<SettingsRecord>, PortError> {
        if rev == 0 { Ok(None) } else { self.settings_in(rev).await }
    }

    async fn settings_before(&self, before: u64, most: usize) -> Result<Vec<SettingsVersion>, PortError> {
        if before <= 1 || most == 0 {
            return Ok(Vec::new());
        }
        let call = self
            .client
            .query()
            .table_name(&self.tables.documents)
            .key_condition_expression("#name = :name AND part BETWEEN :first AND :last")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", text(SETTINGS))
            .expression_attribute_values(":first", number(1))
            .expression_attribute_values(":last", number(before - 1))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .consistent_read(true);
        let mut pages = call.into_paginator().items().send();
        let mut versions = Vec::new();
        while versions.len() < most
            && let Some(found) = pages.next().await
        {
            let stored: Stored = from_item(found.map_err(unavailable)?)?;
            versions.push(SettingsVersion {
                rev: stored.rev,
                strategies: stored.strategies,
                by: stored.strategies_by,
                note: stored.strategies_note,
                at: stored.strategies_at,
                rollout: stored.candidate.zip(stored.rollout),
            });
        }
        Ok(versions)
    }

    async fn put_settings(&self, settings: &SettingsRecord) -> Result<Conditional, PortError> {
        let hash = |text: &Arc<str>| ContentHash::of(text.as_bytes());
        let rule_set = settings.promotions.rule_set.as_ref();
        let candidate = settings.rollout.as_ref().map(|rollout| &rollout.candidate);
        for text in rule_set.into_iter().chain(candidate).chain([&settings.strategies]) {
            self.keep(hash(text), Arc::clone(text)).await?;
        }
        let stored = Stored {
            rev: settings.rev,
            mode: settings.mode.clone(),
            strategies: hash(&settings.strategies),
            strategies_by: settings.strategies_by.clone(),
            strategies_note: settings.strategies_note.clone(),
            strategies_at: settings.strategies_at,
            candidate: candidate.map(hash),
            rollout: settings.rollout.as_ref().map(RolloutSetting::without_text),
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
