//! Whether the server's memory grows with what has happened, of a run that is long enough to tell.

use serde::Serialize;

use crate::outcome::{Check, Sample};

/// Shorter runs cannot tell growth from filling up.
const LEAST_SECONDS: f64 = 600.0;

/// Share of the run that is left out at its begin: caches fill up then.
const WARM_UP: f64 = 0.25;

/// What is left is cut into so many blocks: samples beside each other are alike, means of long blocks are not.
const BLOCKS: usize = 12;

/// Student's t for a two-sided interval of 95 % with ten degrees of freedom: the blocks less slope and mean.
const T: f64 = 2.228;

/// More than this share of the memory in an hour is a leak.
const MOST: f64 = 0.01;

/// The trend of the memory after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// Mean.
    pub mib: f64,
    /// Slope of a straight line through the means of the blocks.
    pub mib_per_hour: f64,
    /// Half of its interval of 95 %.
    pub plus_minus: f64,
}

impl Drift {
    /// Of the samples of a run of `seconds`; `None` when it was too short, or memory was not seen.
    pub(crate) fn of(samples: &[Sample], seconds: f64) -> Option<Self> {
        if seconds < LEAST_SECONDS {
            return None;
        }
        let (begin, count) = (seconds * WARM_UP, f64::from(u32::try_from(BLOCKS).ok()?));
        let length = (seconds - begin) / count;
        let mut blocks = [(0.0, 0.0); BLOCKS];
        for sample in samples.iter().filter(|sample| sample.second >= begin && sample.second < seconds) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to the number of blocks")]
            let block = (((sample.second - begin) / length) as usize).min(BLOCKS - 1);
            blocks[block].0 += sample.server_mib?;
            blocks[block].1 += 1.0;
        }
        let means: Vec<f64> = blocks.iter().map(|(sum, count)| sum / count).filter(|mean| mean.is_finite()).collect();
        if means.len() < BLOCKS {
            return None;
        }
        let mib = means.iter().sum::<f64>() / count;
        let hours = |block: f64| (block - (count - 1.0) / 2.0) * length / 3_600.0;
        let at = || (0..).map(|block: u32| hours(f64::from(block))).zip(&means);
        let spread: f64 = at().map(|(at, _)| at * at).sum();
        let slope = at().map(|(at, mean)| at * (mean - mib)).sum::<f64>() / spread;
        let residuals: f64 = at().map(|(at, mean)| (mean - mib - slope * at).powi(2)).sum();
        let error = (residuals / (count - 2.0) / spread).sqrt();
        Some(Self { mib, mib_per_hour: slope, plus_minus: T * error })
    }

    /// In words.
    pub fn sentence(&self) -> String {
        let Self { mib, mib_per_hour, plus_minus } = self;
        format!("memory {mib:.1} MiB, {mib_per_hour:+.2} ± {plus_minus:.2} MiB an hour")
    }

    /// It grows for certain, and by more than a hundredth of it in an hour.
    pub(crate) fn check(&self) -> Check {
        let grows = self.mib_per_hour - self.plus_minus > self.mib * MOST;
        Check { what: "memory stays as it is".to_owned(), wrong: u64::from(grows), detail: self.sentence() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(mib: impl Fn(f64) -> f64) -> Drift {
        let sample = |second| Sample {
            second,
            waiting: 0,
            server_cores: None,
            driver_cores: None,
            machine_busy: None,
            server_mib: Some(mib(second)),
            streams: 0,
        };
        let samples: Vec<Sample> = (0..3_600).map(|second| sample(f64::from(second))).collect();
        Drift::of(&samples, 3_600.0).unwrap()
    }

    /// From -1 to 1, the same each time.
    fn noise(second: f64) -> f64 {
        (second * 12.989_8).sin()
    }

    #[test]
    fn memory_that_fills_up_and_then_stays_is_no_leak() {
        let drift = drift(|second| 80.0 + (second / 30.0).min(20.0) + noise(second));
        assert!((drift.mib - 100.0).abs() < 0.1 && drift.mib_per_hour.abs() < 0.5, "{drift:?}");
        assert_eq!(drift.check().wrong, 0);
    }

    #[test]
    fn memory_that_goes_on_growing_is_one() {
        let drift = drift(|second| 100.0 + second / 600.0 + noise(second));
        assert!((drift.mib_per_hour - 6.0).abs() < 0.5 && drift.plus_minus < 1.0, "{drift:?}");
        assert_eq!(drift.check().wrong, 1);
        assert!(drift.sentence().contains("+6."), "{}", drift.sentence());
    }

    #[test]
    fn a_short_run_does_not_tell() {
        assert_eq!(Drift::of(&[], 599.0), None);
    }
}
