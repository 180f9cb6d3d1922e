//! The one thread that writes: what is waiting becomes one transaction (group commit), and everybody who waits is
//! answered once it is durable.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pricestream_embedded::{Runtime, SetAside, ready};
use pricestream_event_schema::{StockChange, TraceContext, parse_stock_change};
use pricestream_http::intake::INTAKE;
use pricestream_inventory_publisher::{TimeLimits, answer};
use pricestream_ports::{Clock, RecordReads, SystemClock, Usage};
use pricestream_price_api::{
    Change, Code, Command, DeskError, Done, OrderCommand, OrderDone, Problem, StockOutcome, execute, execute_order,
};
use pricestream_reconciler::{Findings, Progress};
use pricestream_repricing_engine::rollout::Tally;
use tokio::sync::oneshot;

use crate::app::App;

/// Requests that may wait; more are told to come again.
const WAITING: usize = 1_024;

/// Stock changes committed together, at most: bounds how long the first of them waits.
const TOGETHER: usize = 1_000;

/// How often due records are looked for.
const TICK: Duration = Duration::from_millis(100);

/// How often every SKU is looked at.
const RECONCILE: Duration = Duration::from_mins(1);

/// How often expired reservations are swept, and how many at once.
const SWEEP: Duration = Duration::from_secs(1);
const SWEPT: usize = 500;

/// Events younger than this are on their way.
const GRACE: Duration = Duration::from_secs(5);

/// What the worker is asked to do, with whom to answer.
pub(crate) enum Job {
    Stock(Vec<StockChange>, Option<TraceContext>, oneshot::Sender<Result<Vec<StockOutcome>, DeskError>>),
    Quarantine(Vec<(Vec<u8>, String)>, oneshot::Sender<Result<(), DeskError>>),
    Command(Command, oneshot::Sender<Result<Done, DeskError>>),
    Order(Box<OrderCommand>, oneshot::Sender<Result<OrderDone, DeskError>>),
    Stop,
}

/// A job done but not yet durable: what to answer when it is.
enum Answer {
    Stock(oneshot::Sender<Result<Vec<StockOutcome>, DeskError>>, Result<Vec<StockOutcome>, DeskError>),
    Quarantine(oneshot::Sender<Result<(), DeskError>>, Result<(), DeskError>),
    Command(oneshot::Sender<Result<Done, DeskError>>, Result<Done, DeskError>),
    Order(oneshot::Sender<Result<OrderDone, DeskError>>, Result<OrderDone, DeskError>),
}

impl Answer {
    /// Whoever asked may have gone; then nobody needs the answer.
    fn send(self, failed: Option<&str>) {
        let failure = || failed.map(|why| DeskError::Failed(why.to_owned()));
        let _nobody_waits = match self {
            Self::Stock(to, result) => to.send(failure().map_or(result, Err)).is_err(),
            Self::Quarantine(to, result) => to.send(failure().map_or(result, Err)).is_err(),
            Self::Command(to, result) => to.send(failure().map_or(result, Err)).is_err(),
            Self::Order(to, result) => to.send(failure().map_or(result, Err)).is_err(),
        };
    }
}

/// The writing thread and the way to it.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) jobs: SyncSender<Job>,
    thread: JoinHandle<Result<()>>,
}

impl Worker {
    /// Starts it on `app` with the app's one runtime.
    pub(crate) fn start(app: Arc<App<SystemClock>>, runtime: Runtime<SystemClock>) -> Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                Loop {
                    app,
                    runtime,
                    progress: None,
                    reconciled: Instant::now(),
                    swept: Instant::now(),
                    usage_moved: true,
                    awaiting: Vec::new(),
                }
                .run(&waiting)
            })
            .context("starting the writing thread")?;
        Ok(Self { jobs, thread })
    }

    /// Finishes what is waiting, then stops.
    pub(crate) fn stop(self) -> Result<()> {
        let _already_gone = self.jobs.send(Job::Stop).is_err();
        self.thread.join().map_err(|_| anyhow::anyhow!("the writing thread panicked"))?
    }
}

struct Loop {
    app: Arc<App<SystemClock>>,
    runtime: Runtime<SystemClock>,
    /// A reconciliation under way.
    progress: Option<Progress>,
    reconciled: Instant,
    /// When no more expired reservations were found.
    swept: Instant,
    /// What is left of limited promotions may have moved since it was looked at.
    usage_moved: bool,
    /// Who waits for it.
    awaiting: Vec<oneshot::Sender<Result<Done, DeskError>>>,
}

impl Loop {
    fn run(mut self, waiting: &Receiver<Job>) -> Result<()> {
        loop {
            let mut jobs = Vec::new();
            let timeout = if self.progress.is_some() { Duration::ZERO } else { TICK };
            let mut stop = false;
            match waiting.recv_timeout(timeout) {
                Ok(job) => {
                    let mut changes = 0;
                    let mut next = Some(job);
                    while let Some(job) = next {
                        match job {
                            Job::Stop => {
                                stop = true;
                                break;
                            }
                            Job::Stock(ref these, ..) => changes += these.len(),
                            Job::Quarantine(..) | Job::Command(..) => {}
                            Job::Order(..) => changes += 1,
                        }
                        jobs.push(job);
                        next = if changes < TOGETHER { waiting.try_recv().ok() } else { None };
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => stop = true,
            }
            if !jobs.is_empty() {
                self.turn(jobs);
            }
            self.look_after();
            if stop {
                self.runtime.turn(|_| ()).context("settling the last messages")?;
                return Ok(());
            }
        }
    }

    fn turn(&mut self, jobs: Vec<Job>) {
        let app = Arc::clone(&self.app);
        let mut reconcile = Vec::new();
        let mut waiting = Vec::new();
        let mut usage_moved = false;
        let done = self.runtime.turn(|runtime| {
            for job in jobs {
                match job {
                    Job::Stock(changes, trace, to) => waiting.push(Answer::Stock(to, take(&app, &changes, trace.as_ref()))),
                    Job::Quarantine(items, to) => waiting.push(Answer::Quarantine(to, set_aside(&app, &items))),
                    Job::Command(Command::Reconcile, to) => reconcile.push(to),
                    Job::Command(command, to) => waiting.push(Answer::Command(to, carry_out(&app, runtime, command))),
                    Job::Order(command, to) => {
                        usage_moved = true;
                        waiting.push(Answer::Order(to, order(&app, *command)));
                    }
                    Job::Stop => {}
                }
            }
        });
        self.usage_moved |= usage_moved;
        let failed = done.as_ref().err().map(|error| {
            tracing::error!(%error, "a transaction came to nothing");
            self.reload();
            format!("{:#}", anyhow::Error::msg(error.to_string()))
        });
        for answer in waiting {
            if let Answer::Command(_, Ok(done)) = &answer
                && done.needs_reconcile()
                && failed.is_none()
            {
                self.usage_moved = true; // it may be another rule set
                self.progress.get_or_insert_with(Progress::default);
            }
            answer.send(failed.as_deref());
        }
        if !reconcile.is_empty() {
            self.awaiting.extend(reconcile);
            self.progress = Some(Progress::default());
        }
    }

    /// What no request asks for: due prices, redeliveries, one page of the reconciliation.
    fn look_after(&mut self) {
        let now = self.app.clock.now();
        let due = ready(self.app.store.due(now, 1)).is_ok_and(|due| !due.is_empty());
        let wake = self.runtime.next_wake().is_some_and(|at| at <= self.app.clock.measured());
        if due || wake || self.runtime.owes_commit() {
            let done = self.runtime.turn(|_| if due { self.app.price_due(TOGETHER) } else { Ok(0) });
            if let Some(error) = done.map_err(anyhow::Error::from).and_then(|due| due).err() {
                tracing::error!(%error, "due prices could not be worked out now");
            }
        }
        if self.swept.elapsed() >= SWEEP {
            self.sweep();
        }
        if self.progress.is_none() && self.reconciled.elapsed() >= RECONCILE {
            self.progress = Some(Progress::default());
        }
        if let Some(progress) = self.progress.take() {
            self.reconcile(progress);
        }
    }

    /// Notes which reservations have expired; at once again while there are more.
    fn sweep(&mut self) {
        let swept = self.runtime.turn(|_| ready(self.app.store.sweep(self.app.clock.now(), SWEPT)));
        let expired = swept.map_err(anyhow::Error::from).and_then(|expired| Ok(expired?)).unwrap_or_else(|error| {
            tracing::error!(error = %format!("{error:#}"), "expired reservations could not be swept");
            0
        });
        self.app.metrics.reservations.expired.inc_by(expired as u64);
        if expired < SWEPT {
            self.swept = Instant::now();
        }
        if std::mem::take(&mut self.usage_moved) || expired > 0 {
            self.note_used_up();
        }
    }

    /// After a transaction that came to nothing: what is in force may never have been stored.
    fn reload(&self) {
        ready(self.app.settings.reload()).unwrap_or_else(|error| tracing::error!(%error, "the settings cannot be read"));
    }

    /// Leaves out of public lanes what has nothing left, and takes in again what has.
    fn note_used_up(&mut self) {
        let app = Arc::clone(&self.app);
        let noted = self.runtime.turn(|_| ready(app.reconciler().note_used_up(&*app.store, &*app.store)));
        match noted.map_err(|error| error.to_string()).and_then(|noted| noted.map_err(|error| error.to_string())) {
            Ok(true) => {
                self.progress.get_or_insert_with(Progress::default);
            }
            Ok(false) => {}
            Err(why) => {
                self.reload();
                self.usage_moved = true;
                tracing::error!(%why, "what is used up of limited promotions could not be noted");
            }
        }
    }

    /// Ends a rollout that does harm.
    fn stop_if_harmful(&mut self, tally: &Tally) {
        let app = Arc::clone(&self.app);
        let stopped = self.runtime.turn(|_| ready(app.reconciler().stop_if_harmful(tally, &*app.store)));
        match stopped.map_err(|error| error.to_string()).and_then(|stopped| stopped.map_err(|error| error.to_string())) {
            Ok(true) => self.progress = Some(Progress::default()),
            Ok(false) => {}
            Err(why) => {
                tracing::error!(%why, "a rollout that does harm could not be stopped now; the next reconciliation tries again");
            }
        }
    }

    fn reconcile(&mut self, progress: Progress) {
        let page = self.runtime.turn(|_| ready(self.app.reconciler().step(progress, GRACE)));
        match page.map_err(|error| error.to_string()).and_then(|page| page.map_err(|error| error.to_string())) {
            Ok(progress) if progress.after.is_some() => self.progress = Some(progress),
            Ok(Progress { findings: Findings { looked_at, records_behind, cache_behind, .. }, tally, .. }) => {
                self.reconciled = Instant::now();
                if let Some(tally) = tally {
                    self.stop_if_harmful(&tally);
                }
                for to in self.awaiting.drain(..) {
                    let _nobody_waits =
                        to.send(Ok(Done::Reconciled { looked_at, records_behind, cache_behind, finished: true })).is_err();
                }
            }
            Err(why) => {
                tracing::error!(%why, "the reconciliation stopped; the next begins anew");
                self.reconciled = Instant::now();
                for to in self.awaiting.drain(..) {
                    let _nobody_waits = to.send(Err(DeskError::Failed(why.clone()))).is_err();
                }
            }
        }
    }
}

/// Holds, gives back, places or cancels; within a turn.
fn order<C: Clock + Clone + 'static>(app: &App<C>, command: OrderCommand) -> Result<OrderDone, DeskError> {
    let now = app.clock.now();
    app.metrics.reservations.expired.inc_by(ready(app.store.sweep(now, SWEPT))? as u64);
    ready(execute_order(command, &*app.store, &*app.store, &app.metrics, now)).map_err(DeskError::from)
}

fn take(app: &App<SystemClock>, changes: &[StockChange], trace: Option<&TraceContext>) -> Result<Vec<StockOutcome>, DeskError> {
    let limits = TimeLimits::live();
    changes.iter().map(|change| answer(app.publish(Some(&limits), trace, change))).collect()
}

fn set_aside(app: &App<SystemClock>, items: &[(Vec<u8>, String)]) -> Result<(), DeskError> {
    items.iter().try_for_each(|(body, reason)| {
        let aside = SetAside { queue: INTAKE, body, reason, receive_count: 1, at: app.clock.measured() };
        Ok(app.store.put_aside(&aside)?)
    })
}

fn carry_out<C: Clock + Clone + 'static>(app: &App<C>, runtime: &Runtime<C>, command: Command) -> Result<Done, DeskError> {
    match command {
        Command::Change(change) => change_records(app, change),
        Command::Redrive { id } => redrive(app, runtime, id),
        Command::Reconcile => Err(DeskError::Failed("a reconciliation is no part of a transaction".to_owned())),
    }
}

/// Carries out an administrator's change; within a turn.
pub(crate) fn change_records<C: Clock + Clone + 'static>(app: &App<C>, change: Change) -> Result<Done, DeskError> {
    ready(execute(change, &*app.store, &*app.store, &*app.bus, &*app.settings, &app.clock)).map_err(DeskError::from)
}

fn redrive<C: Clock + Clone + 'static>(app: &App<C>, runtime: &Runtime<C>, id: i64) -> Result<Done, DeskError> {
    let none = || DeskError::Refused(Problem::new(Code::UnknownDeadLetter, format!("there is no dead letter {id}")));
    let (queue, body) = app.store.dead_letter(id)?.ok_or_else(none)?;
    if queue == INTAKE {
        let at_fault = |why: String| DeskError::Refused(Problem::new(Code::BadStockChange, why));
        let change = parse_stock_change(&body).map_err(|error| at_fault(error.to_string()))?;
        match answer(app.publish(Some(&TimeLimits::live()), None, &change))? {
            StockOutcome::Refused(problem) => return Err(DeskError::Refused(problem)),
            StockOutcome::Applied { .. } | StockOutcome::Repeated { .. } | StockOutcome::Stale { .. } => {}
        }
    } else {
        let body = String::from_utf8_lossy(&body).into_owned();
        if !runtime.send(&queue, body.into()) {
            let why = format!("nobody subscribes queue {queue:?} any more");
            return Err(DeskError::Refused(Problem::new(Code::UnknownDeadLetter, why)));
        }
    }
    app.store.remove_dead_letter(id)?;
    Ok(Done::Redriven { queue })
}
