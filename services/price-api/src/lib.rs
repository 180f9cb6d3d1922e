//! price-api: prices over HTTP (reads, the live stream), the intake of stock changes, and administration.
//!
//! It reads through the ports and changes nothing itself: what is to change goes to the [`Desk`] of whoever composes it,
//! which calls [`execute`] (administration) and inventory-publisher (stock). Errors are problem details of RFC 9457.

mod admin;
mod api;
mod desk;
mod ledger;
mod lowest_price;
mod openapi;
mod operations;
mod orders;
mod prices;
mod quotes;
mod routes;
mod signed_quote;
mod stock;
mod stream;
mod verification;

pub(crate) use pricestream_http::{extract, problem};

pub use admin::{AdminError, CatalogueLines, LineProblem, RolloutView, Version, Versions, catalogue_lines, execute, versions};
pub use api::{Api, World, router};
pub use desk::{Change, Command, Desk, DeskError, DocumentProblem, Done, NextStage, RollOut};
pub use ledger::{DeadLetterView, Finding, Ledger, StoreStatus, Verification};
pub use lowest_price::{Lowest, PriceChange, Reduction, Window, lowest_price};
pub use orders::{
    HOLD_PROBLEMS, Hold, IdempotencyKey, LONGEST_HOLD, OrderCommand, OrderDone, OrderError, OrderState, OrderView, execute_order,
    hold,
};
pub use prices::{Explanation, GuestPrice, HistoryEntry, Outlook, PriceView, write_price};
pub use pricestream_http::{Code, Intake, Problem, StockOutcome, Token, Tokens};
pub use quotes::{Circuit, CircuitEdge, Items};
pub use signed_quote::{QuoteClaims, QuoteKey, SignedLine, SignedQuote, SignedQuoteError, SignedUnits, WeakKey, answer_digest};
pub use stream::{Interest, StreamHub, Subscription, TooManyStreams};
pub use verification::{Newest, UNDER_WAY, Verifier, Verify};
