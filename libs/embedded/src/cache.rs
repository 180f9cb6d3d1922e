use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;
use foldhash::fast::RandomState;
use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, PortError};

/// Told of each entry that the cache takes: the price stream.
pub trait CacheListener: Send + Sync {
    /// `entry` is in the cache now.
    fn applied(&self, entry: &Arc<CacheEntry>);
}

/// Shards: enough that readers on a few cores do not meet a writer.
const SHARDS: usize = 64;

/// The price cache of one process. Readers share a lock per shard; a write is one compare-and-set under it.
pub struct EmbeddedCache {
    shards: Vec<RwLock<HashMap<Sku, Arc<CacheEntry>>>>,
    hasher: RandomState,
    listener: Option<Arc<dyn CacheListener>>,
}

impl std::fmt::Debug for EmbeddedCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedCache").field("entries", &self.len()).finish_non_exhaustive()
    }
}

impl EmbeddedCache {
    /// Empty; `listener` hears of each entry taken.
    pub fn new(listener: Option<Arc<dyn CacheListener>>) -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), hasher: RandomState::default(), listener }
    }

    /// The entry of `sku`, tombstones included.
    pub fn look_up(&self, sku: &str) -> Option<Arc<CacheEntry>> {
        self.shard(sku).read().unwrap_or_else(PoisonError::into_inner).get(sku).cloned()
    }

    /// Entries held, tombstones included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything, as a lost cache does.
    pub fn wipe(&self) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn shard(&self, sku: &str) -> &RwLock<HashMap<Sku, Arc<CacheEntry>>> {
        let hash = self.hasher.hash_one(sku);
        &self.shards[usize::try_from(hash % SHARDS as u64).expect("a shard number fits")]
    }

    fn compare_and_set(&self, entry: &CacheEntry, if_absent: IfAbsent) -> CacheWrite {
        let mut shard = self.shard(&entry.sku).write().unwrap_or_else(PoisonError::into_inner);
        match shard.get(&entry.sku) {
            None if if_absent == IfAbsent::Report => return CacheWrite::Absent,
            Some(there) if there.price_version == entry.price_version => return CacheWrite::Equal,
            Some(there) if there.price_version > entry.price_version => return CacheWrite::Stale,
            _ => {}
        }
        let entry = Arc::new(entry.clone());
        shard.insert(entry.sku.clone(), Arc::clone(&entry));
        // Under the lock, so that listeners hear of a SKU's entries in their order.
        if let Some(listener) = &self.listener {
            listener.applied(&entry);
        }
        CacheWrite::Applied
    }
}

impl Cache for EmbeddedCache {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        Ok(self.look_up(sku))
    }

    async fn put_if_newer(&self, entry: &CacheEntry, if_absent: IfAbsent) -> Result<CacheWrite, PortError> {
        Ok(self.compare_and_set(entry, if_absent))
    }
}
