use jiff::Timestamp;
use pricestream_domain::Sku;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that happened to one SKU. Its identity is in its content, so every retry and every path says the same id.
pub trait Event: Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Who says it: EventBridge and CloudEvents `source`. Rules route on it.
    const SOURCE: &'static str;
    /// What it is, with its version: EventBridge `detail-type` and CloudEvents `type`. Rules route on it.
    const DETAIL_TYPE: &'static str;

    /// Which SKU it is about: CloudEvents `subject`.
    fn subject(&self) -> &Sku;

    /// Same source and same id is the same event (CloudEvents 1.0).
    fn id(&self) -> String;

    /// Its place among the events of this type and SKU. Orders them; time does not.
    fn sequence(&self) -> u64;

    /// When it happened: CloudEvents `time`, left out when nobody knows.
    fn time(&self) -> Option<Timestamp>;
}
