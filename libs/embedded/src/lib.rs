//! The ports on one machine: records in a SQLite file, a bus with durable queues in the process, a cache in memory.
//!
//! A real deployment for a small shop: it survives `kill -9` with nothing acknowledged lost. Work goes through
//! [`Runtime::turn`]: one transaction for many changes and for everything that they set off in the records (group
//! commit); what leaves the records (cache, streams, people) happens after the commit, from durable queues.

mod alerts;
mod bus;
mod cache;
mod ready;
mod runtime;
mod settings;
mod store;

pub use bus::{EmbeddedBus, Phase};
pub use cache::{CacheListener, EmbeddedCache};
pub use ready::ready;
pub use runtime::{Runtime, StartError, Subscriber, TurnError};
pub use settings::EmbeddedSettings;
pub use store::{Access, DeadLetterRow, Durability, OpenError, SetAside, Store, StoreCounts};
