use jiff::Timestamp;
use pricestream_domain::{Lane, Money, Sku};
use pricestream_promotion_engine::{AnsweredPromotion, BasketError, Quote, QuoteRequest, RequestedLine};
use schemars::JsonSchema;
use serde::Serialize;

/// What one unit costs a guest for as long as that stays so, and what became of each promotion that concerns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GuestPrice {
    /// The first instant of it.
    pub from: Timestamp,
    /// The first instant after it; absent while none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What is paid.
    pub payable: Money,
    /// What became of each promotion, in the order in which they run: what it takes off, or why it does not apply.
    pub promotions: Vec<AnsweredPromotion>,
}

impl GuestPrice {
    /// What is to be quoted.
    pub fn request(sku: &Sku) -> QuoteRequest {
        QuoteRequest { lines: vec![RequestedLine::of(sku.clone())], ..QuoteRequest::default() }
    }

    /// The slice of `lane` that `now` lies in and the next one, as `quote` prices them at an instant. None: no promotion concerns
    /// the SKU.
    pub fn now_and_next(
        lane: Option<&Lane>,
        now: Timestamp,
        quote: impl Fn(Timestamp) -> Result<Quote, BasketError>,
    ) -> Result<Vec<Self>, BasketError> {
        let next = lane.and_then(|lane| lane.next_change(now));
        let end = |from: Timestamp| lane.and_then(|lane| lane.next_change(from).or(lane.until()));
        let since = lane.and_then(|lane| lane.at(now)).map_or(now, |slice| slice.from);
        let instants = [(since, now)].into_iter().chain(next.map(|next| (next, next)));
        let slices = instants.map(|(from, at)| {
            let quote = quote(at)?;
            let payable = Money::new(quote.lines[0].payable, quote.currency);
            Ok(Self { from, until: end(at), payable, promotions: quote.answer().promotions })
        });
        let slices = slices.collect::<Result<Vec<_>, _>>()?;
        Ok(if slices.iter().all(|slice| slice.promotions.is_empty()) { Vec::new() } else { slices })
    }
}
