//! What the market decides, and not one promotion.

use std::collections::BTreeMap;

use pricestream_domain::BasisPoints;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// What prices contain.
    pub tax: Tax,
    /// Whether a cancelled order gives back what it used of limited promotions.
    pub on_cancel: OnCancel,
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
            tax: Tax::default(),
            on_cancel: OnCancel::GiveBack,
        }
    }
}
