use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::red_packet::at_most;
use super::{Component, Declined, Draft, Foreseen, Given, WorksOn, check_at_least, check_positive};

/// Points that the customer wants to spend, for the matching goods: so many for so much, as often as it goes, and never more than
/// the goods cost now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// So many points, at least 1 ...
    pub points: u32,
    /// ... are worth this.
    pub worth: Money,
    /// The share of what the goods cost that points may pay; all of it when absent. Rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share_bp: Option<BasisPoints>,
}

impl Component for Points {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.points"), self.points, 1);
        check_positive(reader, &format!("{path}.worth"), self.worth);
        if self.max_share_bp == Some(BasisPoints::default()) {
            reader.problem(&format!("{path}.max_share_bp"), "must be above zero");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        vec![self.worth]
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let each = u64::from(self.points.max(1));
        let held = given.wallet.points / each;
        if held == 0 {
            return Err(Declined::NothingHeld);
        }
        let worth = self.worth.minor.max(1);
        let times = i64::try_from(held).unwrap_or(i64::MAX).min(at_most(given, self.max_share_bp) / worth);
        draft.spread(given, times * worth);
        draft.points = times.unsigned_abs() * each;
        Ok(())
    }
}

impl Foreseen for Points {
    fn pays(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wallet;
    use super::super::samples::{draft_with, problems_of, units};
    use super::*;

    #[test]
    fn points_pay_in_whole_steps() {
        let plain = r#"{"points":{"points":100,"worth":{"minor":150,"currency":"USD"}}}"#;
        let half = r#"{"points":{"points":100,"worth":{"minor":150,"currency":"USD"},"max_share_bp":5000}}"#;
        for (json, points, off, spent, why) in [
            (plain, 250, vec![150, 150], 200, "two whole steps"),
            (plain, 100_000, vec![975, 975], 1_300, "no more than the goods cost, in whole steps"),
            (half, 100_000, vec![450, 450], 600, "no more than the share"),
        ] {
            let draft = draft_with(json, &units(&[(0, 1_000), (1, 1_000)]), Wallet { packets: &[], points }).unwrap();
            assert_eq!((draft.off, draft.points), (off, spent), "{why}");
        }
        let few = draft_with(plain, &units(&[(0, 1_000)]), Wallet { packets: &[], points: 99 });
        assert_eq!(few.map(|draft| draft.off), Err(Declined::NothingHeld));
        let bad = r#"{"points":{"points":0,"worth":{"minor":0,"currency":"USD"},"max_share_bp":0}}"#;
        assert_eq!(problems_of(bad), ["effect.points", "effect.worth", "effect.max_share_bp"]);
    }
}
