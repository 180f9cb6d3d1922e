use std::iter::FusedIterator;

use serde::de::IgnoredAny;

use crate::stock_change::{MAX_LINE, StockChange, StockChangeError, parse_stock_change};

/// The stock changes of a request, one after the other; see [`stock_changes`].
#[derive(Clone, Debug)]
pub struct StockChanges<'a> {
    rest: &'a [u8],
    number: usize,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    One,
    Lines,
    ArrayStart,
    ArrayMiddle,
    Done,
}

/// Reads a body that is one object (on one line or several), an array, or NDJSON. A byte order mark, blank lines and
/// CRLF are fine; an empty body has no items.
///
/// Each item comes with its number, from 1: the line's (blank ones count) or the place in the array. It also comes with
/// its own bytes. A bad item does not cost the others. An array that breaks off gives what came before the break and
/// one error, with at most [`MAX_LINE`] of the bytes that were not read.
///
/// Work and memory are bounded by the body: every byte is looked at a few times, nothing is copied or nested.
pub fn stock_changes(body: &[u8]) -> StockChanges<'_> {
    let rest = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let shape = match rest.trim_ascii_start().first() {
        None => Shape::Done,
        Some(b'[') => Shape::ArrayStart,
        Some(_) if is_one_object(rest) => Shape::One,
        Some(_) => Shape::Lines,
    };
    StockChanges { rest, number: 0, shape }
}

impl<'a> Iterator for StockChanges<'a> {
    type Item = (usize, Result<StockChange, StockChangeError>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self.shape {
            Shape::One => {
                self.shape = Shape::Done;
                let raw = self.rest.trim_ascii();
                Some((1, parse_stock_change(raw), raw))
            }
            Shape::Lines => self.next_line(),
            Shape::ArrayStart | Shape::ArrayMiddle => self.next_element(),
            Shape::Done => None,
        }
    }
}

impl FusedIterator for StockChanges<'_> {}

impl StockChanges<'_> {
    fn next_line(&mut self) -> Option<<Self as Iterator>::Item> {
        while !self.rest.is_empty() {
            let (line, rest) = first_line(self.rest);
            self.rest = rest;
            self.number += 1;
            let raw = line.trim_ascii();
            if !raw.is_empty() {
                return Some((self.number, parse_stock_change(raw), raw));
            }
        }
        self.shape = Shape::Done;
        None
    }

    fn next_element(&mut self) -> Option<<Self as Iterator>::Item> {
        let first = self.shape == Shape::ArrayStart;
        if first {
            self.rest = &self.rest.trim_ascii_start()[1..];
            self.shape = Shape::ArrayMiddle;
        }
        self.number += 1;
        self.rest = self.rest.trim_ascii_start();
        match (self.rest.first(), first) {
            (Some(b']'), _) => {
                self.rest = self.rest[1..].trim_ascii_start();
                self.shape = Shape::Done;
                return (!self.rest.is_empty()).then(|| self.broken("something follows its end"));
            }
            (Some(b','), false) => self.rest = self.rest[1..].trim_ascii_start(),
            (Some(_), true) => {}
            (Some(_), false) => return Some(self.broken("expected `,` or `]`")),
            (None, _) => return Some(self.broken("the end is missing")),
        }
        // Skipping a value does not recurse, however deep it is.
        let mut values = serde_json::Deserializer::from_slice(self.rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let (raw, rest) = self.rest.split_at(values.byte_offset());
                self.rest = rest;
                Some((self.number, parse_stock_change(raw), raw))
            }
            Some(Err(error)) => Some(self.broken(&error.to_string())),
            None => Some(self.broken("the end is missing")),
        }
    }

    fn broken(&mut self, message: &str) -> <Self as Iterator>::Item {
        self.shape = Shape::Done;
        let raw = &self.rest[..self.rest.len().min(MAX_LINE)];
        (self.number, Err(StockChangeError::BrokenArray { message: message.to_owned() }), raw)
    }
}

/// Whether the body is a single value that spans lines: its first line is none, the whole is.
fn is_one_object(body: &[u8]) -> bool {
    let (line, rest) = first_line(body.trim_ascii_start());
    let is_json = |bytes| serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    !rest.trim_ascii().is_empty() && !is_json(line) && is_json(body)
}

fn first_line(body: &[u8]) -> (&[u8], &[u8]) {
    match body.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&body[..end], &body[end + 1..]),
        None => (body, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str) -> String {
        format!(r#"{{"sku":"{sku}","on_hand":1,"source_seq":1,"occurred_at":"2026-11-27T08:00:00Z"}}"#)
    }

    /// Numbers with the SKU, or the error.
    fn read(body: impl AsRef<[u8]>) -> Vec<(usize, String)> {
        let item = |(number, result, _): <StockChanges<'_> as Iterator>::Item| {
            (number, result.map_or_else(|error| error.to_string(), |change| change.sku.to_string()))
        };
        stock_changes(body.as_ref()).map(item).collect()
    }

    fn expect(body: impl AsRef<[u8]>, expected: &[(usize, &str)]) {
        let read = read(&body);
        let same = |(got, want): (&(usize, String), &(usize, &str))| got.0 == want.0 && got.1.starts_with(want.1);
        let matches = read.len() == expected.len() && read.iter().zip(expected).all(same);
        assert!(matches, "{read:?} for {}", String::from_utf8_lossy(body.as_ref()));
    }

    #[test]
    fn an_object_an_array_and_lines_are_read() {
        let (a, b) = (line("A"), line("B"));
        expect(&a, &[(1, "A")]);
        expect(format!("\u{feff}{a}\n"), &[(1, "A")]);
        expect(format!("\n{{\n  \"origin\": \"x\",{}\n", a[1..].replace(',', ",\n ")), &[(1, "A")]);
        expect(format!("{a}\r\n\r\n  {b}\r\n"), &[(1, "A"), (3, "B")]);
        expect(format!(" [ {a} ,\n{b}\n] \n"), &[(1, "A"), (2, "B")]);
        for empty in ["", " \n\r\n", "[]", "[ ]\n"] {
            expect(empty, &[]);
        }
    }

    #[test]
    fn a_bad_item_does_not_cost_the_others() {
        let (a, b, zero) = (line("A"), line("B"), line("A").replace(":1,", ":-1,"));
        expect(format!("{a}\nnonsense\n{zero}\n{b}"), &[(1, "A"), (2, "not JSON"), (3, "on_hand must be"), (4, "B")]);
        expect(format!("{{\n{b}\n"), &[(1, "not JSON"), (2, "B")]);
        expect(
            format!("[{a},7,{zero},[],null,\"]\",{b}]"),
            &[(1, "A"), (2, ".: invalid type"), (3, "on_hand must be"), (4, ".: "), (5, ".: "), (6, ".: "), (7, "B")],
        );
        let long = format!("{{\"x\":\"{}\"}}", "y".repeat(MAX_LINE));
        expect(format!("{long}\n{b}"), &[(1, "16392 bytes are more"), (2, "B")]);
        expect(format!("[{long},{b}]"), &[(1, "16392 bytes are more"), (2, "B")]);
        expect([b"[\"\xff\",", b.as_bytes(), b"]"].concat(), &[(1, "not UTF-8"), (2, "B")]);
    }

    #[test]
    fn a_broken_array_gives_what_came_before_and_one_error() {
        let a = line("A");
        for (body, number) in [
            (format!("[{a}"), 2),
            (format!("[{a},"), 2),
            (format!("[{a},{{\"sku\":"), 2),
            (format!("[{a},]"), 2),
            (format!("[{a} {a}]"), 2),
            (format!("[{a}}}"), 2),
            (format!("[{a}] {a}"), 2),
        ] {
            expect(&body, &[(1, "A"), (number, "the array breaks here, and nothing after it was read: ")]);
        }
        expect("[", &[(1, "the array breaks here")]);
        expect("[,", &[(1, "the array breaks here")]);
    }

    #[test]
    fn every_item_comes_with_its_own_bytes() {
        let (a, b) = (line("A"), line("B"));
        for body in [format!("{a}\n{b}"), format!("[ {a} , {b} ]")] {
            let raw: Vec<&[u8]> = stock_changes(body.as_bytes()).map(|(_, _, raw)| raw).collect();
            assert_eq!(raw, [a.as_bytes(), b.as_bytes()]);
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(read(&deep).len(), 1);
        let value = format!("{{\"sku\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
        expect(format!("[{value},{}]", line("B")), &[(1, "1000008 bytes"), (2, "B")]);
        expect(format!("{}\n{deep}", line("A")), &[(1, "A"), (2, "1000000 bytes")]);
    }
}
