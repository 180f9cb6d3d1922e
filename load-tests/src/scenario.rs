//! What is done to a target, as a file says it.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// A load, as its file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, in a sentence.
    pub about: String,
    /// How long it lasts.
    pub seconds: f64,
    /// It goes on as it begins, so that the server's memory must not grow in it.
    #[serde(default)]
    pub steady: bool,
    /// SKUs in the catalogue.
    pub skus: usize,
    /// Stock changes.
    #[serde(default)]
    pub changes: Changes,
    /// Reads of single prices.
    #[serde(default)]
    pub reads: Load,
    /// Clients of the live stream.
    #[serde(default)]
    pub streams: Streams,
    /// Promotions that begin while it runs.
    #[serde(default)]
    pub promotions: Option<Promotions>,
    /// Shoppers who order what is on a limited promotion.
    #[serde(default)]
    pub orders: Option<Orders>,
    /// The changes are those of a recording (`--recording`), so many times faster than they were.
    #[serde(default)]
    pub recording_speed: Option<f64>,
}

/// Arrivals that do not wait for answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Rates at instants, linear in between: `[second, per_second]`, or `[second, "5%"]` of what the target can take.
    #[serde(default)]
    pub rate: Vec<(f64, Rate)>,
}

/// Stock changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// As of [`Load`].
    #[serde(default)]
    pub rate: Vec<(f64, Rate)>,
    /// Share of the changes that are of one SKU, 0..=1.
    #[serde(default)]
    pub hot_share: f64,
    /// At this second every SKU is restocked, within a second.
    #[serde(default)]
    pub restock_at: Option<f64>,
}

/// A rate.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Rate {
    /// In a second.
    PerSecond(f64),
    /// "5%" of the changes that the target can take.
    OfCapacity(String),
}

/// Clients of the live stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Streams {
    /// How many, besides the one that measures freshness.
    pub clients: usize,
    /// SKUs that each asks for.
    pub skus_each: usize,
    /// At these seconds all of them lose their connection and come back at once.
    pub reconnect_at: Vec<f64>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { clients: 0, skus_each: 10, reconnect_at: Vec::new() }
    }
}

/// Promotions that begin at one instant, as at midnight: each takes a tenth off one SKU.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotions {
    /// How many.
    pub count: usize,
    /// The second at which they begin.
    pub begin_at: f64,
}

/// Shoppers who order one unit of the first SKU at half the price, while there is any.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// Shoppers, as of [`Load`].
    pub rate: Vec<(f64, Rate)>,
    /// Units at that price.
    pub units: u64,
}

impl Scenario {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no scenario", file.display()))
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        ensure!(scenario.seconds > 0.0 && scenario.seconds <= 86_400.0, "seconds is outside 0 (excluded) to 86400");
        ensure!((1..=1_000_000).contains(&scenario.skus), "skus is outside 1..=1000000");
        ensure!((0.0..=1.0).contains(&scenario.changes.hot_share), "changes.hot_share is outside 0..=1");
        ensure!(scenario.streams.clients <= 20_000, "streams.clients is above 20000");
        ensure!((1..=1_000).contains(&scenario.streams.skus_each), "streams.skus_each is outside 1..=1000");
        let promotions = scenario.promotions.as_ref().map_or(0, |promotions| promotions.count);
        ensure!(promotions <= scenario.skus, "promotions.count is above skus: two of one SKU would stack");
        scenario.rates(1.0)?;
        Ok(scenario)
    }

    /// All rates, by a capacity in changes a second: changes, reads, orders.
    pub fn rates(&self, capacity: f64) -> Result<[Profile; 3]> {
        let orders = self.orders.as_ref().map_or(&[][..], |orders| &orders.rate);
        Ok([
            Profile::of(&self.changes.rate, capacity).context("changes.rate")?,
            Profile::of(&self.reads.rate, capacity).context("reads.rate")?,
            Profile::of(orders, capacity).context("orders.rate")?,
        ])
    }

    /// Whether a rate is of what the target can take, so that this must be known.
    pub fn needs_capacity(&self) -> bool {
        let orders = self.orders.iter().flat_map(|orders| &orders.rate);
        self.changes.rate.iter().chain(&self.reads.rate).chain(orders).any(|(_, rate)| matches!(rate, Rate::OfCapacity(_)))
    }

    /// Cut to `seconds`, everything in it sooner in proportion.
    #[must_use]
    pub fn shortened(mut self, seconds: f64) -> Self {
        let factor = seconds / self.seconds;
        let sooner = |rate: &mut Vec<(f64, Rate)>| rate.iter_mut().for_each(|(at, _)| *at *= factor);
        sooner(&mut self.changes.rate);
        sooner(&mut self.reads.rate);
        self.orders.iter_mut().for_each(|orders| sooner(&mut orders.rate));
        self.streams.reconnect_at.iter_mut().for_each(|at| *at *= factor);
        self.changes.restock_at = self.changes.restock_at.map(|at| at * factor);
        self.promotions.iter_mut().for_each(|promotions| promotions.begin_at *= factor);
        self.seconds = seconds;
        self
    }
}

/// A rate over time: instants with rates a second, linear in between, level before and after.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile(Vec<(f64, f64)>);

impl Profile {
    fn of(points: &[(f64, Rate)], capacity: f64) -> Result<Self> {
        let mut profile = Vec::new();
        for (at, rate) in points {
            let rate = match rate {
                Rate::PerSecond(rate) => *rate,
                Rate::OfCapacity(text) => {
                    let percent: f64 = text.strip_suffix('%').and_then(|percent| percent.trim().parse().ok()).with_context(|| {
                        format!("{text:?} is no rate: a number in a second, or a share of what the target can take, such as \"5%\"")
                    })?;
                    percent / 100.0 * capacity
                }
            };
            ensure!(rate.is_finite() && (0.0..=1e6).contains(&rate), "{rate} in a second is outside 0 to 1e6");
            if profile.last().is_some_and(|(before, _)| before >= at) || *at < 0.0 {
                bail!("second {at} does not come after the one before it");
            }
            profile.push((*at, rate));
        }
        Ok(Self(profile))
    }

    /// Of a level rate.
    pub fn level(rate: f64) -> Self {
        Self(vec![(0.0, rate)])
    }

    /// In a second, at an instant.
    pub fn at(&self, second: f64) -> f64 {
        let points = &self.0;
        let after = points.partition_point(|(at, _)| *at <= second);
        match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (second - from) / (to - from),
            (Some((_, rate)), None) | (None, Some((_, rate))) => *rate,
            (None, None) => 0.0,
        }
    }

    /// The largest.
    pub fn most(&self) -> f64 {
        self.0.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
    }

    /// Instants of arrivals in `seconds`, by chance: each moment is as likely as its rate says, whatever came before it.
    pub fn arrivals(&self, seconds: f64, seed: u64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(seed);
        let most = self.most();
        let mut arrivals = Vec::new();
        if most <= 0.0 {
            return arrivals;
        }
        let mut now = 0.0;
        loop {
            now += -(1.0 - random.f64()).ln() / most;
            if now >= seconds {
                return arrivals;
            }
            if random.f64() * most < self.at(now) {
                arrivals.push(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_linear_between_its_points_and_level_outside() {
        let profile = Profile(vec![(1.0, 10.0), (2.0, 110.0)]);
        for (at, rate) in [(0.0, 10.0), (1.0, 10.0), (1.5, 60.0), (2.0, 110.0), (9.0, 110.0)] {
            assert!((profile.at(at) - rate).abs() < 1e-9, "{at}");
        }
    }

    #[test]
    fn arrivals_come_as_often_as_the_rate_says() {
        let profile = Profile(vec![(0.0, 1_000.0), (10.0, 1_000.0), (10.001, 100.0)]);
        let arrivals = profile.arrivals(20.0, 7);
        let early = arrivals.iter().filter(|at| **at < 10.0).count();
        // Four standard deviations.
        assert!(early.abs_diff(10_000) < 400 && (arrivals.len() - early).abs_diff(1_000) < 130, "{early} of {}", arrivals.len());
        assert!(arrivals.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(arrivals, profile.arrivals(20.0, 7), "equal seeds give equal loads");
    }

    #[test]
    fn what_is_no_scenario_is_refused_with_its_place() {
        let told = |text: &str| format!("{:#}", Scenario::parse(text).unwrap_err());
        for (text, why) in [
            ("about = 'x'\nseconds = 0\nskus = 1", "seconds"),
            ("about = 'x'\nseconds = 1\nskus = 0", "skus"),
            ("about = 'x'\nseconds = 1\nskus = 1\nspeed = 2", "speed"),
            ("about = 'x'\nseconds = 1\nskus = 1\n[changes]\nrate = [[0, 'fast']]", "is no rate"),
            ("about = 'x'\nseconds = 1\nskus = 1\n[changes]\nrate = [[1, 5], [0, 5]]", "changes.rate"),
            ("about = 'x'\nseconds = 1\nskus = 1\n[changes]\nhot_share = 2.0", "hot_share"),
            ("about = 'x'\nseconds = 1\nskus = 1\n[promotions]\ncount = 2\nbegin_at = 0.5", "promotions.count"),
        ] {
            assert!(told(text).contains(why), "{text}: {}", told(text));
        }
    }
}
