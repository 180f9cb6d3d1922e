use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use pricestream_http::Tokens;
use pricestream_ports::{Cache, Clock, Documents, OrderReads, RecordReads, Settings, UsageReads};
use pricestream_telemetry::Metrics;

use crate::desk::Desk;
use crate::ledger::Ledger;
use crate::quotes::{Circuit, Items};
use crate::routes::Routes;
use crate::signed_quote::QuoteKey;
use crate::stream::StreamHub;
use crate::{admin, operations, orders, prices, quotes, stock, stream};

/// The types that a composition is made of.
pub trait World: Send + Sync + 'static {
    /// Reads of the record store.
    type Records: RecordReads + 'static;
    /// Reads of the settings.
    type Documents: Documents + 'static;
    /// What a price is read from.
    type Cache: Cache + 'static;
    /// Settings ready for use.
    type Settings: Settings + 'static;
    /// Reads of the usage ledger and of the orders.
    type Usage: UsageReads + OrderReads + 'static;
    /// Where changes go.
    type Desk: Desk;
    /// What an administrator may look at.
    type Ledger: Ledger;
}

/// What the routes work on.
pub struct Api<W: World> {
    /// Read when the cache has no entry, and for history.
    pub records: Arc<W::Records>,
    /// For mode and strategies.
    pub documents: Arc<W::Documents>,
    /// What baskets are priced under.
    pub settings: Arc<W::Settings>,
    /// Products with their prices, as they were read a moment ago.
    pub items: Items,
    /// Which components of promotions are left out because they keep failing.
    pub circuit: Circuit,
    /// Read first.
    pub cache: Arc<W::Cache>,
    /// What is left of limited promotions, and the orders.
    pub usage: Arc<W::Usage>,
    /// Takes what changes something.
    pub desk: Arc<W::Desk>,
    /// For dead letters, alerts and status.
    pub ledger: Arc<W::Ledger>,
    /// Hears of each entry that the cache takes.
    pub hub: Arc<StreamHub>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The time that prices are a function of.
    pub clock: Arc<dyn Clock>,
    /// What quotes are signed with.
    pub quote_key: QuoteKey,
    /// Who may do what.
    pub tokens: Tokens,
    /// The cache is warm: `/readyz` says so.
    pub ready: Arc<AtomicBool>,
}

/// All routes. A page of one's own is merged with it.
pub fn router<W: World>(api: Api<W>) -> Router {
    let api = Arc::new(api);
    let mut routes = Routes::new(&api);
    let items = api.items.clone();
    api.hub.on_entry(move |entry| items.forget(&entry.sku));
    prices::routes(&mut routes);
    quotes::routes(&mut routes);
    stock::routes(&mut routes);
    orders::routes(&mut routes);
    if api.hub.is_served() {
        stream::routes(&mut routes);
    }
    admin::routes(&mut routes);
    operations::routes(&mut routes);
    routes.finish()
}
