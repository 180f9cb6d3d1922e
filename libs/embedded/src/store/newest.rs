use foldhash::{HashMap, HashMapExt};
use pricestream_ports::{AlertState, Inventory, PriceRecord};

/// SKUs remembered of each kind, at most: some tens of megabytes.
const MOST: usize = 50_000;

/// Records as they stand in the file, by number of their SKU, so that a change of a busy SKU need not read them. Only the
/// store that is open to write remembers any: nobody else changes its file. A rollback forgets them all.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// Those that were written, each with its row of the history.
    pub(super) prices: Remembered<(PriceRecord, i64)>,
    /// Those that were written.
    pub(super) inventory: Remembered<Inventory>,
    /// Those that were written.
    pub(super) alert_states: Remembered<AlertState>,
    /// Revision and document.
    pub(super) products: Remembered<(u64, i64)>,
    /// Documents; `None` where no override is set.
    pub(super) overrides: Remembered<Option<i64>>,
}

/// By number of the SKU.
#[derive(Debug)]
pub(super) struct Remembered<T>(HashMap<i64, T>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Remembered<T> {
    pub(super) fn get(&self, number: i64) -> Option<&T> {
        self.0.get(&number)
    }

    pub(super) fn put(&mut self, number: i64, value: T) {
        if self.0.len() >= MOST && !self.0.contains_key(&number) {
            self.0.clear();
        }
        self.0.insert(number, value);
    }

    pub(super) fn remove(&mut self, number: i64) {
        self.0.remove(&number);
    }
}
