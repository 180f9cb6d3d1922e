//! What the handlers need of the world, as traits; the records that cross them; an implementation in memory; and one
//! contract suite that every implementation must pass.
//!
//! A handler is an `async fn` over these traits and nothing else: no timer, no spawn, no global. So the same code runs
//! on SQLite in one process, on AWS, and under the simulation's scheduler, where every call of a port is one step.

mod alerts;
mod batch;
mod bus;
mod cache;
mod clock;
pub mod contract;
mod failure;
mod history;
mod inventory;
pub mod memory;
mod order;
mod price_record;
mod promotions;
mod queue;
mod records;
mod settings;
mod usage;

pub use alerts::{AlertState, Alerts, Sighting};
pub use batch::{BatchOutcome, Delivery, MessageId, Quarantined, each_message};
pub use bus::{Bus, EntryFailure, publish_all};
pub use cache::{Cache, CacheEntry, CacheWrite, EncodingError, IfAbsent, price_key};
pub use clock::{Clock, SystemClock, micros};
pub use failure::{Failure, PortError, chain};
pub use history::{Disagreement, HistoryRow, RowInputs, next_due};
pub use inventory::Inventory;
pub use order::{InvalidOrderId, Order, OrderId, OrderReads, Orders};
pub use price_record::{PriceRecord, SeenInputs};
pub use promotions::{Promotions, PromotionsSetting, PublishedRules};
pub use queue::{DeadLetter, Queue, QueueSettings};
pub use records::{Conditional, ProductRecord, RecordReads, Records, SkuInputs, SkuState};
pub use settings::{
    Documents, ModeSetting, PolledSettings, RolloutSetting, Settings, SettingsRecord, SettingsSnapshot, SettingsVersion,
    Unsettled,
};
pub use usage::{
    Committed, Ended, InvalidReservation, KEPT, Refusal, Released, Reservation, ReservationKey, Reserved,
    Standing as UsageStanding, Taken, TakenOf, Usage, UsageReads,
};
