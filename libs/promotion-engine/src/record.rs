use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::Currency;

use crate::components::{Declined, Gifts};
use crate::condition::Unmet;
use crate::near_miss::Shortfall;

/// What became of one promotion, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub promotion: Arc<str>,
    /// Its component.
    pub component: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// What would have to be bought besides for it to apply; `None`: more goods would not help, or there are none like it yet.
    pub missing: Option<Box<Shortfall>>,
}

/// What became of a promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied.
    Applied {
        /// Everything that it takes off, in minor units.
        off: i64,
        /// What it would have taken off besides: prices were at their floors.
        unfit: i64,
        /// What it gives for nothing.
        gifts: Option<Box<Gifts>>,
    },
    /// It was not.
    Declined(Reason),
}

/// Why a promotion was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not on now.
    Window {
        /// When it is next; `None`: never again.
        opens: Option<Timestamp>,
    },
    /// A condition does not hold.
    Unmet(Unmet),
    /// Nothing in the basket is for it.
    NoItems,
    /// Its component gives nothing for this basket.
    Component(Declined),
    /// Every price that it is for is at its floor.
    Floor {
        /// What it would have taken off.
        unfit: i64,
    },
    /// Its amounts are in another currency.
    OtherCurrency(Currency),
    /// Its component is switched off.
    SwitchedOff,
    /// Its component takes more steps than it may, and is left out.
    TooCostly {
        /// As many as it may.
        steps: u64,
    },
    /// Its component failed, and is left out.
    Failed,
    /// Its component has failed lately, and is not tried for a while.
    Resting,
    /// Another one has used up units that it is for.
    UnitsTaken {
        /// Which.
        by: Arc<str>,
        /// What its component says of the others.
        declined: Box<Declined>,
    },
    /// Too little is left of its limit.
    UsedUp {
        /// Of which.
        what: Limited,
        /// What is left: orders, units, or minor units.
        left: i64,
        /// What it would take, in the same.
        needed: i64,
    },
    /// It does not apply together with another one, which came before.
    Excluded {
        /// Which.
        by: Arc<str>,
    },
    /// Another one is better, or of a higher priority.
    Beaten {
        /// Which.
        by: Arc<str>,
        /// How much more that one takes off, in minor units; below zero when it won by its priority.
        by_amount: i64,
    },
}

impl Reason {
    /// Whether its component was left out.
    pub(crate) fn is_degraded(&self) -> bool {
        matches!(self, Self::SwitchedOff | Self::TooCostly { .. } | Self::Failed | Self::Resting)
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Orders.
    Uses,
    /// Orders of the codes that were given.
    Coupons,
    /// Units.
    Units,
    /// Money.
    Budget,
}
