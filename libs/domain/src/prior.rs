use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a model expects of a SKU's demand before a sale: in a catalogue line it stands over what the strategies document says for its
/// category. Demand is exponential: a price 1 % above list loses `sensitivity` % of the buyers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Sales in an hour at list price, on average over the sale, if stock never ran out. Above a millionth, at most 1e9.
    pub per_hour: Positive,
    /// How sure that is, in sales: as if so many had been seen. Above a thousandth, at most 1e6.
    pub certainty: Positive,
    /// How much the price matters to buyers. At least 0.05, at most 50.
    pub sensitivity: Positive,
    /// Its standard deviation, at most the sensitivity.
    pub sensitivity_sd: Positive,
    /// Which model said so.
    pub model: String,
}

/// A finite number above zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Positive(f64);

// It is never NaN.
impl Eq for Positive {}

/// The number is not above zero, or not finite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no finite number above 0")]
pub struct NotPositive(pub f64);

impl Positive {
    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Positive {
    type Error = NotPositive;
    fn try_from(number: f64) -> Result<Self, NotPositive> {
        if number.is_finite() && number > 0.0 { Ok(Self(number)) } else { Err(NotPositive(number)) }
    }
}

impl From<Positive> for f64 {
    fn from(number: Positive) -> Self {
        number.0
    }
}

impl Prior {
    /// From what a model said, in the order of its outputs. Errors: what cannot be used, by its field.
    pub fn of_outputs([per_hour, certainty, sensitivity, sensitivity_sd]: [f64; 4], model: &str) -> Result<Self, String> {
        let number = |field: &str, value: f64| Positive::try_from(value).map_err(|error| format!("{field}: {error}"));
        let prior = Self {
            per_hour: number("per_hour", per_hour)?,
            certainty: number("certainty", certainty)?,
            sensitivity: number("sensitivity", sensitivity)?,
            sensitivity_sd: number("sensitivity_sd", sensitivity_sd)?,
            model: model.to_owned(),
        };
        match prior.out_of_range() {
            Some((field, value, range)) => Err(format!("{field}: {value} is outside {range}")),
            None => Ok(prior),
        }
    }

    /// The first field that is out of its range: its name, what it says, and the range.
    pub fn out_of_range(&self) -> Option<(&'static str, f64, &'static str)> {
        let (sensitivity, deviation) = (self.sensitivity.get(), self.sensitivity_sd.get());
        let (per_hour, certainty) = (self.per_hour.get(), self.certainty.get());
        [
            (per_hour > 1e-6 && per_hour <= 1e9, "per_hour", per_hour, "1e-6 (excluded) to 1e9"),
            (certainty > 0.001 && certainty <= 1e6, "certainty", certainty, "0.001 (excluded) to 1e6"),
            ((0.05..=50.0).contains(&sensitivity), "sensitivity", sensitivity, "0.05 to 50"),
            (deviation <= sensitivity, "sensitivity_sd", deviation, "0 (excluded) to the sensitivity"),
        ]
        .into_iter()
        .find_map(|(holds, field, value, range)| (!holds).then_some((field, value, range)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_says_is_used_or_refused_with_the_field_named() {
        let told = |outputs| Prior::of_outputs(outputs, "m").map(|prior| prior.per_hour.get());
        assert_eq!(told([12.5, 3.0, 2.0, 0.5]), Ok(12.5));
        for (outputs, field) in [
            ([-1.0, 3.0, 2.0, 0.5], "per_hour"),
            ([f64::NAN, 3.0, 2.0, 0.5], "per_hour"),
            ([1e10, 3.0, 2.0, 0.5], "per_hour"),
            ([1.0, 0.0, 2.0, 0.5], "certainty"),
            ([1.0, 1e7, 2.0, 0.5], "certainty"),
            ([1.0, 3.0, 0.0, 0.5], "sensitivity"),
            ([1.0, 3.0, f64::INFINITY, 0.5], "sensitivity"),
            ([1.0, 3.0, 60.0, 0.5], "sensitivity"),
            ([1.0, 3.0, 2.0, -0.5], "sensitivity_sd"),
            ([1.0, 3.0, 2.0, 2.5], "sensitivity_sd"),
        ] {
            let why = told(outputs).unwrap_err();
            assert!(why.starts_with(&format!("{field}: ")), "{outputs:?}: {why}");
        }
    }
}
