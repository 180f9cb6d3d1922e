//! Spans of hops to an OpenTelemetry collector. Their ids come from the events, so one trace follows a change through
//! every hop, also across processes, and a replay gives the same trace again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Why spans cannot be exported.
#[derive(Debug)]
pub struct ExportError(opentelemetry_otlp::ExporterBuildError);

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("spans cannot be exported: see that OTEL_EXPORTER_OTLP_ENDPOINT is a URL such as http://127.0.0.1:4318")
    }
}

impl std::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// How long the collector may take for one batch.
const LONGEST: Duration = Duration::from_secs(2);

/// Sends hops to the collector at `endpoint` (its base URL), in batches from a thread of its own.
pub fn collector(endpoint: &str) -> Result<HopLayer<BatchSpanProcessor>, ExportError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender(ureq::Agent::config_builder().timeout_global(Some(LONGEST)).build().into()))
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(ExportError)?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    processor.set_resource(&Resource::builder_empty().with_service_name("pricestream").build());
    Ok(HopLayer::new(processor))
}

/// Turns the spans of hops into OpenTelemetry's and hands them to a processor.
#[derive(Debug)]
pub struct HopLayer<P> {
    processor: Arc<P>,
}

impl<P: SpanProcessor> HopLayer<P> {
    /// Hands them to `processor`.
    pub fn new(processor: P) -> Self {
        Self { processor: Arc::new(processor) }
    }
}

impl HopLayer<BatchSpanProcessor> {
    /// What sends waiting spans at once: for a process that is stopped between events, where no thread of its own runs on.
    pub fn flusher(&self) -> Flusher {
        Flusher(Arc::clone(&self.processor))
    }
}

/// Sends spans that wait.
#[derive(Clone, Debug)]
pub struct Flusher(Arc<BatchSpanProcessor>);

impl Flusher {
    /// Sends them, and waits until they were sent; spans that the collector does not take are lost, which the log tells.
    pub fn flush(&self) {
        if let Err(error) = self.0.force_flush() {
            tracing::warn!(%error, "spans were not sent");
        }
    }
}

/// What a hop's span says, as it is told.
#[derive(Debug, Default)]
struct Told {
    began: Option<SystemTime>,
    service: String,
    sku: String,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    parent: Option<SpanId>,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "service" => value.clone_into(&mut self.service),
            "sku" => value.clone_into(&mut self.sku),
            "trace_id" => self.trace_id = TraceId::from_hex(value).ok(),
            "span_id" => self.span_id = SpanId::from_hex(value).ok(),
            "parent_span_id" => self.parent = SpanId::from_hex(value).ok(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, P: SpanProcessor + 'static> Layer<S> for HopLayer<P> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == "hop"
            && let Some(span) = context.span(id)
        {
            let mut told = Told { began: Some(SystemTime::now()), ..Told::default() };
            attributes.record(&mut told);
            span.extensions_mut().insert(told);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(told) = span.extensions_mut().get_mut::<Told>()
        {
            values.record(told);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let told = context.span(&id).and_then(|span| span.extensions_mut().remove::<Told>());
        let Some(Told { began: Some(began), service, sku, trace_id: Some(trace), span_id: Some(own), parent }) = told else {
            return;
        };
        self.processor.on_end(SpanData {
            span_context: SpanContext::new(trace, own, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: parent.is_some(),
            span_kind: SpanKind::Consumer,
            name: service.into(),
            start_time: began,
            end_time: SystemTime::now(),
            attributes: vec![KeyValue::new("pricestream.sku", sku)],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("pricestream").build(),
        });
    }
}

/// The command line's HTTP client, for the exporter's thread.
#[derive(Debug)]
struct Sender(ureq::Agent);

impl HttpClient for Sender {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> SendFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let answer = self.send(request);
        Box::pin(async move { answer })
    }
}

type SendFuture<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl Sender {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(ureq::http::Request::from_parts(head, &body[..]))?;
        let (head, mut body) = answer.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry_sdk::error::OTelSdkResult;
    use pricestream_domain::Sku;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::Hop;

    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanProcessor for Kept {
        fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &opentelemetry::Context) {}
        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span);
        }
        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn one_trace_follows_a_change_and_each_hop_names_the_one_before() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(HopLayer::new(kept.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let sku = Sku::new("A").unwrap();
            let first = Hop::new("one", &sku, None, "seed");
            let second = Hop::new("two", &sku, Some(&first.trace), "unused");
            drop((first, second));
        });
        let spans = kept.0.lock().unwrap();
        let [one, two] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((one.name.as_ref(), two.name.as_ref()), ("one", "two"));
        assert_eq!(one.span_context.trace_id(), two.span_context.trace_id());
        assert_eq!(two.parent_span_id, one.span_context.span_id());
        assert_eq!(one.parent_span_id, SpanId::INVALID);
    }
}
