//! What the market decides, and not one promotion.

use std::collections::BTreeMap;

use pricestream_documents::Reader;
use pricestream_domain::BasisPoints;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::degradation::Degradation;
use super::guards::Guards;
use crate::rounding::{Mode, Rounding};

/// What the market decides, and not one promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// How promotions are chosen.
    pub selection: Selection,
    /// Of catalogue nodes.
    pub catalogue_rounding: Rounding,
    /// Of basket nodes.
    pub basket_rounding: Rounding,
    /// Whether `SAVE10` and `save10` are one code.
    pub coupon_case: CouponCase,
    /// Whether a unit that one promotion used up may be used by another.
    pub unit_reuse: UnitReuse,
    /// Where the cents of a shared amount go that do not divide.
    pub odd_cents: OddCents,
    /// When an exclusive promotion stands.
    pub exclusive_by: ExclusiveBy,
    /// What prices contain.
    pub tax: Tax,
    /// Whether a cancelled order gives back what it used of limited promotions.
    pub on_cancel: OnCancel,
    /// What happens without a component.
    pub degradation: Degradation,
    /// What a price is not trusted with.
    pub guards: Guards,
}

/// Where the cents of an amount go that is shared among lines, or among units of several, in proportion to their prices, and
/// does not divide. The parts always add up to the amount. Units of one line share evenly, the first of them one more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OddCents {
    /// Each part is rounded down; one more for the largest remainders, of equal ones the earlier.
    #[default]
    LargestRemainder,
    /// Each part is rounded to the nearer, exactly half down; what is missing, or too much, is made up by the first, one each.
    First,
    /// Each part is rounded to the nearer, exactly half down, as long as something is left; the last takes the rest.
    Last,
    /// Each part is rounded down; the last takes the rest.
    LastRoundedDown,
    /// What rounding a part leaves is carried to the next; exactly half goes up.
    Carried,
    /// From the last to the first, each takes its part of what is left, rounded down.
    CarriedFromLast,
}

impl OddCents {
    /// Each of them.
    pub const ALL: [Self; 6] =
        [Self::LargestRemainder, Self::First, Self::Last, Self::LastRoundedDown, Self::Carried, Self::CarriedFromLast];
}

/// When an exclusive promotion stands against others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExclusiveBy {
    /// By priority, whatever nodes they stand in. In an order: the exclusive one of the highest priority, of equal ones the one
    /// that takes the most off, stands alone unless some other that applies has a higher priority; at equal priority what takes
    /// more off stands, it or all others together. On lines and units, in its turn.
    #[default]
    Priority,
    /// Before all others, whatever their priorities; of several, the highest priority first.
    First,
    /// In its turn: what the pipeline comes to first stands, be it the exclusive one or another.
    Turn,
    /// One that is exclusive in an order stands if it takes more off than all others together would without it, whatever their
    /// priorities; on lines and units, in its turn.
    Value,
}

/// What a cancelled order does with what it used of limited promotions: uses, codes, units and budgets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCancel {
    /// Others may use it again.
    #[default]
    GiveBack,
    /// It stays used.
    Keep,
}

/// Whether units are used up by promotions that count them: buy X get Y, N for a price, bundles and the like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitReuse {
    /// Each unit counts for one such promotion.
    #[default]
    Never,
    /// Each unit counts for every such promotion.
    Free,
}

/// How promotions are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Node by node.
    #[default]
    Pipeline,
}

/// How coupon codes are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CouponCase {
    /// `save10` is `SAVE10`.
    #[default]
    Insensitive,
    /// It is not.
    Sensitive,
}

/// How prices are taxed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tax {
    /// Prices contain the tax, or it comes on top.
    pub prices: Prices,
    /// Rates by tax class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, BasisPoints>,
    /// Of a product without a class, and of one whose class is not named.
    pub default_rate: BasisPoints,
    /// Of postage.
    pub postage_rate: BasisPoints,
    /// How the tax of a line is rounded.
    pub rounding: Mode,
}

/// Whether prices contain the tax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// They do.
    #[default]
    Inclusive,
    /// It comes on top.
    Exclusive,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            selection: Selection::Pipeline,
            catalogue_rounding: Rounding::CATALOGUE,
            basket_rounding: Rounding::BASKET,
            coupon_case: CouponCase::Insensitive,
            unit_reuse: UnitReuse::Never,
            odd_cents: OddCents::LargestRemainder,
            exclusive_by: ExclusiveBy::Priority,
            tax: Tax::default(),
            degradation: Degradation::default(),
            guards: Guards::default(),
            on_cancel: OnCancel::GiveBack,
        }
    }
}

impl Policies {
    pub(crate) fn check(&self, reader: &mut Reader, path: &str) {
        self.degradation.check(reader, &format!("{path}.degradation"));
    }
}
