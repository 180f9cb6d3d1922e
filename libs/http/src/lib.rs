//! What services that answer over HTTP share: problem details (RFC 9457), tokens, reading requests, the intake of stock changes.

pub mod extract;
pub mod intake;
pub mod problem;
pub mod tokens;

pub use intake::{Intake, IntakeError, StockOutcome};
pub use problem::{Code, Problem};
pub use tokens::{Token, Tokens};
