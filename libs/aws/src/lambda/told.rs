//! What a function tells about itself after each event, once its answer was sent.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use jiff::Timestamp;
use lambda_runtime::LambdaInvocation;
use pricestream_telemetry::{Emf, Flusher, Metrics};
use tower::{Layer, Service};

/// Wraps whatever handles an event and sends its answer.
#[derive(Clone)]
pub(super) struct Told {
    service: &'static str,
    metrics: Arc<Metrics>,
    emf: Arc<Mutex<Emf>>,
    spans: Option<Flusher>,
}

impl Told {
    pub(super) fn new(service: &'static str, metrics: Arc<Metrics>, spans: Option<Flusher>) -> Self {
        Self { service, metrics, emf: Arc::default(), spans }
    }

    fn tell(&self, request: &str, began: Instant) {
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(service = self.service, request, ms, "handled");
        let mut emf = self.emf.lock().expect("no panic while held");
        let mut out = std::io::stdout().lock();
        let written = emf.write(&self.metrics, self.service, Timestamp::now(), &mut out).and_then(|()| out.flush());
        drop(out);
        if let Err(error) = written {
            tracing::error!(%error, "metrics could not be told");
        }
        if let Some(spans) = &self.spans {
            spans.flush();
        }
    }
}

impl<S> Layer<S> for Told {
    type Service = Telling<S>;
    fn layer(&self, inner: S) -> Telling<S> {
        Telling { inner, told: self.clone() }
    }
}

/// A service that tells.
pub(super) struct Telling<S> {
    inner: S,
    told: Told,
}

impl<S> Service<LambdaInvocation> for Telling<S>
where
    S: Service<LambdaInvocation, Response = (), Error = lambda_runtime::Error>,
    S::Future: 'static,
{
    type Response = ();
    type Error = lambda_runtime::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Self::Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let (told, began, request) = (self.told.clone(), Instant::now(), invocation.context.request_id.clone());
        let handled = self.inner.call(invocation);
        Box::pin(async move {
            let answered = handled.await;
            told.tell(&request, began);
            answered
        })
    }
}
