//! HTTP to the target: connections that are kept, at most so many at once.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

type Connection = SendRequest<Full<Bytes>>;

/// Talks to one target.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    prefix: String,
    tls: Option<TlsConnector>,
    token: Option<HeaderValue>,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Client {
    /// `url` is http or https; `token` is the administrator's; at most `most` requests are under way.
    pub fn new(url: &str, token: Option<&str>, most: usize) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("{url:?} is no URL that begins with http:// or https://"),
        };
        let tls = if secure { Some(tls()?) } else { None };
        let token = token.map(|token| HeaderValue::try_from(format!("Bearer {token}"))).transpose().context("the token")?;
        Ok(Self(Arc::new(Inner {
            host: uri.host().context("the URL names no host")?.to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            tls,
            token,
            idle: Mutex::default(),
            permits: Semaphore::new(most),
        })))
    }

    async fn connect(&self) -> Result<Connection> {
        let inner = &self.0;
        let tcp = TcpStream::connect((inner.host.as_str(), inner.port)).await.context("connecting")?;
        tcp.set_nodelay(true)?;
        match &inner.tls {
            None => Self::speak(tcp).await,
            Some(tls) => {
                let name = ServerName::try_from(inner.host.clone()).context("the host's name")?;
                Self::speak(tls.connect(name, tcp).await.context("TLS")?).await
            }
        }
    }

    async fn speak<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static>(stream: S) -> Result<Connection> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            let _ended = connection.await.is_ok();
        });
        Ok(sender)
    }

    fn request(&self, method: &Method, path: &str, body: &Bytes) -> Result<Request<Full<Bytes>>> {
        let inner = &self.0;
        let path = format!("{}{path}", inner.prefix);
        let mut request = Request::builder().method(method).uri(&path).header(HOST, &inner.host);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &inner.token {
            request = request.header(AUTHORIZATION, token);
        }
        // A quote that is signed needs a name that tells it from one that is sent again.
        if path.contains("/v1/quotes?sign=true") {
            request = request.header("idempotency-key", format!("load-{:032x}", fastrand::u128(..)));
        }
        Ok(request.body(Full::new(body.clone()))?)
    }

    /// A request and its answer. What an idle connection has lost is sent again on a new one.
    pub async fn ask(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<(u16, Bytes)> {
        let body = body.into();
        let _permit = self.0.permits.acquire().await?;
        loop {
            let idle = self.0.idle.lock().expect("no panic while held").pop();
            let reused = idle.is_some();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            if connection.ready().await.is_err() && reused {
                continue;
            }
            match connection.send_request(self.request(&method, path, &body)?).await {
                Ok(response) => {
                    let status = response.status().as_u16();
                    let body = response.into_body().collect().await.context("reading the answer")?.to_bytes();
                    self.0.idle.lock().expect("no panic while held").push(connection);
                    return Ok((status, body));
                }
                Err(error) if reused && error.is_canceled() => {}
                Err(error) => return Err(error).with_context(|| format!("{method} {path}")),
            }
        }
    }

    /// A request that must be answered by 200.
    pub async fn done(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<serde_json::Value> {
        let (status, answer) = self.ask(method.clone(), path, body).await?;
        if status != 200 {
            bail!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        }
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Opens a stream, on a connection of its own.
    pub async fn stream(&self, path: &str, body: impl Into<Bytes>) -> Result<Response<Incoming>> {
        let body = body.into();
        let mut connection = self.connect().await?;
        let method = if body.is_empty() { Method::GET } else { Method::POST };
        let response = connection.send_request(self.request(&method, path, &body)?).await?;
        if response.status() != 200 {
            bail!("{path}: {}", response.status());
        }
        Ok(response)
    }
}

fn tls() -> Result<TlsConnector> {
    let mut roots = tokio_rustls::rustls::RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
