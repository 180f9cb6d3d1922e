//! What a SKU's price should be now. Pure: product, policy, stock and what stands come in with the instant; the price
//! and its reason go out. Strategies propose, guardrails dispose, and no strategy can pass by a guardrail.

mod decide;
mod demand;
mod document;
mod guardrails;
pub mod market;
mod policy;
mod reason;
pub mod rollout;
pub mod strategies;

pub use decide::{Decision, Inputs, Outcome, Refusal, decide};
pub use demand::{Demand, Profile};
pub use document::{Strategies, UnknownStrategy, document_schema};
pub use guardrails::{Effect, Ending, Guardrail, Guardrails, MaxStep};
pub use policy::{Policy, Resolved};
pub use reason::{Basis, Reason};
pub use strategies::{Fired, Strategy};
