//! How good a repricing policy is. A policy is a strategies document, and what is measured is the engine's own decision: against the optimum by
//! integrating its value equation, where the price is a function of stock and time; in simulated sales of which the truth is known, where
//! it learns; and on recorded sales. Everything follows from its inputs and a seed.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "units, instants and shares of them: what a float loses of them is far below a minor unit, and what is cast back is small"
)]

pub mod backtest;
pub mod bayes;
pub mod exact;
pub mod features;
mod measure;
mod outlook;
pub mod recorded;
mod scenario;
mod shop;
mod trial;
mod truth;

pub use measure::{Measured, measure};
pub use outlook::{Outlook, Present, outlook};
pub use scenario::{Scenario, Surprise, UnknownSurprise};
pub use shop::{Document, Shop};
pub use trial::{Clairvoyant, Estimate, Policy, Sale, clairvoyant, compare, play, play_from};
pub use truth::{Arrival, Truth};
