use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::answers;
use crate::rules::{Fault, Rules};

/// Of one connection, not of a call.
const OF_THE_CONNECTION: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// Passes calls of AWS on to an emulator, unless a rule says otherwise.
#[derive(Clone, Debug)]
pub struct Proxy {
    emulator: Authority,
    rules: Arc<Rules>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Proxy {
    /// To the emulator at `host:port`.
    pub fn new(emulator: Authority, rules: Arc<Rules>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(30)).build(connector);
        Self { emulator, rules, client }
    }

    /// An error is what breaks the caller's connection.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, body.collect().await?.to_bytes());
        match self.rules.befall(&answers::operation(&request), request.body()) {
            None => self.pass_on(request).await,
            Some(Fault::Throttle) => Ok(answers::throttled()),
            Some(Fault::RefuseEveryOtherEvent) => self.refuse_every_other_event(request).await,
            Some(Fault::Delay(milliseconds)) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                self.pass_on(request).await
            }
            Some(Fault::CutBefore) => bail!("cut before the call"),
            Some(Fault::CutAfter) => {
                self.pass_on(request).await?;
                bail!("cut after the call")
            }
        }
    }

    async fn refuse_every_other_event(&self, request: Request<Bytes>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let passed = match answers::without_every_other_event(&body) {
            Some(rest) => Some(self.pass_on(Request::from_parts(head, rest)).await?.into_body().collect().await?.to_bytes()),
            None => None,
        };
        Ok(answers::every_other_event_refused(&body, passed.as_deref()))
    }

    async fn pass_on(&self, request: Request<Bytes>) -> Result<Response<Full<Bytes>>> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().cloned().context("a call has a path")?;
        head.uri = Uri::builder().scheme("http").authority(self.emulator.clone()).path_and_query(path).build()?;
        for name in OF_THE_CONNECTION {
            head.headers.remove(name);
        }
        let (mut head, body) = self.client.request(Request::from_parts(head, body.into())).await?.into_parts();
        for name in OF_THE_CONNECTION {
            head.headers.remove(name);
        }
        Ok(Response::from_parts(head, body.collect().await?.to_bytes().into()))
    }
}

/// Answers on a listener, for ever.
pub async fn serve_calls(listener: TcpListener, proxy: Proxy) -> Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let proxy = proxy.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| proxy.answer(request));
            // An error is a connection that was to break, or that the caller broke.
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service).await);
        });
    }
}
