//! The handlers that ship, run under one seeded scheduler, with faults: every call of a port is one step, and the seed
//! alone decides who goes next, what fails, what is lost, what comes twice and what dies.
//!
//! [`run`] feeds about thirty inputs through the whole flow and checks after every step what must always hold. Then it
//! ends the faults, lets everything come to rest, has the reconciler mend what is left, and checks the rest.
//! [`campaign`] does so for many seeds. A [`Plan`] may take one defence away: then a violation must be found, or the
//! simulation could not be trusted when it finds none.

mod campaign;
mod chance;
mod fate;
mod faults;
mod inputs;
mod invariants;
mod ledger;
mod life;
mod plan;
mod ports;
mod report;
mod scheduler;
mod tasks;
mod trace;
mod witness;
mod world;

pub use campaign::{Summary, campaign, mix_of};
pub use faults::{Fault, FaultCounts, Mix, UnknownMix};
pub use invariants::Broken;
pub use plan::{Plan, UnknownDefence, Weaken};
pub use report::{Report, run};
