//! One promotion, and what does not apply together.

use std::collections::BTreeSet;

use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::{Basis, Condition};
use super::items::Items;
use super::window::Window;
use crate::components::Effect;
use crate::rounding::Rounding;

/// One promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// Unique in the rule set; 1 to 64 characters.
    pub id: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does, under the name of its component.
    pub effect: Effect,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Items::everything")]
    pub items: Items,
    /// What must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// When it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The higher goes first.
    #[serde(default)]
    pub priority: i32,
    /// The price that it is worked out from.
    #[serde(default)]
    pub stack_base: Basis,
    /// Nothing else applies on the same lines, or in the same order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive: Option<Scope>,
    /// For exclusions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// For exclusions, and for units that take some promotions of a component.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// How its shares are rounded; the rule set's policy when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// Who pays for it; the shop when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub funding: Vec<Funding>,
    /// How often it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// Where two promotions meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// On the same unit.
    Unit,
    /// On the same line.
    Line,
    /// In the same order.
    Order,
}

/// A share of what a promotion gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Funding {
    /// Who pays it: the shop, a brand, a platform.
    pub party: String,
    /// The shares of a promotion add up to 100 %.
    pub share_bp: BasisPoints,
}

/// How often a promotion may be used: what is left of it is kept in the usage ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// Orders in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// Orders of one customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_per_customer: Option<u64>,
    /// Orders of one code: 1 for codes that are used once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_per_coupon: Option<u64>,
    /// Units in all: a stock of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// Units of one customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units_per_customer: Option<u64>,
    /// Money that it may give in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// When the budget has less left than it would give.
    pub beyond_budget: BeyondBudget,
    /// When fewer units are left than would get it.
    pub beyond_units: BeyondUnits,
}

/// What a promotion does with a stock of units that is nearly used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BeyondUnits {
    /// It does not apply.
    Drop,
    /// The dearest units get it, as many as are left.
    #[default]
    Partial,
}

/// What a promotion does with a budget that is nearly used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BeyondBudget {
    /// It does not apply.
    #[default]
    Drop,
    /// It gives what is left.
    Partial,
}

/// Two kinds of promotions that do not apply together: neither applies where the other did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// One side.
    pub of: Side,
    /// The other side.
    pub with: Side,
    /// Where they would have to meet; when either works on the order, `line` means the order too.
    #[serde(default = "Exclusion::on_a_line")]
    pub scope: Scope,
}

/// A side of an exclusion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Every promotion of a component.
    Component(String),
    /// One promotion.
    Promotion(String),
    /// Every promotion of a group.
    Group(String),
    /// Every promotion with a label.
    Label(String),
}

impl Exclusion {
    const fn on_a_line() -> Scope {
        Scope::Line
    }
}

impl Promotion {
    pub(crate) fn check(&self, reader: &mut Reader, path: &str) {
        if self.id.is_empty() || self.id.chars().count() > 64 {
            reader.problem(&format!("{path}.id"), "must have 1 to 64 characters");
        }
        self.items.check(reader, &format!("{path}.items"));
        if let Some(condition) = &self.when {
            condition.check(reader, &format!("{path}.when"), 1);
        }
        if let Some(window) = &self.window {
            window.check(reader, &format!("{path}.window"));
        }
        self.effect.check(reader, &format!("{path}.effect.{}", self.effect.component()));
        let shares: u32 = self.funding.iter().map(|funding| u32::from(funding.share_bp.get())).sum();
        if !self.funding.is_empty() && shares != 10_000 {
            reader.problem(&format!("{path}.funding"), format!("the shares add up to {shares} basis points, not to 10000"));
        }
        let parties: BTreeSet<&str> = self.funding.iter().map(|funding| funding.party.as_str()).collect();
        if parties.len() < self.funding.len() {
            reader.problem(&format!("{path}.funding"), "names a party twice");
        }
        let budget = self.limit.as_ref().and_then(|limit| limit.budget);
        if budget.is_some_and(|budget| budget.minor < 0) {
            reader.problem(&format!("{path}.limit.budget"), "must not be negative");
        }
        if budget.is_some() && !self.effect.gifts().is_empty() {
            reader.problem(&format!("{path}.limit.budget"), "a gift takes no money off: limit its uses or its units");
        }
        if self.limit.as_ref().is_some_and(|limit| limit.uses_per_coupon.is_some()) && self.codes().is_empty() {
            let message = "limits codes, and `when` asks for none: name them in a condition `coupons`";
            reader.problem(&format!("{path}.limit.uses_per_coupon"), message);
        }
        let mut amounts = self.amounts();
        if let Some(first) = amounts.next()
            && let Some(other) = amounts.find(|amount| amount.currency != first.currency)
        {
            let message =
                format!("its amounts are in {} and {}: make it one promotion for each currency", first.currency, other.currency);
            reader.problem(path, message);
        }
    }

    /// Codes that its condition asks for, as they are written there.
    pub(crate) fn codes(&self) -> Vec<&str> {
        self.when.iter().flat_map(Condition::codes).collect()
    }

    /// Every amount of money in it.
    pub(crate) fn amounts(&self) -> impl Iterator<Item = Money> {
        let of_condition = self.when.iter().flat_map(Condition::amounts);
        let budget = self.limit.iter().filter_map(|limit| limit.budget);
        self.effect.amounts().into_iter().chain(of_condition).chain(budget)
    }
}
