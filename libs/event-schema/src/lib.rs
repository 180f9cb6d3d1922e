//! What the services say to each other, and what a shop says to them: one file for each event.
//!
//! An event is EventBridge-shaped outside (`source`, `detail-type`, `detail`) and CloudEvents 1.0 inside `detail`, with
//! a deterministic id, a sortable sequence and the W3C trace context. Nothing here reads a clock, a file or a network.
//!
//! Within a version changes are additive: a new field has a default, readers ignore what they do not know. Anything
//! else is a new version beside the old one. `fixtures/`, `schemas/released/` and their tests hold that promise.

mod body;
mod cause;
mod decode;
mod encode;
mod event;
mod fnv;
mod incoming;
mod json_error;
mod low_stock;
mod pattern;
pub mod patterns;
mod price_changed;
mod product_changed;
mod reprice_requested;
mod schema;
mod stock_change;
mod stock_changed;
mod stock_changes;
mod trace;

pub use body::Body;
pub use decode::{DecodeError, Header, MAX_BODY, Received, decode, decode_bytes, kind};
pub use encode::{Outgoing, encode};
pub use event::Event;
pub use incoming::Incoming;
pub use low_stock::LowStockV1;
pub use pattern::{Pattern, PatternError};
pub use price_changed::PriceChangedV1;
pub use product_changed::ProductChangedV1;
pub use reprice_requested::RepriceRequestedV1;
pub use schema::{detail_schema, stock_change_schema};
pub use stock_change::{DEFAULT_ORIGIN, MAX_CAUSE, MAX_LINE, MAX_SOURCE_SEQ, StockChange, StockChangeError, parse_stock_change};
pub use stock_changed::StockChangedV1;
pub use stock_changes::{StockChanges, stock_changes};
pub use trace::{MAX_TRACE_STATE, TraceContext};
