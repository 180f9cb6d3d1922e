use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use pricestream_domain::{Mode, Override, Product, Sku};
use pricestream_http::Intake;
pub use pricestream_http::IntakeError as DeskError;
use pricestream_repricing_engine::rollout::StopRules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::orders::{OrderCommand, OrderDone};

/// Where requests that change something go. On one machine a worker thread that does everything in one transaction, on
/// AWS the ports.
pub trait Desk: Intake {
    /// Holds what a quote promises or gives it back, places an order or cancels one, in one transaction: [`crate::execute_order`] does it.
    fn order(&self, command: OrderCommand) -> impl Future<Output = Result<OrderDone, DeskError>> + Send;

    /// Carries out a command of an administrator.
    fn command(&self, command: Command) -> impl Future<Output = Result<Done, DeskError>> + Send;
}

/// What an administrator wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A change of records or settings: [`crate::execute`] carries it out.
    Change(Change),
    /// Puts a dead letter back into its queue, or refused input back into the intake.
    Redrive {
        /// Its number.
        id: i64,
    },
    /// Looks at every SKU now: the record against its inputs, the cache against the record.
    Reconcile,
}

/// A change of records or settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Stores catalogue lines, each for itself; equal ones are left alone.
    ImportCatalogue(Vec<Product>),
    /// Takes a SKU off sale: its price is withdrawn.
    Retire {
        /// Which.
        sku: Sku,
    },
    /// Puts a strategies document in force.
    PublishStrategies {
        /// The document.
        text: Arc<str>,
        /// Who publishes it.
        by: String,
        /// Why.
        note: String,
    },
    /// Puts strategies on trial, or moves those that are on trial to another stage.
    RollOut(RollOut),
    /// Puts the strategies document of earlier settings in force again; whatever is on trial is over.
    RollBack {
        /// The number of those settings.
        to: u64,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
    /// Puts a rule set of promotions in force.
    PublishPromotions {
        /// The document.
        text: Arc<str>,
        /// Who publishes it.
        by: String,
    },
    /// Switches promotions, or some components of them, on or off; the rule set stays.
    SwitchPromotions {
        /// To what.
        on: bool,
        /// Components that are off even so.
        components_off: BTreeSet<String>,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
    /// Turns the kill switch.
    SetMode {
        /// To what.
        mode: Mode,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
    /// Sets a person's price.
    SetOverride {
        /// Of which SKU.
        sku: Sku,
        /// The price, until when, who and why.
        override_: Override,
    },
    /// Ends a person's price.
    LiftOverride {
        /// Of which SKU.
        sku: Sku,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
}

/// A step of a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct RollOut {
    /// The document to put on trial; that which is on trial when absent.
    pub candidate: Option<Arc<str>>,
    /// Where to.
    pub stage: NextStage,
    /// When it stops by itself; as before, or the usual rules, when absent.
    pub stop: Option<StopRules>,
    /// Who does.
    pub by: String,
    /// Why.
    pub note: String,
}

/// Where a rollout is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NextStage {
    /// The candidate prices nothing; what it would set is recorded beside each price.
    Shadow,
    /// The candidate prices this share of the SKUs, in percent, 1..=99: the same price for every shopper.
    Canary(u8),
    /// The candidate is in force, and the rollout is over.
    Full,
    /// The candidate prices nothing, and the rollout is over.
    Stopped,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum Done {
    /// Catalogue lines were stored.
    Imported {
        /// New or other than before.
        changed: usize,
        /// Equal to what was there.
        unchanged: usize,
    },
    /// Settings are in force.
    Settings {
        /// Their number.
        rev: u64,
        /// They are other than before.
        changed: bool,
    },
    /// An override was set or lifted, and the SKU is being priced.
    Override {
        /// Of which SKU.
        sku: Sku,
    },
    /// A dead letter is back in its queue.
    Redriven {
        /// Which queue.
        queue: String,
    },
    /// SKUs were looked at.
    Reconciled {
        /// How many.
        looked_at: usize,
        /// Price records that were behind their inputs; they are being priced.
        records_behind: usize,
        /// Cache entries that were behind their record; they are put right.
        cache_behind: usize,
        /// Every SKU was looked at; false: there was no time for more, and the reconciler's next run looks at the rest.
        finished: bool,
    },
}

impl Done {
    /// It may touch any SKU: whoever executed it runs the reconciler, which has what is touched priced anew.
    pub const fn needs_reconcile(&self) -> bool {
        matches!(self, Self::Settings { changed: true, .. })
    }
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DocumentProblem {
    /// Where: a JSON path.
    pub path: String,
    /// What.
    pub message: String,
}
