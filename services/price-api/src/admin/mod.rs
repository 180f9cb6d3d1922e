//! Administration: catalogue, strategies, mode, overrides, dead letters.

mod catalogue;
mod execute;
mod rollout;
mod routes;
mod versions;

pub use catalogue::{CatalogueLines, LineProblem, catalogue_lines};
pub use execute::{AdminError, execute};
pub use rollout::RolloutView;
pub(crate) use routes::routes;
pub use versions::{Version, Versions, versions};
