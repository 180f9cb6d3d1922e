//! `pricestream up`: every service, the API and the page in one process.

use std::future::{Future, IntoFuture};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::response::Html;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use pricestream_embedded::{Access, CacheListener, Runtime, Store};
use pricestream_ports::{CacheEntry, SystemClock};
use pricestream_price_api::{Api, Circuit, Items, StreamHub, Token, Tokens, router};
use pricestream_telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::App;
use crate::desk::{OneMachine, StoreLedger, WriterDesk};
use crate::quote_key;
use crate::worker::Worker;

/// The page: live prices, and why each is what it is.
const PAGE: &str = include_str!("../page/index.html");

/// Connections that the price stream takes.
const MOST_STREAMS: usize = 20_000;

/// How long clients may take to finish their requests once the process is asked to end.
const GRACE: Duration = Duration::from_secs(5);

/// Hears what the cache takes, and tells the streams.
struct Streams(Arc<StreamHub>);

impl CacheListener for Streams {
    fn applied(&self, entry: &Arc<CacheEntry>) {
        self.0.publish(entry);
    }
}

/// A server that is ready to be run.
pub(crate) struct Server {
    pub(crate) app: Arc<App<SystemClock>>,
    worker: Worker,
    hub: Arc<StreamHub>,
    api: axum::Router,
    ready: Arc<AtomicBool>,
}

impl Server {
    /// Opens the store and starts the writing thread; `prepare` runs before it, on the open store.
    pub(crate) fn open(
        directory: &Path,
        durability: pricestream_embedded::Durability,
        tokens: Tokens,
        (quote_key, previous): (Option<&str>, Option<&str>),
        prepare: impl FnOnce(&Arc<App<SystemClock>>, &Runtime<SystemClock>) -> Result<()>,
    ) -> Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let hub = Arc::new(StreamHub::new(Arc::clone(&metrics), MOST_STREAMS));
        let listener: Arc<dyn CacheListener> = Arc::new(Streams(Arc::clone(&hub)));
        let app = App::open(directory, durability, SystemClock, Some(listener), metrics)?;
        let quote_key = quote_key::load(directory, quote_key, previous)?;
        let runtime = app.runtime()?;
        prepare(&app, &runtime)?;
        let reader = Arc::new(Store::open(directory, Access::Read)?);
        let ready = Arc::new(AtomicBool::new(false));
        app.reconcile(&runtime).context("filling the cache")?;
        ready.store(true, Ordering::Release);
        let worker = Worker::start(Arc::clone(&app), runtime)?;
        let api = router::<OneMachine>(Api {
            records: Arc::clone(&reader),
            documents: Arc::clone(&reader),
            settings: Arc::clone(&app.settings),
            items: Items::default(),
            circuit: Circuit::new(Arc::clone(&app.metrics)),
            cache: Arc::clone(&app.cache),
            usage: Arc::clone(&reader),
            desk: Arc::new(WriterDesk(worker.jobs.clone())),
            ledger: Arc::new(StoreLedger {
                reader,
                bus: Arc::clone(&app.bus),
                cache: Arc::clone(&app.cache),
                directory: directory.to_owned(),
            }),
            hub: Arc::clone(&hub),
            metrics: Arc::clone(&app.metrics),
            clock: Arc::new(SystemClock),
            quote_key,
            tokens,
            ready: Arc::clone(&ready),
        })
        .route("/", get(async || Html(PAGE)));
        Ok(Self { app, worker, hub, api, ready })
    }

    /// A way to the writing thread.
    pub(crate) fn desk(&self) -> WriterDesk {
        WriterDesk(self.worker.jobs.clone())
    }

    /// Serves on `listener` until `stop` is done; then finishes what was begun, and waits for slow clients for a while.
    pub(crate) async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let (hub, ready) = (Arc::clone(&self.hub), self.ready);
        let (stopped, was_stopped) = oneshot::channel();
        let stopping = async move {
            stop.await;
            ready.store(false, Ordering::Release);
            hub.close();
            let _serving_has_ended = stopped.send(()).is_err();
        };
        let overdue = async {
            let _it_was = was_stopped.await;
            tokio::time::sleep(GRACE).await;
        };
        // Else a price waits up to 40 ms for the acknowledgement of the one before it (Nagle against delayed acknowledgements).
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps small frames back");
            }
        });
        tokio::select! {
            served = axum::serve(listener, self.api).with_graceful_shutdown(stopping).into_future() => served.context("serving")?,
            () = overdue => tracing::warn!("clients that did not finish their requests were cut off"),
        }
        let worker = self.worker;
        tokio::task::spawn_blocking(move || worker.stop()).await.context("stopping")?
    }
}

/// The tokens that the command line names.
pub(crate) fn tokens(admin: Option<&str>, ingest: Option<&str>) -> Tokens {
    Tokens { admin: admin.map(Token::new), ingest: ingest.map(Token::new) }
}

/// Listens on `address`, or says who does.
pub(crate) async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there: stop it, or give another --listen address",
            std::io::ErrorKind::PermissionDenied => "that port needs rights: give a --listen address with a port above 1023",
            _ => "give a --listen address such as 127.0.0.1:8080",
        };
        anyhow::Error::new(error).context(format!("{address} cannot be listened on: {advice}"))
    })
}

/// Done once the process is asked to end; hears that from the moment it is called.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let hear = |kind| signal(kind).context("listening for what ends the process");
    let (mut interrupt, mut terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

/// Done once the process is asked to end.
#[cfg(not(unix))]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "interrupts cannot be heard");
            std::future::pending::<()>().await;
        }
    })
}
