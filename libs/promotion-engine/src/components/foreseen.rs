//! What can be said of an effect before there is a basket. Findings ask for this and for nothing else of a kind.

use pricestream_domain::Money;

use super::{Coupon, Off, PercentOff};
use crate::document::condition::Basis;

/// What is known of a kind beforehand. Every kind says so, if only `impl Foreseen for X {}`: each default claims nothing, so that
/// findings are silent where a kind is.
pub(crate) trait Foreseen {
    /// Whether all that it takes off, it takes off units of the promotion's items: not the postage, and not what the customer
    /// holds.
    fn takes_off_its_items(&self) -> bool {
        false
    }
    /// What it takes everything off, whatever it meets.
    fn gives_away(&self) -> GivenAway {
        GivenAway::Nothing
    }
    /// What it takes off each unit, whatever else is bought, where it works on lines.
    fn off_each(&self) -> Option<OffEach> {
        None
    }
    /// The greatest share of its price that it may take off a unit that is paid for; 10,000 is all of it.
    fn greatest_share(&self) -> u16 {
        match self.off_each() {
            Some(OffEach::Percent(share)) => share,
            _ => 0,
        }
    }
    /// Units that it needs to give anything.
    fn units_needed(&self) -> u64 {
        1
    }
    /// What must be spent for it to give anything, and by which price, of a promotion that works from `base`.
    fn spend_needed(&self, _base: Basis) -> Option<(Basis, i64)> {
        None
    }
    /// Its tiers, in rising order.
    fn tiers(&self) -> Vec<ForeseenTier> {
        Vec::new()
    }
    /// What it takes off at most, as its field `cap` says.
    fn cap(&self) -> Option<Money> {
        None
    }
    /// Whether it pays like money, so that it may pay for all of a small order.
    fn pays(&self) -> bool {
        false
    }
    /// Whom it is meant for.
    fn audience(&self) -> Audience {
        Audience::Everybody
    }
    /// Whether the units of its limit are a quota that is sold for less.
    fn sells_a_quota(&self) -> bool {
        false
    }
    /// Where a set of its own is, under the path of the effect.
    fn path_of_set(&self, place: usize) -> String {
        format!("sets[{place}]")
    }
}

/// What an effect takes everything off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenAway {
    Nothing,
    /// Some units, for others that are bought.
    Gifts,
    /// What it is for.
    Goods,
}

impl GivenAway {
    pub(crate) fn goods_if(all: bool) -> Self {
        if all { Self::Goods } else { Self::Nothing }
    }

    pub(crate) fn gifts_if(all: bool) -> Self {
        if all { Self::Gifts } else { Self::Nothing }
    }
}

/// What is taken off each unit of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OffEach {
    /// Basis points.
    Percent(u16),
    /// Minor units.
    Amount(i64),
    /// Minor units, shared among the units of a line.
    AmountOfLine(i64),
    /// Down to this.
    Price(i64),
    Free,
}

impl From<Off> for OffEach {
    fn from(off: Off) -> Self {
        match off {
            Off::PercentBp(rate) => Self::Percent(rate.get()),
            Off::Amount(amount) => Self::Amount(amount.minor),
            Off::Price(price) => Self::Price(price.minor),
            Off::Free => Self::Free,
        }
    }
}

/// A tier of an effect.
pub(crate) struct ForeseenTier {
    /// Under the path of the effect.
    pub(crate) path: String,
    pub(crate) from: Reached,
    pub(crate) off: Off,
}

/// What reaches a tier.
#[derive(Clone, Copy)]
pub(crate) enum Reached {
    Units(u32),
    Spent(Basis, i64),
}

/// Whom a kind is meant for; its condition must say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    /// Who has a code.
    CodeHolders,
    /// Who belongs to a group, or is named.
    Members,
}

impl Foreseen for PercentOff {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off_bp.get() == 10_000 && self.cap.is_none())
    }

    fn off_each(&self) -> Option<OffEach> {
        Some(OffEach::Percent(self.off_bp.get()))
    }

    fn cap(&self) -> Option<Money> {
        self.cap
    }
}

impl Foreseen for Coupon {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off.takes_all() && self.cap.is_none())
    }

    fn greatest_share(&self) -> u16 {
        self.off.share()
    }

    fn cap(&self) -> Option<Money> {
        self.cap
    }

    fn pays(&self) -> bool {
        matches!(self.off, Off::Amount(_))
    }

    fn audience(&self) -> Audience {
        Audience::CodeHolders
    }
}
