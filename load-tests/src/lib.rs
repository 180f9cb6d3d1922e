//! Load on a running pricestream. Arrivals do not wait for answers, so that a slow answer delays nobody else's question; each duration
//! counts from when its request was meant to be sent. Freshness is measured where a shopper is: from a stock change until the live stream
//! shows its price. Every run ends with a look at what is left.

mod check;
mod client;
mod counted;
mod drift;
mod driver;
pub mod growth;
mod loads;
mod machine;
mod measure;
mod observe;
mod outcome;
mod recording;
pub mod report;
mod scenario;
mod setup;
mod shop;
mod stream;
mod target;

pub use drift::Drift;
pub use driver::{Plan, capacity, run};
pub use machine::facts as machine_facts;
pub use outcome::{Check, Outcome};
pub use recording::{Recorded, read as read_recording};
pub use scenario::Scenario;
pub use target::{Target, beside};
