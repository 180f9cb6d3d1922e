//! The usage ledger in a SQLite file against a simple model, under a storm of customers, and across crashes.

use std::fs;
use std::path::Path;

use pricestream_embedded::{Access, Durability, Store, ready};
use pricestream_ports::contract::{Model, Storm};
use proptest::prelude::*;

fn open(directory: &Path) -> Store {
    Store::open(directory, Access::Write(Durability::Process)).unwrap()
}

/// The files as a process leaves them that is killed now.
fn crash(directory: &Path) -> tempfile::TempDir {
    let after = tempfile::tempdir().unwrap();
    for file in ["pricestream.db", "pricestream.db-wal"] {
        fs::copy(directory.join(file), after.path().join(file)).unwrap();
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_ledger_answers_as_the_model_does_also_after_crashes(
        steps in prop::collection::vec(any::<u64>(), 1..120),
        crashes in prop::collection::btree_set(0..120_usize, 0..4),
    ) {
        let mut directory = tempfile::tempdir().unwrap();
        let (mut store, mut model) = (open(directory.path()), Model::default());
        for (place, step) in steps.into_iter().enumerate() {
            ready(model.step(&store, step));
            if crashes.contains(&place) {
                let after = crash(directory.path());
                drop(store);
                store = open(after.path());
                directory = after;
                ready(model.agrees(&store));
            }
        }
        drop(directory);
    }
}

#[test]
fn sixty_four_customers_at_once_get_no_more_than_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let (store, storm) = (open(directory.path()), Storm::default());
    std::thread::scope(|scope| {
        for number in 0..64 {
            let (store, storm) = (&store, &storm);
            scope.spawn(move || ready(storm.customer(store, number)));
        }
    });
    let after = crash(directory.path());
    ready(storm.adds_up(&store));
    ready(storm.adds_up(&open(after.path())));
}
