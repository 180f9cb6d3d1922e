//! The contract suite over the ports in memory.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pricestream_ports::contract::{MAX_RECEIVE_COUNT, SampleSubscriber, VISIBILITY, World};
use pricestream_ports::memory::Memory;
use pricestream_ports::{
    BatchOutcome, Bus, Cache, Delivery, Documents, Orders, PriceRecord, QueueSettings, Records, Usage, contract_suite,
};

struct MemoryWorld(Memory);

fn world() -> MemoryWorld {
    let memory = Memory::default();
    for SampleSubscriber { queue, pattern } in SampleSubscriber::ALL {
        memory.subscribe(queue, pattern, QueueSettings { visibility_timeout: VISIBILITY, max_receive_count: MAX_RECEIVE_COUNT });
    }
    MemoryWorld(memory)
}

impl World for MemoryWorld {
    fn records(&self) -> &impl Records {
        &self.0
    }
    fn documents(&self) -> &impl Documents {
        &self.0
    }
    fn usage(&self) -> &impl Usage {
        &self.0
    }
    fn orders(&self) -> &impl Orders {
        &self.0
    }
    fn bus(&self) -> &impl Bus {
        &self.0
    }
    fn cache(&self) -> &impl Cache {
        &self.0
    }
    fn wipe_cache(&self) {
        self.0.tables().cache.clear();
    }
    async fn receive(&self, queue: &str, most: usize) -> Vec<Delivery> {
        self.0.receive(queue, most)
    }
    async fn finish(&self, queue: &str, batch: Vec<Delivery>, outcome: BatchOutcome) {
        self.0.finish(queue, &batch, &outcome);
    }
    async fn pass(&self, time: Duration) {
        self.0.pass(time);
    }
    async fn dead_letters(&self, queue: &str) -> Vec<String> {
        let mut tables = self.0.tables();
        let mut bodies: Vec<String> = tables.dead(queue).iter().map(|dead| dead.body.to_string()).collect();
        bodies.extend(tables.quarantine.get(queue).into_iter().flatten().map(|(delivery, _)| delivery.body.to_string()));
        bodies
    }
    async fn images(&self) -> Vec<PriceRecord> {
        self.0.tables().stream.clone()
    }
}

fn block_on(future: impl Future<Output = ()>) {
    assert_eq!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()), "these ports never wait");
}

contract_suite!(block_on, world());
