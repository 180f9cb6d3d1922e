use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use crate::json_error::{explain, shorten};
use crate::{Event, TraceContext};

/// Largest body that is read, in bytes: the limit of an EventBridge entry, 256 KiB.
pub const MAX_BODY: usize = 256 * 1_024;

/// An event as a queue delivered it.
#[derive(Clone, Debug, PartialEq)]
pub struct Received<E> {
    /// Its deterministic id; the same id again is the same event.
    pub id: String,
    /// The sender's span, when the message carries a valid one.
    pub trace: Option<TraceContext>,
    /// What it says. A hint: prices are computed from records.
    pub data: E,
}

/// Why a message cannot be handled. Reading it again never helps, so each of them is poison: put it into quarantine
/// with this reason, acknowledge it, and redrive it once the cause is mended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Bytes that are no text.
    #[error("the body is not UTF-8 at byte {at}: find who puts binary data on this queue")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Larger than a bus would carry.
    #[error("the body has {len} bytes, more than the {max} of an EventBridge entry: publish less in one event")]
    TooLarge {
        /// Its size in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Not JSON, or JSON of another shape.
    #[error("does not read as {expected} at {path}: {message}; mend the publisher, then redrive")]
    Json {
        /// What it should have been.
        expected: &'static str,
        /// Where in the document: `detail.data.price`, or `.` for the whole.
        path: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// Another event than this reader takes.
    #[error("expected {expected}, found {found:?}: narrow the pattern of the rule that feeds this queue")]
    WrongType {
        /// The reader's `detail-type`.
        expected: &'static str,
        /// The message's.
        found: String,
    },
    /// No event of this release.
    #[error("no reader for {found:?}: deploy a release that knows it or narrow the rule, then redrive")]
    UnknownType {
        /// The message's `detail-type`.
        found: String,
    },
    /// The envelope speaks of something else than the data.
    #[error("{field} is {envelope:?} in the envelope, {data:?} in the data: mend the publisher")]
    Inconsistent {
        /// Which field of the envelope.
        field: &'static str,
        /// What it says.
        envelope: String,
        /// What the data says.
        data: String,
    },
}

/// What a rule routes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// EventBridge `source`.
    pub source: Cow<'a, str>,
    /// EventBridge `detail-type`.
    pub detail_type: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "E: DeserializeOwned"))]
struct Whole<'a, E> {
    #[serde(rename = "detail-type", borrow)]
    detail_type: Text<'a>,
    #[serde(borrow)]
    detail: Detail<'a, E>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "E: DeserializeOwned"))]
struct Detail<'a, E> {
    id: String,
    #[serde(borrow)]
    subject: Text<'a>,
    #[serde(borrow, default)]
    sequence: Option<Text<'a>>,
    #[serde(borrow, default)]
    traceparent: Option<Text<'a>>,
    #[serde(borrow, default)]
    tracestate: Option<Text<'a>>,
    data: E,
}

/// Borrows unless the text has escapes; a bare `Option<Cow>` would always copy.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Reads an event from a queue's message. Order of fields, escapes, unknown fields and the fields that EventBridge adds
/// (`version`, `account`, `time` ...) make no difference.
pub fn decode<E: Event>(body: &str) -> Result<Received<E>, DecodeError> {
    check_size(body.len())?;
    let Ok(Whole { detail_type, detail }) = serde_json::from_str::<Whole<'_, E>>(body) else {
        return Err(why::<E>(body));
    };
    if detail_type.0 != E::DETAIL_TYPE {
        return Err(DecodeError::WrongType { expected: E::DETAIL_TYPE, found: shorten(&detail_type.0) });
    }
    let inconsistent =
        |field, envelope: &str, data: String| Err(DecodeError::Inconsistent { field, envelope: shorten(envelope), data });
    if *detail.subject.0 != **detail.data.subject() {
        return inconsistent("subject", &detail.subject.0, detail.data.subject().to_string());
    }
    if let Some(sequence) = detail.sequence
        && sequence.0.parse() != Ok(detail.data.sequence())
    {
        return inconsistent("sequence", &sequence.0, format!("{:020}", detail.data.sequence()));
    }
    let state = detail.tracestate.as_ref().map(|state| &*state.0);
    let trace = detail.traceparent.and_then(|parent| TraceContext::parse(&parent.0, state));
    Ok(Received { id: detail.id, trace, data: detail.data })
}

/// As `decode`, from bytes that may be no text.
pub fn decode_bytes<E: Event>(body: &[u8]) -> Result<Received<E>, DecodeError> {
    check_size(body.len())?;
    match str::from_utf8(body) {
        Ok(body) => decode(body),
        Err(error) => Err(DecodeError::NotUtf8 { at: error.valid_up_to() }),
    }
}

/// What kind of event a message is, for a queue that carries several. It stops reading as soon as it knows, so what
/// follows may still be broken: `decode` finds that.
pub fn kind(body: &str) -> Result<Header<'_>, DecodeError> {
    check_size(body.len())?;
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_str(body);
    let read = (&mut found).deserialize(&mut json);
    match (found, read) {
        (Found { source: Some(source), detail_type: Some(detail_type) }, _) => Ok(Header { source, detail_type }),
        (Found { source, .. }, read) => {
            let missing = if source.is_none() { "missing field `source`" } else { "missing field `detail-type`" };
            let message = read.err().map_or_else(|| missing.to_owned(), |error| shorten(&error.to_string()));
            Err(DecodeError::Json { expected: "an event", path: ".".to_owned(), message })
        }
    }
}

fn check_size(len: usize) -> Result<(), DecodeError> {
    if len <= MAX_BODY { Ok(()) } else { Err(DecodeError::TooLarge { len, max: MAX_BODY }) }
}

/// What is wrong with a body that did not read: another type comes before another shape.
#[cold]
fn why<E: Event>(body: &str) -> DecodeError {
    let whole = serde_json::from_str::<IgnoredAny>(body).is_ok();
    if whole
        && let Ok(header) = kind(body)
        && header.detail_type != E::DETAIL_TYPE
    {
        return DecodeError::WrongType { expected: E::DETAIL_TYPE, found: shorten(&header.detail_type) };
    }
    let error = explain::<Whole<'_, E>>(body).expect("a text that did not read does not read again");
    DecodeError::Json { expected: E::DETAIL_TYPE, path: error.path, message: error.message }
}

/// Collects the header and returns early; that leaves the reader inside the object, which it reports and nobody minds.
#[derive(Default)]
struct Found<'a> {
    source: Option<Cow<'a, str>>,
    detail_type: Option<Cow<'a, str>>,
}

impl<'de> DeserializeSeed<'de> for &mut Found<'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Found<'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an EventBridge-shaped object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key.0 {
                "source" => self.source = Some(map.next_value::<Text<'de>>()?.0),
                "detail-type" => self.detail_type = Some(map.next_value::<Text<'de>>()?.0),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            if self.source.is_some() && self.detail_type.is_some() {
                break;
            }
        }
        Ok(())
    }
}
