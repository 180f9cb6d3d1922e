//! A running server, asked over HTTP.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode};

/// The server at one URL.
#[derive(Debug)]
pub(crate) struct Client {
    base: String,
    admin_token: Option<String>,
    agent: ureq::Agent,
}

/// What the server said.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Client {
    pub(crate) fn new(target: &str, admin_token: Option<&str>) -> Result<Self> {
        if !(target.starts_with("http://") || target.starts_with("https://")) {
            bail!("--target must be a URL such as http://127.0.0.1:8080, not {target:?}");
        }
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let base = target.trim_end_matches('/').to_owned();
        Ok(Self { base, admin_token: admin_token.map(str::to_owned), agent: config.into() })
    }

    /// Sends a request; an answer other than success is an error that says what the server's problem said.
    pub(crate) fn ask(&self, method: &Method, path: &str, content_type: &str, body: &[u8]) -> Result<Value> {
        let answer = self.send(method, path, content_type, body)?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        bail!("{}", problem_text(answer.status, &answer.body))
    }

    /// Sends a request, whatever the answer.
    fn send(&self, method: &Method, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let mut request = Request::builder().method(method.clone()).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.admin_token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let unreachable = || format!("{} does not answer: see that `pricestream up` runs there", self.base);
        let response = if *method == Method::GET {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.header("content-type", content_type).body(body)?)
        };
        let mut response = response.with_context(unreachable)?;
        let status = response.status();
        let text = response.body_mut().with_config().limit(256 << 20).read_to_string().context("reading the answer")?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Answer { status, body })
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.ask(&Method::GET, path, "", &[])
    }
}

/// A problem document in words, with everything that it lists.
fn problem_text(status: StatusCode, body: &Value) -> String {
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let mut said = match (text("title"), text("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        _ => format!("the server answered {status}"),
    };
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |field: &str| error.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        said.extend(["\n  ", &part("path"), ": ", &part("message")]);
    }
    said
}
