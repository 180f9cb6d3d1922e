use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::{Learned, Sale};
use super::{Proposal, Situation};
use crate::market::menu::{Moves, Periods};
use crate::market::{Shape, hypothesis};

/// The best price out of a menu, looked at in the sale's reviews only, when the price may only fall, only rise, change but a few times, or
/// go but so far at once: what may not be done is part of the optimum, where a guardrail cuts it off afterwards. With demand known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DpFiniteMenu {
    /// When it is, and what is left over. `reviews` is how often the price may change at all: 48 loses a thousandth.
    pub sale: Sale,
    /// Prices in percent of list, ascending, 1 to 1000 each, at most 64.
    pub menu_percent: Vec<u32>,
    /// Which way it may move.
    #[serde(default, skip_serializing_if = "is_both")]
    pub direction: Direction,
    /// How often it may change in the sale, at most 1000; absent: at each review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_changes: Option<u32>,
    /// How far it may move at once, in percent of the price that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_step_percent: Option<u32>,
}

/// Which way a price may move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Up and down.
    #[default]
    Both,
    /// Down.
    MarkdownOnly,
    /// Up. Buyers who wait gain nothing by it.
    MarkupOnly,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_both(direction: &Direction) -> bool {
    *direction == Direction::Both
}

impl DpFiniteMenu {
    /// It learns nothing, but keeps count of its changes and of its reviews.
    pub(super) fn learn(&self, situation: &Situation<'_>) -> Option<Learned> {
        let open = self.sale.open(situation).ok()?;
        Some(open.learn(situation, Vec::new(), 3))
    }

    pub(super) fn propose(&self, situation: &Situation<'_>, learned: Option<&Learned>) -> Proposal {
        let open = match self.sale.open(situation) {
            Ok(open) => open,
            Err(proposal) => return proposal,
        };
        let shape = situation.shape().unwrap_or_else(Shape::flat);
        let expected = open.expected();
        let buyers = expected * shape.left(open.at);
        let list = situation.list_price.minor as f64;
        let belief = situation.belief.filter(|belief| belief.sale() == open.sale);
        let menu: Vec<f64> = self.menu_percent.iter().map(|percent| f64::from(*percent) / 100.0).collect();
        // A price of the menu is known by what it is rounded to.
        let standing = situation.previous.filter(|_| belief.is_some()).map(|standing| {
            let minor = standing.price.minor as f64;
            menu.iter().copied().find(|ratio| (ratio * list).round().to_bits() == minor.to_bits()).unwrap_or(minor / list)
        });
        let (review, reviews) = open.review;
        let reviewed = belief.is_some_and(|belief| self.sale.review_of(open.sale, belief.at()) == review);
        if let (true, Some(standing)) = (reviewed, situation.previous) {
            return open.keep(situation, standing, buyers);
        }
        let share = |number: i128| number as f64 / reviews as f64;
        let slices: Vec<f64> =
            (review..reviews).map(|number| expected * (shape.left(share(number)) - shape.left(share(number + 1)))).collect();
        let made = learned.map_or(0, |learned| learned.belief.changes());
        let periods = Periods {
            menu: &menu,
            buyers: &slices,
            family: open.demand.family,
            salvage: open.salvage,
            moves: Moves {
                up: self.direction != Direction::MarkdownOnly,
                down: self.direction != Direction::MarkupOnly,
                max_step: self.max_step_percent.map(|percent| f64::from(percent) / 100.0),
            },
            changes: self.max_changes.map(|most| most.saturating_sub(made)),
            most_work: Periods::WHILE_DECIDING,
        };
        let units = open.stock.on_hand.max(1);
        let best = usize::try_from(units).ok().and_then(|units| periods.optimum(units, standing)).map(|(_, place)| menu[place]);
        // More units than a programme can go through: chance matters little then, and the nearest price that is allowed is as good.
        let fluid = hypothesis::fluid(open.demand.family, units, buyers, open.salvage, open.bounds);
        let allowed = |ratio: &f64| {
            standing.is_none_or(|standing| {
                let stays = standing.to_bits() == ratio.to_bits();
                stays || (periods.changes != Some(0) && periods.moves.allow(standing, *ratio))
            })
        };
        let nearest = || {
            let distance = |ratio: f64| (ratio - fluid).abs();
            menu.iter().copied().filter(allowed).min_by(|one, other| distance(*one).total_cmp(&distance(*other)))
        };
        open.ask(situation, best.or_else(nearest).or(standing).unwrap_or(1.0), buyers)
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = self.sale.problems(&format!("{path}.sale"));
        let mut problem = |field: &str, message: String| problems.push(Problem { path: format!("{path}.{field}"), message });
        let ascending = self.menu_percent.windows(2).all(|pair| pair[0] < pair[1]);
        let legal = self.menu_percent.iter().all(|percent| (1..=1_000).contains(percent));
        if self.menu_percent.is_empty() || self.menu_percent.len() > 64 || !ascending || !legal {
            problem("menu_percent", "must be 1 to 64 prices in percent of list, ascending, each 1 to 1000".to_owned());
        }
        if self.sale.reviews > 1_000 {
            problem("sale.reviews", format!("{} is outside 1..=1000", self.sale.reviews));
        }
        if self.max_changes.is_some_and(|changes| changes > 1_000) {
            problem("max_changes", "must be at most 1000".to_owned());
        }
        if self.max_step_percent == Some(0) {
            problem("max_step_percent", "must be above 0".to_owned());
        }
        problems
    }
}
