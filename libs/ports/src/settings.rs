use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use pricestream_documents::{ContentHash, Problem};
use pricestream_domain::{Mode, Product};
use pricestream_repricing_engine::rollout::{Rollout, Stage, StopRules};
use pricestream_repricing_engine::{Resolved, Strategies};
use serde::{Deserialize, Serialize};

use crate::{Conditional, PortError, Promotions, PromotionsSetting};

/// The kill switch with its audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeSetting {
    /// What is on.
    pub mode: Mode,
    /// Who switched.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// The settings as stored: each document is kept by its hash, this says which are in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// Counts changes; 0 is before the first.
    pub rev: u64,
    /// The kill switch.
    pub mode: ModeSetting,
    /// The strategies document, as published.
    pub strategies: Arc<str>,
    /// Who published it.
    pub strategies_by: String,
    /// Why.
    #[serde(default)]
    pub strategies_note: String,
    /// When; the epoch where an older program wrote it.
    #[serde(default)]
    pub strategies_at: Timestamp,
    /// Strategies on trial beside it, or the last that were stopped.
    #[serde(default)]
    pub rollout: Option<RolloutSetting>,
    /// The rule set of promotions, and their switch.
    #[serde(default)]
    pub promotions: PromotionsSetting,
}

/// A strategies document on its way into force, with the audit of its stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutSetting {
    /// The document, as published; empty where it is kept by its hash.
    pub candidate: Arc<str>,
    /// Of the settings that its stage began with.
    pub number: u64,
    /// How far it is.
    pub stage: Stage,
    /// When it stops by itself.
    pub rules: StopRules,
    /// Who began the stage.
    pub by: String,
    /// Why.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// What settings said of strategies, by the name of the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsVersion {
    /// Of the settings.
    pub rev: u64,
    /// The strategies document: of its text.
    pub strategies: ContentHash,
    /// Who published it.
    pub by: String,
    /// Why.
    pub note: String,
    /// When; the epoch where an older program wrote it.
    pub at: Timestamp,
    /// The candidate, of its text, and the stage that it was in, without that text.
    pub rollout: Option<(ContentHash, RolloutSetting)>,
}

impl RolloutSetting {
    /// As it is kept beside the candidate's hash.
    #[must_use]
    pub fn without_text(&self) -> Self {
        Self { candidate: "".into(), ..self.clone() }
    }

    /// Ready for use; `None`: it was stopped. Errors: every problem that the candidate has.
    fn compile(&self) -> Result<Option<Rollout>, Vec<Problem>> {
        if let Stage::Stopped(_) = self.stage {
            return Ok(None);
        }
        let candidate = Arc::new(Strategies::from_json(&self.candidate)?);
        Ok(Rollout::new(candidate, self.number, &self.stage, self.rules.clone()))
    }
}

impl SettingsRecord {
    /// The first settings of a store: no promotions, and nothing on trial.
    pub fn first(mode: ModeSetting, strategies: impl Into<Arc<str>>, by: impl Into<String>) -> Self {
        Self {
            rev: 1,
            strategies_at: mode.at,
            mode,
            strategies: strategies.into(),
            strategies_by: by.into(),
            strategies_note: String::new(),
            rollout: None,
            promotions: PromotionsSetting::default(),
        }
    }

    /// With other strategies in force; whatever was on trial beside the old ones is over. Equal ones leave everything as it is.
    #[must_use]
    pub fn with_strategies(self, text: &str, by: &str, note: &str, at: Timestamp) -> Self {
        if *self.strategies == *text {
            return self;
        }
        Self {
            strategies: text.into(),
            strategies_by: by.to_owned(),
            strategies_note: note.to_owned(),
            strategies_at: at,
            rollout: None,
            ..self
        }
    }

    /// What it says of strategies.
    pub fn version(&self) -> SettingsVersion {
        SettingsVersion {
            rev: self.rev,
            strategies: ContentHash::of(self.strategies.as_bytes()),
            by: self.strategies_by.clone(),
            note: self.strategies_note.clone(),
            at: self.strategies_at,
            rollout: self.rollout.as_ref().map(|rollout| (ContentHash::of(rollout.candidate.as_bytes()), rollout.without_text())),
        }
    }
}

/// Where settings are kept.
pub trait Documents: Send + Sync {
    /// The settings in force; `None` before the first were published.
    fn settings(&self) -> impl Future<Output = Result<Option<SettingsRecord>, PortError>> + Send;

    /// Earlier settings, as they were published; `None`: there were none of that number.
    fn settings_at(&self, rev: u64) -> impl Future<Output = Result<Option<SettingsRecord>, PortError>> + Send;

    /// What the settings before `before` said of strategies, newest first, up to `most`.
    fn settings_before(&self, before: u64, most: usize) -> impl Future<Output = Result<Vec<SettingsVersion>, PortError>> + Send;

    /// Publishes settings IF the stored `rev` is one less than the record's.
    fn put_settings(&self, settings: &SettingsRecord) -> impl Future<Output = Result<Conditional, PortError>> + Send;
}

/// Settings ready for use: what a decision is made under.
#[derive(Clone, Debug)]
pub struct SettingsSnapshot {
    /// Counts changes. A writer never decides under older settings than the record it replaces was decided under.
    pub rev: u64,
    /// The kill switch.
    pub mode: Mode,
    /// Compiled; `None` when no document was ever readable.
    pub strategies: Option<Arc<Strategies>>,
    /// Strategies on trial beside them.
    pub rollout: Option<Arc<Rollout>>,
    /// What baskets are priced with.
    pub promotions: Promotions,
}

impl SettingsSnapshot {
    /// What is in force when settings are unreadable at a cold start: every price stays (R13).
    pub const fn frozen() -> Self {
        Self { rev: 0, mode: Mode::Freeze, strategies: None, rollout: None, promotions: Promotions::Unreadable }
    }

    /// What `stored` puts in force after `before`. A document that cannot be read leaves the last good one in force, and the
    /// kill switch works even then; without a last good one prices freeze (R13). Also how many problems there are.
    pub fn of(stored: &SettingsRecord, before: &Self) -> (Self, usize) {
        let (promotions, unreadable) = Promotions::of(&stored.promotions, &before.promotions);
        let (rollout, unreadable) = match &stored.rollout {
            None => (None, unreadable),
            Some(setting) => match setting.compile() {
                Ok(rollout) => (rollout.map(Arc::new), unreadable),
                // What cannot be read is not tried out.
                Err(problems) => (None, unreadable + problems.len()),
            },
        };
        match Strategies::from_json(&stored.strategies) {
            Ok(strategies) => {
                let strategies = Some(Arc::new(strategies));
                (Self { rev: stored.rev, mode: stored.mode.mode, strategies, rollout, promotions }, unreadable)
            }
            Err(problems) => {
                let strategies = before.strategies.clone();
                let mode = if strategies.is_some() { stored.mode.mode } else { Mode::Freeze };
                (Self { rev: stored.rev, mode, strategies, rollout, promotions }, problems.len() + unreadable)
            }
        }
    }

    /// What the strategies document says of a product; the text says why it says nothing.
    pub fn policy_for(&self, product: &Product) -> Result<Arc<Resolved>, String> {
        match &self.strategies {
            Some(strategies) => {
                let in_force = strategies.policy_for(product).map_err(|unknown| unknown.to_string())?;
                Ok(match &self.rollout {
                    Some(rollout) => rollout.policy_for(product, in_force),
                    None => in_force,
                })
            }
            None => Err("no strategies document was ever readable".to_owned()),
        }
    }
}

/// The settings that decisions are made under.
pub trait Settings: Send + Sync {
    /// The snapshot in force. Cheap: no I/O.
    fn current(&self) -> Arc<SettingsSnapshot>;

    /// Reads them anew.
    fn refresh(&self, now: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// An event says that they have changed: whoever reads them now and then alone reads them now.
    fn hear_of_change(&self, _now: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Why settings that could be read are not used; the last good ones stay in force.
#[derive(Debug, thiserror::Error)]
pub enum Unsettled {
    /// The store did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The documents have problems.
    #[error("the settings documents have {0} problems; the last good ones stay in force")]
    Invalid(usize),
}

/// When a reading that failed is tried again, at the earliest.
const AGAIN: Duration = Duration::from_secs(1);

/// Settings read from [`Documents`] at most every `every`, the last good ones kept; unreadable at a cold start = freeze
/// (R13).
pub struct PolledSettings<D> {
    documents: D,
    every: Duration,
    current: ArcSwapOption<SettingsSnapshot>,
    read_at: Mutex<Option<Timestamp>>,
}

impl<D: Documents> PolledSettings<D> {
    /// The longest that a change may go unseen.
    pub const EVERY: Duration = Duration::from_secs(5);

    /// Reads nothing yet.
    pub fn new(documents: D, every: Duration) -> Self {
        Self { documents, every, current: ArcSwapOption::empty(), read_at: Mutex::new(None) }
    }

    /// Reads the settings if the last reading is older than allowed. An error leaves the last good ones in force.
    pub async fn poll(&self, now: Timestamp) -> Result<(), Unsettled> {
        let fresh = |read_at: &Option<Timestamp>| {
            read_at.is_some_and(|at| now >= at && now.duration_since(at).unsigned_abs() < self.every)
        };
        {
            let mut read_at = self.read_at.lock().expect("no panic while held");
            if fresh(&read_at) {
                return Ok(());
            }
            // With good ones in force a store that does not answer is not asked by everybody at once.
            if self.current.load().is_some() {
                let wait = self.every.saturating_sub(AGAIN);
                *read_at = Some(now.checked_sub(wait).unwrap_or(now));
            }
        }
        self.read(now).await
    }

    async fn read(&self, now: Timestamp) -> Result<(), Unsettled> {
        let stored = self.documents.settings().await?;
        *self.read_at.lock().expect("no panic while held") = Some(now);
        let Some(stored) = stored else {
            return Ok(());
        };
        if self.current.load().as_ref().is_some_and(|current| current.rev >= stored.rev) {
            return Ok(());
        }
        let (snapshot, problems) = SettingsSnapshot::of(&stored, &self.current());
        self.current.store(Some(Arc::new(snapshot)));
        if problems > 0 { Err(Unsettled::Invalid(problems)) } else { Ok(()) }
    }
}

impl<D: Documents> Settings for PolledSettings<D> {
    fn current(&self) -> Arc<SettingsSnapshot> {
        self.current.load_full().unwrap_or_else(|| Arc::new(SettingsSnapshot::frozen()))
    }

    async fn refresh(&self, now: Timestamp) -> Result<(), PortError> {
        match self.read(now).await {
            Ok(()) | Err(Unsettled::Invalid(_)) => Ok(()),
            Err(Unsettled::Port(error)) => Err(error),
        }
    }

    async fn hear_of_change(&self, now: Timestamp) -> Result<(), PortError> {
        self.refresh(now).await
    }
}
