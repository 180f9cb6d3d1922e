//! Administration: catalogue, strategies, mode, overrides, dead letters.

mod catalogue;
mod execute;
mod routes;

pub use catalogue::{CatalogueLines, LineProblem, catalogue_lines};
pub use execute::{AdminError, execute};
pub(crate) use routes::routes;
