//! Names of metrics, shared with dashboards and alarms. Never a SKU as a label: its cost grows with the catalogue.

/// CloudWatch's namespace of all of them.
pub const NAMESPACE: &str = "pricestream";
/// Stock changes by `result`: applied, repeated, stale, conflict, rejected, failed.
pub const STOCK_CHANGES: &str = "pricestream_stock_changes";
/// Numbers that sources left out between two accepted changes of a SKU.
pub const SOURCE_SEQ_GAPS: &str = "pricestream_source_seq_gaps";
/// Decisions by `result`: changed, kept, refused, skipped.
pub const DECISIONS: &str = "pricestream_decisions";
/// Effects of guardrails by `guardrail`.
pub const CLAMPS: &str = "pricestream_guardrail_clamps";
/// Conditional writes that somebody else was faster at, by `record`.
pub const CONFLICTS: &str = "pricestream_write_conflicts";
/// Compare-and-sets of the cache by `path` (event, stream, reconciler) and `result` (applied, equal, stale, absent).
pub const CACHE_WRITES: &str = "pricestream_cache_writes";
/// Seconds from the commit of a stock change to the price in the cache; the first write of a version only.
pub const FRESHNESS: &str = "pricestream_freshness_seconds";
/// Seconds from the commit of a stock change to each hop that handles it, by `hop`: the lag of one hop is the difference to
/// the one before.
pub const HOP_LAG: &str = "pricestream_hop_lag_seconds";
/// Messages set aside with a reason, by `service`.
pub const QUARANTINED: &str = "pricestream_messages_quarantined";
/// Messages left to redelivery, by `service`.
pub const RETRIED: &str = "pricestream_messages_retried";
/// Messages that redelivery gave up, by `queue`.
pub const DEAD_LETTERS: &str = "pricestream_dead_letters";
/// Low-stock alerts handed over.
pub const ALERTS: &str = "pricestream_low_stock_alerts";
/// What the reconciler found and mended, by `kind`: record, cache, due.
pub const MISMATCHES: &str = "pricestream_reconcile_mismatches";
/// What quotes hold of limited promotions, by `result`: granted, refused, and expired without an order.
pub const RESERVATIONS: &str = "pricestream_reservations";
/// Orders by `result`: placed, repeated, cancelled, refused.
pub const ORDERS: &str = "pricestream_orders";
/// Open connections of the price stream.
pub const STREAM_CONNECTIONS: &str = "pricestream_stream_connections";
/// Changes that a slow connection of the price stream never saw, because a newer one replaced them.
pub const STREAM_CONFLATED: &str = "pricestream_stream_conflated";
/// Requests by `route` and `status` class.
pub const REQUESTS: &str = "pricestream_http_requests";
/// Quotes by `scenario` (browsing, basket, grouping, order) and `result` (sellable, degraded, blocked).
pub const QUOTES: &str = "pricestream_quotes";
/// Guards that a quote passed, by `guard` and by the `action` that the policy asks for: alarms are set on `alert` and `block`.
pub const RISKS: &str = "pricestream_quote_risks";
/// Failures of promotion components, panics and passed budgets of steps, by `component`.
pub const COMPONENT_FAILURES: &str = "pricestream_component_failures";
/// Promotion components that are left out of every quote for now, because they kept failing.
pub const COMPONENTS_OUT: &str = "pricestream_components_out";
/// Settings documents that could not be used, the last good one staying in force.
pub const SETTINGS_REFUSED: &str = "pricestream_settings_refused";
/// Rollouts of strategies that the stop rules ended.
pub const ROLLOUTS_STOPPED: &str = "pricestream_rollouts_stopped";
