use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use pricestream_domain::Sku;
use serde::Serialize;

use crate::{Event, TraceContext};

/// An event that is ready for a bus. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    source: &'static str,
    detail_type: &'static str,
    id: String,
    subject: Sku,
    body: Arc<str>,
    detail: Range<usize>,
}

impl Outgoing {
    /// EventBridge `source`.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// EventBridge `detail-type`.
    pub const fn detail_type(&self) -> &'static str {
        self.detail_type
    }

    /// The event's deterministic id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The SKU that it is about.
    pub const fn subject(&self) -> &Sku {
        &self.subject
    }

    /// The whole EventBridge-shaped JSON: what a queue behind a rule delivers.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The same, shared by several queues without a copy.
    pub fn shared_body(&self) -> Arc<str> {
        Arc::clone(&self.body)
    }

    /// The CloudEvents-shaped JSON inside: `Detail` of a `PutEvents` entry.
    pub fn detail(&self) -> &str {
        &self.body[self.detail.clone()]
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outgoing").field(&self.body).finish()
    }
}

/// Writes the event into its envelope: one pass, one buffer. The same event and trace give the same bytes.
pub fn encode<E: Event>(event: &E, trace: &TraceContext) -> Outgoing {
    let id = event.id();
    let mut out = Buffer(Vec::with_capacity(1_024));
    out.text(r#"{"source":""#).text(E::SOURCE).text(r#"","detail-type":""#).text(E::DETAIL_TYPE).text(r#"","detail":"#);
    let start = out.0.len();
    out.text(r#"{"specversion":"1.0","id":"#).json(&id);
    out.text(r#","source":""#).text(E::SOURCE).text(r#"","type":""#).text(E::DETAIL_TYPE);
    out.text(r#"","subject":"#).json(event.subject());
    write!(out.0, r#","sequence":"{:020}""#, event.sequence()).expect("memory takes every write");
    if let Some(time) = event.time() {
        out.text(r#","time":"#).json(&time);
    }
    out.text(r#","dataschema":"urn:pricestream:schema:"#).text(E::DETAIL_TYPE).text(r#"","traceparent":""#);
    out.0.extend_from_slice(&trace.traceparent());
    out.text(r#"""#);
    if let Some(state) = trace.state() {
        out.text(r#","tracestate":"#).json(state);
    }
    out.text(r#","data":"#).json(event).text("}");
    let detail = start..out.0.len();
    out.text("}");
    let body = str::from_utf8(&out.0).expect("JSON is UTF-8").into();
    Outgoing { source: E::SOURCE, detail_type: E::DETAIL_TYPE, id, subject: event.subject().clone(), body, detail }
}

struct Buffer(Vec<u8>);

impl Buffer {
    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) -> &mut Self {
        serde_json::to_writer(&mut self.0, value).expect("an event is plain data with text keys");
        self
    }
}
