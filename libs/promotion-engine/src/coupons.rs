use jiff::Timestamp;

use crate::basket::Context;
use crate::compile::RuleSet;
use crate::condition::Unmet;
use crate::keys::spelled;
use crate::record::{Outcome, Reason};
use crate::state::Sheet;

/// What became of a code that the customer gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedCoupon {
    /// As it was given first.
    pub code: String,
    /// Whether it did anything.
    pub status: CouponStatus,
    /// Places in the decisions of the promotions that say so; none of an unknown code.
    pub decisions: Vec<u32>,
}

/// Whether a code did anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CouponStatus {
    /// A promotion for it was applied.
    Applied,
    /// Promotions for it are on, and none was applied.
    NoEffect,
    /// Promotions for it are on, and orders have used it as often as they may.
    UsedUp,
    /// No promotion for it is on yet.
    NotYet {
        /// When the first one is.
        from: Timestamp,
    },
    /// Every promotion for it is over.
    Expired,
    /// No promotion knows it.
    Unknown,
}

impl CouponStatus {
    /// Stable, for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NoEffect => "no_effect",
            Self::UsedUp => "used_up",
            Self::NotYet { .. } => "not_yet",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }
}

impl RuleSet {
    /// Every code that was given, once however it is spelled, with what became of it. `outcomes` are those of the decisions, by
    /// promotions in rising order.
    pub(crate) fn coupons(&self, sheet: &Sheet<'_>, outcomes: &[(u32, Outcome)]) -> Vec<QuotedCoupon> {
        let coupon = |(place, number): (usize, Option<u32>)| {
            // By a code is filed every promotion that names it, so that each of them is among the outcomes.
            let named = number.map_or(&[][..], |number| &self.postings[number as usize]);
            let decided = named.iter().filter_map(|posting| {
                let at = outcomes.binary_search_by_key(&posting.promotion, |(promotion, _)| *promotion).ok()?;
                let spent = self.is_spent(sheet.context, posting.promotion, place);
                Some(Decided { at: u32::try_from(at).expect("candidates are few"), outcome: &outcomes[at].1, spent })
            });
            let (status, decisions) = told_of(&decided.collect::<Vec<_>>(), number.is_some());
            QuotedCoupon { code: sheet.context.coupons[place].clone(), status, decisions }
        };
        sheet.codes.iter().map(coupon).collect()
    }

    /// Whether no order may use the code in this place for a promotion any more, whatever its other codes are good for.
    fn is_spent(&self, context: &Context, promotion: u32, place: usize) -> bool {
        let promotion = &self.promotions[promotion as usize];
        let Some(spent) = context.left.get(&*promotion.id).map(|left| left.spent_coupons).filter(|spent| *spent != 0) else {
            return false;
        };
        let code = spelled(&context.coupons[place], self.policies.coupon_case);
        let given = self.codes_given(promotion, context);
        (0_u32..).zip(&given).any(|(place, given)| *given == code && spent.checked_shr(place).is_some_and(|spent| spent & 1 == 1))
    }
}

/// What became of a promotion that names a code.
struct Decided<'a> {
    /// Its place in the decisions.
    at: u32,
    outcome: &'a Outcome,
    /// The code is used up for it.
    spent: bool,
}

/// The best that can be said of a code, and the decisions that say it.
fn told_of(decided: &[Decided<'_>], known: bool) -> (CouponStatus, Vec<u32>) {
    let those =
        |of: &dyn Fn(&Decided<'_>) -> bool| -> Vec<u32> { decided.iter().filter(|one| of(one)).map(|one| one.at).collect() };
    let applied = those(&|one| matches!(one.outcome, Outcome::Applied { .. }) && !one.spent);
    if !applied.is_empty() {
        return (CouponStatus::Applied, applied);
    }
    let on = those(&|one| !closed(one.outcome) && !one.spent);
    if !on.is_empty() || (known && decided.is_empty()) {
        return (CouponStatus::NoEffect, on);
    }
    let spent = those(&|one| !closed(one.outcome));
    if !spent.is_empty() {
        return (CouponStatus::UsedUp, spent);
    }
    match decided.iter().filter_map(|one| opens(one.outcome)).min() {
        Some(from) => (CouponStatus::NotYet { from }, those(&|one| opens(one.outcome).is_some())),
        None if known => (CouponStatus::Expired, those(&|_| true)),
        None => (CouponStatus::Unknown, Vec::new()),
    }
}

/// Whether a promotion is not on now.
fn closed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Declined(Reason::Window { .. } | Reason::Unmet(Unmet::Window { .. })))
}

/// When a promotion that is not on now is on next, if it ever is.
fn opens(outcome: &Outcome) -> Option<Timestamp> {
    match outcome {
        Outcome::Declined(Reason::Window { opens } | Reason::Unmet(Unmet::Window { opens })) => *opens,
        _ => None,
    }
}
