use std::fmt::{self, Write};

/// What happened, step by step: always as a hash, and as text when somebody is to read it.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: keep.then(Vec::new) }
    }

    pub(crate) fn note(&mut self, line: fmt::Arguments<'_>) {
        self.write_fmt(line).expect("a hash takes every text");
        if let Some(lines) = &mut self.lines {
            lines.push(line.to_string());
        }
    }

    /// Two runs with the same hash did the same.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // FNV-1a: the same on every machine and in every release.
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
