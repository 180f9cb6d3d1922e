//! The strategies, one file each. Each is a function of state and time alone, never of the price before or of how many
//! events were seen, so that no rule compounds.

mod fixed_list;
mod inventory_threshold;
mod pace_tiers;
#[cfg(test)]
mod samples;
mod scheduled_markdown;
mod stock_tiers;

use jiff::Timestamp;
use pricestream_domain::{Money, MoneyError, RelativeChange, Stock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use fixed_list::FixedList;
pub use inventory_threshold::InventoryThreshold;
pub use pace_tiers::{PaceEnd, PaceTier, PaceTiers};
pub use scheduled_markdown::{DailyStep, DatedStep, ScheduledMarkdown};
pub use stock_tiers::{StockTier, StockTiers};

use pricestream_documents::{Problem, Reader, Zone};

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
}

/// What a strategy proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// How far from the list price.
    pub change: RelativeChange,
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
}

/// A strategy of the document, by its `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
        })
    }

    /// What it proposes.
    pub fn propose(&self, situation: &Situation<'_>) -> Proposal {
        match self {
            Self::FixedList(strategy) => strategy.propose(),
            Self::InventoryThreshold(strategy) => strategy.propose(situation),
            Self::StockTiers(strategy) => strategy.propose(situation),
            Self::PaceTiers(strategy) => strategy.propose(situation),
            Self::ScheduledMarkdown(strategy) => strategy.propose(situation),
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
        }
    }
}

impl Proposal {
    fn steady(change: RelativeChange, fired: Fired) -> Self {
        Self { change, fired, next_due: None }
    }

    fn list(fired: Fired) -> Self {
        Self::steady(RelativeChange(0), fired)
    }

    /// The proposed price, rounded half away from zero to a minor unit.
    pub fn price(&self, list_price: Money) -> Result<Money, MoneyError> {
        list_price.changed_by(self.change)
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
