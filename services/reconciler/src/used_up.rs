use std::collections::BTreeSet;
use std::sync::Arc;

use pricestream_ports::{
    Bus, Cache, Clock, Documents, Failure, PortError, Promotions, RecordReads, Settings, SettingsRecord, UsageReads,
};
use pricestream_promotion_engine::{Left, Limit, LimitAsked};

use crate::Reconciler;

impl<R: RecordReads, B: Bus, K: Cache, S: Settings, C: Clock> Reconciler<'_, R, B, K, S, C> {
    /// Leaves promotions out of public lanes that have nothing left of their limits for anybody, and takes the others in again; true
    /// when that changed something. Then a run has what is touched priced anew.
    pub async fn note_used_up(&self, usage: &impl UsageReads, documents: &impl Documents) -> Result<bool, Failure> {
        let Some(used_up) = self.used_up(usage).await? else { return Ok(false) };
        let leave_out = |stored: &SettingsRecord| {
            let mut next = stored.clone();
            next.promotions.without.used_up.clone_from(&used_up);
            Some(next)
        };
        self.rewrite(documents, leave_out).await
    }

    /// The promotions in force that have nothing left for anybody; `None`: those that are left out already.
    async fn used_up(&self, usage: &impl UsageReads) -> Result<Option<BTreeSet<Arc<str>>>, PortError> {
        let Promotions::InForce { rules, without } = &self.settings.current().promotions else { return Ok(None) };
        let asked = rules.rules.promotions().filter_map(|promotion| {
            // What one customer has left is nothing to the others.
            let limit = Limit { uses_per_customer: None, units_per_customer: None, ..promotion.limit.clone()? };
            Some(LimitAsked { promotion: promotion.id.as_str().into(), limit, customer: None, coupons: Vec::new() })
        });
        let left = usage.left(&asked.collect::<Vec<_>>(), &[], self.clock.now()).await?;
        let nothing =
            |left: &Left| left.uses == Some(0) || left.units == Some(0) || left.budget.is_some_and(|budget| budget <= 0);
        let used_up: BTreeSet<Arc<str>> =
            left.iter().filter(|(_, left)| nothing(left)).map(|(id, _)| Arc::from(id.as_str())).collect();
        Ok((used_up != without.used_up).then_some(used_up))
    }
}
