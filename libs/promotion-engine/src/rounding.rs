use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a share of an amount becomes whole minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rounding {
    /// What is rounded: they differ where exactly half a minor unit is left.
    pub of: Of,
    /// On which sum.
    pub level: Level,
    /// To which side.
    pub mode: Mode,
}

/// What is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// What is taken off.
    #[default]
    Discount,
    /// What is left.
    Price,
}

/// The sum that is rounded; it is shared exactly among what it is the sum of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Each unit by itself.
    Unit,
    /// The units of a line together.
    #[default]
    Line,
    /// All units that the promotion applies to together.
    Order,
}

/// To which side an amount between two minor units goes. Amounts are never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To the nearer; exactly half goes up.
    #[default]
    HalfUp,
    /// To the nearer; exactly half goes down.
    HalfDown,
    /// To the nearer; exactly half goes to the even one.
    HalfEven,
    /// Up, whatever is left.
    Up,
    /// Down, whatever is left.
    Down,
}

impl Default for Rounding {
    fn default() -> Self {
        Self::BASKET
    }
}

impl Rounding {
    /// In the basket: discounts half up per line.
    pub const BASKET: Self = Self { of: Of::Discount, level: Level::Line, mode: Mode::HalfUp };
    /// In the catalogue: the price of a unit half up.
    pub const CATALOGUE: Self = Self { of: Of::Price, level: Level::Unit, mode: Mode::HalfUp };

    /// What `rate_bp` basis points (0..=10000) take off `amount` minor units, which is not negative.
    pub fn discount(self, amount: i64, rate_bp: u16) -> i64 {
        match self.of {
            Of::Discount if amount <= PLAIN => self.mode.small_ratio(amount * i64::from(rate_bp), 10_000),
            Of::Discount => self.mode.ratio(i128::from(amount) * i128::from(rate_bp), 10_000),
            Of::Price => amount - self.mode.ratio(i128::from(amount) * i128::from(10_000 - rate_bp), 10_000),
        }
    }
}

/// Amounts up to here times a rate fit 64 bits.
const PLAIN: i64 = i64::MAX / 20_000;

impl Mode {
    /// As [`Mode::ratio`], of smaller numbers.
    fn small_ratio(self, numerator: i64, denominator: i64) -> i64 {
        let (whole, rest) = (numerator / denominator, numerator % denominator);
        whole + i64::from(self.goes_up(whole % 2 == 1, (rest * 2).cmp(&denominator), rest == 0))
    }

    /// Whether what lies above a whole number counts as one: `half` is how it compares with a half.
    fn goes_up(self, odd: bool, half: Ordering, nothing: bool) -> bool {
        match self {
            Self::HalfUp => half.is_ge(),
            Self::HalfDown => half.is_gt(),
            Self::HalfEven => half.is_gt() || (half.is_eq() && odd),
            Self::Up => !nothing,
            Self::Down => false,
        }
    }

    /// `numerator / denominator` in whole units. The numerator is not negative, the denominator positive, and the result at most
    /// the 64-bit amount that it is a share of.
    pub fn ratio(self, numerator: i128, denominator: i128) -> i64 {
        let (whole, rest) = (numerator / denominator, numerator % denominator);
        let up = self.goes_up(whole % 2 == 1, (rest * 2).cmp(&denominator), rest == 0);
        i64::try_from(whole + i128::from(up)).expect("a share of a 64-bit amount fits 64 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_cent_goes_where_the_policy_says() {
        let rounding = |of, mode| Rounding { of, level: Level::Unit, mode };
        for (amount, rate, of, mode, expected) in [
            (1_990, 1_500, Of::Discount, Mode::HalfUp, 299), // 298.5
            (1_990, 1_500, Of::Discount, Mode::HalfDown, 298),
            (1_990, 1_500, Of::Discount, Mode::HalfEven, 298),
            (2_010, 1_500, Of::Discount, Mode::HalfEven, 302), // 301.5
            (1_990, 1_500, Of::Discount, Mode::Up, 299),
            (1_990, 1_500, Of::Discount, Mode::Down, 298),
            (1_990, 1_500, Of::Price, Mode::HalfUp, 298), // 1691.5 is left, so 1692
            (1_990, 1_500, Of::Price, Mode::Down, 299),
            (1_999, 1_500, Of::Discount, Mode::HalfUp, 300), // 299.85
            (1, 5_000, Of::Discount, Mode::HalfUp, 1),
            (1, 5_000, Of::Price, Mode::HalfUp, 0),
            (0, 10_000, Of::Price, Mode::Up, 0),
            (i64::MAX, 10_000, Of::Discount, Mode::HalfUp, i64::MAX),
        ] {
            let rounded = rounding(of, mode).discount(amount, rate);
            assert_eq!(rounded, expected, "{rate} of {amount}, {of:?} {mode:?}");
        }
    }
}
