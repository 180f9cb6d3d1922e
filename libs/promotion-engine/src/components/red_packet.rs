use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, WorksOn};
use crate::document::condition::Basis;

/// Red packets that the customer wants to use, for the matching goods: one after the other, the last in part. Whatever the stack
/// base, they pay what the goods cost now, and like money they are shared among them in proportion to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedPackets {
    /// The share of what the goods cost that packets may pay; all of it when absent. Rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share_bp: Option<BasisPoints>,
}

impl Component for RedPackets {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if self.max_share_bp == Some(BasisPoints::default()) {
            reader.problem(&format!("{path}.max_share_bp"), "must be above zero");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        Vec::new()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let held: i64 = given.wallet.packets.iter().sum();
        if held == 0 {
            return Err(Declined::NothingHeld);
        }
        draft.spread(given, held.min(at_most(given, self.max_share_bp)));
        let mut left = draft.total();
        for (packet, held) in (0..).zip(given.wallet.packets) {
            let used = left.min(*held);
            if used > 0 {
                draft.packets.push((packet, used));
                left -= used;
            }
        }
        Ok(())
    }
}

impl Foreseen for RedPackets {
    fn pays(&self) -> bool {
        true
    }
}

/// What a share of what the goods cost now is, and no more than may be taken off them.
pub(super) fn at_most(given: &Given<'_>, share: Option<BasisPoints>) -> i64 {
    let room: i64 = given.units.iter().map(|unit| unit.room).sum();
    let share = share.unwrap_or(BasisPoints::ONE);
    let cost = i128::from(given.spent(Basis::Running)) * i128::from(share.get()) / 10_000;
    room.min(i64::try_from(cost).expect("a share of a 64-bit amount fits 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::super::Wallet;
    use super::super::samples::{draft_with, problems_of, units};
    use super::*;

    #[test]
    fn packets_pay_one_after_the_other_and_keep_the_rest() {
        let all = r#"{"red_packet":{}}"#;
        let third = r#"{"red_packet":{"max_share_bp":3333}}"#;
        for (json, packets, off, used, why) in [
            (all, &[300, 200][..], vec![250, 250], vec![(0, 300), (1, 200)], "both are used up"),
            (all, &[1_500, 900], vec![1_000, 1_000], vec![(0, 1_500), (1, 500)], "the last keeps what is left"),
            (all, &[0, 100], vec![50, 50], vec![(1, 100)], "an empty one is passed over"),
            (third, &[900], vec![333, 333], vec![(0, 666)], "666.6 rounds down"),
        ] {
            let draft = draft_with(json, &units(&[(0, 1_000), (1, 1_000)]), Wallet { packets, points: 0 }).unwrap();
            assert_eq!((draft.off, draft.packets), (off, used), "{why}");
        }
        let nothing = draft_with(all, &units(&[(0, 1_000)]), Wallet { packets: &[], points: 0 });
        assert_eq!(nothing.map(|draft| draft.off), Err(Declined::NothingHeld));
        assert_eq!(problems_of(r#"{"red_packet":{"max_share_bp":0}}"#), ["effect.max_share_bp"]);
    }
}
