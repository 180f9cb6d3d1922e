use pricestream_ports::{Bus, Cache, Clock, Conditional, Documents, Failure, PortError, RecordReads, Settings, SettingsRecord};

use crate::Reconciler;

/// How often the settings are written anew when somebody else was faster.
const ATTEMPTS: usize = 5;

impl<R: RecordReads, B: Bus, K: Cache, S: Settings, C: Clock> Reconciler<'_, R, B, K, S, C> {
    /// Publishes what `next` makes of the stored settings, under the number after theirs, and puts it in force here; what is so already is
    /// only put in force. False when `next` makes nothing of them.
    pub(crate) async fn rewrite(
        &self,
        documents: &impl Documents,
        next: impl Fn(&SettingsRecord) -> Option<SettingsRecord> + Send + Sync,
    ) -> Result<bool, Failure> {
        for _ in 0..ATTEMPTS {
            let Some(stored) = documents.settings().await? else { return Ok(false) };
            let Some(next) = next(&stored) else { return Ok(false) };
            let next = SettingsRecord { rev: stored.rev, ..next };
            let is_so = next == stored;
            let next = SettingsRecord { rev: stored.rev + 1, ..next };
            if is_so || documents.put_settings(&next).await? == Conditional::Written {
                self.settings.refresh(self.clock.now()).await?;
                return Ok(true);
            }
        }
        Err(PortError::unavailable("settings", "the settings record is written by too many at once").into())
    }
}
