//! Recorded stock changes through the whole pipeline, on a store of its own: the clock is the recording's, and each
//! change is priced at its own instant whatever the speed.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use pricestream_domain::Sku;
use pricestream_embedded::{Runtime, SetAside, ready};
use pricestream_event_schema::{StockChange, parse_stock_change};
use pricestream_inventory_publisher::{PublishError, Published};
use pricestream_ports::{Clock, RecordReads};
use serde::Serialize;

use crate::app::{App, ReplayClock, failed};

/// One line of the recording.
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    /// What it says, or why it says nothing.
    pub(crate) change: Result<StockChange, String>,
    /// As it stands in the file; kept only when it says nothing.
    raw: Vec<u8>,
}

/// What became of the recording so far.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Lines read; every one of them is acknowledged.
    pub(crate) lines: u64,
    /// Changes accepted.
    pub(crate) applied: u64,
    /// Changes that were the last accepted one again.
    pub(crate) repeated: u64,
    /// Changes older than the last accepted one.
    pub(crate) stale: u64,
    /// Lines that could not be taken; each is set aside with its reason.
    pub(crate) refused: u64,
    /// The first of those.
    pub(crate) problems: Vec<LineProblem>,
}

impl Tally {
    /// Notes a line that could not be taken.
    pub(crate) fn refuse(&mut self, line: u64, problem: String) {
        self.refused += 1;
        if self.problems.len() < PROBLEMS_TOLD {
            self.problems.push(LineProblem { line, problem });
        }
    }

    /// Adds what a server said of the lines numbered `sent`.
    pub(crate) fn add_answer(&mut self, answer: &serde_json::Value, sent: &[u64]) {
        match answer.get("result").and_then(serde_json::Value::as_str) {
            Some("applied") => self.applied += 1,
            Some("repeated") => self.repeated += 1,
            Some("stale") => self.stale += 1,
            _ => {}
        }
        let count = |field: &str| answer.get(field).and_then(serde_json::Value::as_u64).unwrap_or(0);
        self.applied += count("applied");
        self.repeated += count("repeated");
        self.stale += count("stale");
        let problems = answer.get("problems").and_then(serde_json::Value::as_array);
        for problem in problems.into_iter().flatten() {
            let line = problem.get("line").and_then(serde_json::Value::as_u64).and_then(|line| usize::try_from(line).ok());
            let line = line.and_then(|line| sent.get(line.wrapping_sub(1))).copied().unwrap_or(0);
            let detail = problem.get("detail").and_then(serde_json::Value::as_str).unwrap_or("refused");
            self.refuse(line, detail.to_owned());
        }
    }
}

/// A line that could not be taken.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LineProblem {
    pub(crate) line: u64,
    pub(crate) problem: String,
}

/// Problems told one by one; the rest are counted, and set aside like these.
const PROBLEMS_TOLD: usize = 20;

/// How fast the recording runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// As fast as the machine can.
    Max,
    /// This many times real time.
    Factor(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            _ => match text.trim_end_matches('x').parse::<f64>() {
                Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Self::Factor(factor)),
                _ => Err("a speed is \"max\", or how many times real time: 1, 60, 0.5".to_owned()),
            },
        }
    }
}

/// Longest line that is read into memory; a longer one is refused, and the ones after it are read.
const LONGEST_LINE: usize = 64 * 1024;

/// Reads and decodes in a thread of its own, a few batches ahead.
pub(crate) fn read_lines(mut input: impl BufRead + Send + 'static, batch: usize) -> Receiver<Result<Vec<Line>, std::io::Error>> {
    let (sender, receiver) = sync_channel(4);
    std::thread::spawn(move || {
        let mut number = 0;
        loop {
            let mut lines = Vec::with_capacity(batch);
            while lines.len() < batch {
                match read_line(&mut input) {
                    Ok(None) => {
                        let _receiver_may_be_gone = sender.send(Ok(lines));
                        return;
                    }
                    Ok(Some(raw)) => {
                        number += 1;
                        if raw.iter().all(u8::is_ascii_whitespace) {
                            continue;
                        }
                        let change = parse_stock_change(&raw).map_err(|error| error.to_string());
                        let raw = if change.is_ok() { Vec::new() } else { raw };
                        lines.push(Line { number, change, raw });
                    }
                    Err(error) => {
                        let _receiver_may_be_gone = sender.send(Ok(lines)).and_then(|()| sender.send(Err(error)));
                        return;
                    }
                }
            }
            if sender.send(Ok(lines)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line without its end, cut at [`LONGEST_LINE`] (which is longer than any legal one).
fn read_line(input: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            return Ok(any.then_some(line));
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        line.extend_from_slice(&part[..part.len().min(LONGEST_LINE - line.len())]);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// A replay under way.
pub(crate) struct Replay {
    app: Arc<App<ReplayClock>>,
    runtime: Runtime<ReplayClock>,
    pub(crate) tally: Tally,
    speed: Speed,
    /// When the recording's first change was played, by the machine's clock, and when it occurred.
    began: Option<(Instant, Timestamp)>,
}

impl Replay {
    pub(crate) fn new(app: Arc<App<ReplayClock>>, speed: Speed) -> Result<Self> {
        let runtime = app.runtime()?;
        Ok(Self { app, runtime, tally: Tally::default(), speed, began: None })
    }

    pub(crate) fn runtime(&self) -> &Runtime<ReplayClock> {
        &self.runtime
    }

    /// Plays a batch: one transaction, or several where the recording's own time has to pass between. Everything in it
    /// is durable when this returns.
    pub(crate) fn play(&mut self, batch: &[Line]) -> Result<()> {
        let mut rest = batch;
        while !rest.is_empty() {
            let now_playable = self.wait_for(rest);
            let (now, later) = rest.split_at(now_playable);
            let mut tally = self.tally.clone();
            let app = &self.app;
            self.runtime.turn(|runtime| now.iter().try_for_each(|line| play_line(app, runtime, line, &mut tally)))??;
            self.tally = tally;
            rest = later;
        }
        Ok(())
    }

    /// Prices what falls due up to `end`, then leaves nothing in the queues.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            self.runtime.turn(|_| ())?;
            match self.runtime.next_wake() {
                None if !self.runtime.owes_commit() => return Ok(()),
                _ if Instant::now() > deadline => anyhow::bail!("messages are still failing after a minute: see the log"),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// How many lines of `batch` may be played now, at least one; waits until that one may.
    fn wait_for(&mut self, batch: &[Line]) -> usize {
        let Speed::Factor(factor) = self.speed else { return batch.len() };
        let occurred = |line: &Line| line.change.as_ref().ok().map(|change| change.occurred_at);
        let Some(first) = batch.iter().find_map(occurred) else { return batch.len() };
        let (began, start) = *self.began.get_or_insert((Instant::now(), first));
        let after = |at: Timestamp| {
            Duration::try_from_secs_f64(at.duration_since(start).as_secs_f64().max(0.0) / factor).unwrap_or(Duration::MAX)
        };
        if let Some(wait) = after(first).checked_sub(began.elapsed()) {
            std::thread::sleep(wait);
        }
        let elapsed = began.elapsed();
        batch.iter().take_while(|line| occurred(line).is_none_or(|at| after(at) <= elapsed)).count().max(1)
    }
}

fn play_line(app: &Arc<App<ReplayClock>>, runtime: &Runtime<ReplayClock>, line: &Line, tally: &mut Tally) -> Result<()> {
    tally.lines += 1;
    let refused = match &line.change {
        Ok(change) => {
            price_due_until(app, runtime, change.occurred_at)?;
            app.clock.advance(change.occurred_at);
            let published = app.publish(None, None, change);
            runtime.settle();
            match published {
                Ok(Published::Applied(_)) => tally.applied += 1,
                Ok(Published::Repeated(_)) => tally.repeated += 1,
                Ok(Published::Stale(_)) => tally.stale += 1,
                Err(PublishError::Refused(refused)) => {
                    let raw = serde_json::to_vec(change).context("writing a stock change")?;
                    return refuse(app, line.number, &raw, refused.to_string(), tally);
                }
                Err(PublishError::Failed(failure)) => return Err(failed("storing a stock change", failure)),
            }
            None
        }
        Err(problem) => Some(problem.clone()),
    };
    match refused {
        Some(problem) => {
            app.metrics.stock.rejected.inc();
            refuse(app, line.number, &line.raw, problem, tally)
        }
        None => Ok(()),
    }
}

fn refuse(app: &App<ReplayClock>, line: u64, raw: &[u8], problem: String, tally: &mut Tally) -> Result<()> {
    let reason = format!("line {line}: {problem}");
    let aside = SetAside { queue: "stock-changes", body: raw, reason: &reason, receive_count: 1, at: app.clock.measured() };
    app.store.put_aside(&aside).context("setting a line aside")?;
    tally.refuse(line, problem);
    Ok(())
}

/// Prices every record that falls due before `until`, each at the very instant at which it is due.
pub(crate) fn price_due_until(app: &Arc<App<ReplayClock>>, runtime: &Runtime<ReplayClock>, until: Timestamp) -> Result<()> {
    let mut last: Option<(Timestamp, Sku)> = None;
    while let Some((due, sku)) = ready(app.store.due(until, 1)).context("looking for what is due")?.pop() {
        if last.as_ref() == Some(&(due, sku.clone())) {
            return Ok(()); // it could not be priced now; its message is in the queue's care
        }
        app.clock.advance(due);
        app.price_due(1)?;
        runtime.settle();
        last = Some((due, sku));
    }
    Ok(())
}
