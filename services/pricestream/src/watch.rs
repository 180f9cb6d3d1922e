//! The documents of a running server that are files: what is saved there is put in force whole, or refused whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pricestream_documents::Problem;
use pricestream_price_api::{Change, Command, Desk};
use pricestream_promotion_engine::RuleSet;
use pricestream_repricing_engine::Strategies;
use pricestream_telemetry::Metrics;

use crate::desk::WriterDesk;

/// How often a file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A document of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// How prices are decided.
    Strategies,
    /// What baskets are priced with.
    Promotions,
}

impl Document {
    const fn name(self) -> &'static str {
        match self {
            Self::Strategies => "strategies",
            Self::Promotions => "promotions",
        }
    }

    fn problems(self, text: &str) -> Vec<Problem> {
        match self {
            Self::Strategies => Strategies::from_json(text).err().unwrap_or_default(),
            Self::Promotions => RuleSet::from_json(text).err().unwrap_or_default(),
        }
    }

    fn publish(self, text: String, by: String) -> Change {
        let text = text.into();
        match self {
            Self::Strategies => Change::PublishStrategies { text, by, note: String::new() },
            Self::Promotions => Change::PublishPromotions { text, by },
        }
    }
}

/// Looks at `file`, whose content is `known`, until the server ends.
pub(crate) async fn watch(document: Document, file: PathBuf, mut known: String, desk: WriterDesk, metrics: Arc<Metrics>) {
    let name = document.name();
    loop {
        tokio::time::sleep(EVERY).await;
        let Ok(text) = tokio::fs::read_to_string(&file).await else {
            continue; // an editor may be replacing it
        };
        if text == known {
            continue;
        }
        known.clone_from(&text);
        let problems = document.problems(&text);
        if !problems.is_empty() {
            metrics.settings_refused.inc();
            let count = problems.len();
            tracing::error!(file = %file.display(), problems = count, "the {name} file was refused: the old document stays in force");
            for problem in problems {
                tracing::error!("{problem}");
            }
            continue;
        }
        let by = format!("file {}", file.display());
        match desk.command(Command::Change(document.publish(text, by))).await {
            Ok(_) => tracing::info!(file = %file.display(), "the {name} file is in force"),
            Err(error) => {
                known.clear(); // tried again
                tracing::error!(file = %file.display(), %error, "the {name} file could not be put in force");
            }
        }
    }
}
