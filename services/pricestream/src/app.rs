use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use pricestream_cache_writer::CacheWriter;
use pricestream_documents::ContentHash;
use pricestream_domain::Mode;
use pricestream_embedded::{
    Access, CacheListener, Durability, EmbeddedBus, EmbeddedCache, EmbeddedSettings, Runtime, Store, Subscriber, ready,
};
use pricestream_event_schema::{StockChange, TraceContext};
use pricestream_inventory_publisher::{PublishError, Published, TimeLimits, publish};
use pricestream_low_stock_alert::LowStockAlert;
use pricestream_ports::{Clock, Conditional, Documents, Failure, ModeSetting, Settings, SettingsRecord, micros};
use pricestream_pricing_calculator::PricingCalculator;
use pricestream_reconciler::Reconciler;
use pricestream_telemetry::Metrics;

use crate::subscribers;

/// Earlier settings that a file is looked for in.
const LOOKED_BACK: usize = 500;

/// A document that prices every SKU at its list price, and refuses those that state no floor.
pub(crate) const PLAIN_STRATEGIES: &str =
    r#"{"version":1,"strategies":{"steady":{"kind":"fixed_list"}},"default":{"strategy":"steady"}}"#;

/// Everything of one process that the handlers share.
#[derive(Debug)]
pub(crate) struct App<C> {
    pub(crate) store: Arc<Store>,
    pub(crate) bus: Arc<EmbeddedBus>,
    pub(crate) cache: Arc<EmbeddedCache>,
    pub(crate) settings: Arc<EmbeddedSettings>,
    pub(crate) clock: C,
    pub(crate) metrics: Arc<Metrics>,
}

impl<C: Clock + Clone + 'static> App<C> {
    /// Opens the store in `directory`; `listener` hears what the cache takes.
    pub(crate) fn open(
        directory: &Path,
        durability: Durability,
        clock: C,
        listener: Option<Arc<dyn CacheListener>>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>> {
        let store = Arc::new(Store::open(directory, Access::Write(durability))?);
        let settings = Arc::new(EmbeddedSettings::new(Arc::clone(&store)));
        let app = Self {
            bus: Arc::new(EmbeddedBus::new()),
            cache: Arc::new(EmbeddedCache::new(listener)),
            settings,
            clock,
            metrics,
            store,
        };
        ready(app.settings.refresh(app.clock.now())).context("reading the settings")?;
        Ok(Arc::new(app))
    }

    /// The runtime with every subscriber of the pipeline; there is one of each app.
    pub(crate) fn runtime(self: &Arc<Self>) -> Result<Runtime<C>> {
        let subscribers: Vec<Box<dyn Subscriber>> = vec![
            Box::new(subscribers::Pricing(Arc::clone(self))),
            Box::new(subscribers::LowStock(Arc::clone(self))),
            Box::new(subscribers::Caching(Arc::clone(self))),
        ];
        let metrics = Arc::clone(&self.metrics);
        let on_dead = Box::new(move |queue| metrics.dead_letter(queue));
        Runtime::new(Arc::clone(&self.store), Arc::clone(&self.bus), self.clock.clone(), subscribers, on_dead)
            .context("taking up the messages that were left")
    }

    pub(crate) fn pricing_calculator(&self) -> PricingCalculator<'_, Store, EmbeddedBus, EmbeddedSettings, C> {
        PricingCalculator {
            records: &self.store,
            bus: &self.bus,
            settings: &self.settings,
            clock: &self.clock,
            metrics: &self.metrics,
        }
    }

    pub(crate) fn cache_writer(&self) -> CacheWriter<'_, Store, EmbeddedCache, C> {
        CacheWriter { records: &self.store, cache: &self.cache, clock: &self.clock, metrics: &self.metrics }
    }

    pub(crate) fn low_stock_alert(&self) -> LowStockAlert<'_, Store, Store, C> {
        LowStockAlert { records: &self.store, alerts: &self.store, clock: &self.clock, metrics: &self.metrics }
    }

    pub(crate) fn reconciler(&self) -> Reconciler<'_, Store, EmbeddedBus, EmbeddedCache, EmbeddedSettings, C> {
        Reconciler {
            records: &self.store,
            bus: &self.bus,
            cache: &self.cache,
            settings: &self.settings,
            clock: &self.clock,
            metrics: &self.metrics,
        }
    }

    /// Takes one stock change; within a turn.
    pub(crate) fn publish(
        &self,
        limits: Option<&TimeLimits>,
        trace: Option<&TraceContext>,
        change: &StockChange,
    ) -> Result<Published, PublishError> {
        ready(publish(&*self.store, &*self.bus, &self.clock, &self.metrics, limits, trace, change))
    }

    /// The number of the last settings that had this strategies document, where something else was put in force since: a file that did not
    /// change is no reason to undo what somebody published, rolled out or rolled back.
    pub(crate) fn replaced_since(&self, strategies: &str) -> Result<Option<u64>> {
        let stored = ready(self.store.settings()).context("reading the settings")?;
        if stored.is_none_or(|stored| *stored.strategies == *strategies) {
            return Ok(None);
        }
        let hash = ContentHash::of(strategies.as_bytes());
        let earlier = ready(self.store.settings_before(u64::MAX, LOOKED_BACK)).context("reading the settings")?;
        Ok(earlier.iter().find(|version| version.strategies == hash).map(|version| version.rev))
    }

    /// Puts `strategies` in force, or a plain document if the store has none, and `promotions`, if they are given; mode and switch
    /// stay.
    pub(crate) fn ensure_settings(&self, strategies: Option<&str>, promotions: Option<&str>, by: &str) -> Result<()> {
        let stored = ready(self.store.settings()).context("reading the settings")?;
        let in_force = stored.as_ref().map(|stored| &*stored.strategies);
        let text = strategies.or(in_force).unwrap_or(PLAIN_STRATEGIES).to_owned();
        let mut promotions_setting = stored.as_ref().map(|stored| stored.promotions.clone()).unwrap_or_default();
        let new_promotions = promotions.filter(|text| promotions_setting.rule_set.as_deref() != Some(*text));
        if in_force == Some(&text) && new_promotions.is_none() {
            return Ok(());
        }
        if let Some(text) = new_promotions {
            promotions_setting.rule_set = Some(text.into());
            by.clone_into(&mut promotions_setting.published_by);
        }
        let mode = stored.as_ref().map_or_else(
            || ModeSetting { mode: Mode::Run, by: by.to_owned(), note: "a new store".to_owned(), at: self.clock.measured() },
            |stored| stored.mode.clone(),
        );
        let record = match stored {
            None => SettingsRecord { promotions: promotions_setting, ..SettingsRecord::first(mode, text, by) },
            Some(stored) => {
                let rev = stored.rev + 1;
                let stored = stored.with_strategies(&text, by, "", micros(self.clock.measured()));
                SettingsRecord { rev, promotions: promotions_setting, ..stored }
            }
        };
        match ready(self.store.put_settings(&record)).context("publishing the settings")? {
            Conditional::Written => Ok(ready(self.settings.refresh(self.clock.now()))?),
            Conditional::Superseded => anyhow::bail!("somebody else published settings at the same moment: try again"),
        }
    }

    /// Compares every record with its inputs and the cache with every record, and mends both; warms an empty cache.
    pub(crate) fn reconcile(&self, runtime: &Runtime<C>) -> Result<pricestream_reconciler::Findings> {
        let mut progress = pricestream_reconciler::Progress::default();
        loop {
            progress = runtime
                .turn(|_| ready(self.reconciler().step(progress, std::time::Duration::ZERO)))?
                .map_err(|failure| failed("reconciling", failure))?;
            if progress.after.is_none() {
                return Ok(progress.findings);
            }
        }
    }

    /// Prices what is due by the clock; says how many there were. Within a turn.
    pub(crate) fn price_due(&self, most: usize) -> Result<usize> {
        ready(self.reconciler().enqueue_due(most)).map_err(|failure| failed("looking for what is due", failure))
    }
}

/// A failure with all that led to it, as an error of the command line.
pub(crate) fn failed(doing: &str, failure: Failure) -> anyhow::Error {
    anyhow::Error::new(failure).context(doing.to_owned())
}

/// Time as a replay has it: driven by the recorded changes, never backwards; latencies by the machine's clock.
#[derive(Clone, Debug)]
pub(crate) struct ReplayClock(Arc<std::sync::atomic::AtomicI64>);

impl ReplayClock {
    pub(crate) fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(std::sync::atomic::AtomicI64::new(start.as_microsecond())))
    }

    /// Moves on to `to`; stays if that is in the past.
    pub(crate) fn advance(&self, to: Timestamp) {
        self.0.fetch_max(to.as_microsecond(), std::sync::atomic::Ordering::Relaxed);
    }
}

impl Clock for ReplayClock {
    fn now(&self) -> Timestamp {
        let micros = self.0.load(std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_nanosecond(i128::from(micros) * 1_000).expect("it was a timestamp before")
    }

    fn measured(&self) -> Timestamp {
        pricestream_ports::SystemClock.measured()
    }
}
