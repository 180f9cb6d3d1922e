//! What the strategies for sales share: when a sale is, what is left over of it, and how a price comes out.

use std::hash::Hasher;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::Problem;
use pricestream_domain::{Standing, Stock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ask, Fired, PaceEnd, Proposal, Situation};
use crate::Demand;
use crate::market::{Assumptions, Belief, Bounds, Hypothesis, Mixing, Seen, hypothesis};

/// When a sale is, and what is left over of it. Outside of the sale the list price holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// When it begins; with each replenishment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub starts: Option<Timestamp>,
    /// When it ends, counted from its begin.
    pub ends: PaceEnd,
    /// How often the price is looked at again though nothing was sold, 1 to 10000, at most once a second. With fewer than 100 revenue is
    /// lost where demand surprises.
    #[serde(default = "often", skip_serializing_if = "is_often")]
    pub reviews: u32,
    /// What a unit left over is worth.
    #[serde(default, skip_serializing_if = "is_worthless")]
    pub leftover: Leftover,
}

/// What a unit left over is worth: below it no unit is sold on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leftover {
    /// Nothing.
    #[default]
    Nothing,
    /// What the catalogue line says that it cost; nothing where it does not.
    Cost,
    /// A share of the list price.
    PercentOfList(u32),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_often(reviews: &u32) -> bool {
    *reviews == often()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_worthless(leftover: &Leftover) -> bool {
    *leftover == Leftover::Nothing
}

const fn often() -> u32 {
    200
}

/// A sale that is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    pub(crate) demand: &'a Demand,
    pub(crate) stock: &'a Stock,
    /// Begin and end, in microseconds of the epoch.
    pub(crate) sale: (i64, i64),
    /// When the present review began, 0..1 of the sale: between reviews time alone moves no price.
    pub(crate) at: f64,
    /// What a unit left over is worth, as a ratio to list.
    pub(crate) salvage: f64,
    pub(crate) bounds: Bounds,
    /// The present review, from 0, and how many there are.
    pub(super) review: (i128, i128),
    /// When the price is to be looked at again.
    next_due: Option<Timestamp>,
}

impl Sale {
    /// Begin and end, in microseconds of the epoch, and what a unit left over is worth as a ratio to list, while it is on.
    pub fn span(&self, situation: &Situation<'_>) -> Option<((i64, i64), f64)> {
        self.open(situation).ok().map(|open| (open.sale, open.salvage))
    }

    /// The sale, if it is on; otherwise what to propose.
    pub(crate) fn open<'a>(&self, situation: &Situation<'a>) -> Result<Open<'a>, Proposal> {
        let Some(stock) = situation.stock else { return Err(Proposal::list(Fired::StockUnknown)) };
        let Some(demand) = situation.demand else { return Err(Proposal::list(Fired::NoDemand)) };
        let starts = self.starts.unwrap_or(stock.full.at);
        let over = Proposal::list(Fired::SaleOver);
        let later = |ends: &Timestamp| ends.as_microsecond() > starts.as_microsecond();
        let Some(ends) = self.ends.after(starts, situation.zone).filter(later) else { return Err(over) };
        if situation.now < starts {
            return Err(Proposal { next_due: Some(starts), ..Proposal::list(Fired::BeforeSale) });
        }
        if situation.now >= ends {
            return Err(over);
        }
        let sale = (starts.as_microsecond(), ends.as_microsecond());
        let list = situation.list_price.minor.max(1) as f64;
        let salvage = match self.leftover {
            Leftover::Nothing => 0.0,
            Leftover::Cost => situation.cost.map_or(0.0, |cost| cost.minor as f64 / list),
            Leftover::PercentOfList(percent) => f64::from(percent) / 100.0,
        };
        let (begin, length) = (i128::from(sale.0), i128::from(sale.1) - i128::from(sale.0));
        let reviews = self.reviews_of(length);
        // The instant from which on so many reviews have begun.
        let begins = |review: i128| begin + (length * review + reviews - 1) / reviews;
        let review = self.review_of(sale, situation.now.as_microsecond());
        let next_due = i64::try_from(begins(review + 1)).ok().and_then(|due| Timestamp::from_microsecond(due).ok());
        // Nobody is asked a price for what is sold out.
        let next_due = if stock.on_hand == 0 { Some(ends) } else { next_due.map(|due| due.min(ends)) };
        let at = (review as f64 / reviews as f64).clamp(0.0, 1.0);
        Ok(Open {
            demand,
            stock,
            sale,
            at,
            salvage,
            bounds: situation.bounds,
            review: (review, reviews),
            next_due: next_due.filter(|due| *due > situation.now),
        })
    }

    /// What a strategy asks that prices by all that was learned.
    pub(super) fn propose_learned(&self, situation: &Situation<'_>, learned: Option<&Learned>, mixing: Mixing) -> Proposal {
        let open = match self.open(situation) {
            Ok(open) => open,
            Err(proposal) => return proposal,
        };
        let Some(learned) = learned else { return open.ask(situation, 1.0, open.expected()) };
        let price = hypothesis::price(
            &learned.hypotheses,
            &learned.belief.evidence,
            mixing,
            open.stock.on_hand.max(1),
            open.at,
            open.salvage,
            open.bounds,
        );
        open.ask(situation, price, learned.expected(open.at))
    }

    /// Reviews of a sale of that length, in microseconds: none is shorter than a second.
    fn reviews_of(&self, length: i128) -> i128 {
        i128::from(self.reviews).min(length / 1_000_000).max(1)
    }

    /// The review in which an instant lies, from 0.
    pub(super) fn review_of(&self, sale: (i64, i64), instant: i64) -> i128 {
        let length = (i128::from(sale.1) - i128::from(sale.0)).max(1);
        (i128::from(instant) - i128::from(sale.0)) * self.reviews_of(length) / length
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, message: String| problems.push(Problem { path: format!("{path}.{field}"), message });
        if self.reviews == 0 || self.reviews > 10_000 {
            problem("reviews", format!("{} is outside 1..=10000", self.reviews));
        }
        if let Leftover::PercentOfList(percent) = self.leftover
            && percent > 100
        {
            problem("leftover.percent_of_list", format!("{percent} is outside 0..=100"));
        }
        match (&self.ends, self.starts) {
            (PaceEnd::AfterFullMinutes(0), _) => {
                problem("ends.after_full_minutes", "the sale must last longer than 0 minutes".to_owned());
            }
            (PaceEnd::At(ends), Some(starts)) if *ends <= starts => {
                problem("ends.at", format!("the sale ends at {ends}, before it begins at {starts}"));
            }
            _ => {}
        }
        problems
    }
}

impl Open<'_> {
    /// Sales at list in the whole sale.
    pub(super) fn expected(&self) -> f64 {
        self.demand.per_hour * (self.sale.1 - self.sale.0) as f64 / 3.6e9
    }

    /// Asks for the price that stands.
    pub(super) fn keep(&self, situation: &Situation<'_>, standing: &Standing, buyers: f64) -> Proposal {
        let ratio = standing.price.minor as f64 / situation.list_price.minor as f64;
        let fired = if self.stock.on_hand == 0 { Fired::SoldOut } else { self.ask(situation, ratio, buyers).fired };
        Proposal { ask: Ask::Minor(standing.price.minor), ratio: Some(ratio), fired, next_due: self.next_due }
    }

    /// Asks for a price, because so many buyers are still expected at list.
    pub(super) fn ask(&self, situation: &Situation<'_>, ratio: f64, buyers: f64) -> Proposal {
        let list = situation.list_price.minor as f64;
        let minor = (ratio * list).round();
        // No price is a number that does not fit.
        if !(1.0..9e18).contains(&minor) || !buyers.is_finite() {
            return Proposal { next_due: self.next_due, ..Proposal::list(Fired::Unusable) };
        }
        let minutes = (self.sale.1 - situation.now.as_microsecond()) as f64 / 6e7;
        let fired = Fired::Expecting { buyers: buyers.round() as u64, minutes: minutes.ceil() as u64 };
        Proposal { ask: Ask::Minor(minor as i64), ratio: Some(ratio), fired, next_due: self.next_due }
    }

    /// What was learned so far, by these accounts of demand.
    pub(super) fn learn(&self, situation: &Situation<'_>, hypotheses: Vec<Hypothesis>, kind: u64) -> Learned {
        let assumptions = Assumptions {
            hypotheses: &hypotheses,
            expected: self.expected(),
            certainty: self.demand.certainty,
            fingerprint: self.fingerprint(situation, kind),
            restart: self.demand.restart,
        };
        let list = situation.list_price.minor as f64;
        let price = situation.previous.map(|standing| standing.price.minor as f64 / list);
        // Time is counted in whole reviews, and up to each change of stock: in between, looking at a SKU teaches nothing. A price that somebody
        // else changes within a review counts for all of it.
        let now = situation.now.as_microsecond();
        let nothing_new = |belief: &&Belief| belief.sale() == self.sale && belief.has_seen(self.stock.sold, self.stock.on_hand);
        let begun = self.sale.0
            + i64::try_from((i128::from(self.sale.1) - i128::from(self.sale.0)) * self.review.0 / self.review.1).unwrap_or(0);
        let now = situation.belief.filter(nothing_new).map_or(now, |belief| begun.max(belief.at()));
        let seen = Seen {
            sale: self.sale,
            now,
            changed: self.stock.changed_at.unwrap_or(situation.now).as_microsecond(),
            sold: self.stock.sold,
            on_hand: self.stock.on_hand,
            price,
        };
        let belief = Arc::new(Belief::updated(situation.belief, &assumptions, &seen));
        Learned { belief, hypotheses }
    }

    fn fingerprint(&self, situation: &Situation<'_>, kind: u64) -> u64 {
        let mut fingerprint = Fnv(0xcbf2_9ce4_8422_2325);
        fingerprint.write_u64(kind);
        fingerprint.write_i64(situation.list_price.minor);
        let demand = self.demand;
        for number in [demand.per_hour, demand.certainty, demand.sensitivity_sd.unwrap_or_default()] {
            fingerprint.write_u64(number.to_bits());
        }
        if let Some(restart) = demand.restart {
            fingerprint.write_u64(restart.ratio.to_bits());
            fingerprint.write_u64(restart.threshold.to_bits());
        }
        // Two points tell two families apart.
        for price in [0.5, 1.5] {
            fingerprint.write_u64(demand.family.demand(price).to_bits());
        }
        for part in situation.profile.iter().flat_map(|profile| &profile.0) {
            fingerprint.write_u64(part.to_bits());
        }
        fingerprint.finish()
    }
}

/// A belief with the hypotheses that it is about.
#[derive(Clone, Debug)]
pub struct Learned {
    /// What was learned.
    pub belief: Arc<Belief>,
    /// About what.
    pub hypotheses: Vec<Hypothesis>,
}

/// What is believed of one account of demand.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The account.
    pub hypothesis: &'a Hypothesis,
    /// How likely it is, 0 to 1; all sum to 1.
    pub weight: f64,
    /// Shape of the Gamma distribution of the sales at list in the whole sale.
    pub units: f64,
    /// Its rate.
    pub exposure: f64,
}

impl Learned {
    /// What is believed of each account.
    pub fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        let evidence = &self.belief.evidence;
        hypothesis::weights(evidence).zip(&self.hypotheses).zip(evidence).map(|((weight, hypothesis), evidence)| Account {
            hypothesis,
            weight,
            units: evidence.units,
            exposure: evidence.exposure,
        })
    }

    /// Sales at list that are still expected after `at`.
    pub(super) fn expected(&self, at: f64) -> f64 {
        hypothesis::expected(&self.hypotheses, &self.belief.evidence, at)
    }
}

/// FNV-1a: the same on each machine and in each release.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
