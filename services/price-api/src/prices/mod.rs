//! Reads of prices.

pub(crate) mod batch;
mod current;
mod explanation;
mod guest;
mod history;
mod lowest;
mod outlook;
mod view;

use axum::http::Method;
use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry, RecordReads};

pub use explanation::Explanation;
pub use guest::GuestPrice;
pub use history::HistoryEntry;
pub use outlook::Outlook;
pub use view::{PriceView, write_price};

use crate::api::{Api, World};
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::Routes;

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    let current = Operation::new("prices", "The current price")
        .answers::<PriceView>(200, "The price; `ETag` is its version, and the slice of its lane")
        .answers_any(304, "It is still the version of `If-None-Match`", "")
        .fails(&[Code::UnknownSku, Code::NoPrice, Code::Withdrawn, Code::Unavailable]);
    routes.add_bare(&Method::GET, "/v1/prices/{sku}", current::ReadPrice::new, current);
    let batch = Operation::new("prices", "The current prices of up to 1000 SKUs")
        .reads::<batch::Asked>()
        .answers::<batch::Prices>(200, "The prices, and what has none")
        .fails(&[Code::TooManySkus, Code::Unavailable]);
    routes.add(&Method::POST, "/v1/prices:batch", batch::prices::<W>, batch);
    let history = Operation::new("prices", "The decisions about a SKU, newest first")
        .query::<history::Page>()
        .answers::<history::History>(200, "A page of them")
        .fails(&[Code::UnknownSku, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/prices/{sku}/history", history::history::<W>, history);
    let explanation = Operation::new("prices", "Why the price is what it is: the newest decision, taken again")
        .answers::<Explanation>(200, "The decision and its reason, and what promotions make of it for a guest")
        .fails(&[Code::UnknownSku, Code::NoDecision, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/prices/{sku}/explanation", explanation::explanation::<W>, explanation);
    let lowest = Operation::new("prices", "The lowest price before the reduction that is on (Directive 98/6/EC, article 6a)")
        .query::<lowest::Asked>()
        .answers::<lowest::LowestPrice>(200, "The lowest price, its window, and the reduction")
        .fails(&[Code::UnknownSku, Code::NoPrice, Code::Withdrawn, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/prices/{sku}/lowest", lowest::lowest::<W>, lowest);
}

impl<W: World> Api<W> {
    /// What the record says, when the cache has nothing. Errors: there is no price to show, and why.
    pub(crate) async fn entry_of_record(&self, sku: &Sku) -> Result<CacheEntry, Problem> {
        let record = self.records.price(sku).await?;
        if let Some(entry) = record.as_ref().and_then(pricestream_ports::PriceRecord::cache_entry) {
            return Ok(entry);
        }
        self.known(sku).await?;
        let newest = if record.is_some() { self.records.history(sku, None, 1).await? } else { Vec::new() };
        let why = match newest.first() {
            Some(row) => format!("{sku} is refused a price: {}", explanation::sentence(&row.inputs.decide())),
            None => format!("{sku} is being priced for the first time: ask again in a second"),
        };
        Err(Problem::new(Code::NoPrice, why).with("sku", sku.as_str()))
    }

    /// Errors: the catalogue has no such SKU.
    pub(crate) async fn known(&self, sku: &Sku) -> Result<(), Problem> {
        match self.records.product(sku).await? {
            Some(_) => Ok(()),
            None => Err(unknown(sku)),
        }
    }

    /// The entry of `sku`, from the cache or else from the record.
    pub(crate) async fn entry(&self, sku: &Sku) -> Result<std::sync::Arc<CacheEntry>, Problem> {
        match self.cache.get(sku).await {
            Ok(Some(entry)) => Ok(entry),
            Ok(None) => self.entry_of_record(sku).await.map(Into::into),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the cache failed; reading the record");
                self.entry_of_record(sku).await.map(Into::into)
            }
        }
    }
}

pub(crate) fn unknown(sku: &Sku) -> Problem {
    let how = format!("{sku} is not in the catalogue: import it by POST /v1/admin/catalogue");
    Problem::new(Code::UnknownSku, how).with("sku", sku.as_str())
}

pub(crate) fn withdrawn(entry: &CacheEntry) -> Problem {
    let text = format!("{} is no longer sold, since {}", entry.sku, entry.since);
    Problem::new(Code::Withdrawn, text).with("sku", entry.sku.as_str()).with("price_version", entry.price_version.0)
}
