use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Given;

/// What a unit of a set counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Valued {
    /// Its own price.
    #[default]
    Own,
    /// The price of the cheapest matching unit, whichever units are taken: so count the engines that know no single units.
    Cheapest,
}

impl Valued {
    /// What the unit at a place counts for.
    pub(crate) fn of<'a>(self, given: &'a Given<'_>) -> impl Fn(u32) -> i64 + use<'a> {
        let cheapest = match self {
            Self::Own => None,
            Self::Cheapest => given.units.iter().map(|unit| unit.price).min(),
        };
        move |place| cheapest.unwrap_or_else(|| given.units[place as usize].price)
    }
}
