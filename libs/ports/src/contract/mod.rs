//! The one suite that every implementation of the ports must pass: `contract_suite!` makes a test of each case.

mod cases;
mod samples;
mod usage;

use std::future::Future;
use std::time::Duration;

pub use cases::*;
pub use samples::{SampleSubscriber, inventory, priced, product, settings, sku, stock_event};
pub use usage::*;

use crate::{BatchOutcome, Bus, Cache, Delivery, Documents, Orders, PriceRecord, Records, Usage};

/// One implementation of all ports, empty at the start, with the three queues of the pipeline subscribed by their own
/// event patterns, 30 s of visibility and 3 deliveries.
pub trait World {
    /// The record store.
    fn records(&self) -> &impl Records;
    /// The settings.
    fn documents(&self) -> &impl Documents;
    /// The usage ledger.
    fn usage(&self) -> &impl Usage;
    /// The orders.
    fn orders(&self) -> &impl Orders;
    /// The bus.
    fn bus(&self) -> &impl Bus;
    /// The cache.
    fn cache(&self) -> &impl Cache;
    /// Loses the cache's content.
    fn wipe_cache(&self);
    /// Fetches messages of a queue.
    fn receive(&self, queue: &str, most: usize) -> impl Future<Output = Vec<Delivery>>;
    /// Settles a batch as a runtime does after its handler has returned.
    fn finish(&self, queue: &str, batch: Vec<Delivery>, outcome: BatchOutcome) -> impl Future<Output = ()>;
    /// Lets time pass.
    fn pass(&self, time: Duration) -> impl Future<Output = ()>;
    /// Bodies of what redelivery gave up, and of what was quarantined.
    fn dead_letters(&self, queue: &str) -> impl Future<Output = Vec<String>>;
    /// Images of the price records written so far: the guaranteed path.
    fn images(&self) -> impl Future<Output = Vec<PriceRecord>>;
}

/// Visibility timeout of the queues of a [`World`].
pub const VISIBILITY: Duration = Duration::from_secs(30);

/// Deliveries of one message before it is dead.
pub const MAX_RECEIVE_COUNT: u32 = 3;

/// Makes a test of each case of the suite: `contract_suite!(block_on, world)`, where `world` gives a fresh [`World`]
/// and `block_on(future)` runs a future to its end; or `contract_suite!(run)`, where `run(async |world| ..)` does both.
#[macro_export]
macro_rules! contract_suite {
    ($block_on:path, $world:expr) => {
        $crate::contract_suite!(@cases $block_on, $world);
    };
    ($run:path) => {
        $crate::contract_suite!(@cases $run);
    };
    (@cases $($with:tt)*) => {
        $crate::contract_suite!(@each ($($with)*)
            a_conditional_write_needs_the_version_it_saw,
            a_price_and_its_history_row_are_written_together,
            history_is_append_only_and_newest_first,
            pages_of_a_history_are_the_history,
            what_is_written_reads_back_the_same,
            pages_walk_the_whole_catalogue_in_order,
            due_records_come_longest_due_first,
            settings_are_published_one_after_the_other,
            earlier_settings_stay_readable,
            overrides_are_set_and_lifted,
            alert_state_is_conditional,
            events_reach_every_queue_whose_pattern_matches_and_no_other,
            an_unacknowledged_message_comes_again_after_the_visibility_timeout,
            partial_batch_failure_redelivers_only_what_failed,
            a_message_delivered_too_often_is_a_dead_letter,
            quarantined_messages_are_kept_aside_and_acknowledged,
            r5_the_cache_takes_only_what_is_newer,
            r5_versions_beyond_2_to_the_53_are_told_apart,
            r6_a_tombstone_keeps_an_older_price_out,
            r6_an_absent_key_is_reported_and_then_filled_from_the_record,
            every_written_price_is_imaged_for_the_guaranteed_path,
            what_is_reserved_is_committed_or_given_back,
            a_reservation_is_all_or_nothing,
            the_same_key_is_the_same_reservation,
            a_reservation_takes_the_place_of_another,
            what_is_left_may_be_asked_as_if_a_reservation_held_nothing,
            an_expired_reservation_holds_nothing_and_is_never_committed,
            every_limit_binds,
            what_stays_used_is_not_given_back,
            what_is_used_is_not_given_back_as_if_it_were_held,
            what_ended_long_ago_is_forgotten,
            an_order_redeems_a_quote_once,
        );
    };
    (@each $with:tt $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::contract_suite!(@run $with $case);
            }
        )*
    };
    (@run ($block_on:path, $world:expr) $case:ident) => {
        let world = $world;
        $block_on($crate::contract::$case(&world));
    };
    (@run ($run:path) $case:ident) => {
        $run(async |world| $crate::contract::$case(&world).await);
    };
}
