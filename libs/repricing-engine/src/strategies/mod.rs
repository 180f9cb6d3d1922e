//! The strategies, one file each. Each is a function of state and time alone, never of the price before or of how many
//! events were seen, so that no rule compounds.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "units, instants and shares of them: what a float loses of them is far below a minor unit, and what is cast back is small"
)]

mod ce_bayes;
mod clearance_markdown;
mod dp_finite_menu;
mod fixed_list;
mod fluid_resolve;
mod gvr_optimal;
mod inventory_threshold;
mod pace_tiers;
mod parametric_thompson;
mod sale;
#[cfg(test)]
mod samples;
mod scheduled_markdown;
mod stock_tiers;
mod template_bayes;

use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Money, MoneyError, RelativeChange, Standing, Stock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use ce_bayes::CeBayes;
pub use clearance_markdown::ClearanceMarkdown;
pub use dp_finite_menu::{Direction, DpFiniteMenu};
pub use fixed_list::FixedList;
pub use fluid_resolve::FluidResolve;
pub use gvr_optimal::{GvrOptimal, Solve};
pub use inventory_threshold::InventoryThreshold;
pub use pace_tiers::{PaceEnd, PaceTier, PaceTiers};
pub use parametric_thompson::{ParametricThompson, gamma};
pub use sale::{Account, Learned, Leftover, Sale};
pub use scheduled_markdown::{DailyStep, DatedStep, ScheduledMarkdown};
pub use stock_tiers::{StockTier, StockTiers};
pub use template_bayes::TemplateBayes;

use pricestream_documents::{Problem, Reader, Zone};

use crate::market::{Belief, Bounds, Shape};
use crate::{Demand, Profile};

/// What a strategy may look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The instant.
    pub now: Timestamp,
    /// What the merchant set.
    pub list_price: Money,
    /// Stock, if any is known.
    pub stock: Option<&'a Stock>,
    /// Where days and times of day are.
    pub zone: &'a Zone,
    /// What a unit cost, if the catalogue line says so.
    pub cost: Option<Money>,
    /// What is expected of demand.
    pub demand: Option<&'a Demand>,
    /// How demand spreads over a sale, where that is known.
    pub profile: Option<&'a Profile>,
    /// What was learned up to the decision before.
    pub belief: Option<&'a Belief>,
    /// What stands, in the list price's currency.
    pub previous: Option<&'a Standing>,
    /// Hard bounds, as ratios to the list price. The guardrails hold them in any case; a strategy that knows them plans with them.
    pub bounds: Bounds,
    /// A random number, of the decision's inputs.
    pub draw: u64,
}

impl<'a> Situation<'a> {
    /// How demand spreads over a sale, where that is known.
    fn shape(&self) -> Option<Arc<Shape>> {
        self.profile.map(Profile::shape)
    }

    /// Where nothing but stock and time is known.
    pub fn plain(now: Timestamp, list_price: Money, stock: Option<&'a Stock>, zone: &'a Zone) -> Self {
        Self {
            now,
            list_price,
            stock,
            zone,
            cost: None,
            demand: None,
            profile: None,
            belief: None,
            previous: None,
            bounds: Bounds::WIDEST,
            draw: 0,
        }
    }
}

/// What a strategy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// So far from the list price.
    Change(RelativeChange),
    /// So much, in minor units.
    Minor(i64),
}

/// What a strategy proposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// The price.
    pub ask: Ask,
    /// Before it was rounded, as a ratio to the list price; of strategies that work it out so.
    pub ratio: Option<f64>,
    /// What in the strategy made it so.
    pub fired: Fired,
    /// When time alone next changes the proposal.
    pub next_due: Option<Timestamp>,
}

/// What in a strategy fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fired {
    /// Nothing: the list price.
    Nothing,
    /// Stock is not known yet, so the list price.
    StockUnknown,
    /// On hand below a threshold, in units.
    Below(u64),
    /// The share of stock left is at most this, in basis points.
    StockAtMost(u16),
    /// Sold faster than time passes: the ratio is below this, in basis points.
    PaceBelow(u32),
    /// Sold slower than time passes: the ratio is above this, in basis points.
    PaceAbove(u32),
    /// A step that began at this instant.
    Since(#[schemars(with = "String")] Timestamp),
    /// So much demand is still expected in a sale.
    Expecting {
        /// Sales that would still be made at list price, if stock never ran out.
        buyers: u64,
        /// Until the sale ends, begun minutes counted in full.
        minutes: u64,
    },
    /// Nothing is left in a sale, so the price that stands.
    SoldOut,
    /// The sale has not begun, so the list price.
    BeforeSale,
    /// The sale is over, so the list price.
    SaleOver,
    /// Nothing is known of demand, so the list price.
    NoDemand,
    /// The strategy's arithmetic came to no price, so the list price.
    Unusable,
}

/// A strategy of the document, by its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Strategy {
    /// The list price, always.
    FixedList(FixedList),
    /// One change below one threshold of stock.
    InventoryThreshold(InventoryThreshold),
    /// Changes by the share of stock left.
    StockTiers(StockTiers),
    /// Changes by the share of stock left against the share of time left.
    PaceTiers(PaceTiers),
    /// Reductions at set times.
    ScheduledMarkdown(ScheduledMarkdown),
    /// The price at which stock just runs out by the end of a sale.
    FluidResolve(FluidResolve),
    /// The best price when demand is known.
    GvrOptimal(GvrOptimal),
    /// The best prices out of a menu under rules of how they may move, when demand is known.
    DpFiniteMenu(DpFiniteMenu),
    /// The best price of stock that costs money while it lies there, when demand is known.
    ClearanceMarkdown(ClearanceMarkdown),
    /// Learns how many buyers there are and how much the price matters to them.
    CeBayes(CeBayes),
    /// Learns how many buyers there are and how they spread over the sale.
    TemplateBayes(TemplateBayes),
    /// As `ce_bayes`, pricing by a draw from what is believed.
    ParametricThompson(ParametricThompson),
}

/// Which strategy; read first, since serde forgets where in a tagged enum an error was.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    FixedList,
    InventoryThreshold,
    StockTiers,
    PaceTiers,
    ScheduledMarkdown,
    FluidResolve,
    GvrOptimal,
    DpFiniteMenu,
    ClearanceMarkdown,
    CeBayes,
    TemplateBayes,
    ParametricThompson,
}

impl Strategy {
    /// The strategy of that kind whose other fields are `fields`; what is wrong with them is told to `reader`.
    pub(crate) fn read(kind: Kind, reader: &mut Reader, path: &str, fields: Value) -> Option<Self> {
        Some(match kind {
            Kind::FixedList => Self::FixedList(reader.read(path, fields)?),
            Kind::InventoryThreshold => Self::InventoryThreshold(reader.read(path, fields)?),
            Kind::StockTiers => Self::StockTiers(reader.read(path, fields)?),
            Kind::PaceTiers => Self::PaceTiers(reader.read(path, fields)?),
            Kind::ScheduledMarkdown => Self::ScheduledMarkdown(reader.read(path, fields)?),
            Kind::FluidResolve => Self::FluidResolve(reader.read(path, fields)?),
            Kind::GvrOptimal => Self::GvrOptimal(reader.read(path, fields)?),
            Kind::DpFiniteMenu => Self::DpFiniteMenu(reader.read(path, fields)?),
            Kind::ClearanceMarkdown => Self::ClearanceMarkdown(reader.read(path, fields)?),
            Kind::CeBayes => Self::CeBayes(reader.read(path, fields)?),
            Kind::TemplateBayes => Self::TemplateBayes(reader.read(path, fields)?),
            Kind::ParametricThompson => Self::ParametricThompson(reader.read(path, fields)?),
        })
    }

    /// What it has learned once what happened since the decision before is counted; `None` for a strategy that learns nothing, and while no
    /// sale is on.
    pub fn learn(&self, situation: &Situation<'_>) -> Option<Learned> {
        match self {
            Self::DpFiniteMenu(strategy) => strategy.learn(situation),
            Self::CeBayes(strategy) => strategy.learn(situation),
            Self::TemplateBayes(strategy) => strategy.learn(situation),
            Self::ParametricThompson(strategy) => strategy.learn(situation),
            _ => None,
        }
    }

    /// The sale that it is for, of those that are for sales.
    pub fn sale(&self) -> Option<&Sale> {
        match self {
            Self::FluidResolve(FluidResolve { sale })
            | Self::GvrOptimal(GvrOptimal { sale, .. })
            | Self::DpFiniteMenu(DpFiniteMenu { sale, .. })
            | Self::ClearanceMarkdown(ClearanceMarkdown { sale, .. })
            | Self::CeBayes(CeBayes { sale })
            | Self::TemplateBayes(TemplateBayes { sale })
            | Self::ParametricThompson(ParametricThompson { sale }) => Some(sale),
            Self::FixedList(_)
            | Self::InventoryThreshold(_)
            | Self::StockTiers(_)
            | Self::PaceTiers(_)
            | Self::ScheduledMarkdown(_) => None,
        }
    }

    /// What it proposes; `learned` is what [`Self::learn`] says in the same situation.
    pub fn propose(&self, situation: &Situation<'_>, learned: Option<&Learned>) -> Proposal {
        // In a sale that is sold out nobody is asked a price: it stays until goods come in, or the sale ends.
        if let (Some(sale), Some(standing)) = (self.sale(), situation.previous)
            && situation.stock.is_some_and(|stock| stock.on_hand == 0)
            && let Ok(open) = sale.open(situation)
        {
            return open.keep(situation, standing, 0.0);
        }
        match self {
            Self::FixedList(strategy) => strategy.propose(),
            Self::InventoryThreshold(strategy) => strategy.propose(situation),
            Self::StockTiers(strategy) => strategy.propose(situation),
            Self::PaceTiers(strategy) => strategy.propose(situation),
            Self::ScheduledMarkdown(strategy) => strategy.propose(situation),
            Self::FluidResolve(strategy) => strategy.propose(situation),
            Self::GvrOptimal(strategy) => strategy.propose(situation),
            Self::DpFiniteMenu(strategy) => strategy.propose(situation, learned),
            Self::ClearanceMarkdown(strategy) => strategy.propose(situation),
            Self::CeBayes(strategy) => strategy.propose(situation, learned),
            Self::TemplateBayes(strategy) => strategy.propose(situation, learned),
            Self::ParametricThompson(strategy) => strategy.propose(situation, learned),
        }
    }

    /// What is wrong with it; `path` is where it stands in the document.
    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        match self {
            Self::FixedList(_) => Vec::new(),
            Self::InventoryThreshold(strategy) => strategy.problems(path),
            Self::StockTiers(strategy) => strategy.problems(path),
            Self::PaceTiers(strategy) => strategy.problems(path),
            Self::ScheduledMarkdown(strategy) => strategy.problems(path),
            Self::FluidResolve(strategy) => strategy.problems(path),
            Self::GvrOptimal(strategy) => strategy.problems(path),
            Self::DpFiniteMenu(strategy) => strategy.problems(path),
            Self::ClearanceMarkdown(strategy) => strategy.problems(path),
            Self::CeBayes(strategy) => strategy.problems(path),
            Self::TemplateBayes(strategy) => strategy.problems(path),
            Self::ParametricThompson(strategy) => strategy.problems(path),
        }
    }
}

impl Proposal {
    fn steady(change: RelativeChange, fired: Fired) -> Self {
        Self { ask: Ask::Change(change), ratio: None, fired, next_due: None }
    }

    fn list(fired: Fired) -> Self {
        Self::steady(RelativeChange(0), fired)
    }

    /// The proposed price, rounded half away from zero to a minor unit.
    pub fn price(&self, list_price: Money) -> Result<Money, MoneyError> {
        match self.ask {
            Ask::Change(change) => list_price.changed_by(change),
            Ask::Minor(minor) => Ok(Money { minor, ..list_price }),
        }
    }

    /// Whether it asks for no more; of those that ask for an amount.
    fn is_at_most(&self, price: Money) -> bool {
        matches!(self.ask, Ask::Minor(minor) if minor <= price.minor)
    }

    /// How far from the list price, rounded to a hundredth of a percent.
    pub fn change(&self, list_price: Money) -> RelativeChange {
        match self.ask {
            Ask::Change(change) => change,
            Ask::Minor(minor) => {
                let list = i128::from(list_price.minor.max(1));
                let change = ((i128::from(minor) - list) * 20_000 + list).div_euclid(2 * list);
                RelativeChange(i32::try_from(change).unwrap_or(i32::MAX))
            }
        }
    }
}

/// Largest rise of any rule: tenfold and the price itself.
const LARGEST_RISE: i32 = 100_000;

/// A change that would give the goods away, or is a slip of the keyboard.
fn check_change(change: RelativeChange, path: &str, problems: &mut Vec<Problem>) {
    if change.0 <= -10_000 || change.0 > LARGEST_RISE {
        let message = format!("{} is outside -9999..={LARGEST_RISE} (500 is +5 %)", change.0);
        problems.push(Problem { path: format!("{path}.change_bp"), message });
    }
}

/// Tiers are few and ascend by their bound.
fn check_tiers<T, B: PartialOrd>(tiers: &[T], bound: impl Fn(&T) -> B, path: &str, problems: &mut Vec<Problem>) {
    for (position, pair) in tiers.windows(2).enumerate() {
        if bound(&pair[0]) >= bound(&pair[1]) {
            let message = "tiers must ascend, each bound once".to_owned();
            problems.push(Problem { path: format!("{path}[{}]", position + 1), message });
        }
    }
}
