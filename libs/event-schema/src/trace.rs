use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::fnv::Fnv;

/// Longest `tracestate` that is passed on, in characters (W3C Trace Context: at least 512 must be).
pub const MAX_TRACE_STATE: usize = 512;

/// Where a message stands in a distributed trace (W3C Trace Context). Displays as its `traceparent`.
///
/// Ids are derived, never drawn: a handler needs no randomness, and a replay gives the same ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
    state: Option<Arc<str>>,
}

/// `sampled` and, of level 2, `random`: the flags that version 00 passes on.
const KNOWN_FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b01;
/// `00-` trace id `-` span id `-` flags.
const LENGTH: usize = 55;

impl TraceContext {
    /// Reads the two headers. A `traceparent` that W3C calls invalid gives `None`: the trace starts anew and nothing
    /// fails. A `tracestate` that is invalid or longer than 512 characters is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let text = traceparent.as_bytes();
        let [version] = hex::<1>(text.get(..2)?)?;
        let dashes = text.len() >= LENGTH && [2, 35, 52].iter().all(|place| text[*place] == b'-');
        let longer = text.len() == LENGTH || (version > 0 && text.get(LENGTH) == Some(&b'-'));
        if version == 0xff || !dashes || !longer {
            return None;
        }
        let (trace_id, span_id) = (hex::<16>(&text[3..35])?, hex::<8>(&text[36..52])?);
        let [flags] = hex::<1>(&text[53..LENGTH])?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return None;
        }
        let state = tracestate.filter(|state| is_trace_state(state)).map(Arc::from);
        Some(Self { trace_id, span_id, flags: flags & KNOWN_FLAGS, state })
    }

    /// A trace that starts here, sampled; the same seed gives the same ids (SHA-256).
    pub fn root(seed: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(seed).into();
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        trace_id.copy_from_slice(&digest[..16]);
        span_id.copy_from_slice(&digest[16..24]);
        Self { trace_id, span_id, flags: SAMPLED, state: None }
    }

    /// The context of the next hop: a span id made of this one's and the hop's name. Same trace, flags and state.
    #[must_use]
    pub fn child(&self, hop: &str) -> Self {
        let mixed = Fnv::new().write(&self.span_id).write(hop.as_bytes()).finish();
        // Zero is no span id.
        Self { span_id: mixed.max(1).to_be_bytes(), ..self.clone() }
    }

    /// The same with the `sampled` flag set or cleared.
    #[must_use]
    pub fn with_sampled(self, sampled: bool) -> Self {
        Self { flags: if sampled { self.flags | SAMPLED } else { self.flags & !SAMPLED }, ..self }
    }

    /// Names the whole trace; never all zero.
    pub const fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// Names the sender's span, the parent of what the receiver does; never all zero.
    pub const fn span_id(&self) -> [u8; 8] {
        self.span_id
    }

    /// Whether the sender recorded its span.
    pub const fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// `tracestate`, passed on as it came.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// `traceparent` as ASCII, without formatting machinery: it is written for each event.
    pub(crate) fn traceparent(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], &self.trace_id);
        write_hex(&mut text[36..52], &self.span_id);
        write_hex(&mut text[53..], &[self.flags]);
        text
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.traceparent()).expect("hex and dashes are ASCII"))
    }
}

fn write_hex(to: &mut [u8], bytes: &[u8]) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for (pair, byte) in to.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Lower case only, as W3C has it.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    Some(bytes)
}

/// At most 32 members `key=value`, some of which may be empty.
fn is_trace_state(text: &str) -> bool {
    let key = |key: &str| {
        let mut bytes = key.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b))
            && key.len() <= 256
    };
    let value = |value: &str| {
        (1..=256).contains(&value.len())
            && value.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=')
            && !value.ends_with(' ')
    };
    let member = |member: &str| {
        let member = member.trim_matches([' ', '\t']);
        member.is_empty() || member.split_once('=').is_some_and(|(name, text)| key(name) && value(text))
    };
    (1..=MAX_TRACE_STATE).contains(&text.len()) && text.split(',').count() <= 32 && text.split(',').all(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_traceparent_is_displayed_as_it_came() {
        let trace = TraceContext::parse(VALID, Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).unwrap();
        assert_eq!(trace.to_string(), VALID);
        assert_eq!(trace.state(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        assert!(trace.sampled());
        assert!(!trace.with_sampled(false).sampled());
    }

    #[test]
    fn what_w3c_calls_invalid_starts_a_new_trace() {
        for text in [
            "",
            "00",
            "01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "é0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text, None), None, "{text:?}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_known() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-comes";
        let known = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
        assert_eq!(TraceContext::parse(later, None).unwrap().to_string(), known);
    }

    #[test]
    fn a_bad_tracestate_does_not_cost_the_trace() {
        let long = format!("a={}", "x".repeat(MAX_TRACE_STATE));
        for state in ["", "no value", "a=b=c", "A=b", "a=\u{e9}", "a=b\nc=d", "a= ", long.as_str()] {
            assert_eq!(TraceContext::parse(VALID, Some(state)).unwrap().state(), None, "{state:?}");
        }
    }

    #[test]
    fn ids_are_derived_so_a_replay_gives_the_same() {
        let root = TraceContext::root("stock-changes/CJ-1/42");
        assert_eq!(root, TraceContext::root("stock-changes/CJ-1/42"));
        assert_ne!(root.trace_id(), TraceContext::root("stock-changes/CJ-1/43").trace_id());
        let child = root.child("pricing-calculator");
        assert_eq!(child, root.child("pricing-calculator"));
        assert_eq!(child.trace_id(), root.trace_id());
        assert_ne!(child.span_id(), root.span_id());
        assert_ne!(child.span_id(), root.child("cache-writer").span_id());
        assert_eq!(TraceContext::parse(&child.to_string(), None), Some(child));
        // A release that derives other ids splits traces that are under way: change these only on purpose.
        assert_eq!(
            TraceContext::root("seed").child("hop").to_string(),
            "00-19b25856e1c150ca834cffc8b59b23ad-93e2047f208d26c8-01"
        );
    }
}
