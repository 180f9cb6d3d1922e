use std::collections::BTreeMap;

use pricestream_domain::Currency;

use super::{Arm, StopRules, TrialAccount};

/// What the SKUs of a rollout did, summed up: an account at a time, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Of the settings that the stage began with.
    pub number: u64,
    /// SKUs that the rollout concerns and that were decided in this stage.
    pub skus: u64,
    /// SKUs that it concerns, still to be decided in this stage.
    pub pending: u64,
    /// SKUs whose candidate price is refused, or too far from that of the strategies in force.
    pub breaches: u64,
    /// Sum of the distances of the candidate's price, in hundredths of a percent, and how many there are.
    apart: (f64, u64),
    arms: BTreeMap<Currency, [Sums; 2]>,
}

/// Of one arm: what was taken (y) of what the goods are worth at list price (x), in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    skus: u64,
    selling: u64,
    units: u64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

/// Canary against control, in one currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Of both.
    pub currency: Currency,
    /// SKUs of canary and control.
    pub skus: [u64; 2],
    /// Those of them that have sold.
    pub selling: [u64; 2],
    /// Units that they sold.
    pub units: [u64; 2],
    /// What was taken as a share of what the goods were worth at list price when the stage began.
    pub share: [f64; 2],
    /// The canary's share less the control's.
    pub difference: f64,
    /// Its standard error if both sides do alike: of ratios of sums over independent SKUs.
    pub standard_error: f64,
}

#[allow(clippy::cast_precision_loss, reason = "sums of money over many SKUs, compared by their spread")]
impl Tally {
    /// Of a stage that nothing was counted of yet.
    pub fn of_stage(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// Counts the account of one SKU in the present stage.
    pub fn count(&mut self, account: &TrialAccount) {
        self.skus += 1;
        self.breaches += u64::from(account.breach.is_some());
        if let Some(apart) = account.apart_bp {
            self.apart = (self.apart.0 + apart as f64, self.apart.1 + 1);
        }
        let arm = match account.arm {
            Arm::Shadow => return,
            Arm::Canary => 0,
            Arm::Control => 1,
        };
        let sums = &mut self.arms.entry(account.currency).or_default()[arm];
        let x = account.worth as f64;
        let y = account.takings as f64;
        sums.skus += 1;
        sums.selling += u64::from(account.units > 0);
        sums.units += account.units;
        for (sum, add) in
            [&mut sums.x, &mut sums.y, &mut sums.xx, &mut sums.xy, &mut sums.yy].into_iter().zip([x, y, x * x, x * y, y * y])
        {
            *sum += add;
        }
    }

    /// How far the candidate's prices lie from those of the strategies in force, on average, in hundredths of a percent.
    pub fn mean_apart_bp(&self) -> Option<f64> {
        (self.apart.1 > 0).then(|| self.apart.0 / self.apart.1 as f64)
    }

    /// Canary against control, a currency at a time.
    pub fn comparisons(&self) -> impl Iterator<Item = Comparison> {
        self.arms.iter().map(|(currency, arms)| {
            let share = |taken: f64, worth: f64| if worth > 0.0 { taken / worth } else { 0.0 };
            let [canary, control] = *arms;
            // As if both did alike: what it is held against.
            let alike = share(canary.y + control.y, canary.x + control.x);
            Comparison {
                currency: *currency,
                skus: arms.map(|sums| sums.skus),
                selling: arms.map(|sums| sums.selling),
                units: arms.map(|sums| sums.units),
                share: arms.map(|sums| share(sums.y, sums.x)),
                difference: share(canary.y, canary.x) - share(control.y, control.x),
                standard_error: (canary.variance(alike) + control.variance(alike)).sqrt(),
            }
        })
    }

    /// Why the rollout must stop; `None`: it may go on.
    pub fn harm(&self, rules: &StopRules) -> Option<String> {
        // Of all that it concerns: those that happen to be decided first are no fair sample.
        let all = self.skus + self.pending;
        if self.breaches * 100 > u64::from(rules.most_breaches_percent) * all {
            return Some(format!(
                "the candidate's price is refused or too far from that in force for {} of {all} SKUs, more than {} %",
                self.breaches, rules.most_breaches_percent
            ));
        }
        let harmful = self.comparisons().find(|comparison| comparison.is_harm(rules))?;
        let [canary, control] = harmful.share;
        Some(format!(
            "the canary took {:.2} % of what its goods are worth at list price, the rest {:.2} %: {:.1} standard errors less ({})",
            100.0 * canary,
            100.0 * control,
            -harmful.difference / harmful.standard_error,
            harmful.currency
        ))
    }
}

#[allow(clippy::cast_precision_loss, reason = "as above")]
impl Comparison {
    /// Whether enough SKUs sell to judge by: so many of the control have sold, and would have of the canary if it did as well.
    pub fn is_judged(&self, rules: &StopRules) -> bool {
        let least = f64::from(rules.least_skus);
        let [canary, control] = self.skus.map(|skus| skus as f64);
        let selling = self.selling[1] as f64;
        selling >= least && control > 0.0 && canary * selling / control >= least
    }

    fn is_harm(&self, rules: &StopRules) -> bool {
        let tolerated = self.share[1] * f64::from(rules.tolerance_bp.get()) / 10_000.0;
        self.is_judged(rules) && self.difference + tolerated < -f64::from(rules.standard_errors) * self.standard_error
    }
}

#[allow(clippy::cast_precision_loss, reason = "as above")]
impl Sums {
    /// The variance of the ratio of the sums around `ratio`, by linearisation (Cochran 1977, section 6.4): that of the residuals y - R x.
    fn variance(&self, ratio: f64) -> f64 {
        if self.x <= 0.0 || self.skus < 2 {
            return 0.0;
        }
        let n = self.skus as f64;
        let residuals = (self.yy - 2.0 * ratio * self.xy + ratio * ratio * self.xx).max(0.0);
        residuals * n / (n - 1.0) / (self.x * self.x)
    }
}
