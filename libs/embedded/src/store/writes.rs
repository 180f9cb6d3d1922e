use std::sync::Arc;

use pricestream_documents::ContentHash;
use pricestream_domain::{Lane, Override, RecordRev, Sku, StockVersion};
use pricestream_ports::{
    AlertState, Conditional, HistoryRow, Inventory, PortError, PriceRecord, ProductRecord, Promotions, PromotionsSetting,
    Records, RolloutSetting, SettingsRecord,
};
use pricestream_repricing_engine::rollout::TrialAccount;
use rusqlite::{OptionalExtension, Result, params};

use super::Store;
use super::codes::{UNREADABLE_RULES, cause_code, currency_code, mode_code, standing_columns, unreadable};
use super::db::Db;

impl Db {
    fn put_inventory(&mut self, inventory: &Inventory, seen: StockVersion) -> Result<Conditional> {
        let number = self.number_or_new(&inventory.sku)?;
        let sql = if seen == StockVersion(0) {
            "INSERT INTO inventory (sku, on_hand, stock_version, full_on_hand, full_at, origin, source_seq, fingerprint, occurred_at,
             committed_at, sold) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING"
        } else {
            "UPDATE inventory SET on_hand = ?2, stock_version = ?3, full_on_hand = ?4, full_at = ?5, origin = ?6, source_seq = ?7,
             fingerprint = ?8, occurred_at = ?9, committed_at = ?10, sold = ?11 WHERE sku = ?1 AND stock_version = ?12"
        };
        let mut statement = self.conn.prepare_cached(sql)?;
        let (on_hand, version) = (inventory.on_hand.cast_signed(), inventory.stock_version.0.cast_signed());
        let (full, full_at) = (inventory.full.on_hand.cast_signed(), inventory.full.at.as_microsecond());
        let (seq, fingerprint) = (inventory.source_seq.0.cast_signed(), inventory.fingerprint.cast_signed());
        let (occurred, committed) = (inventory.occurred_at.as_microsecond(), inventory.committed_at.as_microsecond());
        let (origin, sold) = (&inventory.origin, inventory.sold.cast_signed());
        let changed = if seen == StockVersion(0) {
            statement.execute(params![
                number,
                on_hand,
                version,
                full,
                full_at,
                origin,
                seq,
                fingerprint,
                occurred,
                committed,
                sold
            ])?
        } else {
            let seen = seen.0.cast_signed();
            statement.execute(params![
                number,
                on_hand,
                version,
                full,
                full_at,
                origin,
                seq,
                fingerprint,
                occurred,
                committed,
                sold,
                seen
            ])?
        };
        if changed > 0 {
            self.newest.inventory.put(number, inventory.clone());
        }
        Ok(conditional(changed))
    }

    fn put_price(&mut self, record: &PriceRecord, row: &HistoryRow, seen: RecordRev) -> Result<Conditional> {
        let number = self.number_or_new(&record.sku)?;
        let found: Option<(i64, i64)> = match self.newest.prices.get(number) {
            Some((stored, newest)) => Some((stored.record_rev.0.cast_signed(), *newest)),
            None => self
                .conn
                .prepare_cached("SELECT record_rev, newest FROM prices WHERE sku = ?1")?
                .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?,
        };
        if found.map_or(0, |(rev, _)| rev) != seen.0.cast_signed() {
            return Ok(Conditional::Superseded);
        }
        let inputs = &row.inputs;
        let product = self.put_json(inputs.product.hash, &inputs.product.product)?;
        let policy = match &inputs.policy {
            Ok(policy) => Some(self.put_json(policy.hash, &policy.policy)?),
            Err(_) => None,
        };
        let override_ = match &inputs.override_ {
            Some(override_) => Some(self.put_json(ContentHash::of_json(override_), override_)?),
            None => None,
        };
        let history = self.append_history(number, found.map(|(_, newest)| newest), row, product, policy, override_)?;
        let lane = record.lane.as_deref().map(|lane| self.put_rare(lane)).transpose()?;
        let [currency, price, since, step_from, step_since, day, changes] = standing_columns(record.standing.as_ref());
        let seen_inputs = &record.seen;
        // An update leaves the index alone where the due instant stays.
        let put = if found.is_some() {
            "UPDATE prices SET record_rev = ?2, price_version = ?3, currency = ?4, price = ?5, since = ?6, step_from = ?7,
             step_since = ?8, day = ?9, changes = ?10, list_currency = ?11, list_price = ?12, stock_version = ?13, product = ?14,
             policy = ?15, mode = ?16, override = ?17, settings_rev = ?18, decided_at = ?19, cause = ?20, shadow_price = ?21,
             refusal = ?22, next_due = ?23, stock_committed_at = ?24, withdrawn_at = ?25, newest = ?26, lane = ?27, promotions = ?28, belief = ?29,
             trial = ?30 WHERE sku = ?1"
        } else {
            "INSERT INTO prices (sku, record_rev, price_version, currency, price, since, step_from, step_since, day, changes,
             list_currency, list_price, stock_version, product, policy, mode, override, settings_rev, decided_at, cause, shadow_price,
             refusal, next_due, stock_committed_at, withdrawn_at, newest, lane, promotions, belief, trial)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27,
             ?28, ?29, ?30)"
        };
        self.conn.prepare_cached(put)?.execute(params![
            number,
            record.record_rev.0.cast_signed(),
            record.price_version.0.cast_signed(),
            currency,
            price,
            since,
            step_from,
            step_since,
            day,
            changes,
            record.list_price.map(|list| currency_code(list.currency)),
            record.list_price.map(|list| list.minor),
            seen_inputs.stock_version.0.cast_signed(),
            product,
            policy,
            mode_code(seen_inputs.mode),
            override_,
            record.settings_rev.cast_signed(),
            record.decided_at.as_microsecond(),
            cause_code(record.cause),
            record.shadow_price.map(|price| price.minor),
            record.refusal,
            record.next_due.map(jiff::Timestamp::as_microsecond),
            record.stock_committed_at.map(jiff::Timestamp::as_microsecond),
            record.withdrawn_at.map(jiff::Timestamp::as_microsecond),
            history,
            lane,
            seen_inputs.promotions.as_ref().map(ContentHash::as_bytes),
            record.belief.as_ref().map(ToString::to_string),
            trial_text(record.trial.as_deref())?,
        ])?;
        let due = record.next_due.map_or(i64::MAX, jiff::Timestamp::as_microsecond);
        self.nothing_due_before = self.nothing_due_before.map(|before| before.min(due));
        self.newest.prices.put(number, (record.clone(), history));
        self.images.push(record.clone());
        Ok(Conditional::Written)
    }

    fn append_history(
        &mut self,
        number: i64,
        earlier: Option<i64>,
        row: &HistoryRow,
        product: i64,
        policy: Option<i64>,
        override_: Option<i64>,
    ) -> Result<i64> {
        let inputs = &row.inputs;
        let was = standing_columns(inputs.previous.as_ref());
        let is = standing_columns(row.standing.as_ref());
        let stock = inputs.stock.as_ref();
        let lane_number = |db: &Self, lane: &Option<Arc<Lane>>| lane.as_deref().map(|lane| db.put_rare(lane)).transpose();
        let (lane, was_lane) = (lane_number(self, &row.lane)?, lane_number(self, &inputs.previous_lane)?);
        let (rule_set, without) = match &inputs.promotions {
            Promotions::None => (None, None),
            Promotions::Unreadable => (Some(UNREADABLE_RULES), None),
            Promotions::InForce { rules, without } => {
                let number = self.put_document(rules.hash, || Ok(rules.text.to_string()))?;
                let without = (!without.nothing()).then(|| self.put_rare(&**without)).transpose()?;
                (Some(number), without)
            }
        };
        self.conn
            .prepare_cached(
                "INSERT INTO history (earlier, sku, record_rev, price_version, decided_at, cause, was_currency, was_price, was_since,
                 was_step_from, was_step_since, was_day, was_changes, on_hand, stock_version, full_on_hand, full_at, product_rev, product,
                 policy, policy_error, mode, override, settings_rev, currency, price, since, step_from, step_since, day, changes,
                 shadow_price, refusal, next_due, lane, was_lane, rule_set, left_out, sold, changed_at, was_belief, was_trial)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
                 ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42)",
            )?
            .execute(params![
                earlier,
                number,
                row.record_rev.0.cast_signed(),
                row.price_version.0.cast_signed(),
                inputs.decided_at.as_microsecond(),
                cause_code(row.cause),
                was[0],
                was[1],
                was[2],
                was[3],
                was[4],
                was[5],
                was[6],
                stock.map(|stock| stock.on_hand.cast_signed()),
                stock.map(|stock| stock.version.0.cast_signed()),
                stock.map(|stock| stock.full.on_hand.cast_signed()),
                stock.map(|stock| stock.full.at.as_microsecond()),
                inputs.product.rev.cast_signed(),
                product,
                policy,
                inputs.policy.as_ref().err(),
                mode_code(inputs.mode),
                override_,
                inputs.settings_rev.cast_signed(),
                is[0],
                is[1],
                is[2],
                is[3],
                is[4],
                is[5],
                is[6],
                row.shadow_price.map(|price| price.minor),
                row.refusal,
                row.next_due.map(jiff::Timestamp::as_microsecond),
                lane,
                was_lane,
                rule_set,
                without,
                stock.map(|stock| stock.sold.cast_signed()),
                stock.and_then(|stock| stock.changed_at).map(jiff::Timestamp::as_microsecond),
                inputs.previous_belief.as_ref().map(ToString::to_string),
                trial_text(inputs.previous_trial.as_deref())?,
            ])?;
        Ok(self.conn.last_insert_rowid())
    }
}

fn trial_text(trial: Option<&TrialAccount>) -> Result<Option<String>> {
    trial.map(serde_json::to_string).transpose().map_err(unreadable)
}

pub(super) fn conditional(changed: usize) -> Conditional {
    if changed > 0 { Conditional::Written } else { Conditional::Superseded }
}

impl Store {
    pub(super) fn put_settings_row(&self, settings: &SettingsRecord) -> std::result::Result<Conditional, PortError> {
        self.write(|db| {
            let stored: Option<i64> = db.conn.query_row("SELECT max(rev) FROM settings", [], |row| row.get(0))?;
            if stored.unwrap_or(0) + 1 != settings.rev.cast_signed() {
                return Ok(Conditional::Superseded);
            }
            let text = settings.strategies.to_string();
            let document = db.put_document(ContentHash::of(text.as_bytes()), || Ok(text.clone()))?;
            let rule_set = match &settings.promotions.rule_set {
                Some(text) => Some(db.put_document(ContentHash::of(text.as_bytes()), || Ok(text.to_string()))?),
                None => None,
            };
            let promotions = PromotionsSetting { rule_set: None, ..settings.promotions.clone() };
            let promotions = serde_json::to_string(&promotions).map_err(unreadable)?;
            let candidate = match &settings.rollout {
                Some(RolloutSetting { candidate, .. }) => {
                    Some(db.put_document(ContentHash::of(candidate.as_bytes()), || Ok(candidate.to_string()))?)
                }
                None => None,
            };
            let rollout = settings.rollout.as_ref().map(RolloutSetting::without_text);
            let rollout = rollout.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
            let mode = &settings.mode;
            db.conn.execute(
                "INSERT INTO settings (rev, mode, mode_by, mode_note, mode_at, strategies, strategies_by, rule_set, promotions,
                 strategies_note, strategies_at, candidate, rollout)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                params![
                    settings.rev.cast_signed(),
                    mode.mode.name(),
                    mode.by,
                    mode.note,
                    mode.at.as_microsecond(),
                    document,
                    settings.strategies_by,
                    rule_set,
                    promotions,
                    settings.strategies_note,
                    settings.strategies_at.as_microsecond(),
                    candidate,
                    rollout,
                ],
            )?;
            Ok(Conditional::Written)
        })
    }
}

impl Records for Store {
    async fn put_inventory(&self, inventory: &Inventory, seen: StockVersion) -> std::result::Result<Conditional, PortError> {
        self.write(|db| db.put_inventory(inventory, seen))
    }

    async fn put_price(
        &self,
        record: &PriceRecord,
        row: &HistoryRow,
        seen: RecordRev,
    ) -> std::result::Result<Conditional, PortError> {
        self.write(|db| db.put_price(record, row, seen))
    }

    async fn put_product(&self, product: &ProductRecord) -> std::result::Result<Conditional, PortError> {
        self.write(|db| {
            let number = db.number_or_new(&product.product.sku)?;
            let document = db.put_json(product.hash, &product.product)?;
            let mut put = db.conn.prepare_cached(
                "INSERT INTO products (sku, rev, document) SELECT ?1, ?2, ?3
                 WHERE ?2 = 1 + coalesce((SELECT rev FROM products WHERE sku = ?1), 0)
                 ON CONFLICT (sku) DO UPDATE SET rev = excluded.rev, document = excluded.document",
            )?;
            let changed = put.execute(params![number, product.rev.cast_signed(), document])?;
            if changed > 0 {
                db.newest.products.put(number, (product.rev, document));
            }
            Ok(conditional(changed))
        })
    }

    async fn put_override(&self, sku: &Sku, override_: Option<&Override>) -> std::result::Result<(), PortError> {
        self.write(|db| {
            let number = db.number_or_new(sku)?;
            db.newest.overrides.remove(number);
            match override_ {
                Some(override_) => {
                    let document = db.put_json(ContentHash::of_json(override_), override_)?;
                    let mut put = db.conn.prepare_cached("INSERT OR REPLACE INTO overrides (sku, document) VALUES (?1, ?2)")?;
                    put.execute(params![number, document])?;
                }
                None => {
                    db.conn.prepare_cached("DELETE FROM overrides WHERE sku = ?1")?.execute([number])?;
                }
            }
            Ok(())
        })
    }

    async fn put_alert_state(&self, state: &AlertState) -> std::result::Result<Conditional, PortError> {
        self.write(|db| {
            let number = db.number_or_new(&state.sku)?;
            let mut put = db.conn.prepare_cached(if state.rev == 1 {
                "INSERT INTO alert_states (sku, rev, episode, low, stock_version, crossed_on_hand, crossed_version, crossed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"
            } else {
                "UPDATE alert_states SET rev = ?2, episode = ?3, low = ?4, stock_version = ?5, crossed_on_hand = ?6,
                 crossed_version = ?7, crossed_at = ?8 WHERE sku = ?1 AND rev = ?2 - 1"
            })?;
            let changed = put.execute(params![
                number,
                state.rev.cast_signed(),
                state.episode.cast_signed(),
                state.low,
                state.stock_version.0.cast_signed(),
                state.pending.map(|crossing| crossing.on_hand.cast_signed()),
                state.pending.map(|crossing| crossing.stock_version.0.cast_signed()),
                state.pending.map(|crossing| crossing.occurred_at.as_microsecond()),
            ])?;
            if changed > 0 {
                db.newest.alert_states.put(number, state.clone());
            }
            Ok(conditional(changed))
        })
    }
}
