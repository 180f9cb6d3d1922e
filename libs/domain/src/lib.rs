//! The words that every other crate speaks: money, rates, SKUs, versions, products.
//!
//! Nothing here reads a clock, a file or a network. Every type with a rule checks it when made and when
//! deserialised, so a value that exists is a value that is legal.

mod attributes;
mod basis_points;
mod currency;
mod lane;
mod money;
mod pricing;
mod prior;
mod product;
mod shares;
mod sku;
mod stock;
mod versions;

pub use attributes::Attributes;
pub use basis_points::{BasisPoints, InvalidBasisPoints, RelativeChange};
pub use currency::{Currency, UnknownCurrency};
pub use lane::{Lane, LaneError, LaneSlice};
pub use money::{Money, MoneyError};
pub use pricing::{Cause, Mode, Override, Standing, UnknownMode};
pub use prior::{NotPositive, Positive, Prior};
pub use product::{LowStock, Product, ProductProblem};
pub use shares::{ShareError, shares};
pub use sku::{InvalidSku, Sku};
pub use stock::{FullLevel, MAX_ON_HAND, Stock};
pub use versions::{PriceVersion, RecordRev, SourceSeq, StockVersion};
