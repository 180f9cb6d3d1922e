use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A share in hundredths of a percent: 500 is 5 %. Range 0..=10 000, checked when made or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BasisPoints(u16);

/// The share lies outside 0..=10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} basis points is outside 0..=10000 (500 is 5 %)")]
pub struct InvalidBasisPoints(pub u32);

impl BasisPoints {
    /// The whole: 10 000, that is 100 %.
    pub const ONE: Self = Self(10_000);

    /// Checks the range 0..=10 000.
    pub fn new(hundredths_of_a_percent: u32) -> Result<Self, InvalidBasisPoints> {
        u16::try_from(hundredths_of_a_percent)
            .ok()
            .filter(|points| *points <= 10_000)
            .map(Self)
            .ok_or(InvalidBasisPoints(hundredths_of_a_percent))
    }

    /// Hundredths of a percent, 0..=10 000.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for BasisPoints {
    type Error = InvalidBasisPoints;
    fn try_from(value: u32) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<BasisPoints> for u32 {
    fn from(value: BasisPoints) -> Self {
        Self::from(value.0)
    }
}

impl JsonSchema for BasisPoints {
    fn schema_name() -> Cow<'static, str> {
        "BasisPoints".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": 10_000, "description": "Hundredths of a percent: 500 is 5 %" })
    }
}

impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RelativeChange(i32::from(self.0)).write_percent(f)
    }
}

/// A signed change in hundredths of a percent: 500 is +5 %, -2000 is -20 %. Every `i32` is legal; what is sensible
/// for a rule (never below -100 %, say) is that rule's to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RelativeChange(pub i32);

impl RelativeChange {
    fn write_percent(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (rest, rest % 10) {
            (0, _) => write!(f, "{whole} %"),
            (_, 0) => write!(f, "{whole}.{} %", rest / 10),
            _ => write!(f, "{whole}.{rest:02} %"),
        }
    }
}

impl fmt::Display for RelativeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 < 0 { "-" } else { "+" })?;
        self.write_percent(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_checked_when_made_and_when_read() {
        assert_eq!(BasisPoints::new(10_000).map(BasisPoints::get), Ok(10_000));
        for wrong in [10_001, 65_536 + 5, u32::MAX] {
            assert_eq!(BasisPoints::new(wrong), Err(InvalidBasisPoints(wrong)));
        }
        assert!(serde_json::from_str::<BasisPoints>("10001").is_err());
        assert!(serde_json::from_str::<BasisPoints>("-1").is_err());
        assert_eq!(serde_json::from_str::<BasisPoints>("250").unwrap().get(), 250);
    }

    #[test]
    fn shares_and_changes_read_as_percent() {
        for (points, text) in [(0, "0 %"), (500, "5 %"), (1250, "12.5 %"), (5, "0.05 %"), (10_000, "100 %")] {
            assert_eq!(BasisPoints::new(points).unwrap().to_string(), text);
        }
        assert_eq!(RelativeChange(500).to_string(), "+5 %");
        assert_eq!(RelativeChange(-2025).to_string(), "-20.25 %");
    }
}
