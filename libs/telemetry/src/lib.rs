//! One vocabulary for code, dashboards and alarms: metric names, the metrics themselves, and the span of a hop.

mod metrics;
pub mod names;
mod span;

pub use metrics::{Decisions, Freshness, FreshnessSummary, Metrics, StockChanges};
pub use span::Hop;
