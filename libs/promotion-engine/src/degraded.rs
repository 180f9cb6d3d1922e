use schemars::JsonSchema;
use serde::Serialize;

use crate::basket::Context;
use crate::components::{COMPONENTS, Effect};
use crate::record::{Outcome, Reason};

/// A component that a quote does without, although a promotion of its would have been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Degraded {
    /// Its name.
    pub component: &'static str,
    /// Why.
    pub why: LeftOut,
}

/// Why a component is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// It is switched off.
    SwitchedOff,
    /// It passed its budget of steps.
    TooCostly,
    /// It failed.
    Failed,
    /// It has failed lately, and is not tried for a while.
    Resting,
}

impl LeftOut {
    /// Stable, for machines: as it is written in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::SwitchedOff => "switched_off",
            Self::TooCostly => "too_costly",
            Self::Failed => "failed",
            Self::Resting => "resting",
        }
    }

    /// What becomes of its promotions; `steps` is its budget.
    pub(crate) fn reason(self, steps: u64) -> Reason {
        match self {
            Self::SwitchedOff => Reason::SwitchedOff,
            Self::TooCostly => Reason::TooCostly { steps },
            Self::Failed => Reason::Failed,
            Self::Resting => Reason::Resting,
        }
    }
}

/// Of each component, by its place: whether it is left out, and why.
pub(crate) type Out = [Option<LeftOut>; COMPONENTS];

/// What is left out before anything is tried.
pub(crate) fn left_out(context: &Context) -> Out {
    let mut out = [None; COMPONENTS];
    // Of one that is both it is said that it is switched off: that stays so.
    for (names, why) in [(&context.resting, LeftOut::Resting), (&context.switched_off, LeftOut::SwitchedOff)] {
        for name in names {
            if let Some(place) = Effect::NAMES.iter().position(|component| component == name) {
                out[place] = Some(why);
            }
        }
    }
    out
}

/// What was missed by what was decided without those that are `out`: each component once, in the order of their names.
pub(crate) fn degraded<'a>(out: &Out, decided: impl Iterator<Item = (&'static str, &'a Outcome)>) -> Vec<Degraded> {
    if out.iter().all(Option::is_none) {
        return Vec::new();
    }
    let missed = decided.filter_map(|(component, outcome)| {
        let why = match outcome {
            Outcome::Declined(Reason::SwitchedOff) => LeftOut::SwitchedOff,
            Outcome::Declined(Reason::TooCostly { .. }) => LeftOut::TooCostly,
            Outcome::Declined(Reason::Failed) => LeftOut::Failed,
            Outcome::Declined(Reason::Resting) => LeftOut::Resting,
            _ => return None,
        };
        Some(Degraded { component, why })
    });
    let mut degraded: Vec<Degraded> = missed.collect();
    degraded.sort_unstable();
    degraded.dedup();
    degraded
}
