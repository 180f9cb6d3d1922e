use std::borrow::Cow;
use std::sync::Arc;

use pricestream_documents::Problem;
use pricestream_domain::Prior;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::market::{Family, Restart, Shape};

/// What is expected of demand before a sale: the prior of strategies that learn, the truth for those that do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Sales in an hour at list price, on average over the sale, if stock never ran out. Above a millionth, at most 1e9.
    pub per_hour: f64,
    /// How sure that is, in sales: as if so many had been seen. 1 is a guess that may be off by a factor of several, 100 is within a tenth.
    /// Above a thousandth, at most 1e6.
    #[serde(default = "guess")]
    pub certainty: f64,
    /// How demand depends on the price. Exponential with sensitivity 2 when absent: the median of 167 products of a grocer, whose middle half
    /// lies in 0.9 to 3.
    #[serde(default = "usual_family")]
    pub family: Family,
    /// Standard deviation of an exponential family's sensitivity, for strategies that learn it; half of the sensitivity when absent. Above
    /// 0, at most the sensitivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity_sd: Option<f64>,
    /// Name of the profile: how demand spreads over the sale. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Learn anew when sales stray; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
}

fn guess() -> f64 {
    1.0
}

fn usual_family() -> Family {
    Family::Exponential { sensitivity: 2.0 }
}

impl Demand {
    /// What is expected of a product: what a model said of it, else what the document says. Profile and restart are the document's.
    pub fn of<'a>(document: Option<&'a Self>, prior: Option<&Prior>) -> Option<Cow<'a, Self>> {
        let Some(prior) = prior else { return document.map(Cow::Borrowed) };
        Some(Cow::Owned(Self {
            per_hour: prior.per_hour.get(),
            certainty: prior.certainty.get(),
            family: Family::Exponential { sensitivity: prior.sensitivity.get() },
            sensitivity_sd: Some(prior.sensitivity_sd.get()),
            profile: document.and_then(|demand| demand.profile.clone()),
            restart: document.and_then(|demand| demand.restart),
        }))
    }

    /// What is wrong with it; `known`: whether there is a profile of that name.
    pub(crate) fn problems(&self, path: &str, known: impl Fn(&str) -> bool) -> Vec<Problem> {
        let mut problems = self.family.problems(&format!("{path}.family"));
        let mut within = |field: &str, value: f64, above: f64, most: f64| {
            if !(value > above && value <= most) {
                let message = format!("{value} is outside {above} (excluded) to {most}");
                problems.push(Problem { path: format!("{path}.{field}"), message });
            }
        };
        within("per_hour", self.per_hour, 1e-6, 1e9);
        within("certainty", self.certainty, 0.001, 1e6);
        if let Some(restart) = self.restart {
            within("restart.ratio", restart.ratio, 1.0, 100.0);
            within("restart.threshold", restart.threshold, 0.0, 1e6);
        }
        match (self.sensitivity_sd, self.family) {
            (Some(sd), Family::Exponential { sensitivity }) => within("sensitivity_sd", sd, 0.0, sensitivity),
            (Some(_), _) => problems.push(Problem {
                path: format!("{path}.sensitivity_sd"),
                message: "only an exponential family has a sensitivity to learn".to_owned(),
            }),
            (None, _) => {}
        }
        if let Some(name) = self.profile.as_deref().filter(|name| !known(name)) {
            problems.push(Problem { path: format!("{path}.profile"), message: format!("there is no profile {name:?}") });
        }
        problems
    }
}

/// Demand in equal parts of a sale, to any scale: learned from earlier sales, see `pricestream learn-profiles`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Profile(pub Vec<f64>);

/// Parts of a profile, at most: what is finer is noise.
const MOST_PARTS: usize = 400;

impl Profile {
    /// As a shape; level if it is none, which no document that was checked holds.
    pub fn shape(&self) -> Arc<Shape> {
        Shape::of_parts(&self.0).map_or_else(Shape::flat, Arc::new)
    }

    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        let message = if self.0.len() > MOST_PARTS {
            format!("{} parts are more than {MOST_PARTS}", self.0.len())
        } else if Shape::of_parts(&self.0).is_none() {
            "must be at least one number, none negative, not all zero".to_owned()
        } else {
            return Vec::new();
        };
        vec![Problem { path: path.to_owned(), message }]
    }
}
