use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Cause, Lane, Mode, Money, Override, PriceVersion, RecordRev, Sku, Standing, Stock};
use pricestream_ports::{HistoryRow, PortError, ProductRecord, Promotions, PublishedRules, RowInputs};
use pricestream_promotion_engine::Without;
use pricestream_repricing_engine::Resolved;
use pricestream_repricing_engine::market::Belief;
use pricestream_repricing_engine::rollout::TrialAccount;
use serde::{Deserialize, Serialize};

use super::item::{from_item, number};
use super::{DynamoStore, unavailable};

/// A decision as stored: documents by their hashes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredRow {
    sku: Sku,
    record_rev: RecordRev,
    decided_at: Timestamp,
    cause: Cause,
    previous: Option<Standing>,
    stock: Option<Stock>,
    product: ContentHash,
    product_rev: u64,
    policy: Option<ContentHash>,
    policy_error: Option<String>,
    mode: Mode,
    #[serde(rename = "override")]
    override_: Option<Override>,
    settings_rev: u64,
    promotions: StoredPromotions,
    previous_lane: Option<Arc<Lane>>,
    #[serde(default)]
    previous_belief: Option<Arc<Belief>>,
    #[serde(default)]
    previous_trial: Option<Arc<TrialAccount>>,
    standing: Option<Standing>,
    price_version: PriceVersion,
    shadow_price: Option<Money>,
    refusal: Option<String>,
    lane: Option<Arc<Lane>>,
    next_due: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPromotions {
    None,
    Unreadable,
    InForce { rules: ContentHash, without: Without },
}

impl StoredRow {
    pub(super) fn of(row: &HistoryRow) -> Self {
        let inputs = &row.inputs;
        Self {
            sku: row.sku.clone(),
            record_rev: row.record_rev,
            decided_at: inputs.decided_at,
            cause: row.cause,
            previous: inputs.previous,
            stock: inputs.stock,
            product: inputs.product.hash,
            product_rev: inputs.product.rev,
            policy: inputs.policy.as_ref().ok().map(|policy| policy.hash),
            policy_error: inputs.policy.as_ref().err().cloned(),
            mode: inputs.mode,
            override_: inputs.override_.clone(),
            settings_rev: inputs.settings_rev,
            promotions: match &inputs.promotions {
                Promotions::None => StoredPromotions::None,
                Promotions::Unreadable => StoredPromotions::Unreadable,
                Promotions::InForce { rules, without } => {
                    StoredPromotions::InForce { rules: rules.hash, without: (**without).clone() }
                }
            },
            previous_lane: inputs.previous_lane.clone(),
            previous_belief: inputs.previous_belief.clone(),
            previous_trial: inputs.previous_trial.clone(),
            standing: row.standing,
            price_version: row.price_version,
            shadow_price: row.shadow_price,
            refusal: row.refusal.clone(),
            lane: row.lane.clone(),
            next_due: row.next_due,
        }
    }
}

impl DynamoStore {
    /// Keeps the documents that a decision was made on.
    pub(super) async fn keep_documents_of(&self, row: &HistoryRow) -> Result<(), PortError> {
        let inputs = &row.inputs;
        self.keep_json(inputs.product.hash, &inputs.product.product).await?;
        if let Ok(policy) = &inputs.policy {
            self.keep_json(policy.hash, &policy.policy).await?;
        }
        if let Promotions::InForce { rules, .. } = &inputs.promotions {
            self.keep(rules.hash, Arc::clone(&rules.text)).await?;
        }
        Ok(())
    }

    async fn row(&self, stored: StoredRow) -> Result<HistoryRow, PortError> {
        let product =
            ProductRecord { product: self.document_of(stored.product).await?, rev: stored.product_rev, hash: stored.product };
        let policy = match stored.policy {
            Some(hash) => Ok(Arc::new(Resolved { policy: self.document_of(hash).await?, hash })),
            None => Err(stored.policy_error.unwrap_or_default()),
        };
        let promotions = match stored.promotions {
            StoredPromotions::None => Promotions::None,
            StoredPromotions::Unreadable => Promotions::Unreadable,
            StoredPromotions::InForce { rules, without } => match self.rules(rules).await? {
                Some(rules) => Promotions::InForce { rules, without: Arc::new(without) },
                None => Promotions::Unreadable,
            },
        };
        Ok(HistoryRow {
            sku: stored.sku,
            record_rev: stored.record_rev,
            inputs: RowInputs {
                decided_at: stored.decided_at,
                previous: stored.previous,
                stock: stored.stock,
                product: Arc::new(product),
                policy,
                mode: stored.mode,
                override_: stored.override_,
                settings_rev: stored.settings_rev,
                promotions,
                previous_lane: stored.previous_lane,
                previous_belief: stored.previous_belief,
                previous_trial: stored.previous_trial,
            },
            cause: stored.cause,
            standing: stored.standing,
            price_version: stored.price_version,
            shadow_price: stored.shadow_price,
            refusal: stored.refusal,
            lane: stored.lane,
            next_due: stored.next_due,
        })
    }

    /// The rule set of that hash, compiled once; `None`: this program cannot read it.
    async fn rules(&self, hash: ContentHash) -> Result<Option<Arc<PublishedRules>>, PortError> {
        if let Some(rules) = self.rules.get(&hash) {
            return Ok(Some(rules));
        }
        let Ok(rules) = PublishedRules::read(self.document(hash).await?) else { return Ok(None) };
        let rules = Arc::new(rules);
        self.rules.insert(hash, Arc::clone(&rules));
        Ok(Some(rules))
    }

    /// Decisions about `sku`, newest first.
    pub(super) async fn rows(&self, sku: &Sku, before: Option<RecordRev>, most: usize) -> Result<Vec<HistoryRow>, PortError> {
        let mut call = self
            .client
            .query()
            .table_name(&self.tables.history)
            .expression_attribute_values(":sku", AttributeValue::S(sku.to_string()))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .consistent_read(true);
        call = match before {
            Some(before) => call
                .key_condition_expression("sku = :sku AND record_rev < :before")
                .expression_attribute_values(":before", number(before)),
            None => call.key_condition_expression("sku = :sku"),
        };
        let mut pages = call.into_paginator().items().send();
        let mut rows = Vec::new();
        while rows.len() < most
            && let Some(found) = pages.next().await
        {
            rows.push(self.row(from_item(found.map_err(unavailable)?)?).await?);
        }
        Ok(rows)
    }
}
