//! What is counted while a load runs: histograms, whole and by the second.

use std::sync::Mutex;
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Durations in nanoseconds, whole and by the second in which they were meant to begin.
pub(crate) struct Durations {
    begin: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    all: Histogram<u64>,
    seconds: Vec<Histogram<u64>>,
}

/// An hour, to so many digits.
fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 3_600_000_000_000, digits).expect("the bounds are legal")
}

/// Of the whole.
const DIGITS: u8 = 3;

/// Of a second: there may be thousands of them, and three digits take a quarter of a megabyte each.
const DIGITS_OF_A_SECOND: u8 = 2;

/// Of many durations.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// Largest.
    pub max_ms: f64,
}

/// Of those of one second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Second {
    /// When it began, in seconds from the begin.
    pub from: usize,
    /// How many.
    pub count: u64,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
}

#[allow(clippy::cast_precision_loss, reason = "an hour of nanoseconds is far below 2^53")]
fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

impl Durations {
    /// None yet.
    pub(crate) fn new(begin: Instant) -> Self {
        Self { begin, inner: Mutex::new(Inner { all: histogram(DIGITS), seconds: Vec::new() }) }
    }

    /// Counts one that was meant to begin at `intended`.
    pub(crate) fn record(&self, intended: Instant, nanos: u64) {
        let second = usize::try_from(intended.saturating_duration_since(self.begin).as_secs()).unwrap_or(0).min(86_400);
        let mut inner = self.inner.lock().expect("no panic while held");
        inner.all.saturating_record(nanos);
        while inner.seconds.len() <= second {
            inner.seconds.push(histogram(DIGITS_OF_A_SECOND));
        }
        inner.seconds[second].saturating_record(nanos);
    }

    /// Counts one that ends now.
    pub(crate) fn ends(&self, intended: Instant) {
        self.record(intended, u64::try_from(intended.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// Of all.
    pub(crate) fn summary(&self) -> Summary {
        let all = &self.inner.lock().expect("no panic while held").all;
        let at = |quantile| millis(all.value_at_quantile(quantile));
        Summary { count: all.len(), p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: millis(all.max()) }
    }

    /// By the second.
    pub(crate) fn seconds(&self) -> Vec<Second> {
        let inner = self.inner.lock().expect("no panic while held");
        let of = |(second, histogram): (usize, &Histogram<u64>)| Second {
            from: second,
            count: histogram.len(),
            p50_ms: millis(histogram.value_at_quantile(0.5)),
            p99_ms: millis(histogram.value_at_quantile(0.99)),
        };
        inner.seconds.iter().enumerate().map(of).collect()
    }

    /// Bars of a histogram: upper end in milliseconds, and how many; each a quarter of an octave wide.
    pub(crate) fn bars(&self) -> Vec<(f64, u64)> {
        let inner = self.inner.lock().expect("no panic while held");
        let bars = inner.all.iter_log(16_000, 2.0_f64.powf(0.25));
        bars.map(|bar| (millis(bar.value_iterated_to()), bar.count_since_last_iteration())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn durations_count_in_the_second_in_which_they_were_meant_to_begin() {
        let begin = Instant::now();
        let durations = Durations::new(begin);
        durations.record(begin + Duration::from_millis(100), 2_000_000);
        durations.record(begin + Duration::from_millis(2_500), 4_000_000);
        let told: Vec<_> = durations.seconds().iter().map(|second| (second.from, second.count)).collect();
        assert_eq!(told, [(0, 1), (1, 0), (2, 1)]);
        let summary = durations.summary();
        assert!(summary.count == 2 && (summary.p50_ms - 2.0).abs() < 0.01 && (summary.max_ms - 4.0).abs() < 0.01, "{summary:?}");
        assert_eq!(durations.bars().iter().map(|(_, count)| count).sum::<u64>(), 2);
    }
}
