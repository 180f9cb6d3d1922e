//! Load on a running pricestream. Arrivals do not wait for answers, so that a slow answer delays nobody else's question; each duration
//! counts from when its request was meant to be sent. Freshness is measured where a shopper is: from a stock change until the live stream
//! shows its price. Every run ends with a look at what is left.

mod client;
mod driver;
mod machine;
mod measure;
mod outcome;
mod recording;
pub mod report;
mod scenario;
mod shop;
mod stream;
mod target;

pub use driver::{Plan, capacity, run};
pub use outcome::{Check, Outcome};
pub use recording::{Recorded, read as read_recording};
pub use scenario::Scenario;
pub use target::{Target, beside};
