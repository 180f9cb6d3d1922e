//! The usage ledger in memory against a simple model, and under a storm of customers.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use pricestream_ports::contract::{Model, Storm};
use pricestream_ports::memory::{Immediate, Memory};
use proptest::prelude::*;

fn block_on(future: impl Future<Output = ()>) {
    assert_eq!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()), "these ports never wait");
}

proptest! {
    #[test]
    fn the_ledger_answers_as_the_model_does(steps in prop::collection::vec(any::<u64>(), 1..120)) {
        let (memory, mut model) = (Memory::<Immediate>::default(), Model::default());
        block_on(async {
            for step in steps {
                model.step(&memory, step).await;
            }
        });
    }
}

#[test]
fn sixty_four_customers_at_once_get_no_more_than_there_is() {
    let (memory, storm) = (Memory::<Immediate>::default(), Storm::default());
    std::thread::scope(|scope| {
        for number in 0..64 {
            let (memory, storm) = (&memory, &storm);
            scope.spawn(move || block_on(storm.customer(memory, number)));
        }
    });
    block_on(storm.adds_up(&memory));
}
