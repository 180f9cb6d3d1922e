//! The kinds of promotions, one file each. Each takes the units that it is given, at the prices that it is given, and says what
//! it would take off; it prices those units and no others, and edits nothing.
//!
//! A new kind is its file, and here `mod`, a line of [`effects!`] and, where a pipeline names it, a unit.

mod amount_off;
mod buy_x_get_y;
mod draft;
mod given;
mod n_for_price;
mod off;
mod percent_off;
mod postage;
#[cfg(test)]
mod samples;
mod spend_and_save;
mod valued;

use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::items::Items;

pub use self::amount_off::{AmountOff, Per};
pub use self::buy_x_get_y::{BuyXGetY, Pick};
pub(crate) use self::draft::Draft;
pub(crate) use self::given::{Given, Unit};
pub use self::n_for_price::NForPrice;
pub use self::off::Off;
pub use self::percent_off::PercentOff;
pub use self::postage::PostageOff;
pub use self::spend_and_save::{EveryFull, SpendAndSave, Steps, Tier};
pub use self::valued::Valued;

/// What a component works on; promotions of a node compete accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorksOn {
    /// Each line by itself.
    Lines,
    /// Units of several lines together: all of it or nothing.
    Sets,
    /// The order as a whole.
    Order,
}

/// Why a component gives nothing for what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// So many units, of those that it needs.
    TooFewUnits {
        /// Given.
        actual: u64,
        /// Needed.
        needed: u64,
    },
    /// So much is bought, in minor units, of what it needs.
    TooLittleSpent {
        /// Given.
        actual: i64,
        /// Needed.
        needed: i64,
    },
    /// Nothing can be taken off: the price is there already, or at its floor.
    NothingToTake,
    /// Nobody has said what postage costs.
    NoPostage,
}

/// What a kind of promotion must be able to do.
pub(crate) trait Component {
    /// What it works on.
    fn works_on(&self) -> WorksOn;
    /// Sets of items of its own, besides the promotion's `items`: a unit's `sets` has a bit for each.
    fn sets(&self) -> Vec<&Items> {
        Vec::new()
    }
    /// Whether units that it uses are used up: another such promotion cannot use them again.
    fn uses_up(&self) -> bool {
        false
    }
    /// What is wrong with it, each with its path under `path`.
    fn check(&self, reader: &mut Reader, path: &str);
    /// Every amount of money in it.
    fn amounts(&self) -> Vec<Money>;
    /// Takes off what it gives for the units given.
    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined>;
}

macro_rules! effects {
    ($($(#[doc = $doc:literal])+ $name:literal => $variant:ident($of:ident),)+) => {
        /// What a promotion does, under the name of its component.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum Effect {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant($of),)+
        }

        impl Effect {
            /// Names of all components.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name of its component, in pipelines, records and metrics.
            pub fn component(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn inner(&self) -> &dyn Component {
                match self { $(Self::$variant(effect) => effect,)+ }
            }
        }
    };
}

effects! {
    /// A share off the price.
    "percent_off" => PercentOff(PercentOff),
    /// An amount off.
    "amount_off" => AmountOff(AmountOff),
    /// So many units of a set, whichever, for one price.
    "n_for_price" => NForPrice(NForPrice),
    /// Who buys some units gets others for less.
    "buy_x_get_y" => BuyXGetY(BuyXGetY),
    /// The more is spent, the more is saved.
    "spend_and_save" => SpendAndSave(SpendAndSave),
    /// Postage for less.
    "postage" => PostageOff(PostageOff),
}

impl Effect {
    pub(crate) fn check(&self, reader: &mut Reader, path: &str) {
        self.inner().check(reader, path);
    }

    pub(crate) fn amounts(&self) -> Vec<Money> {
        self.inner().amounts()
    }

    pub(crate) fn works_on(&self) -> WorksOn {
        self.inner().works_on()
    }

    pub(crate) fn sets(&self) -> Vec<&Items> {
        self.inner().sets()
    }

    pub(crate) fn uses_up(&self) -> bool {
        self.inner().uses_up()
    }

    pub(crate) fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        self.inner().apply(given, draft)
    }
}

/// Checks that several kinds need.
pub(crate) fn check_positive(reader: &mut Reader, path: &str, amount: Money) {
    if amount.minor <= 0 {
        reader.problem(path, "must be above zero");
    }
}

/// Checks that a number is at least `least`.
pub(crate) fn check_at_least(reader: &mut Reader, path: &str, number: u32, least: u32) {
    if number < least {
        reader.problem(path, format!("must be at least {least}"));
    }
}
