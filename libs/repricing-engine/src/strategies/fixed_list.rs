use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal};

/// The list price, always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedList {}

impl FixedList {
    #[allow(clippy::unused_self, reason = "every strategy is asked alike")]
    pub(super) fn propose(&self) -> Proposal {
        Proposal::list(Fired::Nothing)
    }
}
