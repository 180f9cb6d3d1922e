use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hypothesis::{self, Evidence, Hypothesis};

/// What a SKU's sale has taught so far: sufficient statistics, no list of events. Kept with the price record and written under its
/// condition, from absolute counts: an event that comes twice or late teaches nothing twice.
///
/// As text it is base64 of its bytes, so that each number reads back as it was, to the last bit. Below 1 KiB.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// Fingerprint of what it assumes: hypotheses, prior and reference price. Under other assumptions it counts for nothing.
    assumes: u64,
    /// Begin and end of the sale, in microseconds of the epoch.
    sale: (i64, i64),
    /// Counted until here, in microseconds of the epoch; never goes back.
    at: i64,
    /// The inventory's count of units sold, as of then.
    sold: u64,
    /// Sellable units, as of then.
    on_hand: u64,
    /// Units sold in a whole sale at the pace of late: time-decayed, half of it from the last tenth of the sale.
    velocity: f64,
    /// The price that stood last, as a ratio to the reference price; 0 before any was seen.
    price: f64,
    /// How often it changed in this sale.
    changes: u64,
    /// Sums of Poisson tests for more, and for less, than was expected.
    drift: [f64; 2],
    /// One for each hypothesis.
    pub(crate) evidence: Vec<Evidence>,
}

/// What is looked at to learn.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Begin and end of the sale, in microseconds of the epoch; the end is later.
    pub sale: (i64, i64),
    /// The instant, likewise.
    pub now: i64,
    /// When stock last changed, likewise, by the source's clock.
    pub changed: i64,
    /// The inventory's count of units sold.
    pub sold: u64,
    /// Sellable units.
    pub on_hand: u64,
    /// The price that stood until now, as a ratio to the reference price; `None` while there was none.
    pub price: Option<f64>,
}

/// What is assumed before a sale.
#[derive(Clone, Copy, Debug)]
pub struct Assumptions<'a> {
    /// The accounts of demand.
    pub hypotheses: &'a [Hypothesis],
    /// Sales at list in the whole sale.
    pub expected: f64,
    /// As if so many sales had been seen.
    pub certainty: f64,
    /// Of all of it.
    pub fingerprint: u64,
    /// Begin anew, from the present estimate, when sales stray.
    pub restart: Option<Restart>,
}

/// A Poisson CUSUM test (Lucas 1985).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// The change of pace that it looks for, above 1: twice as many buyers, or half as many.
    pub ratio: f64,
    /// The sum at which it is believed, above 0. 5 is usual.
    pub threshold: f64,
}

/// Share of the sale in which the velocity forgets half.
const HALF_LIFE: f64 = 0.1;

impl Belief {
    /// After what was seen since `previous`.
    pub fn updated(previous: Option<&Self>, assumptions: &Assumptions<'_>, seen: &Seen) -> Self {
        let same = |belief: &&Self| {
            belief.assumes == assumptions.fingerprint
                && belief.sale == seen.sale
                && belief.evidence.len() == assumptions.hypotheses.len()
        };
        let Some(previous) = previous.filter(same) else { return Self::before(assumptions, seen) };
        // Counts only rise: this was seen before what is known.
        if seen.sold < previous.sold {
            return previous.clone();
        }
        let mut belief = previous.clone();
        let now = seen.now.clamp(belief.at, belief.at.max(belief.sale.1));
        let sold = seen.sold.saturating_sub(belief.sold) as f64;
        let changed = seen.changed.clamp(belief.at, now);
        // Where nothing could be bought nothing is learned.
        let (from, to) = match (belief.on_hand, seen.on_hand) {
            (0, 0) => (now, now),
            (0, _) => (changed, now),
            (_, 0) => (belief.at, changed),
            _ => (belief.at, now),
        };
        if let Some(price) = seen.price.filter(|price| price.is_finite() && *price > 0.0)
            && (to > from || sold > 0.0)
        {
            belief.observe(assumptions, (belief.share(from), belief.share(to)), price, sold);
        }
        // What never stood for a moment was seen by nobody.
        if let Some(price) = seen.price.filter(|_| now > previous.at) {
            belief.changes += u64::from(belief.price > 0.0 && belief.price.to_bits() != price.to_bits());
            belief.price = price;
        }
        belief.at = now;
        belief.sold = belief.sold.max(seen.sold);
        belief.on_hand = seen.on_hand;
        belief
    }

    fn before(assumptions: &Assumptions<'_>, seen: &Seen) -> Self {
        let before = |hypothesis| Evidence::before(hypothesis, assumptions.expected, assumptions.certainty);
        Self {
            assumes: assumptions.fingerprint,
            sale: seen.sale,
            at: seen.now.clamp(seen.sale.0, seen.sale.1),
            sold: seen.sold,
            on_hand: seen.on_hand,
            velocity: 0.0,
            price: 0.0,
            changes: 0,
            drift: [0.0; 2],
            evidence: assumptions.hypotheses.iter().map(before).collect(),
        }
    }

    fn observe(&mut self, assumptions: &Assumptions<'_>, (from, to): (f64, f64), price: f64, sold: f64) {
        let hypotheses = assumptions.hypotheses;
        if let Some(restart) = assumptions.restart {
            let expected: f64 = hypothesis::weights(&self.evidence)
                .zip(hypotheses)
                .zip(&self.evidence)
                .map(|((weight, hypothesis), evidence)| {
                    weight
                        * evidence.mean()
                        * hypothesis.family.demand(price)
                        * (hypothesis.shape.left(from) - hypothesis.shape.left(to))
                })
                .sum();
            for (drift, ratio) in self.drift.iter_mut().zip([restart.ratio, 1.0 / restart.ratio]) {
                *drift = (*drift + sold * ratio.ln() - (ratio - 1.0) * expected).max(0.0);
            }
            if self.drift.iter().any(|drift| *drift >= restart.threshold) {
                self.drift = [0.0; 2];
                for evidence in &mut self.evidence {
                    let mean = evidence.mean();
                    evidence.units = evidence.units.min(assumptions.certainty.min(1.0));
                    evidence.exposure = evidence.units / mean;
                }
            }
        }
        for (evidence, hypothesis) in self.evidence.iter_mut().zip(hypotheses) {
            evidence.observe(hypothesis, (from, to), price, sold);
        }
        // Only differences count; kept near 0 so that they stay exact.
        let top = self.evidence.iter().map(|evidence| evidence.log_weight).fold(f64::NEG_INFINITY, f64::max);
        for evidence in &mut self.evidence {
            evidence.log_weight = (evidence.log_weight - top).max(-1e3);
        }
        self.velocity = self.velocity * (-(to - from) / HALF_LIFE).exp2() + sold * std::f64::consts::LN_2 / HALF_LIFE;
    }

    /// Whether it is about the same sale under the same assumptions as an `earlier` one, and so counts what that has counted.
    pub fn continues(&self, earlier: &Self) -> bool {
        (self.assumes, self.sale, self.evidence.len()) == (earlier.assumes, earlier.sale, earlier.evidence.len())
    }

    /// Where an instant lies in the sale, 0..=1.
    pub fn share(&self, at: i64) -> f64 {
        share(self.sale, at)
    }

    /// Units sold in an hour, at the pace of late.
    pub fn velocity_per_hour(&self) -> f64 {
        self.velocity * 3.6e9 / (self.sale.1 - self.sale.0) as f64
    }

    /// Nothing but time is new.
    pub fn has_seen(&self, sold: u64, on_hand: u64) -> bool {
        self.sold == sold && self.on_hand == on_hand
    }

    /// How often the price changed in this sale.
    pub fn changes(&self) -> u32 {
        u32::try_from(self.changes).unwrap_or(u32::MAX)
    }

    /// Counted until here, in microseconds of the epoch.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// Begin and end of the sale, in microseconds of the epoch.
    pub fn sale(&self) -> (i64, i64) {
        self.sale
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        let mut put = |eight: [u8; 8]| bytes.extend(eight);
        put(self.assumes.to_le_bytes());
        for instant in [self.sale.0, self.sale.1, self.at] {
            put(instant.to_le_bytes());
        }
        for count in [self.sold, self.on_hand, self.changes] {
            put(count.to_le_bytes());
        }
        for number in [self.velocity, self.price, self.drift[0], self.drift[1]] {
            put(number.to_le_bytes());
        }
        for evidence in &self.evidence {
            for number in [evidence.log_weight, evidence.units, evidence.exposure] {
                put(number.to_le_bytes());
            }
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let evidence = rest.len().checked_sub(HEAD)?;
        if *format != FORMAT || evidence % 24 != 0 {
            return None;
        }
        let mut eights = rest.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().expect("eight bytes")));
        let mut next = || eights.next();
        let belief = Self {
            assumes: next()?,
            sale: (next()?.cast_signed(), next()?.cast_signed()),
            at: next()?.cast_signed(),
            sold: next()?,
            on_hand: next()?,
            changes: next()?,
            velocity: f64::from_bits(next()?),
            price: f64::from_bits(next()?),
            drift: [f64::from_bits(next()?), f64::from_bits(next()?)],
            evidence: std::iter::from_fn(|| {
                Some(Evidence {
                    log_weight: f64::from_bits(next()?),
                    units: f64::from_bits(next()?),
                    exposure: f64::from_bits(next()?),
                })
            })
            .collect(),
        };
        let sound = |evidence: &Evidence| {
            evidence.log_weight.is_finite() && evidence.units > 0.0 && evidence.exposure > 0.0 && evidence.mean().is_finite()
        };
        (belief.sale.0 < belief.sale.1 && belief.evidence.iter().all(sound)).then_some(belief)
    }
}

/// Where an instant lies in a sale, 0..=1.
pub fn share(sale: (i64, i64), at: i64) -> f64 {
    let length = sale.1.saturating_sub(sale.0).max(1) as f64;
    (at.saturating_sub(sale.0) as f64 / length).clamp(0.0, 1.0)
}

/// First byte of a belief's bytes.
const FORMAT: u8 = 1;

/// Bytes after it, before the evidence.
const HEAD: usize = 11 * 8;

/// The text holds no belief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this text holds no belief of this version: remove it, and the SKU learns anew")]
pub struct NoBelief;

impl std::str::FromStr for Belief {
    type Err = NoBelief;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        BASE64.decode(text).ok().as_deref().and_then(Self::from_bytes).ok_or(NoBelief)
    }
}

impl std::fmt::Display for Belief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64.encode(self.bytes()))
    }
}

impl Serialize for Belief {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Belief {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::market::{Family, library};

    fn hypotheses() -> Vec<Hypothesis> {
        let family = Family::Exponential { sensitivity: 2.0 };
        library().iter().map(|template| Hypothesis::of(template, family)).collect()
    }

    /// Sales at instants of an hour's sale, each with what was known then.
    fn sightings() -> impl Strategy<Value = Vec<Seen>> {
        proptest::collection::vec((1..60_000_000_i64, 0..3_u64, 0.5_f64..2.0), 1..40).prop_map(|steps| {
            let (mut now, mut sold) = (0, 0);
            let mut seen = Vec::new();
            for (later, units, price) in steps {
                now += later;
                sold += units;
                let on_hand = 200 - sold;
                seen.push(Seen { sale: (0, 3_600_000_000), now, changed: now, sold, on_hand, price: Some(price) });
            }
            seen
        })
    }

    fn learn(belief: Option<&Belief>, seen: &Seen) -> Belief {
        let hypotheses = hypotheses();
        let assumptions = Assumptions { hypotheses: &hypotheses, expected: 50.0, certainty: 1.0, fingerprint: 1, restart: None };
        Belief::updated(belief, &assumptions, seen)
    }

    proptest! {
        /// Counts are absolute: what comes twice, or late, teaches nothing.
        #[test]
        fn a_belief_does_not_change_under_duplicates_and_reordering(seen in sightings(), late in 0..40_usize) {
            let plain = seen.iter().fold(None, |belief, seen| Some(learn(belief.as_ref(), seen))).unwrap();
            let doubled = seen.iter().enumerate().fold(None, |mut belief, (number, one)| {
                belief = Some(learn(belief.as_ref(), one));
                belief = Some(learn(belief.as_ref(), one));
                // An older one once more.
                let older = &seen[late.min(number)];
                if older.sold < one.sold {
                    belief = Some(learn(belief.as_ref(), older));
                }
                belief
            });
            prop_assert_eq!(doubled.unwrap(), plain);
        }

        /// Several sales between two looks are the same sales as one by one, but for when in between they were.
        #[test]
        fn what_is_seen_at_once_counts_as_much(units in 1..100_u64) {
            let at = |now, sold| Seen { sale: (0, 3_600_000_000), now, changed: now, sold, on_hand: 500 - sold, price: Some(1.0) };
            let begin = learn(None, &at(0, 0));
            let once = learn(Some(&begin), &at(1_800_000_000, units));
            let each = (1..=units).fold(begin, |belief, sold| {
                learn(Some(&belief), &at(1_800_000_000 / units.cast_signed() * sold.cast_signed(), sold))
            });
            // The hypothesis that nothing is forgotten of.
            prop_assert!((once.evidence[0].units - each.evidence[0].units).abs() < 1e-9);
            prop_assert!((once.evidence[0].exposure - each.evidence[0].exposure).abs() < 1e-6);
        }
    }

    #[test]
    fn while_nothing_is_in_stock_nothing_is_learned() {
        let at = |now, sold, on_hand| Seen { sale: (0, 1_000), now, changed: now, sold, on_hand, price: Some(1.0) };
        let sold_out = learn(Some(&learn(None, &at(0, 0, 5))), &at(500, 5, 0));
        let later = learn(Some(&sold_out), &at(900, 5, 0));
        assert_eq!(sold_out.evidence, later.evidence);
        let in_stock = learn(Some(&learn(None, &at(0, 0, 5))), &at(900, 5, 1));
        assert!(in_stock.evidence[0].exposure > later.evidence[0].exposure, "the same sales in more time are less demand");
    }

    #[test]
    fn a_change_of_pace_is_noticed_by_the_test_for_it() {
        let hypotheses = [Hypothesis { weight: 1.0, ..hypotheses()[0].clone() }];
        let mean = |restart| {
            let assumptions = Assumptions { hypotheses: &hypotheses, expected: 20.0, certainty: 10.0, fingerprint: 1, restart };
            let at = |now, sold| Seen { sale: (0, 1_000), now, changed: now, sold, on_hand: 500, price: Some(1.0) };
            let begin = Belief::updated(None, &assumptions, &at(0, 0));
            // As expected for 400, then five times as fast.
            let calm = (1..=8)
                .fold(begin, |belief, sold| Belief::updated(Some(&belief), &assumptions, &at(50 * u64::cast_signed(sold), sold)));
            let rush = (1..=20_i64).fold(calm, |belief, more| {
                Belief::updated(Some(&belief), &assumptions, &at(400 + 10 * more, 8 + more.cast_unsigned()))
            });
            rush.evidence[0].mean()
        };
        let (plain, alert) = (mean(None), mean(Some(Restart { ratio: 2.0, threshold: 5.0 })));
        assert!(alert > 1.4 * plain, "{alert} {plain}");
    }

    #[test]
    fn a_text_that_holds_no_belief_is_refused() {
        let text = learn(None, &Seen { sale: (0, 10), now: 0, changed: 0, sold: 0, on_hand: 1, price: None }).to_string();
        assert!(text.parse::<Belief>().is_ok());
        for broken in ["", "AA", &text[..text.len() - 4], "!!!!", &text.replace('A', "B")] {
            assert_eq!(broken.parse::<Belief>(), Err(NoBelief), "{broken:?}");
        }
    }
}
