use std::str::FromStr;
use std::sync::Arc;

use pricestream_repricing_engine::market::Shape;

/// How demand turns out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// As written.
    pub name: String,
    /// What it does to level demand, one thing after the other.
    pub surprises: Vec<Surprise>,
}

/// What happens to demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Surprise {
    /// From an instant (0..1) on it is so many times as large.
    Step {
        /// Above 0.
        times: f64,
        /// 0 is from the start.
        from: f64,
    },
    /// Between two instants it is so many times as large.
    Burst {
        /// Above 0.
        times: f64,
        /// Begin.
        from: f64,
        /// End.
        to: f64,
    },
    /// It comes early: falls as `e^(-rate t)`, the same in all.
    Front {
        /// Above 0.
        rate: f64,
    },
    /// It comes late: rises as `e^(rate t)`, the same in all.
    Back {
        /// Above 0.
        rate: f64,
    },
    /// It comes around one instant, with a standard deviation, the same in all.
    Hump {
        /// The instant.
        at: f64,
        /// The deviation.
        width: f64,
    },
    /// Falls as `1 / (t + 0.06)`, the same in all.
    Power,
    /// A rush at the begin and one at the end, the same in all.
    Rush,
    /// Rises and falls five times, the same in all.
    Waves,
}

/// The text names no surprise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no scenario: as-planned, or surprises joined by +: x4 (from the start), x4@30 (from 30 % on), burst8@40-50, front5, back3, \
     hump60~16, power, rush, waves"
)]
pub struct UnknownSurprise(pub String);

impl Scenario {
    /// Demand as planned.
    pub fn as_planned() -> Self {
        Self { name: "as-planned".to_owned(), surprises: Vec::new() }
    }

    /// Buyers for each that was planned, and how they spread.
    pub fn demand(&self) -> (f64, Arc<Shape>) {
        const PARTS: u32 = 1_000;
        let mut parts = vec![1.0; PARTS as usize];
        for surprise in &self.surprises {
            let mean = parts.iter().sum::<f64>() / f64::from(PARTS);
            for (part, demand) in parts.iter_mut().enumerate() {
                *demand *= surprise.factor((part as f64 + 0.5) / f64::from(PARTS));
            }
            // What only moves demand in time leaves its sum.
            if !matches!(surprise, Surprise::Step { .. } | Surprise::Burst { .. }) {
                let now = parts.iter().sum::<f64>() / f64::from(PARTS);
                for demand in &mut parts {
                    *demand *= mean / now;
                }
            }
        }
        let mean = parts.iter().sum::<f64>() / f64::from(PARTS);
        (mean, Shape::of_parts(&parts).map_or_else(Shape::flat, Arc::new))
    }

    /// The shape as a document's profile, in `parts` equal parts.
    pub fn profile(&self, parts: u32) -> Vec<f64> {
        let (_, shape) = self.demand();
        let left = |part: u32| shape.left(f64::from(part) / f64::from(parts));
        (0..parts).map(|part| (left(part) - left(part + 1)) * f64::from(parts)).collect()
    }
}

impl Surprise {
    fn factor(self, at: f64) -> f64 {
        let within = |from: f64, to: f64| at >= from && at < to;
        match self {
            Self::Step { times, from } => {
                if at >= from {
                    times
                } else {
                    1.0
                }
            }
            Self::Burst { times, from, to } => {
                if within(from, to) {
                    times
                } else {
                    1.0
                }
            }
            Self::Front { rate } => (-rate * at).exp(),
            Self::Back { rate } => (rate * (at - 1.0)).exp(),
            Self::Hump { at: middle, width } => (-((at - middle) / width).powi(2) / 2.0).exp() + 1e-6,
            Self::Power => 1.0 / (at + 0.06),
            Self::Rush => 0.4 + 3.0 * (-at / 0.08).exp() + 2.5 * ((at - 1.0) / 0.07).exp(),
            Self::Waves => 0.4 + 1.2 * (at * 5.0).fract(),
        }
    }
}

impl FromStr for Scenario {
    type Err = UnknownSurprise;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownSurprise(text.chars().take(64).collect());
        let surprises = match text {
            "as-planned" => Vec::new(),
            _ => text.split('+').map(surprise).collect::<Option<Vec<_>>>().ok_or_else(unknown)?,
        };
        Ok(Self { name: text.to_owned(), surprises })
    }
}

fn surprise(text: &str) -> Option<Surprise> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number <= 1e4);
    let percent =
        |text: &str| text.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| percent / 100.0);
    match text {
        "power" => return Some(Surprise::Power),
        "rush" => return Some(Surprise::Rush),
        "waves" => return Some(Surprise::Waves),
        _ => {}
    }
    if let Some(rest) = text.strip_prefix("burst") {
        let (times, span) = rest.split_once('@')?;
        let (from, to) = span.split_once('-')?;
        let burst = Surprise::Burst { times: number(times)?, from: percent(from)?, to: percent(to)? };
        return Some(burst);
    }
    if let Some(rest) = text.strip_prefix("hump") {
        let (at, width) = rest.split_once('~')?;
        return Some(Surprise::Hump { at: percent(at)?, width: percent(width).filter(|width| *width > 0.0)? });
    }
    if let Some(rate) = text.strip_prefix("front") {
        return Some(Surprise::Front { rate: number(rate)? });
    }
    if let Some(rate) = text.strip_prefix("back") {
        return Some(Surprise::Back { rate: number(rate)? });
    }
    let rest = text.strip_prefix('x')?;
    let (times, from) = rest.split_once('@').unwrap_or((rest, "0"));
    Some(Surprise::Step { times: number(times)?, from: percent(from)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_read_and_sum_to_what_they_say() {
        for (text, buyers) in [
            ("as-planned", 1.0),
            ("x4", 4.0),
            ("x4@30", 0.3 + 0.7 * 4.0),
            ("burst8@40-50", 0.9 + 0.8),
            ("front5", 1.0),
            ("x2+front3", 2.0),
            ("hump60~16", 1.0),
            ("power", 1.0),
        ] {
            let scenario: Scenario = text.parse().unwrap();
            assert!((scenario.demand().0 - buyers).abs() < 1e-9, "{text}: {}", scenario.demand().0);
            let profile = scenario.profile(40);
            assert!((profile.iter().sum::<f64>() - 40.0).abs() < 1e-9, "{text}");
        }
        for text in ["", "x", "x-1", "x4@130", "burst8", "hump60", "front0", "nonsense", "x4+"] {
            assert!(text.parse::<Scenario>().is_err(), "{text}");
        }
    }
}
