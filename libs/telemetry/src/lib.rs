//! One vocabulary for code, dashboards and alarms: metric names, the metrics themselves, and the span of a hop.

mod emf;
#[cfg(feature = "otlp")]
mod export;
mod metrics;
pub mod names;
mod span;

pub use emf::Emf;
#[cfg(feature = "otlp")]
pub use export::{ExportError, Flusher, HopLayer, collector};
pub use metrics::{Decisions, Freshness, FreshnessSummary, Metrics, RequestCounters, StockChanges};
pub use span::Hop;
