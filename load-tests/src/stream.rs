//! Clients of the live stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use bytes::BytesMut;
use http_body_util::BodyExt;
use memchr::memmem;
use tokio::sync::watch;

use crate::client::Client;
use crate::measure::Durations;

/// An event of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Whose price.
    pub sku: &'a str,
    /// Its order among those of the SKU.
    pub version: u64,
    /// In minor units; `None` when it was withdrawn.
    pub price: Option<i64>,
}

/// Takes what is whole out of `buffer`, event by event.
pub(crate) fn events(buffer: &mut BytesMut, mut each: impl FnMut(Event<'_>)) {
    while let Some(end) = memmem::find(buffer, b"\n\n") {
        let block = buffer.split_to(end + 2);
        if let Some(event) = std::str::from_utf8(&block).ok().and_then(event) {
            each(event);
        }
    }
}

fn event(block: &str) -> Option<Event<'_>> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let (sku, version) = field("id: ")?.rsplit_once(':')?;
    let price = field("data: ").and_then(|data| {
        let digits = &data[data.find("\"price\":{\"minor\":")? + 17..];
        digits[..digits.find(|letter: char| !letter.is_ascii_digit() && letter != '-')?].parse().ok()
    });
    Some(Event { sku, version: version.parse().ok()?, price })
}

/// What all clients together saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Events delivered.
    pub events: AtomicU64,
    /// Bytes.
    pub bytes: AtomicU64,
    /// Events that were older than what the client held already.
    pub older: AtomicU64,
    /// Connections that ended though nobody ended them.
    pub lost: AtomicU64,
    /// Clients that hold a connection now.
    pub open: AtomicU64,
}

/// One client: what it holds of each of its SKUs.
#[derive(Debug, Default)]
pub(crate) struct Held(HashMap<String, (u64, Option<i64>)>);

impl Held {
    /// Takes an event; false when it is older than what is held.
    pub(crate) fn take(&mut self, event: &Event<'_>) -> bool {
        match self.0.get_mut(event.sku) {
            // A snapshot says again what is known.
            Some(held) if held.0 > event.version => false,
            Some(held) => {
                *held = (event.version, event.price);
                true
            }
            None => {
                self.0.insert(event.sku.to_owned(), (event.version, event.price));
                true
            }
        }
    }

    /// The price of a SKU.
    pub(crate) fn price(&self, sku: &str) -> Option<i64> {
        self.0.get(sku).and_then(|(_, price)| *price)
    }

    /// Its SKUs.
    pub(crate) fn skus(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// When clients begin anew, and when they end: a number that rises, and the end.
pub(crate) type Signal = watch::Receiver<(u64, bool)>;

/// Follows `path` until the end; a client that loses its connection comes back at once. What it opened with counts in `opened`.
pub(crate) async fn follow(
    client: Client,
    path: String,
    mut signal: Signal,
    seen: Arc<Seen>,
    opened: Arc<Durations>,
) -> Result<Held> {
    let mut held = Held::default();
    while !signal.borrow().1 {
        let began = Instant::now();
        let Ok(response) = client.stream(&path, "").await else {
            seen.lost.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        seen.open.fetch_add(1, Ordering::Relaxed);
        let mut body = response.into_body();
        let mut buffer = BytesMut::new();
        let mut first = true;
        loop {
            let frame = tokio::select! {
                changed = signal.changed() => {
                    if changed.is_err() {
                        return Ok(held);
                    }
                    break;
                }
                frame = body.frame() => frame,
            };
            let Some(Ok(frame)) = frame else {
                seen.lost.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let Some(data) = frame.data_ref() else { continue };
            if std::mem::take(&mut first) {
                opened.ends(began);
            }
            seen.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
            buffer.extend_from_slice(data);
            events(&mut buffer, |event| {
                seen.events.fetch_add(1, Ordering::Relaxed);
                if !held.take(&event) {
                    seen.older.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        seen.open.fetch_sub(1, Ordering::Relaxed);
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_whole_however_they_are_cut() {
        let text = b"retry: 2000\n\nevent: price\nid: A:7\ndata: {\"sku\":\"A\",\"price\":{\"minor\":10010,\"currency\":\"EUR\"}}\n\n:\n\n\
            event: withdrawn\nid: B:C:9\ndata: {\"sku\":\"B:C\",\"price_version\":9}\n\n";
        for cut in 0..text.len() {
            let mut told = Vec::new();
            let mut buffer = BytesMut::new();
            for part in [&text[..cut], &text[cut..]] {
                buffer.extend_from_slice(part);
                events(&mut buffer, |event| told.push((event.sku.to_owned(), event.version, event.price)));
            }
            assert_eq!(told, [("A".to_owned(), 7, Some(10_010)), ("B:C".to_owned(), 9, None)], "cut at {cut}");
        }
    }

    #[test]
    fn an_older_price_is_told_from_a_newer() {
        let mut held = Held::default();
        let of = |version, price| Event { sku: "A", version, price: Some(price) };
        assert!(held.take(&of(5, 100)) && held.take(&of(5, 100)) && held.take(&of(8, 90)));
        assert!(!held.take(&of(7, 95)));
        assert_eq!(held.price("A"), Some(90));
    }
}
