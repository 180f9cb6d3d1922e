//! Orders: a signed quote is redeemed once, and charges what it showed.

mod execute;
mod hold;
mod idempotency_key;
mod refund;
mod routes;

pub use execute::{OrderCommand, OrderDone, OrderError, execute_order};
pub use hold::{HOLD_PROBLEMS, Hold, LONGEST_HOLD, hold};
pub use idempotency_key::IdempotencyKey;
pub(crate) use routes::routes;
pub use routes::{OrderState, OrderView};
