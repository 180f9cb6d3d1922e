use pricestream_domain::Sku;
use pricestream_event_schema::TraceContext;
use tracing::Span;

/// One hop of a change through the pipeline: the trace it belongs to travels with the event, and the hop's own span id
/// is worked out from it, so that no handler needs randomness and a replay gives the same trace.
#[derive(Clone, Debug)]
pub struct Hop {
    /// What the events of this hop carry on.
    pub trace: TraceContext,
    /// For logs and exporters.
    pub span: Span,
}

impl Hop {
    /// The hop of `service` on `sku`, caused by an event with the trace `parent`; without one a trace begins here,
    /// named after `seed`.
    pub fn new(service: &'static str, sku: &Sku, parent: Option<&TraceContext>, seed: &str) -> Self {
        let trace = match parent {
            Some(parent) => parent.child(service),
            None => TraceContext::root(seed).child(service),
        };
        let span = tracing::info_span!(
            "hop",
            service,
            %sku,
            trace_id = tracing::field::Empty,
            span_id = tracing::field::Empty,
            parent_span_id = tracing::field::Empty
        );
        if !span.is_disabled() {
            span.record("trace_id", hex(&trace.trace_id()));
            span.record("span_id", hex(&trace.span_id()));
            if let Some(parent) = parent {
                span.record("parent_span_id", hex(&parent.span_id()));
            }
        }
        Self { trace, span }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}
