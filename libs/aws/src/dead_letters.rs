use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_ports::PortError;

/// The queue of what no retry helps; its messages say which queue they were in.
pub const QUARANTINE: &str = "quarantine";

/// Messages of one call, at most (SQS).
const MOST: i32 = 10;

/// How long whoever looks for a message keeps the others that it meets from everybody else.
const HELD: Duration = Duration::from_secs(20);

/// How long one queue is looked through: of thousands of messages not all are met. `aws sqs start-message-move-task` moves them all.
const LONGEST: Duration = Duration::from_secs(1);

/// Calls in a row that give nothing until a queue is taken for empty: a call asks some of SQS's servers alone.
const EMPTY: usize = 2;

/// A message that no retry helped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number: newer ones have higher numbers.
    pub id: i64,
    /// The queue that it was in.
    pub queue: String,
    /// What it says.
    pub body: String,
    /// Why it is here.
    pub reason: String,
    /// How often it was delivered.
    pub receive_count: u32,
    /// When it was sent first.
    pub at: Timestamp,
    url: String,
    receipt: String,
}

/// The queues of dead letters, by the names of the queues that they are of, and [`QUARANTINE`].
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: Client,
    urls: BTreeMap<String, String>,
}

impl DeadLetters {
    /// With these URLs.
    pub fn new(client: Client, urls: BTreeMap<String, String>) -> Self {
        Self { client, urls }
    }

    /// The URL of the queue of what no retry helps.
    pub fn quarantine(&self) -> Option<&str> {
        self.urls.get(QUARANTINE).map(String::as_str)
    }

    /// Up to `most` of those before `before`, newest first. SQS has no order and shows each message to one at a time: what somebody
    /// else looks at this moment is left out, and of more than `most` in one queue any may be.
    pub async fn page(&self, before: Option<i64>, most: usize) -> Result<Vec<DeadLetter>, PortError> {
        let mut found = Vec::new();
        for (name, url) in &self.urls {
            let met = self.look_through(name, url, |met| met.len() >= most.max(1)).await?;
            self.let_go(url, &met).await?;
            found.extend(met);
        }
        found.retain(|letter| before.is_none_or(|before| letter.id < before));
        found.sort_by_key(|letter| std::cmp::Reverse(letter.id));
        found.truncate(most);
        Ok(found)
    }

    /// The dead letter of that number; until it is removed or time is up nobody else sees it.
    pub async fn take(&self, id: i64) -> Result<Option<DeadLetter>, PortError> {
        for (name, url) in &self.urls {
            let mut met = self.look_through(name, url, |met| met.iter().any(|letter| letter.id == id)).await?;
            let taken = met.iter().position(|letter| letter.id == id).map(|place| met.swap_remove(place));
            self.let_go(url, &met).await?;
            if taken.is_some() {
                return Ok(taken);
            }
        }
        Ok(None)
    }

    /// Removes one that was taken.
    pub async fn remove(&self, letter: &DeadLetter) -> Result<(), PortError> {
        let call = self.client.delete_message().queue_url(&letter.url).receipt_handle(&letter.receipt);
        call.send().await.map(|_| ()).map_err(unavailable)
    }

    /// Leaves one that was taken where it is, for everybody to see.
    pub async fn give_back(&self, letter: &DeadLetter) -> Result<(), PortError> {
        self.let_go(&letter.url, std::slice::from_ref(letter)).await
    }

    /// About how many there are.
    pub async fn count(&self) -> Result<u64, PortError> {
        let mut all = 0;
        for url in self.urls.values() {
            all += depth(&self.client, url).await?;
        }
        Ok(all)
    }

    async fn look_through(
        &self,
        name: &str,
        url: &str,
        enough: impl Fn(&[DeadLetter]) -> bool,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let (mut met, mut seen, mut empty) = (Vec::new(), BTreeSet::new(), 0);
        let began = Instant::now();
        while empty < EMPTY && !enough(&met) && began.elapsed() < LONGEST {
            let call = self
                .client
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(MOST)
                .visibility_timeout(i32::try_from(HELD.as_secs()).expect("it is short"))
                .wait_time_seconds(0)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let answer = call.send().await.map_err(unavailable)?;
            let before = met.len();
            for message in answer.messages.unwrap_or_default() {
                if seen.insert(message.message_id.clone()) {
                    met.extend(letter(name, url, message));
                }
            }
            empty = if met.len() == before { empty + 1 } else { 0 };
        }
        Ok(met)
    }

    async fn let_go(&self, url: &str, letters: &[DeadLetter]) -> Result<(), PortError> {
        for some in letters.chunks(usize::try_from(MOST).expect("it is small")) {
            let entries: Result<Vec<_>, _> = some
                .iter()
                .enumerate()
                .map(|(place, letter)| {
                    ChangeMessageVisibilityBatchRequestEntry::builder()
                        .id(place.to_string())
                        .receipt_handle(&letter.receipt)
                        .visibility_timeout(0)
                        .build()
                })
                .collect();
            let entries = entries.map_err(|error| PortError::corrupt("dead letters", error))?;
            let call = self.client.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
            call.send().await.map_err(unavailable)?;
        }
        Ok(())
    }
}

/// About how many messages wait in the queue of that URL, those under way and those for later included.
pub async fn depth(client: &Client, url: &str) -> Result<u64, PortError> {
    let counted = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let call = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(counted.to_vec()));
    let answer = call.send().await.map_err(unavailable)?;
    let of = |name| answer.attributes().and_then(|all| all.get(name)?.parse::<u64>().ok()).unwrap_or(0);
    Ok(counted.iter().map(of).sum())
}

fn letter(name: &str, url: &str, message: Message) -> Option<DeadLetter> {
    let own = |name: MessageSystemAttributeName| message.attributes.as_ref()?.get(&name)?.parse::<i64>().ok();
    let told = |name: &str| message.message_attributes.as_ref()?.get(name)?.string_value.clone();
    let sent = own(MessageSystemAttributeName::SentTimestamp).unwrap_or(0);
    let received = own(MessageSystemAttributeName::ApproximateReceiveCount).and_then(|count| u32::try_from(count).ok());
    let queue = told("queue").unwrap_or_else(|| name.to_owned());
    let receive_count = told("receive_count").and_then(|count| count.parse().ok()).or(received).unwrap_or(1);
    // EventBridge says by these why it could not deliver.
    let undelivered = || Some(format!("{}: {}", told("ERROR_CODE")?, told("ERROR_MESSAGE")?));
    let reason = told("reason").or_else(undelivered).unwrap_or_else(|| "it was delivered several times, and failed".to_owned());
    Some(DeadLetter {
        id: number(sent, message.message_id.as_deref()?),
        queue,
        body: message.body.unwrap_or_default(),
        reason,
        receive_count,
        at: Timestamp::from_millisecond(sent).unwrap_or(Timestamp::UNIX_EPOCH),
        url: url.to_owned(),
        receipt: message.receipt_handle?,
    })
}

/// When it was sent, in milliseconds, and 11 bits of its id: exact in JSON until the year 2109.
fn number(sent: i64, id: &str) -> i64 {
    let hash = ContentHash::of(id.as_bytes());
    let [high, low, ..] = *hash.as_bytes();
    (sent.max(0) << 11) | (i64::from(u16::from_be_bytes([high, low])) & 0x7ff)
}

fn unavailable<E, R>(error: SdkError<E, R>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    PortError::unavailable("dead letters", error)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    fn message(attributes: &[(&str, &str)]) -> Message {
        let attribute = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap();
        let mut message = Message::builder().message_id("m-1").receipt_handle("r").body("{}");
        for (name, value) in attributes {
            message = message.message_attributes(*name, attribute(value));
        }
        message
            .attributes(MessageSystemAttributeName::SentTimestamp, "1764000000000")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "6")
            .build()
    }

    #[test]
    fn a_message_says_where_it_was_and_why_it_is_here() {
        for (attributes, queue, reason, count) in [
            (&[][..], "pricing-calculator", "it was delivered several times, and failed", 6),
            (&[("queue", "stock-changes"), ("reason", "no JSON"), ("receive_count", "1")], "stock-changes", "no JSON", 1),
            (&[("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "denied")], "pricing-calculator", "NO_PERMISSIONS: denied", 6),
        ] {
            let letter = letter("pricing-calculator", "http://q", message(attributes)).unwrap();
            assert_eq!((&*letter.queue, &*letter.reason, letter.receive_count), (queue, reason, count));
            assert_eq!(letter.at.as_millisecond(), 1_764_000_000_000);
        }
    }

    #[test]
    fn numbers_follow_the_time_and_are_exact_in_json() {
        assert!(number(1_764_000_000_001, "a") > number(1_764_000_000_000, "b"));
        assert_ne!(number(5, "a"), number(5, "b"));
        assert!(number(4_386_000_000_000, "a") < 1 << 53);
        assert!(number(-1, "a") >= 0);
    }
}
