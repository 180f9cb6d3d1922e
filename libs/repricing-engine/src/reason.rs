use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Currency, Mode, Money, RelativeChange};
use schemars::JsonSchema;
use serde::Serialize;

use crate::rollout::{Arm, Breach, OtherSide};
use crate::{Effect, Fired, Guardrail, Inputs, Refusal};

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
    /// Guardrails that changed something, in their order. In shadow mode first those on the way to the shadow price, then
    /// those that moved the price itself.
    pub effects: Vec<Effect>,
    /// What came out, in minor units; absent when refused.
    pub price: Option<i64>,
    /// What the side of a rollout has to say that does not set the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_side: Option<OtherSide>,
    /// Why a model that was asked for the SKU's demand gave none, where a strategy wants it: the category's counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_prior: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
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
        /// What it says to the list price.
        change: RelativeChange,
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
            other_side: None,
            no_prior: None,
            refusal: None,
            decided_at: inputs.now,
        }
    }

    pub(crate) fn refused(self, refusal: &Refusal) -> Self {
        Self { proposed: None, effects: Vec::new(), refusal: Some(refusal.to_string()), ..self }
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
        if let Some(refusal) = &self.refusal {
            return write!(f, "refused: {refusal}");
        }
        let proposed = self.proposed.unwrap_or(self.list_price);
        match &self.basis {
            Basis::Override => write!(f, "an override sets {}", self.money(proposed))?,
            Basis::Mode if self.mode == Mode::Freeze => write!(f, "prices are frozen at {}", self.money(proposed))?,
            Basis::Mode => write!(f, "the mode is {}, so {}", self.mode, self.money(proposed))?,
            Basis::Strategy { name, fired, change } => {
                write_fired(f, *fired, self)?;
                match change {
                    RelativeChange(0) => write!(f, ", so {name:?} gives the list price {list}")?,
                    change => write!(f, ", so {name:?} gives {change} on {list}: {}", self.money(proposed))?,
                }
            }
        }
        if let Some(why) = &self.no_prior {
            write!(f, "; demand is taken to be its category's, as its model says nothing: {why}")?;
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
        if let Some(other) = &self.other_side {
            write_other_side(f, other, self)?;
        }
        match self.price {
            Some(price) if self.mode == Mode::Shadow && self.basis != Basis::Override => {
                write!(f, "; in shadow only: the price is {}", self.money(price))
            }
            _ => Ok(()),
        }
    }
}

fn write_other_side(f: &mut fmt::Formatter<'_>, other: &OtherSide, reason: &Reason) -> fmt::Result {
    let price = other.price.map(|price| reason.money(price));
    match (other.arm, other.breach, price) {
        (Arm::Canary, None, Some(price)) => write!(f, "; a canary: the strategies in force would give {price}"),
        (Arm::Canary, Some(Breach::Apart), Some(price)) => {
            write!(f, "; by the strategies in force: in this stage the canary's price, {price}, was too far from it")
        }
        (Arm::Canary, ..) => write!(f, "; by the strategies in force, since the canary gives no price"),
        (Arm::Shadow | Arm::Control, None, Some(price)) => write!(f, "; the candidate would give {price}"),
        (Arm::Shadow | Arm::Control, Some(Breach::Apart), Some(price)) => {
            write!(f, "; the candidate would give {price}: in this stage it was too far from it")
        }
        (Arm::Shadow | Arm::Control, ..) => write!(f, "; the candidate would give no price"),
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
        Fired::Since(at) => write!(f, "the step of {at} has begun"),
        Fired::Expecting { buyers, minutes } => {
            write!(f, "{left} left, {buyers} more buyers expected in {} at list", duration(minutes))
        }
        Fired::SoldOut => write!(f, "sold out"),
        Fired::BeforeSale => write!(f, "the sale has not begun"),
        Fired::SaleOver => write!(f, "the sale is over"),
        Fired::NoDemand => write!(f, "nothing is known of its demand"),
        Fired::Unusable => write!(f, "its demand gives no usable price"),
    }
}

fn percent(basis_points: u32) -> String {
    RelativeChange(i32::try_from(basis_points).unwrap_or(i32::MAX)).to_string().trim_start_matches('+').to_owned()
}

/// Minutes in words, exact to the minute below two hours.
fn duration(minutes: u64) -> String {
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", (minutes + 30) / 60),
        _ => format!("{} days", (minutes + 720) / 1_440),
    }
}
