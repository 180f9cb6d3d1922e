//! The best prices from a menu, decided at set times, with what may not be done inside of the optimisation. A dynamic programme over
//! (review, units left, price that stands, changes still allowed); compare Bitran and Mondschein, Management Science 43(1), 1997.

use super::Family;

/// What a price may do from one review to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moves {
    /// It may rise.
    pub up: bool,
    /// It may fall.
    pub down: bool,
    /// As a share of the price that stands; `None`: any distance.
    pub max_step: Option<f64>,
}

impl Moves {
    /// Whether the price may go from `from` to `to`.
    pub fn allow(&self, from: f64, to: f64) -> bool {
        let direction = if to > from { self.up } else { self.down };
        let near = self.max_step.is_none_or(|step| (to - from).abs() <= from * step * (1.0 + 1e-9));
        to.to_bits() == from.to_bits() || (direction && near)
    }
}

/// What is decided about.
#[derive(Clone, Debug)]
pub struct Periods<'a> {
    /// Prices, ascending, as ratios to list.
    pub menu: &'a [f64],
    /// Sales at list between each review and the next.
    pub buyers: &'a [f64],
    /// How demand depends on the price.
    pub family: Family,
    /// What a unit left over is worth.
    pub salvage: f64,
    /// What may not be done.
    pub moves: Moves,
    /// How often the price may still change; `None`: at each review.
    pub changes: Option<u32>,
    /// More work than this, in additions, is refused.
    pub most_work: f64,
}

impl Periods<'_> {
    /// Work that a price may take: hundredths of a second.
    pub const WHILE_DECIDING: f64 = 1e7;
    /// Work that a study may take: a second.
    pub const IN_A_STUDY: f64 = 3e8;

    /// What `units` earn from the first review on, and which price of the menu to take there. `standing`: the price that stands and
    /// binds, of the menu or not; `None`: the first choice is free, and is no change.
    ///
    /// `None` when nothing may be chosen, or it is too much work.
    pub fn optimum(&self, units: usize, standing: Option<f64>) -> Option<(f64, usize)> {
        self.solve(units, standing, |_, _, allowed, worth| {
            allowed.max_by(|one, other| worth(*one).total_cmp(&worth(*other)).then(other.cmp(one)))
        })
    }

    /// What `units` earn under a policy: `choose(review, units, standing)` says which price it takes, which must be an allowed one.
    pub fn earnings(
        &self,
        units: usize,
        standing: Option<f64>,
        choose: impl Fn(usize, usize, Option<f64>) -> usize,
    ) -> Option<f64> {
        self.solve(units, standing, |review, state, _, _| Some(choose(review, state.0, state.1))).map(|(value, _)| value)
    }

    fn solve(
        &self,
        units: usize,
        standing: Option<f64>,
        pick: impl Fn(usize, (usize, Option<f64>), &mut dyn Iterator<Item = usize>, &dyn Fn(usize) -> f64) -> Option<usize>,
    ) -> Option<(f64, usize)> {
        let prices = self.menu.len();
        let levels = self.changes.map_or(1, |changes| (changes as usize).min(self.buyers.len()) + 1);
        let widest = self.buyers.iter().fold(0.0_f64, |most, buyers| most.max(*buyers)) * self.family.demand(*self.menu.first()?);
        let states = self.buyers.len() as f64 * prices as f64 * levels as f64 * (units as f64 + 1.0);
        let work = states * ((widest + 10.0 * widest.sqrt() + 10.0).min(units as f64 + 1.0) + prices as f64);
        if work.is_nan() || work > self.most_work || self.buyers.is_empty() {
            return None;
        }
        let place = |level: usize, price: usize, n: usize| (level * prices + price) * (units + 1) + n;
        let mut after: Vec<f64> = (0..levels * prices * (units + 1)).map(|at| (at % (units + 1)) as f64 * self.salvage).collect();
        let mut kept = after.clone();
        let mut first = None;
        for (review, buyers) in self.buyers.iter().enumerate().rev() {
            // With each price until the next review.
            for (price, ratio) in self.menu.iter().enumerate() {
                let chances = poisson(buyers * self.family.demand(*ratio), units);
                for level in 0..levels {
                    let row = place(level, price, 0);
                    for n in 0..=units {
                        kept[row + n] = sold(&chances, *ratio, &after[row..=row + n]);
                    }
                }
            }
            let choose = |level: usize, n: usize, from: Option<f64>| {
                let next = |to: usize| {
                    let changed =
                        usize::from(self.changes.is_some() && from.is_some_and(|from| from.to_bits() != self.menu[to].to_bits()));
                    level.checked_sub(changed)
                };
                let worth = |to: usize| next(to).map_or(f64::NEG_INFINITY, |level| kept[place(level, to, n)]);
                let allowed = |to: &usize| next(*to).is_some() && from.is_none_or(|from| self.moves.allow(from, self.menu[*to]));
                let to = pick(review, (n, from), &mut (0..prices).filter(allowed), &worth)?;
                Some((worth(to), to))
            };
            if review == 0 {
                first = choose(levels - 1, units, standing);
            } else {
                for level in 0..levels {
                    for from in 0..prices {
                        for n in 0..=units {
                            after[place(level, from, n)] = choose(level, n, Some(self.menu[from]))?.0;
                        }
                    }
                }
            }
        }
        first
    }
}

/// Expected earnings of an interval at `price`, and of what comes after it; `after[k]` is what `k` units are worth then.
fn sold(chances: &[f64], price: f64, after: &[f64]) -> f64 {
    let n = after.len() - 1;
    let (mut earned, mut seen) = (0.0, 0.0);
    for (sales, chance) in chances.iter().enumerate().take(n) {
        earned += chance * (price * sales as f64 + after[n - sales]);
        seen += chance;
    }
    // Everything is sold.
    earned + (1.0 - seen).max(0.0) * (price * n as f64 + after[0])
}

/// Chances of 0, 1, 2, ... sales, up to `most` or to where the rest is nothing.
fn poisson(mean: f64, most: usize) -> Vec<f64> {
    let log_mean = mean.max(1e-300).ln();
    let mut log = -mean;
    let mut chances = Vec::new();
    for sales in 0..=most {
        chances.push(log.exp());
        log += log_mean - (sales as f64 + 1.0).ln();
        if sales as f64 > mean && log < -42.0 {
            break;
        }
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::erlang;

    const ANY: Moves = Moves { up: true, down: true, max_step: None };
    const EXPONENTIAL: Family = Family::Exponential { sensitivity: 1.0 };

    fn menu(count: u32) -> Vec<f64> {
        (0..count).map(|price| 0.6 + 2.4 * f64::from(price) / f64::from(count - 1)).collect()
    }

    #[test]
    fn many_reviews_of_a_fine_menu_come_near_the_closed_form() {
        let (menu, buyers) = (menu(121), [20.0 / 96.0; 96]);
        let periods = Periods {
            menu: &menu,
            buyers: &buyers,
            family: EXPONENTIAL,
            salvage: 0.0,
            moves: ANY,
            changes: None,
            most_work: 1e9,
        };
        let fraction = periods.optimum(20, None).unwrap().0 / erlang::value(20, 20.0);
        assert!((0.9990..1.0).contains(&fraction), "{fraction}");
    }

    #[test]
    fn each_constraint_costs_what_it_costs_in_the_table() {
        // 48 reviews, 20 units: fractions of the optimum, computed independently.
        let menu = menu(121);
        for (market, moves, changes, expected) in [
            (20.0, Moves { up: false, ..ANY }, None, 99.13),
            (60.0, Moves { up: false, ..ANY }, None, 98.56),
            (20.0, Moves { down: false, ..ANY }, None, 99.50),
            (60.0, Moves { down: false, ..ANY }, None, 97.80),
            (20.0, ANY, Some(1), 99.37),
            (20.0, ANY, Some(5), 99.83),
            (20.0, Moves { max_step: Some(0.05), ..ANY }, None, 99.87),
        ] {
            let buyers = [market / 48.0; 48];
            let periods =
                Periods { menu: &menu, buyers: &buyers, family: EXPONENTIAL, salvage: 0.0, moves, changes, most_work: 1e9 };
            let fraction = 100.0 * periods.optimum(20, None).unwrap().0 / erlang::value(20, market);
            assert!((fraction - expected).abs() < 0.06, "{moves:?} {changes:?} at {market}: {fraction}, expected {expected}");
        }
    }

    #[test]
    fn a_policy_earns_at_most_the_optimum() {
        let (menu, buyers) = (menu(9), [1.5; 12]);
        let periods = Periods {
            menu: &menu,
            buyers: &buyers,
            family: EXPONENTIAL,
            salvage: 0.1,
            moves: ANY,
            changes: None,
            most_work: 1e9,
        };
        let best = periods.optimum(10, None).unwrap().0;
        for fixed in 0..9 {
            assert!(periods.earnings(10, None, |_, _, _| fixed).unwrap() <= best);
        }
    }
}
