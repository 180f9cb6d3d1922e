//! The kinds of promotions, one file each. Each takes the units that it is given, at the prices that it is given, and says what
//! it would take off; it prices those units and no others, and edits nothing.
//!
//! A new kind is its file, and here `mod`, `pub use`, a line of `effects!` and a sample. Where findings should know more of it than
//! that it exists, its file says so in `impl Foreseen`.

mod amount_off;
mod bundle;
mod buy_x_get_y;
mod cheapest_free_in_group;
mod cheapest_units;
mod coupon;
mod draft;
mod first_and_additional;
mod flash_sale;
mod foreseen;
mod gift;
mod given;
mod goods_and_postage;
mod groups;
mod member_price;
mod n_for_price;
mod nth_unit;
mod odd_cents;
mod off;
mod order_fixed_price;
mod percent_off;
mod points;
mod postage;
mod quantity_groups;
mod quantity_tiers;
mod red_packet;
#[cfg(test)]
mod samples;
mod special_price;
mod spend_and_save;
mod step_count;
mod valued;

use pricestream_documents::Reader;
use pricestream_domain::{Money, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::items::Items;
use crate::near_miss::MissingUnits;
use crate::thresholds::Thresholds;

pub use self::amount_off::{AmountOff, Per};
pub use self::bundle::{Bundle, Slot};
pub use self::buy_x_get_y::{BuyXGetY, Pick};
pub use self::cheapest_free_in_group::CheapestFreeInGroup;
pub use self::cheapest_units::CheapestUnits;
pub use self::coupon::Coupon;
pub(crate) use self::draft::Draft;
pub use self::first_and_additional::FirstAndAdditional;
pub use self::flash_sale::FlashSale;
pub(crate) use self::foreseen::{Audience, Foreseen, ForeseenTier, GivenAway, OffEach, Reached};
pub(crate) use self::gift::Shelf;
pub use self::gift::{Choose, Every, Gift, GiftItem, Gifts, GivenGift, OpenChoice};
pub(crate) use self::given::{Given, Unit, Wallet};
pub use self::goods_and_postage::GoodsAndPostage;
pub use self::groups::Filled;
pub use self::member_price::MemberPrice;
pub use self::n_for_price::NForPrice;
pub use self::nth_unit::NthUnit;
pub use self::off::Off;
pub use self::order_fixed_price::OrderFixedPrice;
pub use self::percent_off::PercentOff;
pub use self::points::Points;
pub use self::postage::PostageOff;
pub use self::quantity_groups::QuantityGroups;
pub use self::quantity_tiers::{Counted, QuantityTier, QuantityTiers};
pub use self::red_packet::RedPackets;
pub use self::special_price::SpecialPrice;
pub use self::spend_and_save::{EveryFull, SpendAndSave, Steps, Tier};
pub(crate) use self::step_count::StepCount;
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
    /// So many units, of those that it needs in several parts.
    Incomplete {
        /// Given.
        actual: u64,
        /// Needed.
        needed: u64,
        /// What is missing of which part.
        missing: Vec<MissingUnits>,
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
    /// The customer holds nothing of it, or does not want to use it.
    NothingHeld,
    /// Too few are left of everything that it could give.
    NoneLeft {
        /// Of these.
        of: Vec<Sku>,
    },
    /// The customer has not chosen yet, or what cannot be had.
    NotChosen(Box<Gifts>),
}

/// What a kind of promotion must be able to do, besides saying what is known of it beforehand.
pub(crate) trait Component: Foreseen {
    /// What it works on.
    fn works_on(&self) -> WorksOn;
    /// Sets of items of its own, besides the promotion's `items`: a unit's `sets` has a bit for each.
    fn sets(&self) -> Vec<&Items> {
        Vec::new()
    }
    /// Whether its own sets say everything of what it is for, and the promotion's `items` nothing.
    fn has_only_own_sets(&self) -> bool {
        false
    }
    /// Whether units that it uses are used up: another such promotion cannot use them again.
    fn uses_up(&self) -> bool {
        false
    }
    /// What it may give for nothing: it takes nothing off, and its limit counts what it gives.
    fn gifts(&self) -> &[GiftItem] {
        &[]
    }
    /// What is wrong with it, each with its path under `path`.
    fn check(&self, reader: &mut Reader, path: &str);
    /// Every amount of money in it.
    fn amounts(&self) -> Vec<Money>;
    /// Units of one item at which it begins to give, or gives more, where they are known beforehand.
    fn thresholds(&self, _to: &mut Thresholds) {}
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

            /// What is known of it before there is a basket.
            pub(crate) fn foreseen(&self) -> &dyn Foreseen {
                match self { $(Self::$variant(effect) => effect,)+ }
            }
        }
    };
}

/// How many kinds there are; each has its place in [`Effect::NAMES`].
pub(crate) const COMPONENTS: usize = Effect::NAMES.len();

// In the order in which they run where a document names no pipeline: prices of units, then sets, then the order, then postage.
effects! {
    /// A fixed price for each unit.
    "special_price" => SpecialPrice(SpecialPrice),
    /// A price or a share off each unit for members.
    "member_price" => MemberPrice(MemberPrice),
    /// Less for each unit while it lasts, for so many units of an order.
    "flash_sale" => FlashSale(FlashSale),
    /// The more units are bought, the less each costs.
    "quantity_tiers" => QuantityTiers(QuantityTiers),
    /// A share off the price.
    "percent_off" => PercentOff(PercentOff),
    /// An amount off.
    "amount_off" => AmountOff(AmountOff),
    /// So many units of a set, whichever, for one price.
    "n_for_price" => NForPrice(NForPrice),
    /// Some of this and some of that for less together.
    "bundle" => Bundle(Bundle),
    /// Who buys some units gets others for less.
    "buy_x_get_y" => BuyXGetY(BuyXGetY),
    /// Less for each unit of every full group.
    "quantity_groups" => QuantityGroups(QuantityGroups),
    /// Every second unit for less, or every third, ...
    "nth_unit" => NthUnit(NthUnit),
    /// The cheapest units of every full group for nothing.
    "cheapest_free_in_group" => CheapestFreeInGroup(CheapestFreeInGroup),
    /// The cheapest units for less.
    "cheapest_units" => CheapestUnits(CheapestUnits),
    /// One thing off the first unit, another off each further one.
    "first_and_additional" => FirstAndAdditional(FirstAndAdditional),
    /// The more is spent, the more is saved.
    "spend_and_save" => SpendAndSave(SpendAndSave),
    /// All goods for one price.
    "order_fixed_price" => OrderFixedPrice(OrderFixedPrice),
    /// Less for all goods together, for a code.
    "coupon" => Coupon(Coupon),
    /// Less for goods and postage together.
    "goods_and_postage" => GoodsAndPostage(GoodsAndPostage),
    /// Goods for nothing.
    "gift" => Gift(Gift),
    /// Postage for less.
    "postage" => PostageOff(PostageOff),
    /// Points for money.
    "points" => Points(Points),
    /// Red packets, which pay like money.
    "red_packet" => RedPackets(RedPackets),
}

impl Effect {
    /// Its component's place in [`Self::NAMES`].
    pub(crate) fn place(&self) -> usize {
        Self::NAMES.iter().position(|name| *name == self.component()).expect("every kind has a name")
    }

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

    pub(crate) fn has_only_own_sets(&self) -> bool {
        self.inner().has_only_own_sets()
    }

    pub(crate) fn uses_up(&self) -> bool {
        self.inner().uses_up()
    }

    pub(crate) fn gifts(&self) -> &[GiftItem] {
        self.inner().gifts()
    }

    pub(crate) fn thresholds(&self, to: &mut Thresholds) {
        self.inner().thresholds(to);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::draft_of;
    use super::*;
    use crate::document::condition::Basis;
    use crate::rounding::{Level, Rounding};

    /// A sample of every kind.
    const SAMPLES: &[&str] = &[
        r#"{"special_price":{"price":{"minor":300,"currency":"USD"}}}"#,
        r#"{"member_price":{"off_bp":3333}}"#,
        r#"{"flash_sale":{"off":{"percent_bp":3333},"units_per_order":3}}"#,
        r#"{"quantity_tiers":{"tiers":[{"from":2,"off":{"percent_bp":3333}},{"from":5,"off":"free"}],"per":"line"}}"#,
        r#"{"percent_off":{"off_bp":3333,"cap":{"minor":700,"currency":"USD"}}}"#,
        r#"{"amount_off":{"amount":{"minor":300,"currency":"USD"},"per":"line"}}"#,
        r#"{"n_for_price":{"units":3,"price":{"minor":1000,"currency":"USD"}}}"#,
        r#"{"bundle":{"slots":[{"name":"a","items":{},"quantity":2},{"name":"b","items":{}}],"off":{"percent_bp":3333}}}"#,
        r#"{"buy_x_get_y":{"buy":2,"get":1,"off":"free"}}"#,
        r#"{"quantity_groups":{"units":3,"off":{"percent_bp":3333}}}"#,
        r#"{"nth_unit":{"nth":2,"off":{"amount":{"minor":300,"currency":"USD"}}}}"#,
        r#"{"cheapest_free_in_group":{"units":3,"free":2}}"#,
        r#"{"cheapest_units":{"units":2,"off":"free","of_at_least":4}}"#,
        r#"{"first_and_additional":{"first":{"percent_bp":3333},"additional":"free"}}"#,
        r#"{"spend_and_save":{"steps":{"tiers":[{"from":{"minor":500,"currency":"USD"},"off":{"percent_bp":3333}}]}}}"#,
        r#"{"order_fixed_price":{"price":{"minor":1000,"currency":"USD"}}}"#,
        r#"{"coupon":{"off":{"amount":{"minor":700,"currency":"USD"}}}}"#,
        r#"{"goods_and_postage":{"off":{"percent_bp":3333}}}"#,
        r#"{"gift":{"gifts":[{"sku":"bag","quantity":2}],"every":{"units":3}}}"#,
        r#"{"postage":{"off":"free"}}"#,
        r#"{"points":{"points":100,"worth":{"minor":150,"currency":"USD"},"max_share_bp":5000}}"#,
        r#"{"red_packet":{"max_share_bp":5000}}"#,
    ];

    #[test]
    fn there_is_a_sample_of_every_kind() {
        let effect = |json: &&str| serde_json::from_str::<Effect>(json).unwrap().component();
        assert_eq!(SAMPLES.iter().map(effect).collect::<Vec<_>>(), Effect::NAMES);
    }

    proptest! {
        #[test]
        fn no_kind_takes_off_more_than_there_is_room_for_or_uses_a_unit_twice(
            of in prop::collection::vec((0..4_u16, 0..1_000_i64, 0..=100_i64, 0..8_u16), 0..14),
            level in prop::sample::select(vec![Level::Unit, Level::Line, Level::Order]),
        ) {
            let unit = |(line, price, room, sets): &(u16, i64, i64, u16)| {
                Unit { number: 0, line: *line, sets: sets | 1, price: *price, room: price * room / 100 }
            };
            let mut units: Vec<Unit> = of.iter().map(unit).collect();
            units.sort_by_key(|unit| unit.line);
            for (unit, number) in units.iter_mut().zip(0..) {
                unit.number = number;
            }
            for json in SAMPLES {
                let Ok(draft) = draft_of(json, &units, Rounding { level, ..Rounding::BASKET }) else { continue };
                prop_assert_eq!(draft.off.len(), units.len());
                prop_assert!((0..=500).contains(&draft.postage) && draft.unfit >= 0, "{}", json);
                for (off, unit) in draft.off.iter().zip(&units) {
                    prop_assert!((0..=unit.room).contains(off), "{} off {:?}: {}", off, unit, json);
                }
                let mut used = draft.used.clone();
                used.sort_unstable();
                used.dedup();
                prop_assert_eq!(used.len(), draft.used.len(), "{}", json);

                // What is said of it beforehand is so.
                let effect: Effect = serde_json::from_str(json).unwrap();
                let foreseen = effect.foreseen();
                let spent: i64 = units.iter().map(|unit| unit.price).sum();
                let too_little = foreseen.spend_needed(Basis::Running).is_some_and(|(_, needed)| spent < needed);
                // Nobody asks it for none.
                if !units.is_empty() && ((units.len() as u64) < foreseen.units_needed() || too_little) {
                    prop_assert!(draft.total() == 0 && draft.gifts.is_none(), "{} needs more than {:?}", json, units);
                }
                let of_its_items = draft.postage == 0 && draft.packets.is_empty() && draft.points == 0;
                prop_assert!(of_its_items || !foreseen.takes_off_its_items(), "{}", json);
                prop_assert!(foreseen.cap().is_none_or(|cap| draft.total() <= cap.minor), "{}", json);
            }
        }
    }
}
