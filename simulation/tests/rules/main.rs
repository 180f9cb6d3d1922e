//! The rules R1 to R15 that the handlers hold, over the ports in memory: each test's name begins with its rule.
//! R5 and R6 are rules of the cache itself: every cache is held to them by the contract suite of the ports.

mod batches;
mod bus;
mod failures;
mod guardrails;
mod hints;
mod kill_switch;
mod order;
mod publisher;
mod reconciler;
mod shop;
