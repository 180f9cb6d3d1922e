use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::dynamo::Tables;

/// Names of the environment variables, shared with Terraform through `terraform/contract.json`.
pub mod variables {
    /// `dev`, `staging`, `prod`: which installation this is.
    pub const STAGE: &str = "PRICESTREAM_STAGE";
    /// Tables, each by its name.
    pub const TABLE_INVENTORY: &str = "PRICESTREAM_TABLE_INVENTORY";
    /// Of price records.
    pub const TABLE_PRICES: &str = "PRICESTREAM_TABLE_PRICES";
    /// Of decisions.
    pub const TABLE_HISTORY: &str = "PRICESTREAM_TABLE_HISTORY";
    /// Of catalogue lines and overrides.
    pub const TABLE_CATALOGUE: &str = "PRICESTREAM_TABLE_CATALOGUE";
    /// Of documents by hash, and the settings.
    pub const TABLE_DOCUMENTS: &str = "PRICESTREAM_TABLE_DOCUMENTS";
    /// Of low-stock states and alerts.
    pub const TABLE_ALERTS: &str = "PRICESTREAM_TABLE_ALERTS";
    /// Of the usage ledger.
    pub const TABLE_USAGE: &str = "PRICESTREAM_TABLE_USAGE";
    /// Of orders.
    pub const TABLE_ORDERS: &str = "PRICESTREAM_TABLE_ORDERS";
    /// Name of the event bus.
    pub const BUS: &str = "PRICESTREAM_BUS";
    /// URL of the queue for what no retry helps.
    pub const QUEUE_QUARANTINE: &str = "PRICESTREAM_QUEUE_QUARANTINE";
    /// URL of pricing-calculator's queue.
    pub const QUEUE_PRICING: &str = "PRICESTREAM_QUEUE_PRICING";
    /// URLs of the work queues, as `name=url,name=url`.
    pub const QUEUES: &str = "PRICESTREAM_QUEUES";
    /// URLs of the queues of dead letters, by the names of the queues that they are of, and `quarantine`.
    pub const DEAD_LETTER_QUEUES: &str = "PRICESTREAM_DEAD_LETTER_QUEUES";
    /// ARN of the topic of low-stock alerts.
    pub const ALERT_TOPIC: &str = "PRICESTREAM_ALERT_TOPIC";
    /// `rediss://host:port`, or `redis://` without TLS.
    pub const CACHE_URL: &str = "PRICESTREAM_CACHE_URL";
    /// User id for IAM authentication; absent where the URL holds all that is needed.
    pub const CACHE_USER: &str = "PRICESTREAM_CACHE_USER";
    /// Id of the replication group, which IAM tokens are for.
    pub const CACHE_NAME: &str = "PRICESTREAM_CACHE_NAME";
    /// SHA-256 of the admin token, in hexadecimal digits.
    pub const ADMIN_TOKEN_SHA256: &str = "PRICESTREAM_ADMIN_TOKEN_SHA256";
    /// SHA-256 of the token of stock changes and orders.
    pub const INGEST_TOKEN_SHA256: &str = "PRICESTREAM_INGEST_TOKEN_SHA256";
    /// Base URL of an OpenTelemetry collector, such as `http://127.0.0.1:4318` of one that runs beside the function.
    pub const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    /// What is logged, such as `info` or `pricestream=debug`.
    pub const LOG: &str = "PRICESTREAM_LOG";
}

/// Variables of the environment, read one by one: what is missing or malformed is noted, and all of it is told at once.
pub struct Environment {
    read: Read,
    asked: RefCell<BTreeSet<String>>,
    problems: Vec<String>,
}

type Read = Box<dyn Fn(&str) -> Option<String>>;

/// Everything that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment has {} problems: {}", self.0.len(), self.0.join("; "))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl Environment {
    /// The process's own.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// What `read` gives.
    pub fn new(read: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { read: Box::new(read), asked: RefCell::default(), problems: Vec::new() }
    }

    /// A variable that may be absent; an empty one is.
    pub fn maybe(&self, name: &str) -> Option<String> {
        self.asked.borrow_mut().insert(name.to_owned());
        (self.read)(name).filter(|value| !value.is_empty())
    }

    /// A variable that must be there; empty text otherwise, and a problem.
    pub fn text(&mut self, name: &str) -> String {
        self.maybe(name).unwrap_or_else(|| {
            self.problem(name, "is not set");
            String::new()
        })
    }

    /// A URL with one of these schemes.
    pub fn url(&mut self, name: &str, schemes: &[&str]) -> String {
        let text = self.text(name);
        let fits = |scheme: &str| text.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://") && rest.len() > 3);
        if !text.is_empty() && !schemes.iter().any(|scheme| fits(scheme)) {
            self.problem(name, &format!("is no URL with {}", schemes.join(":// or ") + "://"));
        }
        text
    }

    /// An ARN of a service.
    pub fn arn(&mut self, name: &str, service: &str) -> String {
        let text = self.text(name);
        let mut parts = text.split(':');
        let fits = parts.next() == Some("arn") && parts.nth(1) == Some(service);
        if !text.is_empty() && !fits {
            self.problem(name, &format!("is no ARN of {service}"));
        }
        text
    }

    /// `name=url,name=url`.
    pub fn urls(&mut self, name: &str) -> BTreeMap<String, String> {
        let text = self.text(name);
        let mut urls = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((key, url)) if url.contains("://") => {
                    urls.insert(key.to_owned(), url.to_owned());
                }
                _ => self.problem(name, &format!("holds {part:?}, which is no name=url")),
            }
        }
        urls
    }

    /// A SHA-256 in hexadecimal digits, which may be absent.
    pub fn sha256(&mut self, name: &str) -> Option<[u8; 32]> {
        let text = self.maybe(name)?;
        let digit = |place: usize| u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(digit).collect();
        match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).filter(|_| text.len() == 64) {
            Some(bytes) => Some(bytes),
            None => {
                self.problem(name, "is no SHA-256: it has 64 hexadecimal digits");
                None
            }
        }
    }

    /// The tables that `names` hold; the others are without a name, and not to be used.
    pub fn tables(&mut self, names: &[&str]) -> Tables {
        let mut table = |name: &str| if names.contains(&name) { self.text(name) } else { String::new() };
        Tables {
            inventory: table(variables::TABLE_INVENTORY),
            prices: table(variables::TABLE_PRICES),
            history: table(variables::TABLE_HISTORY),
            catalogue: table(variables::TABLE_CATALOGUE),
            documents: table(variables::TABLE_DOCUMENTS),
            alerts: table(variables::TABLE_ALERTS),
            usage: table(variables::TABLE_USAGE),
            orders: table(variables::TABLE_ORDERS),
        }
    }

    /// Notes what is wrong with a variable.
    pub fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("{name} {what}"));
    }

    /// The names that were asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// `value`, unless something is wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(Problems(self.problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(of: &'static [(&'static str, &'static str)]) -> Environment {
        Environment::new(|name| of.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let mut read = environment(&[
            (variables::CACHE_URL, "http://cache"),
            (variables::ALERT_TOPIC, "low-stock"),
            (variables::QUEUES, "a=http://a,b"),
            (variables::ADMIN_TOKEN_SHA256, "abc"),
            (variables::BUS, ""),
        ]);
        read.url(variables::CACHE_URL, &["rediss", "redis"]);
        read.arn(variables::ALERT_TOPIC, "sns");
        read.urls(variables::QUEUES);
        read.sha256(variables::ADMIN_TOKEN_SHA256);
        read.text(variables::BUS);
        let Err(Problems(problems)) = read.finish(()) else { panic!("nothing was found") };
        assert_eq!(
            problems,
            [
                "PRICESTREAM_CACHE_URL is no URL with rediss:// or redis://",
                "PRICESTREAM_ALERT_TOPIC is no ARN of sns",
                "PRICESTREAM_QUEUES holds \"b\", which is no name=url",
                "PRICESTREAM_ADMIN_TOKEN_SHA256 is no SHA-256: it has 64 hexadecimal digits",
                "PRICESTREAM_BUS is not set",
            ]
        );
    }

    #[test]
    fn what_is_well_formed_is_read() {
        let mut read = environment(&[
            (variables::CACHE_URL, "rediss://cache:6379"),
            (variables::ALERT_TOPIC, "arn:aws:sns:eu-west-1:000000000000:low-stock"),
            (variables::QUEUES, "a=http://a, b=http://b"),
        ]);
        read.url(variables::CACHE_URL, &["rediss", "redis"]);
        read.arn(variables::ALERT_TOPIC, "sns");
        let urls = read.urls(variables::QUEUES);
        assert_eq!(urls.into_iter().collect::<Vec<_>>(), [("a".into(), "http://a".into()), ("b".into(), "http://b".into())]);
        assert_eq!(read.sha256(variables::ADMIN_TOKEN_SHA256), None);
        assert_eq!(read.finish(()), Ok(()));
    }
}
