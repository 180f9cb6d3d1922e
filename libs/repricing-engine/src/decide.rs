use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use pricestream_domain::{Mode, Money, Override, Product, Standing, Stock};

use crate::guardrails::{Hard, Held, counted_day, hard};
use crate::market::{Belief, Bounds};
use crate::rollout::{Arm, Breach, OtherSide, Trial, TrialAccount, Tried};
use crate::strategies::{Learned, Proposal, Situation};
use crate::{Basis, Demand, Policy, Reason};

/// Everything that a decision sees.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The instant.
    pub now: Timestamp,
    /// The catalogue line.
    pub product: &'a Product,
    /// What the strategies document says of it; the text says why it says nothing.
    pub policy: Result<&'a Policy, &'a str>,
    /// The kill switch.
    pub mode: Mode,
    /// A person's price, in force or expired.
    pub override_: Option<&'a Override>,
    /// Stock, if any is known.
    pub stock: Option<&'a Stock>,
    /// What stands.
    pub previous: Option<&'a Standing>,
    /// What was learned up to the decision before.
    pub belief: Option<&'a Arc<Belief>>,
    /// What a rollout counted up to then.
    pub trial: Option<&'a Arc<TrialAccount>>,
}

/// What is to stand, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// How it ended.
    pub outcome: Outcome,
    /// What stands from now on. A refusal leaves what stood; retiring a product leaves nothing.
    pub standing: Option<Standing>,
    /// What the strategy would have set, in shadow mode; while a rollout is on, what the side that does not set the price would have.
    pub shadow_price: Option<Money>,
    /// When it must be decided again though no input moved: a whole microsecond, always after the decision's own instant.
    pub next_due: Option<Timestamp>,
    /// What was learned, the time up to this decision included; `None` where the strategy learns nothing or no sale is on.
    pub belief: Option<Arc<Belief>>,
    /// What a rollout counts, this decision included; `None` where none concerns the SKU.
    pub trial: Option<Arc<TrialAccount>>,
    /// What made it so.
    pub reason: Reason,
}

/// How a decision ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The price moved, or is the first.
    Changed,
    /// The price stays.
    Kept,
    /// There is no price to be had; the last valid one stands.
    Refused(Refusal),
}

/// Why a SKU is refused a price, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No longer sold.
    #[error("the product is retired")]
    Retired,
    /// Never meant.
    #[error("the list price is not above zero: correct the catalogue line")]
    NoListPrice,
    /// The strategies document names none.
    #[error("no strategy: {0}")]
    NoPolicy(String),
    /// Nothing would stop a fall to zero.
    #[error("no floor: state one in the catalogue line, or floor_percent_of_list in the strategies document")]
    NoFloor,
    /// An amount is in another currency than the list price.
    #[error("{0} is in another currency than the list price: correct the catalogue line")]
    MixedCurrencies(&'static str),
    /// No price is both.
    #[error("no price is at least the floor {floor} and at most the ceiling {ceiling}: correct one of them")]
    Contradiction {
        /// Lower bound.
        floor: Money,
        /// Upper bound.
        ceiling: Money,
    },
    /// Frozen means that no price moves, and there is none.
    #[error("prices are frozen, and this SKU has none yet")]
    Frozen,
    /// Beyond 64 bits.
    #[error("the strategy's price does not fit in 64 bits")]
    Overflow,
}

impl Refusal {
    /// Its name in JSON, logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::NoListPrice => "no-list-price",
            Self::NoPolicy(_) => "no-policy",
            Self::NoFloor => "no-floor",
            Self::MixedCurrencies(_) => "mixed-currencies",
            Self::Contradiction { .. } => "floor-above-ceiling",
            Self::Frozen => "frozen-without-price",
            Self::Overflow => "overflow",
        }
    }
}

/// Decides what a SKU's price should be now. Pure: equal inputs give equal decisions, to the last bit.
///
/// In this order: a retired product has no price; an override in force wins over the mode, the mode over the strategy;
/// what they propose passes the guardrails, of which override and mode skip the soft ones and the price ending only.
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    let Settled { decided, reason } = settle(inputs);
    match decided {
        Ok(decided) => decided.into_decision(inputs, reason),
        Err(refusal) => Decision {
            standing: inputs.previous.copied().filter(|_| refusal != Refusal::Retired),
            shadow_price: None,
            next_due: in_force_override(inputs).and_then(|override_| whole_microsecond(override_.expires_at)),
            // What is corrected later goes on from what was known.
            belief: inputs.belief.cloned().filter(|_| refusal != Refusal::Retired),
            trial: inputs.trial.cloned().filter(|_| refusal != Refusal::Retired),
            reason: reason.refused(&refusal),
            outcome: Outcome::Refused(refusal),
        },
    }
}

/// A price that passed, in minor units, with what goes with it.
struct Decided {
    belief: Option<Arc<Belief>>,
    held: Held,
    /// Of the policy's time zone: changes are counted by it.
    day: Date,
    /// What was asked for inside the hard guardrails: where the price is going, however slowly the soft ones let it.
    target: i64,
    shadow: Option<i64>,
    /// When time alone next changes what is asked for.
    asks_anew: Option<Timestamp>,
    /// When it must be decided again.
    next_due: Option<Timestamp>,
    trial: Option<TrialAccount>,
}

/// What one side decides, and why.
struct Settled {
    decided: Result<Decided, Refusal>,
    reason: Reason,
}

impl Settled {
    fn refused(inputs: &Inputs<'_>, refusal: Refusal) -> Self {
        Self { decided: Err(refusal), reason: Reason::of(inputs) }
    }

    fn by(inputs: &Inputs<'_>, policy: &Policy) -> Self {
        let mut reason = Reason::of(inputs);
        let decided = settle_price(inputs, policy, &mut reason);
        Self { decided, reason }
    }

    /// Where the price is going, and not where it is: else using one side's would bring the other's nearer.
    fn target(&self) -> Option<i64> {
        self.decided.as_ref().ok().map(|decided| decided.target)
    }
}

fn settle(inputs: &Inputs<'_>) -> Settled {
    let Inputs { product, .. } = *inputs;
    if product.retired {
        return Settled::refused(inputs, Refusal::Retired);
    }
    if product.list_price.minor <= 0 {
        return Settled::refused(inputs, Refusal::NoListPrice);
    }
    match inputs.policy {
        Err(why) => Settled::refused(inputs, Refusal::NoPolicy(why.to_owned())),
        Ok(policy) => match &policy.trial {
            Some(trial) => try_out(inputs, policy, trial),
            None => Settled::by(inputs, policy),
        },
    }
}

/// Decides by the strategies in force and by the candidate, and takes the one that is to set the price. What is wrong with the candidate
/// costs nobody a price.
fn try_out(inputs: &Inputs<'_>, policy: &Policy, trial: &Trial) -> Settled {
    let none = || Settled::refused(inputs, Refusal::NoPolicy("the candidate names no strategy for it".to_owned()));
    let candidate = trial.candidate.as_deref().map_or_else(none, |candidate| Settled::by(inputs, candidate));
    let in_force = Settled::by(inputs, policy);
    // Who sets the price by hand, or freezes it, is on no trial.
    let tried = inputs.mode == Mode::Run && in_force_override(inputs).is_none();
    let targets = (candidate.target(), in_force.target());
    let before = inputs.trial.map(|account| &**account);
    // Once too far, not used any more in this stage: a candidate that keeps to the price that stands would seem near the next time.
    let was_apart = before.is_some_and(|account| account.goes_on(trial) && account.was_apart);
    let breach = match targets {
        (None, Some(_)) => Some(Breach::Refused),
        (Some(_), Some(_)) if was_apart => Some(Breach::Apart),
        (Some(candidate), Some(in_force)) if tried && trial.is_apart(candidate, in_force) => Some(Breach::Apart),
        _ => None,
    };
    // What nobody could price before is on no trial, and what a person sets is held by the guardrails in force.
    let usable = candidate.decided.is_ok() && in_force.decided.is_ok();
    let by_candidate = tried && trial.arm == Arm::Canary && breach.is_none() && usable;
    let (used, other) = if by_candidate { (candidate, in_force) } else { (in_force, candidate) };
    let Settled { decided: Ok(mut decided), mut reason } = used else { return used };
    let other = other.decided.ok();
    let other_price = other.as_ref().map(|other| other.held.price);
    // Its soft guardrails measure from a price that it does not set.
    let due = other.as_ref().filter(|_| tried);
    let due = due.and_then(|other| earliest(other.asks_anew, other.held.next_due(decided.held.price)));
    decided.next_due = earliest(decided.next_due, due);
    let other_belief = match other {
        Some(other) => other.belief,
        // A side that refuses a price forgets nothing.
        None => {
            let goes_on = |belief: &&Arc<Belief>| decided.belief.as_ref().is_some_and(|used| used.continues(belief));
            let known = inputs.belief.into_iter().chain(before.and_then(|account| account.belief.as_ref()));
            known.into_iter().find(|belief| !goes_on(belief)).cloned()
        }
    };
    let apart_bp = match targets {
        (Some(candidate), Some(in_force)) if tried => Some(Trial::apart(candidate, in_force)),
        _ => None,
    };
    let price = if breach == Some(Breach::Apart) { targets.0 } else { other_price };
    let side = OtherSide { arm: trial.arm, price, breach };
    let tried_out = Tried { trial, other: side, apart_bp, belief: other_belief.as_ref(), was_apart };
    let Inputs { product, stock, previous, now, .. } = *inputs;
    decided.trial = Some(TrialAccount::after(before, &tried_out, product.list_price, stock, previous, now));
    if tried {
        decided.shadow = other_price;
        reason.other_side = Some(side);
    }
    Settled { decided: Ok(decided), reason }
}

fn settle_price(inputs: &Inputs<'_>, policy: &Policy, reason: &mut Reason) -> Result<Decided, Refusal> {
    let Inputs { now, product, .. } = *inputs;
    let list = product.list_price;
    let hard = hard_bounds(product, policy)?;
    let previous = inputs.previous.filter(|standing| standing.price.currency == list.currency);
    let fixed = |price: i64, reason: &mut Reason| Held::fixed(hard.hold(price, &mut reason.effects), now);
    // What shoppers do is learned from whoever set the price.
    let demand = Demand::of(policy.demand.as_ref(), product.prior.as_ref());
    let (situation, learned) = look(inputs, policy, &hard, previous, demand.as_deref());
    let belief = learned.as_ref().map(|learned| Arc::clone(&learned.belief));
    let decided = |held: Held, shadow, next_due| {
        let (target, day) = (held.price, policy.time_zone.day(now));
        Ok(Decided { belief, held, day, target, shadow, asks_anew: None, next_due, trial: None })
    };
    if let Some(override_) = in_force_override(inputs) {
        reason.basis = Basis::Override;
        reason.proposed = Some(override_.price.minor);
        return decided(fixed(override_.price.minor, reason), None, Some(override_.expires_at));
    }
    match inputs.mode {
        Mode::Run => {
            let (held, asks_anew) = run(inputs, policy, &hard, &situation, learned.as_ref(), reason)?;
            let next_due = earliest(asks_anew, held.next_due(held.price));
            let target = hard.hold(reason.proposed.unwrap_or(held.price), &mut Vec::new());
            decided(held, None, next_due).map(|decided| Decided { target, asks_anew, ..decided })
        }
        Mode::Freeze => {
            let standing = previous.ok_or(Refusal::Frozen)?;
            reason.proposed = Some(standing.price.minor);
            decided(fixed(standing.price.minor, reason), None, None)
        }
        Mode::ListPrice => {
            reason.proposed = Some(list.minor);
            decided(fixed(list.minor, reason), None, None)
        }
        Mode::Shadow => {
            let (would_be, next_due) = run(inputs, policy, &hard, &situation, learned.as_ref(), reason)?;
            let stays = previous.map_or(list.minor, |standing| standing.price.minor);
            let held = fixed(stays, reason);
            // Its soft guardrails measure from a price that does not move here.
            let next_due = earliest(next_due, would_be.next_due(held.price));
            decided(held, Some(would_be.price), next_due)
        }
    }
}

/// What the strategy may look at, and what it has learned. Of two beliefs each side goes on from the one that is about its own
/// assumptions, whoever set the price before.
fn look<'a>(
    inputs: &Inputs<'a>,
    policy: &'a Policy,
    hard: &Hard,
    previous: Option<&'a Standing>,
    demand: Option<&'a Demand>,
) -> (Situation<'a>, Option<Learned>) {
    let first = Situation { demand, ..situation(inputs, policy, hard, previous) };
    let learned = policy.strategy.learn(&first);
    let Some(beside) = inputs.trial.and_then(|trial| trial.belief.as_deref()) else { return (first, learned) };
    let goes_on = |learned: &Learned| first.belief.is_some_and(|belief| learned.belief.continues(belief));
    if learned.as_ref().is_none_or(goes_on) {
        return (first, learned);
    }
    let second = Situation { belief: Some(beside), ..first };
    match policy.strategy.learn(&second) {
        Some(other) if other.belief.continues(beside) => (second, Some(other)),
        _ => (first, learned),
    }
}

/// What the strategy's price becomes, and when time alone next changes the proposal.
fn run(
    inputs: &Inputs<'_>,
    policy: &Policy,
    hard: &Hard,
    situation: &Situation<'_>,
    learned: Option<&Learned>,
    reason: &mut Reason,
) -> Result<(Held, Option<Timestamp>), Refusal> {
    let list_price = inputs.product.list_price;
    let proposal = policy.strategy.propose(situation, learned);
    let proposed = proposal.price(list_price).map_err(|_| Refusal::Overflow)?.minor;
    let change = proposal.change(list_price);
    let Proposal { fired, next_due, .. } = proposal;
    reason.no_prior = inputs.product.no_prior.clone().filter(|_| policy.strategy.sale().is_some());
    reason.basis = Basis::Strategy { name: policy.strategy_name.clone(), fired, change };
    reason.proposed = Some(proposed);
    let held = policy.guardrails.hold(proposed, situation.previous, hard, &policy.time_zone, inputs.now, &mut reason.effects);
    Ok((held, next_due))
}

/// What the strategy may look at.
fn situation<'a>(inputs: &Inputs<'a>, policy: &'a Policy, hard: &Hard, previous: Option<&'a Standing>) -> Situation<'a> {
    let list_price = inputs.product.list_price;
    let (low, high) = hard.bounds();
    #[allow(clippy::cast_precision_loss, reason = "what a float loses of a price is far below a minor unit")]
    let ratio = |minor: i64| minor as f64 / list_price.minor as f64;
    let low = ratio(low).max(Bounds::WIDEST.low);
    Situation {
        cost: inputs.product.cost.filter(|cost| cost.currency == list_price.currency),
        profile: policy.profile.as_ref(),
        belief: inputs.belief.map(|belief| &**belief),
        previous,
        bounds: Bounds { low, high: ratio(high).clamp(low, Bounds::WIDEST.high.max(low)) },
        draw: draw(inputs),
        ..Situation::plain(inputs.now, list_price, inputs.stock, &policy.time_zone)
    }
}

/// A random number that the same inputs always give: SplitMix64 (Steele, Lea and Flood 2014) over SKU and stock change.
fn draw(inputs: &Inputs<'_>) -> u64 {
    let mix = |state: u64, word: u64| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let of_sku = inputs.product.sku.bytes().fold(0, |state, byte| mix(state, u64::from(byte)));
    let version = inputs.stock.map_or(0, |stock| stock.version.0);
    mix(of_sku, version)
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

fn hard_bounds(product: &Product, policy: &Policy) -> Result<Hard, Refusal> {
    let list = product.list_price;
    for (field, amount) in [("floor", product.floor), ("ceiling", product.ceiling)] {
        if amount.is_some_and(|amount| amount.currency != list.currency) {
            return Err(Refusal::MixedCurrencies(field));
        }
    }
    // Half up, like every percentage of a price here.
    let percent = |percent: u32| {
        let minor = (i128::from(list.minor) * i128::from(percent) + 50) / 100;
        Money { minor: i64::try_from(minor).unwrap_or(i64::MAX), ..list }
    };
    let floor = product.floor.or_else(|| policy.floor_percent_of_list.map(percent)).ok_or(Refusal::NoFloor)?;
    let ceiling = product.ceiling.or_else(|| policy.guardrails.ceiling_percent_of_list.map(percent));
    let contradiction = || Refusal::Contradiction { floor, ceiling: ceiling.unwrap_or(floor) };
    hard(floor, ceiling, list, &policy.guardrails).ok_or_else(contradiction)
}

/// The override, unless it has expired or is in another currency than the list price.
fn in_force_override<'a>(inputs: &Inputs<'a>) -> Option<&'a Override> {
    let list_price = inputs.product.list_price;
    inputs.override_.filter(|override_| inputs.now < override_.expires_at && override_.price.currency == list_price.currency)
}

/// The first whole microsecond at or after `due`: what records hold. A finer instant would read back as an earlier one, at
/// which nothing has changed yet. `None` beyond the calendar.
fn whole_microsecond(due: Timestamp) -> Option<Timestamp> {
    let nanos = due.as_nanosecond();
    Timestamp::from_nanosecond(nanos + (-nanos).rem_euclid(1_000)).ok()
}

impl Decided {
    fn into_decision(self, inputs: &Inputs<'_>, mut reason: Reason) -> Decision {
        let Inputs { now, product, .. } = *inputs;
        let currency = product.list_price.currency;
        let money = |minor| Money::new(minor, currency);
        let price = money(self.held.price);
        reason.price = Some(price.minor);
        let previous = inputs.previous.filter(|standing| standing.price.currency == currency);
        let next_due = self.next_due.and_then(whole_microsecond).filter(|due| *due > now);
        let shadow_price = self.shadow.map(money);
        let trial = self.trial.map(Arc::new);
        if let Some(standing) = previous.filter(|standing| standing.price == price) {
            let standing = Some(*standing);
            return Decision { outcome: Outcome::Kept, standing, shadow_price, next_due, belief: self.belief, trial, reason };
        }
        let day = self.day;
        let counted = previous.and_then(|standing| Some((counted_day(standing, day)?, standing.changes)));
        let (day, changes) = counted.unwrap_or((day, 0));
        let standing = Standing {
            price,
            since: now,
            step_from: if previous.is_some() { money(self.held.step_from) } else { price },
            step_since: self.held.step_since,
            day,
            changes: changes.saturating_add(1),
        };
        let standing = Some(standing);
        Decision { outcome: Outcome::Changed, standing, shadow_price, next_due, belief: self.belief, trial, reason }
    }
}
