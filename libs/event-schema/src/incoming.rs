use crate::{
    Body, DecodeError, Event, LowStockV1, PriceChangedV1, ProductChangedV1, Received, RepriceRequestedV1, StockChangedV1,
    TraceContext,
};

/// Any event, for a queue that carries several types.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Stock changed.
    StockChanged(Received<StockChangedV1>),
    /// A price changed or was kept.
    PriceChanged(Received<PriceChangedV1>),
    /// Stock fell to its warning level.
    LowStock(Received<LowStockV1>),
    /// A catalogue line changed.
    ProductChanged(Received<ProductChangedV1>),
    /// A price record is behind.
    RepriceRequested(Received<RepriceRequestedV1>),
}

impl Incoming {
    /// Reads whichever event it is. Errors: those of [`decode`](crate::decode), and `UnknownType`.
    pub fn decode(body: &Body) -> Result<Self, DecodeError> {
        match &*body.detail_type()? {
            StockChangedV1::DETAIL_TYPE => body.decode().map(Self::StockChanged),
            PriceChangedV1::DETAIL_TYPE => body.decode().map(Self::PriceChanged),
            LowStockV1::DETAIL_TYPE => body.decode().map(Self::LowStock),
            ProductChangedV1::DETAIL_TYPE => body.decode().map(Self::ProductChanged),
            RepriceRequestedV1::DETAIL_TYPE => body.decode().map(Self::RepriceRequested),
            other => Err(DecodeError::UnknownType { found: crate::json_error::shorten(other) }),
        }
    }

    /// As `decode`, from bytes that may be no text.
    pub fn decode_bytes(body: &[u8]) -> Result<Self, DecodeError> {
        match str::from_utf8(body) {
            Ok(body) => Self::decode(&body.into()),
            Err(error) => Err(DecodeError::NotUtf8 { at: error.valid_up_to() }),
        }
    }

    /// Its deterministic id.
    pub fn id(&self) -> &str {
        match self {
            Self::StockChanged(event) => &event.id,
            Self::PriceChanged(event) => &event.id,
            Self::LowStock(event) => &event.id,
            Self::ProductChanged(event) => &event.id,
            Self::RepriceRequested(event) => &event.id,
        }
    }

    /// The SKU that it is about.
    pub const fn sku(&self) -> &pricestream_domain::Sku {
        match self {
            Self::StockChanged(event) => &event.data.sku,
            Self::PriceChanged(event) => &event.data.sku,
            Self::LowStock(event) => &event.data.sku,
            Self::ProductChanged(event) => &event.data.sku,
            Self::RepriceRequested(event) => &event.data.sku,
        }
    }

    /// The sender's span.
    pub const fn trace(&self) -> Option<&TraceContext> {
        match self {
            Self::StockChanged(event) => event.trace.as_ref(),
            Self::PriceChanged(event) => event.trace.as_ref(),
            Self::LowStock(event) => event.trace.as_ref(),
            Self::ProductChanged(event) => event.trace.as_ref(),
            Self::RepriceRequested(event) => event.trace.as_ref(),
        }
    }
}
