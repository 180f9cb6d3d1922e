//! The cache in Valkey or Redis: of each SKU a hash with its version and its entry, written by a script.

mod token;

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, HashesInterface, KeysInterface};
use fred::types::config::{Config, ReconnectPolicy, TlsConnector, UnresponsiveConfig};
use fred::types::scripts::Script;
use fred::types::{Builder, CustomCommand};
use pricestream_documents::ContentHash;
use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, PortError, price_key};

pub use self::token::{IamTokens, IamUser};
use crate::roots::Roots;

/// On which changes are published: the JSON of each entry that was written together, a line each.
const CHANNEL: &str = "ch:prices";

/// A command, and a connection, that takes longer fails: reads then go to the record, writes to redelivery.
const TIMEOUT: Duration = Duration::from_millis(100);

/// Connecting takes a TLS handshake and an authentication.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Waits between attempts to connect, in milliseconds: from, to at most, and how much longer each time.
const RECONNECT: (u32, u32, u32) = (10, 200, 2);

/// Attempts of one command, over connections that break.
const ATTEMPTS: u32 = 2;

/// How long an entry lives after it was made, or was last found to be what its record says: a backstop alone, since every entry is
/// compared with its record each minute. To write it anew does not lengthen that: the call would cost a fifth of the write.
const LIVES: Duration = Duration::from_hours(24);

/// Entries of one script call, at most: a call that takes long holds up everybody else's.
const TOGETHER: usize = 100;

/// How a script call is told to treat absent keys.
const fn told(if_absent: IfAbsent) -> &'static str {
    match if_absent {
        IfAbsent::Report => "0",
        IfAbsent::Write => "1",
    }
}

/// A connection to the cache, which restores itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ValkeyCache {
    client: Client,
    put_one: Script,
    put_many: Script,
}

impl ValkeyCache {
    /// Connects to `url` (`redis://` or `rediss://`, with a user and a password where there are any); `user` signs in with IAM
    /// tokens in place of a password. Errors: the URL is malformed, or nobody answers there.
    pub async fn connect(url: &str, user: Option<IamTokens>) -> Result<Self, PortError> {
        let cache = Self::unconnected(url, user, true)?;
        cache.client.init().await.map_err(unreachable)?;
        Ok(cache)
    }

    /// As [`Self::connect`], but where nobody answers in time the connection comes later: until then every command fails, so that
    /// reads go to the record. Errors: the URL is malformed.
    pub async fn open(url: &str, user: Option<IamTokens>) -> Result<Self, PortError> {
        let cache = Self::unconnected(url, user, false)?;
        let _runs_until_the_client_ends = cache.client.connect();
        match tokio::time::timeout(CONNECT_TIMEOUT, cache.client.wait_for_connect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the cache does not answer yet"),
            Err(_) => tracing::warn!("the cache does not answer yet"),
        }
        Ok(cache)
    }

    fn unconnected(url: &str, user: Option<IamTokens>, fail_fast: bool) -> Result<Self, PortError> {
        // Left to itself the client reads every certificate of the machine when it sees that scheme.
        let (plain, tls) = match url.strip_prefix("rediss://") {
            Some(rest) => (format!("redis://{rest}"), Some(tls()?.into())),
            None => (url.to_owned(), None),
        };
        let mut config = Config::from_url(&plain).map_err(unreachable)?;
        config.fail_fast = fail_fast;
        config.tls = tls;
        if let Some(tokens) = user {
            config.credential_provider = Some(Arc::new(tokens));
        }
        let (from, to, factor) = RECONNECT;
        let mut policy = ReconnectPolicy::new_exponential(0, from, to, factor);
        // The first connection waits too, by default up to a tenth of a second.
        policy.set_jitter(from);
        let client = Builder::from_config(config)
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT_TIMEOUT;
                connection.internal_command_timeout = CONNECT_TIMEOUT;
                connection.max_command_attempts = ATTEMPTS;
                connection.reconnect_on_auth_error = true;
                // Else each answer may wait for the acknowledgement of the one before.
                connection.tcp.nodelay = Some(true);
                connection.unresponsive = UnresponsiveConfig { max_timeout: Some(TIMEOUT * 5), interval: TIMEOUT };
            })
            .with_performance_config(|performance| performance.default_command_timeout = TIMEOUT)
            .set_policy(policy)
            .build()
            .map_err(unreachable)?;
        let [put_one, put_many] = [include_str!("put_one.lua"), include_str!("put_many.lua")].map(Script::from_lua);
        Ok(Self { client, put_one, put_many })
    }

    async fn put_together(&self, entries: &[&CacheEntry], if_absent: IfAbsent) -> Result<Vec<CacheWrite>, PortError> {
        let keys: Vec<String> = entries.iter().map(|entry| price_key(&entry.sku)).collect();
        let mut args = Vec::with_capacity(2 + entries.len() * 3);
        args.extend([told(if_absent).to_owned(), CHANNEL.to_owned()]);
        for entry in entries {
            args.extend([format!("{:020}", entry.price_version.0), lives(&entry.sku).as_secs().to_string(), entry.encode()]);
        }
        let script = if entries.len() == 1 { &self.put_one } else { &self.put_many };
        // Sends the script itself where the server does not have it: after each of its restarts. One text is a list of one.
        let results: Result<Vec<String>, _> = script.evalsha_with_reload(&self.client, keys, args).await;
        let results = results.map_err(|error| PortError::unavailable("cache", error))?;
        if results.len() != entries.len() {
            return Err(PortError::corrupt("cache", "the script answered for another number of entries"));
        }
        results.iter().map(|result| written(result)).collect()
    }

    /// Takes every key of its database out, as a failover may. For tests.
    pub async fn wipe(&self) -> Result<(), PortError> {
        let command = CustomCommand::new_static("FLUSHDB", None, false);
        let wiped: Result<(), _> = self.client.custom(command, Vec::<String>::new()).await;
        wiped.map_err(|error| PortError::unavailable("cache", error))
    }

    /// Ends the connection.
    pub async fn close(&self) {
        let _it_ends_anyway = self.client.quit().await;
    }

    /// The seconds that a key has left to live. For tests.
    pub async fn seconds_left(&self, sku: &Sku) -> Result<i64, PortError> {
        self.client.ttl(price_key(sku)).await.map_err(|error| PortError::unavailable("cache", error))
    }
}

/// TLS with the roots that are trusted: AWS's own, unless the environment names others.
fn tls() -> Result<TlsConnector, PortError> {
    let roots = Roots::of_environment().root_store().map_err(|why| PortError::unavailable("cache", why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| PortError::unavailable("cache", error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth().into())
}

fn unreachable(error: fred::error::Error) -> PortError {
    PortError::unavailable("cache", error)
}

/// A tenth more or less, by the SKU: entries that were written together do not end together.
fn lives(sku: &Sku) -> Duration {
    let apart = u32::from(ContentHash::of(sku.as_str().as_bytes()).as_bytes()[0]);
    LIVES * 9 / 10 + LIVES / 5 * apart / 255
}

fn written(result: &str) -> Result<CacheWrite, PortError> {
    match result {
        "applied" => Ok(CacheWrite::Applied),
        "equal" => Ok(CacheWrite::Equal),
        "stale" => Ok(CacheWrite::Stale),
        "absent" => Ok(CacheWrite::Absent),
        other => Err(PortError::corrupt("cache", format!("the script answered {other:?}"))),
    }
}

impl Cache for ValkeyCache {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        let found: Result<Option<String>, _> = self.client.hget(price_key(sku), "e").await;
        let Some(text) = found.map_err(|error| PortError::unavailable("cache", error))? else { return Ok(None) };
        CacheEntry::decode(&text).map(|entry| Some(Arc::new(entry))).map_err(|error| PortError::corrupt("cache", error))
    }

    async fn put_if_newer(&self, entry: &CacheEntry, if_absent: IfAbsent) -> Result<CacheWrite, PortError> {
        Ok(self.put_together(&[entry], if_absent).await?[0])
    }

    async fn put_all_if_newer(&self, entries: &[CacheEntry], if_absent: IfAbsent) -> Result<Vec<CacheWrite>, PortError> {
        let mut results = Vec::with_capacity(entries.len());
        for together in entries.chunks(TOGETHER) {
            results.extend(self.put_together(&together.iter().collect::<Vec<_>>(), if_absent).await?);
        }
        Ok(results)
    }
}
