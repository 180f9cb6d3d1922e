//! Which events reach which queue: the EventBridge rules' patterns, one file each. Terraform reads the same files.

/// For pricing-calculator: `StockChanged.v1`, `ProductChanged.v1`, `RepriceRequested.v1`.
pub const PRICING_CALCULATOR: &str = include_str!("../patterns/pricing-calculator.json");
/// For low-stock-alert: `StockChanged.v1`.
pub const LOW_STOCK_ALERT: &str = include_str!("../patterns/low-stock-alert.json");
/// For cache-writer: `PriceChanged.v1`.
pub const CACHE_WRITER: &str = include_str!("../patterns/cache-writer.json");
