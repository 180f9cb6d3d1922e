use std::sync::Arc;

use anyhow::{Context, Result};

use super::{Found, read_bytes, read_text};
use crate::cli::{Global, Up};
use crate::commands::Usage;
use crate::commands::change::{import_lines, report_import, rule_set_text, strategies_text};
use crate::report::thousands;
use crate::server::{Server, asked_to_end, listen, tokens};
use crate::watch::{Document, watch};

pub(crate) fn run(global: &Global, options: &Up) -> Result<Found> {
    if global.target.is_some() {
        return Err(Usage("up runs a server here: it takes --data, not --target".to_owned()).into());
    }
    let runtime = tokio::runtime::Runtime::new().context("starting the server's threads")?;
    runtime.block_on(async {
        // The address first: a port in use must not cost the start of a large store.
        let listener = listen(&options.listen).await?;
        let address = listener.local_addr().context("asking for the address")?;
        let strategies = options.strategies.as_deref().map(read_text).transpose()?;
        let promotions = options.promotions.as_deref().map(read_text).transpose()?;
        let catalogue = options.catalogue.as_deref().map(read_bytes).transpose()?;
        let tokens = tokens(global.admin_token.as_deref(), options.ingest_token.as_deref());
        let began = std::time::Instant::now();
        let quote_key = (options.quote_key.as_deref(), options.quote_key_previous.as_deref());
        let server = Server::open(&global.directory(), global.durability(), tokens, quote_key, |app, runtime| {
            let mut strategies = strategies.as_deref().map(strategies_text).transpose()?;
            if let (Some(text), Some(file)) = (strategies, &options.strategies)
                && let Some(rev) = app.replaced_since(text)?
            {
                tracing::warn!(
                    "{} is what settings {rev} had; what was put in force since stays: publish the file to have it back",
                    file.display()
                );
                strategies = None;
            }
            let promotions = promotions.as_deref().map(rule_set_text).transpose()?;
            app.ensure_settings(strategies, promotions, "up")?;
            if let Some(lines) = &catalogue {
                report_import(global, &import_lines(app, runtime, lines)?);
            }
            Ok(())
        })?;
        let counts = server.app.store.counts()?;
        // Before anybody hears that it runs, and asks it to end.
        let stop = asked_to_end()?;
        if global.json {
            println!("{}", serde_json::json!({ "listening": address.to_string(), "skus": counts.products }));
        } else {
            println!(
                "pricestream serves {} SKUs on http://{address} (started in {:.1} s)",
                thousands(counts.products),
                began.elapsed().as_secs_f64()
            );
            println!("  page http://{address}/   API http://{address}/openapi.json   metrics http://{address}/metrics");
            if global.admin_token.is_none() {
                println!("  administration is closed: set PRICESTREAM_ADMIN_TOKEN to open /v1/admin");
            }
        }
        if let Some((file, text)) = options.strategies.clone().zip(strategies) {
            tokio::spawn(watch(Document::Strategies, file, text, server.desk(), Arc::clone(&server.app.metrics)));
        }
        if let Some((file, text)) = options.promotions.clone().zip(promotions) {
            tokio::spawn(watch(Document::Promotions, file, text, server.desk(), Arc::clone(&server.app.metrics)));
        }
        server.serve(listener, stop).await?;
        Ok(Found::Nothing)
    })
}
