use pricestream_ports::{
    Bus, Cache, Clock, Conditional, Documents, Failure, PortError, RecordReads, RolloutSetting, Settings, SettingsRecord,
};
use pricestream_repricing_engine::rollout::{Stage, Tally};

use crate::Reconciler;

/// How often the settings are written anew when somebody else was faster.
const ATTEMPTS: usize = 5;

/// Who stops a rollout that no person stopped.
const BY: &str = "stop rules";

impl<R: RecordReads, B: Bus, K: Cache, S: Settings, C: Clock> Reconciler<'_, R, B, K, S, C> {
    /// Stops the rollout that `tally` is of, if what was counted says that it does harm; true when it did. Then a run has every SKU priced
    /// by the strategies in force.
    pub async fn stop_if_harmful(&self, tally: &Tally, documents: &impl Documents) -> Result<bool, Failure> {
        let Some(rollout) = self.settings.current().rollout.clone().filter(|rollout| rollout.number() == tally.number) else {
            return Ok(false);
        };
        let Some(harm) = tally.harm(rollout.rules()) else { return Ok(false) };
        for _ in 0..ATTEMPTS {
            let Some(stored) = documents.settings().await? else { return Ok(false) };
            // Somebody moved it meanwhile, and this is of the stage before.
            let Some(setting) = stored.rollout.clone().filter(|setting| setting.number == tally.number) else { return Ok(false) };
            let rev = stored.rev + 1;
            let now = pricestream_ports::micros(self.clock.now());
            let stopped = RolloutSetting {
                number: rev,
                stage: Stage::Stopped(harm.clone()),
                by: BY.to_owned(),
                note: String::new(),
                at: now,
                ..setting
            };
            let next = SettingsRecord { rev, rollout: Some(stopped), ..stored };
            if documents.put_settings(&next).await? == Conditional::Written {
                tracing::warn!(why = harm, "a rollout of strategies was stopped");
                self.metrics.rollouts_stopped.inc();
                self.settings.refresh(self.clock.now()).await?;
                return Ok(true);
            }
        }
        Err(PortError::unavailable("settings", "the settings record is written by too many at once").into())
    }
}
