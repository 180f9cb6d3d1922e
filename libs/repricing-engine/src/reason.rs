use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Currency, Mode, Money, RelativeChange};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Effect, Fired, Guardrail, Inputs};

/// Why a price is what it is: inputs, what proposed it, what each guardrail did. Shown as one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// What proposed the price.
    pub basis: Basis,
    /// The kill switch.
    pub mode: Mode,
    /// What the merchant set, in minor units.
    pub list_price: i64,
    /// Of every amount here.
    pub currency: Currency,
    /// Sellable units, if known.
    pub on_hand: Option<u64>,
    /// Units after the last replenishment, if known.
    pub full: Option<u64>,
    /// What was proposed, in minor units; absent when it did not come to that.
    pub proposed: Option<i64>,
    /// Guardrails that changed something, in their order.
    pub effects: Vec<Effect>,
    /// What came out, in minor units; absent when refused.
    pub price: Option<i64>,
    /// The instant.
    #[schemars(with = "String")]
    pub decided_at: Timestamp,
}

/// What proposed a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A person.
    Override,
    /// The kill switch.
    Mode,
    /// A strategy of the document.
    Strategy {
        /// Its name there.
        name: Arc<str>,
        /// What in it fired.
        fired: Fired,
    },
}

impl Reason {
    pub(crate) fn of(inputs: &Inputs<'_>) -> Self {
        Self {
            basis: Basis::Mode,
            mode: inputs.mode,
            list_price: inputs.product.list_price.minor,
            currency: inputs.product.list_price.currency,
            on_hand: inputs.stock.map(|stock| stock.on_hand),
            full: inputs.stock.map(|stock| stock.full.on_hand),
            proposed: None,
            effects: Vec::new(),
            price: None,
            decided_at: inputs.now,
        }
    }

    /// One plain sentence.
    pub fn sentence(&self) -> String {
        self.to_string()
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.money(self.list_price);
        let Some(proposed) = self.proposed else {
            return write!(f, "no price was worked out from the list price {list}");
        };
        match &self.basis {
            Basis::Override => write!(f, "somebody set {}", self.money(proposed))?,
            Basis::Mode => match self.mode {
                Mode::Freeze => write!(f, "prices are frozen at {}", self.money(proposed))?,
                Mode::Shadow => write!(f, "strategies run in shadow, so {} stays", self.money(proposed))?,
                Mode::Run | Mode::ListPrice => write!(f, "the mode is {}, so {}", self.mode, self.money(proposed))?,
            },
            Basis::Strategy { name, fired } => {
                if self.mode == Mode::Shadow {
                    write!(f, "in shadow: ")?;
                }
                write_fired(f, *fired, self)?;
                let change = relative(self.list_price, proposed);
                match change {
                    Some(RelativeChange(0)) | None => write!(f, ", so {name:?} gives {}", self.money(proposed))?,
                    Some(change) => write!(f, ", so {name:?} gives {change} on {list}: {}", self.money(proposed))?,
                }
            }
        }
        for effect in &self.effects {
            let to = self.money(effect.to);
            match effect.guardrail {
                Guardrail::MaxStep => write!(f, "; the largest step allows {to} for now")?,
                Guardrail::Cooldown => write!(f, "; {to} stays until its cooldown is over")?,
                Guardrail::ChangesPerDay => write!(f, "; {to} stays, as today's changes are used up")?,
                Guardrail::Band => write!(f, "; the band around the list price allows {to}")?,
                Guardrail::Floor => write!(f, "; the floor is {to}")?,
                Guardrail::Ceiling => write!(f, "; the ceiling is {to}")?,
                Guardrail::Ending => write!(f, "; with the price ending {to}")?,
            }
        }
        Ok(())
    }
}

fn write_fired(f: &mut fmt::Formatter<'_>, fired: Fired, reason: &Reason) -> fmt::Result {
    let left = reason.on_hand.unwrap_or(0);
    let full = reason.full.unwrap_or(0);
    match fired {
        Fired::Nothing if reason.on_hand.is_some() => write!(f, "{left} left and nothing calls for a change"),
        Fired::Nothing => write!(f, "nothing calls for a change"),
        Fired::StockUnknown => write!(f, "its stock is not known yet"),
        Fired::Below(threshold) => write!(f, "{left} left, fewer than {threshold}"),
        Fired::StockAtMost(share) => write!(f, "{left} of {full} left, at most {}", percent(u32::from(share))),
        Fired::PaceBelow(ratio) => {
            write!(f, "{left} of {full} left, which sells out early (pace below {})", percent(ratio))
        }
        Fired::PaceAbove(ratio) => {
            write!(f, "{left} of {full} left, which will not sell out in time (pace above {})", percent(ratio))
        }
        Fired::Since(at) => write!(f, "a reduction runs since {at}"),
    }
}

fn percent(basis_points: u32) -> String {
    RelativeChange(i32::try_from(basis_points).unwrap_or(i32::MAX)).to_string().trim_start_matches('+').to_owned()
}

/// How far `price` is from `list`, to the nearest hundredth of a percent.
fn relative(list: i64, price: i64) -> Option<RelativeChange> {
    let list = i128::from(list);
    let change = (i128::from(price) - list) * 10_000;
    let half = list / 2 * change.signum();
    (change + half).checked_div(list).and_then(|change| i32::try_from(change).ok()).map(RelativeChange)
}
