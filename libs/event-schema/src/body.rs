use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::{DecodeError, Event, Outgoing, Received, decode, kind};

/// What a message says: text, or an event of this very process, which becomes text when somebody asks for that. Whoever
/// reads it gets the same of both. Cheap to clone.
#[derive(Clone)]
pub struct Body(Content);

#[derive(Clone)]
enum Content {
    Text(Arc<str>),
    Event(Outgoing),
}

impl Body {
    /// The whole EventBridge-shaped JSON, or whatever came in its place.
    pub fn text(&self) -> &str {
        match &self.0 {
            Content::Text(text) => text,
            Content::Event(event) => event.body(),
        }
    }

    /// The event that it says. Text is read by [`decode`], with its errors. An event that never was text is not measured
    /// against [`MAX_BODY`](crate::MAX_BODY): its fields are bounded where they come in.
    pub fn decode<E: Event>(&self) -> Result<Received<E>, DecodeError> {
        match &self.0 {
            Content::Event(event) if let Some(event) = event.received() => Ok(event.clone()),
            _ => decode(self.text()),
        }
    }

    /// What kind of event it is. Errors: those of [`kind`].
    pub(crate) fn detail_type(&self) -> Result<Cow<'_, str>, DecodeError> {
        match &self.0 {
            Content::Text(text) => kind(text).map(|header| header.detail_type),
            Content::Event(event) => Ok(event.detail_type().into()),
        }
    }
}

impl From<Outgoing> for Body {
    fn from(event: Outgoing) -> Self {
        Self(Content::Event(event))
    }
}

impl From<Arc<str>> for Body {
    fn from(text: Arc<str>) -> Self {
        Self(Content::Text(text))
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self(Content::Text(text.into()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(Content::Text(text.into()))
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Body {}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}
