//! The answers of AWS that an emulator never gives.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

const JSON: &str = "application/x-amz-json-1.1";

/// The name of the operation that a call is of: in a header where calls are JSON, in the form where they are forms.
pub(crate) fn operation(request: &Request<Bytes>) -> String {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, name)) = target.and_then(|target| target.rsplit_once('.')) {
        return name.to_owned();
    }
    let form = str::from_utf8(request.body()).unwrap_or_default();
    form.split('&').find_map(|field| field.strip_prefix("Action=")).unwrap_or_default().to_owned()
}

/// Too many calls.
pub(crate) fn throttled() -> Response<Full<Bytes>> {
    let kind = "com.amazon.coral.availability#ThrottlingException";
    let body = json!({ "__type": kind, "message": "Rate exceeded" });
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON.parse().expect("it is a value"));
    headers.insert("x-amzn-errortype", kind.parse().expect("it is a value"));
    response
}

/// A `PutEvents` without every other entry, beginning with the first. `None` if nothing is left to be passed on.
pub(crate) fn without_every_other_event(body: &[u8]) -> Option<Bytes> {
    let mut call: Value = serde_json::from_slice(body).ok()?;
    let entries = call.get_mut("Entries")?.as_array_mut()?;
    let mut place = 0;
    entries.retain(|_| {
        place += 1;
        place % 2 == 0
    });
    (!entries.is_empty()).then(|| call.to_string().into())
}

/// The answer to a `PutEvents` of which every other entry was refused, given the answer to the others.
pub(crate) fn every_other_event_refused(body: &[u8], answer: Option<&[u8]>) -> Response<Full<Bytes>> {
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    let count = parsed(body)["Entries"].as_array().map_or(0, Vec::len);
    let passed = answer.map(parsed).unwrap_or_default();
    let entry = |place: usize| match place % 2 {
        0 => json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "refused by the fault proxy" }),
        _ => passed["Entries"][place / 2].clone(),
    };
    let entries: Vec<Value> = (0..count).map(entry).collect();
    let refused = entries.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
    let mut response = Response::new(Full::from(json!({ "FailedEntryCount": refused, "Entries": entries }).to_string()));
    response.headers_mut().insert(CONTENT_TYPE, JSON.parse().expect("it is a value"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_event_is_refused_and_the_answers_keep_their_places() {
        let call = json!({ "Entries": [{ "Detail": "a" }, { "Detail": "b" }, { "Detail": "c" }, { "Detail": "d" }] }).to_string();
        let rest = without_every_other_event(call.as_bytes()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&rest).unwrap(), json!({ "Entries": [{ "Detail": "b" }, { "Detail": "d" }] }));
        assert_eq!(without_every_other_event(br#"{"Entries":[{"Detail":"a"}]}"#), None);
    }

    #[test]
    fn an_operation_is_named_by_a_header_or_a_form() {
        let json = Request::builder().header("x-amz-target", "DynamoDB_20120810.GetItem").body(Bytes::new()).unwrap();
        assert_eq!(operation(&json), "GetItem");
        assert_eq!(operation(&Request::new(Bytes::from_static(b"Version=1&Action=Publish&Message=x"))), "Publish");
    }
}
