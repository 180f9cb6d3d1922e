//! Cases from the peers' own documentation and tests: the same basket and the same promotion, the policies set to agree with the
//! peer, and what the peer says that it takes off. Only facts are taken over, inputs and results; each names where it stands.
//! Where an engine cannot be matched, its file says why. docs/promotions.md has the table of what to set.

#[path = "../shop/mod.rs"]
mod shop;

mod case;
mod commercetools;
mod magento;
mod medusa;
mod oscar;
mod saleor;
mod shopify;
mod solidus;
mod spree;
mod sylius;
mod talon_one;
mod vendure;
