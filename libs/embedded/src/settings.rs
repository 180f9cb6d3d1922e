use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use pricestream_ports::{Documents, PortError, Settings, SettingsRecord, SettingsSnapshot};

use crate::Store;

/// The settings of one process: read when it starts, swapped whole when they are published.
#[derive(Debug)]
pub struct EmbeddedSettings {
    store: Arc<Store>,
    current: ArcSwap<SettingsSnapshot>,
}

impl EmbeddedSettings {
    /// Frozen until the first `refresh` finds settings.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, current: ArcSwap::from_pointee(SettingsSnapshot::frozen()) }
    }

    /// Reads them anew whatever is in force: after a rollback what is in force may never have been stored.
    pub async fn reload(&self) -> Result<(), PortError> {
        match self.store.settings().await? {
            Some(stored) => self.put_in_force(&stored),
            None => self.current.store(Arc::new(SettingsSnapshot::frozen())),
        }
        Ok(())
    }

    fn put_in_force(&self, stored: &SettingsRecord) {
        let (snapshot, problems) = SettingsSnapshot::of(stored, &self.current.load());
        if problems > 0 {
            // Documents are checked before they are stored, so this is a store written by another version.
            tracing::error!(problems, "the stored settings documents cannot be read: the last good ones stay in force");
        }
        self.current.store(Arc::new(snapshot));
    }
}

impl Settings for EmbeddedSettings {
    fn current(&self) -> Arc<SettingsSnapshot> {
        self.current.load_full()
    }

    async fn refresh(&self, _: Timestamp) -> Result<(), PortError> {
        let Some(stored) = self.store.settings().await? else {
            return Ok(());
        };
        if self.current.load().rev >= stored.rev && self.current.load().strategies.is_some() {
            return Ok(());
        }
        self.put_in_force(&stored);
        Ok(())
    }
}
