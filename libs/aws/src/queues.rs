use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use pricestream_ports::PortError;

/// Longest delay of one message (SQS).
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// Characters of a reason that is kept, at most.
const LONGEST_REASON: usize = 1_000;

/// SQS queues by their names.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Client,
    urls: BTreeMap<String, String>,
}

impl Queues {
    /// With these URLs.
    pub fn new(client: Client, urls: BTreeMap<String, String>) -> Self {
        Self { client, urls }
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Their names with their URLs.
    pub fn urls(&self) -> &BTreeMap<String, String> {
        &self.urls
    }

    /// Opens the connection before the first event comes: all queues are at one host.
    pub async fn connect(&self) {
        if let Some(url) = self.urls.values().next() {
            connect_queue(&self.client, url).await;
        }
    }

    /// Puts `body` into a queue, to be seen after `delay`, which is cut to a quarter of an hour and whole seconds.
    pub async fn send(&self, queue: &str, body: &str, delay: Duration) -> Result<(), PortError> {
        let url = self.urls.get(queue).ok_or_else(|| PortError::unavailable("queue", format!("no URL is known of {queue:?}")))?;
        let seconds = i32::try_from(delay.min(LONGEST_DELAY).as_secs()).expect("a delay is short");
        let call = self.client.send_message().queue_url(url).message_body(body).delay_seconds(seconds);
        call.send().await.map_err(|error| PortError::unavailable("queue", error.into_service_error()))?;
        Ok(())
    }
}

/// Opens the connection to SQS by a batch without entries, whatever is answered to it: it needs the right to send, and no other.
pub async fn connect_queue(client: &Client, url: &str) {
    let _refused = client.send_message_batch().queue_url(url).set_entries(Some(Vec::new())).send().await;
}

/// Keeps a message aside that no retry helps: its body, and as attributes the queue that it was in, why, and how often it was
/// delivered.
pub async fn quarantine(
    client: &Client,
    url: &str,
    queue: &str,
    body: &str,
    reason: &str,
    receive_count: u32,
) -> Result<(), PortError> {
    let attribute = |kind: &str, value: String| {
        let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
        value.map_err(|error| PortError::corrupt("quarantine", error))
    };
    // SQS takes no empty bodies and no empty attributes.
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    let told = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { sendable(text) };
    client
        .send_message()
        .queue_url(url)
        .message_body(told(body, " "))
        .message_attributes("queue", attribute("String", told(queue, "-"))?)
        .message_attributes("reason", attribute("String", told(&reason, "-"))?)
        .message_attributes("receive_count", attribute("Number", receive_count.to_string())?)
        .send()
        .await
        .map_err(|error| PortError::unavailable("quarantine", error.into_service_error()))?;
    Ok(())
}

/// `text` with what SQS refuses in a message replaced: it takes the characters of XML 1.0.
fn sendable(text: &str) -> String {
    let takes = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|letter| if takes(letter) { letter } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqs_refuses_is_replaced() {
        for (text, expected) in [
            ("{\"sku\":\"A\"}\r\n\t", "{\"sku\":\"A\"}\r\n\t"),
            ("a\0b\u{1a}c\u{1b}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("\u{fffe}\u{ffff}ü漢😀", "\u{fffd}\u{fffd}ü漢😀"),
        ] {
            assert_eq!(sendable(text), expected);
        }
    }
}
