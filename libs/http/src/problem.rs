//! What went wrong with a request, as it is answered.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pricestream_ports::PortError;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:ident, $title:literal;)*) => {
        /// Every kind of problem that the API answers with. A name never changes once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name, such as `unknown-sku`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// RFC 9457 `type`: what a client may switch on.
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$variant => concat!("urn:pricestream:problem:", $name)),* }
            }

            /// The status that goes with it.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),* }
            }

            /// RFC 9457 `title`: the same for each occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

codes! {
    /// The path holds what cannot be a SKU.
    BadSku = "bad-sku", BAD_REQUEST, "Not a SKU";
    /// The query cannot be used.
    BadQuery = "bad-query", BAD_REQUEST, "The query cannot be used";
    /// The body is not JSON, or not of the shape asked for.
    BadBody = "bad-body", BAD_REQUEST, "The body cannot be read";
    /// A stock change that is none.
    BadStockChange = "bad-stock-change", BAD_REQUEST, "Not a stock change";
    /// A catalogue line that is none.
    BadProduct = "bad-product", UNPROCESSABLE_ENTITY, "Not a catalogue line";
    /// More SKUs than one request may ask for.
    TooManySkus = "too-many-skus", UNPROCESSABLE_ENTITY, "Too many SKUs";
    /// The strategies document has problems.
    BadStrategies = "bad-strategies", UNPROCESSABLE_ENTITY, "The strategies document has problems";
    /// There is no such version of the settings.
    UnknownVersion = "unknown-version", NOT_FOUND, "There were no settings of that number";
    /// Nothing is on trial.
    NoRollout = "no-rollout", NOT_FOUND, "No rollout was begun";
    /// The rollout cannot go there.
    BadRollout = "bad-rollout", UNPROCESSABLE_ENTITY, "The rollout cannot go to that stage";
    /// The rule set has problems.
    BadRuleSet = "bad-rule-set", UNPROCESSABLE_ENTITY, "The rule set has problems";
    /// There is no such component to switch.
    BadSwitch = "bad-switch", UNPROCESSABLE_ENTITY, "There is no such component";
    /// No rule set is in force.
    NoRuleSet = "no-rule-set", NOT_FOUND, "No rule set was published yet";
    /// A basket that cannot be priced.
    BadBasket = "bad-basket", UNPROCESSABLE_ENTITY, "The basket cannot be priced";
    /// The policies forbid the sale.
    NotSellable = "not-sellable", CONFLICT, "The rule set's policies forbid the sale";
    /// The override cannot be set.
    BadOverride = "bad-override", UNPROCESSABLE_ENTITY, "The override cannot be set";
    /// It does not say who.
    Unsigned = "unsigned", UNPROCESSABLE_ENTITY, "It does not say who";
    /// There is no such catalogue line.
    UnknownSku = "unknown-sku", NOT_FOUND, "Unknown SKU";
    /// There is no price to show.
    NoPrice = "no-price", CONFLICT, "The SKU has no price";
    /// No longer sold.
    Withdrawn = "withdrawn", GONE, "The price was withdrawn";
    /// Nothing was ever decided about it.
    NoDecision = "no-decision", NOT_FOUND, "Nothing was decided yet";
    /// Another system publishes the SKU.
    OtherOrigin = "other-origin", CONFLICT, "Another system publishes this SKU";
    /// A number used twice for two changes.
    Contradiction = "contradiction", CONFLICT, "The number was another change before";
    /// It did not occur about now.
    OtherTime = "other-time", UNPROCESSABLE_ENTITY, "The change is too far from the present";
    /// No override is in force.
    NoOverride = "no-override", NOT_FOUND, "No override is in force";
    /// The text is no signed quote.
    BadQuote = "bad-quote", BAD_REQUEST, "Not a signed quote";
    /// It was signed with another key.
    OtherKey = "other-key", UNPROCESSABLE_ENTITY, "The quote was signed with another key";
    /// It is not what was signed.
    BadSignature = "bad-signature", UNPROCESSABLE_ENTITY, "The quote is not what was signed";
    /// It cannot be redeemed any more.
    QuoteExpired = "quote-expired", GONE, "The quote has expired";
    /// Another order redeemed it.
    QuoteRedeemed = "quote-redeemed", CONFLICT, "The quote was redeemed already";
    /// The order redeemed another one.
    OtherQuote = "other-quote", CONFLICT, "The order redeemed another quote";
    /// The header holds what cannot be a key.
    BadIdempotencyKey = "bad-idempotency-key", BAD_REQUEST, "Not an Idempotency-Key";
    /// The key names something else.
    IdempotencyKeyTaken = "idempotency-key-taken", CONFLICT, "The Idempotency-Key names another quote";
    /// The path or the query holds what cannot be a quote's name.
    BadQuoteId = "bad-quote-id", BAD_REQUEST, "Not the name of a quote";
    /// The path holds what cannot be an order's id.
    BadOrderId = "bad-order-id", BAD_REQUEST, "Not an order id";
    /// There is no such order.
    UnknownOrder = "unknown-order", NOT_FOUND, "Unknown order";
    /// The order has no such line.
    UnknownLine = "unknown-line", UNPROCESSABLE_ENTITY, "The order has no such line";
    /// More units come back than are still out.
    TooManyUnits = "too-many-units", UNPROCESSABLE_ENTITY, "More units come back than are out";
    /// It is not known what the units of the order cost singly.
    NoUnitPrices = "no-unit-prices", CONFLICT, "The order's quote carried no unit prices";
    /// Too little is left of a limited promotion.
    LimitReached = "limit-reached", CONFLICT, "Too little is left of a promotion";
    /// Nothing was published yet.
    NoSettings = "no-settings", NOT_FOUND, "No settings were published yet";
    /// No dead letter has the number.
    UnknownDeadLetter = "unknown-dead-letter", NOT_FOUND, "Unknown dead letter";
    /// No route has the path.
    UnknownRoute = "unknown-route", NOT_FOUND, "Unknown route";
    /// The route has no such method.
    BadMethod = "bad-method", METHOD_NOT_ALLOWED, "The route has no such method";
    /// The body is too long.
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "The body is too long";
    /// The body is of another type.
    BadMediaType = "bad-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of another type";
    /// A token is missing or wrong.
    Unauthorized = "unauthorized", UNAUTHORIZED, "A valid token is needed";
    /// No token was configured, so nobody may.
    NoToken = "no-token", FORBIDDEN, "No token was configured";
    /// Something else was faster, each time.
    Contended = "contended", CONFLICT, "Somebody else was faster";
    /// Too much is waiting.
    Busy = "busy", SERVICE_UNAVAILABLE, "Too much is waiting";
    /// Nothing of it was kept.
    NotStored = "not-stored", INSUFFICIENT_STORAGE, "It could not be stored";
    /// A store or a cache does not answer.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "A store does not answer";
    /// What is stored cannot be read.
    Corrupt = "corrupt", INTERNAL_SERVER_ERROR, "What is stored cannot be read";
    /// The cache is not warm yet.
    NotReady = "not-ready", SERVICE_UNAVAILABLE, "Not ready yet";
    /// As many streams are open as may be.
    TooManyStreams = "too-many-streams", SERVICE_UNAVAILABLE, "Too many streams are open";
}

/// What went wrong with a request, and what to do next.
///
/// As a response it is rendered by the layer around each route, which knows the `instance`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: Code,
    detail: String,
    members: Map<String, Value>,
}

/// A problem as it is written (RFC 9457). Some kinds have more members: `errors`, `sku`, `line`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemDocument<'a> {
    /// What kind it is: a client may switch on it.
    r#type: &'a str,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What was wrong this time, and what to do next.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// `detail` says what was wrong this time and what to do next.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), members: Map::new() }
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// With another text.
    #[must_use]
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// What kind it is.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What was wrong this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The response to a request for `instance`.
    pub fn respond(&self, instance: &str) -> Response {
        let document = ProblemDocument {
            r#type: self.code.uri(),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            instance,
            members: &self.members,
        };
        let body = serde_json::to_vec(&document).expect("a problem is plain data with text keys");
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.code.status() {
            StatusCode::UNAUTHORIZED => headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
            _ => None,
        };
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        // The cause may name hosts and files: it goes to the log, not to the caller.
        tracing::error!(error = &error as &dyn std::error::Error, "a port failed");
        match error {
            PortError::Unavailable { what, .. } => {
                Self::new(Code::Unavailable, format!("the {what} does not answer now: try again"))
            }
            PortError::Corrupt { what, .. } => {
                Self::new(Code::Corrupt, format!("what the {what} holds cannot be read: run `pricestream verify`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_an_error_status() {
        let names: HashSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(code.uri().ends_with(code.name()), "{code:?}");
        }
    }
}
