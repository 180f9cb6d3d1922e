use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use pricestream_domain::{PriceVersion, Sku};
use pricestream_ports::CacheEntry;
use pricestream_telemetry::Metrics;

use crate::prices::write_price;

/// What a connection wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Every SKU.
    All,
    /// These.
    Skus(Vec<Sku>),
}

/// Passes each entry that the cache takes to the connections that want it.
///
/// It holds the newest entry of each SKU, in the order in which they came, rendered once. A connection holds no more
/// than its place in that order: a slow one finds the newest entry of each SKU and none in between, so that memory does
/// not grow with connections, and nobody is ever shown an older price after a newer one.
pub struct StreamHub {
    state: Mutex<State>,
    metrics: Arc<Metrics>,
    most_streams: usize,
    /// Who else hears of each entry.
    listeners: RwLock<Vec<Listener>>,
}

/// Hears of each entry that the cache takes.
type Listener = Box<dyn Fn(&CacheEntry) + Send + Sync>;

#[derive(Default)]
struct State {
    /// Place of the newest change.
    last: u64,
    /// The newest change of each SKU.
    by_sku: HashMap<Sku, Arc<Change>>,
    by_place: BTreeMap<u64, Arc<Change>>,
    everyone: BTreeMap<u64, Arc<Bell>>,
    of_sku: HashMap<Sku, BTreeMap<u64, Arc<Bell>>>,
    streams: usize,
    next_stream: u64,
    /// When the hub was last told every price there is.
    complete_at: Option<Instant>,
    closed: bool,
}

/// An entry as it is sent.
struct Change {
    place: u64,
    version: PriceVersion,
    frame: Box<[u8]>,
}

/// Rings when there is something to fetch. Once for all that comes until it is answered.
#[derive(Default)]
pub(super) struct Bell {
    rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(waker) = lock(&self.waker).take()
        {
            waker.wake();
        }
    }

    /// Whether it has rung; if not, `waker` is woken when it does.
    pub(super) fn has_rung(&self, waker: &Waker) -> bool {
        *lock(&self.waker) = Some(waker.clone());
        self.rung.load(Ordering::Acquire)
    }
}

/// As many streams are open as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} streams are open, as many as may be")]
pub struct TooManyStreams(pub usize);

impl std::fmt::Debug for StreamHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamHub").field("streams", &self.streams()).finish_non_exhaustive()
    }
}

impl StreamHub {
    /// At most `most_streams` connections at a time; with none, the stream has no routes.
    pub fn new(metrics: Arc<Metrics>, most_streams: usize) -> Self {
        Self { state: Mutex::default(), metrics, most_streams, listeners: RwLock::default() }
    }

    /// Whether it takes any connections.
    pub(crate) const fn is_served(&self) -> bool {
        self.most_streams > 0
    }

    /// Passes `entry` on. From any thread; does not wait. What is not newer than what the hub holds of the SKU is dropped.
    pub fn publish(&self, entry: &Arc<CacheEntry>) {
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(entry);
        }
        let mut state = self.state();
        if state.streams == 0 {
            // Nobody listens: the next connection begins with a snapshot.
            if !state.by_sku.is_empty() {
                (state.by_sku, state.by_place, state.complete_at) = <_>::default();
            }
            return;
        }
        state.take(entry);
    }

    /// Has `listener` hear of each entry from now on, open streams or none. It must not wait.
    pub(crate) fn on_entry(&self, listener: impl Fn(&CacheEntry) + Send + Sync + 'static) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Subscribes. What is published from now on reaches the subscription; its first [`Subscription::fetch`] also gives
    /// whatever the hub holds of what it wants, so a snapshot is [`StreamHub::offer`]ed before.
    pub fn subscribe(self: &Arc<Self>, interest: Interest) -> Result<Subscription, TooManyStreams> {
        let mut state = self.state();
        if state.streams >= self.most_streams {
            return Err(TooManyStreams(self.most_streams));
        }
        let (id, bell) = (state.next_stream, Arc::new(Bell::default()));
        state.next_stream += 1;
        state.streams += 1;
        let wanted = match interest {
            Interest::All => {
                state.everyone.insert(id, Arc::clone(&bell));
                Wanted::All { seen: 0 }
            }
            Interest::Skus(mut skus) => {
                skus.sort_unstable();
                skus.dedup();
                for sku in &skus {
                    state.of_sku.entry(sku.clone()).or_default().insert(id, Arc::clone(&bell));
                }
                Wanted::Skus(skus.into_iter().map(|sku| (sku, PriceVersion(0))).collect())
            }
        };
        self.metrics.stream_connections.inc();
        Ok(Subscription { hub: Arc::clone(self), id, bell, wanted, fetched: false })
    }

    /// Tells the hub what a cache or a record holds, for a snapshot. It is passed on only if it is news to the hub.
    pub fn offer(&self, entry: &Arc<CacheEntry>) {
        self.state().take(entry);
    }

    /// Every price was offered within the last `age`: a snapshot of all needs no more reading.
    pub(super) fn is_complete(&self, age: Duration) -> bool {
        self.state().complete_at.is_some_and(|at| at.elapsed() < age)
    }

    /// Every price that there was at `since` has been offered.
    pub(super) fn completed(&self, since: Instant) {
        self.state().complete_at = Some(since);
    }

    /// Ends every stream, so that the server can stop.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.everyone.values().chain(state.of_sku.values().flat_map(BTreeMap::values)).for_each(|bell| bell.ring());
    }

    /// Open streams.
    pub fn streams(&self) -> usize {
        self.state().streams
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn take(&mut self, entry: &Arc<CacheEntry>) {
        let before = self.by_sku.get(&entry.sku);
        if before.is_some_and(|before| before.version >= entry.price_version) {
            return;
        }
        if let Some(before) = before {
            self.by_place.remove(&before.place);
        }
        self.last += 1;
        let change = Arc::new(Change { place: self.last, version: entry.price_version, frame: frame(entry) });
        self.by_place.insert(self.last, Arc::clone(&change));
        self.by_sku.insert(entry.sku.clone(), change);
        self.everyone
            .values()
            .chain(self.of_sku.get(&entry.sku).into_iter().flat_map(BTreeMap::values))
            .for_each(|bell| bell.ring());
    }
}

/// One event of a stream, whole.
fn frame(entry: &CacheEntry) -> Box<[u8]> {
    let mut frame = Vec::with_capacity(384);
    frame.extend_from_slice(if entry.price.is_some() { b"event: price\nid: " } else { b"event: withdrawn\nid: " });
    frame.extend_from_slice(entry.sku.as_bytes());
    frame.push(b':');
    frame.extend_from_slice(entry.price_version.0.to_string().as_bytes());
    frame.extend_from_slice(b"\ndata: ");
    write_price(entry, None, &mut frame);
    frame.extend_from_slice(b"\n\n");
    frame.into_boxed_slice()
}

/// One connection's place in what the hub holds.
pub struct Subscription {
    hub: Arc<StreamHub>,
    id: u64,
    bell: Arc<Bell>,
    wanted: Wanted,
    fetched: bool,
}

enum Wanted {
    /// Everything up to this place was fetched.
    All { seen: u64 },
    /// Of each SKU this version was fetched.
    Skus(Vec<(Sku, PriceVersion)>),
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// The hub was closed: nothing more comes.
    pub(super) fn is_closed(&self) -> bool {
        self.hub.state().closed
    }

    /// Appends the newest event of each SKU that moved since the last call. Says how many there were.
    pub fn fetch(&mut self, out: &mut Vec<u8>) -> usize {
        let state = self.hub.state();
        // Changes are taken and rung for under the same lock: what comes after this look rings again.
        self.bell.rung.store(false, Ordering::Release);
        let mut found: Vec<Arc<Change>> = Vec::new();
        let mut conflated = 0;
        match &mut self.wanted {
            Wanted::All { seen } => {
                found.extend(state.by_place.range(*seen + 1..).map(|(_, change)| Arc::clone(change)));
                conflated = state.last - *seen - found.len() as u64;
                *seen = state.last;
            }
            Wanted::Skus(skus) => {
                for (sku, seen) in skus {
                    if let Some(change) = state.by_sku.get(sku).filter(|change| change.version > *seen) {
                        conflated += change.version.0 - seen.0 - 1;
                        *seen = change.version;
                        found.push(Arc::clone(change));
                    }
                }
            }
        }
        drop(state);
        // What was before the snapshot was not missed.
        if std::mem::replace(&mut self.fetched, true) && conflated > 0 {
            self.hub.metrics.stream_conflated.inc_by(conflated);
        }
        out.reserve(found.iter().map(|change| change.frame.len()).sum());
        for change in &found {
            out.extend_from_slice(&change.frame);
        }
        found.len()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.streams -= 1;
        state.everyone.remove(&self.id);
        if let Wanted::Skus(skus) = &self.wanted {
            for (sku, _) in skus {
                if let Some(bells) = state.of_sku.get_mut(sku) {
                    bells.remove(&self.id);
                    if bells.is_empty() {
                        state.of_sku.remove(sku);
                    }
                }
            }
        }
        self.hub.metrics.stream_connections.dec();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pricestream_domain::{Currency, Money};

    use super::*;

    fn entry(sku: &str, version: u64) -> Arc<CacheEntry> {
        Arc::new(CacheEntry {
            sku: Sku::new(sku).unwrap(),
            price_version: PriceVersion(version),
            price: (!version.is_multiple_of(10)).then(|| Money::new(i64::try_from(version).unwrap(), Currency::USD)),
            list_price: None,
            since: Timestamp::UNIX_EPOCH,
            lane: None,
        })
    }

    fn hub() -> (Arc<StreamHub>, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        (Arc::new(StreamHub::new(Arc::clone(&metrics), 100)), metrics)
    }

    fn ids(subscription: &mut Subscription) -> Vec<String> {
        let mut out = Vec::new();
        let count = subscription.fetch(&mut out);
        let text = String::from_utf8(out).unwrap();
        let ids: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("id: ").map(str::to_owned)).collect();
        assert_eq!(ids.len(), count);
        ids
    }

    fn some(skus: &[&str]) -> Interest {
        Interest::Skus(skus.iter().map(|sku| Sku::new(sku).unwrap()).collect())
    }

    #[test]
    fn a_slow_reader_gets_the_newest_of_each_sku_and_what_it_missed_is_counted() {
        for (interest, missed) in [(Interest::All, 3), (some(&["A", "B"]), 3)] {
            let (hub, metrics) = hub();
            let mut reader = hub.subscribe(interest).unwrap();
            hub.offer(&entry("A", 1));
            assert_eq!(ids(&mut reader), ["A:1"]);
            for version in 2..=4 {
                hub.publish(&entry("A", version));
            }
            hub.publish(&entry("B", 1));
            hub.publish(&entry("A", 5));
            let mut got = ids(&mut reader);
            got.sort();
            assert_eq!(got, ["A:5", "B:1"]);
            assert_eq!(metrics.stream_conflated.get(), missed);
            assert!(ids(&mut reader).is_empty());
        }
    }

    #[test]
    fn an_older_version_is_never_passed_on_after_a_newer_one() {
        for interest in [Interest::All, some(&["A"])] {
            let (hub, _) = hub();
            let mut reader = hub.subscribe(interest.clone()).unwrap();
            hub.publish(&entry("A", 5));
            assert_eq!(ids(&mut reader), ["A:5"]);
            for version in [4, 5, 1] {
                hub.publish(&entry("A", version));
                hub.offer(&entry("A", version)); // a cache that lags behind, read for somebody's snapshot
                assert!(ids(&mut reader).is_empty(), "{version}");
            }
            let mut late = hub.subscribe(interest).unwrap();
            assert_eq!(ids(&mut late), ["A:5"], "the hub knows better than the snapshot offered");
        }
    }

    #[test]
    fn a_reader_hears_of_its_skus_alone_and_withdrawals_are_events_of_their_own() {
        let (hub, _) = hub();
        let mut reader = hub.subscribe(some(&["A"])).unwrap();
        hub.publish(&entry("B", 1));
        assert!(ids(&mut reader).is_empty());
        hub.publish(&entry("A", 10));
        let mut out = Vec::new();
        reader.fetch(&mut out);
        let expected =
            "event: withdrawn\nid: A:10\ndata: {\"sku\":\"A\",\"price_version\":10,\"since\":\"1970-01-01T00:00:00Z\"}\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn streams_are_limited_and_counted_and_the_last_one_leaves_nothing_behind() {
        let metrics = Arc::new(Metrics::default());
        let hub = Arc::new(StreamHub::new(Arc::clone(&metrics), 2));
        let first = hub.subscribe(Interest::All).unwrap();
        let second = hub.subscribe(some(&["A", "A", "B"])).unwrap();
        assert_eq!(hub.subscribe(Interest::All).unwrap_err(), TooManyStreams(2));
        hub.publish(&entry("A", 1));
        assert_eq!(metrics.stream_connections.get(), 2);
        drop((first, second));
        assert_eq!((metrics.stream_connections.get(), hub.streams()), (0, 0));
        hub.publish(&entry("A", 2));
        let state = hub.state();
        assert!(state.by_sku.is_empty() && state.by_place.is_empty() && state.of_sku.is_empty() && state.everyone.is_empty());
    }

    #[test]
    fn the_bell_rings_for_whatever_comes_while_a_reader_is_fetching() {
        use std::sync::atomic::AtomicU64;
        const DONE: u64 = u64::MAX;
        let (hub, _) = hub();
        let mut reader = hub.subscribe(some(&["A"])).unwrap();
        let held = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while held.load(Ordering::Acquire) != DONE {
                    if reader.bell().has_rung(Waker::noop())
                        && let Some(id) = ids(&mut reader).pop()
                    {
                        held.fetch_max(id[2..].parse().unwrap(), Ordering::AcqRel);
                    }
                }
            });
            let started = Instant::now();
            for round in (1..).take_while(|_| started.elapsed() < Duration::from_secs(1)) {
                // The second comes while the reader is busy with the first.
                hub.publish(&entry("A", 2 * round - 1));
                for _ in 0..round % 64 {
                    std::hint::spin_loop();
                }
                hub.publish(&entry("A", 2 * round));
                let began = Instant::now();
                while held.load(Ordering::Acquire) < 2 * round {
                    if began.elapsed() > Duration::from_secs(5) {
                        held.store(DONE, Ordering::Release);
                        panic!("nobody rang for version {}", 2 * round);
                    }
                    std::thread::yield_now();
                }
            }
            held.store(DONE, Ordering::Release);
        });
    }

    #[test]
    fn no_change_is_lost_and_none_goes_back_while_many_threads_publish_and_connect() {
        const SKUS: usize = 20;
        const VERSIONS: u64 = 400;
        let (hub, _) = hub();
        // The cache: written before the hub is told, under one lock a SKU, as the embedded one does.
        let cache: Arc<Vec<Mutex<Arc<CacheEntry>>>> =
            Arc::new((0..SKUS).map(|sku| Mutex::new(entry(&format!("S{sku}"), 1))).collect());
        std::thread::scope(|scope| {
            for half in 0..2 {
                let (hub, cache) = (Arc::clone(&hub), Arc::clone(&cache));
                scope.spawn(move || {
                    for version in 2..=VERSIONS {
                        for sku in (half..SKUS).step_by(2) {
                            let mut slot = cache[sku].lock().unwrap();
                            *slot = entry(&format!("S{sku}"), version);
                            hub.publish(&slot);
                        }
                    }
                });
            }
            for reader in 0..8 {
                let (hub, cache) = (Arc::clone(&hub), Arc::clone(&cache));
                scope.spawn(move || {
                    let all = (0..SKUS).map(|sku| Sku::new(&format!("S{sku}")).unwrap()).collect();
                    let interest = if reader % 2 == 0 { Interest::All } else { Interest::Skus(all) };
                    let mut subscription = hub.subscribe(interest).unwrap();
                    for slot in cache.iter() {
                        let entry = Arc::clone(&slot.lock().unwrap());
                        hub.offer(&entry);
                    }
                    let mut held = HashMap::<String, u64>::new();
                    let started = Instant::now();
                    while held.values().filter(|version| **version == VERSIONS).count() < SKUS {
                        assert!(started.elapsed() < Duration::from_mins(1), "a change was lost: {held:?}");
                        for id in ids(&mut subscription) {
                            let (sku, version) = id.split_once(':').unwrap();
                            let version = version.parse().unwrap();
                            let before = held.insert(sku.to_owned(), version);
                            assert!(before.is_none_or(|before| before < version), "{sku}: {before:?} then {version}");
                        }
                        std::thread::yield_now();
                    }
                });
            }
        });
    }
}
