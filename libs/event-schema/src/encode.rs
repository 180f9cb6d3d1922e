use std::any::Any;
use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use pricestream_domain::Sku;
use serde::Serialize;

use crate::{Event, Received, TraceContext};

/// An event that is ready for a bus. It is written as JSON when somebody first asks for that, and the text is kept: a
/// reader in the same process takes the event itself. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing(Arc<dyn Enveloped>);

impl Outgoing {
    /// EventBridge `source`.
    pub fn source(&self) -> &'static str {
        self.0.source()
    }

    /// EventBridge `detail-type`.
    pub fn detail_type(&self) -> &'static str {
        self.0.detail_type()
    }

    /// The event's deterministic id.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// The SKU that it is about.
    pub fn subject(&self) -> &Sku {
        self.0.subject()
    }

    /// The whole EventBridge-shaped JSON: what a queue behind a rule delivers. The same event and trace give the same
    /// bytes.
    pub fn body(&self) -> &str {
        &self.0.text().body
    }

    /// The CloudEvents-shaped JSON inside: `Detail` of a `PutEvents` entry.
    pub fn detail(&self) -> &str {
        let Text { body, detail } = self.0.text();
        &body[detail.clone()]
    }

    /// What a reader of the text would get, if it is an `E`.
    pub(crate) fn received<E: Event>(&self) -> Option<&Received<E>> {
        let envelope: &dyn Any = &*self.0;
        envelope.downcast_ref::<Envelope<E>>().map(|envelope| &envelope.event)
    }
}

impl PartialEq for Outgoing {
    fn eq(&self, other: &Self) -> bool {
        self.body() == other.body()
    }
}

impl Eq for Outgoing {}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outgoing").field(&self.body()).finish()
    }
}

/// Puts the event into its envelope.
pub fn encode<E: Event>(event: &E, trace: &TraceContext) -> Outgoing {
    let event = Received { id: event.id(), trace: Some(trace.clone()), data: event.clone() };
    Outgoing(Arc::new(Envelope { event, text: OnceLock::new() }))
}

/// An event, and its text once somebody has asked for it.
struct Envelope<E> {
    event: Received<E>,
    text: OnceLock<Text>,
}

struct Text {
    body: String,
    detail: Range<usize>,
}

/// Whatever event it is.
trait Enveloped: Any + Send + Sync {
    fn source(&self) -> &'static str;
    fn detail_type(&self) -> &'static str;
    fn id(&self) -> &str;
    fn subject(&self) -> &Sku;
    fn text(&self) -> &Text;
}

impl<E: Event> Enveloped for Envelope<E> {
    fn source(&self) -> &'static str {
        E::SOURCE
    }
    fn detail_type(&self) -> &'static str {
        E::DETAIL_TYPE
    }
    fn id(&self) -> &str {
        &self.event.id
    }
    fn subject(&self) -> &Sku {
        self.event.data.subject()
    }
    fn text(&self) -> &Text {
        self.text.get_or_init(|| write(&self.event))
    }
}

/// One pass, one buffer.
fn write<E: Event>(Received { id, trace, data }: &Received<E>) -> Text {
    let mut out = Buffer(Vec::with_capacity(1_024));
    out.text(r#"{"source":""#).text(E::SOURCE).text(r#"","detail-type":""#).text(E::DETAIL_TYPE).text(r#"","detail":"#);
    let start = out.0.len();
    out.text(r#"{"specversion":"1.0","id":"#).json(id);
    out.text(r#","source":""#).text(E::SOURCE).text(r#"","type":""#).text(E::DETAIL_TYPE);
    out.text(r#"","subject":"#).json(data.subject());
    write!(out.0, r#","sequence":"{:020}""#, data.sequence()).expect("memory takes every write");
    if let Some(time) = data.time() {
        out.text(r#","time":"#).json(&time);
    }
    out.text(r#","dataschema":"urn:pricestream:schema:"#).text(E::DETAIL_TYPE).text(r#"""#);
    if let Some(trace) = trace {
        out.text(r#","traceparent":""#);
        out.0.extend_from_slice(&trace.traceparent());
        out.text(r#"""#);
    }
    if let Some(state) = trace.as_ref().and_then(TraceContext::state) {
        out.text(r#","tracestate":"#).json(state);
    }
    out.text(r#","data":"#).json(data).text("}");
    let detail = start..out.0.len();
    out.text("}");
    Text { body: String::from_utf8(out.0).expect("JSON is UTF-8"), detail }
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
