//! The strategies file of a running server: what is saved there is put in force whole, or refused whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pricestream_price_api::{Change, Command, Desk};
use pricestream_repricing_engine::Strategies;
use pricestream_telemetry::Metrics;

use crate::desk::WriterDesk;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at `file`, whose content is `known`, until the server ends.
pub(crate) async fn watch(file: PathBuf, mut known: String, desk: WriterDesk, metrics: Arc<Metrics>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Ok(text) = tokio::fs::read_to_string(&file).await else {
            continue; // an editor may be replacing it
        };
        if text == known {
            continue;
        }
        known.clone_from(&text);
        if let Err(problems) = Strategies::from_json(&text) {
            metrics.settings_refused.inc();
            tracing::error!(file = %file.display(), problems = problems.len(), "the strategies file was refused: the old document stays in force");
            for problem in problems {
                tracing::error!("{problem}");
            }
            continue;
        }
        let by = format!("file {}", file.display());
        match desk.command(Command::Change(Change::PublishStrategies { text: text.into(), by })).await {
            Ok(_) => tracing::info!(file = %file.display(), "the strategies file is in force"),
            Err(error) => {
                known.clear(); // tried again
                tracing::error!(file = %file.display(), %error, "the strategies file could not be put in force");
            }
        }
    }
}
