//! Demand, and the best price for it. Plain arithmetic on ratios: a price is a ratio to the reference (list) price, time is a share of the
//! sale, and the market is counted in sales that would still be made at list price.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "units, instants and shares of them: what a float loses of them is far below a minor unit, and what is cast back is small"
)]

mod belief;
pub mod erlang;
mod family;
mod grid;
pub mod hypothesis;
pub mod menu;
mod shape;

pub use belief::{Assumptions, Belief, NoBelief, Restart, Seen, share};
pub use family::{Bounds, Family};
pub use grid::Grid;
pub use hypothesis::{Evidence, Hypothesis, Mixing};
pub use shape::{Shape, Template, library};
