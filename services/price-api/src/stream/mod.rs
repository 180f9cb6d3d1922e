//! The live stream: every connect subscribes first, then gets a snapshot, then changes.

mod body;
mod hub;
mod request;

pub use hub::{Interest, StreamHub, Subscription, TooManyStreams};
pub(crate) use request::routes;
