use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Declined, Draft, Given, Off};

/// Which units make the first group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filled {
    /// The dearest, of equal price the earlier.
    #[default]
    Dearest,
    /// Those of the first lines, in the order of the lines' ids.
    ByLine,
}

/// Full groups of units; units that make no full group are left alone. A group off which nothing can be taken does not count, and its units stay free for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups {
    /// Units of a group, at least 1.
    pub(super) units: u32,
    /// Units of each group that are reduced, the cheapest of it.
    pub(super) reduced: u32,
    /// What is taken off each of them; a share rounded for each by itself.
    pub(super) off: Off,
    /// Groups, at most.
    pub(super) max_times: Option<u32>,
    /// Which make the first.
    pub(super) filled: Filled,
}

impl Groups {
    /// Takes it off, and uses the groups' units up.
    pub(super) fn apply(self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let size = self.units as usize;
        if given.units.len() < size {
            return Err(Declined::TooFewUnits { actual: given.units.len() as u64, needed: self.units.into() });
        }
        let mut times = self.max_times.unwrap_or(u32::MAX);
        let places = match self.filled {
            Filled::Dearest => given.dearest_first(),
            Filled::ByLine => given.places(),
        };
        for group in places.chunks_exact(size) {
            if times == 0 {
                break;
            }
            let reduced = &group[size.saturating_sub(self.reduced as usize)..];
            if draft.take_each(given, reduced, self.off) > 0 {
                draft.used.extend_from_slice(group);
                times -= 1;
            }
        }
        Ok(())
    }
}
