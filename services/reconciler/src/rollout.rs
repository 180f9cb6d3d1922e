use pricestream_ports::{Bus, Cache, Clock, Documents, Failure, RecordReads, RolloutSetting, Settings, SettingsRecord, micros};
use pricestream_repricing_engine::rollout::{Stage, Tally};

use crate::Reconciler;

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
        let now = micros(self.clock.now());
        let stopped = self.rewrite(documents, |stored| {
            // Somebody may have moved it meanwhile: this is of the stage before.
            let setting = stored.rollout.clone().filter(|setting| setting.number == tally.number)?;
            let stage = Stage::Stopped(harm.clone());
            let number = stored.rev + 1;
            let stopped = RolloutSetting { number, stage, by: BY.to_owned(), note: String::new(), at: now, ..setting };
            Some(SettingsRecord { rollout: Some(stopped), ..stored.clone() })
        });
        let stopped = stopped.await?;
        if stopped {
            tracing::warn!(why = harm, "a rollout of strategies was stopped");
            self.metrics.rollouts_stopped.inc();
        }
        Ok(stopped)
    }
}
