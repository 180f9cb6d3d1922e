//! What stands between the functions and what they call on the local cloud, so that tests can put faults there: an emulator injects
//! none. Nothing of it is part of what ships.

mod answers;
mod calls;
mod rules;
mod valkey;

pub use calls::{Proxy, serve_calls};
pub use rules::{Fault, Rule, Rules, Standing};
pub use valkey::{Cable, serve_valkey};
