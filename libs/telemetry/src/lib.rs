//! One vocabulary for code, dashboards and alarms: metric names, the metrics themselves, and the span of a hop.

#[cfg(feature = "otlp")]
mod export;
mod metrics;
pub mod names;
mod span;

#[cfg(feature = "otlp")]
pub use export::{ExportError, HopLayer, collector};
pub use metrics::{Decisions, Freshness, FreshnessSummary, Metrics, RequestCounters, StockChanges};
pub use span::Hop;
